//! Files gathered from sources of every kind.

mod village;
mod whom;
mod world;

use self::world::{BLOCK, MIB, Manner, STEP, World};
use super::*;

#[test]
fn the_speeds_of_all_sources_add_up() {
    let sums: [&[u64]; 4] = [
        &[5, 5, 5, 5],
        &[1, 2, 7, 10],
        &[1, 1, 1, 17],
        &[3, 3, 3, 3, 2, 2, 2, 2],
    ];
    for rates in sums {
        let hosts = rates.iter().map(|rate| (Manner::Honest, rate * 1_000_000));
        let hosts: Vec<_> = hosts.collect();
        let size = 200_000_000;
        let mut world = World::new(1, size, true, &hosts);
        let took = world.run();
        assert!(world.is_right());
        // Every answer takes 20 ms to begin, and what a step did not use is lost.
        assert!(took < Duration::from_millis(11_000), "{rates:?}: {took:?}");
        let brought: u64 = world
            .swarm
            .sources()
            .map(|(_, source)| source.brought)
            .sum();
        assert_eq!(brought, size, "nothing was written twice");
    }
}

#[test]
fn a_liar_is_named_after_two_blocks_and_costs_no_more_than_they_do() {
    for seed in 0..50 {
        let hosts = [
            (Manner::Liar(20), 5_000_000),
            (Manner::Honest, 5_000_000),
            (Manner::Honest, 5_000_000),
            (Manner::Honest, 5_000_000),
        ];
        let mut world = World::new(seed, 60 * MIB, true, &hosts);
        world.run();
        assert!(world.is_right(), "seed {seed}");
        assert_eq!(world.banned, [(SourceId(0), Crime::FalseBytes)]);
        assert!(world.bad_blocks <= 4, "{}", world.bad_blocks);
        assert!(world.swarm.wasted() <= 2 * world.sent_wrong, "seed {seed}");
        assert_eq!(world.checks, 1);
    }
}

#[test]
fn bad_manners_hold_up_nobody_for_long() {
    let bad = [
        Manner::Dies(3 * MIB),
        Manner::Dies(0),
        Manner::Stalls(2 * MIB + 17),
        Manner::Stalls(0),
        Manner::Refuses,
        Manner::OtherFile,
        Manner::Half,
        Manner::Busy,
        Manner::Liar(2),
    ];
    for (number, manner) in bad.into_iter().enumerate() {
        for tree in [true, false] {
            let hosts = [(manner, 5_000_000), (Manner::Honest, 5_000_000)];
            let mut world = World::new(number as u64, 20 * MIB, tree, &hosts);
            let took = world.run();
            assert!(
                world.is_right(),
                "{manner:?}, tree {tree}: {:?}",
                world.swarm
            );
            assert!(took < Duration::from_secs(45), "{manner:?}: {took:?}");
        }
    }
}

#[test]
fn without_a_tree_a_liar_is_found_by_asking_one_at_a_time() {
    let hosts = [
        (Manner::Liar(20), 9_000_000),
        (Manner::Honest, 5_000_000),
        (Manner::Honest, 5_000_000),
    ];
    let mut world = World::new(3, 20 * MIB, false, &hosts);
    world.run();
    assert!(world.is_right());
    assert!(world.checks <= 3 && world.banned.len() <= 1);
}

#[test]
fn a_false_tree_falls_and_not_those_who_are_right() {
    let hosts = [(Manner::Honest, 5_000_000); 3];
    let mut world = World::new(3, 20 * MIB, true, &hosts);
    // Another tree than the file's: by it nothing is right.
    world.swarm.teller = Some(SourceId(1));
    world.wrong.insert(ByteRange::new(0, 20 * MIB));
    for _ in 0..100_000 {
        if !world.tree {
            world.wrong = Ranges::new();
        }
        if world.swarm.is_complete() {
            break;
        }
        world.now += STEP;
        (0..3).for_each(|number| world.step(number));
        if world.tree {
            world.wrong.insert(ByteRange::new(0, 20 * MIB));
        }
        world.tell(Input::Tick);
    }
    assert!(world.is_right() && !world.tree);
    assert_eq!(world.banned, [(SourceId(1), Crime::FalseTree)]);
}

#[test]
fn a_source_that_is_alone_and_wrong_strands_the_file() {
    let mut world = World::new(3, MIB, false, &[(Manner::Liar(1), 5_000_000)]);
    world.run();
    assert!(world.swarm.is_stranded() && world.swarm.here().is_empty());
    assert_eq!(world.banned, [(SourceId(0), Crime::FalseBytes)]);
}

#[test]
fn whoever_is_paused_asks_nobody() {
    let mut world = World::new(4, 4 * MIB, true, &[(Manner::Honest, 1_000_000); 2]);
    let mut out = Vec::new();
    world.swarm.pause(world.now, true, &mut out);
    assert_eq!(out, [Effect::Cut(SourceId(0)), Effect::Cut(SourceId(1))]);
    out.into_iter()
        .for_each(|effect| drop(world.perform(effect)));
    world.tell(Input::Tick);
    assert!(world.hosts.iter().all(|host| host.job.is_none()) && !world.swarm.is_stranded());
    let mut out = Vec::new();
    world.swarm.pause(world.now, false, &mut out);
    out.into_iter()
        .for_each(|effect| drop(world.perform(effect)));
    world.run();
    assert!(world.is_right());
}

#[test]
fn nothing_in_any_order_breaks_it() {
    for seed in 0..300 {
        let mut rng = Rng::seeded(seed);
        let size = 1 + rng.below(3_000_000) as u64;
        let mut swarm = World::new(seed, size, false, &[]).swarm;
        let mut out: Vec<Effect> = Vec::new();
        let mut now = Time::ZERO;
        for _ in 0..400 {
            now += Duration::from_millis(rng.below(3_000) as u64);
            let source = SourceId(rng.below(5) as u32);
            let start = rng.below(size as usize) as u64;
            let range =
                ByteRange::new(start, start + 1 + rng.below((size - start) as usize) as u64);
            let ranges = [range].into_iter().collect();
            let asked = out.iter().rev().find_map(|effect| match effect {
                Effect::Judge(range) => Some(*range),
                _ => None,
            });
            let good = rng.chance(0.7);
            let input = match rng.below(10) {
                0 => Input::Found(source),
                1 => Input::Has { source, ranges },
                2 => Input::Sending { source, range },
                3 | 4 => Input::Arrived { source, range },
                5 => Input::Ended(source),
                6 => Input::Failed {
                    source,
                    how: match rng.below(5) {
                        0 => Failure::Broken,
                        1 => Failure::Busy(Duration::from_secs(9)),
                        2 => Failure::Missing,
                        3 => Failure::Queued(Duration::from_secs(9)),
                        _ => Failure::OtherFile,
                    },
                },
                7 => Input::Tree {
                    block: BLOCK,
                    teller: Some(source),
                },
                8 => Input::Judged {
                    range: asked.unwrap_or(range),
                    good,
                },
                _ if out.last() == Some(&Effect::Check) => Input::Checked { good },
                _ => Input::Tick,
            };
            swarm.handle(now, input, &mut out);
            assert!(swarm.deadline(now) > now);
            assert!(
                swarm
                    .proven()
                    .iter()
                    .all(|range| swarm.here().contains(range))
            );
        }
    }
}

#[test]
fn a_true_tree_outlives_a_liar_who_told_it() {
    let mut swarm = World::new(1, 4 * BLOCK, false, &[]).swarm;
    let (liar, other) = (SourceId(0), SourceId(1));
    let mut out = Vec::new();
    let mut tell = |input| swarm.handle(Time::ZERO, input, &mut out);
    tell(Input::Found(liar));
    tell(Input::Found(other));
    tell(Input::Tree {
        block: BLOCK,
        teller: Some(liar),
    });
    for (source, number, good) in [(liar, 0, false), (other, 1, true), (liar, 0, false)] {
        let range = ByteRange::new(number * BLOCK, (number + 1) * BLOCK);
        tell(Input::Arrived { source, range });
        tell(Input::Judged { range, good });
    }
    assert!(!out.contains(&Effect::DropTree), "{out:?}");
    let crime = Crime::FalseBytes;
    assert!(out.contains(&Effect::Ban {
        source: liar,
        crime
    }));
}

#[test]
fn a_tree_that_condemned_others_falls_with_the_whole_file() {
    // The teller is right by its own tree, another is not, and the file as the tree has it is false.
    let mut swarm = World::new(1, 2 * BLOCK, false, &[]).swarm;
    let (teller, other) = (SourceId(0), SourceId(1));
    let (now, mut out) = (Time::ZERO, Vec::new());
    let tree = Input::Tree {
        block: BLOCK,
        teller: Some(teller),
    };
    for input in [Input::Found(teller), Input::Found(other), tree] {
        swarm.handle(now, input, &mut out);
    }
    let blocks = [ByteRange::new(0, BLOCK), ByteRange::new(BLOCK, 2 * BLOCK)];
    let mut deal = |source: SourceId, good: bool, out: &mut Vec<Effect>| {
        for range in blocks {
            swarm.handle(now, Input::Arrived { source, range }, out);
            swarm.handle(now, Input::Judged { range, good }, out);
        }
        swarm.handle(now, Input::Ended(source), out);
        swarm.is_complete()
    };
    deal(other, false, &mut out);
    let crime = Crime::FalseBytes;
    assert!(out.contains(&Effect::Ban {
        source: other,
        crime
    }));
    deal(teller, true, &mut out);
    assert_eq!(out.last(), Some(&Effect::Check));
    out.clear();
    swarm.handle(now, Input::Checked { good: false }, &mut out);
    let crime = Crime::FalseTree;
    for effect in [
        Effect::DropTree,
        Effect::Pardon(other),
        Effect::Ban {
            source: teller,
            crime,
        },
    ] {
        assert!(out.contains(&effect), "{out:?}");
    }
    assert!(matches!(out.last(), Some(Effect::Ask { source, .. }) if *source == other));
}
