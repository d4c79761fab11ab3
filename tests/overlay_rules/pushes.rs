//! Push: along the way of the hits, and to us only within limits.

use super::bench::*;
use super::*;

#[test]
fn a_push_follows_the_hits_of_its_servent() {
    let mut bench = Bench::with(&[ALICE, BOB, CAROL]);
    assert_eq!(
        bench.receive(ALICE, push(30, guid(900), "44.0.1.1:6346")),
        []
    );
    bench.receive(ALICE, query(10, 4, 0));
    bench.receive(BOB, hit(10, 3, 0));
    // Somebody else who names the same servent does not move the route.
    bench.receive(CAROL, hit(10, 3, 0));
    let mut passed = push(31, guid(900), "44.0.1.1:6346");
    let effects = bench.receive(ALICE, passed.clone());
    (passed.header.ttl, passed.header.hops) = (2, 2);
    assert_eq!(effects, [send(BOB, passed)]);
    let again = push(31, guid(900), "44.0.1.1:6346");
    assert_eq!(bench.receive(ALICE, again), [], "it runs in a circle");
    let back = push(32, guid(900), "44.0.1.1:6346");
    assert_eq!(bench.receive(BOB, back), [], "not back to its sender");
    bench.put(Input::Disconnected { peer: BOB });
    assert_eq!(
        bench.receive(ALICE, push(33, guid(900), "44.0.1.1:6346")),
        []
    );
    bench.receive(CAROL, hit(10, 3, 0));
    let effects = bench.receive(ALICE, push(34, guid(900), "44.0.1.1:6346"));
    assert_eq!(
        sent(&effects),
        [(CAROL, Kind::Push, 2)],
        "a broken route is laid anew"
    );
}

#[test]
fn a_push_to_us_is_told_if_its_neighbour_took_a_hit_of_ours() {
    let mut bench = Bench::with(&[ALICE, BOB]);
    let us = bench.guid;
    assert_eq!(bench.receive(ALICE, push(30, us, "44.0.1.1:6346")), []);
    bench.answer(ALICE);
    assert_eq!(bench.receive(BOB, push(31, us, "44.0.1.1:6346")), []);
    let asked = |target| {
        Effect::Tell(Event::PushAsked {
            index: 5,
            addr: addr(target),
        })
    };
    assert_eq!(
        bench.receive(ALICE, push(32, us, "44.0.1.1:6346")),
        [asked("44.0.1.1:6346")]
    );
    bench.wait(Duration::from_secs(601));
    assert_eq!(
        bench.receive(ALICE, push(33, us, "44.0.1.1:6346")),
        [],
        "too late"
    );
    assert_eq!(bench.dropped(), 3);
}

#[test]
fn nobody_makes_us_dial_the_machines_beside_us() {
    let mut bench = Bench::with(&[ALICE]);
    bench.answer(ALICE);
    let us = bench.guid;
    let targets = [
        "127.0.0.1:6346",
        "10.0.0.1:8080",
        "192.168.1.1:8080",
        "44.9.0.1:25",
        "44.9.0.1:1023",
        "44.0.0.1:6346",
    ];
    for (number, target) in targets.into_iter().enumerate() {
        let effects = bench.receive(ALICE, push(40 + number as u64, us, target));
        assert_eq!(effects, [], "{target}");
    }
    let beside = introduction(Direction::Incoming, addr("192.168.1.9:50000"));
    bench.greet(CAROL, beside);
    bench.receive(CAROL, query(78, 3, 0));
    bench.found(guid(78), &["song"]);
    let effects = bench.receive(CAROL, push(50, us, "192.168.1.1:8080"));
    assert_eq!(effects.len(), 1, "who stands there may name it");
}

#[test]
fn ten_thousand_pushes_make_twenty_dials_a_minute_and_one_to_each_target() {
    let mut bench = Bench::with(&[ALICE]);
    bench.answer(ALICE);
    let us = bench.guid;
    let mut told = 0;
    for number in 0..10_000_u64 {
        bench.wait(Duration::from_millis(6));
        let target = format!("44.9.{}.1:6346", number % 100);
        told += bench
            .receive(ALICE, push(1_000 + number, us, &target))
            .len();
    }
    assert!((20..=21).contains(&told), "{told} in a minute");
    let mut one = 0;
    bench.wait(Duration::from_secs(60));
    for number in 0..590_u64 {
        bench.wait(Duration::from_millis(100));
        one += bench
            .receive(ALICE, push(20_000 + number, us, "44.8.0.1:6346"))
            .len();
    }
    assert_eq!(one, 1);
}

#[test]
fn we_ask_for_a_push_where_the_hits_came_from() {
    let mut bench = Bench::with(&[ALICE, BOB]);
    let ask = |number| Command::Push {
        servent: guid(number),
        index: 7,
    };
    assert_eq!(bench.command(ask(900)), []);
    bench.command(Command::Search {
        guid: guid(10),
        query: Box::new(Query::words("song")),
        by: None,
    });
    bench.receive(BOB, hit(10, 1, 2));
    let effects = bench.command(ask(900));
    let [
        Effect::Send {
            to: BOB,
            descriptor,
        },
    ] = &effects[..]
    else {
        panic!("{effects:?}");
    };
    assert_eq!((descriptor.header.ttl, descriptor.header.hops), (4, 0));
    let push = Push::decode(&descriptor.payload).expect("a sound push");
    assert_eq!((push.servent, push.index), (guid(900), 7));
    assert_eq!(push.addr, addr("44.0.0.1:6346"));
}

#[test]
fn a_flood_of_pushes_does_not_wash_the_ways_of_queries_away() {
    let mut bench = Bench::with(&[ALICE, BOB, CAROL]);
    bench.receive(BOB, query(10, 4, 0));
    let mut ended = false;
    for number in 0..100_000 {
        bench.wait(Duration::from_micros(10));
        let effects = bench.receive(ALICE, push(1_000 + number, guid(5), "44.1.2.3:6346"));
        ended |= !hangup_codes(&effects).is_empty();
    }
    assert!(ended, "such a neighbour is let go");
    assert_eq!(bench.receive(BOB, query(10, 4, 0)), [], "still known");
    let back = bench.receive(CAROL, hit(10, 3, 1));
    assert_eq!(sent(&back), [(BOB, Kind::QueryHit, 2)]);
}

#[test]
fn a_flood_of_hits_does_not_wash_the_ways_to_servents_away() {
    let mut bench = Bench::with(&[ALICE, BOB, CAROL]);
    bench.receive(BOB, query(10, 4, 0));
    bench.receive(CAROL, hit(10, 3, 1));
    for number in 0..50_000 {
        bench.wait(Duration::from_micros(100));
        let payload = hit_of(guid(10_000 + number)).encode();
        let made_up = descriptor(10, Kind::QueryHit, 3, 1, payload);
        bench.receive(ALICE, made_up);
    }
    let effects = bench.receive(BOB, push(30, guid(900), "44.0.2.1:6346"));
    assert_eq!(sent(&effects), [(CAROL, Kind::Push, 2)]);
}
