//! Links: greeted, doubled, refused, closed.

use super::bench::*;
use super::*;

#[test]
fn messages_supported_comes_before_anything_else() {
    let mut bench = Bench::new(still());
    let effects = bench.connect(ALICE);
    assert_eq!(effects[0], Effect::Tell(Event::PeerUp(ALICE)));
    let vendor = Kind::Vendor { standard: false };
    assert_eq!(sent(&effects), [(ALICE, vendor, 1), (ALICE, Kind::Ping, 4)]);
    let Effect::Send { descriptor, .. } = &effects[1] else {
        panic!("{effects:?}");
    };
    assert_eq!(
        VendorMessage::decode(&descriptor.payload)
            .map(|message| (message.vendor, message.selector)),
        Ok(([0; 4], 0))
    );
    let mut plain = introduction(Direction::Incoming, addr("44.0.2.1:50000"));
    plain.agreement.vendor_messages = false;
    let effects = bench.greet(BOB, plain);
    assert_eq!(sent(&effects), [(BOB, Kind::Ping, 4)]);
}

#[test]
fn what_is_foreign_is_counted_and_let_be() {
    let mut bench = Bench::with(&[ALICE, BOB]);
    let kinds = [
        Kind::RouteTable,
        Kind::Vendor { standard: false },
        Kind::Vendor { standard: true },
        Kind::Other(0x41),
        Kind::Other(0xcd),
    ];
    for round in 0..100 {
        for kind in kinds {
            let strange = descriptor(round, kind, 5, 3, Bytes::from_static(b"?"));
            assert_eq!(bench.receive(ALICE, strange), []);
        }
    }
    let received = bench.overlay.counts().received;
    assert_eq!(
        (received.route_table, received.vendor, received.other),
        (100, 200, 200)
    );
    assert_eq!(received.total(), 500);
}

#[test]
fn after_a_bye_the_link_is_closed_without_a_word() {
    let mut bench = Bench::with(&[ALICE]);
    let bye = Bye {
        code: ByeCode::SHUTDOWN,
        text: "so long".to_owned(),
    };
    let relayed = descriptor(20, Kind::Bye, 1, 1, bye.encode());
    assert_eq!(
        bench.receive(ALICE, relayed),
        [],
        "not from the neighbour itself"
    );
    assert_eq!(
        bench.receive(ALICE, descriptor(20, Kind::Bye, 1, 0, bye.encode())),
        [
            Effect::Tell(Event::Bye {
                peer: ALICE,
                code: ByeCode::SHUTDOWN,
                text: "so long".to_owned()
            }),
            Effect::Close { peer: ALICE },
            Effect::Tell(Event::PeerDown(ALICE)),
        ]
    );
    assert_eq!(bench.put(Input::Disconnected { peer: ALICE }), []);
    assert_eq!(bench.receive(ALICE, query(10, 4, 0)), []);
}

#[test]
fn the_second_link_to_a_servent_goes() {
    let mut bench = Bench::new(still());
    let mut who = introduction(Direction::Incoming, addr("44.0.1.1:50000"));
    who.agreement.guid = Some(guid(7));
    bench.greet(ALICE, who.clone());
    assert_eq!(hangup_codes(&bench.greet(BOB, who.clone())), [(BOB, 409)]);
    // Nor does one who claims a GUID that has long been here drive the rightful owner away.
    bench.wait(Duration::from_secs(11));
    who.direction = Direction::Outgoing;
    assert_eq!(hangup_codes(&bench.greet(CAROL, who)), [(CAROL, 409)]);
    assert_eq!(bench.overlay.peers().len(), 1);
}

#[test]
fn a_guid_claimed_from_elsewhere_shuts_nobody_out() {
    let mut bench = Bench::new(still());
    for (peer, from) in [(ALICE, "44.0.6.6:50000"), (BOB, "44.0.1.1:50000")] {
        let mut who = introduction(Direction::Incoming, addr(from));
        who.agreement.guid = Some(guid(7));
        assert_eq!(hangup_codes(&bench.greet(peer, who)), []);
    }
}

#[test]
fn one_address_fills_no_more_than_a_few_slots() {
    for (host, admitted) in [("44.0.6.6", 4), ("127.0.0.1", 20)] {
        let mut bench = Bench::new(still());
        for number in 0..20 {
            let from = addr(&format!("{host}:{}", 50_000 + number));
            bench.greet(PeerId(number), introduction(Direction::Incoming, from));
        }
        assert_eq!(bench.overlay.peers().len(), admitted, "{host}");
    }
}

#[test]
fn of_two_crossing_links_the_smaller_guid_has_its_way() {
    for (theirs, kept) in [(Guid([0; 16]), BOB), (Guid([0xff; 16]), ALICE)] {
        let mut bench = Bench::new(still());
        let mut who = introduction(Direction::Outgoing, addr("44.0.1.1:6346"));
        who.agreement.guid = Some(theirs);
        bench.greet(ALICE, who.clone());
        who.direction = Direction::Incoming;
        let effects = bench.greet(BOB, who);
        assert_eq!(hangup_codes(&effects).len(), 1);
        let peers: Vec<PeerId> = bench.overlay.peers().iter().map(|peer| peer.id).collect();
        assert_eq!(peers, [kept]);
    }
}

#[test]
fn slots_bound_the_newcomers_but_not_the_user() {
    let mut bench = Bench::new(Config {
        slots: 2,
        ..still()
    });
    let incoming =
        |number: u32| introduction(Direction::Incoming, addr(&format!("44.0.{number}.1:50000")));
    bench.greet(ALICE, incoming(1));
    assert_eq!(bench.overlay.vacancy(bench.now).free, 1);
    bench.greet(BOB, incoming(2));
    assert_eq!(bench.overlay.vacancy(bench.now).free, 0);
    assert_eq!(
        hangup_codes(&bench.greet(CAROL, incoming(3))),
        [(CAROL, 503)]
    );
    let wish = Command::Connect(addr("44.9.0.1:6346"));
    assert_eq!(bench.command(wish), [Effect::Dial(addr("44.9.0.1:6346"))]);
    let dialled = introduction(Direction::Outgoing, addr("44.9.0.1:6346"));
    assert_eq!(hangup_codes(&bench.greet(PeerId(4), dialled)), []);
    assert_eq!(bench.overlay.peers().len(), 3);
}

#[test]
fn leaving_says_bye_to_everybody_and_takes_nobody() {
    let mut bench = Bench::with(&[ALICE, BOB]);
    let effects = bench.command(Command::Leave);
    assert_eq!(hangup_codes(&effects), [(ALICE, 200), (BOB, 200)]);
    assert_eq!(bench.overlay.vacancy(bench.now).free, 0);
    assert_eq!(hangup_codes(&bench.connect(CAROL)), [(CAROL, 200)]);
    assert_eq!(bench.command(Command::Connect(addr("44.9.0.1:1"))), []);
}

#[test]
fn the_user_sends_a_neighbour_away() {
    let mut bench = Bench::with(&[ALICE]);
    let effects = bench.command(Command::Disconnect(ALICE));
    assert_eq!(hangup_codes(&effects), [(ALICE, 201)]);
    assert_eq!(bench.command(Command::Disconnect(ALICE)), []);
}

#[test]
fn an_address_that_is_everywhere_is_told_as_the_neighbour_sees_it() {
    let mut bench = Bench::new(still());
    bench.command(Command::Listening(addr("0.0.0.0:6346")));
    let mut who = introduction(Direction::Incoming, addr("44.0.1.1:50000"));
    who.agreement.seen_as = Some([44, 5, 5, 5].into());
    bench.greet(ALICE, who);
    bench.greet(
        BOB,
        introduction(Direction::Incoming, addr("127.0.0.1:50000")),
    );
    bench.greet(
        CAROL,
        introduction(Direction::Incoming, addr("44.0.3.1:50000")),
    );
    for (number, (asker, told)) in [
        (ALICE, Some("44.5.5.5:6346")),
        (BOB, Some("127.0.0.1:6346")),
        (CAROL, None),
    ]
    .into_iter()
    .enumerate()
    {
        bench.receive(asker, query(number as u64, 4, 0));
        let effects = bench.found(guid(number as u64), &["song"]);
        let hit = effects.first().map(|effect| match effect {
            Effect::Send { descriptor, .. } => {
                QueryHit::decode(&descriptor.payload).expect("a hit")
            }
            other => panic!("{other:?}"),
        });
        assert_eq!(hit.map(|hit| hit.addr), told.map(addr));
    }
}
