//! A graph made ready for worlds.

use std::sync::Arc;

use crate::lab::topology::{Graph, Neighbours, Tiers};

/// A graph made ready for worlds: several may share it.
#[derive(Clone, Debug)]
pub struct Ground {
    pub(super) neighbours: Arc<Neighbours>,
    /// For each end of a link, in the order of `neighbours`: by what number the far end knows this one.
    pub(super) back: Arc<Vec<u32>>,
    pub(super) nodes: usize,
    pub(super) tiers: Tiers,
}

impl Ground {
    /// Makes a graph ready.
    pub fn new(graph: &Graph) -> Self {
        let neighbours = graph.neighbours();
        let mut back = Vec::with_capacity(2 * graph.edges().len());
        for node in 0..graph.nodes() as u32 {
            for far in neighbours.of(node) {
                let at = neighbours.of(*far).binary_search(&node);
                back.push(at.expect("every edge has two ends, in order") as u32);
            }
        }
        Self {
            neighbours: Arc::new(neighbours),
            back: Arc::new(back),
            nodes: graph.nodes(),
            tiers: graph.tiers(),
        }
    }
}
