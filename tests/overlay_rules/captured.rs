//! All that a servent sends, captured: no packet goes to an address that somebody else named, by whatever means, before
//! that address has asked or proved itself.
//!
//! Three things cannot work otherwise, and have limits of their own: an offer of hits to the address in a query, once
//! a minute and smaller than the query (`out_of_band`); a connection to the address in a Push, once a minute to each
//! and only for a neighbour that took a hit (`pushes`); and dials of hosts heard of, while neighbours are short (`growth`).

use super::bench::*;
use super::proxies::with_client;
use super::*;
use servent::wire::{Crawl, address};

/// Named by others, and silent itself.
const VICTIMS: [&str; 3] = ["44.66.0.1:6346", "44.66.0.2:80", "44.0.1.1:25"];

/// Who names them: a neighbour's own address, and a stranger's who has proved his.
const STRANGER: &str = "44.9.0.1:6346";

/// Where packets go, and where we have others connect to.
fn targets(effects: &[Effect]) -> Vec<SocketAddrV4> {
    let mut targets = Vec::new();
    for effect in effects {
        match effect {
            Effect::SendTo { addr, .. } | Effect::Probe(addr) | Effect::Dial(addr) => {
                targets.push(*addr);
            }
            Effect::Tell(Event::PushAsked { addr, .. }) => targets.push(*addr),
            Effect::Send { descriptor, .. } if descriptor.header.kind == Kind::Push => {
                let push = Push::decode(&descriptor.payload).expect("a push");
                targets.push(push.addr);
            }
            _ => {}
        }
    }
    targets
}

/// A hit whose files, proxies and other sources are all at the victim.
fn hit_at(query: Guid, victim: SocketAddrV4, token: &[u8]) -> Descriptor {
    let mut packed = Vec::new();
    address::pack(victim, &mut packed);
    let mut hit = hit_of(guid(901));
    hit.addr = victim;
    hit.records[0].extensions.ggep.push("ALT", packed.clone());
    hit.trailer.ggep.push("PUSH", packed);
    hit.trailer.ggep.push("SO", token.to_vec());
    Descriptor::new(query, Kind::QueryHit, 3, hit.encode())
}

/// A pong for it, which names it as a cache, too.
fn pong_at(number: u64, victim: SocketAddrV4) -> Descriptor {
    let mut packed = Vec::new();
    address::pack(victim, &mut packed);
    let mut ggep = Ggep::new();
    ggep.push("IPP", packed);
    ggep.push("UDPHC", Bytes::new());
    ggep.push("PHC", victim.to_string().into_bytes());
    let pong = Pong {
        addr: victim,
        files: 1,
        kib: 8,
        ggep,
    };
    descriptor(number, Kind::Pong, 2, 1, pong.encode())
}

/// A message by which a servent names an address, and a limit of which we are told nothing.
fn redirect(selector: u16, victim: SocketAddrV4) -> Descriptor {
    let mut body = victim.ip().octets().to_vec();
    body.extend_from_slice(&victim.port().to_le_bytes());
    let message = VendorMessage {
        vendor: *b"LIME",
        selector,
        version: 1,
        body: body.into(),
    };
    let kind = Kind::Vendor { standard: false };
    Descriptor::new(guid(selector.into()), kind, 1, message.encode())
}

#[test]
fn nothing_goes_to_an_address_that_was_only_named() {
    let (mut bench, client) = with_client();
    bench.command(Command::Start);
    let query = guid(1_000);
    bench.command(Command::Search {
        guid: query,
        query: Box::new(Query::words("song")),
        by: None,
    });
    let challenged = bench.hear(STRANGER, ping(5, &[]));
    bench.prove(STRANGER, &challenged);

    let mut told = 0;
    for number in 0..3_000_u64 {
        let victim = addr(VICTIMS[number as usize % VICTIMS.len()]);
        let us = bench.guid;
        let said = [
            hit_at(query, victim, b"token"),
            pong_at(number, victim),
            redirect(7, victim),
            redirect(8, victim),
            vendor(us, &VendorMeaning::PushProxyAck(victim), None),
            push(10_000 + number, us, &victim.to_string()),
            push(20_000 + number, guid(901), &victim.to_string()),
        ];
        let mut effects = Vec::new();
        for what in said {
            effects.extend(bench.receive(ALICE, what.clone()));
            effects.extend(bench.hear(STRANGER, what));
        }
        effects.extend(bench.hear(STRANGER, push(30_000 + number, client, &victim.to_string())));
        effects.extend(bench.command(Command::PassPush {
            asker: *addr(STRANGER).ip(),
            push: Box::new(Push::new(client, 1, victim)),
        }));
        // A neighbour may name a port, where it stands itself; never one of those below 1024.
        for meaning in [
            VendorMeaning::TcpConnectBack(victim.port()),
            VendorMeaning::UdpConnectBack(victim.port()),
        ] {
            effects.extend(bench.receive(ALICE, vendor(guid(number), &meaning, None)));
        }
        told += effects
            .iter()
            .filter(|effect| matches!(effect, Effect::Tell(Event::Hit { .. })))
            .count();
        bench.wait(Duration::from_secs(2));
        if number % 2 == 0 {
            effects.extend(bench.put(Input::Woke(Timer::KeepAlive)));
        }
        for target in targets(&effects) {
            let named = VICTIMS.iter().any(|victim| addr(victim) == target);
            assert!(!named, "{number}: {target}");
        }
        // The link stays up.
        bench.receive(PeerId(7), pong(0, 0, "44.0.7.1:50000"));
    }
    assert!(told >= 3_000, "the hits were heard: {told}");
    assert!(!bench.overlay.peers().is_empty());
}

/// Forged: the victim's own address stands on the datagram.
#[test]
fn what_comes_in_the_name_of_another_moves_no_third_party() {
    let (mut bench, client) = with_client();
    for number in 0..1_000_u64 {
        let victim = VICTIMS[0];
        let crawl = Crawl {
            ultrapeers: 255,
            leaves: 255,
            format: 0,
        };
        let said = [
            push(number, client, victim),
            vendor(guid(number), &VendorMeaning::Crawl(crawl), None),
            hit_at(guid(number), addr(victim), b"token"),
        ];
        let mut paid = 0;
        let mut sent = 0;
        for what in said {
            paid += bytes(&what);
            let effects = bench.hear(victim, what);
            for (to, what) in datagrams(&effects) {
                assert_eq!((to, what.header.kind), (addr(victim), Kind::Ping));
                sent += bytes(&what);
            }
            let others = targets(&effects).into_iter();
            assert_eq!(others.filter(|to| *to != addr(victim)).count(), 0);
            let passed = |effect: &Effect| matches!(effect, Effect::Send { .. });
            assert!(!effects.iter().any(passed), "the leaf is left alone");
        }
        assert!(sent <= paid, "{sent} for {paid}");
        bench.wait(Duration::from_secs(20));
    }
}
