//! Routes: which neighbour a GUID came from, and so where its answers go.
//!
//! The one rule: what is known stays. A second copy of a GUID never moves the route the first one laid, so nobody can
//! turn the hits for somebody else's query to himself. A fixed number of GUIDs is kept, the oldest are forgotten, and
//! none is believed after [`LIFETIME`] (Gnutella 0.6, "Routing"; gtk-gnutella keeps its own about as long).

use crate::rng::Rng;
use crate::time::Time;
use crate::wire::Guid;

use super::PeerId;

/// What a GUID leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Way {
    /// The neighbour it came from; none for a GUID of our own, which is known and leads nowhere.
    pub(super) to: Option<PeerId>,
    /// Its hops as it stood on the wire.
    pub(super) hops: u8,
    /// It came as a probe: its copy with a larger TTL is still to be passed on.
    pub(super) probe: bool,
    /// It came as a walker: further ones are passed on, and its hits may have a long way home.
    pub(super) walk: bool,
}

impl Way {
    /// Of a query of our own: known, and its hits go nowhere but to us.
    pub(super) const OURS: Self = Self {
        to: None,
        hops: 0,
        probe: false,
        walk: false,
    };
}

/// GUIDs and their ways, in sets of four; one set is one cache line.
///
/// Neighbours choose GUIDs, so their bytes say nothing about where they are kept: a multiplication keyed by our dice
/// does, and its 64 bits stand for the GUID (two of a hundred thousand meet with probability 3·10⁻¹⁰). Nothing is
/// allocated before the first GUID comes.
#[derive(Debug)]
pub(super) struct Routes {
    key: [u64; 2],
    sets: Box<[Set]>,
    capacity: usize,
}

impl Routes {
    /// An empty table for about `capacity` GUIDs.
    pub(super) fn new(capacity: usize, rng: &mut Rng) -> Self {
        Self {
            key: [rng.next(), rng.next()],
            sets: Box::default(),
            capacity,
        }
    }

    /// Remembers a new GUID. None; or, and nothing changes, the way by which it is known already.
    pub(super) fn learn(&mut self, now: Time, guid: &Guid, way: Way) -> Option<Way> {
        let print = self.print(guid);
        let set = self.set_mut(print);
        let known = set.position(print);
        if let Some(at) = known.filter(|at| is_fresh(set.marks[*at], now)) {
            return Some(set.way(at));
        }
        set.insert(known, print, way, now);
        None
    }

    /// Lays a route or freshens it: over a way that is `broken`, never over one that holds and leads elsewhere.
    pub(super) fn renew(
        &mut self,
        now: Time,
        guid: &Guid,
        way: Way,
        broken: impl FnOnce(PeerId) -> bool,
    ) {
        let print = self.print(guid);
        let set = self.set_mut(print);
        let known = set.position(print);
        let holds = known.is_some_and(|at| {
            let old = set.way(at);
            is_fresh(set.marks[at], now) && old.to != way.to && !old.to.is_some_and(broken)
        });
        if !holds {
            set.insert(known, print, way, now);
        }
    }

    /// Whether a GUID is known as that of a probe. It is no probe any more after this.
    pub(super) fn widen(&mut self, now: Time, guid: &Guid) -> bool {
        let print = self.print(guid);
        let set = self.set_mut(print);
        let Some(at) = set.position(print) else {
            return false;
        };
        let mark = &mut set.marks[at];
        let widens = is_fresh(*mark, now) && *mark & PROBE != 0;
        *mark &= !PROBE;
        widens
    }

    /// Notes that a GUID is that of a walk.
    pub(super) fn walks(&mut self, guid: &Guid) {
        let print = self.print(guid);
        let set = self.set_mut(print);
        if let Some(at) = set.position(print) {
            set.marks[at] |= WALK;
        }
    }

    /// What is known of a GUID.
    pub(super) fn find(&self, now: Time, guid: &Guid) -> Option<Way> {
        let print = self.print(guid);
        let set = self.sets.get(index(print, self.sets.len()))?;
        let at = set.position(print)?;
        is_fresh(set.marks[at], now).then(|| set.way(at))
    }

    /// See [`super::Overlay::glance`].
    pub(super) fn glance(&self, guid: &Guid) -> u64 {
        let set = self.sets.get(index(self.print(guid), self.sets.len()));
        set.map_or(0, |set| set.prints[0])
    }

    /// The 64 bits that stand for a GUID; never those of an empty place.
    fn print(&self, guid: &Guid) -> u64 {
        let whole = u128::from_le_bytes(guid.0);
        let product =
            u128::from(whole as u64 ^ self.key[0]) * u128::from((whole >> 64) as u64 ^ self.key[1]);
        ((product >> 64) as u64 ^ product as u64).max(1)
    }

    fn set_mut(&mut self, print: u64) -> &mut Set {
        if self.sets.is_empty() {
            self.sets = vec![Set::EMPTY; self.capacity.div_ceil(WAYS).max(1)].into();
        }
        &mut self.sets[index(print, self.sets.len())]
    }
}

/// The set of a print among `sets` of them; 0 of none.
const fn index(print: u64, sets: usize) -> usize {
    ((print as u128 * sets as u128) >> 64) as usize
}

/// Whether what was marked so is still to be believed.
const fn is_fresh(mark: u32, now: Time) -> bool {
    minute(now).wrapping_sub(mark >> 10) & MINUTES < LIFETIME
}

const fn minute(now: Time) -> u32 {
    (now.as_micros() / 60_000_000) as u32 & MINUTES
}

/// Four places, the newest first. A mark is the minute a way was laid (22 bits, which wrap after 7 years), whether for a
/// walk or a probe, and its hops.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Set {
    prints: [u64; WAYS],
    peers: [u32; WAYS],
    marks: [u32; WAYS],
}

impl Set {
    const EMPTY: Self = Self {
        prints: [0; WAYS],
        peers: [NOBODY; WAYS],
        marks: [0; WAYS],
    };

    fn position(&self, print: u64) -> Option<usize> {
        self.prints.iter().position(|known| *known == print)
    }

    fn way(&self, at: usize) -> Way {
        Way {
            to: (self.peers[at] != NOBODY).then_some(PeerId(self.peers[at])),
            hops: self.marks[at] as u8,
            probe: self.marks[at] & PROBE != 0,
            walk: self.marks[at] & WALK != 0,
        }
    }

    /// Puts a way first, in the stead of the one at `over` or else of the oldest.
    fn insert(&mut self, over: Option<usize>, print: u64, way: Way, now: Time) {
        let end = over.unwrap_or(WAYS - 1);
        self.prints[..=end].rotate_right(1);
        self.peers[..=end].rotate_right(1);
        self.marks[..=end].rotate_right(1);
        self.prints[0] = print;
        self.peers[0] = way.to.map_or(NOBODY, |peer| peer.0);
        let probe = if way.probe { PROBE } else { 0 };
        let walk = if way.walk { WALK } else { 0 };
        self.marks[0] = minute(now) << 10 | walk | probe | u32::from(way.hops);
    }
}

/// Places in a set: as many as fit a cache line of 64 bytes.
const WAYS: usize = 4;

/// No neighbour. A driver would have to count four thousand million links to get there.
const NOBODY: u32 = u32::MAX;

/// Minutes a route is believed: begun ones count, so it is nine to ten of them.
const LIFETIME: u32 = 10;

/// The bits of a mark that hold the minute.
const MINUTES: u32 = (1 << 22) - 1;

/// The bit of a mark that says probe.
const PROBE: u32 = 1 << 8;

/// The bit of a mark that says walk.
const WALK: u32 = 1 << 9;

#[cfg(test)]
mod tests {
    use super::*;

    fn guid(number: u64) -> Guid {
        Guid::random(&mut Rng::seeded(number))
    }

    fn via(peer: u32) -> Way {
        Way {
            to: Some(PeerId(peer)),
            hops: 3,
            probe: false,
            walk: false,
        }
    }

    fn table(capacity: usize) -> Routes {
        Routes::new(capacity, &mut Rng::seeded(1))
    }

    #[test]
    fn a_second_copy_moves_nothing() {
        let mut routes = table(64);
        assert!(routes.learn(Time::ZERO, &guid(1), via(1)).is_none());
        assert!(routes.learn(Time::ZERO, &guid(1), via(2)).is_some());
        assert_eq!(routes.find(Time::ZERO, &guid(1)), Some(via(1)));
        assert_eq!(routes.find(Time::ZERO, &guid(2)), None);
    }

    #[test]
    fn a_guid_of_our_own_is_known_and_leads_nowhere() {
        let mut routes = table(64);
        let home = Way { to: None, ..via(0) };
        assert!(routes.learn(Time::ZERO, &guid(1), home).is_none());
        assert!(routes.learn(Time::ZERO, &guid(1), via(2)).is_some());
        assert_eq!(routes.find(Time::ZERO, &guid(1)), Some(home));
    }

    #[test]
    fn a_probe_is_widened_once() {
        let mut routes = table(64);
        let probe = Way {
            probe: true,
            ..via(1)
        };
        assert!(routes.learn(Time::ZERO, &guid(1), probe).is_none());
        assert!(routes.learn(Time::ZERO, &guid(2), via(1)).is_none());
        assert!(!routes.widen(Time::from_secs(600), &guid(1)), "too late");
        assert!(
            routes
                .learn(Time::from_secs(600), &guid(1), probe)
                .is_none()
        );
        assert!(routes.widen(Time::from_secs(600), &guid(1)));
        assert!(!routes.widen(Time::from_secs(600), &guid(1)));
        assert!(!routes.widen(Time::ZERO, &guid(2)));
        assert!(!routes.widen(Time::ZERO, &guid(3)));
        assert_eq!(routes.find(Time::from_secs(600), &guid(1)), Some(via(1)));
    }

    #[test]
    fn a_route_ends_within_ten_minutes() {
        let mut routes = table(64);
        assert!(
            routes
                .learn(Time::from_secs(59), &guid(1), via(1))
                .is_none()
        );
        assert!(routes.find(Time::from_secs(540), &guid(1)).is_some());
        assert!(routes.find(Time::from_secs(600), &guid(1)).is_none());
        assert!(
            routes
                .learn(Time::from_secs(600), &guid(1), via(2))
                .is_none()
        );
        assert_eq!(routes.find(Time::from_secs(601), &guid(1)), Some(via(2)));
    }

    #[test]
    fn a_holding_route_is_freshened_and_a_broken_one_replaced() {
        let mut routes = table(64);
        routes.renew(Time::ZERO, &guid(1), via(1), |_| false);
        routes.renew(Time::from_secs(300), &guid(1), via(2), |_| false);
        assert_eq!(routes.find(Time::from_secs(300), &guid(1)), Some(via(1)));
        routes.renew(Time::from_secs(300), &guid(1), via(1), |_| false);
        assert_eq!(routes.find(Time::from_secs(800), &guid(1)), Some(via(1)));
        routes.renew(Time::from_secs(800), &guid(1), via(2), |peer| {
            peer == PeerId(1)
        });
        assert_eq!(routes.find(Time::from_secs(800), &guid(1)), Some(via(2)));
    }

    #[test]
    fn the_oldest_is_forgotten_and_the_table_never_grows() {
        let mut routes = table(4);
        for number in 0..5 {
            assert!(
                routes
                    .learn(Time::ZERO, &guid(number), via(number as u32))
                    .is_none()
            );
        }
        assert_eq!(routes.find(Time::ZERO, &guid(0)), None);
        for number in 1..5 {
            assert_eq!(
                routes.find(Time::ZERO, &guid(number)),
                Some(via(number as u32))
            );
        }
        assert_eq!(routes.sets.len(), 1);
    }

    #[test]
    fn the_last_tenth_of_the_capacity_is_practically_never_lost() {
        let mut routes = table(65_536);
        for number in 0..200_000 {
            assert!(routes.learn(Time::ZERO, &guid(number), via(1)).is_none());
        }
        let kept = (193_500..200_000)
            .filter(|number| routes.find(Time::ZERO, &guid(*number)).is_some())
            .count();
        assert!(kept >= 6_490, "{kept} of 6500");
    }

    #[test]
    fn a_set_is_a_cache_line_and_an_empty_table_is_nothing() {
        assert_eq!(size_of::<Set>(), 64);
        assert!(table(1 << 16).sets.is_empty());
    }
}
