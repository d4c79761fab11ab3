//! QueryHit: from our library, to us, past us.

use super::bench::*;
use super::*;

#[test]
fn what_we_have_goes_back_to_whoever_brought_the_query() {
    let mut bench = Bench::with(&[ALICE, BOB]);
    bench.receive(ALICE, query(10, 4, 2));
    let effects = bench.found(guid(10), &["a song", "song two"]);
    let [Effect::Send { to, descriptor }] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(*to, ALICE);
    assert_eq!(
        descriptor.header,
        Header {
            guid: guid(10),
            kind: Kind::QueryHit,
            ttl: 4,
            hops: 0
        }
    );
    let hit = QueryHit::decode(&descriptor.payload).expect("a sound hit");
    assert_eq!(hit.addr, addr("44.0.0.1:6346"));
    assert_eq!(hit.servent, bench.guid);
    assert_eq!(&hit.trailer.vendor, b"SRVT");
    assert_eq!(
        (hit.trailer.push, hit.trailer.busy),
        (Some(false), Some(false))
    );
    assert!(hit.trailer.ggep.get("BH").is_some());
    let names: Vec<&str> = hit.records.iter().map(|record| &*record.name).collect();
    assert_eq!(names, ["a song", "song two"]);
}

#[test]
fn many_files_go_in_hits_of_ten_and_long_names_in_less() {
    let mut bench = Bench::with(&[ALICE]);
    for (number, len, hits) in [(10, 20, 3), (11, 800, 5)] {
        bench.receive(ALICE, query(number, 4, 0));
        let names: Vec<String> = (0..25).map(|file| format!("{file:0len$}")).collect();
        let names: Vec<&str> = names.iter().map(|name| &**name).collect();
        let effects = bench.found(guid(number), &names);
        let mut found = Vec::new();
        for effect in &effects {
            let Effect::Send { descriptor, .. } = effect else {
                panic!("{effect:?}");
            };
            assert!(descriptor.payload.len() <= 4096);
            let hit = QueryHit::decode(&descriptor.payload).expect("a sound hit");
            assert!((1..=10).contains(&hit.records.len()));
            found.extend(hit.records.into_iter().map(|record| record.name));
        }
        assert_eq!(found, names);
        assert_eq!(effects.len(), hits);
    }
}

#[test]
fn nothing_found_is_nothing_said() {
    let mut bench = Bench::with(&[ALICE]);
    bench.receive(ALICE, query(10, 4, 0));
    assert_eq!(bench.found(guid(10), &[]), []);
    assert_eq!(bench.found(guid(11), &["song"]), []);
    bench.put(Input::Disconnected { peer: ALICE });
    assert_eq!(bench.found(guid(10), &["song"]), []);
}

#[test]
fn full_slots_are_told() {
    let mut bench = Bench::with(&[ALICE]);
    bench.command(Command::Busy(true));
    bench.receive(ALICE, query(10, 4, 0));
    let effects = bench.found(guid(10), &["song"]);
    let [Effect::Send { descriptor, .. }] = &effects[..] else {
        panic!("{effects:?}");
    };
    let hit = QueryHit::decode(&descriptor.payload).expect("a sound hit");
    assert_eq!(hit.trailer.busy, Some(true));
}

#[test]
fn a_hit_for_us_is_told_with_the_links_it_crossed() {
    let mut bench = Bench::with(&[ALICE]);
    bench.command(Command::Search {
        guid: guid(10),
        query: Box::new(Query::words("song")),
        by: None,
    });
    assert_eq!(
        bench.receive(ALICE, hit(10, 0, 2)),
        [Effect::Tell(Event::Hit {
            query: guid(10),
            hit: Box::new(QueryHit::decode(&hit_of(guid(900)).encode()).expect("a hit")),
            hops: 3,
            at: bench.now,
        })]
    );
    let broken = Bytes::from(vec![9; 40]);
    let broken = descriptor(10, Kind::QueryHit, 3, 0, broken);
    assert_eq!(bench.receive(ALICE, broken), []);
    assert_eq!(bench.dropped(), 1);
    bench.command(Command::EndSearch(guid(10)));
    assert_eq!(bench.receive(ALICE, hit(10, 3, 0)), []);
    assert_eq!(bench.dropped(), 2);
}

#[test]
fn a_hit_for_another_goes_on_unread_along_the_way_of_its_query() {
    let mut bench = Bench::with(&[ALICE, BOB]);
    bench.receive(ALICE, query(10, 4, 2));
    let unreadable =
        |ttl, hops| descriptor(10, Kind::QueryHit, ttl, hops, Bytes::from_static(&[7; 30]));
    assert_eq!(
        bench.receive(BOB, unreadable(3, 1)),
        [send(ALICE, unreadable(2, 2))]
    );
    assert_eq!(
        bench.receive(BOB, unreadable(1, 1)),
        [],
        "its TTL ends here"
    );
    assert_eq!(
        bench.receive(ALICE, unreadable(3, 1)),
        [],
        "not back to its sender"
    );
    let short = descriptor(10, Kind::QueryHit, 3, 0, Bytes::from_static(&[7; 15]));
    assert_eq!(bench.receive(BOB, short), []);
    assert_eq!(bench.receive(BOB, hit(11, 3, 0)), [], "nobody asked");
    bench.put(Input::Disconnected { peer: ALICE });
    assert_eq!(
        bench.receive(BOB, unreadable(3, 1)),
        [],
        "the asker is gone"
    );
    assert_eq!(bench.dropped(), 5);
}

#[test]
fn whoever_replays_a_query_does_not_get_its_hits() {
    let mut bench = Bench::with(&[ALICE, BOB, CAROL]);
    bench.receive(ALICE, query(10, 4, 0));
    for second in 0..500 {
        bench.wait(Duration::from_secs(1));
        bench.receive(BOB, query(10, 7, 0));
        let effects = bench.receive(CAROL, hit(10, 3, 0));
        assert_eq!(effects, [send(ALICE, hit(10, 2, 1))], "second {second}");
    }
}
