//! One file to many: from a server alone, or from everybody who has a part of it.
//!
//! The one rule: a line carries bytes at its rate or not at all. Each knows some others and what these have, as sources that
//! asked each other do in [`crate::swarm`]; whoever has a free line sends one of them a chunk he lacks. What comes out stands
//! beside two bounds of the textbook (Kurose and Ross, section 2.5) and the exact optimum for equal lines (Mundinger,
//! Weber and Weiss, "Optimal scheduling of peer-to-peer file dissemination", 2008).

mod field;
#[cfg(test)]
mod tests;

use std::str::FromStr;
use std::time::Duration;

use self::field::Field;

/// Which of the chunks that somebody lacks he is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// The one that the fewest of those he knows have, or are being sent.
    Rarest,
    /// Any.
    Random,
    /// The first.
    InOrder,
}

impl Pick {
    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rarest => "rarest",
            Self::Random => "random",
            Self::InOrder => "in-order",
        }
    }
}

impl FromStr for Pick {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Rarest, Self::Random, Self::InOrder];
        let found = all.into_iter().find(|pick| pick.name() == text);
        found.ok_or_else(|| {
            format!("chunks are picked `rarest`, `random` or `in-order`, not `{text}`")
        })
    }
}

/// A file, a server that has it, and peers who want it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Those who want it, at least 1.
    pub peers: usize,
    /// The parts it is passed on in, at least 1.
    pub chunks: usize,
    /// Its bytes; at least one a chunk.
    pub size: u64,
    /// Bytes a second that the server can send.
    pub server_up: u64,
    /// That each peer can send.
    pub peer_up: u64,
    /// That each peer can receive.
    pub peer_down: u64,
    /// To how many at a time each sends at most, each at an equal part of his line, also while others stand idle; at least 1.
    pub slots: usize,
    /// How many others each knows about, on average; all of them when that many are not there.
    pub neighbours: usize,
    /// What is sent first.
    pub pick: Pick,
    /// Whether peers send, too.
    pub swarm: bool,
    /// The seed of all dice.
    pub seed: u64,
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// When the last one had all of it.
    pub all: Duration,
    /// When each had all of it, on average.
    pub mean: Duration,
    /// How many chunks the server sent, and how many the peers.
    pub sent: [u64; 2],
    /// A figure for all that happened: equal plans, equal figures.
    pub digest: u64,
}

impl Plan {
    /// Seconds that nothing can beat without peers who send: `max(N F / u_s, F / d_min)`.
    pub fn server_bound(&self) -> f64 {
        let (size, peers) = (self.size as f64, self.peers as f64);
        (peers * size / self.server_up as f64).max(size / self.peer_down as f64)
    }

    /// With them: `max(F / u_s, F / d_min, N F / (u_s + N u))`.
    pub fn swarm_bound(&self) -> f64 {
        let (size, peers) = (self.size as f64, self.peers as f64);
        let lines = self.server_up as f64 + peers * self.peer_up as f64;
        let once = size / (self.server_up.min(self.peer_down)) as f64;
        once.max(peers * size / lines)
    }

    /// The least that whole chunks allow, where all lines are equal and receiving is not the limit: `M + floor(log2 N)`
    /// rounds of a chunk each (Mundinger and others, theorem 1).
    pub fn optimum(&self) -> Option<f64> {
        let equal = self.server_up == self.peer_up && self.peer_down >= self.peer_up;
        let rounds = self.chunks as f64 + f64::from(self.peers.ilog2());
        let round = self.size as f64 / self.chunks as f64 / self.peer_up as f64;
        equal.then_some(rounds * round)
    }

    /// Whether all know all.
    const fn is_complete(&self) -> bool {
        self.neighbours >= self.peers - 1
    }

    /// Lets it happen.
    pub fn run(&self) -> Spread {
        Field::new(self).run()
    }
}
