//! What holds in the laboratory, exactly: the laws of floods, walks and seeds.

use servent::lab::centre::{self, Centre};
use servent::lab::compare::{Comparison, Outcome, Progress};
use servent::lab::measure::Measured;
use servent::lab::topology::{Graph, Kind};
use servent::lab::workload::{Plan, Replication, Workload};
use servent::lab::{Ground, Latency, World};
use servent::overlay::Strategy;
use servent::rng::Rng;

fn drawn(kind: &str, nodes: usize, degree: f64) -> Graph {
    let kind: Kind = kind.parse().expect(kind);
    let graph = kind
        .draw(nodes, degree, &mut Rng::seeded(5))
        .expect("there is such a graph");
    graph.giant()
}

fn strategy(text: &str) -> Strategy {
    text.parse().expect(text)
}

fn asked(graph: &Graph, by: &str, plan: &Plan) -> Vec<Measured> {
    let workload = Workload::draw(plan, graph.nodes(), &mut Rng::seeded(9));
    let mut world = World::new(&Ground::new(graph), strategy(by), Latency::default(), 3);
    let queries = workload.queries();
    queries
        .iter()
        .map(|asked| world.ask(&workload, *asked))
        .collect()
}

fn few(queries: u32) -> Plan {
    Plan {
        objects: 20,
        replication: Replication::Part(0.02),
        queries,
        ..Plan::default()
    }
}

#[test]
fn a_finished_flood_costs_two_for_each_link_less_one_for_each_node_but_the_asker() {
    for (kind, nodes, degree) in [
        ("random", 300, 6.0),
        ("regular", 300, 4.0),
        ("plrg", 300, 4.0),
        ("ba", 300, 6.0),
        ("grid", 225, 4.0),
        ("ring", 100, 2.0),
        ("line", 100, 2.0),
        ("star", 100, 2.0),
        ("tree", 100, 3.0),
        ("full", 40, 2.0),
        ("small-world", 300, 6.0),
    ] {
        let graph = drawn(kind, nodes, degree);
        let n = graph.nodes() as u64;
        let cost = 2 * graph.edges().len() as u64 - (n - 1);
        for one in asked(&graph, "flood:ttl=255", &few(3)) {
            assert_eq!(one.queries, cost, "{kind}");
            assert_eq!((one.reached, one.lookups), (n - 1, n - 1), "{kind}");
            assert_eq!(one.duplicates(), cost - (n - 1), "{kind}");
        }
    }
}

#[test]
fn a_flood_reaches_those_within_its_ttl_where_all_links_are_equally_long() {
    let graph = drawn("random", 400, 4.0);
    let neighbours = graph.neighbours();
    for ttl in 1..=5 {
        let plan = few(4);
        let workload = Workload::draw(&plan, graph.nodes(), &mut Rng::seeded(9));
        let same = Latency::between(50, 50).expect("a latency");
        let mut world = World::new(&Ground::new(&graph), Strategy::flood(ttl), same, 3);
        for asked in workload.queries() {
            let distances = neighbours.distances(asked.by);
            let within = distances
                .iter()
                .filter(|distance| (1..=ttl.into()).contains(*distance))
                .count();
            let nearest = workload
                .holders(asked.object)
                .iter()
                .map(|holder| distances[*holder as usize])
                .min();
            let measured = world.ask(&workload, *asked);
            assert_eq!(measured.reached, within as u64);
            let first = nearest.filter(|nearest| *nearest <= ttl.into());
            assert_eq!(measured.hops_first_hit, first);
        }
    }
}

#[test]
fn a_ring_stops_widening_once_it_is_answered() {
    let graph = drawn("line", 30, 2.0);
    let plan = Plan {
        objects: 1,
        replication: Replication::Copies(1),
        queries: 20,
        ..Plan::default()
    };
    let workload = Workload::draw(&plan, graph.nodes(), &mut Rng::seeded(2));
    let mut world = World::new(
        &Ground::new(&graph),
        strategy("ring:ttls=1-2-4-29"),
        Latency::default(),
        3,
    );
    let holder = workload.holders(0)[0];
    for asked in workload.queries() {
        let measured = world.ask(&workload, *asked);
        let far = holder.abs_diff(asked.by);
        let ends = |ttl: u32| u64::from(ttl.min(asked.by) + ttl.min(29 - asked.by));
        let rounds = [1, 2, 4, 29].iter().scan(false, |answered, ttl| {
            let goes_on = !*answered;
            *answered = far <= *ttl;
            goes_on.then_some(*ttl)
        });
        let rounds: Vec<u32> = rounds.collect();
        assert_eq!(
            measured.queries,
            rounds.iter().map(|ttl| ends(*ttl)).sum::<u64>(),
            "{far}"
        );
        let waited: u32 = rounds[..rounds.len() - 1].iter().sum();
        assert_eq!(measured.hops_first_hit, Some(waited + far));
    }
}

#[test]
fn walkers_take_no_more_steps_than_they_may_and_stop_when_the_asker_has_an_answer() {
    let graph = drawn("random", 500, 6.0);
    // Nobody has it: all walkers go to their end.
    let nobody = Plan {
        objects: 1,
        replication: Replication::Copies(1),
        queries: 5,
        ..Plan::default()
    };
    let workload = Workload::draw(&nobody, graph.nodes(), &mut Rng::seeded(9));
    let lonely = Workload::draw(
        &Plan {
            objects: 2,
            ..nobody
        },
        graph.nodes(),
        &mut Rng::seeded(9),
    );
    let mut world = World::new(
        &Ground::new(&graph),
        strategy("walk:walkers=4,ttl=12,check=255"),
        Latency::default(),
        3,
    );
    for asked in workload.queries() {
        let measured = world.ask(
            &lonely,
            servent::lab::workload::Asked {
                object: 1,
                ..*asked
            },
        );
        if measured.results == 0 {
            assert_eq!((measured.queries, measured.checks), (4 * 12, 0));
        } else {
            assert!(measured.queries < 4 * 12);
        }
    }
    for one in asked(&graph, "walk:walkers=8,ttl=255,check=4", &few(30)) {
        assert!(one.results > 0, "a copy on every fiftieth node is found");
        assert!(one.queries < 8 * 255, "they were told to stop");
        assert!(one.checks > 0 || one.hops_first_hit < Some(4));
    }
}

#[test]
fn a_walk_costs_a_hundredth_of_a_flood_at_equal_success() {
    let graph = drawn("random", 8_000, 8.0);
    let plan = Plan {
        objects: 20,
        replication: Replication::Part(0.01),
        queries: 40,
        ..Plan::default()
    };
    let outcome = compared(graph, &["flood:ttl=7", "walk:walkers=16,check=4"], plan, 1);
    let [(_, flood), (_, walk)] = &outcome.rows[..] else {
        panic!("two rows")
    };
    assert_eq!((flood.success(), walk.success()), (1.0, 1.0));
    let flood = flood.mean(|one| one.queries);
    let walk = walk.mean(|one| one.queries + one.checks);
    assert!(walk * 100.0 <= flood, "{walk} of {flood}");
}

#[test]
fn an_index_and_a_complete_flood_find_the_same() {
    let graph = drawn("random", 300, 6.0);
    let plan = Plan {
        replication: Replication::Proportional(20.0),
        zipf: 0.8,
        ..few(40)
    };
    let nodes = graph.nodes();
    let workload = Workload::draw(&plan, nodes, &mut Rng::seeded(9));
    let mut world = World::new(
        &Ground::new(&graph),
        strategy("flood:ttl=255"),
        Latency::default(),
        3,
    );
    let mut centre = Centre::new(nodes, plan.objects, &workload, Latency::default(), 3);
    for asked in workload.queries() {
        let flood = world.ask(&workload, *asked);
        let (one, mut owners) = centre.ask(*asked);
        owners.sort_unstable();
        // Every node was asked, and so many answered as hold it; the index names exactly these.
        assert_eq!(owners, workload.holders(asked.object));
        assert_eq!(
            (flood.reached, flood.results),
            (nodes as u64 - 1, owners.len() as u64)
        );
        assert_eq!(one.results, flood.results);
        // One question, a frame for each file, one that says that there are no more.
        assert_eq!((one.queries, one.hits_sent), (1, one.results + 1));
        assert!(one.first_hit_after.is_some() && one.bytes > 0);
    }
    let load = centre.load();
    let copies: usize = (0..plan.objects)
        .map(|object| workload.holders(object).len())
        .sum();
    assert_eq!(
        (load.logins, load.registrations),
        (nodes as u64, copies as u64)
    );
    assert_eq!(load.searches, u64::from(plan.queries));
    assert_eq!(copies, plan.copies(nodes));
}

#[test]
fn without_its_server_an_index_finds_nothing_and_floods_go_on() {
    let comparison = Comparison {
        graph: drawn("random", 300, 8.0),
        plan: few(40),
        strategies: vec![strategy("flood")],
        latency: Latency::default(),
        seed: 1,
        threads: 2,
    };
    let outcome = comparison.run(&Progress::default());
    let ask = |loss| centre::run(&comparison, loss, &Progress::default());
    let (whole, halved) = (ask(None), ask(Some(10)));
    assert_eq!(whole.summary.success_around(10), (Some(1.0), Some(1.0)));
    assert_eq!(halved.summary.success_around(10), (Some(1.0), Some(0.0)));
    assert_eq!(halved.summary.success(), 0.25);
    assert_eq!(halved.load.searches, 10);
    assert_eq!(outcome.rows[0].1.success_around(10), (Some(1.0), Some(1.0)));
    assert_eq!(ask(Some(0)).summary.success_around(0), (None, Some(0.0)));
    // Equal seeds, equal runs.
    assert_eq!(ask(None).digest, whole.digest);
    assert_ne!(halved.digest, whole.digest);
    let other = Comparison {
        seed: 2,
        ..comparison.clone()
    };
    assert_ne!(
        centre::run(&other, None, &Progress::default()).digest,
        whole.digest
    );
}

fn compared(graph: Graph, strategies: &[&str], plan: Plan, threads: usize) -> Outcome {
    let comparison = Comparison {
        graph,
        plan,
        strategies: strategies.iter().map(|text| strategy(text)).collect(),
        latency: Latency::default(),
        seed: 1,
        threads,
    };
    comparison.run(&Progress::default())
}

#[test]
fn equal_seeds_give_equal_runs_with_any_number_of_threads() {
    let all = ["flood", "ring", "walk", "dynamic"];
    let graph = drawn("random", 300, 8.0);
    let run = |threads| compared(graph.clone(), &all, few(12), threads);
    let (one, two) = (run(1), run(2));
    assert_eq!((one.digest, one.events), (two.digest, two.events));
    for ((_, a), (_, b)) in one.rows.iter().zip(&two.rows) {
        assert_eq!(a.mean(|one| one.bytes), b.mean(|one| one.bytes));
        assert_eq!(a.hop_histogram(), b.hop_histogram());
    }
    // Written down once, in a debug and a release build alike; it changes when the protocol core does.
    let other = compared(
        graph,
        &all,
        Plan {
            zipf: 1.0,
            ..few(12)
        },
        1,
    );
    assert_ne!(one.digest, other.digest);
}

#[test]
fn in_two_tiers_leaves_relay_nothing_and_hear_only_what_they_may_have() {
    let graph = drawn("two-tier:leaves=10,hubs=2", 600, 8.0);
    let tiers = graph.tiers();
    let ultrapeers = (0..graph.nodes() as u32)
        .filter(|node| !tiers.is_leaf(*node))
        .count() as u64;
    let plan = few(20);
    let workload = Workload::draw(&plan, graph.nodes(), &mut Rng::seeded(9));
    for by in ["flood:ttl=9", "walk", "dynamic"] {
        let mut world = World::new(&Ground::new(&graph), strategy(by), Latency::default(), 3);
        world.tell_tables(&workload);
        let mut found = 0;
        for asked in workload.queries() {
            let measured = world.ask(&workload, *asked);
            found += u64::from(measured.results > 0);
            let holders = workload.holders(asked.object).iter();
            let leaves = holders.filter(|holder| tiers.is_leaf(**holder)).count() as u64;
            // All ultrapeers, the leaves that have it, and some whose words share a slot of the table.
            let most = ultrapeers + leaves + graph.nodes() as u64 / 50;
            assert!(
                measured.reached <= most,
                "{by}: {} of {most}",
                measured.reached
            );
            if by.starts_with("flood") {
                assert!(
                    measured.reached + 1 >= ultrapeers + leaves,
                    "{}",
                    measured.reached
                );
                assert_eq!(
                    measured.results,
                    workload.holders(asked.object).len() as u64
                );
            }
        }
        assert!(found >= 18, "{by}: {found} of 20");
    }
}
