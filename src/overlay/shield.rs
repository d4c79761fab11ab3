//! The shield: which queries reach a neighbour at all.
//!
//! The one rule: a leaf gets only what its own table lets through, and nothing else from strangers. What an ultrapeer
//! gets is its own to judge, but for a query's last link, where its table speaks for it and its leaves.

use crate::time::Time;
use crate::wire::qrp::{Demand, RouteTable};
use crate::wire::{Descriptor, Header, Query};

use super::{Outbox, Overlay, Peer, PeerId, deliver};

impl Overlay {
    /// What a query demands of tables; none when there is no table to ask.
    pub(super) fn demand(&self, query: &Query) -> Option<Demand> {
        let any = self.peers.iter().any(|peer| peer.table().is_some());
        any.then(|| Demand::of(query))
    }

    /// To every leaf that may have it but the one it came from. The header is as the query came, or is of our own.
    pub(super) fn send_to_leaves(
        &mut self,
        now: Time,
        from: Option<PeerId>,
        query: &Descriptor,
        demand: Option<&Demand>,
        out: &mut impl Outbox,
    ) {
        let Some(demand) = demand.filter(|_| !self.is_leaf()) else {
            return;
        };
        let hops = match from {
            Some(_) => query.header.hops.saturating_add(1),
            None => 0,
        };
        // Leaves relay nothing.
        let header = Header {
            ttl: 1,
            hops,
            ..query.header
        };
        let payload = &query.payload;
        for peer in self.peers.iter_mut().filter(|peer| Some(peer.id) != from) {
            let open = peer.is_leaf() && hops < peer.hops_flow;
            let Some(table) = peer.table().filter(|_| open) else {
                continue;
            };
            let served = !is_greedy(table) || self.rng.chance(SHARE_OF_GREEDY);
            if served && demand.is_met_by(table) {
                let payload = payload.clone();
                let query = Descriptor { header, payload };
                deliver(now, peer, &mut self.counts.sent, query, out);
            }
        }
    }

    /// To every ultrapeer but the one it came from. The header is as they are to see it.
    pub(super) fn flood(
        &mut self,
        now: Time,
        from: Option<PeerId>,
        query: &Descriptor,
        demand: Option<&Demand>,
        out: &mut impl Outbox,
    ) {
        let spares = self.config.last_hop_tables && query.header.ttl == 1;
        let demand = demand.filter(|_| spares);
        for peer in self.peers.iter_mut().filter(|peer| Some(peer.id) != from) {
            let open = !peer.is_leaf() && query.header.hops < peer.hops_flow;
            if open && demand.is_none_or(|demand| may_have(peer, demand)) {
                deliver(now, peer, &mut self.counts.sent, query.clone(), out);
            }
        }
    }
}

/// Whether an ultrapeer or one of its leaves may have it: not if its table says no.
pub(super) fn may_have(peer: &Peer, demand: &Demand) -> bool {
    peer.table().is_none_or(|table| demand.is_met_by(table))
}

/// Whether a leaf with this table asks for everything instead of for what it has.
pub(super) fn is_greedy(table: &RouteTable) -> bool {
    table.fill() > GREEDY
}

/// A table fuller than this says nothing.
const GREEDY: f64 = 0.5;

/// It gets this share of what it asks for.
const SHARE_OF_GREEDY: f64 = 0.1;
