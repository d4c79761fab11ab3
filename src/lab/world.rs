//! A network in memory and in virtual time: the overlay's own machines, joined by the links of a graph.
//!
//! It is a driver like the one on sockets and does no more: it answers `Send` with the neighbour's `Received`, `Lookup` with
//! what the node shares, `Wake` with `Woke`. Nobody dials and no link breaks here. Events of one millisecond happen in the
//! order in which they were caused, so the same seed gives the same run, to the last descriptor.

use std::hint::black_box;
use std::sync::Arc;

use super::faces::{Faces, address, record, table};
use super::latency::Latency;
use super::measure::Measured;
use super::topology::{Graph, Neighbours, Tiers};
use super::wheel::Wheel;
use super::workload::{Asked, Workload, title};
use crate::overlay::{
    Command, Config, Effect, Event, Input, Outbox, Overlay, PeerId, RoleChoice, Strategy,
};
use crate::rng::Rng;
use crate::time::Time;
use crate::wire::{Descriptor, Guid, HEADER_LEN, Kind, Query, WalkStep};

/// A network of servents that runs.
#[derive(Debug)]
pub struct World {
    nodes: Vec<Overlay>,
    net: Net,
}

/// What lies between the nodes, and what is counted there.
#[derive(Debug)]
struct Net {
    seed: u64,
    now: Time,
    latency: Latency,
    neighbours: Arc<Neighbours>,
    /// For each end of a link, in the order of `neighbours`: by what number the far end knows this one.
    back: Arc<Vec<u32>>,
    tiers: Tiers,
    wheel: Wheel<(u32, Input)>,
    /// Lookups that wait for the node's answer.
    lookups: Vec<Lookup>,
    /// By node: the last query that reached it, and Query descriptors received in all.
    reached_by: Vec<u32>,
    load: Vec<u32>,
    measured: Measured,
    /// The query under way.
    number: u32,
    asker: u32,
    began: Time,
    /// The GUID that the asker used last, and what its rounds before reached.
    round: Guid,
    events: u64,
    digest: u64,
}

/// A graph made ready for worlds: several may share it.
#[derive(Clone, Debug)]
pub struct Ground {
    pub(super) neighbours: Arc<Neighbours>,
    back: Arc<Vec<u32>>,
    pub(super) nodes: usize,
    pub(super) tiers: Tiers,
}

impl Ground {
    /// Makes a graph ready.
    pub fn new(graph: &Graph) -> Self {
        let neighbours = graph.neighbours();
        let mut back = Vec::with_capacity(2 * graph.edges().len());
        for node in 0..graph.nodes() as u32 {
            for far in neighbours.of(node) {
                let at = neighbours.of(*far).binary_search(&node);
                back.push(at.expect("every edge has two ends, in order") as u32);
            }
        }
        Self {
            neighbours: Arc::new(neighbours),
            back: Arc::new(back),
            nodes: graph.nodes(),
            tiers: graph.tiers(),
        }
    }
}

impl World {
    /// Servents on `ground`, all links up, who search by `strategy`.
    pub fn new(ground: &Ground, strategy: Strategy, latency: Latency, seed: u64) -> Self {
        let relay = Config {
            grow: false,
            udp: false,
            slots: usize::MAX,
            leaves: usize::MAX,
            hubs: usize::MAX,
            last_hop_tables: false,
            search: strategy,
            // An ultrapeer sends the query of its leaf as far as its own.
            ttl: match strategy {
                Strategy::Flood { ttl: Some(ttl) } => ttl,
                _ => FLOOD_TTL,
            },
            max_ttl: u8::MAX,
            hard_ttl: u8::MAX,
            query_rate: u32::MAX,
            routes: ROUTES,
            ..Config::default()
        };
        let relay = Arc::new(relay);
        let leaf = Arc::new(Config {
            role: RoleChoice::Leaf,
            ..Config::clone(&relay)
        });
        let nodes = (0..ground.nodes as u32).map(|node| {
            let mut rng = Rng::seeded(seed ^ u64::from(node) << 20);
            let guid = Guid::random(&mut rng);
            let config = match ground.tiers.is_leaf(node) {
                true => &leaf,
                false => &relay,
            };
            Overlay::new(guid, Arc::clone(config), rng)
        });
        let mut world = Self {
            nodes: nodes.collect(),
            net: Net {
                seed,
                now: Time::ZERO,
                latency,
                neighbours: Arc::clone(&ground.neighbours),
                back: Arc::clone(&ground.back),
                tiers: ground.tiers,
                wheel: Wheel::default(),
                lookups: Vec::new(),
                reached_by: vec![0; ground.nodes],
                load: vec![0; ground.nodes],
                measured: Measured::default(),
                number: 0,
                asker: 0,
                began: Time::ZERO,
                round: Guid::ZERO,
                events: 0,
                digest: seed,
            },
        };
        let faces = Faces::new(ground);
        for node in 0..ground.nodes as u32 {
            world.open(node, &faces);
        }
        world
    }

    /// Opens the links of a node, as its handshakes would.
    fn open(&mut self, node: u32, faces: &Faces) {
        self.handle(node, Input::Command(Command::Listening(address(node))));
        let neighbours = Arc::clone(&self.net.neighbours);
        for (number, far) in neighbours.of(node).iter().enumerate() {
            let who = faces.of(*far, self.net.tiers.is_leaf(node));
            let peer = PeerId(number as u32);
            let up = Input::Connected { peer, who };
            self.nodes[node as usize].handle(self.net.now, up, &mut Nowhere);
        }
    }

    /// Has all leaves tell their ultrapeers by route tables what they hold, and lets time pass until it has come.
    pub fn tell_tables(&mut self, workload: &Workload) {
        let tiers = self.net.tiers;
        let shelves = workload.shelves(self.nodes.len()).into_iter().zip(0..);
        for (shelf, node) in shelves.filter(|(_, node)| tiers.is_leaf(*node)) {
            let table = Box::new(table(&shelf));
            self.handle(node, Input::Command(Command::Shelf(table)));
            while let Some((now, (node, input))) = self.net.wheel.take() {
                self.net.now = now;
                self.net.note(node, &input);
                self.handle(node, input);
            }
        }
    }

    /// Has a node ask, and lets time pass until nothing is left to happen.
    pub fn ask(&mut self, workload: &Workload, asked: Asked) -> Measured {
        let guid = self.net.begin(asked.by);
        let query = Box::new(Query::words(&title(asked.object)));
        let search = Command::Search {
            guid,
            query,
            by: None,
        };
        self.handle(asked.by, Input::Command(search));
        self.answer(workload, asked.object);
        while let Some((now, (node, input))) = self.net.wheel.take() {
            self.net.now = now;
            self.net.note(node, &input);
            self.handle(node, input);
            self.answer(workload, asked.object);
            self.look_ahead();
        }
        // Nobody walks any more, so nobody need be told.
        let end = Input::Command(Command::EndSearch(guid));
        self.nodes[asked.by as usize].handle(self.net.now, end, &mut Nowhere);
        std::mem::take(&mut self.net.measured)
    }

    /// Has those who hear something next fetched from memory, a dozen at a time: alone each would be waited for, and that
    /// is what takes the most time where many servents each do little.
    fn look_ahead(&self) {
        let due = self.net.wheel.due();
        if due.len().is_multiple_of(AHEAD) {
            let next = due.iter().rev().take(AHEAD);
            let seen = next.map(|(node, input)| match input {
                Input::Received { from, descriptor } => {
                    self.nodes[*node as usize].glance(*from, &descriptor.header.guid)
                }
                _ => 0,
            });
            black_box(seen.fold(0, |all, one| all ^ one));
        }
    }

    /// Events since the links were opened: descriptors delivered and timers run down.
    pub const fn events(&self) -> u64 {
        self.net.events
    }

    /// A figure for all that has happened, in order.
    pub const fn digest(&self) -> u64 {
        self.net.digest
    }

    /// By node, the Query descriptors it received.
    pub fn load(&self) -> &[u32] {
        &self.net.load
    }

    fn handle(&mut self, node: u32, input: Input) {
        let net = &mut self.net;
        let now = net.now;
        self.nodes[node as usize].handle(now, input, &mut Postman { net, node });
    }

    /// What the libraries of the nodes say to the lookups of this moment. To a walker also that there is nothing: it waits.
    fn answer(&mut self, workload: &Workload, object: u32) {
        while let Some(Lookup { node, query, steps }) = self.net.lookups.pop() {
            let holds = workload.holds(node, object);
            if holds {
                self.net.measured.found_after(steps);
            }
            if holds || steps.is_some() {
                let records = if holds {
                    vec![record(object)]
                } else {
                    Vec::new()
                };
                self.handle(node, Input::Found { query, records });
            }
        }
    }
}

impl Net {
    /// A new query of `asker`, and the GUID it is to have.
    fn begin(&mut self, asker: u32) -> Guid {
        self.number += 1;
        self.asker = asker;
        self.began = self.now;
        self.measured = Measured::default();
        self.reached_by[asker as usize] = self.number;
        self.round = Guid::random(&mut Rng::seeded(self.seed ^ u64::from(self.number) << 32));
        self.round
    }

    /// Counts an event, and writes it into the digest.
    fn note(&mut self, node: u32, input: &Input) {
        self.events += 1;
        let what = match input {
            Input::Received { from, descriptor } => {
                let header = &descriptor.header;
                if header.kind == Kind::Query {
                    self.load[node as usize] += 1;
                }
                let guid = &header.guid.0;
                let part = u32::from_le_bytes([guid[0], guid[1], guid[2], guid[3]]);
                u64::from(part) << 32
                    | u64::from(from.0) << 16
                    | u64::from(header.ttl) << 8
                    | u64::from(header.hops)
            }
            _ => 1,
        };
        let at = self.now.as_micros() ^ u64::from(node) << 40;
        self.digest = (self.digest.rotate_left(5) ^ at ^ what).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    /// Puts a descriptor of `from` on its link number `to`.
    fn send(&mut self, from: u32, to: PeerId, descriptor: Descriptor) {
        self.count(from, &descriptor);
        let links = self.neighbours.range_of(from);
        let link = links.start + to.0 as usize;
        let far = self.neighbours.end(link);
        let back = PeerId(self.back[link]);
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
struct Lookup {
    node: u32,
    query: Guid,
    /// For a walker: the steps it has taken.
    steps: Option<u32>,
}

/// Where the overlay of one node puts its effects.
struct Postman<'a> {
    net: &'a mut Net,
    node: u32,
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

/// Where goes what is no part of any query.
struct Nowhere;

impl Outbox for Nowhere {
    fn push(&mut self, _: Effect) {}
}

/// The TTL of a flood that names none: as far as relays on the real network let a query go.
pub const FLOOD_TTL: u8 = 7;

/// How many events are prepared at once: more than memory fetches at a time would be forgotten again.
const AHEAD: usize = 12;

/// GUIDs a servent remembers. One query runs at a time, so a few are many.
const ROUTES: usize = 16;
