//! What the servents of this laboratory are to each other: addresses, introductions, the names and tables of what they hold.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use super::ground::Ground;
use super::workload::title;
use crate::overlay::{Direction, Introduction};
use crate::wire::handshake::{Abilities, Agreement, Role};
use crate::wire::qrp::RouteTable;
use crate::wire::{Extensions, Record};

/// What each node is to its neighbours: all ultrapeers know it by one introduction, and its leaves by another.
pub(super) struct Introductions {
    to_ultrapeers: Vec<Arc<Introduction>>,
    /// Those of ultrapeers, where there are leaves.
    to_leaves: Vec<Arc<Introduction>>,
}

impl Introductions {
    pub(super) fn new(ground: &Ground) -> Self {
        let tiers = ground.tiers;
        let seen = |node: u32| {
            let relays = |far: &&u32| !tiers.is_leaf(**far);
            let degree = ground.neighbours.of(node).iter().filter(relays).count();
            let mut who = introduction(node, degree as u32);
            if tiers.is_leaf(node) {
                who.agreement.role = Role::Leaf;
            }
            who
        };
        let nodes = 0..ground.nodes as u32;
        let leaves = nodes.clone().any(|node| tiers.is_leaf(node));
        let hubs = nodes.clone().filter(|node| leaves && !tiers.is_leaf(*node));
        let from_below = |node: u32| {
            let mut who = seen(node);
            who.direction = Direction::Outgoing;
            who.agreement.ours = Role::Leaf;
            who.agreement.abilities.query_routing = true;
            who
        };
        Self {
            to_leaves: hubs.map(from_below).map(Arc::new).collect(),
            to_ultrapeers: nodes.map(seen).map(Arc::new).collect(),
        }
    }

    /// What a node is to one of its neighbours.
    pub(super) fn of(&self, node: u32, to_leaf: bool) -> Arc<Introduction> {
        let introductions = match to_leaf {
            true => &self.to_leaves,
            false => &self.to_ultrapeers,
        };
        Arc::clone(&introductions[node as usize])
    }
}

/// Where a node listens: all are on loopback, where nothing is believed to be far or a crowd.
pub(super) fn address(node: u32) -> SocketAddrV4 {
    let [_, a, b, c] = (node + 1).to_be_bytes();
    SocketAddrV4::new(Ipv4Addr::new(127, a, b, c), 6346)
}

/// What its neighbours learn of a node in the handshake. Nobody dials here, so it does not say where it listens.
pub(super) fn introduction(node: u32, degree: u32) -> Introduction {
    Introduction {
        direction: Direction::Incoming,
        remote: address(node),
        agreement: Agreement {
            vendor_messages: true,
            bye: true,
            abilities: Abilities {
                dynamic_queries: true,
                wider_probes: true,
                ..Abilities::default()
            },
            max_ttl: FLOOD_TTL,
            degree,
            ..Agreement::default()
        },
    }
}

/// An object, as a hit tells of it.
pub(super) fn record(object: u32) -> Record {
    Record {
        index: object,
        size: 1,
        name: title(object),
        extensions: Extensions::default(),
    }
}

/// The route table of a node that holds these.
pub(super) fn table(shelf: &[u32]) -> RouteTable {
    let mut table = RouteTable::new(SLOTS);
    for object in shelf {
        title(*object)
            .split(' ')
            .for_each(|word| table.insert(word));
    }
    table
}

/// Slots of a leaf's table: the least that gtk-gnutella sends, 2 KiB with room for hundreds of objects.
const SLOTS: u32 = 1 << 14;

/// The TTL of a flood that names none: as far as relays on the real network let a query go.
pub const FLOOD_TTL: u8 = 7;
