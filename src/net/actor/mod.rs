//! The one task that owns the overlay, the links and the timers.
//!
//! Its loop: wait for one report or timer, make an [`Input`] of it, hand that to the overlay, perform each [`Effect`].
//! Performing is a plain match without an await: no neighbour, however slow, can stop it.

mod links;
mod orders;

use std::collections::{HashMap, VecDeque};
use std::future::pending;
use std::io;
use std::net::SocketAddrV4;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::time::DelayQueue;
use tracing::field;

use super::BootstrapStep;
use super::datagram::Datagrams;
use super::dial::probe;
use super::inbox::{INBOX, Inbox, Report, Slot};
use super::link::Link;
use super::passing::Passing;
use super::routing::keep_table;
use super::saved::Saved;
use super::search::Searches;
use super::whereabouts::Whereabouts;
use crate::librarian::{Census, Shelf};
use crate::overlay::{Command, Effect, Event, Input, Overlay, PeerId, Repute, Timer};
use crate::rng::Rng;
use crate::time::Time;
use crate::transfer::http::{ProxyTarget, Walled};
use crate::transfer::{Downloads, PushWish, Uploads};
use crate::wire::{Guid, Push, Query};

/// Our files told of for one query; the overlay would cut off more. Whoever wants the rest browses us.
const FILES_PER_QUERY: usize = 500;

/// Reports taken before the timers and the rest get their turn; as many as the inbox holds.
const BATCH: usize = INBOX;

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
    /// Descriptors that were to be sent and are not.
    shed: Arc<AtomicU64>,
    /// Whether the overlay has been told that all upload slots are taken.
    busy: bool,
    link_tasks: JoinSet<()>,
    errands: JoinSet<()>,
    /// Where the first hosts came from.
    begun_with: Vec<BootstrapStep>,
    rng: Rng,
}

/// What an actor is given.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) guid: Guid,
    pub(super) agent: String,
    pub(super) config: Arc<crate::overlay::Config>,
    pub(super) deflate: bool,
    pub(super) link_delay: Duration,
    pub(super) listen: SocketAddrV4,
    pub(super) datagrams: Option<Datagrams>,
    pub(super) inbox: Inbox,
    pub(super) saved: Saved,
    pub(super) shelf: Shelf,
    pub(super) census: watch::Receiver<Census>,
    pub(super) uploads: Arc<Uploads>,
    pub(super) downloads: Downloads,
    pub(super) neighbours: watch::Sender<usize>,
    pub(super) passing: broadcast::Sender<Passing>,
    pub(super) refused: Arc<AtomicU64>,
    /// Cancelled when the servent is to leave: somebody says so, or nobody holds it any more.
    pub(super) stop: CancellationToken,
    /// Cancelled when it is to end at once.
    pub(super) kill: CancellationToken,
}

/// Whom an actor knows when it begins.
#[derive(Debug)]
pub(super) struct Acquaintances {
    /// Dialled before all others.
    pub(super) first: Vec<SocketAddrV4>,
    /// What an earlier run knew.
    pub(super) remembered: Vec<(SocketAddrV4, Repute)>,
    /// What the user's file names.
    pub(super) candidates: Vec<SocketAddrV4>,
    /// UDP host caches.
    pub(super) caches: Vec<SocketAddrV4>,
}

impl Actor {
    /// An actor with a fresh overlay. `door` is the task that accepts; it ends with the actor.
    pub(super) fn new(parts: Parts, door: impl Future<Output = ()> + Send + 'static) -> Self {
        let overlay = Overlay::new(parts.guid, parts.config.clone(), Rng::system());
        let mut errands = JoinSet::new();
        errands.spawn(door);
        if let Some(datagrams) = &parts.datagrams {
            errands.spawn(datagrams.clone().run(parts.inbox.clone()));
        }
        let (shelf, census) = (parts.shelf.clone(), parts.census.clone());
        errands.spawn(keep_table(shelf, census, parts.inbox.clone()));
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
            shed: Arc::default(),
            busy: false,
            link_tasks: JoinSet::new(),
            errands,
            begun_with: Vec::new(),
            rng: Rng::system(),
            parts,
        }
    }

    /// Takes a task that is to end with the actor.
    pub(super) fn see_to(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.errands.spawn(task);
    }

    /// Lives.
    pub(super) async fn run(mut self, mut reports: mpsc::Receiver<Report>, known: Acquaintances) {
        self.begun_with = BootstrapStep::at_the_start(&known);
        self.begin(known);
        let mut saving = interval_at(Instant::now() + SAVE_EVERY, SAVE_EVERY);
        saving.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (stop, kill) = (self.parts.stop.clone(), self.parts.kill.clone());
        let mut census = self.parts.census.clone();
        let mut wishes = self.parts.uploads.push_wishes();
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                _ = reports.recv_many(&mut batch, BATCH) => {
                    for report in batch.drain(..) {
                        self.hear(report);
                    }
                }
                Some(expired) = self.timers.next(), if !self.timers.is_empty() => {
                    self.note_busy();
                    self.note_wall();
                    self.take(Input::Woke(expired.into_inner()));
                }
                () = changed(&mut census) => {
                    let counted = *census.borrow_and_update();
                    self.take(Input::Command(sharing(counted)));
                }
                Some(wish) = wishes.recv() => self.pass_push(wish),
                Some(Err(error)) = self.link_tasks.join_next() => self.bury(&error),
                Some(Err(error)) = self.errands.join_next() => {
                    tracing::error!(%error, "a task panicked");
                }
                _ = saving.tick() => self.save(),
                () = stop.cancelled() => return self.leave().await,
                () = kill.cancelled() => return,
            }
        }
    }

    fn begin(
        &mut self,
        Acquaintances {
            first,
            remembered,
            candidates,
            caches,
        }: Acquaintances,
    ) {
        let here = self.whereabouts.address().unwrap_or(self.parts.listen);
        self.take(Input::Command(Command::Listening(here)));
        if self.parts.datagrams.is_some() {
            self.take(Input::Command(Command::Datagrams));
            self.take(Input::Command(Command::LearnCaches(caches)));
        }
        let census = *self.parts.census.borrow();
        self.take(Input::Command(sharing(census)));
        for addr in first {
            self.take(Input::Command(Command::Connect(addr)));
        }
        let is_another = |addr: &SocketAddrV4| !self.whereabouts.is_self(*addr);
        let others = candidates.into_iter().filter(is_another).collect();
        let remembered = remembered.into_iter();
        let remembered = remembered.filter(|(addr, _)| is_another(addr)).collect();
        self.take(Input::Command(Command::Remember(remembered)));
        self.take(Input::Command(Command::Learn(others)));
        self.take(Input::Command(Command::Start));
    }

    /// Lets the overlay handle an input, and then all that comes of it.
    fn take(&mut self, input: Input) {
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
        self.parts
            .neighbours
            .send_if_modified(|before| std::mem::replace(before, links) != links);
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Dial(addr) => self.dial(addr),
            Effect::Hangup { peer, code, why } => self.hang_up(peer, code, why),
            Effect::Close { peer } => self.close(peer),
            Effect::Send { to, descriptor } => self.send(to, descriptor),
            Effect::SendTo { addr, descriptor } => {
                if let Some(datagrams) = &self.parts.datagrams {
                    datagrams.send(addr, &descriptor);
                }
            }
            Effect::Probe(addr) => {
                self.errands.spawn(probe(addr));
            }
            Effect::Lookup { guid, query } => self.look_up(guid, &query),
            Effect::Wake { after, timer } => {
                self.timers.insert(timer, after);
            }
            Effect::Tell(event) => self.tell(event),
        }
    }

    /// Tells the overlay when all upload slots are taken, and when they are not any more: hits say so, and a leaf tells
    /// its ultrapeers.
    fn note_busy(&mut self) {
        let busy = self.parts.uploads.busy();
        if std::mem::replace(&mut self.busy, busy) != busy {
            self.inputs.push_back(Input::Command(Command::Busy(busy)));
        }
    }

    /// Tells the downloads how others reach us when they cannot connect to us: those name us to others by it.
    fn note_wall(&self) {
        let proxies = self.overlay.proxies();
        let wall = (!proxies.is_empty()).then(|| Walled {
            servent: self.parts.guid,
            addr: self.whereabouts.address(),
            proxies,
        });
        self.parts.downloads.stand_behind(wall);
    }

    fn look_up(&mut self, query: Guid, wanted: &Query) {
        self.note_busy();
        let shelf = self
            .parts
            .shelf
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let records = shelf.records(wanted, FILES_PER_QUERY);
        self.inputs.push_back(Input::Found { query, records });
    }

    /// Somebody takes us for the push proxy of a servent, which we are or not.
    fn pass_push(&mut self, wish: PushWish) {
        let PushWish {
            target: ProxyTarget { servent, index },
            to,
            asker,
            reply,
        } = wish;
        let known = self.overlay.is_proxy_of(&servent);
        // Who has hung up needs no answer.
        let _ = reply.send(known);
        self.take(Input::Command(match to {
            Some(addr) => Command::PassPush {
                asker,
                push: Box::new(Push::new(servent, index, addr)),
            },
            None if known => Command::Push { servent, index },
            None => return,
        }));
    }

    fn tell(&mut self, event: Event) {
        match event {
            Event::PeerUp(peer) => {
                let remote = self.links.get(&peer).map(|link| link.remote);
                tracing::info!(
                    peer = peer.0,
                    remote = remote.map(field::display),
                    "neighbour joined"
                );
            }
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
            Event::PushAsked { index, addr } => {
                self.errands
                    .spawn(self.parts.uploads.clone().give(addr, index));
            }
        }
    }

    fn hear(&mut self, report: Report) {
        match report {
            Report::Received { from, descriptor } => {
                // What a link we have hung up on sent before it knew is of no interest.
                if let Some(link) = self.links.get(&from) {
                    Passing::note(&self.parts.passing, link.remote, &descriptor);
                    self.take(Input::Received { from, descriptor });
                }
            }
            Report::Greeted(greeted) => self.welcome(*greeted),
            Report::Unreachable { addr, hosts, why } => {
                self.answer_dial(addr, &Err(why));
                self.take(Input::Unreachable { addr, hosts });
            }
            Report::Datagram { from, descriptor } => {
                self.take(Input::Datagram { from, descriptor });
            }
            Report::Probed(by) => self.take(Input::Probed { by }),
            Report::Ended { peer, how } => self.part(peer, &how),
            Report::Shelf(table) => self.take(Input::Command(Command::Shelf(Box::new(table)))),
            Report::Order(order) => self.obey(order),
        }
    }

    fn save(&mut self) {
        let (saved, hosts) = (self.parts.saved.clone(), self.overlay.hosts());
        self.errands
            .spawn(async move { write_hosts(saved, hosts).await });
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

    fn now(&self) -> Time {
        Time::ZERO + self.began.elapsed()
    }
}

/// Ends when the census has changed; never once there is no librarian any more.
async fn changed(census: &mut watch::Receiver<Census>) {
    if census.changed().await.is_err() {
        pending::<()>().await;
    }
}

fn sharing(census: Census) -> Command {
    Command::Sharing {
        files: u32::try_from(census.files).unwrap_or(u32::MAX),
        kib: u32::try_from(census.bytes / 1024).unwrap_or(u32::MAX),
    }
}

async fn write_hosts(saved: Saved, hosts: Vec<(SocketAddrV4, Repute)>) {
    let written = tokio::task::spawn_blocking(move || saved.save_hosts(&hosts)).await;
    if let Ok(Err(error)) = written {
        tracing::warn!(%error, "hosts not saved");
    }
}
