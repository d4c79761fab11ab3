//! Connect-back: whether strangers reach us, and how we answer neighbours who ask the same.

use super::bench::*;
use super::*;
use servent::overlay::Reachable;
use servent::wire::{QueryFlags, Supported};

const NEAR: Duration = Duration::from_secs(6);

/// A servent whose neighbours test for others.
fn with_testers(peers: &[PeerId]) -> Bench {
    let mut bench = Bench::speaking(peers);
    bench.command(Command::Start);
    let supported = [(*b"BEAR", 1), (*b"GTKG", 2)].map(|(vendor, version)| Supported {
        vendor,
        selector: 7,
        version,
    });
    let message = VendorMeaning::MessagesSupported(supported.to_vec());
    for peer in peers {
        bench.receive(*peer, vendor(guid(1), &message, None));
    }
    bench
}

/// What neighbours were asked: the message and its GUID.
fn asked(effects: &[Effect]) -> Vec<(PeerId, Guid, VendorMeaning)> {
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

fn is(bench: &Bench) -> (&'static str, &'static str) {
    let (tcp, udp) = (
        bench.overlay.reachable_by_tcp(),
        bench.overlay.reachable_by_udp(),
    );
    (tcp.word(), udp.word())
}

#[test]
fn two_neighbours_are_asked_and_their_silence_says_no() {
    let mut bench = with_testers(&[ALICE, BOB, CAROL]);
    let effects = bench.rounds(NEAR);
    let asked = asked(&effects);
    let count = |wanted: VendorMeaning| asked.iter().filter(|(_, _, what)| *what == wanted).count();
    assert_eq!(count(VendorMeaning::TcpConnectBack(6346)), 2);
    assert_eq!(count(VendorMeaning::UdpConnectBack(6346)), 2);
    assert_eq!(is(&bench), ("unknown", "unknown"));
    bench.rounds(Duration::from_secs(36));
    assert_eq!(is(&bench), ("no", "no"));
    assert!(
        bench
            .overlay
            .reachable_by_tcp()
            .reason()
            .contains("none got through")
    );
}

#[test]
fn who_cannot_be_connected_to_says_so() {
    let mut bench = with_testers(&[ALICE, BOB]);
    bench.rounds(NEAR + Duration::from_secs(36));
    let effects = bench.command(Command::Search {
        guid: guid(10),
        query: Box::new(Query::words("song")),
        by: Some(Strategy::flood(3)),
    });
    let said = |effects: &[Effect]| match &effects[0] {
        Effect::Send { descriptor, .. } => descriptor.payload.clone(),
        other => panic!("{other:?}"),
    };
    let asked = Query::decode(&said(&effects)).expect("a query");
    assert!(asked.flags.has(QueryFlags::FIREWALLED));
    bench.receive(ALICE, query(77, 3, 0));
    let hit = QueryHit::decode(&said(&bench.found(guid(77), &["song"]))).expect("a hit");
    assert_eq!(hit.trailer.push, Some(true));
}

#[test]
fn a_probe_and_a_ping_say_yes() {
    let mut bench = with_testers(&[ALICE, BOB]);
    let effects = bench.rounds(NEAR);
    bench.put(Input::Probed {
        by: [44, 0, 1, 1].into(),
    });
    assert_eq!(is(&bench), ("yes", "unknown"));
    let (_, guid, _) = (asked(&effects).into_iter())
        .find(|(to, _, what)| *to == BOB && matches!(what, VendorMeaning::UdpConnectBack(_)))
        .expect("asked");
    let back = Descriptor::new(guid, Kind::Ping, 1, Bytes::new());
    assert_eq!(
        bench.hear("44.0.2.1:6346", back),
        [],
        "a test is not answered"
    );
    assert_eq!(is(&bench), ("yes", "yes"));
    bench.command(Command::Listening(addr("44.0.0.2:6346")));
    assert_eq!(is(&bench), ("unknown", "unknown"), "we stand elsewhere");
}

#[test]
fn our_own_machine_and_those_we_spoke_to_prove_nothing() {
    let mut bench = Bench::speaking(&[]);
    bench.put(Input::Probed {
        by: [127, 0, 0, 1].into(),
    });
    bench.put(Input::Probed {
        by: [192, 168, 0, 1].into(),
    });
    bench.hear("127.0.0.1:5000", ping(5, &[]));
    assert_eq!(is(&bench), ("unknown", "unknown"));
    bench.command(Command::LearnCaches(vec![addr("44.7.0.1:3558")]));
    let mut bench = Bench::new(Config::default());
    bench.command(Command::Datagrams);
    bench.command(Command::LearnCaches(vec![addr("44.7.0.1:3558")]));
    bench.command(Command::Start);
    bench.hear("44.7.0.1:3558", ping(5, &[]));
    assert_eq!(
        is(&bench),
        ("unknown", "unknown"),
        "the firewall let the answer in"
    );
}

#[test]
fn without_a_socket_no_is_known_at_once() {
    let bench = Bench::with(&[]);
    assert!(matches!(bench.overlay.reachable_by_udp(), Reachable::No(_)));
}

#[test]
fn a_caller_says_yes() {
    let mut bench = Bench::with(&[]);
    let who = introduction(Direction::Incoming, addr("44.3.0.1:50000"));
    bench.greet(ALICE, who);
    assert_eq!(is(&bench).0, "yes");
}

#[test]
fn a_neighbour_is_called_back_where_its_link_comes_from_and_nowhere_else() {
    let mut bench = Bench::speaking(&[ALICE]);
    let tcp = vendor(guid(5), &VendorMeaning::TcpConnectBack(7_000), None);
    let udp = vendor(guid(6), &VendorMeaning::UdpConnectBack(7_000), None);
    let effects = bench.receive(ALICE, tcp.clone());
    assert_eq!(effects, [Effect::Probe(addr("44.0.1.1:7000"))]);
    let effects = bench.receive(ALICE, udp.clone());
    let ping = Descriptor::new(guid(6), Kind::Ping, 1, Bytes::new());
    assert_eq!(datagrams(&effects), [(addr("44.0.1.1:7000"), ping)]);
    assert_eq!(bench.receive(ALICE, tcp), []);
    assert_eq!(bench.receive(ALICE, udp), []);
    for port in [0, 22, 25, 80, 1_023] {
        bench.wait(Duration::from_secs(61));
        let tcp = vendor(guid(5), &VendorMeaning::TcpConnectBack(port), None);
        let udp = vendor(guid(6), &VendorMeaning::UdpConnectBack(port), None);
        assert_eq!(
            (bench.receive(ALICE, tcp), bench.receive(ALICE, udp)),
            (vec![], vec![])
        );
    }
}

#[test]
fn ten_thousand_tests_asked_for_are_one_a_minute() {
    let mut bench = Bench::speaking(&[ALICE]);
    let (mut probes, mut pings) = (0, 0);
    for number in 0..10_000_u64 {
        bench.wait(Duration::from_millis(30));
        let port = 1_024 + number as u16;
        let tcp = vendor(guid(number), &VendorMeaning::TcpConnectBack(port), None);
        let udp = vendor(guid(number), &VendorMeaning::UdpConnectBack(port), None);
        probes += bench.receive(ALICE, tcp).len();
        pings += bench.receive(ALICE, udp).len();
    }
    assert_eq!((probes, pings), (5, 5));
}
