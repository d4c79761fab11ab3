//! Growth: links coming and going, and whom to dial.
//!
//! The one rule: nobody depends on being found. A servent dials until it has the neighbours it wants, and half of these
//! by its own choice, drawn at random from all it knows; so no stranger who fills our slots can surround us, and a
//! network that has lost a third of its servents grows together again from every side.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use crate::time::Time;
use crate::wire::handshake::Role;
use crate::wire::{ByeCode, Descriptor, Guid, Kind, VendorMessage};

use super::hosts::MAX_ANCHORS;
use super::peers::Twin;
use super::quota::Quota;
use super::reach::{Reach, is_believed, is_possible, neighbourhood, reach};
use super::{
    Direction, Effect, Event, Introduction, Outbox, Overlay, Peer, PeerId, Repute, Stage, Timer,
};

/// Dials under way, and the times growth goes by.
#[derive(Debug)]
pub(super) struct Growth {
    dials: Vec<Dial>,
    /// Dials begun.
    pace: Quota,
    /// When growth goes on by itself.
    due: Option<Time>,
    /// Addresses that turned out to be our own.
    ourselves: Vec<SocketAddrV4>,
}

/// A dial under way.
#[derive(Clone, Copy, Debug)]
struct Dial {
    addr: SocketAddrV4,
    since: Time,
}

impl Default for Growth {
    fn default() -> Self {
        Self {
            dials: Vec::new(),
            pace: Quota::NEW,
            due: None,
            ourselves: Vec::new(),
        }
    }
}

impl Overlay {
    /// A link is up.
    pub(super) fn on_connected(
        &mut self,
        now: Time,
        peer: PeerId,
        who: Arc<Introduction>,
        out: &mut impl Outbox,
    ) {
        if self.peers.get(peer).is_some() {
            return;
        }
        if who.direction == Direction::Outgoing {
            self.growth.dials.retain(|dial| dial.addr != who.remote);
            self.hosts.linked(now, who.remote);
        }
        self.hear_all(now, &who.agreement.hosts, *who.remote.ip());
        if let Err((code, why)) = self.welcome(now, &who, out) {
            self.counts.sent.count(Kind::Bye);
            out.push(Effect::Hangup { peer, code, why });
            return self.grow(now, out);
        }
        let leaf = who.agreement.role == Role::Leaf;
        if let Some(addr) = who
            .agreement
            .listen
            .filter(|addr| !leaf && is_possible(*addr))
        {
            self.hosts.hear(now, addr, *addr.ip());
        }
        if who.direction == Direction::Incoming {
            self.note_caller(now, *who.remote.ip());
        }
        let vendor_messages = who.agreement.vendor_messages;
        self.peers.add(Peer::new(now, peer, who));
        out.push(Effect::Tell(Event::PeerUp(peer)));
        if vendor_messages {
            // Before anything else: gtk-gnutella ignores the queries of a neighbour that announced vendor messages and
            // has not said within its first fifty messages which it understands.
            let guid = Guid::random(&mut self.rng);
            let kind = Kind::Vendor { standard: false };
            let payload = VendorMessage::messages_supported();
            self.send(now, peer, Descriptor::new(guid, kind, 1, payload), out);
        }
        self.share_tables(now, out);
        self.ping_new(now, peer, out);
        self.grow(now, out);
    }

    /// Whether a newcomer may stay, or why not. A link that stands in its way is closed.
    fn welcome(
        &mut self,
        now: Time,
        who: &Introduction,
        out: &mut impl Outbox,
    ) -> Result<(), (ByeCode, &'static str)> {
        if self.stage == Stage::Left {
            return Err((ByeCode::SHUTDOWN, "Servent shutdown"));
        }
        if who.agreement.guid == Some(self.guid) {
            if who.direction == Direction::Outgoing {
                self.note_ourselves(who.remote);
            }
            return Err((SAME_SERVENT, "That is myself"));
        }
        match self.peers.twin(now, who, self.guid) {
            Twin::None => {}
            Twin::CloseNew => return Err((SAME_SERVENT, "Already connected")),
            Twin::CloseOld(old) => self.hang_up(old, SAME_SERVENT, "Already connected", out),
        }
        let ip = *who.remote.ip();
        if who.direction == Direction::Incoming
            && !ip.is_loopback()
            && self.peers.incoming_from(ip) >= LINKS_PER_HOST
        {
            return Err((NO_SLOT, "Too many connections from your address"));
        }
        // An outgoing link is one we wanted, or the user did.
        let free = match who.agreement.role {
            Role::Ultrapeer => self.free(),
            Role::Leaf => self.free_for_leaves(),
        };
        if free == 0 && who.direction == Direction::Incoming {
            return Err((NO_SLOT, "Too many connections"));
        }
        self.take_role(now, who)
    }

    /// A link is gone.
    pub(super) fn on_disconnected(&mut self, now: Time, peer: PeerId, out: &mut impl Outbox) {
        let Some(gone) = self.peers.remove(peer) else {
            return;
        };
        self.tables.changed();
        self.pongs.lost(peer);
        if let Some(addr) = gone.listening() {
            self.hosts.lost(now, addr, now.since(gone.since));
        }
        out.push(Effect::Tell(Event::PeerDown(peer)));
        self.grow(now, out);
    }

    /// A dial came to nothing. Whoever names others lives and has no slot; whoever names nobody may be dead.
    pub(super) fn on_unreachable(
        &mut self,
        now: Time,
        addr: SocketAddrV4,
        hosts: &[SocketAddrV4],
        out: &mut impl Outbox,
    ) {
        self.growth.dials.retain(|dial| dial.addr != addr);
        if hosts.is_empty() {
            self.hosts.failed(now, addr, self.is_alone());
        } else {
            self.hosts.refused(now, addr);
            self.hear_all(now, hosts, *addr.ip());
        }
        self.grow(now, out);
    }

    /// Candidates of the user's.
    pub(super) fn learn(&mut self, now: Time, candidates: &[SocketAddrV4], out: &mut impl Outbox) {
        for addr in candidates {
            if is_possible(*addr) {
                self.hosts.name(now, *addr);
            }
        }
        self.grow(now, out);
    }

    /// What an earlier run knew.
    pub(super) fn remember(
        &mut self,
        now: Time,
        known: &[(SocketAddrV4, Repute)],
        out: &mut impl Outbox,
    ) {
        for (addr, repute) in known {
            if is_possible(*addr) {
                self.hosts.remember(now, *addr, *repute);
            }
        }
        self.grow(now, out);
    }

    /// What somebody told who is no neighbour.
    pub(super) fn hear_of(
        &mut self,
        now: Time,
        hosts: &[SocketAddrV4],
        teller: Ipv4Addr,
        out: &mut impl Outbox,
    ) {
        self.hear_all(now, hosts, teller);
        self.grow(now, out);
    }

    /// Those to begin with after a restart: of the ultrapeers we dialled ourselves, those we have had longest.
    pub(super) fn anchors(&self) -> Vec<SocketAddrV4> {
        let dialled = |peer: &&Peer| peer.who.direction == Direction::Outgoing && !peer.is_leaf();
        let dialled = self.peers.iter().filter(dialled);
        let anchors = dialled.map(|peer| peer.who.remote);
        anchors.take(MAX_ANCHORS).collect()
    }

    /// The user wants this link, whatever the slots and the waiting times say.
    pub(super) fn connect(&mut self, now: Time, addr: SocketAddrV4, out: &mut impl Outbox) {
        if self.stage != Stage::Left && is_possible(addr) && !self.is_taken(addr) {
            self.hosts.name(now, addr);
            self.dial(now, addr, out);
        }
    }

    /// The user does not want this neighbour.
    pub(super) fn dismiss(&mut self, now: Time, peer: PeerId, out: &mut impl Outbox) {
        self.banish(now, peer, ByeCode::USER, "Removed by the user", out);
    }

    /// Dials until enough links are up or on their way. What cannot be dialled now is looked at again in a second.
    pub(super) fn grow(&mut self, now: Time, out: &mut impl Outbox) {
        if !self.config.grow || self.stage != Stage::Running {
            return;
        }
        let stands = |dial: &Dial| now.since(dial.since) < DIAL_PATIENCE;
        self.growth.dials.retain(stands);
        for _ in 0..self.wanted() {
            let Some(addr) = self.candidate(now) else {
                break;
            };
            if !self.growth.pace.take(now, DIALS_AT_ONCE, PACE) {
                break;
            }
            self.dial(now, addr, out);
        }
        let short = self.lacking() > 0;
        if short && self.growth.dials.is_empty() {
            self.ask_a_cache(now, out);
        }
        if short && self.growth.due.is_none_or(|due| due + PATIENCE < now) {
            self.growth.due = Some(now + PATIENCE);
            out.push(Effect::Wake {
                after: PATIENCE,
                timer: Timer::Grow,
            });
        }
    }

    pub(super) fn on_time_to_grow(&mut self, now: Time, out: &mut impl Outbox) {
        if self.growth.due.is_some_and(|due| due <= now) {
            self.growth.due = None;
            self.grow(now, out);
        }
    }

    /// Whom to name in X-Try: neighbours, who live, then others thought well of.
    pub(super) fn recommended(&self, now: Time) -> Vec<SocketAddrV4> {
        let mut hosts: Vec<SocketAddrV4> = self.ultrapeers_at().collect();
        if !hosts.is_empty() {
            // Not always the same ones first.
            let turn = now.as_micros() as usize % hosts.len();
            hosts.rotate_left(turn);
        }
        let best = self.hosts.best().map(|(host, _)| host);
        let others = best.filter(|host| !self.peers.are_at(*host));
        hosts.extend(others.take(RECOMMENDED));
        hosts.truncate(RECOMMENDED);
        hosts
    }

    /// Whether we ourselves listen at `addr`. A servent that listens beyond loopback listens on every loopback address
    /// too; one that listens on one of these does not on the others.
    pub(super) fn is_ourselves(&self, addr: SocketAddrV4) -> bool {
        let Some(listening) = self.listening else {
            return self.growth.ourselves.contains(&addr);
        };
        let alias = addr.ip().is_loopback() && !listening.ip().is_loopback();
        let seen = |ip: Ipv4Addr| {
            self.peers
                .iter()
                .any(|peer| peer.who.agreement.seen_as == Some(ip))
        };
        let same_host = *addr.ip() == *listening.ip()
            || alias
            || (listening.ip().is_unspecified() && seen(*addr.ip()));
        (same_host && addr.port() == listening.port()) || self.growth.ourselves.contains(&addr)
    }

    /// Slots for newcomers who are ultrapeers. Some are kept for the links we mean to dial ourselves; a leaf dials all.
    pub(super) fn free(&self) -> usize {
        if self.has_left() || self.is_leaf() {
            return 0;
        }
        let slots = self.config.slots;
        let kept = if self.config.grow {
            self.lacking_own().min(slots / 4)
        } else {
            0
        };
        slots.saturating_sub(self.peers.ultrapeers() + kept)
    }

    /// How many more links there should be: neighbours enough, and half as many dialled by ourselves.
    fn lacking(&self) -> usize {
        let ultrapeers = self.peers.ultrapeers();
        if self.is_leaf() {
            return self.config.hubs.saturating_sub(ultrapeers);
        }
        let all = self.config.neighbours.saturating_sub(ultrapeers);
        let room = self.config.slots.saturating_sub(ultrapeers);
        all.max(self.lacking_own()).min(room)
    }

    /// Whether no ultrapeer is linked to us.
    fn is_alone(&self) -> bool {
        self.peers.ultrapeers() == 0
    }

    fn lacking_own(&self) -> usize {
        (self.config.neighbours / 2).saturating_sub(self.peers.outgoing())
    }

    /// How many dials to begin now.
    fn wanted(&self) -> usize {
        let parallel = if self.is_alone() {
            PARALLEL_ALONE
        } else {
            PARALLEL
        };
        self.lacking()
            .min(parallel)
            .saturating_sub(self.growth.dials.len())
    }

    /// Whom to dial next: somebody in a neighbourhood we do not stand in yet, if there is one.
    fn candidate(&mut self, now: Time) -> Option<SocketAddrV4> {
        let alone = self.is_alone();
        let dice = self.rng.next();
        let new = |addr| !self.is_taken(addr);
        let elsewhere = |addr| new(addr) && !self.stands_beside(addr);
        let drawn = self.hosts.choose(now, alone, dice, elsewhere);
        drawn.or_else(|| self.hosts.choose(now, alone, dice, new))
    }

    /// Whether there is nothing to dial: we are there, linked there, or about to be.
    fn is_taken(&self, addr: SocketAddrV4) -> bool {
        self.growth.dials.iter().any(|dial| dial.addr == addr)
            || self.peers.are_at(addr)
            || self.is_ourselves(addr)
    }

    /// Whether a link we dialled leads to the same /16 of the world.
    fn stands_beside(&self, addr: SocketAddrV4) -> bool {
        let ours = neighbourhood(addr);
        reach(*addr.ip()) == Some(Reach::World)
            && self
                .peers
                .iter()
                .filter(|peer| peer.who.direction == Direction::Outgoing)
                .map(|peer| peer.who.remote)
                .chain(self.growth.dials.iter().map(|dial| dial.addr))
                .any(|other| neighbourhood(other) == ours)
    }

    fn dial(&mut self, now: Time, addr: SocketAddrV4, out: &mut impl Outbox) {
        self.growth.dials.push(Dial { addr, since: now });
        out.push(Effect::Dial(addr));
    }

    /// Remembers what `teller` told, as far as it may speak of it.
    fn hear_all(&mut self, now: Time, hosts: &[SocketAddrV4], teller: Ipv4Addr) {
        for addr in hosts.iter().take(HEARD_AT_ONCE) {
            if is_believed(*addr, teller) && !self.is_ourselves(*addr) {
                self.hosts.hear(now, *addr, teller);
            }
        }
    }

    fn note_ourselves(&mut self, addr: SocketAddrV4) {
        self.hosts.forget(addr);
        if self.growth.ourselves.len() < MAX_ALIASES {
            self.growth.ourselves.push(addr);
        }
    }
}

/// The handshake's "already connected, or the same GUID", said in a Bye because the handshake could not know.
const SAME_SERVENT: ByeCode = ByeCode(409);

/// Links that may be opened to us from one address: a household behind one router, and no crowd of one's own making
/// that fills the slots. Loopback is exempt: a whole network may stand there.
const LINKS_PER_HOST: usize = 4;

/// The handshake's "no slot", said in a Bye because another newcomer was quicker.
const NO_SLOT: ByeCode = ByeCode(503);

/// Dials under way at once while there is no neighbour: the first is to be there within 100 ms, whoever else is dead.
const PARALLEL_ALONE: usize = 8;

/// Dials under way at once otherwise.
const PARALLEL: usize = 4;

/// Dials begun in each [`PACE`]: enough for a start from a list of dead candidates, and five a second in the long run,
/// so that a machine without a network does not burn its whole cache in a moment.
const DIALS_AT_ONCE: u32 = 20;

/// See [`DIALS_AT_ONCE`].
const PACE: Duration = Duration::from_secs(4);

/// After this a dial is given up even if the driver has not told how it ended.
const DIAL_PATIENCE: Duration = Duration::from_secs(60);

/// How soon to look again for hosts that have waited long enough.
const PATIENCE: Duration = Duration::from_secs(1);

/// Hosts named in a handshake (LimeWire names ten at most).
const RECOMMENDED: usize = 10;

/// Hosts taken from one handshake.
const HEARD_AT_ONCE: usize = 20;

/// Own addresses remembered: those the user or others named us by.
const MAX_ALIASES: usize = 16;
