//! Hits by UDP: offered, claimed, proved, sent; or the way of the query.

use super::bench::*;
use super::*;
use crate::world::World;
use crate::world::topology::line;
use servent::wire::QueryFlags;

const ASKER: &str = "44.9.0.1:6346";
const HOLDER: &str = "44.9.0.2:6346";

/// A query from far away whose hits may go to `asker`.
fn asking(number: u64, asker: &str) -> Descriptor {
    let mut query = Query::words("song");
    query.flags.0 |= QueryFlags::OUT_OF_BAND;
    query.extensions.ggep.push("SO", Bytes::new());
    let guid = guid(number).with_address(addr(asker));
    let mut asked = Descriptor::new(guid, Kind::Query, 1, query.encode());
    asked.header.hops = 1;
    asked
}

/// Has the servent find two files for it.
fn found(bench: &mut Bench, asked: &Descriptor) -> Vec<Effect> {
    bench.receive(ALICE, asked.clone());
    bench.found(asked.header.guid, &["song one", "song two"])
}

fn claim(query: Guid, token: Option<&'static [u8]>) -> Descriptor {
    let token = token.map(Bytes::from_static);
    vendor(query, &VendorMeaning::OobClaim { hits: 255, token }, None)
}

fn offer(query: Guid, version: u16) -> Descriptor {
    let offer = VendorMeaning::OobOffer {
        hits: 1,
        unsolicited: true,
    };
    vendor(query, &offer, Some(version))
}

fn meaning(descriptor: &Descriptor) -> (VendorMeaning, u16) {
    let message = VendorMessage::decode(&descriptor.payload).expect("a vendor message");
    let meaning = VendorMeaning::read(&message)
        .expect("sound")
        .expect("known");
    (meaning, message.version)
}

/// The names in the hits that went by UDP, each with the right token, and in those that went along the links.
fn names(effects: &[Effect], token: &[u8]) -> (Vec<String>, Vec<String>) {
    let mut both = (Vec::new(), Vec::new());
    for effect in effects {
        let (descriptor, names) = match effect {
            Effect::SendTo { descriptor, .. } => (descriptor, &mut both.0),
            Effect::Send { descriptor, .. } => (descriptor, &mut both.1),
            _ => continue,
        };
        if descriptor.header.kind == Kind::QueryHit {
            let hit = QueryHit::decode(&descriptor.payload).expect("a hit");
            if let Effect::SendTo { .. } = effect {
                assert_eq!(hit.trailer.ggep.get("SO").expect("a token")[..], *token);
                assert!(bytes(descriptor) <= 1_300);
            }
            names.extend(hit.records.into_iter().map(|record| record.name));
        }
    }
    both
}

#[test]
fn hits_are_offered_and_go_to_whoever_claims_them_and_answers_a_ping() {
    let mut bench = Bench::speaking(&[ALICE]);
    let asked = asking(10, ASKER);
    let effects = found(&mut bench, &asked);
    let [(to, offered)] = &datagrams(&effects)[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(*to, addr(ASKER));
    assert!(
        bytes(offered) <= 23 + asked.payload.len(),
        "smaller than the query"
    );
    let (offered, version) = meaning(offered);
    assert!(matches!(offered, VendorMeaning::OobOffer { hits: 2, .. }) && version == 3);

    let query = asked.header.guid;
    let effects = bench.hear(ASKER, claim(query, Some(b"token")));
    let sent = sent_to(ASKER, &effects);
    assert!(
        matches!(sent[..], [(Kind::Ping, _)]),
        "first the proof: {sent:?}"
    );
    let effects = bench.prove(ASKER, &effects);
    let (by_udp, along) = names(&effects, b"token");
    assert_eq!((by_udp.len(), along.len()), (2, 0));
    let again = bench.hear(ASKER, claim(query, Some(b"token")));
    assert_eq!(again, [], "once");

    // The next time there is nothing left to prove.
    let asked = asking(11, ASKER);
    assert_eq!(datagrams(&found(&mut bench, &asked)).len(), 1);
    let effects = bench.hear(ASKER, claim(asked.header.guid, Some(b"token")));
    assert_eq!(names(&effects, b"token").0.len(), 2);
}

#[test]
fn only_where_they_were_offered_and_only_with_a_token() {
    let mut bench = Bench::speaking(&[ALICE]);
    bench.command(Command::Start);
    let asked = asking(10, ASKER);
    found(&mut bench, &asked);
    let query = asked.header.guid;
    for (from, what) in [
        ("44.9.0.7:6346", claim(query, Some(b"token"))),
        ("44.9.0.1:6347", claim(query, Some(b"token"))),
        (ASKER, claim(query, None)),
        (ASKER, claim(query, Some(&[7; 17]))),
        (ASKER, claim(guid(99), Some(b"token"))),
    ] {
        assert_eq!(bench.hear(from, what), [], "{from}");
    }
    bench.rounds(Duration::from_secs(81));
    let late = bench.hear(ASKER, claim(query, Some(b"token")));
    assert_eq!(late, [], "too late");
}

#[test]
fn a_claim_without_a_proof_goes_the_way_of_the_query() {
    let mut bench = Bench::speaking(&[ALICE]);
    bench.command(Command::Start);
    let asked = asking(10, ASKER);
    found(&mut bench, &asked);
    bench.hear(ASKER, claim(asked.header.guid, Some(b"token")));
    let effects = bench.rounds(Duration::from_secs(9));
    let (by_udp, along) = names(&effects, b"token");
    assert_eq!((by_udp.len(), along.len()), (0, 2));
}

#[test]
fn what_is_too_much_for_the_ledger_goes_the_way_of_the_query() {
    let mut bench = Bench::speaking(&[ALICE]);
    let asked = asking(10, ASKER);
    bench.receive(ALICE, asked.clone());
    let names_found: Vec<String> = (0..200).map(|number| format!("song {number}")).collect();
    let names_found: Vec<&str> = names_found.iter().map(String::as_str).collect();
    bench.found(asked.header.guid, &names_found);
    let challenged = bench.hear(ASKER, claim(asked.header.guid, Some(b"token")));
    let effects = bench.prove(ASKER, &challenged);
    let (by_udp, along) = names(&effects, b"token");
    assert!(by_udp.len() >= 10 && !along.is_empty());
    let all: Vec<String> = by_udp.into_iter().chain(along).collect();
    assert_eq!(all, names_found, "each once");
}

#[test]
fn offers_to_an_unproven_address_are_one_a_minute_and_the_rest_is_not_lost() {
    let mut bench = Bench::speaking(&[ALICE]);
    let (mut offers, mut along) = (0, 0);
    for number in 0..600 {
        bench.wait(Duration::from_secs(1));
        let effects = found(&mut bench, &asking(100 + number, ASKER));
        offers += datagrams(&effects).len();
        along += names(&effects, b"").1.len();
    }
    assert_eq!((offers, along), (10, 590 * 2));
}

#[test]
fn who_is_near_or_nobody_or_not_to_be_believed_is_answered_along_the_links() {
    let mut near = asking(10, ASKER);
    near.header.hops = 0;
    let mut old = asking(11, ASKER);
    old.payload = {
        let mut query = Query::words("song");
        query.flags.0 |= QueryFlags::OUT_OF_BAND;
        query.encode()
    };
    for asked in [
        near,
        old,
        asking(12, "127.0.0.1:6346"),
        asking(13, "10.0.0.1:6346"),
        asking(14, "44.9.0.1:25"),
        asking(15, "224.0.0.1:6346"),
        asking(16, "44.0.0.1:6346"),
    ] {
        let mut bench = Bench::speaking(&[ALICE]);
        let effects = found(&mut bench, &asked);
        assert_eq!(datagrams(&effects), []);
        assert_eq!(names(&effects, b"").1.len(), 2);
    }
}

/// A servent that datagrams of strangers reach, and a search of its.
fn searching() -> (Bench, Guid) {
    let mut bench = Bench::speaking(&[ALICE]);
    bench.hear("44.8.0.1:6346", ping(5, &[]));
    assert_eq!(bench.overlay.reachable_by_udp().word(), "yes");
    let guid = bench.overlay.search_guid();
    assert_eq!(guid.address(), addr("44.0.0.1:6346"));
    let effects = bench.command(Command::Search {
        guid,
        query: Box::new(Query::words("song")),
        by: Some(Strategy::flood(3)),
    });
    let Effect::Send { descriptor, .. } = &effects[0] else {
        panic!("{effects:?}");
    };
    let query = Query::decode(&descriptor.payload).expect("a query");
    assert!(query.flags.has(QueryFlags::OUT_OF_BAND));
    assert!(query.extensions.ggep.get("SO").is_some());
    (bench, guid)
}

/// A hit by UDP with this token.
fn hit_with(query: Guid, token: Option<&Bytes>) -> Descriptor {
    let mut hit = hit_of(guid(900));
    hit.trailer.vendor = *b"TEST";
    if let Some(token) = token {
        hit.trailer.ggep.push("SO", token.clone());
    }
    Descriptor::new(query, Kind::QueryHit, 1, hit.encode())
}

/// The token of the one claim among the effects.
fn claimed(effects: &[Effect]) -> Option<Bytes> {
    let sent = datagrams(effects);
    let claims = sent
        .iter()
        .filter(|(_, what)| what.header.kind != Kind::Ping);
    let claims: Vec<_> = claims.map(|(_, what)| meaning(what).0).collect();
    match &claims[..] {
        [VendorMeaning::OobClaim { token, .. }] => token.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_offer_is_claimed_of_whoever_answers_a_ping_and_its_hits_must_bear_the_token() {
    let (mut bench, query) = searching();
    let effects = bench.hear(HOLDER, offer(query, 3));
    assert_eq!(sent_to(HOLDER, &effects), [(Kind::Ping, 33)]);
    let effects = bench.prove(HOLDER, &effects);
    let token = claimed(&effects).expect("a token");
    let forged = Bytes::from_static(b"forged");
    for (from, hit) in [
        (HOLDER, hit_with(query, None)),
        (HOLDER, hit_with(query, Some(&forged))),
        ("44.9.0.3:6346", hit_with(query, Some(&token))),
        (HOLDER, hit_with(guid(77), Some(&token))),
    ] {
        assert_eq!(bench.hear(from, hit), []);
    }
    let effects = bench.hear(HOLDER, hit_with(query, Some(&token)));
    assert!(matches!(
        &effects[..],
        [Effect::Tell(Event::Hit { hops: 1, .. })]
    ));
    let effects = bench.hear(HOLDER, hit_with(query, Some(&token)));
    assert_eq!(effects, [], "one was offered");
}

#[test]
fn who_answered_by_udp_is_asked_by_udp_to_connect() {
    let (mut bench, query) = searching();
    let servent = guid(900);
    let push = Command::Push { servent, index: 3 };
    assert_eq!(bench.command(push.clone()), [], "nobody knows the way");
    let effects = bench.hear(HOLDER, offer(query, 3));
    let effects = bench.prove(HOLDER, &effects);
    let token = claimed(&effects).expect("a token");
    let mut hit = hit_of(servent);
    hit.trailer.push = Some(true);
    hit.trailer.ggep.push("SO", token);
    bench.hear(
        HOLDER,
        Descriptor::new(query, Kind::QueryHit, 1, hit.encode()),
    );
    let effects = bench.command(push);
    let [(to, what)] = &datagrams(&effects)[..] else {
        panic!("{effects:?}");
    };
    let push = Push::decode(&what.payload).expect("a push");
    assert_eq!(*to, addr(HOLDER));
    assert_eq!((push.servent, push.index), (servent, 3));
    assert_eq!(push.addr, addr("44.0.0.1:6346"));
}

#[test]
fn a_second_offer_pays_for_the_claim_of_one_that_answers_no_ping() {
    let (mut bench, query) = searching();
    bench.hear(HOLDER, offer(query, 3));
    let effects = bench.hear(HOLDER, offer(query, 3));
    assert_eq!(datagrams(&effects), [], "33 bytes pay for a ping of 33");
    let effects = bench.hear(HOLDER, offer(query, 3));
    claimed(&effects).expect("a token");
}

#[test]
fn an_old_holder_knows_no_tokens() {
    let (mut bench, query) = searching();
    let effects = bench.hear(HOLDER, offer(query, 2));
    let effects = bench.prove(HOLDER, &effects);
    assert_eq!(claimed(&effects), None);
    let effects = bench.hear(HOLDER, hit_with(query, None));
    assert_eq!(effects.len(), 1);
}

#[test]
fn nobody_is_answered_for_what_was_not_asked() {
    let (mut bench, query) = searching();
    assert_eq!(bench.hear(HOLDER, offer(guid(5), 3)), []);
    bench.command(Command::EndSearch(query));
    assert_eq!(bench.hear(HOLDER, offer(query, 3)), []);
}

/// Ten thousand forged hits to one victim: it is told of what was found, and that is all.
#[test]
fn hits_make_us_dial_nobody_and_send_nobody_anything() {
    let (mut bench, query) = searching();
    for number in 0..10_000 {
        let mut forged = hit(0, 3, 1);
        forged.header.guid = query;
        let effects = match number % 2 {
            0 => bench.receive(ALICE, forged),
            _ => bench.hear(HOLDER, forged),
        };
        let told = |effect: &Effect| matches!(effect, Effect::Tell(Event::Hit { .. }));
        assert!(effects.iter().all(told), "{effects:?}");
    }
}

#[test]
fn between_our_own_servents_hits_go_the_short_way() {
    let mut world = World::joined(4, &line(4), 1, 7);
    for node in 0..4 {
        world.tell(node, Command::Datagrams);
        world.tell(node, Command::Start);
    }
    world.nodes[3].files = vec!["a song".to_owned()];
    // Two that test each other have to take turns.
    world.run_for(Duration::from_secs(600));
    for node in 0..4 {
        let overlay = &world.nodes[node].overlay;
        let reachable = overlay.reachable_by_udp();
        assert_eq!(reachable.word(), "yes", "{node}: {reachable}");
    }
    let guid = world.nodes[0].overlay.search_guid();
    world.tell(
        0,
        Command::Search {
            guid,
            query: Box::new(Query::words("song")),
            by: Some(Strategy::flood(7)),
        },
    );
    world.run_for(Duration::from_secs(5));
    let found = &world.nodes[0].found;
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].2, world.hits), (1, 0), "no link carried it");
}
