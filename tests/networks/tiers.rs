//! Two tiers on real sockets: a hub with fifty leaves, among four other ultrapeers.

use std::collections::HashSet;
use std::time::Duration;

use servent::net::{PeerStatus, Servent};
use servent::overlay::{Config, RoleChoice, RoleReason};
use servent::wire::Query;
use servent::wire::handshake::Role;
use tokio::time::timeout;

use crate::network::{EVERYWHERE, Network, eventually, only_at};

const LEAVES: usize = 50;
const ULTRAPEERS: usize = 5;

/// Fifty servents start, hash and talk on two cores.
const PATIENCE: Duration = Duration::from_secs(60);

fn config(role: RoleChoice) -> Config {
    Config {
        role,
        grow: false,
        ..Config::default()
    }
}

/// The servents that answer a search, once all of `expected` have.
async fn answers(asker: &Servent, words: &str, expected: usize) -> HashSet<servent::wire::Guid> {
    let mut search = asker.search(Query::words(words), None).await;
    let mut servents = HashSet::new();
    while servents.len() < expected {
        let hit = timeout(PATIENCE, search.hits.recv()).await;
        let hit = hit.unwrap_or_else(|_| panic!("{words}: {} answered", servents.len()));
        servents.insert(hit.expect("it lives").hit.servent);
    }
    servents
}

/// Whether its table has come, and not that of a library which had not been read yet.
fn tells_of_files(peer: &PeerStatus) -> bool {
    peer.table.is_some_and(|(_, fill)| fill > 0.0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_with_fifty_leaves_shields_them_and_finds_what_they_have() {
    let mut network = Network::empty();
    for node in 0..ULTRAPEERS + LEAVES {
        let role = if node < ULTRAPEERS {
            RoleChoice::Ultrapeer
        } else {
            RoleChoice::Leaf
        };
        network.add(config(role), &[]).await;
    }
    let (ultrapeers, leaves) = network.servents.split_at(ULTRAPEERS);
    let hub = &ultrapeers[0];
    for servent in &network.servents[1..] {
        servent.connect(hub.listen()).await.expect("a link");
    }
    let refused = ultrapeers[1].connect(leaves[0].listen()).await;
    let why = refused.expect_err("it is shielded").to_string();
    assert!(why.contains("503 Shielded leaf"), "{why}");

    eventually("all tables are there", || async {
        let peers = hub.peers().await;
        peers.len() == ULTRAPEERS + LEAVES - 1 && peers.iter().all(tells_of_files)
    })
    .await;
    let status = hub.status().await;
    assert_eq!((status.role, status.leaves), (Role::Ultrapeer, LEAVES));
    let status = leaves[0].status().await;
    assert_eq!(status.role, Role::Leaf);
    assert_eq!(status.role_reason, RoleReason::Chosen);
    eventually("all hashed and told", || async {
        let tables = ultrapeers[1].peers().await;
        tables.iter().all(tells_of_files)
    })
    .await;

    // One leaf's file, sought by another leaf and by an ultrapeer.
    for asker in [&leaves[7], &ultrapeers[3]] {
        let before = network.statuses().await;
        let sharer = ULTRAPEERS + 20;
        let found = answers(asker, &only_at(sharer), 1).await;
        assert!(found.contains(&network.servents[sharer].guid()));
        network.settle().await;
        let after = network.statuses().await;
        for node in ULTRAPEERS..ULTRAPEERS + LEAVES {
            let heard = |status: &servent::net::Status| status.counts.received.query;
            let queries = heard(&after[node]) - heard(&before[node]);
            assert_eq!(queries, u64::from(node == sharer), "leaf {node}");
        }
    }
    // What everybody has, everybody who is not the asker offers.
    answers(&leaves[7], EVERYWHERE, ULTRAPEERS + LEAVES - 1).await;
    answers(&ultrapeers[2], EVERYWHERE, ULTRAPEERS + LEAVES - 1).await;
    assert_eq!(network.sum(|status| status.counts.sent.bye).await, 0);
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_servent_left_to_itself_becomes_the_leaf_of_a_full_ultrapeer() {
    let mut network = Network::empty();
    let full = Config {
        slots: 1,
        ..config(RoleChoice::Auto)
    };
    network.add(full, &[]).await;
    network.add(config(RoleChoice::Auto), &[]).await;
    network.add(config(RoleChoice::Auto), &[]).await;
    network.add(config(RoleChoice::Ultrapeer), &[]).await;
    let [hub, first, second, stubborn] = &network.servents[..] else {
        unreachable!("four were added");
    };
    first.connect(hub.listen()).await.expect("a link");
    second.connect(hub.listen()).await.expect("a link");
    let _ = stubborn.connect(hub.listen()).await;
    eventually("the second is a leaf", || async {
        let status = second.status().await;
        status.role == Role::Leaf && status.role_reason == RoleReason::Guided
    })
    .await;
    assert_eq!(first.status().await.role, Role::Ultrapeer);
    eventually("and only one of each kind stays", || async {
        let peers = hub.peers().await;
        peers.len() == 2 && stubborn.peers().await.is_empty()
    })
    .await;
    eventually("their tables are there", || async {
        hub.peers().await.iter().all(tells_of_files)
    })
    .await;
    answers(second, &only_at(1), 1).await;
    answers(first, &only_at(2), 1).await;
    network.stop().await;
}
