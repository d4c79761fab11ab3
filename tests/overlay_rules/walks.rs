//! Random walks as they pass by: walkers come again under one GUID, and nothing else does.

use servent::wire::WalkStep;
use servent::wire::handshake::Role;
use servent::wire::qrp::{RouteTable, update};

use super::bench::*;
use super::*;

/// A walker that has taken so many of its 200 steps.
fn walker(number: u64, taken: u8) -> Descriptor {
    let mut query = Query::words("song");
    let step = WalkStep {
        taken,
        limit: 200,
        check: 255,
    };
    step.put(&mut query);
    descriptor(number, Kind::Query, 1, 1, query.encode())
}

#[test]
fn a_walker_goes_on_each_time_it_comes_by() {
    let mut bench = Bench::with(&[ALICE, BOB]);
    assert_eq!(sent(&bench.receive(ALICE, walker(10, 0))), []);
    assert_eq!(
        sent(&bench.found(guid(10), &[])),
        [(BOB, Kind::Query, 1)],
        "once our library has nothing"
    );
    assert_eq!(
        sent(&bench.receive(BOB, walker(10, 7))),
        [(ALICE, Kind::Query, 1)]
    );
}

#[test]
fn a_flood_under_the_guid_of_a_walk_goes_nowhere() {
    let mut bench = Bench::with(&[ALICE, BOB, CAROL]);
    bench.receive(ALICE, walker(10, 0));
    bench.found(guid(10), &[]);
    // Were it passed on, so would be every copy that comes back by another way.
    for from in [ALICE, BOB, CAROL] {
        assert_eq!(bench.receive(from, query(10, 7, 0)), []);
    }
    assert_eq!(bench.overlay.counts().duplicate, 3);
}

#[test]
fn walkers_that_ask_many_leaves_are_heard_less_often() {
    let mut bench = Bench::with(&[ALICE]);
    let mut table = RouteTable::new(1 << 10);
    table.insert("song");
    for leaf in (10..110).map(PeerId) {
        let remote = SocketAddrV4::new([44, 1, leaf.0 as u8, 1].into(), 6346);
        let mut who = introduction(Direction::Incoming, remote);
        who.agreement.role = Role::Leaf;
        bench.greet(leaf, who);
        for message in update(&table, None) {
            let piece = Descriptor::new(guid(9), Kind::RouteTable, 1, message.encode());
            bench.receive(leaf, piece);
        }
    }
    let asked = (0..1_000).filter(|number| {
        let effects = bench.receive(ALICE, walker(1_000 + number, 0));
        sent(&effects).len() == 100
    });
    // A unit for each leaf: half a second's 10,000 may be owed.
    let asked = asked.count();
    assert!((45..=55).contains(&asked), "{asked} of 1000");
    assert_eq!(bench.overlay.counts().costly, 1_000 - asked as u64);
}
