//! What so many clients saw at once.

use std::time::Duration;

use super::System;
use crate::lab::measure::quantile;

/// What so many clients saw.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// How peers were joined.
    pub system: System,
    /// How many asked at once.
    pub clients: u32,
    /// How long each answered query waited for its first hit, ascending.
    pub waits: Vec<Duration>,
    /// Queries that nobody answered in time.
    pub unanswered: u32,
    /// What the answered queries would have waited at the least, on average: the way there and back, and nobody busy.
    pub least: Duration,
    /// Answers in a second of all clients together.
    pub throughput: f64,
    /// Messages of all kinds for a query.
    pub messages: f64,
    /// How long a query kept the busiest busy: the server, or a peer.
    pub demand: Duration,
    /// Which part of the time the busiest was busy.
    pub utilisation: f64,
    /// A figure for all that happened.
    pub digest: u64,
}

impl Point {
    /// How long a query waited for its first hit, on average over those that were answered.
    pub fn mean(&self) -> Option<Duration> {
        let answered = u32::try_from(self.waits.len()).ok();
        let answered = answered.filter(|count| *count > 0)?;
        Some(self.waits.iter().sum::<Duration>() / answered)
    }

    /// The time by which this part of the answered queries had their first hit.
    pub fn by(&self, part: f64) -> Option<Duration> {
        quantile(&self.waits, part)
    }

    /// Below this no mean can lie for long: the least for which nobody need be waited for, and the time for which a query of
    /// each client keeps the busiest busy (the asymptotic bounds of a closed system; Denning and Buzen, "The operational
    /// analysis of queueing network models", 1978).
    pub fn bound(&self) -> Duration {
        self.least.max(self.demand * self.clients)
    }

    /// The part that was answered.
    pub fn success(&self) -> f64 {
        let answered = self.waits.len() as f64;
        answered / (answered + f64::from(self.unanswered)).max(1.0)
    }
}

/// What was done for all queries together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work {
    /// Messages of all kinds.
    pub(super) messages: u64,
    /// Messages that the busiest read and wrote.
    pub(super) busiest: u64,
    /// How long one keeps somebody busy.
    pub(super) each: Duration,
    /// A figure for all that happened.
    pub(super) digest: u64,
}
