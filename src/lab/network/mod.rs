//! A network in which much happens at once: many ask at the same time, everybody does one thing after another, and servents
//! come and go.
//!
//! Like [`super::World`] it is a driver around the real overlay; where that is made for millions of servents and one query at
//! a time, this is made for some thousands and their whole lives. The one rule: whatever a servent reads or writes waits at
//! its [`Desk`] until all before it is done, so a crowd of askers makes everybody slower, as it does in the world.

mod agenda;
mod host;
mod net;
mod traffic;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

pub use agenda::{Agenda, Desk};
use host::Host;
use net::{Net, What};
pub use traffic::Traffic;

use super::introductions::{FLOOD_TTL, address, introduction, record};
use super::latency::Latency;
use super::workload::{Asked, Workload, title};
use crate::overlay::{Command, Config, Direction, Input, PeerId, RoleChoice, Strategy};
use crate::rng::Rng;
use crate::time::Time;
use crate::wire::{Descriptor, Guid, Query};

/// What a network is like.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// How its servents search.
    pub strategy: Strategy,
    /// How long words take.
    pub latency: Latency,
    /// How long a servent is busy with a message it reads or writes.
    pub work: Duration,
    /// How long an asker waits before it gives up.
    pub patience: Duration,
    /// How many neighbours a servent looks for by itself; none where links are made by [`Network::join`] alone.
    pub neighbours: Option<usize>,
    /// The seed of all dice.
    pub seed: u64,
}

/// Something those who watch a network are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// A search has its first hit.
    Found {
        /// Which, in the order of asking, from 0.
        search: usize,
        /// How long after the asking.
        after: Duration,
        /// Net the hit crossed.
        hops: u8,
    },
    /// An asker waits no longer, or has gone away.
    Over {
        /// Which search.
        search: usize,
    },
}

/// A network that lives.
#[derive(Debug)]
pub struct Network {
    hosts: Vec<Host>,
    net: Net,
    config: Arc<Config>,
    workload: Arc<Workload>,
    searches: Vec<Search>,
    /// Those that are not over.
    open: HashMap<Guid, usize>,
}

#[derive(Debug)]
struct Search {
    guid: Guid,
    by: u32,
    began: Time,
    answered: bool,
}

impl Network {
    /// A network of so many hosts, all empty yet.
    pub fn new(nodes: usize, workload: Arc<Workload>, conditions: Conditions) -> Self {
        let neighbours = conditions.neighbours;
        let config = Arc::new(Config {
            role: RoleChoice::Ultrapeer,
            grow: neighbours.is_some(),
            neighbours: neighbours.unwrap_or_default(),
            // Room for as many again who choose us.
            slots: neighbours.map_or(usize::MAX, |own| 2 * own),
            udp: false,
            last_hop_tables: false,
            search: conditions.strategy,
            ttl: FLOOD_TTL,
            max_ttl: u8::MAX,
            hard_ttl: u8::MAX,
            query_rate: u32::MAX,
            routes: ROUTES,
            ..Config::default()
        });
        Self {
            hosts: (0..nodes).map(|_| Host::default()).collect(),
            net: Net::new(conditions),
            config,
            workload,
            searches: Vec::new(),
            open: HashMap::new(),
        }
    }

    /// A servent moves in. Where servents look for neighbours themselves it has these candidates.
    pub fn come(&mut self, node: u32, candidates: &[u32]) {
        let life = self.hosts[node as usize].lives();
        let seed = self.net.conditions.seed ^ u64::from(node) << 20 ^ u64::from(life) << 44;
        self.hosts[node as usize].open(Arc::clone(&self.config), Rng::seeded(seed));
        self.tell(node, Command::Listening(address(node)));
        if self.config.grow {
            let candidates = candidates.iter().map(|other| address(*other)).collect();
            self.tell(node, Command::Learn(candidates));
            self.tell(node, Command::Start);
        }
    }

    /// A servent is gone from one moment to the next; its neighbours learn of it as soon as word can reach them.
    pub fn go(&mut self, node: u32) {
        let host = &mut self.hosts[node as usize];
        host.close();
        for link in std::mem::take(&mut host.links) {
            self.net.close(link, node);
        }
    }

    /// Whether somebody is at home.
    pub fn is_up(&self, node: u32) -> bool {
        self.hosts[node as usize].overlay().is_some()
    }

    /// Joins two servents that are there.
    pub fn join(&mut self, a: u32, b: u32) {
        let link = self.net.join(a, b);
        for node in [a, b] {
            self.hosts[node as usize].links.push(link);
        }
        let ends = [(a, b, Direction::Outgoing), (b, a, Direction::Incoming)];
        for (node, far, direction) in ends {
            let degree = self.hosts[far as usize].links.len();
            let degree = self.net.conditions.neighbours.unwrap_or(degree) as u32;
            let mut who = introduction(far, degree);
            who.direction = direction;
            who.agreement.listen = Some(address(far));
            let who = Arc::new(who);
            let peer = PeerId(link);
            self.handle(node, Input::Connected { peer, who });
        }
    }

    /// Has a servent ask; the number of its search.
    pub fn ask(&mut self, asked: Asked) -> usize {
        let search = self.searches.len();
        let seed = self.net.conditions.seed ^ (search as u64 + 1) << 32;
        let guid = Guid::random(&mut Rng::seeded(seed));
        self.searches.push(Search {
            guid,
            by: asked.by,
            began: self.net.now,
            answered: false,
        });
        self.open.insert(guid, search);
        let enough = self.net.now + self.net.conditions.patience;
        self.net.agenda.put(enough, What::Enough { search });
        let query = Box::new(Query::words(&title(asked.object)));
        let by = None;
        self.tell(asked.by, Command::Search { guid, query, by });
        search
    }

    /// Has an asker wait no longer. Nobody is told of it any more.
    pub fn end(&mut self, search: usize) {
        let Search { guid, by, .. } = self.searches[search];
        if self.open.remove(&guid).is_some() {
            self.tell(by, Command::EndSearch(guid));
        }
    }

    /// Lets time pass up to `until`, or to the first news before.
    pub fn pass(&mut self, until: Time) -> Option<News> {
        loop {
            if let Some(news) = self.news() {
                return Some(news);
            }
            if self.net.agenda.next().is_none_or(|next| next > until) {
                self.net.now = self.net.now.max(until);
                return None;
            }
            let (now, what) = self.net.agenda.take()?;
            self.net.now = now;
            if let Some(news) = self.happen(what) {
                return Some(news);
            }
        }
    }

    /// What time it is.
    pub const fn now(&self) -> Time {
        self.net.now
    }

    /// What was sent so far.
    pub const fn traffic(&self) -> Traffic {
        self.net.traffic
    }

    /// Events so far: descriptors delivered and timers run down.
    pub const fn events(&self) -> u64 {
        self.net.events
    }

    /// A figure for all that has happened, in order.
    pub const fn digest(&self) -> u64 {
        self.net.digest.figure()
    }

    /// By node, the messages it has read and written.
    pub fn load(&self) -> impl Iterator<Item = u64> {
        self.hosts.iter().map(Host::load)
    }

    fn happen(&mut self, what: What) -> Option<News> {
        match what {
            What::Comes {
                node,
                link,
                descriptor,
            } => self.knock(node, link, descriptor),
            What::Input { node, life, input } => {
                let host = &self.hosts[node as usize];
                if life.is_none_or(|life| host.is_in(life)) {
                    self.net.note(node, &input);
                    self.handle(node, input);
                }
            }
            What::Dialled { by, life, node } => self.answer(by, life, node),
            What::Enough { search } => {
                let guid = self.searches[search].guid;
                if self.open.contains_key(&guid) {
                    self.end(search);
                    return Some(News::Over { search });
                }
            }
        }
        None
    }

    /// The next hit that an asker is told of and that is its first.
    fn news(&mut self) -> Option<News> {
        while let Some((guid, hops)) = self.net.told.pop() {
            let Some(search) = self.open.get(&guid).copied() else {
                continue;
            };
            let its = &mut self.searches[search];
            if !std::mem::replace(&mut its.answered, true) {
                let after = self.net.now.since(its.began);
                return Some(News::Found {
                    search,
                    after,
                    hops,
                });
            }
        }
        None
    }

    /// A descriptor is read when all that came before it has been.
    fn knock(&mut self, node: u32, link: u32, descriptor: Descriptor) {
        let host = &mut self.hosts[node as usize];
        if !self.net.links[link as usize].up {
            self.net.traffic.lost += 1;
            return;
        }
        let read = host.work(self.net.now, self.net.conditions.work);
        let from = PeerId(link);
        let input = Input::Received { from, descriptor };
        let life = Some(host.lives());
        let what = What::Input { node, life, input };
        self.net.agenda.put(read, what);
    }

    /// Somebody dials `node`, which may be away or have no room.
    fn answer(&mut self, by: u32, life: u32, node: u32) {
        if !self.hosts[by as usize].is_in(life) {
            return;
        }
        let now = self.net.now;
        let vacancy = self.hosts[node as usize]
            .overlay()
            .map(|it| it.vacancy(now));
        if vacancy.as_ref().is_some_and(|vacancy| vacancy.free > 0) {
            return self.join(by, node);
        }
        let hosts = vacancy.map(|vacancy| vacancy.hosts).unwrap_or_default();
        let input = Input::Unreachable {
            addr: address(node),
            hosts,
        };
        let at = now + self.net.way(by, node);
        let (node, life) = (by, Some(life));
        self.net.agenda.put(at, What::Input { node, life, input });
    }

    fn tell(&mut self, node: u32, command: Command) {
        self.handle(node, Input::Command(command));
    }

    fn handle(&mut self, node: u32, input: Input) {
        let mut next = Some(input);
        while let Some(input) = next {
            self.hosts[node as usize].handle(&mut self.net, node, input);
            next = self.look_up(node);
        }
    }

    /// What the library of a node says to the next query that it was just asked.
    fn look_up(&mut self, node: u32) -> Option<Input> {
        let (query, object) = self.net.asked.pop()?;
        let held = object.filter(|object| self.workload.holds(node, *object));
        let records = held.map(record).into_iter().collect();
        Some(Input::Found { query, records })
    }
}

/// GUIDs a servent remembers: those of many searches at once.
const ROUTES: usize = 4_096;
