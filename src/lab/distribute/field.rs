//! The field on which a file spreads: who has what, who is free, and what is under way.
//!
//! The one rule: whoever has a free line looks at those he knows, beginning with anybody, and sends the first who lacks
//! something and can receive it one of the chunks that the plan picks.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::{Pick, Plan, Spread};
use crate::rng::Rng;

/// What is under way: when it ends, and from whom to whom it goes.
type Parcel = Reverse<(u64, usize, usize, usize)>;

/// The server, as a sender.
const SERVER: usize = 0;

/// All who take part; the server is the first of them.
pub(super) struct Field<'a> {
    plan: &'a Plan,
    rng: Rng,
    /// A bit a chunk: what each has, and what he neither has nor is being sent.
    has: Vec<Box<[u64]>>,
    lacks: Vec<Box<[u64]>>,
    /// How many chunks each still needs.
    needs: Vec<usize>,
    /// Whom each knows.
    knows: Vec<Vec<usize>>,
    /// Of those whom each knows, how many have each chunk or are being sent it; one table for all where all know all.
    copies: Vec<Box<[u32]>>,
    /// The chunks to choose from, while one is chosen.
    best: Vec<usize>,
    /// Bytes a second that come in to each.
    incoming: Vec<u64>,
    /// Free lines: a sender as often as he has one.
    idle: Vec<usize>,
    under_way: BinaryHeap<Parcel>,
    now: u64,
    ended: Vec<u64>,
    sent: [u64; 2],
    digest: u64,
}

impl<'a> Field<'a> {
    pub(super) fn new(plan: &'a Plan) -> Self {
        let words = plan.chunks.div_ceil(64);
        let none = || vec![0; words].into_boxed_slice();
        let all = || {
            let bits = |word: usize| match plan.chunks - word * 64 {
                64.. => u64::MAX,
                rest => (1 << rest) - 1,
            };
            (0..words).map(bits).collect::<Box<[u64]>>()
        };
        let everybody = 0..=plan.peers;
        let mut rng = Rng::seeded(plan.seed);
        let first = |one: usize| one == SERVER;
        let tables = if plan.is_complete() {
            1
        } else {
            plan.peers + 1
        };
        Self {
            plan,
            knows: acquaint(plan, &mut rng),
            rng,
            has: everybody
                .clone()
                .map(|one| if first(one) { all() } else { none() })
                .collect(),
            lacks: everybody
                .clone()
                .map(|one| if first(one) { none() } else { all() })
                .collect(),
            needs: everybody
                .clone()
                .map(|one| if first(one) { 0 } else { plan.chunks })
                .collect(),
            copies: vec![vec![0; plan.chunks].into_boxed_slice(); tables],
            best: Vec::with_capacity(plan.chunks),
            incoming: vec![0; plan.peers + 1],
            idle: everybody
                .filter(|one| first(*one) || plan.swarm)
                .flat_map(|one| std::iter::repeat_n(one, Self::lines(plan, one)))
                .collect(),
            under_way: BinaryHeap::new(),
            now: 0,
            ended: Vec::new(),
            sent: [0; 2],
            digest: 0xcbf2_9ce4_8422_2325,
        }
    }

    /// How many chunks somebody sends at a time: one a slot, but as many as it takes where nobody can receive as fast as that.
    fn lines(plan: &Plan, sender: usize) -> usize {
        let up = if sender == SERVER {
            plan.server_up
        } else {
            plan.peer_up
        };
        let enough = usize::try_from(up.div_ceil(plan.peer_down)).unwrap_or(plan.peers);
        enough.max(plan.slots).min(plan.peers)
    }

    /// The rate of one line.
    fn rate(&self, sender: usize) -> u64 {
        let Plan {
            server_up,
            peer_up,
            peer_down,
            ..
        } = *self.plan;
        let up = if sender == SERVER { server_up } else { peer_up };
        (up / Self::lines(self.plan, sender) as u64).clamp(1, peer_down)
    }

    /// Lets it happen.
    pub(super) fn run(mut self) -> Spread {
        self.send();
        while let Some(Reverse((at, ..))) = self.under_way.peek() {
            self.now = *at;
            while let Some(Reverse((at, from, to, chunk))) = self.under_way.peek().copied()
                && at == self.now
            {
                self.under_way.pop();
                self.arrive(from, to, chunk);
            }
            self.send();
        }
        let mean =
            self.ended.iter().map(|at| u128::from(*at)).sum::<u128>() / self.plan.peers as u128;
        Spread {
            all: Duration::from_nanos(self.now),
            mean: Duration::from_nanos(u64::try_from(mean).unwrap_or(u64::MAX)),
            sent: self.sent,
            digest: self.digest,
        }
    }

    fn arrive(&mut self, from: usize, to: usize, chunk: usize) {
        self.has[to][chunk / 64] |= 1 << (chunk % 64);
        self.incoming[to] -= self.rate(from);
        self.needs[to] -= 1;
        if self.needs[to] == 0 {
            self.ended.push(self.now);
        }
        self.idle.push(from);
        self.sent[usize::from(from != SERVER)] += 1;
        for part in [self.now, from as u64, to as u64, chunk as u64] {
            self.digest = (self.digest ^ part).wrapping_mul(0x100_0000_01b3);
        }
    }

    /// Gives every free line something to carry, if there is anything.
    fn send(&mut self) {
        let mut idle = std::mem::take(&mut self.idle);
        self.rng.shuffle(&mut idle);
        idle.retain(|from| !self.send_one(*from));
        self.idle = idle;
    }

    /// Sends something to somebody, beginning to look at anybody; false when the line stays free.
    fn send_one(&mut self, from: usize) -> bool {
        let newcomer = from != SERVER && self.needs[from] == self.plan.chunks;
        if newcomer || self.knows[from].is_empty() {
            return false;
        }
        let rate = self.rate(from);
        let known = &self.knows[from];
        let begin = self.rng.below(known.len());
        let fits = |to: usize| self.incoming[to] + rate <= self.plan.peer_down;
        let wants = |to: usize| self.wanted(from, to).any(|word| word != 0);
        let to = known[begin..].iter().chain(&known[..begin]);
        let to = to.copied().find(|to| fits(*to) && wants(*to));
        let Some(to) = to else { return false };
        let chunk = self.choose(from, to);
        self.lacks[to][chunk / 64] &= !(1 << (chunk % 64));
        match &mut self.copies[..] {
            [of_all] => of_all[chunk] += 1,
            copies => self.knows[to]
                .iter()
                .for_each(|one| copies[*one][chunk] += 1),
        }
        self.incoming[to] += rate;
        // The last chunk may be shorter than the others; that it counts as whole is less than a chunk's error.
        let bytes = self.plan.size.div_ceil(self.plan.chunks as u64);
        let took = u128::from(bytes) * 1_000_000_000 / u128::from(rate);
        let until = self.now + u64::try_from(took).unwrap_or(u64::MAX / 2).max(1);
        self.under_way.push(Reverse((until, from, to, chunk)));
        true
    }

    /// The chunks that one has and the other lacks.
    fn wanted(&self, from: usize, to: usize) -> impl Iterator<Item = u64> {
        let pairs = self.has[from].iter().zip(&self.lacks[to]);
        pairs.map(|(has, lacks)| has & lacks)
    }

    /// One of them; there is one at least.
    fn choose(&mut self, from: usize, to: usize) -> usize {
        let mut best = std::mem::take(&mut self.best);
        best.clear();
        let words = self.wanted(from, to).enumerate();
        let wanted = words.flat_map(|(number, word)| ones(word).map(move |bit| number * 64 + bit));
        match self.plan.pick {
            Pick::InOrder => best.extend(wanted.take(1)),
            Pick::Random => best.extend(wanted),
            Pick::Rarest => {
                // Of what he lacks he has no copy himself: in a table of all it does not matter whose it is.
                let copies = &self.copies[to % self.copies.len()];
                let mut least = u32::MAX;
                for chunk in wanted {
                    if copies[chunk] < least {
                        least = copies[chunk];
                        best.clear();
                    }
                    if copies[chunk] == least {
                        best.push(chunk);
                    }
                }
            }
        }
        let chunk = best[self.rng.below(best.len())];
        self.best = best;
        chunk
    }
}

/// Who knows whom: all know the server and it knows all, and each of the others knows some, who know him. Nobody is without.
fn acquaint(plan: &Plan, rng: &mut Rng) -> Vec<Vec<usize>> {
    let peers = plan.peers;
    let mut knows = vec![Vec::new(); peers + 1];
    knows[SERVER] = (1..=peers).collect();
    for one in 1..=peers {
        if plan.is_complete() {
            knows[one] = (1..=peers).filter(|other| *other != one).collect();
            continue;
        }
        // Each asks half of those he will know; the other half ask him.
        for _ in 0..plan.neighbours.div_ceil(2) {
            let other = 1 + rng.below(peers);
            if other != one && !knows[one].contains(&other) {
                knows[one].push(other);
                knows[other].push(one);
            }
        }
    }
    knows
}

/// The bits that are set.
fn ones(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = word.trailing_zeros() as usize;
        let found = word != 0;
        word &= word.wrapping_sub(1);
        found.then_some(bit)
    })
}
