//! A comparison as a picture: three panels of bars, one bar a strategy, in SVG.
//!
//! The one rule: no bar is told from another by its colour alone; each has its name below and its figure above. Colours are
//! those of Okabe and Ito, which all eyes can tell apart.

use std::fmt::Write;

use super::report::{Report, Row};

const COLOURS: [&str; 6] = [
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9",
];

const PANEL: (f64, f64) = (300.0, 260.0);
const MARGIN: f64 = 64.0;
const TOP: f64 = 70.0;

/// A panel: its title with the unit, the figure of a row, and whether its axis is logarithmic.
struct Panel {
    title: &'static str,
    figure: fn(&Row) -> Option<f64>,
    logarithmic: bool,
}

const PANELS: [Panel; 3] = [
    Panel {
        title: "queries answered (%)",
        figure: |row| Some(row.success * 100.0),
        logarithmic: false,
    },
    Panel {
        title: "messages per query (log scale)",
        figure: |row| Some(row.messages_per_query),
        logarithmic: true,
    },
    Panel {
        title: "hops to the first hit (links)",
        figure: |row| row.hops_first_hit_mean,
        logarithmic: false,
    },
];

/// Draws it.
pub(super) fn svg(report: &Report<'_>) -> String {
    let width = PANELS.len() as f64 * (PANEL.0 + MARGIN) + MARGIN;
    let height = PANEL.1 + TOP + 60.0;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"14\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    let title = format!("{}, {} servents", escaped(&report.topology), report.nodes);
    text(
        &mut out,
        (width / 2.0, 28.0),
        "middle",
        "font-size=\"18\"",
        &title,
    );
    for (number, panel) in PANELS.iter().enumerate() {
        let left = MARGIN + number as f64 * (PANEL.0 + MARGIN);
        draw(&mut out, panel, &report.rows, left);
    }
    out.push_str("</svg>\n");
    out
}

fn draw(out: &mut String, panel: &Panel, rows: &[Row], left: f64) {
    let figures: Vec<Option<f64>> = rows.iter().map(panel.figure).collect();
    let most = figures.iter().flatten().copied().fold(1.0, f64::max);
    let top = if panel.logarithmic {
        10_f64.powf(most.log10().ceil().max(1.0))
    } else {
        nice(most)
    };
    let share = |figure: f64| {
        if panel.logarithmic {
            figure.max(1.0).log10() / top.log10()
        } else {
            figure / top
        }
    };
    let floor = TOP + PANEL.1;
    text(
        out,
        (left + PANEL.0 / 2.0, TOP - 14.0),
        "middle",
        "",
        panel.title,
    );
    let ticks: Vec<f64> = if panel.logarithmic {
        (0..=top.log10().round() as i32)
            .map(|power| 10_f64.powi(power))
            .collect()
    } else {
        (0..=4).map(|part| top * f64::from(part) / 4.0).collect()
    };
    for tick in ticks {
        let y = floor - share(tick) * PANEL.1;
        let right = left + PANEL.0;
        let _ = writeln!(
            out,
            "<line x1=\"{left}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\" stroke=\"#ddd\"/>"
        );
        text(
            out,
            (left - 6.0, y + 5.0),
            "end",
            "font-size=\"12\"",
            &short(tick),
        );
    }
    let step = PANEL.0 / rows.len().max(1) as f64;
    for (number, (row, figure)) in rows.iter().zip(figures).enumerate() {
        let x = left + step * (number as f64 + 0.5);
        text(out, (x, floor + 20.0), "middle", "", &escaped(row.strategy));
        let Some(figure) = figure else {
            text(out, (x, floor - 6.0), "middle", "", "none");
            continue;
        };
        let high = share(figure) * PANEL.1;
        let (y, bar, colour) = (floor - high, step * 0.6, COLOURS[number % COLOURS.len()]);
        let _ = writeln!(
            out,
            "<rect x=\"{:.1}\" y=\"{y:.1}\" width=\"{bar:.1}\" height=\"{high:.1}\" fill=\"{colour}\"/>",
            x - bar / 2.0
        );
        text(
            out,
            (x, y - 5.0),
            "middle",
            "font-size=\"12\"",
            &short(figure),
        );
    }
    let _ = writeln!(
        out,
        "<line x1=\"{left}\" y1=\"{floor}\" x2=\"{}\" y2=\"{floor}\" stroke=\"black\"/>",
        left + PANEL.0
    );
}

fn text(out: &mut String, (x, y): (f64, f64), anchor: &str, style: &str, text: &str) {
    let _ = writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" {style}>{text}</text>"
    );
}

/// The next of 1, 2, 5, 10, … that is not below.
fn nice(most: f64) -> f64 {
    let power = 10_f64.powf(most.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .map(|step| step * power)
        .into_iter()
        .find(|top| *top >= most)
        .unwrap_or(most)
}

fn short(figure: f64) -> String {
    match figure {
        large if large >= 1e6 => format!("{:.0}M", large / 1e6),
        large if large >= 1e4 => format!("{:.0}k", large / 1e3),
        whole if whole.fract() == 0.0 || whole >= 100.0 => format!("{whole:.0}"),
        small => format!("{small:.1}"),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace(char::is_control, " ")
}
