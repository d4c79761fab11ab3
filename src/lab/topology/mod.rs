//! Who is joined with whom: graphs to run networks on.
//!
//! [`Graph`] is the graph, [`Kind`] names a family of them and draws one, `generators` holds how. Graphs of the world come
//! from files: `import`; `export` puts one into a file.

mod export;
mod form;
mod generators;
mod import;
mod kind;
mod shape;

pub use export::save;
pub use import::{ImportError, read};
pub use kind::{Kind, TopologyError};
pub use shape::Shape;

/// An undirected graph without loops and double edges. Nodes are 0 to n-1, edges in the order they were laid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    nodes: usize,
    tiers: Tiers,
    edges: Vec<(u32, u32)>,
}

impl Graph {
    /// A graph of these edges; loops and repetitions are left out.
    ///
    /// # Panics
    /// When an edge names a node that is not below `nodes`.
    pub fn new(nodes: usize, edges: impl IntoIterator<Item = (u32, u32)>) -> Self {
        let mut edges: Vec<(u32, u32)> = edges
            .into_iter()
            .filter(|(a, b)| a != b)
            .map(|(a, b)| (a.min(b), a.max(b)))
            .collect();
        edges.sort_unstable();
        edges.dedup();
        assert!(edges.iter().all(|(_, far)| (*far as usize) < nodes));
        Self {
            nodes,
            tiers: Tiers::default(),
            edges,
        }
    }

    /// The same graph, all nodes but the first so many being leaves.
    pub(super) fn with_leaves(self, ultrapeers: usize) -> Self {
        Self {
            tiers: Tiers(Some(ultrapeers as u32)),
            ..self
        }
    }

    /// Whether there are leaves in it.
    pub const fn has_leaves(&self) -> bool {
        self.tiers.0.is_some()
    }

    /// Which of its nodes are leaves.
    pub const fn tiers(&self) -> Tiers {
        self.tiers
    }

    /// What a flood costs that reaches everybody on a connected graph, to the last message: two for each edge, one less for
    /// each node but the asker. None where there are leaves: they relay nothing.
    pub const fn flood_law(&self) -> Option<u64> {
        if self.has_leaves() {
            return None;
        }
        Some(2 * self.edges.len() as u64 + 1 - self.nodes as u64)
    }

    /// How many nodes.
    pub const fn nodes(&self) -> usize {
        self.nodes
    }

    /// The edges, each once, the smaller node first.
    pub fn edges(&self) -> &[(u32, u32)] {
        &self.edges
    }

    /// Edges that end at a node, on average.
    pub fn mean_degree(&self) -> f64 {
        2.0 * self.edges.len() as f64 / self.nodes.max(1) as f64
    }

    /// Whom each node is joined with.
    pub fn neighbours(&self) -> Neighbours {
        let mut starts = vec![0_u32; self.nodes + 1];
        for (a, b) in &self.edges {
            starts[*a as usize + 1] += 1;
            starts[*b as usize + 1] += 1;
        }
        for node in 0..self.nodes {
            starts[node + 1] += starts[node];
        }
        let mut next = starts.clone();
        let mut ends = vec![0; 2 * self.edges.len()];
        for (a, b) in &self.edges {
            for (from, to) in [(*a, *b), (*b, *a)] {
                let at = &mut next[from as usize];
                ends[*at as usize] = to;
                *at += 1;
            }
        }
        Neighbours { starts, ends }
    }

    /// The largest connected part, its nodes numbered anew in their order.
    pub fn giant(&self) -> Self {
        let neighbours = self.neighbours();
        let mut part = vec![u32::MAX; self.nodes];
        let (mut largest, mut size) = (0, 0);
        let mut queue = Vec::new();
        for start in 0..self.nodes {
            if part[start] != u32::MAX {
                continue;
            }
            let number = start as u32;
            part[start] = number;
            queue.push(number);
            let mut reached = 0;
            while let Some(node) = queue.pop() {
                reached += 1;
                for next in neighbours.of(node) {
                    if part[*next as usize] == u32::MAX {
                        part[*next as usize] = number;
                        queue.push(*next);
                    }
                }
            }
            if reached > size {
                (largest, size) = (number, reached);
            }
        }
        let mut names = vec![u32::MAX; self.nodes];
        let inside = (0..self.nodes).filter(|node| part[*node] == largest);
        for (name, node) in inside.enumerate() {
            names[node] = name as u32;
        }
        let kept = self
            .edges
            .iter()
            .filter(|(a, _)| part[*a as usize] == largest);
        let renamed = kept.map(|(a, b)| (names[*a as usize], names[*b as usize]));
        // Names keep their order, so leaves are the last ones still.
        let inside = names
            .iter()
            .enumerate()
            .filter(|(_, name)| **name != u32::MAX);
        let ultrapeers = inside.filter(|(node, _)| !self.tiers.is_leaf(*node as u32));
        let ultrapeers = ultrapeers.count() as u32;
        Self {
            tiers: Tiers(self.tiers.0.map(|_| ultrapeers)),
            ..Self::new(size, renamed)
        }
    }
}

/// Which nodes of a graph are leaves: those from a number on, or none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tiers(Option<u32>);

impl Tiers {
    /// Whether a node is a leaf, which relays nothing and hears only what its route table can match.
    pub fn is_leaf(self, node: u32) -> bool {
        self.0.is_some_and(|first| node >= first)
    }
}

/// Whom each node of a graph is joined with.
#[derive(Clone, Debug)]
pub struct Neighbours {
    starts: Vec<u32>,
    ends: Vec<u32>,
}

impl Neighbours {
    /// Whom `node` is joined with, in ascending order of the edges.
    pub fn of(&self, node: u32) -> &[u32] {
        &self.ends[self.range_of(node)]
    }

    /// The places of a node's links among all ends of links.
    pub fn range_of(&self, node: u32) -> std::ops::Range<usize> {
        let node = node as usize;
        self.starts[node] as usize..self.starts[node + 1] as usize
    }

    /// The node at a place among all ends of links.
    pub fn end(&self, place: usize) -> u32 {
        self.ends[place]
    }

    /// How many links lie between `from` and each node; `u32::MAX` where there is no way.
    pub fn distances(&self, from: u32) -> Vec<u32> {
        let mut distances = vec![u32::MAX; self.starts.len() - 1];
        distances[from as usize] = 0;
        let mut edge = vec![from];
        for distance in 1.. {
            let mut next = Vec::new();
            for node in edge {
                for far in self.of(node) {
                    if distances[*far as usize] == u32::MAX {
                        distances[*far as usize] = distance;
                        next.push(*far);
                    }
                }
            }
            if next.is_empty() {
                break;
            }
            edge = next;
        }
        distances
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loops_and_repetitions_are_left_out() {
        let graph = Graph::new(3, [(0, 1), (1, 0), (2, 2), (1, 2)]);
        assert_eq!(graph.edges(), [(0, 1), (1, 2)]);
        assert_eq!(graph.neighbours().of(1), [0, 2]);
        assert_eq!(graph.neighbours().distances(0), [0, 1, 2]);
    }

    #[test]
    fn the_giant_is_the_largest_part() {
        let graph = Graph::new(7, [(0, 1), (2, 3), (3, 5), (5, 6)]);
        let giant = graph.giant();
        assert_eq!(giant.nodes(), 4);
        assert_eq!(giant.edges(), [(0, 1), (1, 2), (2, 3)]);
    }
}
