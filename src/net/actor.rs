//! The one task that owns the overlay, the links and the timers.
//!
//! Its loop: wait for one report or timer, make an [`Input`] of it, hand that to the overlay, perform each [`Effect`].
//! Performing is a plain match without an await: no neighbour, however slow, can stop it.

use std::collections::{HashMap, VecDeque};
use std::future::pending;
use std::io;
use std::net::{SocketAddr, SocketAddrV4};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::time::DelayQueue;

use super::dial::dial;
use super::inbox::{Greeted, Inbox, Invitation, Order, Report, Slot};
use super::link::{Ending, Link, Start};
use super::saved::Saved;
use super::search::{Search, Searches};
use super::whereabouts::Whereabouts;
use super::{PeerStatus, Status};
use crate::librarian::{Census, Shelf};
use crate::overlay::{Command, Effect, Event, Input, Overlay, Peer, PeerId, Timer};
use crate::rng::Rng;
use crate::time::Time;
use crate::transfer::{Downloads, Uploads};
use crate::wire::handshake::{Greeting, Role};
use crate::wire::{ByeCode, Descriptor, Guid, Kind, Query};

/// Our files told of for one query. Whoever wants the rest browses us.
const FILES_PER_QUERY: usize = 64;

/// Dials under way at once. The overlay asks for a few; this bounds what a user's script may ask for.
const DIALS: usize = 64;

/// Answers to Pushes under way at once: each makes us connect to an address a stranger named.
const GIVES: usize = 16;

/// How often the hosts are saved.
const SAVE_EVERY: Duration = Duration::from_secs(180);

/// How long the links may take to say Bye when we leave.
const LEAVE_WITHIN: Duration = Duration::from_millis(1200);

/// The owner of everything that changes.
#[derive(Debug)]
pub(super) struct Actor {
    pub(super) parts: Parts,
    overlay: Overlay,
    /// When the clock of the overlay began.
    began: Instant,
    timers: DelayQueue<Timer>,
    /// Inputs that our own effects caused, to be taken before the next report.
    inputs: VecDeque<Input>,
    /// Kept for its memory.
    effects: Vec<Effect>,
    links: HashMap<PeerId, Link>,
    next_peer: u32,
    /// Who waits for which dial.
    dials: HashMap<SocketAddrV4, Vec<oneshot::Sender<io::Result<()>>>>,
    searches: Searches,
    whereabouts: Whereabouts,
    slot: Slot,
    gives: Arc<Semaphore>,
    shed: u64,
    link_tasks: JoinSet<()>,
    errands: JoinSet<()>,
    rng: Rng,
}

/// What an actor is given.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) guid: Guid,
    pub(super) agent: String,
    pub(super) config: Arc<crate::overlay::Config>,
    pub(super) deflate: bool,
    pub(super) listen: SocketAddrV4,
    pub(super) inbox: Inbox,
    pub(super) saved: Saved,
    pub(super) shelf: Shelf,
    pub(super) census: watch::Receiver<Census>,
    pub(super) uploads: Arc<Uploads>,
    pub(super) downloads: Downloads,
    pub(super) neighbours: watch::Sender<usize>,
    pub(super) refused: Arc<AtomicU64>,
    /// Cancelled when the last handle is gone.
    pub(super) abandoned: CancellationToken,
}

/// Whether the loop goes on.
enum Next {
    GoOn,
    Leave,
    Vanish,
}

impl Actor {
    /// An actor with a fresh overlay. `door` is the task that accepts; it ends with the actor.
    pub(super) fn new(parts: Parts, door: impl Future<Output = ()> + Send + 'static) -> Self {
        let overlay = Overlay::new(parts.guid, parts.config.clone(), Rng::system());
        let mut errands = JoinSet::new();
        errands.spawn(door);
        Self {
            overlay,
            began: Instant::now(),
            timers: DelayQueue::new(),
            inputs: VecDeque::new(),
            effects: Vec::new(),
            links: HashMap::new(),
            next_peer: 0,
            dials: HashMap::new(),
            searches: Searches::default(),
            whereabouts: Whereabouts::new(parts.listen),
            slot: Slot::default(),
            gives: Arc::new(Semaphore::new(GIVES)),
            shed: 0,
            link_tasks: JoinSet::new(),
            errands,
            rng: Rng::system(),
            parts,
        }
    }

    /// Lives. `first` is dialled before all others, `candidates` are what the host cache begins with.
    pub(super) async fn run(
        mut self,
        mut reports: mpsc::Receiver<Report>,
        first: Vec<SocketAddrV4>,
        candidates: Vec<SocketAddrV4>,
    ) {
        self.begin(first, candidates);
        let mut saving = interval_at(Instant::now() + SAVE_EVERY, SAVE_EVERY);
        saving.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let abandoned = self.parts.abandoned.clone();
        let mut census = self.parts.census.clone();
        loop {
            let next = tokio::select! {
                Some(report) = reports.recv() => self.hear(report),
                Some(expired) = self.timers.next(), if !self.timers.is_empty() => {
                    self.take(Input::Woke(expired.into_inner()))
                }
                () = changed(&mut census) => {
                    let counted = *census.borrow_and_update();
                    self.take(Input::Command(sharing(counted)))
                }
                Some(ended) = self.link_tasks.join_next_with_id() => {
                    if let Err(error) = ended { self.bury(&error) } else { Next::GoOn }
                }
                Some(ended) = self.errands.join_next() => {
                    if let Err(error) = ended && error.is_panic() {
                        tracing::error!(%error, "a task panicked");
                    }
                    Next::GoOn
                }
                _ = saving.tick() => self.save(),
                () = abandoned.cancelled() => Next::Leave,
            };
            match next {
                Next::GoOn => {}
                Next::Leave => return self.leave().await,
                Next::Vanish => return,
            }
        }
    }

    fn begin(&mut self, first: Vec<SocketAddrV4>, candidates: Vec<SocketAddrV4>) {
        if let Some(addr) = self.whereabouts.address() {
            self.take(Input::Command(Command::Listening(addr)));
        }
        let census = *self.parts.census.borrow();
        self.take(Input::Command(sharing(census)));
        for addr in first {
            self.take(Input::Command(Command::Connect(addr)));
        }
        let others = candidates.into_iter().filter(|addr| !self.whereabouts.is_self(*addr));
        let others = others.collect();
        self.take(Input::Command(Command::Learn(others)));
        self.take(Input::Command(Command::Start));
    }

    /// Lets the overlay handle an input, and then all that comes of it.
    fn take(&mut self, input: Input) -> Next {
        self.inputs.push_back(input);
        let mut effects = std::mem::take(&mut self.effects);
        while let Some(input) = self.inputs.pop_front() {
            let now = self.now();
            self.overlay.handle(now, input, &mut effects);
            for effect in effects.drain(..) {
                self.perform(effect);
            }
        }
        self.effects = effects;
        let links = self.links.len();
        self.parts.neighbours.send_if_modified(|before| std::mem::replace(before, links) != links);
        Next::GoOn
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Dial(addr) => self.dial(addr),
            Effect::Hangup { peer, code, why } => self.hang_up(peer, code, why),
            Effect::Send { to, descriptor } => self.send(to, descriptor),
            Effect::Lookup { guid, query } => self.look_up(guid, &query),
            Effect::Wake { after, timer } => {
                self.timers.insert(timer, after);
            }
            Effect::Tell(event) => self.tell(event),
        }
    }

    fn dial(&mut self, addr: SocketAddrV4) {
        if self.dials.contains_key(&addr) {
            return;
        }
        if self.dials.len() >= DIALS || self.whereabouts.is_self(addr) {
            let hosts = Vec::new();
            return self.inputs.push_back(Input::Unreachable { addr, hosts });
        }
        self.dials.insert(addr, Vec::new());
        let errand = dial(addr, self.greeting(), self.parts.inbox.clone());
        self.errands.spawn(errand);
    }

    fn hang_up(&mut self, peer: PeerId, code: ByeCode, why: &str) {
        if let Some(link) = self.links.remove(&peer) {
            tracing::debug!(peer = peer.0, remote = %link.remote, code = code.0, why, "hung up");
            link.hang_up(Guid::random(&mut self.rng), code, why);
            self.inputs.push_back(Input::Disconnected { peer });
        }
    }

    fn send(&mut self, to: PeerId, descriptor: Descriptor) {
        let Some(link) = self.links.get(&to) else {
            return;
        };
        let header = descriptor.header;
        if !link.send(descriptor) {
            self.shed += 1;
        } else if header.kind == Kind::Query {
            self.searches.sent(header.guid);
        }
    }

    fn look_up(&mut self, query: Guid, wanted: &Query) {
        let shelf = self.parts.shelf.read().unwrap_or_else(PoisonError::into_inner);
        let records = shelf.records(wanted, FILES_PER_QUERY);
        self.inputs.push_back(Input::Found { query, records });
    }

    fn tell(&mut self, event: Event) {
        match event {
            Event::PeerUp(peer) => tracing::info!(peer = peer.0, "neighbour joined"),
            Event::PeerDown(peer) => tracing::info!(peer = peer.0, "neighbour gone"),
            Event::Bye { peer, code, text } => {
                tracing::info!(peer = peer.0, code = code.0, ?text, "neighbour said Bye");
            }
            Event::Hit {
                query,
                hit,
                hops,
                at,
            } => self.searches.found(query, *hit, hops, at),
            Event::PushAsked { index, addr } => self.give(index, addr),
        }
    }

    fn give(&mut self, index: u32, addr: SocketAddrV4) {
        let Ok(permit) = self.gives.clone().try_acquire_owned() else {
            tracing::debug!(%addr, "too many pushes at once");
            return;
        };
        let uploads = self.parts.uploads.clone();
        self.errands.spawn(async move {
            uploads.give(addr, index).await;
            drop(permit);
        });
    }

    fn hear(&mut self, report: Report) -> Next {
        match report {
            Report::Received { from, descriptor } => {
                if !self.links.contains_key(&from) {
                    return Next::GoOn;
                }
                self.take(Input::Received { from, descriptor })
            }
            Report::Greeted(greeted) => self.welcome(*greeted),
            Report::Unreachable { addr, hosts, why } => {
                self.answer_dial(addr, &Err(why));
                self.take(Input::Unreachable { addr, hosts })
            }
            Report::Ended { peer, how } => self.part(peer, &how),
            Report::Order(order) => self.obey(order),
        }
    }

    /// A handshake went well: a new neighbour, if the overlay keeps it.
    fn welcome(&mut self, greeted: Greeted) -> Next {
        let peer = PeerId(self.next_peer);
        self.next_peer += 1;
        let who = greeted.who;
        self.locate(&greeted.stream, who.remote, who.agreement.seen_as);
        let start = Start {
            peer,
            stream: greeted.stream,
            rest: greeted.rest,
            remote: who.remote,
            agreement: &who.agreement,
            permit: greeted.permit,
        };
        let link = Link::start(start, &self.parts.inbox, &mut self.link_tasks);
        self.links.insert(peer, link);
        let remote = who.remote;
        let who = Box::new(who);
        let next = self.take(Input::Connected { peer, who });
        let kept = if self.links.contains_key(&peer) {
            Ok(())
        } else {
            let why = "the overlay has no use for this link: it is a second one, or to ourselves";
            Err(io::Error::new(io::ErrorKind::AlreadyExists, why))
        };
        self.answer_dial(remote, &kept);
        next
    }

    /// Learns from a new link where we are.
    fn locate(
        &mut self,
        stream: &tokio::net::TcpStream,
        remote: SocketAddrV4,
        seen_as: Option<std::net::Ipv4Addr>,
    ) {
        let Ok(SocketAddr::V4(local)) = stream.local_addr() else {
            return;
        };
        let before = self.whereabouts.address();
        self.whereabouts.hear(*remote.ip(), seen_as, *local.ip());
        if let Some(addr) = self.whereabouts.address()
            && before != Some(addr)
        {
            self.take(Input::Command(Command::Listening(addr)));
        }
    }

    /// Tells those who wait for a dial how it went.
    fn answer_dial(&mut self, addr: SocketAddrV4, outcome: &io::Result<()>) {
        for reply in self.dials.remove(&addr).unwrap_or_default() {
            let outcome = match outcome {
                Ok(()) => Ok(()),
                Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
            };
            // Who has stopped waiting needs no answer.
            let _ = reply.send(outcome);
        }
    }

    /// A link ended by itself.
    fn part(&mut self, peer: PeerId, how: &Ending) -> Next {
        let Some(link) = self.links.remove(&peer) else {
            return Next::GoOn;
        };
        if let Some((code, why)) = how.bye() {
            tracing::info!(peer = peer.0, remote = %link.remote, code = code.0, why = %how, "hung up");
            link.hang_up(Guid::random(&mut self.rng), code, why);
        }
        self.take(Input::Disconnected { peer })
    }

    /// A task of a link panicked: a mistake of ours, but only this link's end.
    fn bury(&mut self, error: &JoinError) -> Next {
        if !error.is_panic() {
            return Next::GoOn;
        }
        tracing::error!(%error, "a link's task panicked");
        let owner = (self.links.iter())
            .find(|(_, link)| link.owns(error.id()))
            .map(|(peer, _)| *peer);
        owner.map_or(Next::GoOn, |peer| self.part(peer, &Ending::Closed))
    }

    fn obey(&mut self, order: Order) -> Next {
        // Throughout: who has dropped the receiver needs no answer.
        match order {
            Order::Search { query, ttl, reply } => {
                let _ = reply.send(self.search(query, ttl));
            }
            Order::SearchDropped(guid) => {
                self.searches.end(guid);
                self.take(Input::Command(Command::EndSearch(guid)));
            }
            Order::Connect { addr, reply } => self.connect(addr, reply),
            Order::Disconnect { addr, reply } => {
                let peer = self.peer_at(addr);
                if let Some(peer) = peer {
                    self.take(Input::Command(Command::Disconnect(peer)));
                }
                let _ = reply.send(peer.is_some());
            }
            Order::Peers(reply) => {
                let now = self.now();
                let peers = self.overlay.peers().iter().map(|peer| peer_status(peer, now));
                let _ = reply.send(peers.collect());
            }
            Order::Status(reply) => {
                let _ = reply.send(self.status());
            }
            Order::Invite(reply) => {
                let _ = reply.send(self.invitation());
            }
            Order::Stop => return Next::Leave,
            Order::Kill => return Next::Vanish,
        }
        Next::GoOn
    }

    fn search(&mut self, query: Query, ttl: Option<u8>) -> Search {
        let guid = Guid::random(&mut self.rng);
        let (search, hits) = self.searches.begin(guid, self.now());
        let inbox = self.parts.inbox.clone();
        self.errands.spawn(async move {
            hits.closed().await;
            // Should the actor be gone, so is the search.
            let _ = inbox.send(Report::Order(Order::SearchDropped(guid))).await;
        });
        let query = Box::new(query);
        self.take(Input::Command(Command::Search { guid, query, ttl }));
        search
    }

    fn connect(&mut self, addr: SocketAddrV4, reply: oneshot::Sender<io::Result<()>>) {
        if self.peer_at(addr).is_some() {
            let _ = reply.send(Ok(()));
            return;
        }
        self.take(Input::Command(Command::Connect(addr)));
        match self.dials.get_mut(&addr) {
            Some(waiting) => waiting.push(reply),
            None => {
                let why = if self.whereabouts.is_self(addr) {
                    "that is this servent itself"
                } else {
                    "not dialled: no servent can be there, or too many dials are under way"
                };
                let _ = reply.send(Err(io::Error::new(io::ErrorKind::InvalidInput, why)));
            }
        }
    }

    fn invitation(&self) -> Invitation {
        let mut vacancy = self.overlay.vacancy(self.now());
        vacancy.free = vacancy.free.saturating_sub(self.slot.promised());
        Invitation {
            greeting: self.greeting(),
            vacancy,
            slot: self.slot.clone(),
        }
    }

    /// What we say of ourselves. Where our address is not known yet it is `0.0.0.0`, for the socket to fill in.
    fn greeting(&self) -> Greeting {
        let config = &self.parts.config;
        Greeting {
            agent: self.parts.agent.clone(),
            guid: self.parts.guid,
            role: config.role,
            listen: self.whereabouts.address().or(Some(self.parts.listen)),
            degree: u32::try_from(config.slots).unwrap_or(u32::MAX),
            max_ttl: config.ttl,
            deflate: self.parts.deflate,
        }
    }

    fn status(&self) -> Status {
        let census = *self.parts.census.borrow();
        let peers = self.overlay.peers();
        let leaf = |peer: &&Peer| peer.who.agreement.role == Role::Leaf;
        let running = self.parts.uploads.list();
        Status {
            guid: self.parts.guid,
            listen: self.whereabouts.address().unwrap_or(self.parts.listen),
            role: self.parts.config.role,
            peers: peers.len(),
            leaves: peers.iter().filter(leaf).count(),
            files: census.files,
            bytes: census.bytes,
            unhashed: census.unhashed,
            searches: self.searches.len(),
            downloads: self.parts.downloads.list().iter().filter(|one| !one.is_over()).count(),
            uploads: running.iter().filter(|one| one.running).count(),
            counts: *self.overlay.counts(),
            shed: self.shed,
            lost_hits: self.searches.lost(),
            refused: self.parts.refused.load(Relaxed),
            uptime: self.began.elapsed(),
        }
    }

    fn save(&mut self) -> Next {
        let (saved, hosts) = (self.parts.saved.clone(), self.overlay.hosts());
        self.errands.spawn(async move { write_hosts(saved, hosts).await });
        Next::GoOn
    }

    /// Says Bye to everybody, saves the hosts, and waits a moment for the links to end.
    async fn leave(mut self) {
        let hosts = self.overlay.hosts();
        self.errands.shutdown().await;
        self.take(Input::Command(Command::Leave));
        self.links.clear();
        self.parts.neighbours.send_replace(0);
        let said = async { while self.link_tasks.join_next().await.is_some() {} };
        let both = async { tokio::join!(said, write_hosts(self.parts.saved.clone(), hosts)) };
        if timeout(LEAVE_WITHIN, both).await.is_err() {
            tracing::debug!("left before all neighbours had closed");
        }
    }

    fn peer_at(&self, addr: SocketAddrV4) -> Option<PeerId> {
        let here = self.links.iter().find(|(_, link)| link.is_at(addr));
        here.map(|(peer, _)| *peer)
    }

    fn now(&self) -> Time {
        Time::ZERO + self.began.elapsed()
    }
}

/// Ends when the census has changed; never once there is no librarian any more.
async fn changed(census: &mut watch::Receiver<Census>) {
    if census.changed().await.is_err() {
        pending().await
    }
}

fn sharing(census: Census) -> Command {
    Command::Sharing {
        files: u32::try_from(census.files).unwrap_or(u32::MAX),
        kib: u32::try_from(census.bytes / 1024).unwrap_or(u32::MAX),
    }
}

async fn write_hosts(saved: Saved, hosts: Vec<SocketAddrV4>) {
    let written = tokio::task::spawn_blocking(move || saved.save_hosts(&hosts)).await;
    if let Ok(Err(error)) = written {
        tracing::warn!(%error, "hosts not saved");
    }
}

fn peer_status(peer: &Peer, now: Time) -> PeerStatus {
    let agreement = &peer.who.agreement;
    PeerStatus {
        host: agreement.listen.unwrap_or(peer.who.remote),
        role: agreement.role,
        direction: peer.who.direction,
        vendor: agreement.agent.clone(),
        handshake: agreement.version,
        deflate: (agreement.deflate_out, agreement.deflate_in),
        uptime: now.since(peer.since),
        received: peer.received,
        sent: peer.sent,
    }
}
