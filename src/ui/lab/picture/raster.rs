//! A picture as pixels.
//!
//! Each shape says how much of a pixel it covers, by how far the pixel's middle lies inside its edge; so edges are smooth.
//! Letters are Noto Sans Mono's, drawn before at three sizes.

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

use super::{Anchor, Colour, Form, GAP, Picture, Point, REACH, Shape, Size};

/// Pixels for a unit of length: with these the letters have just the sizes they are to have.
const SCALE: f64 = 1.25;

/// Rows of pixels, three bytes each.
#[derive(Clone, Debug)]
pub(super) struct Raster {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) pixels: Vec<u8>,
}

/// Paints a picture.
pub(super) fn paint(picture: &Picture) -> Raster {
    let pixels = |length: f64| (length * SCALE).ceil().max(1.0) as usize;
    let (width, height) = (pixels(picture.width), pixels(picture.height));
    let mut raster = Raster {
        width,
        height,
        pixels: vec![u8::MAX; width * height * 3],
    };
    picture.shapes.iter().for_each(|shape| raster.shape(shape));
    raster
}

impl Raster {
    fn shape(&mut self, shape: &Shape) {
        match shape {
            Shape::Bar {
                corner,
                size,
                colour,
            } => {
                let (from, to) = (*corner, (corner.0 + size.0, corner.1 + size.1));
                self.fill(from, to, *colour, |at| within(at, from, to));
            }
            Shape::Line {
                points,
                colour,
                width,
                dash,
            } => {
                for (from, to) in strokes(points, *dash) {
                    self.stroke(from, to, *width, *colour);
                }
            }
            Shape::Mark { at, form, colour } => self.mark(*at, *form, *colour),
            Shape::Text {
                at,
                anchor,
                size,
                text,
            } => self.text(*at, *anchor, *size, text),
        }
    }

    fn stroke(&mut self, from: Point, to: Point, width: f64, colour: Colour) {
        let half = width / 2.0;
        let low = (from.0.min(to.0) - half, from.1.min(to.1) - half);
        let high = (from.0.max(to.0) + half, from.1.max(to.1) + half);
        self.fill(low, high, colour, |at| half - distance(at, from, to));
    }

    fn mark(&mut self, at: Point, form: Form, colour: Colour) {
        let from = (at.0 - REACH, at.1 - REACH);
        let to = (at.0 + REACH, at.1 + REACH);
        self.fill(from, to, colour, |pixel| match form {
            Form::Square => within(pixel, from, to),
            Form::Disc => REACH - distance(pixel, at, at),
            Form::Triangle => {
                // Two sides that meet above the middle, and the foot.
                let side = (pixel.1 - from.1) / 2.0 - (pixel.0 - at.0).abs();
                (side * SIDE).min(to.1 - pixel.1)
            }
        });
    }

    fn text(&mut self, at: Point, anchor: Anchor, size: Size, text: &str) {
        let size = match size {
            Size::Small => RasterHeight::Size20,
            Size::Normal => RasterHeight::Size24,
            Size::Title => RasterHeight::Size32,
        };
        let advance = get_raster_width(FontWeight::Regular, size);
        let length = (advance * text.chars().count()) as f64;
        let before = match anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => length / 2.0,
            Anchor::End => length,
        };
        let left = (at.0 * SCALE - before).round() as i64;
        let top = (at.1 * SCALE - size.val() as f64 * BASELINE).round() as i64;
        for (number, letter) in text.chars().enumerate() {
            let raster = get_raster(letter, FontWeight::Regular, size)
                .or_else(|| get_raster('?', FontWeight::Regular, size));
            let rows = raster.iter().flat_map(|raster| raster.rows()).zip(top..);
            for (row, y) in rows {
                for (ink, x) in row.iter().zip(left + (number * advance) as i64..) {
                    self.blend(x, y, Colour::BLACK, f64::from(*ink) / 255.0);
                }
            }
        }
    }

    /// Colours the pixels between two corners, each by how deep inside its middle lies; half a pixel deep is all.
    fn fill(&mut self, from: Point, to: Point, colour: Colour, depth: impl Fn(Point) -> f64) {
        let pixels = |low: f64, high: f64| (low * SCALE) as i64 - 1..=(high * SCALE) as i64 + 1;
        for y in pixels(from.1, to.1) {
            for x in pixels(from.0, to.0) {
                let middle = |pixel: i64| (pixel as f64 + 0.5) / SCALE;
                let cover = depth((middle(x), middle(y))) * SCALE + 0.5;
                self.blend(x, y, colour, cover.clamp(0.0, 1.0));
            }
        }
    }

    /// Lays so much of a colour over a pixel, if there is such a pixel.
    fn blend(&mut self, x: i64, y: i64, Colour(red, green, blue): Colour, cover: f64) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else {
            return;
        };
        if x >= self.width || y >= self.height {
            return;
        }
        let at = (y * self.width + x) * 3;
        for (pixel, colour) in self.pixels[at..at + 3].iter_mut().zip([red, green, blue]) {
            let (old, new) = (f64::from(*pixel), f64::from(colour));
            *pixel = (old + (new - old) * cover).round() as u8;
        }
    }
}

/// The strokes of a line: its pieces, or the dashes of these.
fn strokes(points: &[Point], dash: Option<f64>) -> Vec<(Point, Point)> {
    let mut strokes = Vec::new();
    // How far into a dash and its gap the line is.
    let mut into = 0.0;
    for (from, to) in points.iter().zip(points.iter().skip(1)) {
        let length = (to.0 - from.0).hypot(to.1 - from.1);
        let Some(dash) = dash.filter(|_| length > 0.0) else {
            strokes.push((*from, *to));
            continue;
        };
        let place = |done: f64| {
            let part = done / length;
            (
                from.0 + (to.0 - from.0) * part,
                from.1 + (to.1 - from.1) * part,
            )
        };
        let mut done = 0.0;
        while done < length {
            let drawn = into < dash;
            let left = if drawn {
                dash - into
            } else {
                dash + GAP - into
            };
            let end = (done + left).min(length);
            if drawn {
                strokes.push((place(done), place(end)));
            }
            into = (into + end - done) % (dash + GAP);
            // What is left of a dash by rounding would never end.
            done = if end > done { end } else { length };
        }
    }
    strokes
}

/// How deep a point lies in a rectangle.
fn within(at: Point, from: Point, to: Point) -> f64 {
    let across = (at.0 - from.0).min(to.0 - at.0);
    across.min(at.1 - from.1).min(to.1 - at.1)
}

/// How far a point lies from a line between two others.
fn distance(at: Point, from: Point, to: Point) -> f64 {
    let (x, y) = (to.0 - from.0, to.1 - from.1);
    let length = x * x + y * y;
    let along = (at.0 - from.0) * x + (at.1 - from.1) * y;
    let part = if length > 0.0 {
        (along / length).clamp(0.0, 1.0)
    } else {
        0.0
    };
    (at.0 - from.0 - x * part).hypot(at.1 - from.1 - y * part)
}

/// The sides of the triangle are twice as high as wide: a step across is this much nearer to the edge.
const SIDE: f64 = 0.894;

/// The part of a letter's height that lies above the baseline.
const BASELINE: f64 = 0.77;

#[cfg(test)]
mod tests {
    use super::super::tests::sample;
    use super::*;

    fn pixel(raster: &Raster, (x, y): Point) -> [u8; 3] {
        let at = ((y * SCALE) as usize * raster.width + (x * SCALE) as usize) * 3;
        raster.pixels[at..at + 3].try_into().expect("three bytes")
    }

    #[test]
    fn shapes_are_where_they_belong() {
        let raster = paint(&sample());
        assert_eq!((raster.width, raster.height), (100, 50));
        let white = [255; 3];
        assert_eq!(pixel(&raster, (16.0, 16.0)), [0x00, 0x72, 0xb2], "a bar");
        assert_eq!(pixel(&raster, (28.0, 16.0)), white, "beside it");
        assert_eq!(pixel(&raster, (50.0, 10.0)), [0x00, 0x9e, 0x73], "a disc");
        assert_eq!(
            pixel(&raster, (60.0, 12.0)),
            [0xcc, 0x79, 0xa7],
            "a triangle"
        );
        assert_eq!(pixel(&raster, (56.5, 7.0)), white, "beside its top");
        assert_eq!(pixel(&raster, (70.0, 10.0)), [0xd5, 0x5e, 0x00], "a square");
        assert!(pixel(&raster, (36.0, 20.0)) != white, "a dash");
        assert_eq!(pixel(&raster, (43.5, 20.0)), white, "a gap");
        let below = &raster.pixels[34 * raster.width * 3..];
        assert!(below.iter().any(|ink| *ink < 64), "letters");
    }

    #[test]
    fn dashes_go_round_corners_and_end() {
        let dashes = strokes(&[(0.0, 0.0), (10.0, 0.0), (10.0, 10.0)], Some(12.0));
        let length = |stroke: &(Point, Point)| distance(stroke.0, stroke.1, stroke.1);
        let drawn: f64 = dashes.iter().map(length).sum();
        assert!((drawn - 17.0).abs() < 1e-9, "{dashes:?}");
        assert_eq!(strokes(&[(1.0, 1.0), (1.0, 1.0)], Some(5.0)).len(), 1);
    }

    #[test]
    fn nothing_is_drawn_beyond_the_sheet() {
        let mut picture = Picture::new(10.0, 10.0);
        picture.bar((-50.0, -50.0), (100.0, 100.0), Colour::BLACK);
        picture.text((-5.0, 200.0), Anchor::End, Size::Title, "words \u{1f408}");
        assert!(paint(&picture).pixels.iter().all(|ink| *ink == 0));
    }
}
