//! How a way of searching fared.

use std::time::Duration;

use crate::lab::measure::quantile;
use crate::lab::network::Traffic;

/// How one way of searching fared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fate {
    /// Queries asked.
    pub asked: usize,
    /// Of these, such for what somebody had who was there.
    pub available: usize,
    /// Of these again, such as were answered.
    pub answered: usize,
    /// How long the first hits took, ascending, and the links they crossed.
    pub waits: Vec<(Duration, u8)>,
    /// For how long it was watched.
    pub watched: Duration,
    /// What was sent in that time, and for the queries of that time.
    pub traffic: Traffic,
    /// Messages that the busiest servent, or the server, read and wrote.
    pub busiest: u64,
    pub(super) events: u64,
    pub(super) digest: u64,
}

impl Fate {
    /// The part that was answered, of those that could be.
    pub fn success(&self) -> f64 {
        self.answered as f64 / self.available.max(1) as f64
    }

    /// The time by which this part of the answered queries had their first hit.
    pub fn by(&self, part: f64) -> Option<Duration> {
        quantile(&self.waits, part).map(|(after, _)| after)
    }

    /// Links the first hits crossed, on average.
    pub fn hops(&self) -> Option<f64> {
        let hops: u64 = self.waits.iter().map(|(_, hops)| u64::from(*hops)).sum();
        (!self.waits.is_empty()).then(|| hops as f64 / self.waits.len() as f64)
    }

    pub(super) fn ask(&mut self, available: bool) {
        self.asked += 1;
        self.available += usize::from(available);
    }

    pub(super) fn find(&mut self, available: bool, after: Duration, hops: u8) {
        self.answered += usize::from(available);
        self.waits.push((after, hops));
    }
}
