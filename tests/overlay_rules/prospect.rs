//! How far a search can come, as it is told.

use servent::wire::handshake::Role;
use servent::wire::qrp::{RouteTable, update};

use super::bench::*;
use super::*;

/// A neighbour that keeps so many neighbours.
fn keeping(bench: &mut Bench, peer: PeerId, at: &str, degree: u32, role: Role) {
    let mut who = introduction(Direction::Incoming, addr(at));
    who.agreement.degree = degree;
    who.agreement.role = role;
    bench.greet(peer, who);
}

#[test]
fn what_neighbours_say_of_their_links_bounds_what_a_flood_reaches() {
    let mut bench = Bench::new(still());
    keeping(&mut bench, PeerId(1), "44.1.0.1:6346", 4, Role::Ultrapeer);
    keeping(&mut bench, PeerId(2), "44.2.0.1:6346", 11, Role::Ultrapeer);
    let query = Query::words("song");
    let prospect = bench.overlay.prospect(&query, Some(Strategy::flood(3)));
    assert_eq!(
        (prospect.ultrapeers, prospect.closed, prospect.ttl),
        (2, 0, 3)
    );
    // Themselves; and the 3 and 10 others that each knows; and theirs.
    assert_eq!(prospect.reach[..3], [2, 2 + 3 + 10, 2 + 13 + 9 + 100]);

    let busy = vendor(guid(9), &VendorMeaning::HopsFlow(0), None);
    bench.receive(PeerId(2), busy);
    let prospect = bench.overlay.prospect(&query, None);
    assert_eq!((prospect.ultrapeers, prospect.closed), (2, 1));
    assert_eq!(prospect.reach[..3], [1, 4, 13]);
}

#[test]
fn no_more_is_told_than_a_ttl_that_may_be_given() {
    let any = Config {
        max_ttl: u8::MAX,
        ..still()
    };
    for config in [still(), any] {
        let bench = Bench::new(config);
        let prospect = bench.overlay.prospect(&Query::words("song"), None);
        assert_eq!(prospect.reach.len(), 7);
    }
}

#[test]
fn leaves_count_whose_tables_have_the_words() {
    let mut bench = Bench::new(still());
    for (number, word) in ["song", "dance"].into_iter().enumerate() {
        let leaf = PeerId(number as u32 + 1);
        let at = format!("44.{number}.0.1:6346");
        keeping(&mut bench, leaf, &at, 0, Role::Leaf);
        let mut table = RouteTable::new(1 << 16);
        table.insert(word);
        for message in update(&table, None) {
            let what = descriptor(50, Kind::RouteTable, 1, 0, message.encode());
            bench.receive(leaf, what);
        }
    }
    let prospect = bench.overlay.prospect(&Query::words("song"), None);
    assert_eq!((prospect.leaves, prospect.leaves_asked), (2, 1));
    assert_eq!((prospect.ultrapeers, prospect.reach[0]), (0, 1));
    assert!(!prospect.reaches());
}
