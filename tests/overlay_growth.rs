//! Networks that grow by themselves: from one candidate to many neighbours, and together again after a shock.

mod world;

use std::collections::BTreeSet;
use std::time::Duration;

use servent::overlay::{Command, Config, Direction};
use servent::rng::Rng;
use servent::time::Time;
use world::World;

const NODES: usize = 30;

/// Thirty servents that all know only the first one, or all know all, started within the same second.
fn grown(seed: u64, candidates: &[usize]) -> World {
    let mut world = World::new(NODES, seed, &config());
    let mut rng = Rng::seeded(seed);
    for node in 0..NODES {
        world.run_for(Duration::from_millis(rng.below(30) as u64));
        world.start(node, candidates);
    }
    world.run_until(Time::from_secs(5));
    world
}

fn config() -> Config {
    Config {
        ttl: 30,
        max_ttl: 30,
        hard_ttl: 30,
        routes: 1 << 10,
        ..Config::default()
    }
}

/// Seeds to try: `SEED` and so many after it.
fn seeds(count: u64) -> std::ops::Range<u64> {
    let first = std::env::var("SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let first = first.unwrap_or(1);
    first..first + count
}

/// Kills ten, and asks fifteen seconds later whether the rest are one network that finds everything.
fn shock(world: &mut World, victims: &[usize], label: &str) {
    for node in 0..NODES {
        world.nodes[node].files = vec![format!("song of {node}")];
    }
    victims.iter().for_each(|victim| world.kill(*victim));
    world.run_for(Duration::from_secs(15));
    assert!(world.is_connected(), "{label}: islands");
    let asker = world.alive().next().expect("twenty are left");
    world.search(asker, "song", None);
    world.run_for(Duration::from_secs(2));
    let sharers: BTreeSet<_> = world.nodes[asker]
        .found
        .iter()
        .map(|(_, hit, _)| hit.servent)
        .collect();
    assert_eq!(sharers.len(), NODES - victims.len() - 1, "{label}");
}

#[test]
fn thirty_that_know_one_become_a_network() {
    for seed in seeds(20) {
        let world = grown(seed, &[0]);
        assert!(world.is_connected(), "seed {seed}");
        for node in 0..NODES {
            let neighbours = world.neighbours(node);
            assert!(
                neighbours.len() >= 8,
                "seed {seed}: {node} has {neighbours:?}"
            );
            assert!(
                neighbours.len() <= 32,
                "seed {seed}: {node} has {neighbours:?}"
            );
            let distinct: BTreeSet<_> = neighbours.iter().collect();
            assert_eq!(
                distinct.len(),
                neighbours.len(),
                "seed {seed}: two links to one servent"
            );
            assert!(!neighbours.contains(&node), "seed {seed}: linked to itself");
        }
    }
}

#[test]
fn ten_of_thirty_may_die_at_once() {
    for seed in seeds(200) {
        let mut world = grown(seed, &[0]);
        let mut order: Vec<usize> = (0..NODES).collect();
        Rng::seeded(seed).shuffle(&mut order);
        shock(&mut world, &order[..10], &format!("seed {seed}"));
    }
}

#[test]
fn even_the_ten_with_the_most_links() {
    for seed in seeds(20) {
        let mut world = grown(seed, &[0]);
        let mut order: Vec<usize> = (0..NODES).collect();
        order.sort_by_key(|node| std::cmp::Reverse(world.neighbours(*node).len()));
        shock(&mut world, &order[..10], &format!("seed {seed}"));
    }
}

#[test]
fn even_all_that_everybody_was_told_of() {
    let everybody: Vec<usize> = (0..NODES).collect();
    for seed in seeds(20) {
        let mut world = grown(seed, &everybody[..10]);
        shock(&mut world, &everybody[..10], &format!("seed {seed}"));
    }
}

#[test]
fn a_crowd_that_dials_one_another_at_the_same_moment_does_not_flap() {
    let everybody: Vec<usize> = (0..NODES).collect();
    for seed in seeds(5) {
        let mut world = World::new(NODES, seed, &config());
        (0..NODES).for_each(|node| world.start(node, &everybody));
        world.run_until(Time::from_secs(5));
        let (hangups, degrees) = (world.hangups, world.degrees());
        world.run_until(Time::from_secs(90));
        assert_eq!(
            world.hangups, hangups,
            "seed {seed}: no link closes after the first moment"
        );
        assert!(world.degrees() >= degrees, "seed {seed}");
        for node in 0..NODES {
            let neighbours = world.neighbours(node);
            let distinct: BTreeSet<_> = neighbours.iter().collect();
            assert_eq!(
                distinct.len(),
                neighbours.len(),
                "seed {seed}: two links to one servent"
            );
        }
    }
}

#[test]
fn two_that_dial_each_other_keep_one_link() {
    for seed in seeds(100) {
        let mut world = World::new(2, seed, &config());
        world.start(0, &[1]);
        world.run_for(Duration::from_millis(seed % 30));
        world.start(1, &[0]);
        world.run_until(Time::from_secs(120));
        assert_eq!(world.neighbours(0), [1], "seed {seed}");
        assert_eq!(world.neighbours(1), [0], "seed {seed}");
        assert!(world.hangups <= 2, "seed {seed}: {} hangups", world.hangups);
    }
}

#[test]
fn the_first_peer_is_there_at_once_though_nine_candidates_are_dead() {
    for seed in seeds(20) {
        let mut world = World::new(11, seed, &config());
        (1..10).for_each(|node| world.kill(node));
        world.start(0, &[]);
        world.start(10, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        world.run_for(Duration::from_secs(1));
        let first = world.nodes[10].first_peer.expect("a peer");
        assert!(
            first <= Time::from_millis(100),
            "seed {seed}: after {first}"
        );
    }
}

#[test]
fn a_candidate_that_starts_later_is_found_within_ten_seconds() {
    let mut world = World::new(2, 1, &config());
    world.kill(1);
    world.start(0, &[1]);
    world.run_until(Time::from_secs(300));
    world.nodes[1].alive = true;
    world.run_for(Duration::from_secs(11));
    assert_eq!(world.neighbours(0), [1]);
}

#[test]
fn a_full_network_still_takes_newcomers() {
    let mut world = World::new(NODES + 1, 1, &config());
    let everybody: Vec<usize> = (0..NODES).collect();
    (0..NODES).for_each(|node| world.start(node, &everybody));
    world.run_until(Time::from_secs(30));
    world.start(NODES, &[3]);
    world.run_for(Duration::from_secs(5));
    assert!(world.neighbours(NODES).len() >= 8);
    let own = world.nodes[NODES].overlay.peers().iter();
    let own = own.filter(|peer| peer.who.direction == Direction::Outgoing);
    assert!(own.count() >= 4, "half of them by its own choice");
}

#[test]
fn whoever_leaves_says_so_and_comes_back_to_nobody() {
    let mut world = grown(1, &[0]);
    world.tell(7, Command::Leave);
    world.run_for(Duration::from_secs(60));
    assert!(world.neighbours(7).is_empty());
    for node in (0..NODES).filter(|node| *node != 7) {
        assert!(!world.neighbours(node).contains(&7));
        assert!(world.neighbours(node).len() >= 8);
    }
}
