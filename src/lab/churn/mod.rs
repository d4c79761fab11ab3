//! Searching while servents come and go.
//!
//! A [`super::network::Network`] whose servents find their neighbours by themselves, as real ones do, and lose them again.
//! Who is there when, and who asks what, is drawn before, so all ways of searching meet the same; and what all of it cost is
//! counted, the pings and pongs that hold the network together as well. An index goes through the same: whoever comes logs
//! in and registers.

mod fate;
mod lives;
mod play;
mod script;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

pub use fate::Fate;
pub use lives::Lives;
use script::Script;

use super::compare::Progress;
use super::latency::Latency;
use super::workload::{Plan, Workload};
use crate::overlay::Strategy;
use crate::rng::Rng;

/// What is to be seen.
#[derive(Clone, Debug)]
pub struct Churn {
    /// Servents, at least 2, whether they are there or away.
    pub nodes: u32,
    /// How many neighbours each looks for.
    pub neighbours: usize,
    /// Who shares and asks what.
    pub plan: Plan,
    /// When servents come and go.
    pub lives: Lives,
    /// For how long it is watched, the queries spread evenly over it.
    pub span: Duration,
    /// The ways of searching; none for a central index.
    pub strategies: Vec<Option<Strategy>>,
    /// How long words take.
    pub latency: Latency,
    /// The seed of all dice.
    pub seed: u64,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// A row for each way of searching, in order.
    pub rows: Vec<(Option<Strategy>, Fate)>,
    /// How many servents were there, on average.
    pub present: f64,
    /// How often one came or went.
    pub changes: usize,
    /// Events in all.
    pub events: u64,
    /// A figure for all that happened.
    pub digest: u64,
    /// Whether it was ended before its end.
    pub cut_short: bool,
}

impl Churn {
    /// Queries in all.
    pub fn queries(&self) -> usize {
        self.strategies.len() * self.plan.queries as usize
    }

    /// Runs it, each way of searching on a thread of its own.
    pub fn run(&self, progress: &Progress) -> Outcome {
        let mut dice = Rng::seeded(self.seed);
        let workload = Workload::draw(&self.plan, self.nodes as usize, &mut dice);
        let script = Script::draw(self, &workload, &mut dice);
        let workload = Arc::new(workload);
        let (script, same) = (&script, &workload);
        let fates: Vec<Fate> = thread::scope(|scope| {
            let work = |strategy: Option<Strategy>| {
                scope.spawn(move || match strategy {
                    Some(strategy) => play::search(self, strategy, script, same, progress),
                    None => play::ask_index(self, script, same, progress),
                })
            };
            let workers: Vec<_> = self.strategies.iter().copied().map(work).collect();
            let ends = workers.into_iter().map(|worker| worker.join());
            ends.map(|end| end.expect("a driver does not panic"))
                .collect()
        });
        let mut outcome = Outcome {
            rows: Vec::new(),
            present: script.presence.as_secs_f64() / self.span.as_secs_f64(),
            changes: script.changes,
            events: 0,
            digest: self.seed,
            cut_short: progress.has_ended(),
        };
        for (strategy, fate) in self.strategies.iter().zip(fates) {
            outcome.events += fate.events;
            outcome.digest = outcome.digest.rotate_left(7).wrapping_add(fate.digest);
            outcome.rows.push((*strategy, fate));
        }
        outcome
    }
}
