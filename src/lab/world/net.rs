//! What lies between the nodes of a world, and what is counted there.

use crate::lab::digest::Digest;
use crate::lab::latency::Latency;
use crate::lab::measure::Measured;
use crate::lab::wheel::Wheel;
use crate::overlay::{Effect, Event, Input, Outbox, PeerId};
use crate::rng::Rng;
use crate::time::Time;
use crate::wire::{Descriptor, Guid, HEADER_LEN, Kind, WalkStep};

use crate::lab::ground::Ground;

/// What lies between the nodes, and what is counted there.
#[derive(Debug)]
pub(super) struct Net {
    seed: u64,
    pub(super) now: Time,
    latency: Latency,
    pub(super) ground: Ground,
    pub(super) wheel: Wheel<(u32, Input)>,
    /// Lookups that wait for the node's answer.
    pub(super) lookups: Vec<Lookup>,
    /// By node: the last query that reached it, and Query descriptors received in all.
    reached_by: Vec<u32>,
    pub(super) load: Vec<u32>,
    pub(super) measured: Measured,
    /// The query under way.
    number: u32,
    asker: u32,
    began: Time,
    /// The GUID that the asker used last, and what its rounds before reached.
    round: Guid,
    pub(super) events: u64,
    pub(super) digest: Digest,
}

impl Net {
    /// Between the nodes of `ground`; nothing has happened.
    pub(super) fn new(ground: Ground, latency: Latency, seed: u64) -> Self {
        let nodes = ground.nodes;
        Self {
            seed,
            now: Time::ZERO,
            latency,
            ground,
            wheel: Wheel::default(),
            lookups: Vec::new(),
            reached_by: vec![0; nodes],
            load: vec![0; nodes],
            measured: Measured::default(),
            number: 0,
            asker: 0,
            began: Time::ZERO,
            round: Guid::ZERO,
            events: 0,
            digest: Digest::new(seed),
        }
    }

    /// A new query of `asker`, and the GUID it is to have.
    pub(super) fn begin(&mut self, asker: u32) -> Guid {
        self.number += 1;
        self.asker = asker;
        self.began = self.now;
        self.measured = Measured::default();
        self.reached_by[asker as usize] = self.number;
        self.round = Guid::random(&mut Rng::seeded(self.seed ^ u64::from(self.number) << 32));
        self.round
    }

    /// Counts an event, and writes it into the digest.
    pub(super) fn note(&mut self, node: u32, input: &Input) {
        self.events += 1;
        if let Input::Received { descriptor, .. } = input
            && descriptor.header.kind == Kind::Query
        {
            self.load[node as usize] += 1;
        }
        self.digest.note(self.now, node, input);
    }

    /// Puts a descriptor of `from` on its link number `to`.
    fn send(&mut self, from: u32, to: PeerId, descriptor: Descriptor) {
        self.count(from, &descriptor);
        let links = self.ground.neighbours.range_of(from);
        let link = links.start + to.0 as usize;
        let far = self.ground.neighbours.end(link);
        let back = PeerId(self.ground.back[link]);
        let at = self.now + self.latency.of(self.seed, from, far);
        let input = Input::Received {
            from: back,
            descriptor,
        };
        self.wheel.put(at, (far, input));
    }

    fn count(&mut self, from: u32, what: &Descriptor) {
        let measured = &mut self.measured;
        measured.bytes += (HEADER_LEN + what.payload.len()) as u64;
        match what.header.kind {
            Kind::Query => {
                measured.queries += 1;
                if from == self.asker && what.header.hops == 0 && what.header.guid != self.round {
                    self.round = what.header.guid;
                    measured.next_round();
                }
                if from == self.asker && what.header.hops == 0 {
                    measured.round_ttl(what.header.ttl);
                }
            }
            Kind::QueryHit => measured.hits_sent += 1,
            Kind::Vendor { .. } => measured.checks += 1,
            _ => {}
        }
    }
}

/// A node's library is asked.
#[derive(Debug)]
pub(super) struct Lookup {
    pub(super) node: u32,
    pub(super) query: Guid,
    /// For a walker: the steps it has taken.
    pub(super) steps: Option<u32>,
}

/// Where the overlay of one node puts its effects.
pub(super) struct Postman<'a> {
    pub(super) net: &'a mut Net,
    pub(super) node: u32,
}

impl Outbox for Postman<'_> {
    fn push(&mut self, effect: Effect) {
        let net = &mut *self.net;
        match effect {
            Effect::Send { to, descriptor } => net.send(self.node, to, descriptor),
            Effect::Lookup { guid, query } => {
                let first = std::mem::replace(&mut net.reached_by[self.node as usize], net.number)
                    != net.number;
                net.measured.reached += u64::from(first);
                net.measured.lookups += 1;
                let step = WalkStep::of(&query).ok().flatten();
                net.lookups.push(Lookup {
                    node: self.node,
                    query: guid,
                    steps: step.map(|step| u32::from(step.taken) + 1),
                });
            }
            Effect::Wake { after, timer } => {
                net.wheel
                    .put(net.now + after, (self.node, Input::Woke(timer)));
            }
            Effect::Tell(Event::Hit { hit, hops, .. }) => {
                let after = net.now.since(net.began);
                net.measured
                    .hit(hit.records.len() as u64, hops.into(), after);
            }
            // Nobody grows, speaks by UDP or leaves here.
            _ => {}
        }
    }
}
