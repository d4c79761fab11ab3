//! Out-of-band hits, as the asker: offers (LIME/12) are claimed (LIME/11), and then the hits come by UDP (section
//! "Out-of-band hits").
//!
//! The one rule: a hit by UDP counts only if we claimed it, from the address we claimed it from, and with the token we
//! gave that address: so nobody else can slip in his. Only an old holder of hits (version 2), who knows no tokens, may
//! leave it out, and then its address must have proved itself.

use std::collections::VecDeque;
use std::net::SocketAddrV4;
use std::time::Duration;

use bytes::Bytes;

use crate::time::Time;
use crate::wire::datagram::TAKES_DEFLATED;
use crate::wire::{Descriptor, Guid, HEADER_LEN, Kind, Query, QueryFlags, QueryHit, VendorMeaning};

use super::{Outbox, Overlay};

/// Hits claimed, and such that are to be, oldest first.
#[derive(Debug, Default)]
pub(super) struct Claims {
    list: Vec<Claim>,
    /// Who sent hits and wants to be asked by Push, oldest first: no link leads to him.
    pushed: VecDeque<(Guid, SocketAddrV4)>,
}

#[derive(Clone, Copy, Debug)]
struct Claim {
    query: Guid,
    from: SocketAddrV4,
    /// Files that may still come.
    hits: u16,
    /// Its hits bear our token.
    secure: bool,
    /// The holder has been told; else it has to prove first where it stands.
    made: bool,
    at: Time,
}

impl Claims {
    /// Where a servent stands that can be asked by Push, if its hits came by UDP.
    pub(super) fn pushed(&self, servent: &Guid) -> Option<SocketAddrV4> {
        let mut pushed = self.pushed.iter();
        let found = pushed.find(|(known, _)| known == servent);
        found.map(|(_, addr)| *addr)
    }

    /// The first to claim a GUID keeps it, as on links.
    fn learn_pushed(&mut self, servent: Guid, from: SocketAddrV4) {
        if self.pushed(&servent).is_none() {
            if self.pushed.len() == PUSHED {
                self.pushed.pop_front();
            }
            self.pushed.push_back((servent, from));
        }
    }

    fn position(&self, query: &Guid, from: SocketAddrV4) -> Option<usize> {
        let same = |claim: &Claim| claim.query == *query && claim.from == from;
        self.list.iter().position(same)
    }
}

impl Overlay {
    /// A GUID for a search: it names our address if hits may come there by UDP.
    pub fn search_guid(&mut self) -> Guid {
        let guid = Guid::random(&mut self.rng);
        match self.takes_hits_at() {
            Some(addr) => guid.with_address(addr),
            None => guid,
        }
    }

    /// Has a query of ours say how answers reach us: hits may come by UDP, if its GUID tells where; and who cannot be
    /// connected to either may keep silent, if we cannot.
    pub(super) fn tell_reach(&self, guid: &Guid, query: &mut Query) {
        if self.reachable.not_by_tcp() {
            query.flags.0 |= QueryFlags::FIREWALLED;
        }
        if self.takes_hits_at() == Some(guid.address()) {
            query.flags.0 |= QueryFlags::OUT_OF_BAND;
            query.extensions.ggep.push("SO", Bytes::new());
            // No ultrapeer need put its address in the place of ours.
            query.extensions.ggep.push("NP", Bytes::new());
        }
    }

    /// Where we take hits by UDP: nowhere, unless datagrams of strangers are known to come in.
    fn takes_hits_at(&self) -> Option<SocketAddrV4> {
        let listening = self.listening.filter(|addr| !addr.ip().is_unspecified());
        listening.filter(|_| self.datagrams.is_some() && self.reachable.by_udp())
    }

    /// Somebody holds hits for a query.
    pub(super) fn on_offer(
        &mut self,
        now: Time,
        from: SocketAddrV4,
        query: Guid,
        hits: u8,
        secure: bool,
        out: &mut impl Outbox,
    ) {
        let ours = self.searches.iter().any(|search| search.guid == query);
        let Some(udp) = self.datagrams.as_deref_mut().filter(|_| ours && hits > 0) else {
            self.counts.dropped += 1;
            return;
        };
        let claims = &mut udp.claims;
        claims.list.retain(|claim| now.since(claim.at) < LIFETIME);
        if claims.position(&query, from).is_none() {
            let of_query = claims
                .list
                .iter()
                .filter(|claim| claim.query == query)
                .count();
            if of_query >= OF_QUERY || claims.list.len() >= IN_ALL {
                self.counts.dropped += 1;
                return;
            }
            claims.list.push(Claim {
                query,
                from,
                hits: if hits == ALL { u16::MAX } else { hits.into() },
                secure,
                made: false,
                at: now,
            });
        }
        self.make_claim(now, from, query, out);
    }

    /// An address has proved itself: what it offered is claimed.
    pub(super) fn claim_proven(&mut self, now: Time, from: SocketAddrV4, out: &mut impl Outbox) {
        let Some(udp) = &self.datagrams else {
            return;
        };
        let waits = |claim: &&Claim| claim.from == from && !claim.made;
        let waiting: Vec<Guid> = (udp.claims.list.iter().filter(waits))
            .map(|claim| claim.query)
            .collect();
        for query in waiting {
            self.make_claim(now, from, query, out);
        }
    }

    /// Claims, or has the holder prove itself first: a claim with a token is longer than an offer, so whoever forged the
    /// address on an offer would have us send more than he did.
    fn make_claim(&mut self, now: Time, from: SocketAddrV4, query: Guid, out: &mut impl Outbox) {
        let Some(udp) = &self.datagrams else {
            return;
        };
        let found = udp.claims.position(&query, from);
        let Some((at, claim)) = found.map(|at| (at, udp.claims.list[at])) else {
            return;
        };
        if claim.made {
            return;
        }
        let token = udp.secret.token(from, &query);
        let token = claim.secure.then(|| Bytes::copy_from_slice(&token));
        let hits = u8::try_from(claim.hits).unwrap_or(ALL);
        let message = VendorMeaning::OobClaim { hits, token }.message();
        let kind = Kind::Vendor { standard: false };
        let message = Descriptor::new(query, kind, 1 | TAKES_DEFLATED, message.encode());
        let paid = HEADER_LEN + message.payload.len() <= self.allowance(now, from);
        if !(self.is_proven(now, from) || (claim.secure && paid)) {
            self.challenge(now, from, out);
        } else if self.reply(now, from, message, out)
            && let Some(udp) = &mut self.datagrams
        {
            udp.claims.list[at].made = true;
        }
    }

    /// A hit by UDP.
    pub(super) fn on_hit_by_udp(
        &mut self,
        now: Time,
        from: SocketAddrV4,
        what: &Descriptor,
        out: &mut impl Outbox,
    ) {
        let query = what.header.guid;
        let Some(hit) = self.claimed(now, from, &query, what) else {
            self.counts.dropped += 1;
            return;
        };
        self.asking.add_results(&query, hit.records.len() as u32);
        let search = self.searches.iter().position(|search| search.guid == query);
        if let Some(search) = search {
            self.tell_hit(now, search, hit, what.header.hops, out);
        }
    }

    /// The hit, if it is one we claimed.
    fn claimed(
        &mut self,
        now: Time,
        from: SocketAddrV4,
        query: &Guid,
        what: &Descriptor,
    ) -> Option<QueryHit> {
        let proven = self.is_proven(now, from);
        let udp = self.datagrams.as_deref_mut()?;
        let at = udp.claims.position(query, from)?;
        let claim = &mut udp.claims.list[at];
        let hit = QueryHit::decode(&what.payload).ok()?;
        let records = u16::try_from(hit.records.len()).ok()?;
        let known = match hit.trailer.ggep.get("SO") {
            Some(token) => udp.secret.knows_token(from, query, token),
            None => !claim.secure && proven,
        };
        let fresh = claim.made && now.since(claim.at) < LIFETIME;
        let good = known && fresh && records > 0 && records <= claim.hits;
        if !good {
            return None;
        }
        claim.hits -= records;
        if hit.trailer.push == Some(true) {
            udp.claims.learn_pushed(hit.servent, from);
        }
        Some(hit)
    }
}

/// In an offer or a claim: at least so many, or all there are.
pub(super) const ALL: u8 = u8::MAX;

/// How long hits may take to come after the offer (gtk-gnutella keeps them for two to three minutes).
const LIFETIME: Duration = Duration::from_secs(180);

/// Offers taken for one search: each comes from somebody else.
const OF_QUERY: usize = 250;

/// Offers taken at once.
const IN_ALL: usize = 1_000;

/// Servents remembered that can be asked by Push: more than anybody fetches from.
const PUSHED: usize = 256;
