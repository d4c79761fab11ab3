//! UDP host caches: servents that answer a ping with addresses of others (section "Bootstrapping", UHC).
//!
//! The one rule: a cache is asked only while neighbours are short, one at a time, and never again soon. Only caches that
//! the user named are asked; what they tell is believed as far as they may speak of it.

use std::net::SocketAddrV4;
use std::time::Duration;

use bytes::Bytes;

use crate::time::Time;
use crate::wire::{Descriptor, Ggep, Kind, Ping, Pong};

use super::reach::{is_believed, is_possible};
use super::{Effect, Outbox, Overlay};

/// The caches the user named, in the order in which they are asked.
#[derive(Debug, Default)]
pub(super) struct Caches {
    list: Vec<Cache>,
    /// When the next may be asked.
    due: Time,
}

#[derive(Clone, Copy, Debug)]
struct Cache {
    addr: SocketAddrV4,
    asked: Option<Time>,
    /// It has not answered yet.
    waiting: bool,
    /// Times in a row that it has not.
    failures: u8,
}

impl Caches {
    fn add(&mut self, addr: SocketAddrV4) {
        if is_possible(addr) && !self.holds(addr) && self.list.len() < MAX_CACHES {
            self.list.push(Cache {
                addr,
                asked: None,
                waiting: false,
                failures: 0,
            });
        }
    }

    /// Whether the user named it.
    pub(super) fn holds(&self, addr: SocketAddrV4) -> bool {
        self.list.iter().any(|cache| cache.addr == addr)
    }

    /// Whom to ask now.
    fn choose(&mut self, now: Time) -> Option<SocketAddrV4> {
        if now < self.due {
            return None;
        }
        let ready = |cache: &Cache| {
            let lost = cache.failures + u8::from(cache.waiting);
            let wait = match lost {
                0 => CONTENT,
                lost if lost < GIVEN_UP => RETRY * (1 << (lost - 1)),
                _ => ABANDONED,
            };
            cache.asked.is_none_or(|at| now.since(at) >= wait)
        };
        let at = self.list.iter().position(ready)?;
        let mut cache = self.list.remove(at);
        cache.failures = (cache.failures + u8::from(cache.waiting)).min(GIVEN_UP);
        cache.asked = Some(now);
        cache.waiting = true;
        self.list.push(cache);
        self.due = now + PACE;
        Some(cache.addr)
    }

    /// Notes an answer; true if it is the first to what was asked.
    pub(super) fn answered(&mut self, now: Time, from: SocketAddrV4) -> bool {
        let Some(cache) = self.list.iter_mut().find(|cache| cache.addr == from) else {
            return false;
        };
        let due = cache.waiting && cache.asked.is_some_and(|at| now.since(at) < PATIENCE);
        if due {
            cache.waiting = false;
            cache.failures = 0;
        }
        due
    }
}

impl Overlay {
    /// Caches that the user named.
    pub(super) fn learn_caches(
        &mut self,
        now: Time,
        caches: &[SocketAddrV4],
        out: &mut impl Outbox,
    ) {
        if let Some(udp) = &mut self.datagrams {
            caches.iter().for_each(|addr| udp.caches.add(*addr));
        }
        self.grow(now, out);
    }

    /// Asks a cache, if there are few hosts to dial.
    pub(super) fn ask_a_cache(&mut self, now: Time, out: &mut impl Outbox) {
        if self.hosts.len() >= HOSTS_ENOUGH {
            return;
        }
        let Some(udp) = &mut self.datagrams else {
            return;
        };
        let Some(addr) = udp.caches.choose(now) else {
            return;
        };
        let guid = udp.secret.challenge(addr, &mut self.rng);
        udp.ledger.addressed(now, addr);
        let mut ggep = Ggep::new();
        ggep.push("SCP", Bytes::copy_from_slice(&[u8::from(!self.is_leaf())]));
        let ping = Descriptor::new(guid, Kind::Ping, 1, Ping { ggep }.encode());
        self.counts.sent.count(Kind::Ping);
        out.push(Effect::SendTo {
            addr,
            descriptor: ping,
        });
    }

    /// What a cache told.
    pub(super) fn hear_cache(
        &mut self,
        now: Time,
        from: SocketAddrV4,
        pong: &Pong,
        out: &mut impl Outbox,
    ) {
        // A cache by profession need not be a servent.
        let itself = pong.ggep.get("UDPHC").is_none().then_some(pong.addr);
        let told = pong.hosts().into_iter().take(HOSTS_HEARD);
        for addr in told.chain(itself) {
            if is_believed(addr, *from.ip()) && !self.is_ourselves(addr) {
                self.hosts.hear(now, addr, *from.ip());
            }
        }
        self.grow(now, out);
    }
}

/// Caches kept: a line each in a file.
const MAX_CACHES: usize = 100;

/// With so many hosts known there is somebody to dial without them.
const HOSTS_ENOUGH: usize = 30;

/// Hosts taken from one answer (gtk-gnutella tells 30 at most).
const HOSTS_HEARD: usize = 30;

/// Between two questions, whomever they go to: one answer is enough to begin with.
const PACE: Duration = Duration::from_secs(5);

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A cache that answered is not asked again for so long.
const CONTENT: Duration = Duration::from_secs(600);

/// One that did not is asked again after this, then after twice as long, and so on.
const RETRY: Duration = Duration::from_secs(30);

/// So many failures in a row and it is given up (LimeWire: five)...
const GIVEN_UP: u8 = 5;

/// ...but for a try after this: the fault may have been ours.
const ABANDONED: Duration = Duration::from_secs(3_600);

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(last: u8) -> SocketAddrV4 {
        SocketAddrV4::new([44, 1, 0, last].into(), 3558)
    }

    #[test]
    fn one_after_the_other_and_never_soon_again() {
        let mut caches = Caches::default();
        (1..=3).for_each(|last| caches.add(addr(last)));
        let mut asked = Vec::new();
        for second in 0..600 {
            let now = Time::from_secs(second);
            if let Some(cache) = caches.choose(now) {
                asked.push((second, cache));
                assert!(caches.answered(now, cache));
                assert!(!caches.answered(now, cache), "one answer to one question");
            }
        }
        assert_eq!(asked, [(0, addr(1)), (5, addr(2)), (10, addr(3))]);
        assert_eq!(caches.choose(Time::from_secs(600)), Some(addr(1)));
    }

    #[test]
    fn a_silent_cache_is_asked_less_and_less() {
        let mut caches = Caches::default();
        caches.add(addr(1));
        let asked: Vec<u64> = (0..10_000)
            .filter(|second| caches.choose(Time::from_secs(*second)).is_some())
            .collect();
        assert_eq!(asked, [0, 30, 90, 210, 450, 4_050, 7_650]);
        assert!(
            !caches.answered(Time::from_secs(7_680), addr(1)),
            "too late"
        );
    }
}
