//! The servent's protocol mind: one state machine, one door in, one door out.
//!
//! The world says what happened ([`Input`]) and the overlay pushes what is to be done about it ([`Effect`]) into an
//! [`Outbox`]; the two enums mirror each other. It holds no socket, asks no clock and throws no dice of its own, so the
//! same inputs give the same effects under tokio, in a simulation and in a replay.
//!
//! What its owner wants stands in `commands`. Its parts are data and only answer questions: `peers` the neighbours, `routes`
//! the ways back, `hosts` whom to dial, `pongs` whom to tell of, `dynamic` whom to ask next, `quota` and `horizon` what is
//! too much and too far, `reach` whose word to take, `ledger` and `secret` who has earned an answer. Only the overlay
//! itself pushes effects. In eleven chapters along links: `search` (Query), `hits` (QueryHit), `shield` (whom a query
//! reaches), `asking` (dynamic queries), `ring` and `walk`, `tables` (query routing), `push`, `ping` (Ping, Pong and
//! keep-alive), `vendor` (vendor messages), `growth` (links coming and going). In five by UDP: `datagram` (the door, and pings), `caches` (host caches), `offer` and `claim` (out-of-band hits),
//! `crawl` (who asks for our neighbours). `reachable` says whether strangers reach us, `proxies` what helps if they do
//! not, `roles` in which tier we stand.
//!
//! The one rule: [`Overlay::handle`] cannot fail. Bad bytes are the neighbour's fault and are counted, and an input
//! about somebody already gone is ignored; so drivers need no error path.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use crate::rng::Rng;
use crate::time::Time;
use crate::wire::{Bye, ByeCode, Descriptor, Guid, Header, Kind};

mod asking;
mod caches;
mod claim;
mod commands;
mod config;
mod counts;
mod crawl;
mod datagram;
pub mod dynamic;
mod event;
mod growth;
mod hits;
mod horizon;
mod hosts;
mod ledger;
mod offer;
mod peers;
mod ping;
mod pongs;
mod prospect;
mod proxies;
mod push;
mod quota;
mod reach;
mod reachable;
mod ring;
mod roles;
mod routes;
mod search;
mod secret;
mod shield;
mod skills;
mod strategy;
mod tables;
mod vendor;
mod walk;

pub use caches::UdpCacheNews;
pub use config::Config;
pub use counts::{Counts, Tally};
pub use event::{Command, Direction, Effect, Event, Input, Introduction, Outbox, PeerId, Timer};
pub use horizon::{Horizon, TooFar};
pub use hosts::Repute;
pub use peers::Peer;
pub use prospect::Prospect;
pub use reach::is_believed;
pub use reachable::Reachable;
pub use roles::{RoleChoice, RoleReason};
pub use strategy::{Ring, Strategy, StrategyError, Walk};

use asking::Askings;
use datagram::Datagrams;
use growth::Growth;
use hosts::HostCache;
use peers::Peers;
use pongs::PongCache;
use reachable::Reachability;
use roles::Standing;
use routes::Routes;
use search::Search;
use tables::Tables;
use walk::Walkers;

/// The state machine. What every query needs stands first and together, as with [`Peer`].
#[derive(Debug)]
#[repr(C)]
pub struct Overlay {
    config: Arc<Config>,
    peers: Peers,
    /// Queries seen, and the way their hits go.
    queries: Routes,
    counts: Counts,
    stage: Stage,
    standing: Standing,
    guid: Guid,
    rng: Rng,
    listening: Option<SocketAddrV4>,
    sharing: Sharing,
    /// Servents whose hits were seen, and the way a Push to them goes.
    servents: Routes,
    hosts: HostCache,
    pongs: PongCache,
    /// Our own searches, oldest first.
    searches: Vec<Search>,
    /// Dynamic queries under way.
    asking: Askings,
    /// Walkers that wait here, and the ways of those that have gone.
    walkers: Walkers,
    tables: Tables,
    growth: Growth,
    reachable: Box<Reachability>,
    /// None without a socket for them.
    datagrams: Option<Box<Datagrams>>,
    /// When the links are to be looked at next; none before the start.
    rounds_due: Option<Time>,
}

/// How far the servent's life has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Not yet begun: links may come up, none is dialled.
    Quiet,
    /// Begun.
    Running,
    /// Bye said.
    Left,
}

/// What we tell of our library.
#[derive(Clone, Copy, Debug, Default)]
struct Sharing {
    files: u32,
    kib: u32,
    busy: bool,
}

impl Overlay {
    /// A servent without neighbours.
    pub fn new(guid: Guid, config: Arc<Config>, mut rng: Rng) -> Self {
        Self {
            guid,
            stage: Stage::Quiet,
            standing: Standing::new(config.role),
            listening: None,
            sharing: Sharing::default(),
            peers: Peers::default(),
            queries: Routes::new(config.routes, &mut rng),
            servents: Routes::new(config.routes / SERVENT_SHARE, &mut rng),
            hosts: HostCache::new(rng.next()),
            pongs: PongCache::default(),
            searches: Vec::new(),
            asking: Askings::default(),
            walkers: Walkers::default(),
            tables: Tables::default(),
            growth: Growth::default(),
            reachable: Box::default(),
            datagrams: None,
            rounds_due: None,
            counts: Counts::default(),
            config,
            rng,
        }
    }

    /// Takes one input and pushes what is to be done about it. Cannot fail: a bad descriptor is the neighbour's fault
    /// and is counted, an input about somebody already gone is ignored.
    pub fn handle(&mut self, now: Time, input: Input, out: &mut impl Outbox) {
        match input {
            Input::Connected { peer, who } => self.on_connected(now, peer, who, out),
            Input::Disconnected { peer } => self.on_disconnected(now, peer, out),
            Input::Unreachable { addr, hosts } => self.on_unreachable(now, addr, &hosts, out),
            Input::Received { from, descriptor } => self.on_received(now, from, descriptor, out),
            Input::Datagram { from, descriptor } => self.on_datagram(now, from, descriptor, out),
            Input::Probed { by } => self.note_caller(now, by),
            Input::Found { query, records } => self.on_found(now, query, records, out),
            Input::Woke(Timer::KeepAlive) => self.make_rounds(now, out),
            Input::Woke(Timer::Grow) => self.on_time_to_grow(now, out),
            Input::Woke(Timer::Ask(guid)) => self.ask_on(now, guid, out),
            Input::Woke(Timer::Widen(guid)) => self.widen(now, guid, out),
            Input::Woke(Timer::WalkOn) => self.walk_on(now, out),
            Input::Command(command) => self.on_command(now, command, out),
        }
    }

    /// Reads what a query of this GUID from this neighbour will be judged by, and nothing comes of it but that it lies
    /// near. For a driver of many servents who knows which of them are next: looked at one after the other, a dozen wait
    /// for memory hardly longer than one.
    pub fn glance(&self, from: PeerId, guid: &Guid) -> u64 {
        self.counts.received.query ^ self.peers.glance(from) ^ self.queries.glance(guid)
    }

    /// The neighbours, oldest link first.
    pub fn peers(&self) -> &[Peer] {
        self.peers.as_slice()
    }

    /// The hosts worth saving for the next start, best first: two anchors, the other neighbours, the rest.
    pub fn hosts(&self) -> Vec<(SocketAddrV4, Repute)> {
        let anchors = self.anchors();
        let neighbours = self.peers.iter().filter(|peer| !peer.is_leaf());
        let neighbours = neighbours.filter_map(|peer| {
            // Anybody can call us: that proves nothing.
            let repute = match peer.who.direction {
                Direction::Outgoing => Repute::Proven,
                Direction::Incoming => Repute::Told,
            };
            let host = peer.listening()?;
            (!anchors.contains(&host)).then_some((host, repute))
        });
        let best = self.hosts.best();
        let others = best.filter(|(host, _)| !self.peers.are_at(*host));
        let anchored = anchors.iter().map(|host| (*host, Repute::Anchor));
        anchored.chain(neighbours).chain(others).collect()
    }

    /// How many hosts are known, good and bad.
    pub fn known_hosts(&self) -> usize {
        self.hosts.len()
    }

    /// What has been counted.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Where the neighbours who are ultrapeers listen.
    fn ultrapeers_at(&self) -> impl Iterator<Item = SocketAddrV4> {
        let ultrapeers = self.peers.iter().filter(|peer| !peer.is_leaf());
        ultrapeers.filter_map(Peer::listening)
    }

    const fn has_left(&self) -> bool {
        matches!(self.stage, Stage::Left)
    }

    /// One short function for each kind of descriptor; kinds of other networks are recognised, counted and let be
    /// (Gnutella 0.6, "Message header": unknown types are not routed).
    fn on_received(&mut self, now: Time, from: PeerId, what: Descriptor, out: &mut impl Outbox) {
        let Some(peer) = self.peers.get_mut(from) else {
            return;
        };
        peer.heard = now;
        peer.received += 1;
        let relays = peer.is_leaf() && what.header.hops > 0;
        self.counts.received.count(what.header.kind);
        if relays {
            // A leaf speaks for itself and nobody else.
            self.counts.dropped += 1;
            return self.hang_up(from, LEAF_RELAYED, "Leaf node relayed a message", out);
        }
        match what.header.kind {
            Kind::Ping => self.on_ping(now, from, &what, out),
            Kind::Pong => self.on_pong(now, from, &what, out),
            Kind::Bye => self.on_bye(now, from, &what, out),
            Kind::Push => self.on_push(now, from, what, out),
            Kind::Query => self.on_query(now, from, what, out),
            Kind::QueryHit => self.on_hit(now, from, what, out),
            Kind::RouteTable => self.on_route_table(now, from, &what, out),
            Kind::Vendor { .. } => self.on_vendor(now, from, &what, out),
            Kind::Other(_) => {}
        }
    }

    /// Bye: TTL 1, hops 0, anything else is not from the neighbour itself (as gtk-gnutella reads it). The link is closed
    /// at once, without a reply.
    fn on_bye(&mut self, now: Time, from: PeerId, what: &Descriptor, out: &mut impl Outbox) {
        let direct = what.header.ttl <= 1 && what.header.hops == 0;
        let (true, Ok(bye)) = (direct, Bye::decode(&what.payload)) else {
            self.counts.dropped += 1;
            return;
        };
        out.push(Effect::Tell(Event::Bye {
            peer: from,
            code: bye.code,
            text: bye.text,
        }));
        out.push(Effect::Close { peer: from });
        self.on_disconnected(now, from, out);
    }

    /// The header of a descriptor that may be handled, its TTL trimmed; none when it is dropped. A neighbour that keeps
    /// sending what nobody may send loses its link.
    fn admit(
        &mut self,
        now: Time,
        from: PeerId,
        header: Header,
        out: &mut impl Outbox,
    ) -> Option<Header> {
        let admitted = Horizon::of(&self.config).admit(header);
        // From further away it is an honest neighbour who passes on somebody else's fault.
        if admitted == Err(TooFar::Claims) && header.hops <= FAULT_RADIUS {
            let why = "Too many messages with a high TTL";
            self.fault(now, from, ByeCode::HIGH_TTL, why, out);
        }
        self.counts.dropped += u64::from(admitted.is_err());
        admitted.ok()
    }

    /// Counts a broken rule, never one that a neighbour may only have passed on; at the eleventh the neighbour is told
    /// why and let go, as gtk-gnutella does.
    fn fault(
        &mut self,
        now: Time,
        of: PeerId,
        code: ByeCode,
        why: &'static str,
        out: &mut impl Outbox,
    ) {
        let Some(peer) = self.peers.get_mut(of) else {
            return;
        };
        peer.faults += 1;
        if peer.faults > FAULTS_FORGIVEN {
            self.banish(now, of, code, why, out);
        }
    }

    /// Hangs up on a neighbour and does not dial it again for a while.
    fn banish(
        &mut self,
        now: Time,
        peer: PeerId,
        code: ByeCode,
        why: &'static str,
        out: &mut impl Outbox,
    ) {
        if let Some(addr) = self.peers.get(peer).and_then(Peer::listening) {
            self.hosts.avoid(now, addr);
        }
        self.hang_up(peer, code, why, out);
        self.grow(now, out);
    }

    /// Forgets a neighbour and has its link closed with a Bye.
    fn hang_up(&mut self, peer: PeerId, code: ByeCode, why: &'static str, out: &mut impl Outbox) {
        if self.peers.remove(peer).is_some() {
            self.tables.changed();
            self.pongs.lost(peer);
            self.counts.sent.count(Kind::Bye);
            out.push(Effect::Hangup { peer, code, why });
            out.push(Effect::Tell(Event::PeerDown(peer)));
        }
    }

    /// Puts a descriptor on the link of a neighbour; nothing if it is gone.
    fn send(&mut self, now: Time, to: PeerId, descriptor: Descriptor, out: &mut impl Outbox) {
        if let Some(peer) = self.peers.get_mut(to) {
            deliver(now, peer, &mut self.counts.sent, descriptor, out);
        }
    }

    /// Our own address as `peer` can use it: where we listen, or where it sees us when we listen everywhere.
    fn address_for(&self, peer: &Peer) -> Option<SocketAddrV4> {
        let listening = self.listening?;
        if !listening.ip().is_unspecified() {
            return Some(listening);
        }
        let near = peer.who.remote.ip().is_loopback();
        let seen_as = peer.who.agreement.seen_as;
        let ip = seen_as.or_else(|| near.then_some(Ipv4Addr::LOCALHOST))?;
        let addr = SocketAddrV4::new(ip, listening.port());
        reach::is_believed(addr, *peer.who.remote.ip()).then_some(addr)
    }
}

/// Puts a descriptor on a neighbour's link and counts it.
fn deliver(
    now: Time,
    peer: &mut Peer,
    sent: &mut Tally,
    descriptor: Descriptor,
    out: &mut impl Outbox,
) {
    peer.spoken = now;
    peer.sent += 1;
    sent.count(descriptor.header.kind);
    out.push(Effect::Send {
        to: peer.id,
        descriptor,
    });
}

/// Of the GUIDs of queries remembered, this part again for servents: far fewer servents answer than queries pass.
const SERVENT_SHARE: usize = 4;

/// Broken rules forgiven on one link (gtk-gnutella says Bye 403 at the eleventh).
const FAULTS_FORGIVEN: u8 = 10;

/// A leaf passed on what is not its own (Bye 0.1 as gtk-gnutella numbers it).
const LEAF_RELAYED: ByeCode = ByeCode(414);

/// Hops up to which a neighbour is held to account for a TTL (gtk-gnutella: within radius 2).
const FAULT_RADIUS: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effects_and_the_machine_itself_are_small() {
        assert!(size_of::<Effect>() <= 64, "{}", size_of::<Effect>());
        assert!(size_of::<Input>() <= 64, "{}", size_of::<Input>());
        let tables = size_of::<(
            Peers,
            Routes,
            Routes,
            HostCache,
            PongCache,
            Counts,
            Tables,
            Walkers,
        )>();
        let boxes = size_of::<(Box<Reachability>, Option<Box<Datagrams>>)>();
        let rest = size_of::<Overlay>() - tables - boxes;
        assert!(rest <= 256, "{rest}");
    }
}
