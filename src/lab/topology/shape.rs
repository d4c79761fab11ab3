//! What a graph looks like from far away: degrees, and how long its ways are.

use super::Graph;
use crate::rng::Rng;

/// Figures of a connected graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// The fewest links of a node, and the most.
    pub degrees: (usize, usize),
    /// Links between two nodes, on average over the ways that were measured.
    pub mean_path: f64,
    /// By the number of links: the part of all ways that is no longer.
    pub within: Vec<f64>,
    /// From how many nodes ways were measured; all of them where the graph is small.
    pub sources: usize,
}

impl Shape {
    /// Measures a connected graph, from all nodes or from some that are drawn.
    pub fn of(graph: &Graph, rng: &mut Rng) -> Self {
        let neighbours = graph.neighbours();
        let mut nodes: Vec<u32> = (0..graph.nodes() as u32).collect();
        let degrees = nodes.iter().map(|node| neighbours.of(*node).len());
        let degrees = degrees.fold((usize::MAX, 0), |(least, most), degree| {
            (least.min(degree), most.max(degree))
        });
        // As many sources as a second allows.
        let sources = (WORK / (graph.nodes() + graph.edges().len()).max(1)).clamp(1, nodes.len());
        rng.shuffle(&mut nodes);
        let mut at: Vec<u64> = Vec::new();
        for source in &nodes[..sources] {
            for distance in neighbours.distances(*source) {
                let distance = distance as usize;
                if at.len() <= distance {
                    at.resize(distance + 1, 0);
                }
                at[distance] += 1;
            }
        }
        // Nobody has a way to himself.
        at[0] = 0;
        let ways: u64 = at.iter().sum();
        let links: u64 = { 0.. }.zip(&at).map(|(links, ways)| links * ways).sum();
        let within = at.iter().scan(0, |sum, ways| {
            *sum += ways;
            Some(*sum)
        });
        let part = |count: u64| count as f64 / ways.max(1) as f64;
        Self {
            degrees,
            mean_path: part(links),
            within: within.map(part).collect(),
            sources,
        }
    }

    /// Links of the longest way that was measured: the diameter where all were.
    pub const fn longest(&self) -> usize {
        self.within.len() - 1
    }
}

/// Nodes and links that are looked at.
const WORK: usize = 50_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::topology::Kind;

    #[test]
    fn ways_are_as_long_as_they_are() {
        for (kind, degrees, mean_path, longest) in [
            (Kind::Full, (10, 10), 1.0, 1),
            (Kind::Star, (1, 10), 2.0 - 2.0 / 11.0, 2),
            // A third more than the number of nodes, by three.
            (Kind::Line, (1, 2), 4.0, 10),
            (Kind::Ring, (2, 2), 3.0, 5),
        ] {
            let graph = kind.draw(11, 2.0, &mut Rng::seeded(1)).expect("possible");
            let shape = Shape::of(&graph, &mut Rng::seeded(1));
            assert_eq!(
                (shape.degrees, shape.longest()),
                (degrees, longest),
                "{kind}"
            );
            assert!(
                (shape.mean_path - mean_path).abs() < 1e-9,
                "{kind}: {shape:?}"
            );
            assert_eq!((shape.sources, shape.within.last()), (11, Some(&1.0)));
        }
    }
}
