//! Graphs to lay networks out by, and what is true of them on paper.

use std::collections::VecDeque;

use servent::rng::Rng;

/// An undirected graph: nodes `0..nodes`, no edge twice.
#[derive(Clone, Debug)]
pub(crate) struct Graph {
    pub(crate) name: &'static str,
    pub(crate) nodes: usize,
    pub(crate) edges: Vec<(usize, usize)>,
}

impl Graph {
    pub(crate) fn line(nodes: usize) -> Self {
        let edges = (1..nodes).map(|node| (node - 1, node)).collect();
        let name = "line";
        Self { name, nodes, edges }
    }

    pub(crate) fn ring(nodes: usize) -> Self {
        let mut ring = Self::line(nodes);
        ring.edges.push((nodes - 1, 0));
        ring.name = "ring";
        ring
    }

    /// A random tree, and random edges on top.
    pub(crate) fn random(nodes: usize, edges: usize, seed: u64) -> Self {
        let mut rng = Rng::seeded(seed);
        let mut graph = Self {
            name: "random",
            nodes,
            edges: (1..nodes).map(|node| (rng.below(node), node)).collect(),
        };
        while graph.edges.len() < edges {
            let (a, b) = (rng.below(nodes), rng.below(nodes));
            let edge = (a.min(b), a.max(b));
            if a != b && !graph.edges.contains(&edge) {
                graph.edges.push(edge);
            }
        }
        graph
    }

    /// How many links each node is away from `from`; none where there is no way.
    pub(crate) fn distances(&self, from: usize) -> Vec<Option<usize>> {
        let mut distances = vec![None; self.nodes];
        distances[from] = Some(0);
        let mut queue = VecDeque::from([(from, 0)]);
        while let Some((here, distance)) = queue.pop_front() {
            for &(a, b) in &self.edges {
                let next = match here {
                    _ if here == a => b,
                    _ if here == b => a,
                    _ => continue,
                };
                if distances[next].is_none() {
                    distances[next] = Some(distance + 1);
                    queue.push_back((next, distance + 1));
                }
            }
        }
        distances
    }

    /// The distance of the node farthest from `from`, in a connected graph.
    pub(crate) fn depth(&self, from: usize) -> usize {
        let distances = self.distances(from).into_iter();
        distances
            .map(|distance| distance.expect("connected"))
            .max()
            .expect("a node")
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.distances(0).iter().all(Option::is_some)
    }
}
