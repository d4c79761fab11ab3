//! Servents behind walls and those who look at the network from outside, on real sockets.

use std::time::Duration;

use servent::net::{Servent, Settings};
use servent::overlay::{Config, RoleChoice};
use servent::wire::Query;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::network::{LOOPBACK_ANY, Network, PATIENCE, called, eventually};

/// How long a hit may take before another search is begun: the leaf's table may not have come yet.
const SOON: Duration = Duration::from_millis(300);

/// A servent that shares a song.
async fn start(network: &TempDir, name: &str, role: RoleChoice, slots: usize) -> Servent {
    let settings = Settings {
        upload_slots: slots,
        ..called(network, name, role, Some(name.as_bytes()))
    };
    Servent::start(settings).await.expect("started")
}

/// Says a head and hears what comes until the end, or until an empty line.
async fn ask(to: &Servent, head: &str) -> String {
    let mut stream = TcpStream::connect(to.listen()).await.expect("it listens");
    stream.write_all(head.as_bytes()).await.expect("it reads");
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    timeout(PATIENCE, read)
        .await
        .expect("in time")
        .expect("an answer");
    String::from_utf8(answer).expect("text")
}

#[tokio::test]
async fn a_leaf_answers_whoever_asks_its_proxy_over_http() {
    let folder = tempfile::tempdir().expect("a folder");
    let hub = start(&folder, "hub", RoleChoice::Ultrapeer, 10).await;
    let leaf = start(&folder, "leaf", RoleChoice::Leaf, 10).await;
    leaf.connect(hub.listen()).await.expect("a link");
    eventually("the hub serves the leaf", || async {
        let peers = hub.peers().await;
        peers
            .iter()
            .any(|peer| peer.push_proxy.1 && peer.table.is_some())
    })
    .await;
    // It took a hit from the leaf, or the leaf would not follow a push.
    eventually("the hub finds what the leaf has", || async {
        let mut search = hub.search(Query::words("song"), None).await;
        let hit = timeout(SOON, search.hits.recv()).await;
        hit.is_ok_and(|hit| hit.is_some_and(|found| found.hit.servent == leaf.guid()))
    })
    .await;

    let asker = TcpListener::bind(LOOPBACK_ANY).await.expect("a port");
    let node = asker.local_addr().expect("bound");
    let request = |guid: &str, node: &str| {
        format!(
            "GET /gnutella/push-proxy?guid={guid}&file=0 HTTP/1.1\r\nHost: a\r\nX-Node: {node}\r\n\
             Connection: close\r\n\r\n"
        )
    };
    let known = leaf.guid().to_string();
    let node = node.to_string();
    for (guid, node, code) in [
        (known.as_str(), "127.0.0.2:7000", 400),
        (known.as_str(), "", 400),
        ("0102030405060708090a0b0c0d0e0f00", &node, 410),
        (known.as_str(), &node, 202),
    ] {
        let answer = ask(&hub, &request(guid, node)).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {code} ")), "{answer}");
    }
    let (mut given, _) = timeout(PATIENCE, asker.accept())
        .await
        .expect("in time")
        .expect("it calls");
    let mut giv = [0; 4];
    given.read_exact(&mut giv).await.expect("a word");
    assert_eq!(&giv, b"GIV ");
    leaf.stop().await;
    hub.stop().await;
}

#[tokio::test]
async fn a_crawler_hears_of_the_neighbours_and_is_shown_out() {
    let mut network = Network::empty();
    let still = |role| Config {
        role,
        grow: false,
        ..Config::default()
    };
    network.add(still(RoleChoice::Ultrapeer), &[]).await;
    network.add(still(RoleChoice::Ultrapeer), &[]).await;
    network.add(still(RoleChoice::Leaf), &[]).await;
    let [hub, other, leaf] = &network.servents[..] else {
        unreachable!("three were added");
    };
    for servent in [other, leaf] {
        servent.connect(hub.listen()).await.expect("a link");
    }
    let hello = "GNUTELLA CONNECT/0.6\r\nUser-Agent: crawler\r\nCrawler: 0.1\r\n\r\n";
    let answer = ask(hub, hello).await;
    assert!(answer.starts_with("GNUTELLA/0.6 593 Hi\r\n"), "{answer}");
    assert!(answer.contains(&format!("\r\nPeers: {}\r\n", other.listen())));
    assert!(answer.contains(&format!("\r\nLeaves: {}\r\n", leaf.listen())));
    assert_eq!(hub.peers().await.len(), 2, "it took no slot");
    network.stop().await;
}

#[tokio::test]
async fn a_leaf_without_a_free_slot_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let hub = start(&folder, "hub", RoleChoice::Ultrapeer, 10).await;
    let leaf = start(&folder, "leaf", RoleChoice::Leaf, 0).await;
    leaf.connect(hub.listen()).await.expect("a link");
    eventually("the hub knows that the leaf is busy", || async {
        let peers = hub.peers().await;
        peers.iter().any(|peer| peer.hops_flow == Some(0))
    })
    .await;
    leaf.stop().await;
    hub.stop().await;
}
