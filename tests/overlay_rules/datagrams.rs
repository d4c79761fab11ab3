//! Pings and pongs by UDP: nobody is sent more than he sent before he has proved where he stands.

use std::collections::BTreeMap;

use super::bench::*;
use super::*;
use servent::wire::Crawl;

const STRANGER: &str = "44.9.0.1:6346";

#[test]
fn a_short_ping_is_answered_when_its_sender_has_answered_one() {
    let mut bench = Bench::speaking(&[]);
    let effects = bench.hear(STRANGER, ping(5, &[]));
    assert_eq!(sent_to(STRANGER, &effects), [(Kind::Ping, 23)]);
    let effects = bench.prove(STRANGER, &effects);
    let [(_, pong)] = &datagrams(&effects)[..] else {
        panic!("{effects:?}");
    };
    assert_eq!((pong.header.kind, pong.header.guid), (Kind::Pong, guid(5)));
    let pong = Pong::decode(&pong.payload).expect("a pong");
    assert_eq!(pong.addr, addr("44.0.0.1:6346"));
    assert!(pong.ggep.get("VC").is_some());
}

#[test]
fn a_long_ping_is_answered_at_once_and_with_no_more_than_it_was() {
    for filling in 0..200 {
        let mut bench = Bench::speaking(&[ALICE]);
        let asked = ping(5, &[("F", &vec![0; filling])]);
        let effects = bench.hear(STRANGER, asked.clone());
        let [(kind, answer)] = sent_to(STRANGER, &effects)[..] else {
            panic!("{effects:?}");
        };
        assert!(answer <= bytes(&asked), "{answer} for {}", bytes(&asked));
        assert_eq!(kind == Kind::Pong, bytes(&asked) >= 37);
    }
}

#[test]
fn who_cannot_answer_gets_a_pong_when_he_has_paid_for_it() {
    let mut bench = Bench::speaking(&[]);
    bench.hear(STRANGER, ping(5, &[]));
    assert_eq!(bench.hear(STRANGER, ping(6, &[])), [], "46 bytes less 23");
    let effects = bench.hear(STRANGER, ping(7, &[]));
    assert!(matches!(
        sent_to(STRANGER, &effects)[..],
        [(Kind::Pong, 37..=46)]
    ));
}

#[test]
fn an_address_gets_one_pong_a_minute() {
    let mut bench = Bench::speaking(&[]);
    let filling = [0; 60];
    let mut pongs = 0;
    for second in 0..600 {
        let port = 1_024 + second;
        let from = format!("44.9.0.1:{port}");
        let effects = bench.hear(&from, ping(second, &[("F", &filling)]));
        let sent = datagrams(&effects);
        pongs += sent
            .iter()
            .filter(|(_, what)| what.header.kind == Kind::Pong)
            .count();
        bench.wait(Duration::from_secs(1));
    }
    assert_eq!(pongs, 10);
}

#[test]
fn a_neighbour_has_proved_where_it_stands() {
    let mut bench = Bench::speaking(&[ALICE]);
    let effects = bench.hear("44.0.1.1:9999", ping(5, &[]));
    let sent = sent_to("44.0.1.1:9999", &effects);
    assert!(matches!(sent[..], [(Kind::Pong, 38..)]), "{sent:?}");
}

#[test]
fn who_asks_for_hosts_gets_them_once_proven() {
    let mut bench = Bench::speaking(&[ALICE, BOB]);
    let asked = ping(5, &[("SCP", &[1]), ("UDPHC", &[]), ("IP", &[])]);
    let effects = bench.hear(STRANGER, asked);
    assert_eq!(sent_to(STRANGER, &effects), [(Kind::Ping, 37)]);
    let effects = bench.prove(STRANGER, &effects);
    let sent = datagrams(&effects);
    assert!(bytes(&sent[0].1) <= 10 * (41 + 37));
    let pong = Pong::decode(&sent[0].1.payload).expect("a pong");
    assert_eq!(pong.hosts(), [addr("44.0.1.1:6346"), addr("44.0.2.1:6346")]);
    assert!(pong.ggep.get("UDPHC").is_some());
    let ip = pong.ggep.get("IP").expect("its address");
    assert_eq!(ip[..], [44, 9, 0, 1, 0xca, 0x18]);
}

#[test]
fn no_address_of_our_site_is_told_to_the_world() {
    let mut bench = Bench::speaking(&[ALICE]);
    bench.command(Command::Learn(vec![
        addr("192.168.0.7:6346"),
        addr("127.0.0.1:6346"),
    ]));
    let effects = bench.hear(STRANGER, ping(5, &[("SCP", &[1])]));
    let effects = bench.prove(STRANGER, &effects);
    let pong = Pong::decode(&datagrams(&effects)[0].1.payload).expect("a pong");
    assert_eq!(pong.hosts(), [addr("44.0.1.1:6346")]);
}

#[test]
fn a_cache_is_asked_when_hosts_are_short_and_what_it_tells_is_dialled() {
    const CACHE: &str = "44.7.0.1:3558";
    let mut bench = Bench::new(Config::default());
    bench.command(Command::Datagrams);
    bench.command(Command::LearnCaches(vec![addr(CACHE)]));
    let effects = bench.command(Command::Start);
    let [(to, asked)] = &datagrams(&effects)[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(*to, addr(CACHE));
    let ping = Ping::decode(&asked.payload).expect("a ping");
    assert_eq!(ping.ggep.number("SCP"), Some(1));

    let mut told = Vec::new();
    for host in ["44.1.0.1:6346", "10.0.0.1:6346", "127.0.0.1:22"] {
        servent::wire::address::pack(addr(host), &mut told);
    }
    let mut ggep = Ggep::new();
    ggep.push("IPP", told);
    ggep.push("UDPHC", Bytes::new());
    let pong = Pong {
        addr: addr(CACHE),
        files: 0,
        kib: 0,
        ggep,
    };
    let mut pong = Descriptor::new(guid(9), Kind::Pong, 1, pong.encode());
    assert_eq!(
        dials(&bench.hear(CACHE, pong.clone())),
        [],
        "not the answer"
    );
    pong.header.guid = asked.header.guid;
    let elsewhere = bench.hear("44.7.0.2:3558", pong.clone());
    assert_eq!(dials(&elsewhere), [], "not from there");
    let effects = bench.hear(CACHE, pong.clone());
    assert_eq!(dials(&effects), [addr("44.1.0.1:6346")]);
    assert_eq!(dials(&bench.hear(CACHE, pong)), [], "one answer a question");
}

#[test]
fn without_a_socket_nothing_is_said_and_nothing_heard() {
    let mut bench = Bench::with(&[]);
    assert_eq!(bench.hear(STRANGER, ping(5, &[("F", &[0; 60])])), []);
    assert_eq!(
        bench.command(Command::LearnCaches(vec![addr(STRANGER)])),
        []
    );
    assert_eq!(bench.dropped(), 1);
}

const ALL: Crawl = Crawl {
    ultrapeers: 255,
    leaves: 255,
    format: 0xff,
};

/// Anything at all, from and about addresses that never answer a ping: not one of them gets more bytes than it, or those
/// who spoke for it, have sent; and nobody is dialled.
#[test]
fn nobody_can_have_us_shout_at_a_third_party() {
    let victims: Vec<String> = (1..=6).map(|last| format!("44.9.{last}.1:6346")).collect();
    for seed in 0..30 {
        let mut rng = Rng::seeded(seed);
        let mut bench = Bench::speaking(&[ALICE, BOB]);
        let mut paid: BTreeMap<SocketAddrV4, usize> = BTreeMap::new();
        let mut sent: BTreeMap<SocketAddrV4, usize> = BTreeMap::new();
        let own = guid(1_000);
        bench.command(Command::Search {
            guid: own,
            query: Box::new(Query::words("song")),
            ttl: None,
        });
        for number in 0..3_000 {
            bench.wait(Duration::from_millis(rng.below(2_000) as u64));
            let victim = &victims[rng.below(victims.len())];
            let named = guid(rng.below(50) as u64).with_address(addr(victim));
            let mut effects = Vec::new();
            let what = match rng.below(9) {
                0 => ping(number, &[]),
                1 => ping(number, &[("SCP", &[1]), ("UDPHC", &[])]),
                2 => ping(number, &[("SCP", &[1]), ("F", &vec![0; rng.below(200)])]),
                3 => {
                    let mut query = Query::words(&"song".repeat(1 + rng.below(5)));
                    query.extensions.ggep.push("SO", Bytes::new());
                    let mut asked = Descriptor::new(named, Kind::Query, 3, query.encode());
                    asked.header.hops = 1;
                    *paid.entry(addr(victim)).or_default() += 23 + asked.payload.len();
                    effects.extend(bench.receive(ALICE, asked));
                    effects.extend(bench.found(named, &["song one", "song two"]));
                    continue_with(&mut sent, &effects);
                    continue;
                }
                4 => vendor(
                    named,
                    &VendorMeaning::OobClaim {
                        hits: 255,
                        token: Some(Bytes::from_static(b"anything")),
                    },
                    None,
                ),
                5 => vendor(
                    own,
                    &VendorMeaning::OobOffer {
                        hits: rng.below(256) as u8,
                        unsolicited: true,
                    },
                    Some(2 + rng.below(2) as u16),
                ),
                6 => push(number, guid(900), victim),
                7 => vendor(named, &VendorMeaning::Crawl(ALL), None),
                _ => pong(number, 0, victim),
            };
            *paid.entry(addr(victim)).or_default() += bytes(&what);
            effects.extend(bench.hear(victim, what));
            if number % 10 == 0 {
                effects.extend(bench.put(Input::Woke(Timer::KeepAlive)));
            }
            continue_with(&mut sent, &effects);
            for (to, bytes) in &sent {
                assert!(
                    *bytes <= paid[to],
                    "seed {seed}: {bytes} for {} to {to}",
                    paid[to]
                );
            }
        }
        assert!(sent.len() == victims.len(), "they were spoken to at all");
    }
}

/// Books what went out: pings, pongs, offers and claims, but never a hit, and no dial.
fn continue_with(sent: &mut BTreeMap<SocketAddrV4, usize>, effects: &[Effect]) {
    for (to, what) in datagrams(effects) {
        assert_ne!(
            what.header.kind,
            Kind::QueryHit,
            "a hit to a spoofed address"
        );
        *sent.entry(to).or_default() += bytes(&what);
    }
    assert_eq!(dials(effects), []);
}
