//! A network in memory and in virtual time: the overlay's own machines, joined by the links of a graph.
//!
//! It is a driver like the one on sockets and does no more: it answers `Send` with the neighbour's `Received`, `Lookup` with
//! what the node shares, `Wake` with `Woke`. Nobody dials and no link breaks here. Events of one millisecond happen in the
//! order in which they were caused, so the same seed gives the same run, to the last descriptor.

mod net;

use std::hint::black_box;
use std::sync::Arc;

use net::{Lookup, Net, Postman};

use super::ground::Ground;
use super::introductions::{FLOOD_TTL, Introductions, address, record, table};
use super::latency::Latency;
use super::measure::Measured;
use super::workload::{Asked, Workload, title};
use crate::overlay::{
    Command, Config, Effect, Input, Outbox, Overlay, PeerId, RoleChoice, Strategy,
};
use crate::rng::Rng;
use crate::wire::{Guid, Query};

/// A network of servents that runs.
#[derive(Debug)]
pub struct World {
    nodes: Vec<Overlay>,
    net: Net,
}

impl World {
    /// Servents on `ground`, all links up, who search by `strategy`.
    pub fn new(ground: &Ground, strategy: Strategy, latency: Latency, seed: u64) -> Self {
        Self::new_until(|| false, ground, strategy, latency, seed).expect("nothing ends it")
    }

    /// The same, given up when `ended` says so: a million servents take seconds.
    pub fn new_until(
        ended: impl Fn() -> bool,
        ground: &Ground,
        strategy: Strategy,
        latency: Latency,
        seed: u64,
    ) -> Option<Self> {
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
        let all = || (0..ground.nodes as u32).take_while(|_| !ended());
        let nodes = all().map(|node| {
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
            net: Net::new(ground.clone(), latency, seed),
        };
        if world.nodes.len() < ground.nodes {
            return None;
        }
        let introductions = Introductions::new(ground);
        all().for_each(|node| world.open(node, &introductions));
        (!ended()).then_some(world)
    }

    /// Opens the links of a node, as its handshakes would.
    fn open(&mut self, node: u32, introductions: &Introductions) {
        self.handle(node, Input::Command(Command::Listening(address(node))));
        let neighbours = Arc::clone(&self.net.ground.neighbours);
        for (number, far) in neighbours.of(node).iter().enumerate() {
            let who = introductions.of(*far, self.net.ground.tiers.is_leaf(node));
            let peer = PeerId(number as u32);
            let up = Input::Connected { peer, who };
            self.nodes[node as usize].handle(self.net.now, up, &mut Nowhere);
        }
    }

    /// Has all leaves tell their ultrapeers by route tables what they hold, and lets time pass until it has come.
    pub fn tell_tables(&mut self, workload: &Workload) {
        let tiers = self.net.ground.tiers;
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
        { self.ask_until(|| false, workload, asked) }.expect("nothing ends it")
    }

    /// The same, given up when `ended` says so: a flood among a million takes seconds, and of half a query nothing is to
    /// be learned. No other can be asked afterwards.
    pub fn ask_until(
        &mut self,
        ended: impl Fn() -> bool,
        workload: &Workload,
        asked: Asked,
    ) -> Option<Measured> {
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
            if ended() {
                return None;
            }
        }
        // Nobody walks any more, so nobody need be told.
        let end = Input::Command(Command::EndSearch(guid));
        self.nodes[asked.by as usize].handle(self.net.now, end, &mut Nowhere);
        Some(std::mem::take(&mut self.net.measured))
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
        self.net.digest.figure()
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

/// Where goes what is no part of any query.
struct Nowhere;

impl Outbox for Nowhere {
    fn push(&mut self, _: Effect) {}
}

/// How many events are prepared at once: more than memory fetches at a time would be forgotten again.
const AHEAD: usize = 12;

/// GUIDs a servent remembers. One query runs at a time, so a few are many.
const ROUTES: usize = 16;
