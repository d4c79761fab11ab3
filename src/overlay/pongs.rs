//! The pong cache: a ping is answered from it, and never passed on (Gnutella 0.6, "Pong caching").
//!
//! The one rule: only what was heard lately. So a chain of caches never tells of servents long gone.

use std::collections::VecDeque;
use std::net::SocketAddrV4;
use std::time::Duration;

use crate::rng::Rng;
use crate::time::Time;

use super::PeerId;

/// A servent that answered a ping of ours, or of whom a neighbour told when it did. The figures are copied out of the
/// pong, so that no read buffer is kept alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sighting {
    /// Where it listens.
    pub(super) addr: SocketAddrV4,
    /// Files it shares.
    pub(super) files: u32,
    /// KiB it shares, as told.
    pub(super) kib: u32,
    /// Links between it and us; 1 is a neighbour.
    pub(super) distance: u8,
    /// The neighbour who brought it.
    pub(super) from: PeerId,
    /// When.
    pub(super) at: Time,
}

/// The sightings, oldest first.
#[derive(Debug, Default)]
pub(super) struct PongCache {
    sightings: VecDeque<Sighting>,
}

impl PongCache {
    /// Takes a sighting in the stead of an older one of the same servent, or of the oldest.
    pub(super) fn learn(&mut self, sighting: Sighting) {
        self.sightings.retain(|known| known.addr != sighting.addr);
        if self.sightings.len() >= CAPACITY {
            self.sightings.pop_front();
        }
        self.sightings.push_back(sighting);
    }

    /// A neighbour is gone, and what it was itself with it.
    pub(super) fn lost(&mut self, peer: PeerId) {
        self.sightings
            .retain(|known| known.from != peer || known.distance > 1);
    }

    /// At most `most` sightings for a ping of `asker` that reaches `ttl` links: spread over the distances, drawn at
    /// random within each, and never what the asker itself told.
    pub(super) fn choose(
        &self,
        now: Time,
        asker: PeerId,
        ttl: u8,
        most: usize,
        rng: &mut Rng,
    ) -> Vec<Sighting> {
        let mut fit: Vec<Sighting> = self
            .sightings
            .iter()
            .filter(|known| known.from != asker && known.distance < ttl)
            .filter(|known| now.since(known.at) < LIFETIME)
            .copied()
            .collect();
        rng.shuffle(&mut fit);
        // In rounds, each round one of every distance.
        let mut rounds = [0_u8; 256];
        let mut turns: Vec<(u8, Sighting)> = fit
            .into_iter()
            .map(|known| {
                let round = &mut rounds[usize::from(known.distance)];
                *round += 1;
                (*round, known)
            })
            .collect();
        turns.sort_by_key(|(round, _)| *round);
        turns
            .into_iter()
            .map(|(_, known)| known)
            .take(most)
            .collect()
    }
}

/// Sightings kept: five answers' worth, 2 KiB.
const CAPACITY: usize = 50;

/// How long a sighting is told on. Every link is pinged once a minute at least, so neighbours never drop out.
const LIFETIME: Duration = Duration::from_secs(75);

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn sighting(number: u16, distance: u8, from: u32) -> Sighting {
        Sighting {
            addr: SocketAddrV4::new(Ipv4Addr::new(44, 1, 0, 1), number + 1),
            files: 0,
            kib: 0,
            distance,
            from: PeerId(from),
            at: Time::ZERO,
        }
    }

    fn choose(cache: &PongCache, now: Time, asker: u32, ttl: u8) -> Vec<Sighting> {
        cache.choose(now, PeerId(asker), ttl, 9, &mut Rng::seeded(1))
    }

    #[test]
    fn an_answer_is_spread_over_the_distances() {
        let mut cache = PongCache::default();
        (0..30).for_each(|number| cache.learn(sighting(number, 1, 1)));
        (30..33).for_each(|number| cache.learn(sighting(number, 2, 1)));
        (33..36).for_each(|number| cache.learn(sighting(number, 3, 1)));
        let answer = choose(&cache, Time::ZERO, 2, 7);
        let far = |links| answer.iter().filter(|seen| seen.distance == links).count();
        assert_eq!([far(1), far(2), far(3)], [3, 3, 3]);
    }

    #[test]
    fn nobody_is_told_what_he_told_and_a_small_ttl_sees_no_further() {
        let mut cache = PongCache::default();
        cache.learn(sighting(1, 1, 1));
        cache.learn(sighting(2, 1, 2));
        cache.learn(sighting(3, 2, 2));
        assert_eq!(choose(&cache, Time::ZERO, 1, 2), [sighting(2, 1, 2)]);
        assert_eq!(choose(&cache, Time::ZERO, 2, 7), [sighting(1, 1, 1)]);
    }

    #[test]
    fn what_is_old_is_not_told_and_the_cache_is_bounded() {
        let mut cache = PongCache::default();
        (0..1_000).for_each(|number| cache.learn(sighting(number, 1, 1)));
        assert_eq!(cache.sightings.len(), CAPACITY);
        assert_eq!(choose(&cache, Time::from_secs(74), 2, 7).len(), 9);
        assert!(choose(&cache, Time::from_secs(75), 2, 7).is_empty());
        cache.lost(PeerId(1));
        assert!(cache.sightings.is_empty());
    }
}
