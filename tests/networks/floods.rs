//! What a flood costs and whom it reaches, to the descriptor.

use std::collections::HashMap;

use servent::net::{Search, SearchHit};
use servent::overlay::Strategy;
use servent::wire::Query;
use tokio::time::timeout;

use crate::graph::Graph;
use crate::network::{EVERYWHERE, Network, PATIENCE, in_rounds};

const NODES: usize = 30;

fn graphs() -> [Graph; 3] {
    let seed = std::env::var("SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    [
        Graph::line(NODES),
        Graph::ring(NODES),
        Graph::random(NODES, 50, seed.unwrap_or(2002)),
    ]
}

/// All hits of a search that is over: nothing is under way any more.
fn hits(search: &mut Search) -> Vec<SearchHit> {
    std::iter::from_fn(|| search.hits.try_recv().ok()).collect()
}

async fn flood(graph: &Graph, from: usize) {
    let network = Network::lay_out(graph).await;
    let asker = &network.servents[from];
    let distances = graph.distances(from);
    let distance = |node: usize| distances[node].expect("connected");
    let before = network.statuses().await;

    let ttl = u8::try_from(graph.depth(from) + 1).expect("a small network");
    let mut search = asker
        .search(Query::words(EVERYWHERE), Some(Strategy::flood(ttl)))
        .await;
    network.settle().await;
    let hits = hits(&mut search);
    let after = network.statuses().await;
    let sent = |figure: fn(&servent::overlay::Tally) -> u64| {
        let pairs = after.iter().zip(&before);
        pairs
            .map(|(after, before)| figure(&after.counts.sent) - figure(&before.counts.sent))
            .sum::<u64>()
    };

    // Everybody else answers, once, and each hit has come the shortest way: the way the query came.
    assert_eq!(hits.len(), NODES - 1);
    let hops: HashMap<_, _> = hits
        .iter()
        .map(|hit| (hit.hit.servent, usize::from(hit.hops)))
        .collect();
    for (node, servent) in network
        .servents
        .iter()
        .enumerate()
        .filter(|(node, _)| *node != from)
    {
        assert_eq!(
            hops.get(&servent.guid()),
            Some(&distance(node)),
            "hops from node {node}"
        );
    }
    assert!(hits.iter().all(|hit| hit.hit.records.len() == 1));

    // A query crosses every link twice but those over which it was first heard: those once.
    assert_eq!(
        sent(|tally| tally.query),
        (2 * graph.edges.len() - (NODES - 1)) as u64
    );
    // A hit crosses as many links as its sender is away, and no other.
    assert_eq!(
        sent(|tally| tally.query_hit),
        (0..NODES).map(distance).sum::<usize>() as u64
    );
    let asked = (graph.edges.iter())
        .filter(|(a, b)| *a == from || *b == from)
        .count();
    assert_eq!(*search.messages.borrow(), asked as u64);
    assert_eq!(network.sum(|status| status.shed).await, 0);
    network.stop().await;
}

#[test]
fn a_flood_reaches_everybody_once_and_costs_two_sends_a_link_less_the_tree() {
    for graph in graphs() {
        for from in [0, NODES / 2] {
            println!("{} from {from}: {} links", graph.name, graph.edges.len());
            let flood = async { timeout(PATIENCE, flood(&graph, from)).await };
            in_rounds().block_on(flood).expect("in time");
        }
    }
}

async fn reach(graph: &Graph, from: usize) {
    let network = Network::lay_out(graph).await;
    let distances = graph.distances(from);
    for ttl in 1..=graph.depth(from) {
        let before = network.statuses().await;
        let wanted = u8::try_from(ttl).expect("a small network");
        let mut search = network.servents[from]
            .search(Query::words(EVERYWHERE), Some(Strategy::flood(wanted)))
            .await;
        network.settle().await;
        let answers: Vec<_> = hits(&mut search)
            .iter()
            .map(|hit| hit.hit.servent)
            .collect();
        let after = network.statuses().await;
        for node in (0..NODES).filter(|node| *node != from) {
            let within = distances[node].expect("connected") <= ttl;
            let heard = after[node].counts.received.query > before[node].counts.received.query;
            assert_eq!(
                heard, within,
                "whether node {node} hears a query with TTL {ttl}"
            );
            let guid = network.servents[node].guid();
            let answered = answers.iter().filter(|servent| **servent == guid).count();
            assert_eq!(
                answered,
                usize::from(within),
                "answers of node {node} at TTL {ttl}"
            );
        }
    }
    network.stop().await;
}

#[test]
fn a_ttl_of_k_reaches_exactly_the_nodes_within_k_hops() {
    for graph in graphs() {
        println!("{}: depth {}", graph.name, graph.depth(3));
        let reach = async { timeout(PATIENCE, reach(&graph, 3)).await };
        in_rounds().block_on(reach).expect("in time");
    }
}
