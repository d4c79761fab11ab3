//! Crawlers: whom they hear of, and when.

use super::bench::*;
use super::*;
use servent::wire::handshake::Role;
use servent::wire::{Crawl, Supported, address};

const CRAWLER: &str = "44.9.0.1:6346";

fn crawl(number: u64, format: u8) -> Descriptor {
    let crawl = Crawl {
        ultrapeers: 255,
        leaves: 255,
        format,
    };
    vendor(guid(number), &VendorMeaning::Crawl(crawl), None)
}

/// An ultrapeer among two ultrapeers and this many leaves.
fn hub(leaves: u32) -> Bench {
    let mut bench = Bench::speaking(&[ALICE, BOB]);
    for number in 0..leaves {
        let addr = SocketAddrV4::new((0x2c64_0001 + number).into(), 6346);
        let mut who = introduction(Direction::Incoming, addr);
        who.agreement.role = Role::Leaf;
        who.agreement.listen = Some(addr);
        bench.greet(PeerId(100 + number), who);
    }
    bench
}

/// The one answer among the effects: ultrapeers, leaves, format and the rest.
fn answer(effects: &[Effect]) -> (u8, u8, u8, Bytes) {
    let [(to, what)] = &datagrams(effects)[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(*to, addr(CRAWLER));
    let message = VendorMessage::decode(&what.payload).expect("a vendor message");
    assert_eq!((message.vendor, message.selector), (*b"LIME", 6));
    let body = message.body;
    (body[0], body[1], body[2], body.slice(3..))
}

#[test]
fn a_crawler_is_answered_once_it_has_proved_itself_and_once_in_two_minutes() {
    let mut bench = hub(3);
    let effects = bench.hear(CRAWLER, crawl(5, 0));
    assert_eq!(
        sent_to(CRAWLER, &effects),
        [(Kind::Ping, 34)],
        "no more than it was"
    );
    let effects = bench.prove(CRAWLER, &effects);
    let (ultrapeers, leaves, format, rest) = answer(&effects);
    assert_eq!((ultrapeers, leaves, format), (2, 3, 0));
    let hosts = address::unpack(&rest).expect("hosts");
    assert_eq!(hosts[..2], [addr("44.0.1.1:6346"), addr("44.0.2.1:6346")]);
    assert_eq!(hosts.len(), 5);
    for number in 6..16 {
        assert_eq!(bench.hear(CRAWLER, crawl(number, 0)), []);
        bench.wait(Duration::from_secs(11));
    }
    bench.wait(Duration::from_secs(11));
    let effects = bench.hear(CRAWLER, crawl(20, Crawl::MINUTES | 8));
    let (_, _, format, rest) = answer(&effects);
    assert_eq!(format, Crawl::MINUTES, "agents are not told");
    assert_eq!((rest.len(), &rest[6..8]), (5 * 8, &[2, 0][..]));
}

#[test]
fn what_is_told_stays_within_the_ledger_and_a_datagram() {
    for leaves in [0, 30, 100, 290] {
        let mut bench = hub(leaves);
        let asked = crawl(5, 0);
        let effects = bench.hear(CRAWLER, asked.clone());
        let effects = bench.prove(CRAWLER, &effects);
        let sum: usize = datagrams(&effects)
            .iter()
            .map(|(_, what)| bytes(what))
            .sum();
        assert!(sum + 34 <= 10 * (bytes(&asked) + 37), "{sum}");
        assert!(sum <= 1_223, "{sum}");
        let (ultrapeers, told, ..) = answer(&effects);
        assert_eq!(ultrapeers, 2);
        assert!(u32::from(told) <= leaves);
    }
}

#[test]
fn only_such_as_answer_themselves_if_that_is_asked() {
    let mut bench = hub(3);
    let supported = Supported {
        vendor: *b"LIME",
        selector: 5,
        version: 1,
    };
    let message = VendorMeaning::MessagesSupported(vec![supported]);
    bench.receive(BOB, vendor(guid(1), &message, None));
    let effects = bench.hear(CRAWLER, crawl(5, Crawl::CRAWLED));
    let (ultrapeers, leaves, _, rest) = answer(&bench.prove(CRAWLER, &effects));
    assert_eq!((ultrapeers, leaves), (1, 0));
    assert_eq!(address::unpack(&rest), Some(vec![addr("44.0.2.1:6346")]));
}

#[test]
fn no_address_of_our_site_is_told_to_the_world() {
    let mut bench = Bench::speaking(&[ALICE]);
    bench.greet(
        BOB,
        introduction(Direction::Outgoing, addr("192.168.0.7:6346")),
    );
    let effects = bench.hear(CRAWLER, crawl(5, 0));
    assert_eq!(answer(&bench.prove(CRAWLER, &effects)).0, 1);
    let here = |ip: [u8; 4]| bench.overlay.vacancy_for(bench.now, ip.into());
    assert_eq!(here([44, 9, 0, 1]).ultrapeers, [addr("44.0.1.1:6346")]);
    assert!(
        here([44, 9, 0, 1])
            .hosts
            .iter()
            .all(|host| *host != addr("192.168.0.7:6346"))
    );
    assert_eq!(here([192, 168, 0, 9]).ultrapeers.len(), 2);
}
