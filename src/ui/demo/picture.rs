//! The picture of a query that spreads: every servent a cell, with the number of links the query crossed to it.

use serde_json::json;

use super::watch::Sighting;
use crate::ui::render::{Line, Style, counted};
use crate::ui::screen::Screen;

/// Columns of a cell: `  12 3`, and one for a walk's third digit.
const CELL: usize = 8;

/// Cells of a row at most: more are hard to count.
const ROW: usize = 10;

/// Where a query has been.
#[derive(Debug)]
pub(super) struct Picture {
    asker: usize,
    /// For each servent the fewest links by which the query came to it.
    hops: Vec<Option<u8>>,
    /// Queries that came, by the links they had crossed.
    came: Vec<usize>,
    /// Up to how many links are shown.
    shown: usize,
}

impl Picture {
    /// Of `nodes` servents, of which `asker` asks.
    pub(super) fn new(asker: usize, nodes: usize) -> Self {
        Self {
            asker,
            hops: vec![None; nodes],
            came: vec![0; usize::from(u8::MAX) + 1],
            shown: 0,
        }
    }

    /// Notes that the query came to a servent.
    pub(super) fn note(&mut self, sighting: &Sighting) {
        self.came[usize::from(sighting.hops)] += 1;
        let hops = &mut self.hops[sighting.node];
        *hops = Some(hops.map_or(sighting.hops, |before| before.min(sighting.hops)));
    }

    /// Shows a link more; false when there is nothing more to show yet.
    pub(super) fn step(&mut self) -> bool {
        let onward = self.came[self.shown + 1..].iter().any(|came| *came > 0);
        self.shown += usize::from(onward);
        onward
    }

    /// What is to be drawn on a terminal of this width.
    pub(super) fn frame(&self, width: usize) -> Vec<Line> {
        let messages: usize = self.came[..=self.shown].iter().sum();
        let reached = self.cells().filter(|links| links.is_some()).count();
        let mut lines = vec![Line::styled(
            Style::Bold,
            format!(
                "{} crossed, {reached} of {} servents reached, {} sent",
                counted(self.shown as u64, "link"),
                self.hops.len() - 1,
                counted(messages as u64, "query"),
            ),
        )];
        let cells: Vec<_> = self.cells().enumerate().collect();
        for row in cells.chunks((width / CELL).clamp(1, ROW)) {
            let mut line = Line::default();
            for (node, links) in row {
                let number = format!("{:>4} ", node + 1);
                line = match links {
                    _ if *node == self.asker => line.and(Style::Bold, number + "@  "),
                    None => line.and(Style::Dim, number + "·  "),
                    Some(links) => {
                        let new = usize::from(*links) == self.shown;
                        let style = if new { Style::Good } else { Style::Plain };
                        line.and(style, format!("{number}{links:<3}"))
                    }
                };
            }
            lines.push(line);
        }
        lines
    }

    /// Tells the same in lines, a step each.
    pub(super) fn tell(&self, screen: &Screen) {
        for (links, came) in self.came.iter().enumerate().filter(|(_, came)| **came > 0) {
            let new = |hops: &Option<u8>| hops.is_some_and(|hops| usize::from(hops) == links);
            let new = self
                .hops
                .iter()
                .enumerate()
                .filter(|(node, hops)| *node != self.asker && new(hops));
            let new: Vec<usize> = new.map(|(node, _)| node + 1).collect();
            if screen.json {
                screen.json(&json!({ "links": links, "queries": came, "servents": new }));
                continue;
            }
            let names: Vec<_> = new.iter().map(ToString::to_string).collect();
            screen.data(format!(
                "{links:>3}  {} to {}: {}",
                counted(*came as u64, "query"),
                counted(new.len() as u64, "new servent"),
                names.join(" ")
            ));
        }
    }

    /// The links to each servent but the asker, as far as they are shown.
    fn cells(&self) -> impl Iterator<Item = Option<u8>> {
        self.hops.iter().enumerate().map(|(node, hops)| {
            hops.filter(|hops| node != self.asker && usize::from(*hops) <= self.shown)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_shown_link_by_link() {
        let mut picture = Picture::new(0, 4);
        assert!(!picture.step(), "nothing came yet");
        // A ring of four: both ways meet at servent 3, whose second query is a repetition.
        for (node, hops) in [(1, 1), (3, 1), (2, 2), (2, 2)] {
            picture.note(&Sighting { node, hops });
        }
        let text = |picture: &Picture| {
            let lines = picture.frame(80);
            lines
                .iter()
                .map(|line| line.to_text(false))
                .collect::<Vec<_>>()
        };
        assert_eq!(text(&picture)[1], "   1 @     2 ·     3 ·     4 ·  ");
        assert!(picture.step());
        assert_eq!(
            text(&picture)[0],
            "1 link crossed, 2 of 3 servents reached, 2 queries sent"
        );
        assert_eq!(text(&picture)[1], "   1 @     2 1     3 ·     4 1  ");
        assert!(picture.step());
        assert_eq!(
            text(&picture)[0],
            "2 links crossed, 3 of 3 servents reached, 4 queries sent"
        );
        assert!(!picture.step(), "that was all");
        assert_eq!(picture.frame(10).len(), 5, "narrow: a cell a row");
    }
}
