//! Who is joined with whom: in a world as it is, and in lists of links, each named once, for worlds to be.

use std::collections::{BTreeMap, BTreeSet};

use servent::rng::Rng;

use super::World;

impl World {
    /// The living nodes that `node` has a link to, as it believes itself.
    pub(crate) fn neighbours(&self, node: usize) -> Vec<usize> {
        let peers = self.nodes[node].overlay.peers().iter();
        let mut nodes: Vec<usize> = peers
            .filter_map(|peer| Some(self.nodes[node].links.get(&peer.id)?.node))
            .filter(|other| self.nodes[*other].alive)
            .collect();
        nodes.sort_unstable();
        nodes
    }

    /// The links from one node to others, each link of the world twice.
    pub(crate) fn degrees(&self) -> usize {
        (0..self.nodes.len())
            .map(|node| self.neighbours(node).len())
            .sum()
    }

    /// Whether all living nodes are one network.
    pub(crate) fn is_connected(&self) -> bool {
        let alive: Vec<usize> = self.alive().collect();
        alive
            .first()
            .is_none_or(|first| self.distances(*first).len() == alive.len())
    }

    pub(crate) fn alive(&self) -> impl Iterator<Item = usize> {
        (0..self.nodes.len()).filter(|node| self.nodes[*node].alive)
    }

    /// How many links lie between a node and each node it can reach; itself at 0.
    pub(crate) fn distances(&self, from: usize) -> BTreeMap<usize, u32> {
        let mut known = BTreeMap::from([(from, 0)]);
        let mut edge = BTreeSet::from([from]);
        for distance in 1.. {
            let next: BTreeSet<usize> = edge
                .iter()
                .flat_map(|node| self.neighbours(*node))
                .filter(|node| !known.contains_key(node))
                .collect();
            if next.is_empty() {
                break;
            }
            known.extend(next.iter().map(|node| (*node, distance)));
            edge = next;
        }
        known
    }
}

/// 0 - 1 - 2 - … - count-1.
pub(crate) fn line(count: usize) -> Vec<(usize, usize)> {
    (1..count).map(|node| (node - 1, node)).collect()
}

/// A line whose ends meet.
pub(crate) fn ring(count: usize) -> Vec<(usize, usize)> {
    let mut edges = line(count);
    edges.push((count - 1, 0));
    edges
}

/// Every node hangs on one before it.
pub(crate) fn tree(count: usize, seed: u64) -> Vec<(usize, usize)> {
    let mut rng = Rng::seeded(seed);
    (1..count).map(|node| (rng.below(node), node)).collect()
}

/// A tree and as many random links again.
pub(crate) fn random(count: usize, seed: u64) -> Vec<(usize, usize)> {
    let mut rng = Rng::seeded(!seed);
    let mut edges: BTreeSet<(usize, usize)> = tree(count, seed).into_iter().collect();
    while edges.len() < 2 * count {
        let (a, b) = (rng.below(count), rng.below(count));
        if a != b {
            edges.insert((a.min(b), a.max(b)));
        }
    }
    edges.into_iter().collect()
}
