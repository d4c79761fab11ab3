//! What holds in a network, where many ask at once and servents come and go: the laws of floods and of queues, and that a seed
//! repeats everything.

use std::sync::Arc;
use std::time::Duration;

use servent::lab::churn::{Churn, Lives};
use servent::lab::compare::Progress;
use servent::lab::network::{Conditions, Network, News};
use servent::lab::topology::{Graph, Kind};
use servent::lab::workload::{Asked, Plan, Replication, Workload};
use servent::lab::{Ground, Latency, World};
use servent::overlay::Strategy;
use servent::rng::Rng;
use servent::time::Time;

fn conditions(strategy: &str) -> Conditions {
    Conditions {
        strategy: strategy.parse().expect("a strategy"),
        latency: Latency::default(),
        work: Duration::ZERO,
        patience: Duration::from_secs(60),
        neighbours: None,
        seed: 3,
    }
}

fn few() -> Plan {
    Plan {
        objects: 10,
        replication: Replication::Copies(4),
        zipf: 0.0,
        queries: 12,
    }
}

/// A network on a graph, whose neighbours have met.
fn joined(graph: &Graph, workload: &Arc<Workload>, conditions: Conditions) -> Network {
    let mut network = Network::new(graph.nodes(), Arc::clone(workload), conditions);
    (0..graph.nodes() as u32).for_each(|node| network.come(node, &[]));
    for (a, b) in graph.edges() {
        network.join(*a, *b);
    }
    while network.pass(Time::from_secs(600)).is_some() {}
    network
}

/// Everything that is still to happen.
fn all_news(network: &mut Network) -> Vec<News> {
    let end = network.now() + Duration::from_secs(100_000);
    std::iter::from_fn(|| network.pass(end)).collect()
}

#[test]
fn a_network_counts_what_the_world_counts() {
    let graph = Kind::Random
        .draw(200, 5.0, &mut Rng::seeded(2))
        .expect("possible")
        .giant();
    let workload = Arc::new(Workload::draw(&few(), graph.nodes(), &mut Rng::seeded(4)));
    for strategy in ["flood:ttl=4", "flood:ttl=9", "ring:ttls=1-3-9"] {
        let mut network = joined(&graph, &workload, conditions(strategy));
        let way: Strategy = strategy.parse().expect("a strategy");
        let mut world = World::new(&Ground::new(&graph), way, Latency::default(), 3);
        for asked in workload.queries() {
            let before = network.traffic();
            let search = network.ask(*asked);
            let news = all_news(&mut network);
            let sent = network.traffic().since(before);
            let measured = world.ask(&workload, *asked);
            let counted = (sent.queries, sent.lookups, sent.hits, sent.found);
            let told = (
                measured.queries,
                measured.lookups,
                measured.hits_sent,
                measured.results,
            );
            assert_eq!(counted, told, "{strategy}");
            assert_eq!(news.last(), Some(&News::Over { search }));
            let first = news.iter().find_map(|news| match news {
                News::Found { after, .. } => Some(*after),
                News::Over { .. } => None,
            });
            assert_eq!(first, measured.first_hit_after, "{strategy}");
        }
    }
}

#[test]
fn askers_at_one_desk_wait_for_each_other() {
    // Three in a line; the one at the far end has what the first two ask for.
    let graph = Graph::new(3, [(0, 1), (1, 2)]);
    let plan = Plan {
        objects: 1,
        replication: Replication::Copies(1),
        ..few()
    };
    let drawn = (0..).map(|seed| Workload::draw(&plan, 3, &mut Rng::seeded(seed)));
    let workload = drawn
        .into_iter()
        .find(|drawn| drawn.holds(2, 0))
        .expect("some seed");
    let conditions = Conditions {
        latency: Latency::between(10, 10).expect("a latency"),
        work: Duration::from_millis(4),
        ..conditions("flood:ttl=5")
    };
    let mut network = joined(&graph, &Arc::new(workload), conditions);
    let waits = |network: &mut Network, asks: &[u32]| {
        for by in asks {
            network.ask(Asked { by: *by, object: 0 });
        }
        let found = all_news(network).into_iter().filter_map(|news| match news {
            News::Found { after, .. } => Some(after.as_millis()),
            News::Over { .. } => None,
        });
        found.collect::<Vec<_>>()
    };
    // Each link there and back: written, under way, read.
    assert_eq!(waits(&mut network, &[0]), [2 * 2 * (4 + 10 + 4)]);
    // Of two at once the second is written later. At three desks it comes to the door just when the first has been read, and
    // is read before that is passed on; so the first waits three times.
    assert_eq!(waits(&mut network, &[0, 0]), [72 + 3 * 4, 88]);
}

#[test]
fn whoever_goes_takes_his_links_with_him_and_comes_back_as_another() {
    let graph = Graph::new(3, [(0, 1), (1, 2)]);
    let plan = Plan {
        objects: 1,
        replication: Replication::Copies(2),
        ..few()
    };
    let workload = Arc::new(Workload::draw(&plan, 3, &mut Rng::seeded(1)));
    let by = (0..3)
        .find(|node| !workload.holds(*node, 0))
        .expect("somebody lacks it");
    let mut network = joined(&graph, &workload, conditions("flood:ttl=5"));
    let asked = Asked { by, object: 0 };
    network.ask(asked);
    assert_eq!(all_news(&mut network).len(), 2, "found, and over");
    // In the middle of the next one everybody but the asker vanishes.
    network.ask(asked);
    let now = network.now();
    assert_eq!(network.pass(now + Duration::from_millis(1)), None);
    for node in (0..3).filter(|node| *node != by) {
        network.go(node);
        assert!(!network.is_up(node));
    }
    assert_eq!(all_news(&mut network).len(), 1, "over");
    assert!(network.traffic().lost > 0);
    (0..3)
        .filter(|node| *node != by)
        .for_each(|node| network.come(node, &[]));
    for (a, b) in graph.edges() {
        network.join(*a, *b);
    }
    network.ask(asked);
    assert_eq!(all_news(&mut network).len(), 2, "found again, and over");
}

fn churn() -> Churn {
    Churn {
        nodes: 40,
        neighbours: 4,
        plan: Plan {
            queries: 30,
            ..few()
        },
        lives: Lives {
            session: Duration::from_secs(120),
            away: Duration::from_secs(120),
            shape: 0.6,
        },
        span: Duration::from_secs(240),
        strategies: vec![Some(Strategy::flood(7)), "walk".parse().ok(), None],
        latency: Latency::default(),
        seed: 1,
    }
}

#[test]
fn while_servents_come_and_go_an_index_finds_all_that_is_there_and_a_flood_nearly_all() {
    let outcome = churn().run(&Progress::default());
    assert!(outcome.changes > 10, "{}", outcome.changes);
    assert!(
        (12.0..28.0).contains(&outcome.present),
        "{}",
        outcome.present
    );
    let [(_, flood), (_, walk), (_, index)] = &outcome.rows[..] else {
        panic!("three rows");
    };
    assert_eq!(
        (flood.asked, flood.available),
        (index.asked, index.available)
    );
    assert_eq!(index.answered, index.available);
    assert!(flood.success() >= 0.9, "{}", flood.success());
    assert!(walk.success() >= 0.8, "{}", walk.success());
    assert!(flood.traffic.upkeep > 1_000, "neighbours are pinged");
    let again = churn().run(&Progress::default());
    assert_eq!((again.digest, again.rows), (outcome.digest, outcome.rows));
}

#[test]
fn where_nobody_goes_everybody_is_found() {
    let calm = Churn {
        lives: Lives {
            session: Duration::from_secs(1_000_000_000),
            away: Duration::from_secs(1),
            shape: 1.0,
        },
        strategies: vec![Some(Strategy::flood(9))],
        span: Duration::from_secs(60),
        ..churn()
    };
    let outcome = calm.run(&Progress::default());
    assert_eq!((outcome.changes, outcome.present.round()), (0, 40.0));
    let (_, flood) = &outcome.rows[0];
    assert_eq!((flood.available, flood.answered), (30, 30));
    let ended = Progress::default();
    ended.end();
    let nothing = calm.run(&ended);
    assert!(nothing.cut_short);
    assert_eq!(nothing.rows[0].1.asked, 0);
}
