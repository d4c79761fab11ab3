//! How many descriptors a second one core delivers in the laboratory, and how many bytes a simulated servent takes.
//!
//! `cargo bench --bench lab`, or `-- 10000` for one size. Floods of TTL 10 cross random graphs of mean degree 8, with the
//! real overlay at every node: GUIDs remembered, quotas kept, hits routed back, links of 20 to 180 ms. Worlds are built first
//! and not timed. One thread works, and its speed is that of a core left to it.
//!
//! Beside it, on two cores under load as well and with nodes that do nothing but pass a number on: the event engine of
//! PeerSim 1.0.5 (Java; Montresor and Jelasity, "PeerSim: a scalable P2P simulator", 2009) delivers 0.87 million a second
//! at 10,000 nodes, 0.5 to 0.63 million at 100,000 and 0.23 to 0.37 million at a million; a bare loop of C++ over a heap of
//! events, the upper bound, 41 to 46, 20, and 5 to 8.6 million.

use std::fs;
use std::time::Duration;

use servent::lab::Latency;
use servent::lab::compare::{Comparison, Progress};
use servent::lab::topology::Kind;
use servent::lab::workload::{Plan, Replication};
use servent::overlay::Strategy;
use servent::rng::Rng;

/// Nodes, floods, rounds.
const SIZES: [(usize, u32, u64); 4] = [
    (1_000, 1_000, 5),
    (10_000, 100, 5),
    (100_000, 10, 3),
    (1_000_000, 1, 1),
];

fn main() {
    let wanted: Option<usize> = std::env::args().find_map(|word| word.parse().ok());
    println!("    nodes   deliveries  million a second  built and asked in  most memory so far");
    for (nodes, floods, rounds) in SIZES {
        if wanted.is_none_or(|wanted| wanted == nodes) {
            measure(nodes, floods, rounds);
        }
    }
}

/// The median of some rounds, each with a graph of its own.
fn measure(nodes: usize, floods: u32, rounds: u64) {
    let mut each: Vec<(f64, u64, Duration)> = (1..=rounds)
        .map(|seed| {
            let graph = Kind::Random.draw(nodes, 8.0, &mut Rng::seeded(seed));
            let comparison = Comparison {
                graph: graph.expect("it can be drawn").giant(),
                plan: Plan {
                    objects: 100,
                    replication: Replication::Part(0.01),
                    zipf: 0.0,
                    queries: floods,
                },
                strategies: vec![Strategy::Flood { ttl: Some(10) }],
                latency: Latency::default(),
                seed,
                threads: 1,
            };
            let outcome = comparison.run(&Progress::default());
            let speed = outcome.events as f64 / outcome.worked.as_secs_f64();
            (speed, outcome.events, outcome.took)
        })
        .collect();
    each.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (speed, events, took) = each[each.len() / 2];
    println!(
        "{nodes:>9}  {events:>11}  {:>16.2}  {:>17.1}s  {:>15} MB",
        speed / 1e6,
        took.as_secs_f64(),
        most_memory() / 1_024
    );
}

/// The most memory this process ever had, in KiB (Linux).
fn most_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let figure = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    figure.unwrap_or_default()
}
