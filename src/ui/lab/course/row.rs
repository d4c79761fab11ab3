//! A row of the exercise's table.

use std::time::Duration;

use serde::Serialize;

use crate::lab::course::{Exercise, Point};
use crate::ui::lab::figures::{plain, rounded};

/// So many clients of one system.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    pub(super) system: &'static str,
    pub(super) clients: u32,
    pub(super) queries: usize,
    pub(super) success: f64,
    pub(super) ms_mean: Option<f64>,
    pub(super) ms_p50: Option<f64>,
    pub(super) ms_p95: Option<f64>,
    /// Below this no mean can be.
    pub(super) ms_bound: f64,
    pub(super) answers_per_second: f64,
    /// Of all kinds, hits included.
    pub(super) messages_per_query: f64,
    /// Query descriptors that a flood costs by the law when it reaches everybody.
    pub(super) bound_messages: u64,
    /// How long a query kept the busiest busy: the server, or a peer.
    pub(super) ms_busiest: f64,
    pub(super) utilisation: f64,
    pub(super) digest: String,
}

impl Row {
    pub(super) fn new(point: &Point, exercise: &Exercise) -> Self {
        Self {
            system: point.system.name(),
            clients: point.clients,
            queries: point.waits.len() + point.unanswered as usize,
            success: rounded(point.success()),
            ms_mean: point.mean().map(millis),
            ms_p50: point.by(0.5).map(millis),
            ms_p95: point.by(0.95).map(millis),
            ms_bound: millis(point.bound()),
            answers_per_second: rounded(point.throughput),
            messages_per_query: rounded(point.messages),
            bound_messages: point.system.law(exercise.peers),
            ms_busiest: millis(point.demand),
            utilisation: rounded(point.utilisation),
            digest: format!("{:016x}", point.digest),
        }
    }

    pub(super) fn cells(&self) -> [String; 9] {
        let optional = |figure: Option<f64>| figure.map_or_else(|| "-".to_owned(), plain);
        [
            self.system.to_owned(),
            self.clients.to_string(),
            format!("{} %", plain(self.success * 100.0)),
            optional(self.ms_mean),
            optional(self.ms_p95),
            plain(self.ms_bound),
            plain(self.answers_per_second),
            plain(self.messages_per_query),
            format!("{} %", plain(self.utilisation * 100.0)),
        ]
    }
}

pub(super) fn millis(span: Duration) -> f64 {
    rounded(span.as_secs_f64() * 1e3)
}
