//! A network in memory and in virtual time: the overlay's own machines, joined by links that have a latency.
//!
//! It does what a driver does and no more: it answers `Dial` with a link or a refusal, `Send` with the neighbour's
//! `Received`, `Lookup` with what the node shares, `Wake` with `Woke`. Events of one moment happen in the order in which
//! they were caused, so a world with the same seed runs the same way every time.

#![allow(dead_code, reason = "each test uses its part of the world")]

pub(crate) mod topology;

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use servent::overlay::{
    Command, Config, Direction, Effect, Event, Input, Introduction, Overlay, PeerId, Strategy,
};
use servent::rng::Rng;
use servent::time::Time;
use servent::wire::handshake::{Abilities, Agreement, Role};
use servent::wire::{Bye, Descriptor, Extensions, Guid, Kind, Query, QueryHit, Record};

/// A network of servents.
pub(crate) struct World {
    pub(crate) now: Time,
    pub(crate) nodes: Vec<Node>,
    queue: BTreeMap<(Time, u64), (usize, What)>,
    caused: u64,
    latency: Latency,
    /// Effects of sending, by kind: Query, QueryHit, Push.
    pub(crate) queries: u64,
    pub(crate) hits: u64,
    pub(crate) pushes: u64,
    pub(crate) hangups: u64,
    /// What has happened, for those who want to compare lives; writing it down is slow.
    diary: Option<DefaultHasher>,
}

/// A servent and what it has lived through.
pub(crate) struct Node {
    pub(crate) overlay: Overlay,
    pub(crate) guid: Guid,
    pub(crate) addr: SocketAddrV4,
    pub(crate) alive: bool,
    /// Names of what it shares; a query finds those that contain its text.
    pub(crate) files: Vec<String>,
    pub(crate) lookups: Vec<Guid>,
    pub(crate) found: Vec<(Guid, QueryHit, u8)>,
    pub(crate) pushes_asked: Vec<(u32, SocketAddrV4)>,
    pub(crate) first_peer: Option<Time>,
    /// The longest time any neighbour left it without a word.
    pub(crate) longest_silence: Duration,
    links: BTreeMap<PeerId, Link>,
    next: u32,
}

#[derive(Clone, Copy)]
struct Link {
    node: usize,
    peer: PeerId,
    heard: Time,
}

/// How long a word takes from one node to the other.
pub(crate) type Latency = fn(usize, usize) -> Duration;

enum What {
    Input(Input),
    /// For a node that `who` dials.
    Dialled {
        by: usize,
        addr: SocketAddrV4,
    },
}

impl World {
    /// `count` servents that know nobody.
    pub(crate) fn new(count: usize, seed: u64, config: &Config) -> Self {
        let config = Arc::new(config.clone());
        let configs: Vec<_> = (0..count).map(|_| Arc::clone(&config)).collect();
        Self::of(&configs, seed)
    }

    /// A servent for each of `configs`; they know nobody.
    pub(crate) fn of(configs: &[Arc<Config>], seed: u64) -> Self {
        let count = configs.len();
        let nodes = configs.iter().enumerate().map(|(number, config)| {
            let mut rng = Rng::seeded(seed ^ (number as u64) << 32);
            let guid = Guid::random(&mut rng);
            let port = 6346 + number as u16;
            Node {
                overlay: Overlay::new(guid, config.clone(), rng),
                guid,
                addr: SocketAddrV4::new(Ipv4Addr::LOCALHOST, port),
                alive: true,
                files: Vec::new(),
                lookups: Vec::new(),
                found: Vec::new(),
                pushes_asked: Vec::new(),
                first_peer: None,
                longest_silence: Duration::ZERO,
                links: BTreeMap::new(),
                next: 0,
            }
        });
        let mut world = Self {
            now: Time::ZERO,
            nodes: nodes.collect(),
            queue: BTreeMap::new(),
            caused: 0,
            latency: |_, _| Duration::from_millis(10),
            queries: 0,
            hits: 0,
            pushes: 0,
            hangups: 0,
            diary: None,
        };
        for node in 0..count {
            let addr = world.nodes[node].addr;
            world.tell(node, Command::Listening(addr));
        }
        world
    }

    /// Servents joined by `edges`, which nobody changes.
    pub(crate) fn joined(count: usize, edges: &[(usize, usize)], seed: u64, ttl: u8) -> Self {
        let config = Config {
            grow: false,
            slots: usize::MAX,
            ttl,
            max_ttl: ttl,
            hard_ttl: ttl,
            routes: 1 << 10,
            ..Config::default()
        };
        let mut world = Self::new(count, seed, &config);
        for (a, b) in edges {
            world.link(*a, *b);
        }
        world
    }

    pub(crate) fn with_latency(mut self, latency: Latency) -> Self {
        self.latency = latency;
        self
    }

    /// Joins two nodes at once, in the roles they have.
    pub(crate) fn link(&mut self, from: usize, to: usize) {
        self.link_as(from, self.nodes[from].overlay.role(), to);
    }

    /// Joins two nodes; the caller has taken this role.
    fn link_as(&mut self, from: usize, role: Role, to: usize) {
        let (caller, answerer) = (self.new_link(from), self.new_link(to));
        self.nodes[from]
            .links
            .insert(caller, Link::new(to, answerer, self.now));
        self.nodes[to]
            .links
            .insert(answerer, Link::new(from, caller, self.now));
        let mut answered = self.introduction(Direction::Outgoing, to, from);
        let mut called = self.introduction(Direction::Incoming, from, to);
        answered.agreement.ours = role;
        called.agreement.role = role;
        // The answering side is through with the handshake half a round trip later than the calling side.
        let half = self.delay(from, to);
        self.after(
            Duration::ZERO,
            from,
            Input::Connected {
                peer: caller,
                who: answered.into(),
            },
        );
        self.after(
            half,
            to,
            Input::Connected {
                peer: answerer,
                who: called.into(),
            },
        );
    }

    /// What `node` learns of `whom` in the handshake.
    fn introduction(&self, direction: Direction, whom: usize, node: usize) -> Introduction {
        let ephemeral = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 50_000 + whom as u16);
        let outgoing = direction == Direction::Outgoing;
        let mut introduction = introduction(
            direction,
            if outgoing {
                self.nodes[whom].addr
            } else {
                ephemeral
            },
        );
        introduction.agreement.role = self.nodes[whom].overlay.role();
        introduction.agreement.ours = self.nodes[node].overlay.role();
        introduction.agreement.guid = Some(self.nodes[whom].guid);
        introduction.agreement.listen = Some(self.nodes[whom].addr);
        introduction.agreement.seen_as = Some(*self.nodes[node].addr.ip());
        if outgoing {
            introduction.agreement.hosts = self.nodes[whom].overlay.vacancy(self.now).hosts;
        }
        introduction
    }

    fn new_link(&mut self, node: usize) -> PeerId {
        self.nodes[node].next += 1;
        PeerId(self.nodes[node].next)
    }

    fn delay(&self, a: usize, b: usize) -> Duration {
        (self.latency)(a.min(b), a.max(b))
    }

    fn after(&mut self, delay: Duration, node: usize, input: Input) {
        self.happens(delay, node, What::Input(input));
    }

    fn happens(&mut self, delay: Duration, node: usize, what: What) {
        self.caused += 1;
        self.queue
            .insert((self.now + delay, self.caused), (node, what));
    }

    /// Gives a node a command, now.
    pub(crate) fn tell(&mut self, node: usize, command: Command) {
        self.after(Duration::ZERO, node, Input::Command(command));
    }

    /// Starts a node with these candidates.
    pub(crate) fn start(&mut self, node: usize, candidates: &[usize]) {
        let candidates = candidates.iter().map(|other| self.nodes[*other].addr);
        let candidates = candidates.collect();
        self.tell(node, Command::Learn(candidates));
        self.tell(node, Command::Start);
    }

    /// Has a node search and returns the search's GUID.
    pub(crate) fn search(&mut self, node: usize, text: &str, ttl: Option<u8>) -> Guid {
        let guid = Guid::random(&mut Rng::seeded(self.caused ^ 0x5ea7c4));
        let query = Box::new(Query::words(text));
        self.tell(
            node,
            Command::Search {
                guid,
                query,
                by: ttl.map(Strategy::flood),
            },
        );
        guid
    }

    /// A node is gone from one moment to the next; its sockets are closed by its system.
    pub(crate) fn kill(&mut self, node: usize) {
        self.nodes[node].alive = false;
        for (_, link) in std::mem::take(&mut self.nodes[node].links) {
            self.drop_link(node, link);
        }
    }

    fn drop_link(&mut self, node: usize, link: Link) {
        let delay = self.delay(node, link.node);
        let peer = link.peer;
        self.after(delay, link.node, Input::Disconnected { peer });
    }

    /// Lets time pass, up to and including the moment `until`.
    pub(crate) fn run_until(&mut self, until: Time) {
        while let Some(next) = self.queue.first_entry()
            && next.key().0 <= until
        {
            let ((now, _), (node, what)) = next.remove_entry();
            self.now = now;
            match what {
                What::Input(input) => self.handle(node, input),
                What::Dialled { by, addr } => self.answer(by, node, addr),
            }
        }
        self.now = until;
    }

    pub(crate) fn run_for(&mut self, span: Duration) {
        self.run_until(self.now + span);
    }

    /// Somebody dials `node`, which may be dead or full.
    fn answer(&mut self, by: usize, node: usize, addr: SocketAddrV4) {
        if !self.nodes[by].alive {
            return;
        }
        let dead = !self.nodes[node].alive;
        let vacancy = self.nodes[node].overlay.vacancy(self.now);
        let caller = &self.nodes[by].overlay;
        let role = match caller.role() {
            Role::Ultrapeer if vacancy.free == 0 && vacancy.guide && caller.is_guidable() => {
                Role::Leaf
            }
            role => role,
        };
        let room = match role {
            Role::Leaf => vacancy.leaves,
            Role::Ultrapeer => vacancy.free,
        };
        if !dead && room > 0 {
            return self.link_as(by, role, node);
        }
        let hosts = if dead { Vec::new() } else { vacancy.hosts };
        let delay = self.delay(by, node);
        self.after(delay, by, Input::Unreachable { addr, hosts });
    }

    fn handle(&mut self, node: usize, input: Input) {
        if !self.nodes[node].alive {
            return;
        }
        match &input {
            Input::Received { from, .. } => {
                // What was on its way when the link went down is lost.
                let now = self.now;
                let Some(link) = self.nodes[node].links.get_mut(from) else {
                    return;
                };
                let silence = now - link.heard;
                link.heard = now;
                let longest = &mut self.nodes[node].longest_silence;
                *longest = (*longest).max(silence);
            }
            Input::Connected { peer, .. } if !self.nodes[node].links.contains_key(peer) => return,
            Input::Disconnected { peer } => {
                self.nodes[node].links.remove(peer);
            }
            _ => {}
        }
        if let Some(diary) = &mut self.diary {
            (self.now, node, format!("{input:?}")).hash(diary);
        }
        let mut effects = Vec::new();
        self.nodes[node]
            .overlay
            .handle(self.now, input, &mut effects);
        for effect in effects {
            self.perform(node, effect);
        }
    }

    fn perform(&mut self, node: usize, effect: Effect) {
        match effect {
            Effect::Dial(addr) => self.dial(node, addr),
            Effect::Hangup { peer, code, why } => {
                self.hangups += 1;
                let text = why.to_owned();
                let bye = Bye { code, text }.encode();
                let guid = Guid::random(&mut Rng::seeded(self.caused));
                self.send(node, peer, Descriptor::new(guid, Kind::Bye, 1, bye));
                self.close(node, peer);
            }
            Effect::Close { peer } => self.close(node, peer),
            Effect::Send { to, descriptor } => {
                match descriptor.header.kind {
                    Kind::Query => self.queries += 1,
                    Kind::QueryHit => self.hits += 1,
                    Kind::Push => self.pushes += 1,
                    _ => {}
                }
                self.send(node, to, descriptor);
            }
            Effect::SendTo { addr, descriptor } => {
                let from = self.nodes[node].addr;
                if let Some(target) = self.nodes.iter().position(|other| other.addr == addr) {
                    let input = Input::Datagram { from, descriptor };
                    self.after(self.delay(node, target), target, input);
                }
            }
            Effect::Probe(addr) => {
                let by = *self.nodes[node].addr.ip();
                if let Some(target) = self.nodes.iter().position(|other| other.addr == addr) {
                    let input = Input::Probed { by };
                    self.after(self.delay(node, target), target, input);
                }
            }
            Effect::Lookup { guid, query } => {
                self.nodes[node].lookups.push(guid);
                let files = self.nodes[node].files.iter().enumerate();
                let matching = files.filter(|(_, name)| name.contains(&query.text));
                let records = matching.map(|(index, name)| record(index as u32, name));
                let records = records.collect();
                self.after(
                    Duration::ZERO,
                    node,
                    Input::Found {
                        query: guid,
                        records,
                    },
                );
            }
            Effect::Wake { after, timer } => {
                self.after(after, node, Input::Woke(timer));
            }
            Effect::Tell(event) => self.note(node, event),
        }
    }

    fn dial(&mut self, node: usize, addr: SocketAddrV4) {
        if let Some(target) = self.nodes.iter().position(|other| other.addr == addr) {
            let delay = self.delay(node, target);
            return self.happens(delay, target, What::Dialled { by: node, addr });
        }
        let hosts = Vec::new();
        let refused = Input::Unreachable { addr, hosts };
        self.after(Duration::from_millis(1), node, refused);
    }

    fn note(&mut self, node: usize, event: Event) {
        let now = self.now;
        let node = &mut self.nodes[node];
        match event {
            Event::Hit {
                query, hit, hops, ..
            } => node.found.push((query, *hit, hops)),
            Event::PushAsked { index, addr } => node.pushes_asked.push((index, addr)),
            Event::PeerUp(_) => {
                node.first_peer.get_or_insert(now);
            }
            Event::PeerDown(_) | Event::Bye { .. } => {}
        }
    }

    fn send(&mut self, node: usize, to: PeerId, descriptor: Descriptor) {
        if let Some(link) = self.nodes[node].links.get(&to).copied() {
            let delay = self.delay(node, link.node);
            let from = link.peer;
            self.after(delay, link.node, Input::Received { from, descriptor });
        }
    }

    fn close(&mut self, node: usize, peer: PeerId) {
        if let Some(link) = self.nodes[node].links.remove(&peer) {
            self.drop_link(node, link);
            self.after(Duration::ZERO, node, Input::Disconnected { peer });
        }
    }

    /// From now on all that happens is written down.
    pub(crate) fn keep_diary(&mut self) {
        self.diary = Some(DefaultHasher::new());
    }

    /// A figure for all that has happened, in order.
    pub(crate) fn digest(&self) -> u64 {
        self.diary.as_ref().expect("a diary is kept").finish()
    }
}

impl Link {
    fn new(node: usize, peer: PeerId, now: Time) -> Self {
        Self {
            node,
            peer,
            heard: now,
        }
    }
}

/// A newcomer that says nothing of itself.
pub(crate) fn introduction(direction: Direction, remote: SocketAddrV4) -> Introduction {
    Introduction {
        direction,
        remote,
        agreement: Agreement {
            agent: "test/1".to_owned(),
            vendor_messages: true,
            bye: true,
            abilities: Abilities {
                query_routing: true,
                last_hop_routing: true,
                dynamic_queries: true,
                wider_probes: true,
                relays: false,
            },
            degree: 32,
            ..Agreement::default()
        },
    }
}

/// A file of which only number and name are known.
pub(crate) fn record(index: u32, name: &str) -> Record {
    Record {
        index,
        size: 1,
        name: name.to_owned(),
        extensions: Extensions::default(),
    }
}
