//! Who is asked for what, and when again.

use super::world::{BLOCK, KIB, MIB, Manner, STEP, World};
use crate::swarm::places::{FAIR_TRIAL, MOST_WORKING};
use crate::swarm::*;

#[test]
fn the_rarest_comes_first() {
    let mut swarm = World::new(9, 64 * MIB, false, &[]).swarm;
    let mut out = Vec::new();
    for id in 0..4 {
        let source = SourceId(id);
        swarm.pause(Time::ZERO, true, &mut out);
        swarm.handle(Time::ZERO, Input::Found(source), &mut out);
        // All have the first half, one has all.
        let end = if id == 3 { 64 * MIB } else { 32 * MIB };
        let ranges = [ByteRange::new(0, end)].into_iter().collect();
        swarm.handle(Time::ZERO, Input::Has { source, ranges }, &mut out);
    }
    assert_eq!(out, []);
    let range = swarm.choose(Time::ZERO, SourceId(3)).expect("all is free");
    assert!(range.start >= 32 * MIB, "{range:?}");
}

#[test]
fn who_has_nothing_new_is_asked_again_soon_and_ever_later_in_vain() {
    let (size, first) = (16 * BLOCK, ByteRange::new(0, BLOCK));
    let mut swarm = World::new(1, size, false, &[]).swarm;
    let (source, mut now, mut out) = (SourceId(0), Time::ZERO, Vec::new());
    swarm.handle(now, Input::Found(source), &mut out);
    let range = first;
    swarm.handle(now, Input::Arrived { source, range }, &mut out);
    for seconds in [1, 2, 4, 8, 16, 30, 30] {
        let ranges = [first].into_iter().collect();
        swarm.handle(now, Input::Has { source, ranges }, &mut out);
        let how = Failure::Missing;
        out.clear();
        swarm.handle(now, Input::Failed { source, how }, &mut out);
        let again = now + Duration::from_secs(seconds);
        now += Duration::from_secs(seconds) - Duration::from_millis(1);
        swarm.handle(now, Input::Tick, &mut out);
        assert_eq!(out, [], "{seconds} s");
        now = again;
        swarm.handle(now, Input::Tick, &mut out);
        assert!(matches!(out[..], [Effect::Ask { .. }]), "{seconds} s");
    }
    // Who has become whole says so by not saying what he has.
    let range = ByteRange::new(BLOCK, 2 * BLOCK);
    swarm.handle(now, Input::Sending { source, range }, &mut out);
    swarm.handle(now, Input::Arrived { source, range }, &mut out);
    out.clear();
    swarm.handle(now, Input::Ended(source), &mut out);
    assert!(matches!(out[..], [Effect::Ask { .. }]));
}

#[test]
fn who_does_not_give_what_he_says_he_has_is_asked_ever_later() {
    let mut swarm = World::new(1, 16 * BLOCK, false, &[]).swarm;
    let (source, mut now, mut out) = (SourceId(0), Time::ZERO, Vec::new());
    swarm.handle(now, Input::Found(source), &mut out);
    for _ in 0..60 {
        // Whatever it is asked for, it says that it has another part, or all of it.
        while swarm.source(source).is_some_and(|own| own.work().is_some()) {
            let all = [ByteRange::new(0, 16 * BLOCK)];
            let ranges = all.into_iter().collect();
            swarm.handle(now, Input::Has { source, ranges }, &mut out);
            let how = Failure::Missing;
            swarm.handle(now, Input::Failed { source, how }, &mut out);
            assert!(out.len() < 20, "it is asked without end");
        }
        now += Duration::from_secs(1);
        swarm.handle(now, Input::Tick, &mut out);
    }
    assert!(
        swarm
            .source(source)
            .is_some_and(|own| own.standing != Standing::Gone)
    );
}

#[test]
fn whose_time_has_come_is_not_waited_for_while_nobody_is_asked() {
    let mut swarm = World::new(1, 16 * BLOCK, false, &[]).swarm;
    let (source, mut now, mut out) = (SourceId(0), Time::ZERO, Vec::new());
    swarm.handle(now, Input::Found(source), &mut out);
    let how = Failure::Busy(Duration::from_secs(3));
    swarm.handle(now, Input::Failed { source, how }, &mut out);
    swarm.pause(now, true, &mut out);
    let mut ticks = 0;
    while now < Time::ZERO + 60 * HEARTBEAT {
        now = swarm.deadline(now);
        swarm.handle(now, Input::Tick, &mut out);
        ticks += 1;
    }
    assert_eq!(ticks, 60, "once a heartbeat");
}

#[test]
fn those_given_up_leave_their_places_to_others() {
    let mut swarm = World::new(1, 16 * BLOCK, false, &[]).swarm;
    let (now, mut out) = (Time::ZERO, Vec::new());
    let ids = (0..MOST_SOURCES as u32).map(SourceId);
    ids.for_each(|id| swarm.handle(now, Input::Found(id), &mut out));
    let late = SourceId(1000);
    assert!(!swarm.has_place());
    swarm.handle(now, Input::Found(late), &mut out);
    assert!(swarm.source(late).is_none());
    let (source, how) = (SourceId(0), Failure::Refused);
    swarm.handle(now, Input::Failed { source, how }, &mut out);
    swarm.handle(now, Input::Found(late), &mut out);
    assert!(swarm.source(late).is_some() && !swarm.has_place());
}

#[test]
fn who_made_room_comes_back_when_there_is_room() {
    let mut swarm = World::new(1, 64 * MIB, false, &[]).swarm;
    let (mut now, mut out) = (Time::ZERO, Vec::new());
    let ids = || (0..=MOST_WORKING as u32).map(SourceId);
    for id in ids() {
        swarm.handle(now, Input::Found(id), &mut out);
        swarm.sources.get_mut(&id).expect("found").speed = 1_000_000;
    }
    let slow = SourceId(0);
    swarm.sources.get_mut(&slow).expect("found").speed = 1_000;
    // Of who is silent nothing is at risk: there is room for eight then.
    for wait in [Duration::from_secs(2), FAIR_TRIAL] {
        now += wait;
        swarm.handle(now, Input::Tick, &mut out);
    }
    assert!(out.contains(&Effect::Cut(slow)), "{out:?}");
    out.clear();
    for source in ids().skip(1) {
        assert!(swarm.source(slow).is_some_and(|slow| slow.work().is_none()));
        let how = Failure::Refused;
        swarm.handle(now, Input::Failed { source, how }, &mut out);
        let asked = out
            .iter()
            .any(|effect| matches!(effect, Effect::Ask { source, .. } if *source == slow));
        if asked {
            return;
        }
    }
    panic!("it is left alone though all others are gone");
}

#[test]
fn holders_are_counted_as_a_look_at_each_would() {
    let mut rng = Rng::seeded(3);
    let mut swarm = World::new(1, 64 * MIB, false, &[]).swarm;
    let (now, mut out) = (Time::ZERO, Vec::new());
    swarm.pause(now, true, &mut out);
    let mut all: Vec<Ranges> = Vec::new();
    for source in (0..20).map(SourceId) {
        swarm.handle(now, Input::Found(source), &mut out);
        let pieces = (0..rng.below(9)).map(|_| rng.below(900) as u64);
        let pieces: Vec<u64> = pieces.collect();
        let pieces = pieces.into_iter();
        let ranges: Ranges = pieces
            .map(|start| ByteRange::new(start, start + 90))
            .collect();
        all.push(ranges.clone());
        swarm.handle(now, Input::Has { source, ranges }, &mut out);
    }
    let places: Vec<u64> = (0..1_000).step_by(7).collect();
    let has = |place: u64| {
        let byte = ByteRange::new(place, place + 1);
        all.iter().filter(|has| has.contains(byte)).count() as u32
    };
    let model: Vec<u32> = places.iter().map(|place| has(*place)).collect();
    assert_eq!(swarm.holders(&places), model);
}

#[test]
fn a_begun_block_goes_on_unless_others_need_another_part_more() {
    let mut swarm = World::new(9, 64 * MIB, false, &[]).swarm;
    let (seed, peer, mut out) = (SourceId(0), SourceId(1), Vec::new());
    swarm.pause(Time::ZERO, true, &mut out);
    for source in [seed, peer] {
        swarm.handle(Time::ZERO, Input::Found(source), &mut out);
    }
    let begun = 8 * MIB + KIB;
    let came = Input::Arrived {
        source: seed,
        range: ByteRange::new(0, begun),
    };
    swarm.handle(Time::ZERO, came, &mut out);
    let tell = |swarm: &mut Swarm, end| {
        let ranges = [ByteRange::new(0, end)].into_iter().collect();
        let input = Input::Has {
            source: peer,
            ranges,
        };
        swarm.handle(Time::ZERO, input, &mut Vec::new());
        swarm.choose(Time::ZERO, seed).expect("all is free").start
    };
    swarm.sources.get_mut(&seed).expect("found").last_end = Some(begun);
    assert_eq!(tell(&mut swarm, 4 * MIB), begun);
    let elsewhere = tell(&mut swarm, 32 * MIB);
    assert!(elsewhere >= 32 * MIB, "{elsewhere}");
}

#[test]
fn those_who_begin_together_do_not_go_in_step() {
    let (mut all, mut most) = (Ranges::new(), 0);
    for dice in 0..8 {
        let hosts = [(Manner::Honest, 1_000_000), (Manner::Busy, 0)];
        let mut world = World::new(dice, 64 * MIB, true, &hosts);
        while world.swarm.here().total() < 4 * MIB {
            world.now += STEP;
            world.step(0);
            world.step(1);
            // What the other one had when he was asked we have by now, too.
            let (source, ranges) = (SourceId(1), world.swarm.here().clone());
            world.tell(Input::Has { source, ranges });
        }
        most = most.max(world.swarm.here().total());
        world
            .swarm
            .here()
            .iter()
            .for_each(|range| all.insert(range));
    }
    let all = all.total();
    assert!(all > 4 * most, "each has {most} bytes, all have {all}");
}

#[test]
fn a_fast_source_among_slow_ones_is_found_out() {
    let slow = [(Manner::Honest, 50_000); 8];
    for late in [Duration::ZERO, Duration::from_secs(6)] {
        let mut world = World::new(2, 32 * MIB, true, &slow);
        world.live(late);
        world.join(Manner::Honest, 5_000_000);
        let took = world.run();
        // The slow ones alone take 84 s.
        assert!(took < Duration::from_secs(25), "{late:?} late: {took:?}");
    }
}
