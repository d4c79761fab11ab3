//! Servents that find each other by themselves, and go on when a third of them is gone from one moment to the next.

use std::collections::HashSet;
use std::time::Duration;

use servent::net::Servent;
use servent::overlay::Config;
use servent::rng::Rng;
use servent::wire::Query;
use tokio::time::timeout;

use crate::network::{EVERYWHERE, Network, PATIENCE, only_at, within};

const NODES: usize = 30;
const KILLED: usize = 10;

/// In which the rest has to be one network again.
const HEALED: Duration = Duration::from_secs(15);

async fn heals(name: &str, bootstraps: usize, victims: &[usize]) {
    let mut network = Network::empty();
    for _ in 0..NODES {
        let known: Vec<_> = network
            .servents
            .iter()
            .take(bootstraps)
            .map(Servent::listen)
            .collect();
        network.add(Config::default(), &known).await;
    }
    let grown = within(PATIENCE, "one network of all", || async {
        network.graph().await.is_connected()
    });
    println!("{name}: one network after {:?}", grown.await);

    let mut victims = victims.to_vec();
    victims.sort_unstable();
    let killed: Vec<Servent> = victims
        .iter()
        .map(|victim| network.servents[*victim].clone())
        .collect();
    let rest: Vec<usize> = (0..NODES).filter(|node| !victims.contains(node)).collect();
    network.servents = rest
        .iter()
        .map(|node| network.servents[*node].clone())
        .collect();
    for servent in &killed {
        servent.kill().await;
    }
    let healed = within(HEALED, "one network of the rest", || async {
        network.graph().await.is_connected() && all_found(&network, &rest).await
    });
    println!("{name}: healed after {:?}", healed.await);
    network.stop().await;
}

/// Whether one servent finds a file of each other, by the name that all have and by the name that only one has.
async fn all_found(network: &Network, rest: &[usize]) -> bool {
    let asker = &network.servents[0];
    let others: HashSet<_> = network.servents[1..].iter().map(Servent::guid).collect();
    let mut search = asker.search(Query::words(EVERYWHERE), None).await;
    let mut found = HashSet::new();
    let all = async {
        while found.len() < others.len() {
            let hit = search.hits.recv().await.expect("the asker lives");
            found.insert(hit.hit.servent);
        }
    };
    if timeout(Duration::from_secs(2), all).await.is_err() || found != others {
        return false;
    }
    let last = rest.last().expect("not all were killed");
    let mut search = asker.search(Query::words(&only_at(*last)), None).await;
    matches!(
        timeout(Duration::from_secs(2), search.hits.recv()).await,
        Ok(Some(_))
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heals_when_any_ten_of_thirty_are_killed() {
    let seed = std::env::var("SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| Rng::system().next());
    println!("SEED={seed}");
    let mut nodes: Vec<usize> = (0..NODES).collect();
    Rng::seeded(seed).shuffle(&mut nodes);
    heals("any ten", 2, &nodes[..KILLED]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heals_when_the_oldest_ten_of_thirty_are_killed() {
    // Among them the only one that anybody was told of.
    heals("the oldest ten", 1, &(0..KILLED).collect::<Vec<_>>()).await;
}
