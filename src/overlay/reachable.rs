//! Whether strangers can reach us, by TCP and by UDP, and how we know (section "Vendor messages", connect-back).
//!
//! The one rule for us: only what came in unasked proves anything. Neighbours are asked to connect to us (BEAR/7) and to
//! ping us (GTKG/7); those we have just sent datagrams do not count, since a firewall would let them in.
//!
//! The one rule towards others: who asks for the same is called at the address his link comes from and nowhere else, at
//! the port he names, and once a minute.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use bytes::Bytes;

use crate::time::Time;
use crate::wire::{Descriptor, Guid, HEADER_LEN, Kind, VendorMeaning};

use super::ledger::holder;
use super::offer::LOWEST_PORT;
use super::push::PushLimits;
use super::quota::Quota;
use super::reach::{Reach, is_possible, reach};
use super::{Effect, Outbox, Overlay, Peer, PeerId};

/// What is known of our being reachable one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reachable {
    /// We cannot tell (yet), because of this.
    Unknown(&'static str),
    /// Strangers reach us: this happened.
    Yes(&'static str),
    /// They do not: this happened.
    No(&'static str),
}

impl Reachable {
    /// `unknown`, `yes` or `no`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unknown(_) => "unknown",
            Self::Yes(_) => "yes",
            Self::No(_) => "no",
        }
    }

    /// Why.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Unknown(why) | Self::Yes(why) | Self::No(why) => why,
        }
    }
}

impl fmt::Display for Reachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.word(), self.reason())
    }
}

/// Both ways of reaching us, and what others asked of us.
#[derive(Debug)]
pub(super) struct Reachability {
    tcp: Trial,
    udp: Trial,
    /// Calls and pings that neighbours asked for.
    called_back: PushLimits,
    pinged_back: PushLimits,
    /// Dials that pushes asked for.
    pushed: PushLimits,
    /// Pushes passed on to leaves that nobody can connect to.
    pushes_passed: Quota,
}

/// One way, and the test of it.
#[derive(Debug)]
struct Trial {
    verdict: Reachable,
    /// When it was reached.
    at: Time,
    /// Who has been asked to try.
    asked: Vec<Asked>,
}

/// A neighbour that was asked.
#[derive(Clone, Copy, Debug)]
struct Asked {
    /// From where its answer comes.
    addr: SocketAddrV4,
    at: Time,
}

impl Default for Reachability {
    fn default() -> Self {
        Self {
            tcp: Trial::new(),
            udp: Trial::new(),
            called_back: PushLimits::default(),
            pinged_back: PushLimits::default(),
            pushed: PushLimits::default(),
            pushes_passed: Quota::NEW,
        }
    }
}

impl Reachability {
    /// Whether datagrams of strangers come in.
    pub(super) const fn by_udp(&self) -> bool {
        matches!(self.udp.verdict, Reachable::Yes(_))
    }

    /// Whether strangers connect to us.
    pub(super) const fn by_tcp(&self) -> bool {
        matches!(self.tcp.verdict, Reachable::Yes(_))
    }

    /// Whether it is known that strangers cannot connect to us.
    pub(super) const fn not_by_tcp(&self) -> bool {
        matches!(self.tcp.verdict, Reachable::No(_))
    }

    /// Whether `addr` may be dialled for one more push.
    pub(super) fn may_push(&mut self, now: Time, addr: SocketAddrV4) -> bool {
        self.pushed.take(now, addr)
    }

    /// Whether one more push may be passed on.
    pub(super) fn may_pass_push(&mut self, now: Time) -> bool {
        self.pushes_passed
            .take(now, PUSHES_PASSED, Duration::from_secs(60))
    }

    /// We listen somewhere else: nothing of what was known holds.
    pub(super) fn forget(&mut self) {
        (self.tcp, self.udp) = (Trial::new(), Trial::new());
    }
}

impl Trial {
    const fn new() -> Self {
        Self {
            verdict: Reachable::Unknown(NOBODY_ASKED),
            at: Time::ZERO,
            asked: Vec::new(),
        }
    }

    fn succeed(&mut self, now: Time, why: &'static str) {
        self.verdict = Reachable::Yes(why);
        self.at = now;
        self.asked.clear();
    }

    /// Judges a test whose time is up, by those whose silence says something; whether there is to be another.
    fn is_due(&mut self, now: Time, says_something: impl Fn(&Asked) -> bool) -> bool {
        if let Some(last) = self.asked.last() {
            if now.since(last.at) < ANSWER_WITHIN {
                return false;
            }
            self.verdict = match self.asked.iter().filter(|one| says_something(one)).count() {
                0 => Reachable::Unknown(SPOILT),
                1 => Reachable::Unknown(ONE_FAILED),
                _ => Reachable::No(ALL_FAILED),
            };
            self.at = now;
            self.asked.clear();
        }
        let wait = match self.verdict {
            Reachable::Unknown(NOBODY_ASKED) => Duration::ZERO,
            Reachable::Unknown(_) => AGAIN_SOON,
            Reachable::No(_) => AGAIN,
            Reachable::Yes(_) => HOLDS,
        };
        now.since(self.at) >= wait
    }

    fn ask(&mut self, now: Time, addr: SocketAddrV4) {
        if matches!(self.verdict, Reachable::Unknown(_)) {
            self.verdict = Reachable::Unknown(ASKED);
        }
        self.asked.push(Asked { addr, at: now });
    }
}

impl Overlay {
    /// Whether strangers can connect to us.
    pub const fn reachable_by_tcp(&self) -> Reachable {
        self.reachable.tcp.verdict
    }

    /// Whether strangers' datagrams reach us.
    pub fn reachable_by_udp(&self) -> Reachable {
        match self.datagrams {
            Some(_) => self.reachable.udp.verdict,
            None => Reachable::No(NO_SOCKET),
        }
    }

    /// A stranger has connected to us.
    pub(super) fn note_caller(&mut self, now: Time, ip: Ipv4Addr) {
        if self.is_outside(ip) {
            self.reachable.tcp.succeed(now, CONNECTED);
        }
    }

    /// A datagram has come in; `spoken` is when we last sent one there.
    pub(super) fn note_datagram(&mut self, now: Time, from: SocketAddrV4, spoken: Option<Time>) {
        let unasked = spoken.is_none_or(|at| now.since(at) >= HOLE);
        if unasked && self.is_outside(*from.ip()) {
            self.reachable.udp.succeed(now, PINGED);
        }
    }

    /// Whether a ping is the answer to a test of ours: that it came is all there is to it.
    pub(super) fn ends_test(&self, from: SocketAddrV4, guid: &Guid) -> bool {
        let udp = self.datagrams.as_deref();
        udp.is_some_and(|udp| udp.secret.knows_test(*from.ip(), guid))
    }

    /// Has neighbours test what is not known, and judges what they were asked before.
    pub(super) fn test_reach(&mut self, now: Time, out: &mut impl Outbox) {
        let Some(port) = self.listening.map(|addr| addr.port()) else {
            return;
        };
        if self.reachable.tcp.is_due(now, |_| true) {
            for (to, addr) in self.draw_testers(|_, peer| peer.skills.calls_back) {
                let guid = Guid::random(&mut self.rng);
                self.say(now, to, guid, &VendorMeaning::TcpConnectBack(port), out);
                self.reachable.tcp.ask(now, addr);
            }
        }
        let Some(udp) = &mut self.datagrams else {
            return;
        };
        udp.secret.turn(now, &mut self.rng);
        let ledger = &udp.ledger;
        // Of whom we have sent something since, our own firewall may think better than of a stranger.
        let unspoken = |asked: &Asked| ledger.spoken(asked.addr).is_none_or(|at| at < asked.at);
        if !self.reachable.udp.is_due(now, unspoken) {
            return;
        }
        let fit = |overlay: &Self, peer: &Peer| {
            let udp = overlay.datagrams.as_deref();
            let spoken = udp.and_then(|udp| udp.ledger.spoken(answers_from(peer)));
            peer.skills.pings_back && spoken.is_none_or(|at| now.since(at) >= HOLE)
        };
        for (to, addr) in self.draw_testers(fit) {
            let Some(udp) = &mut self.datagrams else {
                return;
            };
            let guid = udp.secret.test(*addr.ip(), &mut self.rng);
            self.say(now, to, guid, &VendorMeaning::UdpConnectBack(port), out);
            self.reachable.udp.ask(now, addr);
        }
    }

    /// Two neighbours who can test us, and stand where strangers do.
    fn draw_testers(&mut self, can: impl Fn(&Self, &Peer) -> bool) -> Vec<(PeerId, SocketAddrV4)> {
        let fit = self.peers.iter().filter(|peer| can(self, peer));
        let fit = fit.map(|peer| (peer.id, answers_from(peer)));
        let mut fit: Vec<_> = fit
            .filter(|(_, addr)| self.is_outside(*addr.ip()))
            .collect();
        self.rng.shuffle(&mut fit);
        fit.truncate(TESTERS);
        fit
    }

    /// A neighbour wants to know whether it can be connected to.
    pub(super) fn call_back(&mut self, now: Time, from: PeerId, port: u16, out: &mut impl Outbox) {
        match self.asker(from, port) {
            Some(addr) if self.reachable.called_back.take(now, holder(addr)) => {
                out.push(Effect::Probe(addr));
            }
            _ => self.counts.dropped += 1,
        }
    }

    /// A neighbour wants to know whether datagrams reach it; its message was so long and bore this GUID.
    pub(super) fn ping_back(
        &mut self,
        now: Time,
        from: PeerId,
        what: &Descriptor,
        port: u16,
        out: &mut impl Outbox,
    ) {
        let asker = self.asker(from, port).filter(|_| !self.awaits(now, from));
        let Some(udp) = &mut self.datagrams else {
            return;
        };
        match asker {
            Some(addr) if self.reachable.pinged_back.take(now, holder(addr)) => {
                udp.ledger
                    .received(now, addr, HEADER_LEN + what.payload.len());
                let ping = Descriptor::new(what.header.guid, Kind::Ping, 1, Bytes::new());
                self.reply(now, addr, ping, out);
            }
            _ => self.counts.dropped += 1,
        }
    }

    /// Whether we await a ping of this neighbour ourselves. Were it pinged now, its ping would prove nothing: of two that
    /// ask each other at once the one with the larger GUID answers, and asks somebody else later.
    fn awaits(&self, now: Time, peer: PeerId) -> bool {
        let Some(peer) = self.peers.get(peer) else {
            return false;
        };
        let addr = answers_from(peer);
        let awaited = |asked: &Asked| asked.addr == addr && now.since(asked.at) < ANSWER_WITHIN;
        let first = peer
            .who
            .agreement
            .guid
            .is_none_or(|theirs| self.guid < theirs);
        first && self.reachable.udp.asked.iter().any(awaited)
    }

    /// The address of a neighbour with the port it names, if it may be called there.
    fn asker(&self, peer: PeerId, port: u16) -> Option<SocketAddrV4> {
        let addr = SocketAddrV4::new(*self.peers.get(peer)?.who.remote.ip(), port);
        let fit = port >= LOWEST_PORT && is_possible(addr) && !self.is_ourselves(addr);
        fit.then_some(addr)
    }

    /// Whether whoever stands at `ip` is as far away as those are to whom we offer ourselves: our own machine is no
    /// stranger to a servent of the world.
    fn is_outside(&self, ip: Ipv4Addr) -> bool {
        let ours = self.listening.and_then(|addr| reach(*addr.ip()));
        reach(ip) >= Some(ours.unwrap_or(Reach::World))
    }
}

/// From where a neighbour's datagrams come: the address of its link, the port it listens on.
fn answers_from(peer: &Peer) -> SocketAddrV4 {
    let remote = peer.who.remote;
    let listening = peer.listening().unwrap_or(remote);
    SocketAddrV4::new(*remote.ip(), listening.port())
}

const NOBODY_ASKED: &str = "no neighbour has been asked to test it";
const ASKED: &str = "a neighbour has been asked to test it";
const ONE_FAILED: &str = "a neighbour was asked and did not get through";
const ALL_FAILED: &str = "neighbours were asked and none got through";
const SPOILT: &str = "a neighbour was asked, but we have spoken to it since";
const CONNECTED: &str = "a stranger has connected";
const PINGED: &str = "a stranger's datagram has come in";
const NO_SOCKET: &str = "there is no socket for datagrams";

/// Pushes passed on in each minute, to all leaves together: one leaf follows twenty.
const PUSHES_PASSED: u32 = 120;

/// Neighbours asked at once (gtk-gnutella: two).
const TESTERS: usize = 2;

/// How long a neighbour may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// After a test that says nothing the next one.
const AGAIN_SOON: Duration = Duration::from_secs(60);

/// After one that failed.
const AGAIN: Duration = Duration::from_secs(600);

/// How long a success is believed.
const HOLDS: Duration = Duration::from_secs(1_800);

/// How long a firewall lets in whom we have sent something: most close after two minutes.
const HOLE: Duration = Duration::from_secs(150);
