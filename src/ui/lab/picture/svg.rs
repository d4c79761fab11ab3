//! A picture as SVG 1.1.

use std::fmt::Write;

use super::{Anchor, Colour, Form, GAP, Picture, REACH, Shape, Size};

/// The picture.
pub(super) fn write(picture: &Picture) -> String {
    let Picture {
        width,
        height,
        shapes,
    } = picture;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"14\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    for shape in shapes {
        out += &element(shape);
        out.push('\n');
    }
    out + "</svg>\n"
}

fn element(shape: &Shape) -> String {
    match shape {
        Shape::Bar {
            corner: (x, y),
            size: (width, height),
            colour,
        } => format!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{}\"/>",
            hex(*colour)
        ),
        Shape::Line {
            points,
            colour,
            width,
            dash,
        } => {
            let mut through = String::new();
            for (x, y) in points {
                let _ = write!(through, "{x:.1},{y:.1} ");
            }
            let dash = dash.map(|dash| format!(" stroke-dasharray=\"{dash} {GAP}\""));
            format!(
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{width}\"{}/>",
                through.trim_end(),
                hex(*colour),
                dash.unwrap_or_default()
            )
        }
        Shape::Mark {
            at: (x, y),
            form,
            colour,
        } => {
            let (fill, size) = (hex(*colour), 2.0 * REACH);
            let (left, top) = (x - REACH, y - REACH);
            match form {
                Form::Triangle => {
                    format!(
                        "<path d=\"M{x:.1} {top:.1}l{REACH} {size}h-{size}z\" fill=\"{fill}\"/>"
                    )
                }
                Form::Disc => {
                    format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{REACH}\" fill=\"{fill}\"/>")
                }
                Form::Square => format!(
                    "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{size}\" height=\"{size}\" fill=\"{fill}\"/>"
                ),
            }
        }
        Shape::Text {
            at: (x, y),
            anchor,
            size,
            text,
        } => format!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{}\"{}>{}</text>",
            match anchor {
                Anchor::Start => "start",
                Anchor::Middle => "middle",
                Anchor::End => "end",
            },
            match size {
                Size::Small => " font-size=\"12\"",
                Size::Normal => "",
                Size::Title => " font-size=\"18\"",
            },
            escaped(text)
        ),
    }
}

fn hex(Colour(red, green, blue): Colour) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::super::tests::sample;

    #[test]
    fn no_text_is_markup_and_every_shape_is_there() {
        let svg = sample().svg();
        assert!(svg.contains(">a&lt;b &amp;c</text>"), "{svg}");
        for (element, count) in [("<rect", 3), ("<polyline", 2), ("<circle", 1), ("<path", 1)] {
            assert_eq!(svg.matches(element).count(), count, "{element} in {svg}");
        }
        assert!(svg.ends_with("</svg>\n"));
    }
}
