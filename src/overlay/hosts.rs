//! The host cache: whom to dial next, whom not to dial again yet, whom to remember for the next start.
//!
//! The one rule: what strangers tell never pushes out what we know. Hosts that the user named or that have been our
//! neighbours stand in one list, hosts that others told of in another, each bounded by itself. Whom to dial is drawn by
//! neighbourhood (a /16) first and by host second, so a stranger who tells of a thousand hosts of his own in one network
//! gains one ticket (as Bitcoin Core's address manager does against eclipses).

use std::net::SocketAddrV4;
use std::time::Duration;

use lru::LruCache;

use crate::rng::Rng;
use crate::time::Time;

use super::reach::neighbourhood;

/// The hosts known, with what came of dialling them.
#[derive(Debug)]
pub(super) struct HostCache {
    /// Named by the user, or once a neighbour; most recently good first.
    trusted: LruCache<SocketAddrV4, Host>,
    /// Told by others; most recently told first.
    heard: LruCache<SocketAddrV4, Host>,
}

/// What came of a host so far.
#[derive(Clone, Copy, Debug)]
struct Host {
    outcome: Outcome,
    /// When that was.
    at: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// It has not been dialled.
    Untried,
    /// It has been dialled and has not answered, so often in a row.
    Failed(u8),
    /// It lives and would not have us.
    Refused,
    /// The link to it came up.
    Linked,
    /// The link to it is gone; `brief` when it had hardly come up.
    Lost { brief: bool },
    /// We do not want it.
    Unwanted,
}

impl HostCache {
    /// No hosts.
    pub(super) fn new() -> Self {
        Self {
            trusted: LruCache::unbounded(),
            heard: LruCache::unbounded(),
        }
    }

    /// Remembers a candidate of the user's; past the bound it counts as one of many.
    pub(super) fn name(&mut self, addr: SocketAddrV4) {
        if self.trusted.contains(&addr) {
            return;
        }
        if self.trusted.len() >= MAX_TRUSTED {
            return self.hear(addr);
        }
        let host = self.heard.pop(&addr).unwrap_or(Host::NEW);
        self.trusted.put(addr, host);
    }

    /// Remembers what another servent told.
    pub(super) fn hear(&mut self, addr: SocketAddrV4) {
        if self.trusted.contains(&addr) || self.heard.promote(&addr) {
            return;
        }
        self.put_heard(addr, Host::NEW);
    }

    /// The link to it came up.
    pub(super) fn linked(&mut self, now: Time, addr: SocketAddrV4) {
        self.heard.pop(&addr);
        let host = Host {
            outcome: Outcome::Linked,
            at: now,
        };
        self.trusted.put(addr, host);
        if self.trusted.len() > MAX_TRUSTED
            && let Some((oldest, host)) = self.trusted.pop_lru()
        {
            self.put_heard(oldest, host);
        }
    }

    /// The link to it is gone after `lived`.
    pub(super) fn lost(&mut self, now: Time, addr: SocketAddrV4, lived: Duration) {
        let brief = lived < BRIEF;
        self.note(now, addr, |_| Outcome::Lost { brief });
    }

    /// It would not have us, but it lives.
    pub(super) fn refused(&mut self, now: Time, addr: SocketAddrV4) {
        self.note(now, addr, |_| Outcome::Refused);
    }

    /// It did not answer. A host that was only heard of is forgotten after some failures, unless we are `lonely`: then
    /// the fault may be on our side of the world.
    pub(super) fn failed(&mut self, now: Time, addr: SocketAddrV4, lonely: bool) {
        self.note(now, addr, |before| match before {
            Outcome::Failed(times) => Outcome::Failed(times.saturating_add(1)),
            _ => Outcome::Failed(1),
        });
        if let Some(host) = self.heard.peek(&addr)
            && let Outcome::Failed(times) = host.outcome
            && times >= HEARD_FAILURES
            && !lonely
        {
            self.heard.pop(&addr);
        }
    }

    /// It has been sent away, by the user or for what it did.
    pub(super) fn avoid(&mut self, now: Time, addr: SocketAddrV4) {
        self.hear(addr);
        self.note(now, addr, |_| Outcome::Unwanted);
    }

    /// It is no host to be dialled: it is ourselves.
    pub(super) fn forget(&mut self, addr: SocketAddrV4) {
        self.trusted.pop(&addr);
        self.heard.pop(&addr);
    }

    /// How many hosts are known.
    pub(super) fn len(&self) -> usize {
        self.trusted.len() + self.heard.len()
    }

    /// Whom to dial: a candidate never tried if there is one, else with equal chances one of the trusted or one of those
    /// heard of; none when nobody `open` has waited long enough. One throw of `dice` decides all.
    pub(super) fn choose(
        &self,
        now: Time,
        lonely: bool,
        dice: u64,
        open: impl Fn(SocketAddrV4) -> bool,
    ) -> Option<SocketAddrV4> {
        let mut rng = Rng::seeded(dice);
        let untried = |host: &Host, _: bool| host.outcome == Outcome::Untried;
        let ready =
            |host: &Host, trusted: bool| now.since(host.at) >= host.outcome.wait(trusted, lonely);
        if let Some(addr) = draw(&self.trusted, &mut rng, |addr, host| {
            untried(host, true) && open(addr)
        }) {
            return Some(addr);
        }
        let mut order = [(&self.trusted, true), (&self.heard, false)];
        if rng.below(2) == 0 {
            order.swap(0, 1);
        }
        order.into_iter().find_map(|(list, trusted)| {
            draw(list, &mut rng, |addr, host| {
                ready(host, trusted) && open(addr)
            })
        })
    }

    /// Hosts worth remembering, best first: those last linked, then those last heard of; none that failed us last.
    pub(super) fn best(&self) -> impl Iterator<Item = SocketAddrV4> {
        let good = |(addr, host): (&SocketAddrV4, &Host)| {
            let bad = matches!(host.outcome, Outcome::Failed(_) | Outcome::Unwanted);
            (!bad).then_some(*addr)
        };
        let trusted = self.trusted.iter().filter_map(good);
        trusted.chain(self.heard.iter().filter_map(good))
    }

    fn put_heard(&mut self, addr: SocketAddrV4, host: Host) {
        self.heard.put(addr, host);
        if self.heard.len() > MAX_HEARD {
            self.heard.pop_lru();
        }
    }

    fn note(&mut self, now: Time, addr: SocketAddrV4, outcome: impl FnOnce(Outcome) -> Outcome) {
        let host = self.trusted.peek_mut(&addr);
        if let Some(host) = host.or_else(|| self.heard.peek_mut(&addr)) {
            host.outcome = outcome(host.outcome);
            host.at = now;
        }
    }
}

/// One host of those that `fit`: a neighbourhood drawn first, then a host in it.
fn draw(
    list: &LruCache<SocketAddrV4, Host>,
    rng: &mut Rng,
    fit: impl Fn(SocketAddrV4, &Host) -> bool,
) -> Option<SocketAddrV4> {
    // The neighbourhood whose number hashes lowest under a fresh salt is a fair draw in one pass.
    let salt = rng.next() | 1;
    let mut drawn = None;
    let (mut lowest, mut hosts) = (u64::MAX, 0);
    for (addr, host) in list {
        if !fit(*addr, host) {
            continue;
        }
        let ticket = Rng::seeded(neighbourhood(*addr) ^ salt).next();
        if ticket < lowest {
            (lowest, hosts) = (ticket, 1);
            drawn = Some(*addr);
        } else if ticket == lowest {
            hosts += 1;
            if rng.below(hosts) == 0 {
                drawn = Some(*addr);
            }
        }
    }
    drawn
}

impl Host {
    const NEW: Self = Self {
        outcome: Outcome::Untried,
        at: Time::ZERO,
    };
}

impl Outcome {
    /// How long after it a host is left alone. Two dials in any minute at most to a host that answers: gtk-gnutella
    /// bans an address at its third handshake in a minute, for five minutes.
    fn wait(self, trusted: bool, lonely: bool) -> Duration {
        let seconds = match self {
            Self::Untried => 0,
            Self::Failed(times) => {
                let doublings = u32::from(times.saturating_sub(1)).min(9);
                match (trusted, lonely) {
                    (true, true) => (1 << doublings).min(10),
                    (true, false) => 4 << doublings.min(7),
                    (false, true) => (4 << doublings).min(60),
                    (false, false) => 15 << doublings.min(4),
                }
            }
            Self::Lost { brief: false } if lonely => 5,
            Self::Linked | Self::Lost { .. } => 30,
            Self::Refused => 60,
            Self::Unwanted => 600,
        };
        Duration::from_secs(seconds)
    }
}

/// A link that lived shorter than this was no success: coming back at once would only be refused again.
const BRIEF: Duration = Duration::from_secs(60);

/// Failures in a row after which a host that was only heard of is forgotten: most unproven addresses are stale.
const HEARD_FAILURES: u8 = 3;

/// Hosts named or proven: more neighbours than a year's starts need. With [`MAX_HEARD`] ten thousand in all, half a
/// megabyte.
const MAX_TRUSTED: usize = 2_000;

/// Hosts heard of.
const MAX_HEARD: usize = 8_000;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn addr(number: u32) -> SocketAddrV4 {
        // One host a /16, from 20.0.0.1 on.
        SocketAddrV4::new(
            Ipv4Addr::from(0x1400_0001 + ((number & 0xff) << 16) + (number >> 8)),
            6346,
        )
    }

    fn pick(hosts: &HostCache, now: Time, lonely: bool) -> Option<SocketAddrV4> {
        hosts.choose(now, lonely, now.as_micros(), |_| true)
    }

    #[test]
    fn a_candidate_of_the_users_goes_first() {
        let mut hosts = HostCache::new();
        (0..100).for_each(|number| hosts.hear(addr(number)));
        hosts.name(addr(200));
        assert_eq!(pick(&hosts, Time::ZERO, true), Some(addr(200)));
    }

    #[test]
    fn a_candidate_that_fails_is_tried_again_within_ten_seconds_while_we_are_alone() {
        let mut hosts = HostCache::new();
        hosts.name(addr(1));
        let mut now = Time::ZERO;
        for tries in 0..50 {
            assert_eq!(pick(&hosts, now, true), Some(addr(1)), "try {tries}");
            hosts.failed(now, addr(1), true);
            assert_eq!(pick(&hosts, now, true), None);
            now += Duration::from_secs(10);
        }
        assert_eq!(pick(&hosts, now, false), None, "with company there is time");
    }

    #[test]
    fn a_rumour_that_fails_is_forgotten() {
        let mut hosts = HostCache::new();
        hosts.hear(addr(1));
        (0..3).for_each(|_| hosts.failed(Time::ZERO, addr(1), false));
        assert_eq!(hosts.len(), 0);
        hosts.hear(addr(1));
        (0..9).for_each(|_| hosts.failed(Time::ZERO, addr(1), true));
        assert_eq!(hosts.len(), 1, "alone, the fault may be ours");
    }

    #[test]
    fn a_neighbour_lost_at_once_is_dialled_twice_a_minute_at_most() {
        let mut hosts = HostCache::new();
        hosts.name(addr(1));
        let mut dials = 0;
        for second in 0..60 {
            let now = Time::from_secs(second);
            if pick(&hosts, now, true).is_some() {
                dials += 1;
                hosts.linked(now, addr(1));
                hosts.lost(now, addr(1), Duration::ZERO);
            }
        }
        assert_eq!(dials, 2);
    }

    #[test]
    fn strangers_cannot_flush_what_is_proven_and_the_cache_is_bounded() {
        let mut hosts = HostCache::new();
        hosts.linked(Time::ZERO, addr(7));
        (1_000..101_000).for_each(|number| hosts.hear(addr(number)));
        assert_eq!(hosts.len(), MAX_HEARD + 1);
        assert_eq!(hosts.best().next(), Some(addr(7)));
        (200_000..300_000).for_each(|number| hosts.name(addr(number)));
        assert_eq!(hosts.len(), MAX_HEARD + MAX_TRUSTED);
        (300_000..303_000).for_each(|number| hosts.linked(Time::ZERO, addr(number)));
        assert_eq!(hosts.len(), MAX_HEARD + MAX_TRUSTED);
    }

    #[test]
    fn a_thousand_hosts_of_one_network_have_the_chance_of_one() {
        let mut hosts = HostCache::new();
        for number in 0..1_000 {
            hosts.hear(SocketAddrV4::new(
                Ipv4Addr::from(0x2c01_0001_u32 + number),
                6346,
            ));
        }
        (0..9).for_each(|number| hosts.hear(addr(number)));
        let mut rng = Rng::seeded(1);
        let crowd = (0..1_000)
            .filter_map(|_| hosts.choose(Time::ZERO, true, rng.next(), |_| true))
            .filter(|addr| addr.ip().octets()[0] == 44)
            .count();
        assert!((50..150).contains(&crowd), "{crowd} of 1000, not 100");
    }

    #[test]
    fn who_is_sent_away_stays_away_for_a_while() {
        let mut hosts = HostCache::new();
        hosts.linked(Time::ZERO, addr(1));
        hosts.avoid(Time::ZERO, addr(1));
        assert_eq!(pick(&hosts, Time::from_secs(599), true), None);
        assert_eq!(pick(&hosts, Time::from_secs(600), true), Some(addr(1)));
        assert_eq!(hosts.best().count(), 0);
    }
}
