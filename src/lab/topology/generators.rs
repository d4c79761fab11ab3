//! How graphs of each family are drawn. All are deterministic in their dice.

use std::collections::HashSet;

use super::Graph;
use crate::rng::Rng;

/// 0 - 1 - 2 - … - n-1.
pub(super) fn line(nodes: usize) -> Graph {
    Graph::new(nodes, (1..nodes as u32).map(|node| (node - 1, node)))
}

/// A line whose ends meet.
pub(super) fn ring(nodes: usize) -> Graph {
    let last = nodes as u32 - 1;
    let line = (1..nodes as u32).map(|node| (node - 1, node));
    Graph::new(nodes, line.chain([(0, last)]))
}

/// Everybody hangs on node 0.
pub(super) fn star(nodes: usize) -> Graph {
    Graph::new(nodes, (1..nodes as u32).map(|node| (0, node)))
}

/// Everybody is joined with everybody.
pub(super) fn full(nodes: usize) -> Graph {
    let nodes = nodes as u32;
    let edges = (0..nodes).flat_map(|a| (a + 1..nodes).map(move |b| (a, b)));
    Graph::new(nodes as usize, edges)
}

/// A complete tree in which each node has `arity` children.
pub(super) fn tree(nodes: usize, arity: usize) -> Graph {
    let parent = |node: usize| ((node - 1) / arity) as u32;
    Graph::new(nodes, (1..nodes).map(|node| (parent(node), node as u32)))
}

/// A square grid, as wide as high or nearly so; the last row may be short.
pub(super) fn grid(nodes: usize) -> Graph {
    let width = (nodes as f64).sqrt().ceil() as usize;
    let right = (1..nodes).filter(|node| !node.is_multiple_of(width));
    let right = right.map(|node| (node as u32 - 1, node as u32));
    let down = (width..nodes).map(|node| ((node - width) as u32, node as u32));
    Graph::new(nodes, right.chain(down))
}

/// As many edges as give the mean degree, each between two nodes drawn at random (Erdős and Rényi's G(n, m)).
pub(super) fn random(nodes: usize, degree: f64, rng: &mut Rng) -> Graph {
    let edges = (nodes as f64 * degree / 2.0).round() as usize;
    Graph::new(
        nodes,
        distinct(edges, || (rng.below(nodes), rng.below(nodes))),
    )
}

/// Every node has the same degree: stubs joined at random, and swapped with others where that would make a loop or a
/// double edge.
pub(super) fn regular(nodes: usize, degree: usize, rng: &mut Rng) -> Graph {
    let stubs = (0..nodes).flat_map(|node| std::iter::repeat_n(node as u32, degree));
    Graph::new(nodes, matched(stubs.collect(), rng))
}

/// The degree of the i-th node falls as i^-exponent, scaled to the mean degree, and stubs are joined at random (Aiello, Chung
/// and Lu's power-law random graph). Loops and double edges are left out: exchanged for others, the greatest nodes would
/// keep more neighbours than chance gives them. So it is drawn again, with more stubs, until enough are left.
pub(super) fn power_law(nodes: usize, degree: f64, exponent: f64, rng: &mut Rng) -> Graph {
    let weights: Vec<f64> = (1..=nodes)
        .map(|rank| (rank as f64).powf(-exponent))
        .collect();
    let wanted = (degree * nodes as f64) as usize;
    let mut ends = wanted;
    let mut draw = |ends| {
        let mut stubs = stubs(&weights, ends);
        rng.shuffle(&mut stubs);
        Graph::new(nodes, pairs(&stubs))
    };
    let mut graph = draw(ends);
    for _ in 0..DRAWS {
        let left = 2 * graph.edges().len();
        if left + wanted / 100 >= wanted {
            break;
        }
        ends += wanted - left;
        graph = draw(ends);
    }
    graph
}

/// About `wanted` stubs, each node's in proportion to its weight, rounded down but one at least: the scale makes up for
/// what that does to the sum.
fn stubs(weights: &[f64], wanted: usize) -> Vec<u32> {
    let (mut low, mut high) = (0.0, wanted as f64);
    for _ in 0..HALVINGS {
        let scale = (low + high) / 2.0;
        let sum: usize = degrees(weights, scale).sum();
        *(if sum < wanted { &mut low } else { &mut high }) = scale;
    }
    let all = degrees(weights, high).enumerate();
    all.flat_map(|(node, own)| std::iter::repeat_n(node as u32, own))
        .collect()
}

/// The degree of each of `weights.len()` nodes at this scale.
fn degrees(weights: &[f64], scale: f64) -> impl Iterator<Item = usize> {
    let most = weights.len() - 1;
    weights
        .iter()
        .map(move |weight| ((weight * scale) as usize).clamp(1, most.max(1)))
}

/// Newcomers join `links` nodes, each with a chance in proportion to its degree (Barabási and Albert 1999).
pub(super) fn preferential(nodes: usize, links: usize, rng: &mut Rng) -> Graph {
    let core = (links + 1).min(nodes);
    let mut edges: Vec<(u32, u32)> = full(core).edges().to_vec();
    let mut ends: Vec<u32> = edges.iter().flat_map(|(a, b)| [*a, *b]).collect();
    for node in core as u32..nodes as u32 {
        let mut chosen: Vec<u32> = Vec::with_capacity(links);
        while chosen.len() < links {
            let end = ends[rng.below(ends.len())];
            if !chosen.contains(&end) {
                chosen.push(end);
            }
        }
        for far in chosen {
            edges.push((far, node));
            ends.extend([far, node]);
        }
    }
    Graph::new(nodes, edges)
}

/// A ring in which everybody knows the nearest `degree`, each edge moved elsewhere with probability `moved` (Watts and
/// Strogatz 1998).
pub(super) fn small_world(nodes: usize, degree: usize, moved: f64, rng: &mut Rng) -> Graph {
    let mut edges = HashSet::new();
    let mut ordered = Vec::new();
    for reach in 1..=(degree / 2).max(1) {
        for node in 0..nodes {
            let mut far = (node + reach) % nodes;
            if rng.chance(moved) {
                far = rng.below(nodes);
            }
            let edge = (node.min(far) as u32, node.max(far) as u32);
            if node != far && edges.insert(edge) {
                ordered.push(edge);
            }
        }
    }
    Graph::new(nodes, ordered)
}

/// Ultrapeers among which edges are drawn at random, and leaves of which each is joined with so many ultrapeers, drawn from
/// those that have the fewest leaves yet: they take whoever comes until they are full.
pub(super) fn two_tier(
    nodes: usize,
    ultrapeers: usize,
    degree: f64,
    hubs: usize,
    rng: &mut Rng,
) -> Graph {
    let mut edges = random(ultrapeers, degree, rng).edges().to_vec();
    // Hands of all ultrapeers, shuffled, one after another; who wants one that he has already looks further.
    let mut hand: Vec<u32> = Vec::new();
    for leaf in ultrapeers..nodes {
        let mut chosen: Vec<u32> = Vec::with_capacity(hubs);
        while chosen.len() < hubs {
            if hand.iter().all(|hub| chosen.contains(hub)) {
                let mut next: Vec<u32> = (0..ultrapeers as u32).collect();
                rng.shuffle(&mut next);
                hand.splice(0..0, next);
            }
            let at = hand.iter().rposition(|hub| !chosen.contains(hub));
            chosen.extend(at.map(|at| hand.remove(at)));
        }
        edges.extend(chosen.into_iter().map(|hub| (hub, leaf as u32)));
    }
    Graph::new(nodes, edges).with_leaves(ultrapeers)
}

/// `count` distinct edges as `draw` gives them, without loops.
fn distinct(count: usize, mut draw: impl FnMut() -> (usize, usize)) -> Vec<(u32, u32)> {
    let mut seen = HashSet::with_capacity(count);
    let mut edges = Vec::with_capacity(count);
    while edges.len() < count {
        let (a, b) = draw();
        let edge = (a.min(b) as u32, a.max(b) as u32);
        if a != b && seen.insert(edge) {
            edges.push(edge);
        }
    }
    edges
}

/// Joins stubs at random. A pair that would be a loop or a double edge is exchanged with a pair drawn at random, a few
/// times at most; the few that are still wrong then are left out.
fn matched(mut stubs: Vec<u32>, rng: &mut Rng) -> Vec<(u32, u32)> {
    rng.shuffle(&mut stubs);
    let mut pairs = pairs(&stubs);
    for _ in 0..REPAIRS {
        let mut seen = HashSet::with_capacity(pairs.len());
        let wrong: Vec<usize> = (0..pairs.len())
            .filter(|at| {
                let (a, b) = pairs[*at];
                a == b || !seen.insert((a.min(b), a.max(b)))
            })
            .collect();
        if wrong.is_empty() {
            break;
        }
        for at in wrong {
            let other = rng.below(pairs.len());
            let (a, b) = (pairs[at].1, pairs[other].1);
            pairs[at].1 = b;
            pairs[other].1 = a;
        }
    }
    pairs
}

fn pairs(stubs: &[u32]) -> Vec<(u32, u32)> {
    stubs.chunks_exact(2).map(|two| (two[0], two[1])).collect()
}

/// Each round mends nearly all that is wrong.
const REPAIRS: usize = 20;

/// Draws of a power-law graph: each gets closer, unless the greatest nodes know everybody already.
const DRAWS: usize = 8;

/// Halvings of the range in which the scale of degrees lies: as many as a number has bits.
const HALVINGS: usize = 53;
