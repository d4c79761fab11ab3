//! Dynamic queries under way: our own and those of our leaves (section "Dynamic query").
//!
//! The one rule: [`Dynamic`] says whom to ask with which TTL, and nothing is sent that it did not say. A leaf's query has
//! crossed one link when it leaves us, its hits go back to the leaf like all others, and the leaf may say itself when it
//! has enough.

use bytes::Bytes;

use crate::time::Time;
use crate::wire::qrp::Demand;
use crate::wire::{Descriptor, Guid, Header, Kind, Query, QueryFlags, VendorMeaning};

use super::dynamic::{self, Candidate, Dynamic, Step};
use super::shield::may_have;
use super::vendor::NO_MORE;
use super::{Effect, Outbox, Overlay, PeerId, SearchBy, Timer};

/// A dynamic query under way.
#[derive(Debug)]
pub(super) struct Asking {
    guid: Guid,
    payload: Bytes,
    demand: Demand,
    /// The leaf that asked; none when it is our own.
    leaf: Option<PeerId>,
    /// The leaf tells how many hits it has.
    guided: bool,
    state: Dynamic,
}

/// All of them, oldest first.
#[derive(Debug, Default)]
pub(super) struct Askings {
    list: Vec<Asking>,
}

impl Askings {
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// So many results came by for a query.
    pub(super) fn add_results(&mut self, guid: &Guid, results: u32) {
        if let Some(asking) = self.list.iter_mut().find(|asking| asking.guid == *guid) {
            asking.state.add_results(results);
        }
    }

    /// A leaf says how many hits it has for a query of its.
    pub(super) fn on_status(&mut self, leaf: PeerId, guid: Guid, hits: u16) {
        let its = |asking: &&mut Asking| asking.guid == guid && asking.leaf == Some(leaf);
        if hits == NO_MORE {
            self.list
                .retain(|asking| asking.guid != guid || asking.leaf != Some(leaf));
        } else if let Some(asking) = self.list.iter_mut().find(its) {
            asking.state.report(hits.into());
        }
    }

    /// Forgets one.
    pub(super) fn end(&mut self, guid: &Guid) {
        self.list.retain(|asking| asking.guid != *guid);
    }

    /// Adds one, in the stead of the oldest of the same asker or of all where there are too many.
    fn add(&mut self, asking: Asking) {
        let same = |other: &Asking| other.leaf == asking.leaf;
        let of_asker = self.list.iter().filter(|other| same(other)).count();
        if of_asker >= EACH {
            let oldest = self.list.iter().position(same);
            oldest.map(|at| self.list.remove(at));
        } else if self.list.len() >= IN_ALL {
            self.list.remove(0);
        }
        self.list.push(asking);
    }
}

impl Overlay {
    /// How many dynamic queries are under way.
    pub fn dynamic_queries(&self) -> usize {
        self.asking.len()
    }

    /// The way a search would go out now, [`SearchBy::Flood`] or [`SearchBy::Dynamic`]. Who gives it a TTL wants a flood;
    /// for a leaf its ultrapeers ask dynamically.
    pub fn search_by(&self, ttl: Option<u8>) -> SearchBy {
        if ttl.is_none() && (self.is_leaf() || self.asks_dynamically()) {
            SearchBy::Dynamic
        } else {
            SearchBy::Flood
        }
    }

    /// Whether to ask link by link and not everybody at once.
    pub(super) fn asks_dynamically(&self) -> bool {
        match self.config.search {
            SearchBy::Flood => false,
            SearchBy::Dynamic => true,
            SearchBy::Auto => {
                let large = self.peers.leaves() > 0 || self.hosts.len() >= LARGE;
                large && self.peers.ultrapeers() >= ENOUGH
            }
        }
    }

    /// Begins a dynamic query, for ourselves or for a leaf.
    pub(super) fn ask(
        &mut self,
        now: Time,
        query: &Query,
        what: &Descriptor,
        leaf: Option<PeerId>,
        out: &mut impl Outbox,
    ) {
        let by_urn = !query.extensions.urns.is_empty();
        let wanted = match leaf {
            _ if by_urn => dynamic::WANTED_BY_URN,
            Some(_) => dynamic::WANTED_BY_LEAF,
            None => dynamic::WANTED_BY_USER,
        };
        let guid = what.header.guid;
        self.asking.add(Asking {
            guid,
            payload: what.payload.clone(),
            demand: Demand::of(query),
            leaf,
            guided: query.flags.has(QueryFlags::LEAF_GUIDED),
            state: Dynamic::new(wanted, now),
        });
        self.ask_on(now, guid, out);
    }

    /// Takes the next step of a dynamic query, if it is still under way.
    pub(super) fn ask_on(&mut self, now: Time, guid: Guid, out: &mut impl Outbox) {
        let Some(at) = self
            .asking
            .list
            .iter()
            .position(|asking| asking.guid == guid)
        else {
            return;
        };
        let mut candidates = self.candidates(&self.asking.list[at]);
        // Not always the same neighbours first.
        self.rng.shuffle(&mut candidates);
        let asking = &mut self.asking.list[at];
        let gone = asking
            .leaf
            .is_some_and(|leaf| self.peers.get(leaf).is_none());
        let step = asking.state.next(now, &candidates);
        let (Step::Ask(asked, wait), false) = (step, gone) else {
            self.asking.list.remove(at);
            return;
        };
        let (leaf, guided, payload) = (asking.leaf, asking.guided, asking.payload.clone());
        for (to, ttl) in asked {
            let header = Header {
                guid,
                kind: Kind::Query,
                ttl,
                hops: u8::from(leaf.is_some()),
            };
            let payload = payload.clone();
            self.send(now, to, Descriptor { header, payload }, out);
        }
        if let Some(leaf) = leaf.filter(|_| guided)
            && self.peers.get(leaf).is_some_and(|leaf| leaf.skills.status)
        {
            self.say(now, leaf, guid, &VendorMeaning::QueryStatusRequest, out);
        }
        out.push(Effect::Wake {
            after: wait,
            timer: Timer::Ask(guid),
        });
    }

    fn candidates(&self, asking: &Asking) -> Vec<Candidate> {
        let hops = u8::from(asking.leaf.is_some());
        let open = self
            .peers
            .iter()
            .filter(|peer| !peer.is_leaf() && hops < peer.hops_flow);
        open.map(|peer| {
            let agreement = &peer.who.agreement;
            Candidate {
                peer: peer.id,
                degree: agreement.degree,
                max_ttl: agreement.max_ttl.min(self.config.ttl),
                matches: peer.table().is_some() && may_have(peer, &asking.demand),
                widens: agreement.abilities.wider_probes,
            }
        })
        .collect()
    }
}

/// Below this number of ultrapeers there is nothing to choose from: all are asked at once.
const ENOUGH: usize = 8;

/// A network of fewer hosts than this is no larger than what a flood costs.
const LARGE: usize = 100;

/// Dynamic queries of one asker at once.
const EACH: usize = 16;

/// Dynamic queries at once in all: three for each of the leaves.
const IN_ALL: usize = 1_024;
