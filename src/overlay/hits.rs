//! Hits: QueryHit comes back the way the query came (Gnutella 0.6, "QueryHit"; section "Routing").
//!
//! The one rule: a hit goes where its query came from and nowhere else. None of it is read on the way but who sent it, which
//! teaches where a Push to that servent goes.

use std::net::SocketAddrV4;

use bytes::Bytes;

use crate::time::Time;
use crate::wire::{Descriptor, Ggep, Guid, Header, Kind, QueryHit, Record, Trailer};

use super::quota::MINUTE;
use super::routes::Way;
use super::{Effect, Event, Outbox, Overlay, PeerId};

impl Overlay {
    /// Our own library's answer: offered to the asker by UDP where he wants it so, else sent back the way of his query.
    pub(super) fn on_found(
        &mut self,
        now: Time,
        query: Guid,
        records: Vec<Record>,
        out: &mut impl Outbox,
    ) {
        if let Some(asker) = self.queries.find(now, &query).and_then(|way| way.to) {
            self.charge(asker, records.len() as u64);
        }
        self.release_walker(now, query, !records.is_empty(), out);
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
            let to = way.to?;
            Some((to, way.hops, self.address_told(to)?))
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

    /// Where a neighbour can reach us; none when it is gone.
    pub(super) fn address_told(&self, to: PeerId) -> Option<SocketAddrV4> {
        self.address_for(self.peers.get(to)?)
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
        let way = self.queries.find(now, &what.header.guid);
        let header = if way.is_some_and(|way| way.walk) {
            // A walker may have come from further than any flood; its way home has no loops, so no TTL is needed.
            Header {
                ttl: 2,
                ..what.header
            }
        } else if let Some(header) = self.admit(now, from, what.header, out) {
            header
        } else {
            return;
        };
        let ours = self
            .searches
            .iter()
            .position(|search| search.asked_as(&header.guid));
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
        let query = search.guid;
        out.push(Effect::Tell(Event::Hit {
            query,
            hit: Box::new(hit),
            hops: hops.saturating_add(1),
            at: now,
        }));
        self.stop_walkers(now, query, out);
    }

    /// A Push to this servent goes the way its hits come. The first neighbour to bring one keeps the route while its
    /// link stands and hits keep coming: nobody draws another's pushes to himself by naming its GUID. Nor does anybody
    /// wash the others' away by making up servents: he may bring so many new ones.
    fn learn_servent(&mut self, now: Time, servent: &Guid, from: PeerId, hops: u8) {
        let is_new = self.servents.find(now, servent).is_none();
        let peer = self.peers.get_mut(from).filter(|_| is_new);
        if peer.is_some_and(|peer| !peer.servents.take(now, NEW_SERVENTS, MINUTE)) {
            return;
        }
        let way = Way {
            to: Some(from),
            hops,
            probe: false,
            walk: false,
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

/// New servents whose hits one neighbour may bring in a minute; all together are 27 a second before the first is forgotten.
const NEW_SERVENTS: u32 = 1_000;

/// LimeWire reads no hit with more records.
const RECORDS_PER_HIT: usize = 10;

/// Records in answer to one query, so that one word cannot pull a library through the network.
const MAX_RECORDS: usize = 500;

/// The longest payload of a hit of ours with more than one record: the 4 KiB that the 0.6 draft advises.
const MAX_HIT: usize = 4_096;

/// The speed in our hits: not measured, as the trailer says too.
const UNMEASURED: u32 = 0;
