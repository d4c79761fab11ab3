//! Searching: Query goes out to everybody once, QueryHit comes back the way the query came (Gnutella 0.6, "Query",
//! "QueryHit"; section "Routing").
//!
//! The one rule of a flood: only the first copy of a query counts. It is looked up once and passed on once, to every
//! ultrapeer but the one it came from, and all other copies die where they arrive. So on a flat network of n servents
//! and |E| links a flood that reaches everybody costs exactly 2|E| - (n-1) sends. A probe of a dynamic query, which by
//! itself goes no further, may come a second time with a larger TTL: then it is passed on and not answered again.

use std::net::SocketAddrV4;
use std::time::Duration;

use bytes::Bytes;

use crate::time::Time;
use crate::wire::{
    ByeCode, Descriptor, Ggep, Guid, Header, Kind, Query, QueryFlags, QueryHit, Record, Trailer,
    VendorMeaning,
};

use super::routes::Way;
use super::vendor::NO_MORE;
use super::{Effect, Event, Outbox, Overlay, Peer, PeerId, SearchBy};

/// A search of our own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Search {
    pub(super) guid: Guid,
    /// Files found so far.
    pub(super) hits: u32,
}

impl Overlay {
    /// Asks the network, by flood where a TTL is named and else as configured. A leaf asks its ultrapeers, who ask for
    /// it.
    pub(super) fn search(
        &mut self,
        now: Time,
        guid: Guid,
        mut query: Query,
        ttl: Option<u8>,
        out: &mut impl Outbox,
    ) {
        if self.searches.iter().all(|search| search.guid != guid) {
            if self.searches.len() >= MAX_SEARCHES {
                self.searches.remove(0);
            }
            self.searches.push(Search { guid, hits: 0 });
        }
        self.queries.learn(now, &guid, OURS);
        let usual = if self.is_leaf() {
            query.flags.0 |= QueryFlags::LEAF_GUIDED;
            1
        } else {
            self.config.ttl
        };
        let dynamic = !self.is_leaf() && self.search_by(ttl) == SearchBy::Dynamic;
        let ttl = ttl.unwrap_or(usual).min(self.config.hard_ttl);
        if ttl == 0 {
            return;
        }
        self.tell_reach(&guid, &mut query);
        let demand = self.demand(&query);
        let what = Descriptor::new(guid, Kind::Query, ttl, query.encode());
        self.send_to_leaves(now, None, &what, demand.as_ref(), out);
        if dynamic {
            self.ask(now, &query, &what, None, out);
        } else {
            self.flood(now, None, &what, demand.as_ref(), out);
        }
    }

    /// Nobody waits for the hits any more. A leaf tells those who ask for it.
    pub(super) fn end_search(&mut self, now: Time, guid: Guid, out: &mut impl Outbox) {
        let before = self.searches.len();
        self.searches.retain(|search| search.guid != guid);
        self.asking.end(&guid);
        if self.is_leaf() && self.searches.len() < before {
            let ultrapeers: Vec<PeerId> = self.peers.iter().map(|peer| peer.id).collect();
            for to in ultrapeers {
                self.say(now, to, guid, &VendorMeaning::QueryStatus(NO_MORE), out);
            }
        }
    }

    /// A query: known already? Then it ends here, but for a wider copy of a probe. Else remember the way back, ask our
    /// own library, pass it on.
    pub(super) fn on_query(
        &mut self,
        now: Time,
        from: PeerId,
        what: Descriptor,
        out: &mut impl Outbox,
    ) {
        if !self.may_ask(now, from, out) {
            return;
        }
        let Some(header) = self.admit(now, from, what.header, out) else {
            return;
        };
        if what.header.ttl == 0 {
            // Nobody may send it. It is answered and goes no further (as with gtk-gnutella).
            self.fault(now, from, ZERO_TTL, "Too many messages with TTL 0", out);
        }
        let way = Way {
            to: Some(from),
            hops: header.hops,
            probe: header.ttl <= 1 && header.hops <= 1,
        };
        let fresh = self.queries.learn(now, &header.guid, way);
        if !fresh && (header.ttl <= 1 || !self.queries.widen(now, &header.guid)) {
            self.counts.duplicate += 1;
            return;
        }
        let Some(query) = Query::decode(&what.payload).ok().filter(asks_something) else {
            self.counts.dropped += 1;
            return;
        };
        if fresh && asks_for_files(&query) {
            self.note_wish(from, &header, &query, what.payload.len());
            out.push(Effect::Lookup {
                guid: header.guid,
                query: Box::new(query.clone()),
            });
        }
        let payload = what.payload;
        if payload.len() <= MAX_RELAYED_QUERY && !self.is_leaf() {
            let what = Descriptor { header, payload };
            self.pass_on(now, from, &query, &what, fresh, out);
        }
    }

    /// Passes a query on: to leaves once, to ultrapeers as far as its TTL goes. A leaf's is taken over, whatever its TTL.
    fn pass_on(
        &mut self,
        now: Time,
        from: PeerId,
        query: &Query,
        what: &Descriptor,
        fresh: bool,
        out: &mut impl Outbox,
    ) {
        let demand = self.demand(query);
        if fresh {
            self.send_to_leaves(now, Some(from), what, demand.as_ref(), out);
        }
        let of_leaf = self.peers.get(from).is_some_and(Peer::is_leaf);
        if of_leaf && self.asks_dynamically() {
            return self.ask(now, query, what, Some(from), out);
        }
        let header = Header {
            ttl: if of_leaf {
                self.config.ttl.saturating_add(1)
            } else {
                what.header.ttl
            },
            ..what.header
        };
        if let Some(header) = header.relayed() {
            let payload = what.payload.clone();
            let onward = Descriptor { header, payload };
            self.flood(now, Some(from), &onward, demand.as_ref(), out);
        }
    }

    /// Our own library's answer: offered to the asker by UDP where he wants it so, else sent back the way of his query.
    pub(super) fn on_found(
        &mut self,
        now: Time,
        query: Guid,
        records: Vec<Record>,
        out: &mut impl Outbox,
    ) {
        if let Some(records) = self.offer(now, query, records, out) {
            self.answer_along(now, query, records, out);
        }
    }

    /// Hits of a few records each, back to whoever brought the query.
    pub(super) fn answer_along(
        &mut self,
        now: Time,
        query: Guid,
        mut records: Vec<Record>,
        out: &mut impl Outbox,
    ) {
        if records.is_empty() {
            return;
        }
        let way = self.queries.find(now, &query);
        let Some((to, hops, addr)) = way.and_then(|way| {
            let peer = self.peers.get(way.to?)?;
            Some((peer.id, way.hops, self.address_for(peer)?))
        }) else {
            self.counts.dropped += 1;
            return;
        };
        records.truncate(MAX_RECORDS);
        let mut payloads = Vec::new();
        while !records.is_empty() {
            let rest = records.split_off(records.len().min(RECORDS_PER_HIT));
            pack(self.hit(addr, records), &mut payloads);
            records = rest;
        }
        // As many links as the query crossed, its hops and one, and one to spare.
        let ttl = hops.saturating_add(2);
        for payload in payloads {
            self.send(
                now,
                to,
                Descriptor::new(query, Kind::QueryHit, ttl, payload),
                out,
            );
        }
        if let Some(peer) = self.peers.get_mut(to) {
            peer.answered = Some(now);
        }
    }

    /// A hit: to us, if we asked; else back along the way of its query, and none of it is read but who sent it, which
    /// teaches where a Push to that servent goes.
    pub(super) fn on_hit(
        &mut self,
        now: Time,
        from: PeerId,
        what: Descriptor,
        out: &mut impl Outbox,
    ) {
        let Some(header) = self.admit(now, from, what.header, out) else {
            return;
        };
        let ours = self
            .searches
            .iter()
            .position(|search| search.guid == header.guid);
        let way = self.queries.find(now, &header.guid);
        let back = way.and_then(|way| way.to).filter(|to| *to != from);
        let servent = QueryHit::servent_of(&what.payload)
            .filter(|servent| *servent != Guid::ZERO && *servent != self.guid);
        let (Some(servent), true) = (servent, ours.is_some() || back.is_some()) else {
            self.counts.dropped += 1;
            return;
        };
        self.learn_servent(now, &servent, from, header.hops);
        let records = what.payload.first().copied().unwrap_or_default();
        self.asking.add_results(&header.guid, records.into());
        if let Some(search) = ours {
            match QueryHit::decode(&what.payload) {
                Ok(hit) => self.tell_hit(now, search, hit, header.hops, out),
                Err(_) => self.counts.dropped += 1,
            }
            return;
        }
        let payload = what.payload;
        match (header.relayed(), back) {
            (Some(header), Some(to)) if self.peers.get(to).is_some() => {
                self.send(now, to, Descriptor { header, payload }, out);
            }
            _ => self.counts.dropped += 1,
        }
    }

    /// A hit for this search of ours.
    pub(super) fn tell_hit(
        &mut self,
        now: Time,
        search: usize,
        hit: QueryHit,
        hops: u8,
        out: &mut impl Outbox,
    ) {
        let records = hit.records.len() as u32;
        let search = &mut self.searches[search];
        search.hits = search.hits.saturating_add(records);
        out.push(Effect::Tell(Event::Hit {
            query: search.guid,
            hit: Box::new(hit),
            hops: hops.saturating_add(1),
            at: now,
        }));
    }

    /// Whether the neighbour may ask one more thing. One that floods is heard at the rate all others have too, and
    /// after some seconds of it let go.
    fn may_ask(&mut self, now: Time, from: PeerId, out: &mut impl Outbox) -> bool {
        let rate = self.config.query_rate;
        let Some(peer) = self.peers.get_mut(from) else {
            return false;
        };
        if peer.queries.take(now, rate, Duration::from_secs(1)) {
            return true;
        }
        peer.excess = peer.excess.saturating_add(1);
        self.counts.dropped += 1;
        if peer.excess > rate.saturating_mul(EXCESS_SECONDS) {
            self.banish(now, from, ByeCode::ERRORS, "Too many queries", out);
        }
        false
    }

    /// A Push to this servent goes the way its hits come. The first neighbour to bring one keeps the route while its
    /// link stands and hits keep coming: nobody draws another's pushes to himself by naming its GUID.
    fn learn_servent(&mut self, now: Time, servent: &Guid, from: PeerId, hops: u8) {
        let way = Way {
            to: Some(from),
            hops,
            probe: false,
        };
        let peers = &self.peers;
        self.servents
            .renew(now, servent, way, |peer| peers.get(peer).is_none());
    }

    /// A hit of ours with these records.
    pub(super) fn hit(&self, addr: SocketAddrV4, records: Vec<Record>) -> QueryHit {
        let mut ggep = Ggep::new();
        ggep.push("BH", Bytes::new());
        self.name_proxies(&mut ggep);
        QueryHit {
            addr,
            speed: UNMEASURED,
            records,
            trailer: Trailer {
                vendor: *b"SRVT",
                push: Some(self.wants_pushes()),
                busy: Some(self.sharing.busy),
                measured: Some(false),
                ggep,
                ..Trailer::default()
            },
            servent: self.guid,
        }
    }
}

/// The payload of a hit, or of its halves where it is too long for one.
fn pack(mut hit: QueryHit, payloads: &mut Vec<Bytes>) {
    let payload = hit.encode();
    if payload.len() <= MAX_HIT || hit.records.len() < 2 {
        payloads.push(payload);
        return;
    }
    let back = hit.records.split_off(hit.records.len() / 2);
    let second = QueryHit {
        records: back,
        ..hit.clone()
    };
    pack(hit, payloads);
    pack(second, payloads);
}

/// Whether a query says anything: words, a URN, or XML. One that does not is dropped (section 5.2). Neither are the
/// four spaces with which old servents ask for a whole library: that is what browse host is for.
fn asks_something(query: &Query) -> bool {
    asks_for_files(query) || !query.extensions.texts.is_empty() || !query.extensions.ggep.is_empty()
}

/// Whether our library can answer it: words, or the name of a content. We do not follow gtk-gnutella in leaving words of
/// two or three letters unanswered far away: that would hide files, and the limit on records guards the network.
fn asks_for_files(query: &Query) -> bool {
    let words = query.text.trim();
    let has_words = !words.is_empty() && words != "\\";
    has_words || query.extensions.sha1().is_some() || !query.extensions.urns.is_empty()
}

/// Too many messages with TTL 0 (Bye 0.1 as gtk-gnutella numbers it).
const ZERO_TTL: ByeCode = ByeCode(408);

/// A query of our own: known, and its hits go nowhere but to us.
const OURS: Way = Way {
    to: None,
    hops: 0,
    probe: false,
};

/// Searches remembered at once; the oldest is forgotten. A prompt has one, a script a few.
const MAX_SEARCHES: usize = 256;

/// The longest payload of a query we pass on: gtk-gnutella drops longer ones, so they would die at the next servent.
const MAX_RELAYED_QUERY: usize = 256;

/// LimeWire reads no hit with more records.
const RECORDS_PER_HIT: usize = 10;

/// Records in answer to one query, so that one word cannot pull a library through the network.
const MAX_RECORDS: usize = 500;

/// The longest payload of a hit of ours with more than one record: the 4 KiB that the 0.6 draft advises.
const MAX_HIT: usize = 4_096;

/// Seconds' worth of queries above the rate before the neighbour is let go.
const EXCESS_SECONDS: u32 = 3;

/// The speed in our hits: not measured, as the trailer says too.
const UNMEASURED: u32 = 0;
