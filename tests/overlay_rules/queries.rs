//! Query: looked up once, passed on once.

use super::bench::*;
use super::*;

#[test]
fn the_first_copy_is_looked_up_and_passed_on_to_all_others() {
    let mut bench = Bench::with(&[ALICE, BOB, CAROL]);
    assert_eq!(
        bench.receive(ALICE, query(10, 4, 2)),
        [
            lookup(10),
            send(BOB, query(10, 3, 3)),
            send(CAROL, query(10, 3, 3))
        ]
    );
}

#[test]
fn a_second_copy_does_nothing_from_anywhere() {
    let mut bench = Bench::with(&[ALICE, BOB]);
    bench.receive(ALICE, query(10, 4, 2));
    assert_eq!(bench.receive(BOB, query(10, 7, 0)), []);
    assert_eq!(bench.receive(ALICE, query(10, 4, 2)), []);
    assert_eq!(bench.overlay.counts().duplicate, 2);
}

#[test]
fn the_last_link_is_the_last() {
    let mut bench = Bench::with(&[ALICE, BOB]);
    assert_eq!(bench.receive(ALICE, query(10, 1, 3)), [lookup(10)]);
    assert_eq!(bench.receive(ALICE, query(11, 0, 3)), [lookup(11)]);
}

#[test]
fn what_claims_too_much_is_trimmed_and_beyond_reason_dropped() {
    let mut bench = Bench::with(&[ALICE, BOB]);
    assert_eq!(
        bench.receive(ALICE, query(10, 10, 5)),
        [lookup(10), send(BOB, query(10, 1, 6))]
    );
    assert_eq!(bench.receive(ALICE, query(11, 11, 5)), []);
    assert_eq!(bench.receive(ALICE, query(12, 255, 255)), []);
    assert_eq!(bench.receive(ALICE, query(13, 1, 8)), []);
    assert_eq!(bench.dropped(), 3);
}

#[test]
fn the_eleventh_ttl_beyond_reason_is_answered_with_bye_403() {
    let mut bench = Bench::with(&[ALICE, BOB]);
    for number in 0..10 {
        assert_eq!(bench.receive(ALICE, query(100 + number, 255, 0)), []);
    }
    // From far away it is not the neighbour's fault.
    assert_eq!(bench.receive(ALICE, query(200, 255, 3)), []);
    let effects = bench.receive(ALICE, query(201, 14, 2));
    assert_eq!(hangup_codes(&effects), [(ALICE, 403)]);
    assert_eq!(effects[1..], [Effect::Tell(Event::PeerDown(ALICE))]);
    assert_eq!(bench.overlay.peers().len(), 1);
}

#[test]
fn the_eleventh_ttl_of_zero_is_answered_with_bye_408() {
    let mut bench = Bench::with(&[ALICE]);
    for number in 0..10 {
        assert_eq!(bench.receive(ALICE, query(100 + number, 0, 1)).len(), 1);
    }
    let effects = bench.receive(ALICE, query(200, 0, 1));
    assert_eq!(hangup_codes(&effects), [(ALICE, 408)]);
    let away = addr("44.0.1.1:6346");
    assert!(
        bench.overlay.hosts().iter().all(|(host, _)| *host != away),
        "it is not sought again"
    );
}

#[test]
fn a_long_query_is_answered_but_not_passed_on() {
    let mut bench = Bench::with(&[ALICE, BOB]);
    let words = "a".repeat(253);
    for (len, relayed) in [(253, 1), (254, 0)] {
        let mut payload = vec![0x80, 0];
        payload.extend(std::iter::repeat_n(b'a', len));
        payload.push(0);
        let long = descriptor(len as u64, Kind::Query, 4, 0, payload.into());
        let effects = bench.receive(ALICE, long);
        assert!(
            matches!(&effects[0], Effect::Lookup { query, .. } if query.text.starts_with(&words))
        );
        assert_eq!(sent(&effects).len(), relayed, "{len}");
    }
}

#[test]
fn a_query_that_asks_nothing_is_dropped() {
    let mut bench = Bench::with(&[ALICE, BOB]);
    for (number, payload) in [
        &b""[..],
        b"\x80",
        b"\x80\0",
        b"\x80\0\0",
        b"\x80\0    \0",
        b"\x80\0\\\0",
        b"\x80\0no end",
    ]
    .into_iter()
    .enumerate()
    {
        let nothing = descriptor(
            number as u64,
            Kind::Query,
            4,
            0,
            Bytes::copy_from_slice(payload),
        );
        assert_eq!(bench.receive(ALICE, nothing), [], "{payload:?}");
    }
    assert_eq!(bench.dropped(), 7);
}

#[test]
fn a_query_by_hash_alone_is_looked_up() {
    let mut bench = Bench::with(&[ALICE, BOB]);
    let urn = "urn:sha1:PLSTHIPQGSSZTS5FJUPAKUZWUGYQYPFB";
    let payload = Query::urn(urn.parse().expect("a urn")).encode();
    let effects = bench.receive(ALICE, descriptor(10, Kind::Query, 4, 0, payload));
    assert!(matches!(effects[0], Effect::Lookup { .. }));
    assert_eq!(sent(&effects).len(), 1);
}

#[test]
fn a_search_of_ours_goes_to_everybody_and_its_echo_nowhere() {
    let mut bench = Bench::with(&[ALICE, BOB]);
    let search = |ttl| Command::Search {
        guid: guid(10),
        query: Box::new(Query::words("song")),
        by: Option::map(ttl, Strategy::flood),
    };
    let both = |ttl| [ALICE, BOB].map(|peer| send(peer, query(10, ttl, 0)));
    assert_eq!(bench.command(search(None)), both(4));
    assert_eq!(bench.command(search(Some(2))), both(2));
    assert_eq!(bench.receive(BOB, query(10, 2, 3)), []);
    assert_eq!(bench.overlay.counts().duplicate, 1);
}

#[test]
fn a_flood_from_one_neighbour_is_throttled_within_a_second_and_ended_within_ten() {
    let mut bench = Bench::with(&[ALICE, BOB]);
    bench.command(Command::Start);
    let mut passed = [0; 10];
    let mut ended = None;
    for number in 0..50_000_u64 {
        bench.now = Time::from_secs(2) + Duration::from_micros(number * 200);
        let second = (number / 5_000) as usize;
        let effects = bench.receive(ALICE, query(1_000 + number, 2, 0));
        passed[second] += sent(&effects).len();
        if !hangup_codes(&effects).is_empty() {
            ended = Some(second);
            break;
        }
        if number % 500 == 0 {
            // A neighbour who asks a little is heard all the while.
            let honest = bench.receive(BOB, query(100_000 + number, 2, 0));
            assert_eq!(sent(&honest).len(), 1);
        }
        bench.put(Input::Woke(Timer::KeepAlive));
    }
    assert_eq!(passed[0], 2_000);
    assert!(ended.is_some_and(|second| second < 10), "{ended:?}");
}

#[test]
fn a_neighbour_whose_queries_cost_much_is_heard_less_often_and_the_others_as_before() {
    let mut bench = Bench::with(&[ALICE, BOB]);
    let half_the_library = ["song"; 500];
    let asks = |effects: &[Effect]| matches!(effects, [Effect::Lookup { .. }, ..]);
    let mut heard = 0;
    for number in 0..19_000_u64 {
        // 1,900 a second, which by itself is no flood.
        bench.now = Time::from_secs(2) + Duration::from_micros(number * 526);
        if asks(&bench.receive(ALICE, query(1_000 + number, 1, 0))) {
            heard += 1;
            bench.found(guid(1_000 + number), &half_the_library);
        }
        if number % 50 == 0 {
            let honest = bench.receive(BOB, query(100_000 + number, 1, 0));
            assert!(asks(&honest), "at query {number}");
        }
    }
    // Twenty a second, and what may be owed.
    assert!((200..=215).contains(&heard), "{heard}");
    let counts = bench.overlay.counts();
    assert_eq!(counts.costly, 19_000 - heard);
    assert_eq!(counts.dropped, counts.costly);
    assert_eq!(bench.overlay.peers().len(), 2, "nobody is let go for it");
}
