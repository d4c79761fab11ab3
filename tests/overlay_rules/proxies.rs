//! Push proxies: ours where nobody can connect to us, and we for our leaves.

use super::bench::*;
use super::*;
use servent::overlay::RoleChoice;
use servent::wire::handshake::Role;
use servent::wire::{Supported, address};

const LEAF: PeerId = PeerId(7);
const ASKER: &str = "44.9.0.1:6346";

/// What neighbours were told: the message and its GUID.
pub(crate) fn told(effects: &[Effect]) -> Vec<(PeerId, Guid, VendorMeaning)> {
    let sends = effects.iter().filter_map(|effect| match effect {
        Effect::Send { to, descriptor } if descriptor.header.kind != Kind::Ping => {
            let message = VendorMessage::decode(&descriptor.payload).ok()?;
            let meaning = VendorMeaning::read(&message).ok()??;
            Some((*to, descriptor.header.guid, meaning))
        }
        _ => None,
    });
    sends.collect()
}

fn supports(all: &[([u8; 4], u16, u16)]) -> Descriptor {
    let all = all.iter().map(|(vendor, selector, version)| Supported {
        vendor: *vendor,
        selector: *selector,
        version: *version,
    });
    vendor(
        guid(1),
        &VendorMeaning::MessagesSupported(all.collect()),
        None,
    )
}

/// A leaf with these ultrapeers, which understand all this.
fn leaf_of(hubs: &[PeerId], skills: &[([u8; 4], u16, u16)]) -> (Bench, Vec<Effect>) {
    let mut bench = Bench::new(Config {
        role: RoleChoice::Leaf,
        ..still()
    });
    bench.command(Command::Start);
    let mut effects = Vec::new();
    for hub in hubs {
        let remote = SocketAddrV4::new([44, 0, hub.0 as u8, 1].into(), 6346);
        let mut who = introduction(Direction::Outgoing, remote);
        who.agreement.ours = Role::Leaf;
        bench.greet(*hub, who);
        effects.extend(bench.receive(*hub, supports(skills)));
    }
    (bench, effects)
}

fn ack(bench: &Bench, at: &str) -> Descriptor {
    vendor(bench.guid, &VendorMeaning::PushProxyAck(addr(at)), None)
}

#[test]
fn a_leaf_asks_four_ultrapeers_and_names_them_in_its_hits() {
    let hubs: Vec<PeerId> = (1..=6).map(PeerId).collect();
    let (mut bench, effects) = leaf_of(&hubs, &[(*b"LIME", 21, 1)]);
    let expected = hubs[..4]
        .iter()
        .map(|hub| (*hub, bench.guid, VendorMeaning::PushProxyRequest));
    assert_eq!(told(&effects), expected.collect::<Vec<_>>());

    // One names its port and somebody else's address, one was never asked, one speaks of another servent.
    bench.receive(ALICE, ack(&bench, "44.77.0.1:7000"));
    bench.receive(PeerId(6), ack(&bench, "44.0.6.1:6346"));
    let other = VendorMeaning::PushProxyAck(addr("44.0.2.1:6346"));
    bench.receive(BOB, vendor(guid(900), &other, None));
    assert_eq!(bench.overlay.proxies(), [addr("44.0.1.1:7000")]);

    bench.receive(ALICE, query(77, 1, 1));
    let effects = bench.found(guid(77), &["song"]);
    let [Effect::Send { descriptor, .. }] = &effects[..] else {
        panic!("{effects:?}");
    };
    let hit = QueryHit::decode(&descriptor.payload).expect("a hit");
    assert_eq!(hit.trailer.push, Some(true));
    let proxies = hit.trailer.ggep.get("PUSH").expect("its proxies");
    assert_eq!(address::unpack(proxies), Some(vec![addr("44.0.1.1:7000")]));

    // Once somebody has got through nobody need be named.
    bench.put(Input::Probed {
        by: [44, 9, 9, 9].into(),
    });
    assert_eq!(bench.overlay.proxies(), []);
}

#[test]
fn others_are_asked_in_the_stead_of_those_who_do_not_answer() {
    let hubs: Vec<PeerId> = (1..=6).map(PeerId).collect();
    let (mut bench, _) = leaf_of(&hubs, &[(*b"LIME", 21, 1)]);
    bench.receive(ALICE, ack(&bench, "44.0.1.1:6346"));
    let requests = |effects: &[Effect]| -> Vec<PeerId> {
        let asked = told(effects).into_iter();
        let asked = asked.filter(|(.., what)| *what == VendorMeaning::PushProxyRequest);
        asked.map(|(to, ..)| to).collect()
    };
    assert_eq!(requests(&bench.rounds(Duration::from_secs(27))), []);
    let others = bench.rounds(Duration::from_secs(6));
    assert_eq!(requests(&others), [PeerId(5), PeerId(6)]);
    // Who answers late is welcome all the same.
    bench.receive(BOB, ack(&bench, "44.0.2.1:6346"));
    let proxies = ["44.0.1.1:6346", "44.0.2.1:6346"].map(addr);
    assert_eq!(bench.overlay.proxies(), proxies);
    assert_eq!(requests(&bench.rounds(Duration::from_secs(24))), []);
}

#[test]
fn nobody_is_asked_who_does_not_know_how_or_is_not_needed() {
    let (_, effects) = leaf_of(&[ALICE], &[(*b"BEAR", 7, 1)]);
    assert_eq!(told(&effects), []);
    let mut bench = Bench::with(&[ALICE]);
    let effects = bench.receive(ALICE, supports(&[(*b"LIME", 21, 1)]));
    assert_eq!(told(&effects), [], "an ultrapeer that is not walled in");
}

#[test]
fn a_push_that_a_proxy_brings_is_followed_if_somebody_took_a_hit() {
    let (mut bench, _) = leaf_of(&[ALICE, BOB], &[(*b"LIME", 21, 1)]);
    bench.receive(BOB, ack(&bench, "44.0.2.1:6346"));
    let us = bench.guid;
    assert_eq!(bench.receive(BOB, push(30, us, ASKER)), [], "nobody asked");
    bench.answer(ALICE);
    let expected = Event::PushAsked {
        index: 5,
        addr: addr(ASKER),
    };
    assert_eq!(
        bench.receive(BOB, push(31, us, ASKER)),
        [Effect::Tell(expected)]
    );
}

/// An ultrapeer with a leaf that has it pass pushes on.
pub(crate) fn with_client() -> (Bench, Guid) {
    let mut bench = Bench::speaking(&[ALICE]);
    let mut who = introduction(Direction::Incoming, addr("44.0.7.1:50000"));
    who.agreement.role = Role::Leaf;
    bench.greet(LEAF, who);
    let client = guid(700);
    let effects = bench.receive(LEAF, vendor(client, &VendorMeaning::PushProxyRequest, None));
    let here = VendorMeaning::PushProxyAck(addr("44.0.0.1:6346"));
    assert_eq!(told(&effects), [(LEAF, client, here)]);
    (bench, client)
}

fn pass(bench: &mut Bench, servent: Guid, asker: [u8; 4], to: &str) -> Vec<Effect> {
    bench.command(Command::PassPush {
        asker: asker.into(),
        push: Box::new(Push::new(servent, 3, addr(to))),
    })
}

#[test]
fn who_connects_to_the_proxy_is_connected_to_and_nobody_else() {
    let (mut bench, client) = with_client();
    assert!(bench.overlay.is_proxy_of(&client) && !bench.overlay.is_proxy_of(&guid(5)));
    let effects = pass(&mut bench, client, [44, 9, 0, 1], ASKER);
    assert_eq!(sent(&effects), [(LEAF, Kind::Push, 1)]);
    for (servent, to) in [
        (guid(5), ASKER),
        (client, "44.9.0.2:6346"),
        (client, "44.9.0.1:25"),
        (client, "44.9.0.1:0"),
    ] {
        assert_eq!(pass(&mut bench, servent, [44, 9, 0, 1], to), [], "{to}");
    }
    bench.receive(LEAF, vendor(client, &VendorMeaning::PushProxyCancel, None));
    assert_eq!(pass(&mut bench, client, [44, 9, 0, 1], ASKER), []);
}

#[test]
fn its_way_stands_as_long_as_its_link() {
    let (mut bench, client) = with_client();
    bench.wait(Duration::from_secs(86_400));
    let effects = bench.receive(ALICE, push(31, client, ASKER));
    assert_eq!(sent(&effects), [(LEAF, Kind::Push, 2)]);
    bench.put(Input::Disconnected { peer: LEAF });
    assert!(!bench.overlay.is_proxy_of(&client));
    assert_eq!(bench.receive(ALICE, push(32, client, ASKER)), []);
}

#[test]
fn a_push_by_udp_waits_until_its_sender_has_proved_himself() {
    let (mut bench, client) = with_client();
    let victim = bench.hear(ASKER, push(30, client, "44.9.0.2:6346"));
    assert_eq!(victim, [], "it is not his address");
    let effects = bench.hear(ASKER, push(31, client, ASKER));
    assert!(matches!(
        sent_to(ASKER, &effects)[..],
        [(Kind::Ping, 23..=49)]
    ));
    assert_eq!(sent(&effects), []);
    let effects = bench.prove(ASKER, &effects);
    assert_eq!(sent(&effects), [(LEAF, Kind::Push, 1)]);
    let effects = bench.hear(ASKER, push(32, client, ASKER));
    assert_eq!(sent(&effects), [(LEAF, Kind::Push, 1)], "he has proved it");
}

#[test]
fn ten_thousand_wishes_are_two_pushes_a_second() {
    let (mut bench, client) = with_client();
    let passed: usize = (0..10_000)
        .map(|_| {
            bench.wait(Duration::from_millis(5));
            pass(&mut bench, client, [44, 9, 0, 1], ASKER).len()
        })
        .sum();
    assert_eq!(passed, 120);
}

#[test]
fn a_leaf_whose_slots_are_taken_wants_no_queries() {
    let (mut bench, _) = leaf_of(&[ALICE, BOB], &[(*b"BEAR", 4, 1)]);
    bench.receive(BOB, supports(&[]));
    let flow = |effects: Vec<Effect>| -> Vec<(PeerId, VendorMeaning)> {
        let all = told(&effects).into_iter();
        all.map(|(to, _, meaning)| (to, meaning)).collect()
    };
    let round = Duration::from_secs(6);
    assert_eq!(flow(bench.rounds(round)), []);
    bench.command(Command::Busy(true));
    assert_eq!(
        flow(bench.rounds(round)),
        [(ALICE, VendorMeaning::HopsFlow(0))]
    );
    assert_eq!(flow(bench.rounds(round)), [], "once");
    bench.command(Command::Busy(false));
    assert_eq!(
        flow(bench.rounds(round)),
        [(ALICE, VendorMeaning::HopsFlow(255))]
    );

    let mut ultrapeer = Bench::with(&[ALICE]);
    ultrapeer.command(Command::Start);
    ultrapeer.receive(ALICE, supports(&[(*b"BEAR", 4, 1)]));
    ultrapeer.command(Command::Busy(true));
    assert_eq!(flow(ultrapeer.rounds(round)), [], "it relays, busy or not");
}
