//! Those who ask, and what they saw.

use std::time::Duration;

use super::point::Work;
use super::{Exercise, Point, System};
use crate::lab::compare::Progress;
use crate::lab::workload::{Asked, Workload};
use crate::rng::Rng;
use crate::time::Time;

/// Clients who ask one query after another. Whoever has asked all of his goes on, uncounted, until the last is done: so as
/// many ask at once from the beginning to the end.
#[derive(Debug)]
pub(super) struct Clients {
    all: Vec<Client>,
    waits: Vec<Duration>,
    unanswered: u32,
    /// The least that the answered ones take, together.
    least: Duration,
    /// Queries asked and done, the uncounted ones included.
    asked: u64,
    done: u64,
    began: Time,
    ended: Time,
}

#[derive(Debug)]
struct Client {
    node: u32,
    /// What it has not.
    wanted: Vec<u32>,
    dice: Rng,
    /// What it asks now.
    asks: Option<Asked>,
    /// Queries still to be counted.
    left: u32,
}

impl Clients {
    /// So many peers, drawn, so that they stand anywhere in a line.
    pub(super) fn new(exercise: &Exercise, workload: &Workload, count: u32, began: Time) -> Self {
        let mut order: Vec<u32> = (0..exercise.peers).collect();
        Rng::seeded(exercise.seed ^ DRAW_SALT).shuffle(&mut order);
        let client = |node: u32| {
            let lacks = |object: &u32| !workload.holds(node, *object);
            let wanted: Vec<u32> = (0..exercise.objects).filter(lacks).collect();
            Client {
                node,
                dice: Rng::seeded(exercise.seed ^ u64::from(node + 1) << 32),
                asks: None,
                left: if wanted.is_empty() {
                    0
                } else {
                    exercise.queries
                },
                wanted,
            }
        };
        Self {
            all: order.into_iter().take(count as usize).map(client).collect(),
            waits: Vec::new(),
            unanswered: 0,
            least: Duration::ZERO,
            asked: 0,
            done: 0,
            began,
            ended: began,
        }
    }

    /// How many.
    pub(super) const fn count(&self) -> u32 {
        self.all.len() as u32
    }

    /// Whether all have had what was to be counted.
    pub(super) fn are_done(&self) -> bool {
        self.all.iter().all(|client| client.left == 0)
    }

    /// What a client asks next, unless it has everything or all are done.
    pub(super) fn ask(&mut self, client: u32) -> Option<Asked> {
        if self.are_done() {
            return None;
        }
        let client = &mut self.all[client as usize];
        let object = *client.dice.pick(&client.wanted)?;
        let by = client.node;
        client.asks = Some(Asked { by, object });
        self.asked += 1;
        client.asks
    }

    /// A client has its answer, or waits no longer. What it asked, where that was answered and counts.
    pub(super) fn note(
        &mut self,
        client: u32,
        now: Time,
        after: Option<Duration>,
        progress: &Progress,
    ) -> Option<Asked> {
        let client = &mut self.all[client as usize];
        self.done += 1;
        self.ended = now;
        if client.left == 0 {
            return None;
        }
        client.left -= 1;
        progress.one_more();
        match after {
            Some(after) => self.waits.push(after),
            None => self.unanswered += 1,
        }
        client.asks.filter(|_| after.is_some())
    }

    /// The least that an answer could have taken.
    pub(super) fn add_least(&mut self, least: Duration) {
        self.least += least;
    }

    /// What they saw together.
    pub(super) fn point(mut self, system: System, work: Work) -> Point {
        self.waits.sort_unstable();
        let answered = (self.waits.len() as u32).max(1);
        let seconds = (self.ended - self.began).as_secs_f64().max(1e-9);
        let asked = self.asked.max(1) as f64;
        let demand = work.each.mul_f64(work.busiest as f64 / asked);
        let rate = self.done as f64 / seconds;
        Point {
            system,
            clients: self.count(),
            least: self.least / answered,
            waits: self.waits,
            unanswered: self.unanswered,
            throughput: rate,
            messages: work.messages as f64 / asked,
            demand,
            utilisation: (demand.as_secs_f64() * rate).min(1.0),
            digest: work.digest,
        }
    }
}

/// Keeps the dice of who asks apart from those of who holds what.
const DRAW_SALT: u64 = 0x77_68_6f;
