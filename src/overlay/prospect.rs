//! Prospects: how far a search can come from here, told as it sets out.
//!
//! The one rule: what is said is a bound. Every neighbour tells how many neighbours it keeps, and were the network a tree
//! in which all keep as many, so many servents would be reached with so many queries; loops only make it fewer.

use crate::wire::Query;
use crate::wire::qrp::Demand;

use super::dynamic::horizon;
use super::shield::may_have;
use super::{Overlay, Peer, Strategy};

/// The highest TTL a search may be given; networks of one machine let queries pass with any.
const WIDEST: u8 = 7;

/// What a search can come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prospect {
    /// How it sets out; never [`Strategy::Auto`].
    pub way: Strategy,
    /// Links it may cross.
    pub ttl: u8,
    /// We are a leaf: our ultrapeers ask for us.
    pub for_us: bool,
    /// Neighbours who are ultrapeers.
    pub ultrapeers: usize,
    /// Of these, those who take no queries now (`HopsFlow`): they have too much to do.
    pub closed: usize,
    /// Of these, those that are not asked because the query ends there and their tables say that they have no such file.
    pub barren: usize,
    /// Our leaves.
    pub leaves: usize,
    /// Of these, those whose tables say that they may have it.
    pub leaves_asked: usize,
    /// Hosts we know of.
    pub hosts: usize,
    /// For each TTL from 1 on: the servents it can reach, and the queries that takes, at most.
    pub reach: Vec<u64>,
}

impl Prospect {
    /// Whether a TTL says how far it goes: a walk ends with its steps, and a leaf's ultrapeers decide for it.
    pub const fn reaches(&self) -> bool {
        !self.for_us && !matches!(self.way, Strategy::Walk(_)) && self.ultrapeers > self.closed
    }
}

impl Overlay {
    /// What `query` can come to if it sets out now, in this way or the configured one.
    pub fn prospect(&self, query: &Query, by: Option<Strategy>) -> Prospect {
        let way = self.way_to_search(by);
        let ttl = match way {
            Strategy::Flood { ttl: Some(ttl) } => ttl.min(self.config.hard_ttl),
            Strategy::Ring(ring) => ring.ttls().iter().copied().max().unwrap_or_default(),
            Strategy::Walk(walk) => walk.ttl,
            _ => self.config.ttl,
        };
        let demand = Demand::of(query);
        let leaves = self.peers.iter().filter(|peer| peer.is_leaf());
        let wanted = |peer: &&Peer| peer.table().is_some_and(|table| demand.is_met_by(table));
        let leaves_asked = leaves.clone().filter(wanted).count();
        let ultrapeers = self.peers.iter().filter(|peer| !peer.is_leaf());
        let (open, closed): (Vec<&Peer>, Vec<&Peer>) =
            ultrapeers.partition(|peer| peer.hops_flow > 0);
        let ends_there = self.config.last_hop_tables && ttl == 1;
        let barren = |peer: &&&Peer| ends_there && !may_have(peer, &demand);
        let reach = (1..=self.config.max_ttl.min(WIDEST)).map(|ttl| {
            let behind = open
                .iter()
                .map(|peer| horizon(peer.who.agreement.degree, ttl));
            behind.fold(leaves_asked as u64, u64::saturating_add)
        });
        Prospect {
            way,
            ttl,
            for_us: self.is_leaf(),
            ultrapeers: open.len() + closed.len(),
            closed: closed.len(),
            barren: open.iter().filter(barren).count(),
            leaves: leaves.count(),
            leaves_asked,
            hosts: self.hosts.len(),
            reach: reach.collect(),
        }
    }
}
