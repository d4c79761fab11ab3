//! What lies between the hosts of a network: links, what is on its way, and the count of it.

use std::time::Duration;

use super::{Agenda, Conditions, Traffic};
use crate::lab::digest::Digest;
use crate::overlay::{Input, PeerId};
use crate::time::Time;
use crate::wire::{Descriptor, Guid};

/// What lies between the hosts.
#[derive(Debug)]
pub(super) struct Net {
    pub(super) conditions: Conditions,
    pub(super) now: Time,
    pub(super) agenda: Agenda<What>,
    pub(super) links: Vec<Link>,
    pub(super) traffic: Traffic,
    /// Hits that an asker was told of just now.
    pub(super) told: Vec<(Guid, u8)>,
    /// Libraries that are asked just now.
    pub(super) asked: Vec<(Guid, Option<u32>)>,
    pub(super) events: u64,
    pub(super) digest: Digest,
}

impl Net {
    /// Nothing on its way.
    pub(super) fn new(conditions: Conditions) -> Self {
        Self {
            digest: Digest::new(conditions.seed),
            conditions,
            now: Time::ZERO,
            agenda: Agenda::default(),
            links: Vec::new(),
            traffic: Traffic::default(),
            told: Vec::new(),
            asked: Vec::new(),
            events: 0,
        }
    }

    /// A new link between two nodes; its number.
    pub(super) fn join(&mut self, a: u32, b: u32) -> u32 {
        let link = self.links.len() as u32;
        self.links.push(Link {
            ends: [a, b],
            up: true,
        });
        link
    }

    pub(super) fn way(&self, a: u32, b: u32) -> Duration {
        self.conditions.latency.of(self.conditions.seed, a, b)
    }

    /// Closes a link; its end far from `node` is told as soon as word can reach it.
    pub(super) fn close(&mut self, link: u32, node: u32) {
        let its = &mut self.links[link as usize];
        let far = its.far(node);
        if std::mem::replace(&mut its.up, false) {
            let at = self.now + self.way(node, far);
            let peer = PeerId(link);
            let input = Input::Disconnected { peer };
            // Who has begun another life knows no such link.
            let (node, life) = (far, None);
            self.agenda.put(at, What::Input { node, life, input });
        }
    }

    /// Counts an event, and writes it into the digest.
    pub(super) fn note(&mut self, node: u32, input: &Input) {
        self.events += 1;
        self.digest.note(self.now, node, input);
    }
}

/// A link; both ends know it by its place among all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) ends: [u32; 2],
    pub(super) up: bool,
}

impl Link {
    /// The end that is not `near`.
    pub(super) fn far(&self, near: u32) -> u32 {
        self.ends[usize::from(self.ends[0] == near)]
    }
}

#[derive(Debug)]
pub(super) enum What {
    /// A descriptor is at a host.
    Comes {
        node: u32,
        link: u32,
        descriptor: Descriptor,
    },
    /// For a servent, in this life of its or in any.
    Input {
        node: u32,
        life: Option<u32>,
        input: Input,
    },
    /// Somebody dials.
    Dialled { by: u32, life: u32, node: u32 },
    /// An asker's patience is at its end.
    Enough { search: usize },
}
