//! The host cache: whom to dial next, whom not to dial again yet, whom to remember for the next start.
//!
//! The one rule: what strangers tell never pushes out what we know. Hosts that the user named or that have been our
//! neighbours stand in one list, hosts that others told of among the [`rumours`], each bounded by itself. Nobody who has been
//! good to us gives up his place before he has been tried again and failed. Whom to dial is drawn by neighbourhood (a
//! /16) first and by host second, so a stranger who tells of a thousand hosts of his own in one network gains one ticket;
//! and two of the neighbours we had at the end of the last run are dialled first in the next, whatever was told since.

mod outcome;
mod rumours;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use lru::LruCache;

use crate::rng::Rng;
use crate::time::Time;

use super::reach::neighbourhood;
use outcome::{Host, Outcome};
use rumours::{MAX_RUMOURS, Rumours};

/// How well a host is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Repute {
    /// Others told of it.
    Told,
    /// It has been a neighbour, or the user named it.
    Proven,
    /// It was one of the neighbours of longest standing when the last run ended.
    Anchor,
}

/// The hosts known, with what came of dialling them.
#[derive(Debug)]
pub(super) struct HostCache {
    /// Named by the user, or once a neighbour; most recently good first.
    trusted: LruCache<SocketAddrV4, Host>,
    /// Told by others.
    rumours: Rumours,
    /// To be dialled before all others, once.
    anchors: Vec<SocketAddrV4>,
    /// The oldest of the trusted, to be tried again because another is as good.
    on_trial: Option<SocketAddrV4>,
}

impl HostCache {
    /// No hosts; `key` decides where those will stand that others tell of.
    pub(super) fn new(key: u64) -> Self {
        Self {
            trusted: LruCache::unbounded(),
            rumours: Rumours::new(key),
            anchors: Vec::new(),
            on_trial: None,
        }
    }

    /// Remembers what an earlier run knew.
    pub(super) fn remember(&mut self, now: Time, addr: SocketAddrV4, repute: Repute) {
        match repute {
            Repute::Told => return self.hear(now, addr, *addr.ip()),
            Repute::Anchor if self.anchors.len() < MAX_ANCHORS => self.anchors.push(addr),
            Repute::Anchor | Repute::Proven => {}
        }
        self.name(now, addr);
    }

    /// Remembers a candidate of the user's; past the bound it counts as one of many.
    pub(super) fn name(&mut self, now: Time, addr: SocketAddrV4) {
        if self.trusted.contains(&addr) {
            return;
        }
        if self.trusted.len() >= MAX_TRUSTED {
            return self.hear(now, addr, *addr.ip());
        }
        let host = self.rumours.remove(addr).unwrap_or(Host::NEW);
        self.trusted.put(addr, host);
    }

    /// Remembers what the servent at `teller` told.
    pub(super) fn hear(&mut self, now: Time, addr: SocketAddrV4, teller: Ipv4Addr) {
        if !self.trusted.contains(&addr) {
            self.rumours.hear(now, addr, teller);
        }
    }

    /// The link to it came up. Where all places of trust are taken the oldest is tried before it has to go.
    pub(super) fn linked(&mut self, now: Time, addr: SocketAddrV4) {
        self.settle_trial(addr);
        let host = Host {
            outcome: Outcome::Linked,
            at: now,
        };
        if !self.trusted.contains(&addr) && self.trusted.len() >= MAX_TRUSTED {
            let oldest = self
                .trusted
                .peek_lru()
                .map(|(oldest, host)| (*oldest, *host));
            match oldest {
                Some((oldest, host)) if host.is_bad() => self.distrust(now, oldest),
                oldest => {
                    self.on_trial = self.on_trial.or_else(|| Some(oldest?.0));
                    return self.rumours.take_back(now, addr, host);
                }
            }
        }
        self.rumours.remove(addr);
        self.trusted.put(addr, host);
    }

    /// The link to it is gone after `lived`.
    pub(super) fn lost(&mut self, now: Time, addr: SocketAddrV4, lived: Duration) {
        let brief = lived < BRIEF;
        self.note(now, addr, |_| Outcome::Lost { brief });
    }

    /// It would not have us, but it lives.
    pub(super) fn refused(&mut self, now: Time, addr: SocketAddrV4) {
        self.settle_trial(addr);
        self.note(now, addr, |_| Outcome::Refused);
    }

    /// It did not answer. A host that was only heard of is forgotten after some failures, unless we are `lonely`: then
    /// the fault may be on our side of the world.
    pub(super) fn failed(&mut self, now: Time, addr: SocketAddrV4, lonely: bool) {
        self.note(now, addr, |before| match before {
            Outcome::Failed(times) => Outcome::Failed(times.saturating_add(1)),
            _ => Outcome::Failed(1),
        });
        if lonely {
            return;
        }
        let failures = |host: &Host| match host.outcome {
            Outcome::Failed(times) => times,
            _ => 0,
        };
        if self.on_trial == Some(addr) {
            self.on_trial = None;
            self.distrust(now, addr);
        } else if self.rumours.get(addr).map_or(0, failures) >= HEARD_FAILURES {
            self.rumours.remove(addr);
        }
    }

    /// It has been sent away, by the user or for what it did.
    pub(super) fn avoid(&mut self, now: Time, addr: SocketAddrV4) {
        self.hear(now, addr, *addr.ip());
        self.note(now, addr, |_| Outcome::Unwanted);
    }

    /// It is no host to be dialled: it is ourselves.
    pub(super) fn forget(&mut self, addr: SocketAddrV4) {
        self.trusted.pop(&addr);
        self.rumours.remove(addr);
        self.anchors.retain(|anchor| *anchor != addr);
    }

    /// How many hosts are known.
    pub(super) fn len(&self) -> usize {
        self.trusted.len() + self.rumours.len()
    }

    /// Whom to dial: an anchor, or who is on trial, or a candidate never tried if there is one; else with equal chances one
    /// of the trusted or one of those heard of; none when nobody `open` has waited long enough. One throw of `dice`
    /// decides all.
    pub(super) fn choose(
        &self,
        now: Time,
        lonely: bool,
        dice: u64,
        open: impl Fn(SocketAddrV4) -> bool,
    ) -> Option<SocketAddrV4> {
        let mut rng = Rng::seeded(dice);
        let untried = |host: &Host| host.outcome == Outcome::Untried;
        let ready =
            |host: &Host, trusted: bool| now.since(host.at) >= host.outcome.wait(trusted, lonely);
        let is = |addr: &SocketAddrV4, fit: &dyn Fn(&Host) -> bool| {
            self.trusted.peek(addr).is_some_and(fit) && open(*addr)
        };
        if let Some(anchor) = self.anchors.iter().find(|anchor| is(anchor, &untried)) {
            return Some(*anchor);
        }
        if let Some(oldest) = self
            .on_trial
            .filter(|host| is(host, &|host| ready(host, true)))
        {
            return Some(oldest);
        }
        let trusted = || self.trusted.iter().map(|(addr, host)| (*addr, host));
        let new = trusted().filter(|(addr, host)| untried(host) && open(*addr));
        if let Some(addr) = draw(new, &mut rng) {
            return Some(addr);
        }
        let rumours_first = rng.below(2) == 0;
        let known = trusted().filter(|(addr, host)| ready(host, true) && open(*addr));
        let told = self.rumours.iter();
        let told = told.filter(|(addr, host)| ready(host, false) && open(*addr));
        if rumours_first {
            draw(told, &mut rng).or_else(|| draw(known, &mut rng))
        } else {
            draw(known, &mut rng).or_else(|| draw(told, &mut rng))
        }
    }

    /// Hosts worth remembering, best first: those last linked, then those heard of; none that failed us last.
    pub(super) fn best(&self) -> impl Iterator<Item = (SocketAddrV4, Repute)> {
        let trusted = self.trusted.iter().filter(|(_, host)| !host.is_bad());
        let told = self.rumours.iter().filter(|(_, host)| !host.is_bad());
        trusted
            .map(|(addr, _)| (*addr, Repute::Proven))
            .chain(told.map(|(addr, _)| (addr, Repute::Told)))
    }

    /// It lives: whoever was on trial stays, as good as any.
    fn settle_trial(&mut self, addr: SocketAddrV4) {
        if self.on_trial == Some(addr) {
            self.on_trial = None;
            self.trusted.promote(&addr);
        }
    }

    /// It counts as one of many from now on.
    fn distrust(&mut self, now: Time, addr: SocketAddrV4) {
        if let Some(host) = self.trusted.pop(&addr) {
            self.rumours.take_back(now, addr, host);
        }
    }

    fn note(&mut self, now: Time, addr: SocketAddrV4, outcome: impl FnOnce(Outcome) -> Outcome) {
        let host = self.trusted.peek_mut(&addr);
        if let Some(host) = host.or_else(|| self.rumours.get_mut(addr)) {
            host.outcome = outcome(host.outcome);
            host.at = now;
        }
    }
}

/// One of these hosts: a neighbourhood drawn first, then a host in it.
fn draw<'a>(
    hosts: impl Iterator<Item = (SocketAddrV4, &'a Host)>,
    rng: &mut Rng,
) -> Option<SocketAddrV4> {
    // The neighbourhood whose number hashes lowest under a fresh salt is a fair draw in one pass.
    let salt = rng.next() | 1;
    let mut drawn = None;
    let (mut lowest, mut met) = (u64::MAX, 0);
    for (addr, _) in hosts {
        let ticket = Rng::seeded(neighbourhood(addr) ^ salt).next();
        if ticket < lowest {
            (lowest, met) = (ticket, 1);
            drawn = Some(addr);
        } else if ticket == lowest {
            met += 1;
            if rng.below(met) == 0 {
                drawn = Some(addr);
            }
        }
    }
    drawn
}

/// A link that lived shorter than this was no success: coming back at once would only be refused again.
const BRIEF: Duration = Duration::from_secs(60);

/// Failures in a row after which a host that was only heard of is forgotten: most unproven addresses are stale.
const HEARD_FAILURES: u8 = 3;

/// Hosts in all, half a megabyte.
const MAX_HOSTS: usize = 10_000;

/// Hosts named or proven: more neighbours than a year's starts need.
const MAX_TRUSTED: usize = MAX_HOSTS - MAX_RUMOURS;

/// Anchors: two survive what one does not, and more would make us easy to follow (as in Bitcoin Core).
pub(super) const MAX_ANCHORS: usize = 2;

#[cfg(test)]
mod tests;
