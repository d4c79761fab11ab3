//! What holds by a formula, whoever measures it.

use super::Verdict;
use crate::lab::replicate::probe;
use crate::lab::topology::{Graph, Kind};
use crate::lab::workload::{Asked, Plan, Replication, Workload};
use crate::lab::{Ground, Latency, World};
use crate::overlay::{Strategy, Walk};
use crate::rng::Rng;

/// Holds the laws against what is measured; the flood's on these networks.
pub(super) fn judge(networks: Vec<(&'static str, Graph)>, seed: u64) -> Vec<Verdict> {
    let floods = networks
        .iter()
        .map(|(name, graph)| flood(name, graph, seed));
    let mut verdicts: Vec<Verdict> = floods.collect();
    verdicts.extend(replication(seed));
    verdicts.extend(STEPS.map(|walkers| coverage(walkers, seed)));
    verdicts
}

/// A flood that reaches everybody costs `2|E| - (n-1)`, to the last message.
fn flood(network: &'static str, graph: &Graph, seed: u64) -> Verdict {
    let plan = Plan {
        queries: 1,
        ..Plan::default()
    };
    let workload = Workload::draw(&plan, graph.nodes(), &mut Rng::seeded(seed));
    let strategy = Strategy::flood(u8::MAX);
    let mut world = World::new(&Ground::new(graph), strategy, Latency::default(), seed);
    let asked = workload.queries()[0];
    let measured = world.ask(&workload, asked).queries as f64;
    let law = graph.flood_law().unwrap_or_default() as f64;
    verdict(
        network,
        strategy,
        "messages of a whole flood",
        law,
        measured,
        0.0,
    )
}

/// Copies in proportion to popularity cost as much as the same number for all, and such that follow its square root cost
/// 0.510 of that (Cohen and Shenker 2002; for a thousand objects of a Zipf law of 1.0, however many copies there are: thirty
/// of each on average here, so that it matters little that copies are whole).
fn replication(seed: u64) -> [Verdict; 2] {
    let measured = |replication| {
        let plan = Plan {
            objects: 1_000,
            replication,
            zipf: 1.0,
            queries: 200_000,
        };
        let mut dice = Rng::seeded(seed);
        let workload = Workload::draw(&plan, NODES, &mut dice);
        probe(&workload, NODES, &mut dice)
    };
    let uniform = measured(Replication::Copies(30));
    [
        (
            "proportional by uniform",
            Replication::Proportional(30.0),
            1.0,
        ),
        (
            "square root by uniform",
            Replication::SquareRoot(30.0),
            0.510,
        ),
    ]
    .map(|(figure, replication, expected)| Verdict {
        strategy: "probing",
        ..verdict(
            "any",
            Strategy::Auto,
            figure,
            expected,
            measured(replication) / uniform,
            0.05,
        )
    })
}

/// Walkers who together take T steps on a random regular graph come to n(1 - exp(-T/n)) nodes: where nobody turns back at
/// once a walk soon is as good as drawing nodes (Alon, Benjamini, Lubetzky and Sodin, "Non-backtracking random walks mix
/// faster", 2007). Of such who do turn back the exponent has a factor of (d-2)/(d-1).
fn coverage(walkers: u8, seed: u64) -> Verdict {
    let graph = Kind::Regular
        .draw(NODES, 4.0, &mut Rng::seeded(seed))
        .expect("ten thousand is even");
    let walk = Strategy::Walk(Walk {
        walkers,
        ttl: WALK,
        // Nobody stops them.
        check: u8::MAX,
    });
    let ground = Ground::new(&graph);
    let mut world = World::new(&ground, walk, Latency::default(), seed);
    let mut dice = Rng::seeded(seed);
    let plan = Plan {
        objects: 1,
        replication: Replication::Copies(1),
        zipf: 0.0,
        queries: 0,
    };
    let (mut reached, mut steps) = (0.0, 0.0);
    for _ in 0..WALKS {
        let workload = Workload::draw(&plan, NODES, &mut dice);
        // Who asks for what he alone has finds it nowhere, so all walk to their ends.
        let by = workload.holders(0)[0];
        let measured = world.ask(&workload, Asked { by, object: 0 });
        reached += measured.reached as f64 / WALKS as f64;
        steps += measured.queries as f64 / WALKS as f64;
    }
    let nodes = NODES as f64;
    let law = nodes * (1.0 - (-steps / nodes).exp());
    verdict(
        "regular",
        walk,
        "nodes that walks reach",
        law,
        reached,
        0.05,
    )
}

fn verdict(
    network: &'static str,
    strategy: Strategy,
    figure: &'static str,
    expected: f64,
    measured: f64,
    tolerance: f64,
) -> Verdict {
    Verdict {
        network,
        replication: None,
        strategy: strategy.name(),
        figure,
        expected,
        measured,
        tolerance,
        holds: (measured - expected).abs() <= tolerance * expected,
    }
}

/// Nodes of the networks of these laws.
const NODES: usize = 10_000;

/// Walkers of 250 steps: a thousand steps together, ten thousand and thirty thousand.
const STEPS: [u8; 3] = [4, 40, 120];

/// Steps of a walker.
const WALK: u8 = 250;

/// Walks that a figure is the mean of.
const WALKS: usize = 10;
