//! Peers who fetch one file from a seed and from each other: a swarm each, and lines that are as fast as they are.

use super::world::{KIB, MIB, PATIENCE, STEP};
use crate::swarm::*;

/// The size of a block of the tree.
const BLOCK: u64 = 128 * KIB;

/// How long an answer takes to begin.
const LATENCY: Duration = Duration::from_millis(20);

/// The seed, as all know it; peer `n` is known by the number after his.
const SEED: usize = 0;

/// When the seed has named everybody to everybody.
const INTRODUCED: Duration = Duration::from_millis(500);

/// An answer on its way.
#[derive(Clone, Copy, Debug)]
struct Answer {
    asked: ByteRange,
    begins: Time,
    /// What of it has been promised and has not come.
    left: Option<ByteRange>,
}

/// The seed's line is as fast as those of all peers together.
#[derive(Debug)]
pub(super) struct Village {
    size: u64,
    /// Bytes a second of a peer's line.
    rate: u64,
    peers: Vec<Swarm>,
    /// By peer and by source.
    answers: Vec<Vec<Option<Answer>>>,
    now: Time,
}

impl Village {
    pub(super) fn new(seed: u64, peers: usize, size: u64, rate: u64) -> Self {
        let mut rng = Rng::seeded(seed);
        let swarm = |_| {
            let dice = Rng::seeded(rng.next());
            Swarm::new(PATIENCE, Some(size), Ranges::new(), dice)
        };
        Self {
            size,
            rate,
            peers: (0..peers).map(swarm).collect(),
            answers: vec![vec![None; peers + 1]; peers],
            now: Time::ZERO,
        }
    }

    /// Lives until everybody has the file; the time it took.
    pub(super) fn run(&mut self) -> Duration {
        let (block, teller) = (BLOCK, None);
        for peer in 0..self.peers.len() {
            self.tell(peer, Input::Found(SourceId(SEED as u32)));
            self.tell(peer, Input::Tree { block, teller });
        }
        while !self.peers.iter().all(Swarm::is_complete) {
            self.now += STEP;
            assert!(self.now.since(Time::ZERO) < Duration::from_secs(600));
            if self.now == Time::ZERO + INTRODUCED {
                self.introduce();
            }
            for source in 0..=self.peers.len() {
                self.send(source);
            }
            for peer in 0..self.peers.len() {
                self.tell(peer, Input::Tick);
            }
        }
        self.now.since(Time::ZERO)
    }

    fn introduce(&mut self) {
        let all = self.peers.len();
        for (peer, other) in (0..all).flat_map(|peer| (0..all).map(move |other| (peer, other))) {
            if peer != other {
                self.tell(peer, Input::Found(SourceId(other as u32 + 1)));
            }
        }
    }

    /// What a source has; none if it has all.
    fn offer(&self, source: usize) -> Option<&Ranges> {
        let peer = &self.peers[source.checked_sub(1)?];
        (!peer.is_complete()).then_some(peer.proven())
    }

    /// A source's line for one step: equal parts for all whom it sends to.
    fn send(&mut self, source: usize) {
        let mut sending = Vec::new();
        for peer in 0..self.peers.len() {
            match self.answers[peer][source] {
                Some(Answer { begins, .. }) if begins > self.now => {}
                Some(Answer {
                    left: None, asked, ..
                }) => self.begin(peer, source, asked),
                Some(_) => sending.push(peer),
                None => {}
            }
        }
        let crowd = self.peers.len() as u64;
        let line = if source == SEED {
            self.rate * crowd
        } else {
            self.rate
        };
        let step = line * STEP.as_millis() as u64 / 1000 / sending.len().max(1) as u64;
        for peer in sending {
            self.bring(peer, source, step);
        }
    }

    /// The head of an answer.
    fn begin(&mut self, peer: usize, source: usize, asked: ByteRange) {
        let id = SourceId(source as u32);
        let mut range = asked;
        if let Some(ranges) = self.offer(source).cloned() {
            let there = ranges.around(asked.start);
            range = there.map_or(ByteRange::new(0, 0), |there| there.shared(asked));
            self.tell(peer, Input::Has { source: id, ranges });
        }
        if range.is_empty() {
            self.answers[peer][source] = None;
            let how = Failure::Missing;
            return self.tell(peer, Input::Failed { source: id, how });
        }
        if let Some(answer) = &mut self.answers[peer][source] {
            answer.left = Some(range);
        }
        self.tell(peer, Input::Sending { source: id, range });
    }

    /// Some of its body.
    fn bring(&mut self, peer: usize, source: usize, step: u64) {
        let id = SourceId(source as u32);
        let Some(Answer {
            left: Some(left), ..
        }) = &mut self.answers[peer][source]
        else {
            return;
        };
        let came = ByteRange::new(left.start, left.end.min(left.start + step));
        left.start = came.end;
        let over = left.is_empty();
        if over {
            self.answers[peer][source] = None;
        }
        let fresh: Vec<ByteRange> = self.peers[peer].here().lacks(came).collect();
        for range in fresh {
            self.tell(peer, Input::Arrived { source: id, range });
        }
        if over {
            let (source, paced) = (id, true);
            self.tell(peer, Input::Paced { source, paced });
            self.tell(peer, Input::Ended(source));
        }
    }

    fn tell(&mut self, peer: usize, input: Input) {
        let mut todo = vec![input];
        while let Some(input) = todo.pop() {
            let mut effects = Vec::new();
            self.peers[peer].handle(self.now, input, &mut effects);
            for effect in effects {
                todo.extend(self.perform(peer, effect));
            }
        }
    }

    fn perform(&mut self, peer: usize, effect: Effect) -> Option<Input> {
        let answers = &mut self.answers[peer];
        match effect {
            Effect::Ask { source, range } => {
                assert!(range.end <= self.size, "{range:?}");
                answers[source.0 as usize] = Some(Answer {
                    asked: range,
                    begins: self.now + LATENCY,
                    left: None,
                });
                None
            }
            Effect::Cut(source) => {
                answers[source.0 as usize] = None;
                None
            }
            Effect::Judge(range) => Some(Input::Judged { range, good: true }),
            Effect::Check => Some(Input::Checked { good: true }),
            _ => panic!("nobody lies here: {effect:?}"),
        }
    }
}

#[test]
fn ten_who_begin_together_are_done_as_soon_as_all_lines_allow() {
    let (peers, size, rate) = (10, 40 * MIB, MIB);
    // All lines are full from the first moment to the last: the textbook's bound (Kurose and Ross).
    let bound = peers * size / (2 * peers * rate);
    let took = (0..5).map(|seed| Village::new(seed, peers as usize, size, rate).run());
    let took: Vec<u128> = took.map(|took| took.as_millis()).collect();
    let most = u128::from(bound) * 1150;
    assert!(took.iter().all(|took| *took <= most), "{took:?}");
}
