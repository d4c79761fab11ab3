//! Out-of-band hits, as the one who has the files: hits for somebody far away are offered to him by UDP (LIME/12) and
//! sent when he claims them (LIME/11), so that they do not burden all servents between (section "Out-of-band hits").
//!
//! The one rule: a query may name anybody's address, so to one that has not proved itself goes a single small offer a
//! minute, smaller than the query was, and no hit. Who claims is pinged first. And nothing is lost by it: what cannot be
//! offered, is not claimed, or was claimed and cannot be sent, goes back the way the query came.

use std::net::SocketAddrV4;
use std::time::Duration;

use bytes::Bytes;

use crate::time::Time;
use crate::wire::datagram::DEFLATED;
use crate::wire::{Descriptor, Guid, HEADER_LEN, Header, Kind, Query, Record, VendorMeaning};

use super::claim::ALL;
use super::datagram::SECURE;
use super::quota::{MINUTE, Quota};
use super::reach::{is_believed, is_possible};
use super::{Outbox, Overlay, PeerId};

/// Hits offered, and queries that asked for offers.
#[derive(Debug)]
pub(super) struct Offers {
    /// Queries that our own library is being asked, oldest first.
    wishes: Vec<Wish>,
    list: Vec<Offer>,
    /// Offers to addresses that have not proved themselves.
    pace: Quota,
}

/// A query whose hits may go by UDP.
#[derive(Clone, Copy, Debug)]
struct Wish {
    query: Guid,
    /// How long it was, header and all.
    bytes: usize,
}

/// Hits that wait to be claimed.
#[derive(Debug)]
struct Offer {
    query: Guid,
    to: SocketAddrV4,
    records: Vec<Record>,
    at: Time,
    claim: Option<Claimed>,
}

/// What was said when they were claimed.
#[derive(Clone, Debug)]
struct Claimed {
    /// What the hits must bear.
    token: Bytes,
    /// How many files are wanted.
    hits: usize,
    /// Whether the hits may be deflated.
    deflated: bool,
    at: Time,
}

impl Default for Offers {
    fn default() -> Self {
        Self {
            wishes: Vec::new(),
            list: Vec::new(),
            pace: Quota::NEW,
        }
    }
}

impl Overlay {
    /// Notes that the hits for a query may go by UDP: it asks for it, with tokens, and its asker is no neighbour.
    pub(super) fn note_wish(&mut self, from: PeerId, header: &Header, query: &Query, bytes: usize) {
        let wanted = header.hops > 0 && query.extensions.ggep.get("SO").is_some();
        if !wanted {
            return;
        }
        let to = header.guid.address();
        let stands = self.peers.get(from).map(|peer| *peer.who.remote.ip());
        let believed = stands.is_some_and(|stands| is_believed(to, stands));
        let fit = believed && is_possible(to) && to.port() >= LOWEST_PORT && !self.is_ourselves(to);
        if let Some(udp) = self.datagrams.as_deref_mut().filter(|_| fit) {
            let wishes = &mut udp.offers.wishes;
            if wishes.len() >= WISHES {
                wishes.remove(0);
            }
            wishes.push(Wish {
                query: header.guid,
                bytes: HEADER_LEN + bytes,
            });
        }
    }

    /// Offers what was found, if that is wished for and may be; else gives it back.
    pub(super) fn offer(
        &mut self,
        now: Time,
        query: Guid,
        records: Vec<Record>,
        out: &mut impl Outbox,
    ) -> Option<Vec<Record>> {
        let to = query.address();
        let proven = self.is_proven(now, to);
        let Some(udp) = self.datagrams.as_deref_mut() else {
            return Some(records);
        };
        let wish = udp
            .offers
            .wishes
            .iter()
            .position(|wish| wish.query == query);
        let Some(wish) = wish.map(|at| udp.offers.wishes.remove(at)) else {
            return Some(records);
        };
        let offered = udp.ledger.open(now, to).offered;
        let may = proven
            || (offered.is_none_or(|at| now.since(at) >= MINUTE)
                && udp.offers.pace.take(now, UNPROVEN_PER_MINUTE, MINUTE));
        if records.is_empty() || !may || udp.offers.list.len() >= OFFERS {
            return Some(records);
        }
        // The query came on behalf of the address it names.
        udp.ledger.received(now, to, wish.bytes);
        let hits = u8::try_from(records.len()).unwrap_or(ALL);
        let unsolicited = self.reachable.by_udp();
        let mut message = VendorMeaning::OobOffer { hits, unsolicited }.message();
        message.version = SECURE;
        let kind = Kind::Vendor { standard: false };
        let message = Descriptor::new(query, kind, 1, message.encode());
        if !self.reply(now, to, message, out) {
            return Some(records);
        }
        if let Some(udp) = &mut self.datagrams {
            udp.ledger.open(now, to).offered = Some(now);
            udp.offers.list.push(Offer {
                query,
                to,
                records,
                at: now,
                claim: None,
            });
        }
        None
    }

    /// Somebody claims hits: `wanted` is how many, under which token, and whether they may be deflated. Only from where
    /// they were offered, and only with a token.
    pub(super) fn on_claim(
        &mut self,
        now: Time,
        from: SocketAddrV4,
        query: Guid,
        wanted: (u8, Option<Bytes>, bool),
        out: &mut impl Outbox,
    ) {
        let (hits, token, deflated) = wanted;
        let udp = self.datagrams.as_deref_mut();
        let offer = udp.and_then(|udp| {
            let stands = |offer: &Offer| now.since(offer.at) < CLAIM_WITHIN;
            let its =
                |offer: &&mut Offer| offer.query == query && offer.to == from && stands(offer);
            udp.offers.list.iter_mut().find(its)
        });
        let token = token.filter(|token| (1..=LONGEST_TOKEN).contains(&token.len()));
        let (Some(offer), Some(token), true) = (offer, token, hits > 0) else {
            self.counts.dropped += 1;
            return;
        };
        offer.claim.get_or_insert(Claimed {
            token: Bytes::copy_from_slice(&token),
            hits: if hits == ALL { usize::MAX } else { hits.into() },
            deflated,
            at: now,
        });
        if self.is_proven(now, from) {
            self.deliver_proven(now, from, out);
        } else {
            self.challenge(now, from, out);
        }
    }

    /// An address has proved itself: what it claimed is sent.
    pub(super) fn deliver_proven(&mut self, now: Time, to: SocketAddrV4, out: &mut impl Outbox) {
        for offer in self.take_offers(|offer| offer.to == to && offer.claim.is_some()) {
            if let Some(claim) = offer.claim {
                self.deliver(now, offer.query, to, offer.records, &claim, out);
            }
        }
    }

    /// What has waited too long goes back the way the query came, whether it was not claimed, or claimed by an address that
    /// does not answer a ping: its asker may be honest, and a datagram lost.
    pub(super) fn tend_offers(&mut self, now: Time, out: &mut impl Outbox) {
        let late = self.take_offers(|offer| match &offer.claim {
            Some(claim) => now.since(claim.at) >= PROOF_WITHIN,
            None => now.since(offer.at) >= CLAIM_WITHIN,
        });
        for offer in late {
            self.answer_along(now, offer.query, offer.records, out);
        }
    }

    fn take_offers(&mut self, which: impl Fn(&Offer) -> bool) -> Vec<Offer> {
        let udp = self.datagrams.as_deref_mut();
        udp.map_or_else(Vec::new, |udp| {
            udp.offers
                .list
                .extract_if(.., |offer| which(offer))
                .collect()
        })
    }

    /// Sends hits by UDP as far as the ledger goes, and the rest the way the query came.
    fn deliver(
        &mut self,
        now: Time,
        query: Guid,
        to: SocketAddrV4,
        mut records: Vec<Record>,
        claim: &Claimed,
        out: &mut impl Outbox,
    ) {
        records.truncate(claim.hits);
        let Some(addr) = self.address_at(*to.ip()) else {
            return self.answer_along(now, query, records, out);
        };
        let ttl = 1 | if claim.deflated { DEFLATED } else { 0 };
        while !records.is_empty() {
            let mut count = records.len().min(RECORDS_PER_HIT);
            let payload = loop {
                let mut hit = self.hit(addr, records[..count].to_vec());
                hit.trailer.ggep.push("SO", claim.token.clone());
                let payload = hit.encode();
                if payload.len() <= LONGEST_PAYLOAD || count == 1 {
                    break payload;
                }
                count /= 2;
            };
            let hit = Descriptor::new(query, Kind::QueryHit, ttl, payload);
            if !self.reply(now, to, hit, out) {
                return self.answer_along(now, query, records, out);
            }
            records.drain(..count);
        }
        // A push for one of them comes by the neighbour who brought the query.
        if let Some(neighbour) = self.queries.find(now, &query).and_then(|way| way.to)
            && let Some(peer) = self.peers.get_mut(neighbour)
        {
            peer.answered = Some(now);
        }
    }
}

/// Nobody's servent listens below; somebody's mail server might.
pub(super) const LOWEST_PORT: u16 = 1_024;

/// Queries noted: our library is asked one at a time.
const WISHES: usize = 64;

/// Offers open at once: of ten files of 100 bytes each, some 100 KiB.
const OFFERS: usize = 128;

/// Offers a minute to addresses that have not proved themselves, all together.
const UNPROVEN_PER_MINUTE: u32 = 60;

/// How long an offer stands. gtk-gnutella waits for 80 s and offers three times; with us nothing is lost in the end, so it
/// had better not come when nobody waits for it any more.
const CLAIM_WITHIN: Duration = Duration::from_secs(10);

/// How long the proof of an address may take.
const PROOF_WITHIN: Duration = Duration::from_secs(5);

/// The longest token we repeat (recommended: 16 bytes at most).
const LONGEST_TOKEN: usize = 16;

/// LimeWire reads no hit with more records.
const RECORDS_PER_HIT: usize = 10;

/// The longest payload of what we send by UDP: with all headers it crosses every path of today in one piece.
pub(super) const LONGEST_PAYLOAD: usize = 1_200;
