//! What a dynamic query costs and finds beside a flood, on a random network of a thousand ultrapeers with 32 links each.
//!
//! Each ultrapeer stands for itself and thirty leaves: their files are its own here, since what is counted are queries
//! between ultrapeers.

mod world;

use std::collections::BTreeSet;
use std::time::Duration;

use servent::overlay::{Config, Strategy};
use servent::rng::Rng;
use world::World;

const ULTRAPEERS: usize = 1_000;
const DEGREE: usize = 32;
const HOSTS_EACH: usize = 31;

/// A person who looks at a list has enough then.
const WANTED: usize = 150;

fn graph(seed: u64) -> Vec<(usize, usize)> {
    let mut rng = Rng::seeded(seed);
    let mut edges = BTreeSet::new();
    while edges.len() < ULTRAPEERS * DEGREE / 2 {
        let (a, b) = (rng.below(ULTRAPEERS), rng.below(ULTRAPEERS));
        if a != b {
            edges.insert((a.min(b), a.max(b)));
        }
    }
    edges.into_iter().collect()
}

fn network(seed: u64) -> World {
    let config = Config {
        grow: false,
        slots: usize::MAX,
        search: Strategy::Dynamic,
        routes: 1 << 8,
        ..Config::default()
    };
    let mut world = World::new(ULTRAPEERS, seed, &config);
    for (a, b) in graph(seed) {
        world.link(a, b);
    }
    world.run_for(Duration::from_secs(5));
    world
}

/// What a search sent, and how many files it found.
fn ask(world: &mut World, asker: usize, text: &str, ttl: Option<u8>) -> (u64, usize) {
    let before = world.queries;
    let search = world.search(asker, text, ttl);
    world.run_for(Duration::from_secs(300));
    let found = world.nodes[asker].found.iter();
    let files = found
        .filter(|(guid, ..)| *guid == search)
        .map(|(_, hit, _)| hit.records.len());
    (world.queries - before, files.sum())
}

fn seed() -> u64 {
    let seed = std::env::var("SEED").ok();
    seed.and_then(|seed| seed.parse().ok()).unwrap_or(1)
}

#[test]
fn a_popular_file_costs_less_than_a_tenth_of_a_flood() {
    let mut world = network(seed());
    let mut rng = Rng::seeded(seed());
    for node in &mut world.nodes {
        for _ in 0..HOSTS_EACH {
            if rng.chance(0.01) {
                node.files.push("popular song".to_owned());
            }
        }
    }
    let (mut dynamic, mut flood) = (0, 0);
    for _ in 0..20 {
        let asker = rng.below(ULTRAPEERS);
        let (cost, files) = ask(&mut world, asker, "popular", None);
        println!("dynamic: {cost} queries, {files} files");
        assert!(files >= WANTED, "{files} files only");
        dynamic += cost;
        let (cost, files) = ask(&mut world, asker, "popular", Some(4));
        println!("  flood: {cost} queries, {files} files");
        flood += cost;
    }
    println!(
        "{dynamic} and {flood}: {:.3}",
        dynamic as f64 / flood as f64
    );
    assert!(
        dynamic * 10 < flood,
        "{dynamic} queries, not a tenth of {flood}"
    );
}

#[test]
fn a_rare_file_is_found_in_nineteen_of_twenty_cases_in_which_a_flood_finds_it() {
    const SEARCHES: usize = 60;
    let mut world = network(seed());
    let mut rng = Rng::seeded(!seed());
    for number in 0..SEARCHES {
        for _ in 0..2 {
            let node = rng.below(ULTRAPEERS);
            world.nodes[node].files.push(format!("rarity{number}."));
        }
    }
    let (mut both, mut flooded, mut costs) = (0, 0, [0, 0]);
    for number in 0..SEARCHES {
        let asker = rng.below(ULTRAPEERS);
        let text = format!("rarity{number}.");
        let (cost, files) = ask(&mut world, asker, &text, Some(4));
        costs[0] += cost;
        if files == 0 {
            continue;
        }
        flooded += 1;
        let (cost, files) = ask(&mut world, asker, &text, None);
        costs[1] += cost;
        both += usize::from(files > 0);
    }
    println!("{both} of {flooded}; queries {costs:?}");
    assert!(flooded > SEARCHES / 2);
    assert!(both * 20 >= flooded * 19, "{both} of {flooded}");
}
