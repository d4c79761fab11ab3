//! Searching: Query goes out to everybody once (Gnutella 0.6, "Query"; section "Routing").
//!
//! The one rule of a flood: only the first copy of a query counts. It is looked up once and passed on once, to every
//! ultrapeer but the one it came from, and all other copies die where they arrive. So on a flat network of n servents
//! and |E| links a flood that reaches everybody costs exactly 2|E| - (n-1) sends. A probe of a dynamic query, which by
//! itself goes no further, may come a second time with a larger TTL: then it is passed on and not answered again.

use std::time::Duration;

use crate::time::Time;
use crate::wire::{
    ByeCode, Descriptor, Guid, Header, Kind, Query, QueryFlags, VendorMeaning, WalkStep,
};

use super::ring::Widening;
use super::routes::Way;
use super::vendor::NO_MORE;
use super::walk::Walker;
use super::{Effect, Outbox, Overlay, Peer, PeerId, Strategy};

/// A search of our own.
#[derive(Clone, Debug)]
pub(super) struct Search {
    pub(super) guid: Guid,
    /// GUIDs of further queries for the same.
    pub(super) also: Vec<Guid>,
    /// Files found so far.
    pub(super) hits: u32,
    /// What an expanding ring has still to do.
    pub(super) widening: Option<Widening>,
}

impl Search {
    fn new(guid: Guid) -> Self {
        Self {
            guid,
            also: Vec::new(),
            hits: 0,
            widening: None,
        }
    }

    /// Whether a hit for this GUID is one for this search.
    pub(super) fn asked_as(&self, guid: &Guid) -> bool {
        self.guid == *guid || self.also.contains(guid)
    }
}

impl Overlay {
    /// Asks the network, in the way that is named or else configured. A leaf asks its ultrapeers, who ask for it.
    pub(super) fn search(
        &mut self,
        now: Time,
        guid: Guid,
        mut query: Query,
        by: Option<Strategy>,
        out: &mut impl Outbox,
    ) {
        if self.searches.iter().all(|search| search.guid != guid) {
            if self.searches.len() >= MAX_SEARCHES {
                self.searches.remove(0);
            }
            self.searches.push(Search::new(guid));
        }
        self.queries.learn(now, &guid, Way::OURS);
        self.tell_reach(&guid, &mut query);
        match self.way_to_search(by) {
            Strategy::Walk(walk) => self.send_walkers(now, guid, query, walk, out),
            Strategy::Ring(ring) => self.ask_in_rings(now, guid, query, ring, out),
            Strategy::Flood { ttl: Some(ttl) } => self.ask_at_once(now, guid, &query, ttl, out),
            _ if self.is_leaf() => {
                query.flags.0 |= QueryFlags::LEAF_GUIDED;
                self.ask_at_once(now, guid, &query, 1, out);
            }
            Strategy::Flood { ttl: None } | Strategy::Auto => {
                self.ask_at_once(now, guid, &query, self.config.ttl, out);
            }
            Strategy::Dynamic => {
                let demand = self.demand(&query);
                let what = Descriptor::new(guid, Kind::Query, self.config.ttl, query.encode());
                self.send_to_leaves(now, None, &what, demand.as_ref(), out);
                self.ask(now, &query, &what, None, out);
            }
        }
    }

    /// To all leaves that may have it, and to all ultrapeers.
    fn ask_at_once(
        &mut self,
        now: Time,
        guid: Guid,
        query: &Query,
        ttl: u8,
        out: &mut impl Outbox,
    ) {
        let ttl = ttl.min(self.config.hard_ttl);
        if ttl > 0 {
            let demand = self.demand(query);
            let what = Descriptor::new(guid, Kind::Query, ttl, query.encode());
            self.send_to_leaves(now, None, &what, demand.as_ref(), out);
            self.flood(now, None, &what, demand.as_ref(), out);
        }
    }

    /// Nobody waits for the hits any more. A leaf tells those who ask for it.
    pub(super) fn end_search(&mut self, now: Time, guid: Guid, out: &mut impl Outbox) {
        let before = self.searches.len();
        self.searches.retain(|search| search.guid != guid);
        self.asking.end(&guid);
        self.stop_walkers(now, guid, out);
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
            walk: false,
        };
        let known = self.queries.learn(now, &header.guid, way);
        let fresh = known.is_none();
        let walked = known.is_some_and(|known| known.walk);
        if let Some(known) = known
            && !walked
        {
            let widens = known.probe && header.ttl > 1;
            if !widens || !self.queries.widen(now, &header.guid) {
                self.counts.duplicate += 1;
                return;
            }
        }
        let Some(query) = Query::decode(&what.payload).ok().filter(asks_something) else {
            self.counts.dropped += 1;
            return;
        };
        let before = self.counts.sent.query;
        match WalkStep::of(&query) {
            Ok(Some(step)) => {
                self.queries.walks(&header.guid);
                let walker = Walker::new(header.guid, from, query, step);
                self.on_walker(now, walker, fresh, out);
            }
            // Only walkers come again. Were this passed on, every servent a walk has crossed would pass on every copy.
            Ok(None) if walked => self.counts.duplicate += 1,
            Ok(None) => {
                let payload = what.payload;
                self.answer_and_pass_on(
                    now,
                    from,
                    &query,
                    Descriptor { header, payload },
                    fresh,
                    out,
                );
            }
            Err(_) => self.counts.dropped += 1,
        }
        self.charge(from, 1 + self.counts.sent.query - before);
    }

    /// A plain query that counts: asks our own library the first time, and passes it on unless others would drop it.
    fn answer_and_pass_on(
        &mut self,
        now: Time,
        from: PeerId,
        query: &Query,
        what: Descriptor,
        fresh: bool,
        out: &mut impl Outbox,
    ) {
        if fresh && asks_for_files(query) {
            self.note_wish(from, &what.header, query, what.payload.len());
            out.push(Effect::Lookup {
                guid: what.header.guid,
                query: Box::new(query.clone()),
            });
        }
        if what.payload.len() <= MAX_RELAYED_QUERY && !self.is_leaf() {
            self.pass_on(now, from, query, &what, fresh, out);
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

    /// Whether the neighbour may ask one more thing, by a query or a push. One that floods is heard at the rate all others have too, and
    /// after some seconds of it let go. One whose queries cost much is heard less often, but never let go for that: it
    /// may be honest, and they others'.
    pub(super) fn may_ask(&mut self, now: Time, from: PeerId, out: &mut impl Outbox) -> bool {
        let rate = self.config.query_rate;
        let Some(peer) = self.peers.get_mut(from) else {
            return false;
        };
        if peer.queries.take(now, rate, Duration::from_secs(1)) {
            let work = u64::from(rate) * WORK;
            let affordable = rate == u32::MAX || peer.work.is_within(now, work, work / BURST);
            self.counts.dropped += u64::from(!affordable);
            self.counts.costly += u64::from(!affordable);
            return affordable;
        }
        peer.excess = peer.excess.saturating_add(1);
        self.counts.dropped += 1;
        if peer.excess > rate.saturating_mul(EXCESS_SECONDS) {
            self.banish(
                now,
                from,
                ByeCode::ERRORS,
                "Too many queries or pushes",
                out,
            );
        }
        false
    }

    /// Puts work on the account of the neighbour whose query made it: a unit for the query, for each neighbour that is
    /// sent it, for each file of ours that matches. Each takes some microseconds, here or in a task around us.
    pub(super) fn charge(&mut self, neighbour: PeerId, units: u64) {
        if let Some(peer) = self.peers.get_mut(neighbour) {
            peer.work.add(units);
        }
    }
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

/// Searches remembered at once; the oldest is forgotten. A prompt has one, a script a few.
const MAX_SEARCHES: usize = 256;

/// The longest payload of a query we pass on: gtk-gnutella drops longer ones, so they would die at the next servent.
const MAX_RELAYED_QUERY: usize = 256;

/// Units of work that a query may make on average. At [`super::Config::query_rate`] that is 10,000 in a second: queries
/// that go to forty neighbours 250 times, queries that match all the library we would tell of 20 times.
const WORK: u64 = 5;

/// This part of a second's work may be owed: it holds everybody up for no more than some milliseconds.
const BURST: u64 = 2;

/// Seconds' worth of queries above the rate before the neighbour is let go.
const EXCESS_SECONDS: u32 = 3;
