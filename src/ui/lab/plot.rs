//! A comparison as a picture: three panels of bars, one bar a strategy.
//!
//! The one rule: no bar is told from another by its colour alone; each has its name below and its figure above.

use super::picture::{Anchor, Colour, Picture, Size};
use super::report::{Report, Row};

const PANEL: (f64, f64) = (300.0, 260.0);
const MARGIN: f64 = 64.0;
const TOP: f64 = 78.0;

/// Parts of an axis that ends at 1, 2, 5 or 10: each is a short number.
pub(super) const PARTS: u32 = 5;

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
pub(super) fn plot(report: &Report<'_>) -> Picture {
    let width = PANELS.len() as f64 * (PANEL.0 + MARGIN) + MARGIN;
    let mut picture = Picture::new(width, PANEL.1 + TOP + 60.0);
    let title = format!("{}, {} servents", report.topology, report.nodes());
    picture.text((width / 2.0, 28.0), Anchor::Middle, Size::Title, title);
    for (number, panel) in PANELS.iter().enumerate() {
        let left = MARGIN + number as f64 * (PANEL.0 + MARGIN);
        panel.draw(&mut picture, &report.rows, left);
    }
    picture
}

impl Panel {
    fn draw(&self, picture: &mut Picture, rows: &[Row], left: f64) {
        let figures: Vec<Option<f64>> = rows.iter().map(self.figure).collect();
        let most = figures.iter().flatten().copied().fold(1.0, f64::max);
        let top = self.top(most);
        let (floor, right) = (TOP + PANEL.1, left + PANEL.0);
        let middle = left + PANEL.0 / 2.0;
        picture.text(
            (middle, TOP - 24.0),
            Anchor::Middle,
            Size::Normal,
            self.title,
        );
        for tick in self.ticks(top) {
            let y = floor - self.share(tick, top) * PANEL.1;
            picture.rule((left, y), (right, y), Colour::PALE);
            picture.text((left - 6.0, y + 5.0), Anchor::End, Size::Small, short(tick));
        }
        let step = PANEL.0 / rows.len().max(1) as f64;
        for (number, (row, figure)) in rows.iter().zip(figures).enumerate() {
            let x = left + step * (number as f64 + 0.5);
            picture.text(
                (x, floor + 20.0),
                Anchor::Middle,
                Size::Normal,
                row.strategy,
            );
            let Some(figure) = figure else {
                picture.text((x, floor - 6.0), Anchor::Middle, Size::Normal, "none");
                continue;
            };
            let high = self.share(figure, top) * PANEL.1;
            let (y, bar) = (floor - high, step * 0.6);
            picture.bar((x - bar / 2.0, y), (bar, high), Colour::of(number));
            picture.text((x, y - 5.0), Anchor::Middle, Size::Small, short(figure));
        }
        picture.rule((left, floor), (right, floor), Colour::BLACK);
    }

    /// Where the axis ends above the largest figure.
    fn top(&self, most: f64) -> f64 {
        match self.logarithmic {
            true => 10_f64.powf(most.log10().ceil().max(1.0)),
            false => nice(most),
        }
    }

    /// How high a figure stands, as a part of the axis.
    fn share(&self, figure: f64, top: f64) -> f64 {
        match self.logarithmic {
            true => figure.max(1.0).log10() / top.log10(),
            false => figure / top,
        }
    }

    fn ticks(&self, top: f64) -> Vec<f64> {
        match self.logarithmic {
            true => { 0..=top.log10().round() as i32 }
                .map(|power| 10_f64.powi(power))
                .collect(),
            false => (0..=PARTS)
                .map(|part| top * f64::from(part) / f64::from(PARTS))
                .collect(),
        }
    }
}

/// The next of 1, 2, 5, 10, … that is not below.
pub(super) fn nice(most: f64) -> f64 {
    let power = 10_f64.powf(most.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .map(|step| step * power)
        .into_iter()
        .find(|top| *top >= most)
        .unwrap_or(most)
}

pub(super) fn short(figure: f64) -> String {
    match figure {
        large if large >= 1e6 => format!("{:.0}M", large / 1e6),
        large if large >= 1e4 => format!("{:.0}k", large / 1e3),
        whole if whole.fract() == 0.0 || whole >= 100.0 => format!("{whole:.0}"),
        small => format!("{small:.1}"),
    }
}
