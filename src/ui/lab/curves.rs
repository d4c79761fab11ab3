//! Curves and points over two axes.
//!
//! The one rule is that of the bars: colour is never all that tells two of them apart. Lines are dashed each in their way,
//! points have forms of their own.

use super::picture::{Anchor, Colour, Form, Picture, Point, Size};
use super::plot::{PARTS, nice, short};

const SIZE: (f64, f64) = (560.0, 360.0);
const LEFT: f64 = 70.0;
const TOP: f64 = 50.0;
/// Below the axis: its name, and a line for each curve's.
const FOOT: f64 = 56.0;
const LEGEND: f64 = 20.0;

/// Some points, joined or not.
#[derive(Clone, Debug)]
pub(super) struct Curve {
    name: String,
    points: Vec<Point>,
    joined: bool,
}

impl Curve {
    /// Joined.
    pub(super) fn line(name: impl Into<String>, points: Vec<Point>) -> Self {
        let (name, joined) = (name.into(), true);
        Self {
            name,
            points,
            joined,
        }
    }

    /// Each by itself.
    pub(super) fn points(name: impl Into<String>, points: Vec<Point>) -> Self {
        let joined = false;
        Self {
            joined,
            ..Self::line(name, points)
        }
    }
}

/// Draws them; both axes begin at 0.
pub(super) fn curves(title: &str, axes: [&str; 2], all: &[Curve]) -> Picture {
    let most = |of: fn(&Point) -> f64| {
        let points = all.iter().flat_map(|curve| &curve.points);
        nice(points.map(of).fold(f64::MIN_POSITIVE, f64::max))
    };
    let (right, top) = (most(|point| point.0), most(|point| point.1));
    let floor = TOP + SIZE.1;
    let place = |(x, y): Point| (LEFT + x / right * SIZE.0, floor - y / top * SIZE.1);
    let height = floor + FOOT + LEGEND * all.len() as f64;
    let mut picture = Picture::new(LEFT + SIZE.0 + 30.0, height);
    let middle = LEFT + SIZE.0 / 2.0;
    picture.text((middle, 20.0), Anchor::Middle, Size::Title, title);
    picture.text((LEFT, TOP - 10.0), Anchor::Start, Size::Normal, axes[1]);
    picture.text(
        (middle, floor + 40.0),
        Anchor::Middle,
        Size::Normal,
        axes[0],
    );
    for part in 0..=PARTS {
        let share = f64::from(part) / f64::from(PARTS);
        let (x, y) = place((right * share, top * share));
        picture.rule((LEFT, y), (LEFT + SIZE.0, y), Colour::PALE);
        picture.text(
            (LEFT - 6.0, y + 5.0),
            Anchor::End,
            Size::Small,
            short(top * share),
        );
        picture.text(
            (x, floor + 18.0),
            Anchor::Middle,
            Size::Small,
            short(right * share),
        );
    }
    for (number, curve) in all.iter().enumerate() {
        let y = floor + FOOT + LEGEND * number as f64;
        let points = curve.points.iter().map(|point| place(*point)).collect();
        curve.draw(&mut picture, points, number);
        curve.draw(&mut picture, vec![(LEFT, y), (LEFT + 40.0, y)], number);
        let name = curve.name.as_str();
        picture.text((LEFT + 52.0, y + 5.0), Anchor::Start, Size::Normal, name);
    }
    picture
}

impl Curve {
    /// Draws these points as this curve's, which is one of several.
    fn draw(&self, picture: &mut Picture, points: Vec<Point>, number: usize) {
        let colour = Colour::of(number);
        if self.joined {
            // Nothing is dashed like another.
            let dash = 12.0 * (number + 1) as f64;
            return picture.dashed(points, dash, colour);
        }
        let form = match number % 3 {
            0 => Form::Triangle,
            1 => Form::Disc,
            _ => Form::Square,
        };
        for point in points {
            picture.mark(point, form, colour);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_lies_on_the_paper_and_no_name_is_markup() {
        let points = vec![(1.0, 3.0), (35.0, 350.0)];
        let drawn = [
            Curve::line("a<b", points.clone()),
            Curve::points("c&d", points),
        ];
        let svg = curves("t", ["x", "y"], &drawn).svg();
        assert!(svg.contains("a&lt;b") && svg.contains("c&amp;d"));
        assert!(svg.ends_with("</svg>\n") && !svg.contains("NaN") && !svg.contains("inf"));
        assert_eq!(
            svg.matches("<circle").count(),
            4,
            "two, and two in the legend"
        );
    }
}
