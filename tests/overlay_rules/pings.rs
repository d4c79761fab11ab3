//! Ping and Pong: answered from the cache, believed by where their teller stands.

use super::bench::*;
use super::*;
use servent::overlay::Repute;

fn ping(number: u64, ttl: u8) -> Descriptor {
    descriptor(number, Kind::Ping, ttl, 0, Ping::default().encode())
}

fn pongs(effects: &[Effect]) -> Vec<(Header, Pong)> {
    let pongs = effects.iter().map(|effect| match effect {
        Effect::Send { descriptor, .. } => {
            let pong = Pong::decode(&descriptor.payload).expect("a sound pong");
            (descriptor.header, pong)
        }
        other => panic!("{other:?}"),
    });
    pongs.collect()
}

#[test]
fn a_ttl_of_one_gets_one_pong_about_ourselves() {
    let mut bench = Bench::with(&[ALICE, BOB]);
    bench.command(Command::Sharing {
        files: 12,
        kib: 100,
    });
    bench.receive(BOB, pong(20, 0, "44.0.2.1:6346"));
    let answer = pongs(&bench.receive(ALICE, ping(10, 1)));
    let [(header, pong)] = &answer[..] else {
        panic!("{answer:?}");
    };
    assert_eq!(
        *header,
        Header {
            guid: guid(10),
            kind: Kind::Pong,
            ttl: 1,
            hops: 0
        }
    );
    assert_eq!(pong.addr, addr("44.0.0.1:6346"));
    assert_eq!((pong.files, pong.kib), (12, 128));
    assert_eq!(pong.ggep.get("UP").map(|free| free[2]), Some(30));
}

#[test]
fn a_wider_ping_gets_others_from_the_cache_and_goes_nowhere() {
    let mut bench = Bench::with(&[ALICE, BOB]);
    bench.receive(BOB, pong(20, 0, "44.0.2.1:6346"));
    bench.receive(BOB, pong(20, 1, "44.7.0.1:6346"));
    bench.receive(ALICE, pong(21, 1, "44.8.0.1:6346"));
    let effects = bench.receive(ALICE, ping(10, 7));
    assert!(
        sent(&effects)
            .iter()
            .all(|(to, kind, _)| (*to, *kind) == (ALICE, Kind::Pong))
    );
    let mut told: Vec<(String, u8)> = pongs(&effects)
        .iter()
        .map(|(header, pong)| (pong.addr.to_string(), header.hops))
        .collect();
    told.sort();
    let expected = [
        ("44.0.0.1:6346", 0),
        ("44.0.2.1:6346", 1),
        ("44.7.0.1:6346", 2),
    ];
    assert_eq!(told, expected.map(|(addr, hops)| (addr.to_owned(), hops)));
    let crawl = pongs(&bench.receive(ALICE, ping(11, 2)));
    assert_eq!(crawl.len(), 2, "TTL 2 asks for us and our neighbours");
}

#[test]
fn ten_thousand_pings_a_second_get_ten_pongs_a_second() {
    let mut bench = Bench::with(&[ALICE, BOB]);
    (0..12).for_each(|number| {
        bench.receive(BOB, pong(20, 1, &format!("44.7.{number}.1:6346")));
    });
    let mut answers = 0;
    for number in 0..30_000 {
        bench.now = Time::from_secs(5) + Duration::from_micros(number * 100);
        let effects = bench.receive(ALICE, ping(100 + number, 1 + (number % 7) as u8));
        answers += pongs(&effects).len();
    }
    assert_eq!(answers, 30);
}

#[test]
fn pongs_are_believed_by_where_their_teller_stands_and_only_as_many_as_were_asked_for() {
    let mut bench = Bench::with(&[ALICE]);
    for at in [
        "127.0.0.1:6346",
        "10.1.1.1:6346",
        "192.168.0.1:6346",
        "169.254.0.1:6346",
    ] {
        bench.receive(ALICE, pong(20, 1, at));
    }
    assert_eq!(bench.dropped(), 4);
    let known = bench.overlay.hosts();
    assert_eq!(
        known,
        [(addr("44.0.1.1:6346"), Repute::Anchor)],
        "the neighbour alone"
    );
    (0..100).for_each(|number| {
        bench.receive(ALICE, pong(20, 1, &format!("44.7.{number}.1:6346")));
    });
    assert_eq!(bench.overlay.hosts().len(), 1 + 16);
    assert_eq!(bench.dropped(), 4 + 84);
}

#[test]
fn a_neighbour_on_loopback_may_tell_of_others_there() {
    let mut bench = Bench::new(still());
    bench.greet(
        ALICE,
        introduction(Direction::Outgoing, addr("127.0.0.1:6347")),
    );
    bench.receive(ALICE, pong(20, 1, "127.0.0.1:6348"));
    let known = bench.overlay.hosts();
    assert_eq!(
        known,
        [
            (addr("127.0.0.1:6347"), Repute::Anchor),
            (addr("127.0.0.1:6348"), Repute::Told),
        ]
    );
}

#[test]
fn we_are_heard_on_every_link_and_the_silent_are_let_go() {
    let mut bench = Bench::with(&[ALICE, BOB]);
    assert_eq!(
        bench.command(Command::Start),
        [Effect::Wake {
            after: Duration::from_secs(3),
            timer: Timer::KeepAlive
        }]
    );
    let start = bench.now;
    let mut last = start;
    let mut gone = None;
    // Bob talks all the time and never hears a reason to be answered; Alice is silent.
    while gone.is_none() {
        bench.wait(Duration::from_secs(3));
        bench.receive(BOB, pong(20, 0, "44.0.2.1:6346"));
        let effects = bench.put(Input::Woke(Timer::KeepAlive));
        if sent(&effects).iter().any(|(to, ..)| *to == BOB) {
            assert!(bench.now - last <= Duration::from_secs(12));
            last = bench.now;
        }
        if !hangup_codes(&effects).is_empty() {
            assert_eq!(hangup_codes(&effects), [(ALICE, 406)]);
            gone = Some(bench.now - start);
        }
        assert!(bench.now - last < Duration::from_secs(12));
    }
    assert_eq!(gone, Some(Duration::from_secs(60)));
    assert_eq!(bench.overlay.peers().len(), 1);
}

#[test]
fn who_answers_only_a_ttl_of_one_is_not_silent() {
    let mut bench = Bench::with(&[ALICE]);
    bench.command(Command::Start);
    let mut asked_for_others = 0;
    for number in 0..100 {
        bench.wait(Duration::from_secs(3));
        let effects = bench.put(Input::Woke(Timer::KeepAlive));
        assert_eq!(hangup_codes(&effects), []);
        for (_, kind, ttl) in sent(&effects) {
            assert_eq!(kind, Kind::Ping);
            if ttl == 1 {
                bench.receive(ALICE, pong(number, 0, "44.0.1.1:6346"));
            } else {
                asked_for_others += 1;
            }
        }
    }
    assert!(asked_for_others >= 10, "{asked_for_others}");
}

#[test]
fn a_timer_that_comes_early_or_twice_does_nothing() {
    let mut bench = Bench::with(&[ALICE]);
    assert_eq!(bench.put(Input::Woke(Timer::KeepAlive)), [], "not begun");
    bench.command(Command::Start);
    assert_eq!(bench.put(Input::Woke(Timer::KeepAlive)), []);
    bench.wait(Duration::from_secs(3));
    assert_eq!(bench.put(Input::Woke(Timer::KeepAlive)).len(), 1);
    assert_eq!(bench.put(Input::Woke(Timer::KeepAlive)), []);
    assert_eq!(bench.command(Command::Start), [], "begun already");
}
