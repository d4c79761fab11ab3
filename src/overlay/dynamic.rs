//! The dynamic query ("Dynamic Querying", LimeWire 2003): ask a few neighbours, see how common the file is, then go on
//! one link at a time, each with the smallest TTL that should bring what is still missing.
//!
//! Pure bookkeeping: it is told of results and of time, and says whom to ask next. [`super::Overlay`] sends.

use std::time::Duration;

use super::PeerId;
use crate::time::Time;

/// Enough for a person who looks at a list (LimeWire's number for an ultrapeer's own search).
pub const WANTED_BY_USER: u32 = 150;
/// A leaf is told enough sooner: it asks three ultrapeers or more at once (the proposal's number).
pub const WANTED_BY_LEAF: u32 = 50;
/// For a search by hash any few sources will do (LimeWire).
pub const WANTED_BY_URN: u32 = 10;

/// Links asked together in the probe.
const PROBES: usize = 3;
/// How long an answer takes a hop there and back (LimeWire's 2.4 s).
const PER_HOP: Duration = Duration::from_millis(2_400);
/// After this the waits grow shorter from step to step: the file is rare, and the asker has waited (LimeWire's 6 s).
const UNHURRIED: Duration = Duration::from_secs(6);
/// But never shorter than this (LimeWire's 100 ms).
const SHORTEST_PER_HOP: Duration = Duration::from_millis(100);
/// A query older than this has asked long enough (LimeWire's 200 s).
const LIFETIME: Duration = Duration::from_secs(200);
/// Ultrapeers asked in theory, after which a file so rare is given up (LimeWire's 110,000).
const HORIZON: u64 = 110_000;
/// What a search without results so far wants to reach next (LimeWire's 40,000).
const BLIND: u64 = 40_000;
/// Hosts behind one ultrapeer, as the TTL estimate counts them (LimeWire's 16).
const LEAVES_EACH: u64 = 16;
/// No link is asked with more than this (LimeWire).
const TTL_LIMIT: u8 = 6;

/// An ultrapeer that could be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Who.
    pub peer: PeerId,
    /// How many ultrapeers it keeps (`X-Degree`).
    pub degree: u32,
    /// The highest TTL it takes (`X-Max-TTL`).
    pub max_ttl: u8,
    /// Whether its route table holds the words: it, or one of its leaves, may have the file.
    pub matches: bool,
    /// Whether it passes on a query it saw as a probe when that comes again with a higher TTL (`X-Ext-Probes`).
    pub widens: bool,
}

/// What a dynamic query does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send the query to these with these TTLs, and come back after the wait.
    Ask(Vec<(PeerId, u8)>, Duration),
    /// It has ended.
    Done(Why),
}

/// Why a dynamic query ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Results enough.
    Enough,
    /// Nobody left to ask.
    Exhausted,
    /// Time or horizon is used up.
    Rare,
}

/// A dynamic query under way.
#[derive(Clone, Debug)]
pub struct Dynamic {
    wanted: u32,
    results: u32,
    reached: u64,
    began: Time,
    per_hop: Duration,
    /// Who has been asked, and with which TTL the last time.
    asked: Vec<(PeerId, u8)>,
}

impl Dynamic {
    /// Begins; `wanted` results end it.
    pub const fn new(wanted: u32, now: Time) -> Self {
        Self {
            wanted,
            results: 0,
            reached: 0,
            began: now,
            per_hop: PER_HOP,
            asked: Vec::new(),
        }
    }

    /// Counts results that have come.
    pub const fn add_results(&mut self, more: u32) {
        self.results = self.results.saturating_add(more);
    }

    /// The asker says how many it has (BEAR/12): it may have heard of more than came by here.
    pub const fn report(&mut self, results: u32) {
        if results > self.results {
            self.results = results;
        }
    }

    /// What has come so far.
    pub const fn results(&self) -> u32 {
        self.results
    }

    /// Whom to ask next out of `candidates`, those asked before included.
    pub fn next(&mut self, now: Time, candidates: &[Candidate]) -> Step {
        if self.results >= self.wanted {
            return Step::Done(Why::Enough);
        }
        if now.since(self.began) > LIFETIME || self.reached > HORIZON {
            return Step::Done(Why::Rare);
        }
        let mut left: Vec<Candidate> = candidates
            .iter()
            .filter(|candidate| match self.last_ttl(candidate.peer) {
                None => true,
                // Only a probe is passed on when it comes again.
                Some(ttl) => ttl == 1 && candidate.widens && candidate.max_ttl > 1,
            })
            .copied()
            .collect();
        left.sort_by_key(|candidate| self.last_ttl(candidate.peer).is_some());
        if left.is_empty() {
            return Step::Done(Why::Exhausted);
        }
        if self.asked.is_empty() {
            self.probe(&left)
        } else {
            self.one_more(now, &left)
        }
    }

    /// The first round: those whose tables match with TTL 1, which costs next to nothing; without any, a few with TTL 2.
    fn probe(&mut self, left: &[Candidate]) -> Step {
        let (matching, others): (Vec<Candidate>, Vec<Candidate>) =
            left.iter().partition(|candidate| candidate.matches);
        let (chosen, ttl) = if matching.is_empty() {
            (others, 2)
        } else {
            (matching, 1)
        };
        let asked: Vec<_> = chosen
            .into_iter()
            .take(PROBES)
            .map(|candidate| (candidate.peer, self.ask(&candidate, ttl)))
            .collect();
        Step::Ask(asked, self.per_hop * u32::from(ttl))
    }

    /// One link, with the TTL that should bring what is missing if every link still to be asked brings as much.
    fn one_more(&mut self, now: Time, left: &[Candidate]) -> Step {
        if now.since(self.began) > UNHURRIED {
            self.per_hop = (self.per_hop * 9 / 10).max(SHORTEST_PER_HOP);
        }
        let links = left.len() as u64;
        // A few links are kept in reserve, since the estimate is poor while results are few (LimeWire's 4).
        let sharing = if links > 4 { links - 4 } else { links };
        let candidate = left[0];
        let ttl = ttl_for(
            self.hosts_missing() / sharing,
            candidate.degree,
            candidate.max_ttl,
        );
        let probed = self.last_ttl(candidate.peer).is_some();
        let ttl = if candidate.matches && !probed {
            ttl
        } else {
            ttl.max(2)
        };
        let ttl = self.ask(&candidate, ttl);
        Step::Ask(vec![(candidate.peer, ttl)], self.per_hop * u32::from(ttl))
    }

    /// Hosts that should hold the results still wanted, judged by what came from those reached.
    fn hosts_missing(&self) -> u64 {
        if self.results == 0 {
            return BLIND;
        }
        let missing = u64::from(self.wanted - self.results);
        missing
            .saturating_mul(self.reached)
            .div_ceil(u64::from(self.results))
            .min(BLIND)
    }

    fn last_ttl(&self, peer: PeerId) -> Option<u8> {
        let asked = self.asked.iter().find(|(asked, _)| *asked == peer);
        asked.map(|(_, ttl)| *ttl)
    }

    fn ask(&mut self, candidate: &Candidate, ttl: u8) -> u8 {
        let ttl = ttl.min(candidate.max_ttl).max(1);
        self.asked.retain(|(peer, _)| *peer != candidate.peer);
        self.asked.push((candidate.peer, ttl));
        let behind = LEAVES_EACH.saturating_mul(horizon(candidate.degree, ttl));
        self.reached = self.reached.saturating_add(behind);
        ttl
    }
}

/// Ultrapeers within `ttl` hops of a link whose far end keeps `degree` neighbours, were the network a tree: the sum of
/// (degree - 1)^i for i below `ttl`.
pub fn horizon(degree: u32, ttl: u8) -> u64 {
    let spread = u64::from(degree.saturating_sub(1));
    (0..u32::from(ttl)).fold(0, |sum: u64, hop| {
        sum.saturating_add(spread.saturating_pow(hop))
    })
}

/// The smallest TTL that reaches `hosts` hosts through a link of this degree, at most `max_ttl`.
pub fn ttl_for(hosts: u64, degree: u32, max_ttl: u8) -> u8 {
    let most = max_ttl.clamp(1, TTL_LIMIT);
    (1..most)
        .find(|&ttl| LEAVES_EACH.saturating_mul(horizon(degree, ttl)) >= hosts)
        .unwrap_or(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(n: u32, matches: bool) -> Vec<Candidate> {
        (0..n)
            .map(|n| Candidate {
                peer: PeerId(n),
                degree: 32,
                max_ttl: 4,
                matches,
                widens: true,
            })
            .collect()
    }

    #[test]
    fn the_horizon_is_a_tree() {
        assert_eq!([1, 2, 4].map(|ttl| horizon(6, ttl)), [1, 6, 156]);
        assert_eq!(
            [10, 100, 5_000].map(|hosts| ttl_for(hosts, 32, 4)),
            [1, 2, 3]
        );
    }

    #[test]
    fn a_common_file_ends_after_the_probe() {
        let mut query = Dynamic::new(WANTED_BY_USER, Time::ZERO);
        let Step::Ask(asked, wait) = query.next(Time::ZERO, &candidates(10, false)) else {
            panic!("it begins by asking")
        };
        assert_eq!(asked, [(PeerId(0), 2), (PeerId(1), 2), (PeerId(2), 2)]);
        query.add_results(200);
        assert_eq!(
            query.next(Time::ZERO + wait, &candidates(10, false)),
            Step::Done(Why::Enough)
        );
    }

    #[test]
    fn a_degree_beyond_reason_ends_the_query_and_nothing_else() {
        let mut query = Dynamic::new(WANTED_BY_USER, Time::ZERO);
        let mut all = candidates(10, false);
        for candidate in &mut all {
            candidate.degree = u32::MAX;
            candidate.max_ttl = u8::MAX;
        }
        assert!(matches!(query.next(Time::ZERO, &all), Step::Ask(..)));
        for candidate in &all {
            query.ask(candidate, u8::MAX);
        }
        assert_eq!(query.next(Time::ZERO, &all), Step::Done(Why::Rare));
    }

    #[test]
    fn matching_tables_are_probed_with_one_hop() {
        let mut query = Dynamic::new(WANTED_BY_URN, Time::ZERO);
        let mut all = candidates(5, false);
        all[3].matches = true;
        let Step::Ask(asked, _) = query.next(Time::ZERO, &all) else {
            panic!("it begins by asking")
        };
        assert_eq!(asked, [(PeerId(3), 1)]);
    }

    #[test]
    fn a_rare_file_takes_every_link_once_with_a_growing_ttl() {
        let mut query = Dynamic::new(WANTED_BY_USER, Time::ZERO);
        let all = candidates(6, false);
        let mut asked = Vec::new();
        let mut now = Time::ZERO;
        let why = loop {
            match query.next(now, &all) {
                Step::Ask(round, wait) => {
                    asked.extend(round);
                    now += wait;
                }
                Step::Done(why) => break why,
            }
        };
        assert!(matches!(why, Why::Exhausted | Why::Rare));
        let mut peers: Vec<_> = asked.iter().map(|(peer, _)| *peer).collect();
        peers.dedup();
        assert_eq!(peers.len(), asked.len(), "nobody twice");
        assert!(asked.last().expect("asked").1 > 2);
    }
}
