//! Pictures that experiments draw: a few shapes, written as SVG or PNG by the ending of the file's name.
//!
//! The one rule: both show the same. An SVG leaves its letters to whoever shows it; a PNG has them from this program, so
//! it looks the same everywhere.

mod png;
mod raster;
mod svg;

use std::path::PathBuf;
use std::str::FromStr;

use super::write;
use crate::ui::failure::Failure;

/// A point; x grows to the right, y downwards.
pub(super) type Point = (f64, f64);

/// A white sheet and what is drawn on it, one over the other.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    width: f64,
    height: f64,
    shapes: Vec<Shape>,
}

/// A colour, as its red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Colour(pub(super) u8, pub(super) u8, pub(super) u8);

impl Colour {
    pub(super) const BLACK: Self = Self(0, 0, 0);
    /// For lines that only guide the eye.
    pub(super) const PALE: Self = Self(0xdd, 0xdd, 0xdd);

    /// One of six that all eyes can tell apart (Okabe and Ito), and again from the first.
    pub(super) const fn of(number: usize) -> Self {
        const ALL: [Colour; 6] = [
            Colour(0x00, 0x72, 0xb2),
            Colour(0xe6, 0x9f, 0x00),
            Colour(0x00, 0x9e, 0x73),
            Colour(0xcc, 0x79, 0xa7),
            Colour(0xd5, 0x5e, 0x00),
            Colour(0x56, 0xb4, 0xe9),
        ];
        ALL[number % ALL.len()]
    }
}

/// How large letters are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    Small,
    Normal,
    Title,
}

/// Which end of a text stands at its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// The form of a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Triangle,
    Disc,
    Square,
}

#[derive(Clone, Debug)]
enum Shape {
    /// From corner to corner.
    Bar {
        corner: Point,
        size: Point,
        colour: Colour,
    },
    Line {
        points: Vec<Point>,
        colour: Colour,
        width: f64,
        /// Drawn so long, with short gaps between; without a gap where none.
        dash: Option<f64>,
    },
    Mark {
        at: Point,
        form: Form,
        colour: Colour,
    },
    Text {
        /// Where its baseline is.
        at: Point,
        anchor: Anchor,
        size: Size,
        text: String,
    },
}

/// The gap in a dashed line.
const GAP: f64 = 3.0;

/// Half the width of a mark.
const REACH: f64 = 4.5;

impl Picture {
    /// An empty sheet.
    pub(super) const fn new(width: f64, height: f64) -> Self {
        Self {
            width,
            height,
            shapes: Vec::new(),
        }
    }

    /// A filled rectangle from its upper left corner.
    pub(super) fn bar(&mut self, corner: Point, size: Point, colour: Colour) {
        let bar = Shape::Bar {
            corner,
            size,
            colour,
        };
        self.shapes.push(bar);
    }

    /// A thin line.
    pub(super) fn rule(&mut self, from: Point, to: Point, colour: Colour) {
        self.shapes.push(Shape::Line {
            points: vec![from, to],
            colour,
            width: 1.0,
            dash: None,
        });
    }

    /// A line through all these points, in dashes so long.
    pub(super) fn dashed(&mut self, points: Vec<Point>, dash: f64, colour: Colour) {
        self.shapes.push(Shape::Line {
            points,
            colour,
            width: 2.0,
            dash: Some(dash),
        });
    }

    /// A mark around a point.
    pub(super) fn mark(&mut self, at: Point, form: Form, colour: Colour) {
        self.shapes.push(Shape::Mark { at, form, colour });
    }

    /// A text whose baseline is at a point.
    pub(super) fn text(&mut self, at: Point, anchor: Anchor, size: Size, text: impl Into<String>) {
        let text = text.into().replace(char::is_control, " ");
        let text = Shape::Text {
            at,
            anchor,
            size,
            text,
        };
        self.shapes.push(text);
    }

    /// As SVG.
    pub(super) fn svg(&self) -> String {
        svg::write(self)
    }

    /// Puts it into a file, in the form that its name tells.
    pub(super) fn save(&self, file: &PictureFile) -> Result<(), Failure> {
        match file.form {
            Format::Svg => write(&file.path, self.svg()),
            Format::Png => write(&file.path, png::write(&raster::paint(self))),
        }
    }
}

/// A file for a picture, named by the user.
#[derive(Clone, Debug)]
pub(super) struct PictureFile {
    path: PathBuf,
    form: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Svg,
    Png,
}

impl FromStr for PictureFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = PathBuf::from(text);
        let is = |ending: &str| {
            path.extension()
                .is_some_and(|own| own.eq_ignore_ascii_case(ending))
        };
        let form = match (is("svg"), is("png")) {
            (true, _) => Format::Svg,
            (_, true) => Format::Png,
            _ => {
                return Err(format!(
                    "a picture is a file.svg or a file.png, not `{text}`"
                ));
            }
        };
        Ok(Self { path, form })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of each shape.
    pub(super) fn sample() -> Picture {
        let mut picture = Picture::new(80.0, 40.0);
        picture.bar((8.0, 8.0), (16.0, 16.0), Colour::of(0));
        picture.rule((0.0, 32.0), (80.0, 32.0), Colour::BLACK);
        picture.dashed(vec![(30.0, 20.0), (70.0, 20.0)], 12.0, Colour::of(1));
        picture.mark((50.0, 10.0), Form::Disc, Colour::of(2));
        picture.mark((60.0, 10.0), Form::Triangle, Colour::of(3));
        picture.mark((70.0, 10.0), Form::Square, Colour::of(4));
        picture.text((40.0, 38.0), Anchor::Middle, Size::Small, "a<b\u{7}&c");
        picture
    }

    #[test]
    fn the_name_of_a_file_tells_its_form() {
        for (name, form) in [
            ("a.svg", Some(Format::Svg)),
            ("b/c.PNG", Some(Format::Png)),
            ("a.jpg", None),
            ("svg", None),
            ("", None),
        ] {
            let file = name.parse::<PictureFile>().ok();
            assert_eq!(file.map(|file| file.form), form, "{name}");
        }
    }
}
