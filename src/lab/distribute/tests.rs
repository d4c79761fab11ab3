//! Files spread by hand-made plans.

use super::*;

/// Equal lines, and a chunk a second over each of them.
fn equal(peers: usize, chunks: usize, pick: Pick) -> Plan {
    Plan {
        peers,
        chunks,
        size: chunks as u64 * 1_000,
        server_up: 1_000,
        peer_up: 1_000,
        peer_down: 4_000,
        slots: 1,
        neighbours: usize::MAX,
        pick,
        swarm: true,
        seed: 1,
    }
}

#[test]
fn a_server_alone_needs_exactly_what_the_bound_says() {
    for (server_up, peer_down) in [(10_000, 10_000), (10_000, 3_000), (100_000, 1_000)] {
        let plan = Plan {
            server_up,
            peer_down,
            swarm: false,
            ..equal(20, 50, Pick::Rarest)
        };
        let all = plan.run().all.as_secs_f64();
        let bound = plan.server_bound();
        assert!(
            (bound * 0.999..=bound * 1.02).contains(&all),
            "{all} s, {bound} s"
        );
        assert_eq!(plan.run().sent, [1_000, 0]);
    }
}

#[test]
fn no_swarm_beats_its_bound_and_all_get_everything_once() {
    for (peers, server_up, peer_down) in
        [(1, 1_000, 1_000), (7, 3_000, 2_000), (30, 10_000, 10_000)]
    {
        for pick in [Pick::Rarest, Pick::Random, Pick::InOrder] {
            let plan = Plan {
                server_up,
                peer_down,
                ..equal(peers, 40, pick)
            };
            let spread = plan.run();
            let (all, bound) = (spread.all.as_secs_f64(), plan.swarm_bound());
            assert!(all >= bound * 0.999, "{all} s, {bound} s");
            assert_eq!(spread.sent.iter().sum::<u64>(), peers as u64 * 40);
            assert!(spread.mean <= spread.all);
            assert_eq!(spread, plan.run(), "a seed repeats it");
        }
    }
}

#[test]
fn the_rarest_first_comes_near_the_optimum_and_any_does_not() {
    let seconds = |pick| equal(100, 100, pick).run().all.as_secs_f64();
    let optimum = equal(100, 100, Pick::Rarest).optimum();
    assert_eq!(optimum, Some(106.0));
    let (rarest, random) = (seconds(Pick::Rarest), seconds(Pick::Random));
    assert!(0.95 * rarest <= 106.0, "{rarest} s");
    assert!(random >= 1.12 * rarest, "{random} s against {rarest} s");
}

/// With whole lines any chunk costs a twentieth more than the rarest: what it costs are some rounds at the end. Who sends to
/// ten at a time, as servents do, has rounds ten times as long.
#[test]
fn a_thousand_peers_share_a_thousand_chunks() {
    let seconds = |pick, slots| {
        let plan = Plan {
            slots,
            ..equal(1_000, 1_000, pick)
        };
        plan.run().all.as_secs_f64()
    };
    let whole = seconds(Pick::Rarest, 1);
    assert!(0.99 * whole <= 1_009.0, "{whole} s");
    let (rarest, random) = (seconds(Pick::Rarest, 10), seconds(Pick::Random, 10));
    assert!(0.95 * rarest <= 1_009.0, "{rarest} s");
    assert!(random >= 1.12 * rarest, "{random} s against {rarest} s");
}

#[test]
fn nobody_keeps_a_slot_free_for_who_is_not_there() {
    let plan = Plan {
        slots: 10,
        ..equal(1, 40, Pick::Rarest)
    };
    assert_eq!(plan.run().all.as_secs_f64(), plan.server_bound());
}

#[test]
fn who_knows_a_few_others_still_gets_all() {
    for neighbours in [0, 1, 4, 20] {
        let plan = Plan {
            neighbours,
            ..equal(60, 60, Pick::Rarest)
        };
        let spread = plan.run();
        assert_eq!(spread.sent.iter().sum::<u64>(), 3_600);
    }
}
