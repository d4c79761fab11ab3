//! A servent of the laboratory: where it listens, how it introduces itself, and what it tells of a file.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::overlay::{Direction, Introduction};
use crate::wire::handshake::{Abilities, Agreement, Role};
use crate::wire::{Extensions, Record};

use super::world::FLOOD_TTL;

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
            version: (0, 6),
            role: Role::Ultrapeer,
            ours: Role::Ultrapeer,
            agent: String::new(),
            listen: None,
            seen_as: None,
            guid: None,
            deflate_out: false,
            deflate_in: false,
            vendor_messages: true,
            bye: true,
            abilities: Abilities {
                query_routing: false,
                last_hop_routing: false,
                dynamic_queries: true,
                wider_probes: true,
                relays: false,
            },
            max_ttl: FLOOD_TTL,
            degree,
            hosts: Vec::new(),
        },
    }
}

pub(super) fn record(object: u32) -> Record {
    Record {
        index: object,
        size: 1,
        name: format!("object {object}"),
        extensions: Extensions::default(),
    }
}
