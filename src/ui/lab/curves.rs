//! Curves and points over two axes, in SVG.
//!
//! The one rule is that of the bars: colour is never all that tells two of them apart. Lines are dashed each in their way,
//! points have forms of their own.

use std::fmt::Write;

use super::plot::{COLOURS, escaped, nice, short, text};

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
    points: Vec<(f64, f64)>,
    joined: bool,
}

impl Curve {
    /// Joined.
    pub(super) fn line(name: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        let (name, joined) = (name.into(), true);
        Self {
            name,
            points,
            joined,
        }
    }

    /// Each by itself.
    pub(super) fn points(name: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        let joined = false;
        Self {
            joined,
            ..Self::line(name, points)
        }
    }
}

/// Draws them; both axes begin at 0.
pub(super) fn curves(title: &str, axes: [&str; 2], all: &[Curve]) -> String {
    let most = |of: fn(&(f64, f64)) -> f64| {
        let points = all.iter().flat_map(|curve| &curve.points);
        nice(points.map(of).fold(f64::MIN_POSITIVE, f64::max))
    };
    let (right, top) = (most(|point| point.0), most(|point| point.1));
    let floor = TOP + SIZE.1;
    let place = |(x, y): (f64, f64)| (LEFT + x / right * SIZE.0, floor - y / top * SIZE.1);
    let (width, height) = (
        LEFT + SIZE.0 + 30.0,
        floor + FOOT + LEGEND * all.len() as f64,
    );
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"14\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    let middle = LEFT + SIZE.0 / 2.0;
    text(
        &mut out,
        (middle, 20.0),
        "middle",
        "font-size=\"18\"",
        &escaped(title),
    );
    text(&mut out, (LEFT, TOP - 10.0), "start", "", &escaped(axes[1]));
    text(
        &mut out,
        (middle, floor + 40.0),
        "middle",
        "",
        &escaped(axes[0]),
    );
    for part in 0..=4 {
        let share = f64::from(part) / 4.0;
        let (x, y) = place((right * share, top * share));
        let _ = writeln!(
            out,
            "<line x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{:.1}\" y2=\"{y:.1}\" stroke=\"#ddd\"/>",
            LEFT + SIZE.0
        );
        text(
            &mut out,
            (LEFT - 6.0, y + 5.0),
            "end",
            "font-size=\"12\"",
            &short(top * share),
        );
        text(
            &mut out,
            (x, floor + 18.0),
            "middle",
            "font-size=\"12\"",
            &short(right * share),
        );
    }
    for (number, curve) in all.iter().enumerate() {
        let points: Vec<_> = curve.points.iter().map(|point| place(*point)).collect();
        draw(&mut out, curve.joined, &points, number);
        let y = floor + FOOT + LEGEND * number as f64;
        draw(
            &mut out,
            curve.joined,
            &[(LEFT, y), (LEFT + 40.0, y)],
            number,
        );
        text(
            &mut out,
            (LEFT + 52.0, y + 5.0),
            "start",
            "",
            &escaped(&curve.name),
        );
    }
    out.push_str("</svg>\n");
    out
}

fn draw(out: &mut String, joined: bool, points: &[(f64, f64)], number: usize) {
    let colour = COLOURS[number % COLOURS.len()];
    if joined {
        let path: Vec<String> = points
            .iter()
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect();
        let _ = writeln!(
            out,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{} 3\"/>",
            path.join(" "),
            // Nothing is dashed like another.
            12 * (number + 1)
        );
        return;
    }
    for (x, y) in points {
        let _ = match number % 3 {
            0 => writeln!(
                out,
                "<path d=\"M{x:.1} {:.1}l5 9h-10z\" fill=\"{colour}\"/>",
                y - 5.0
            ),
            1 => writeln!(
                out,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4.5\" fill=\"{colour}\"/>"
            ),
            _ => writeln!(
                out,
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"8\" height=\"8\" fill=\"{colour}\"/>",
                x - 4.0,
                y - 4.0
            ),
        };
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
        let svg = curves("t", ["x", "y"], &drawn);
        assert!(svg.contains("a&lt;b") && svg.contains("c&amp;d"));
        assert!(svg.ends_with("</svg>\n") && !svg.contains("NaN") && !svg.contains("inf"));
        assert_eq!(
            svg.matches("<circle").count(),
            4,
            "two, and two in the legend"
        );
    }
}
