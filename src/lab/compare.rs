//! Ways of searching side by side: the same network, the same files, the same questions.
//!
//! The one rule: the figures do not depend on how many threads worked. Each strategy's queries are cut into the same parts
//! whatever the machine, each part runs in a world of its own, and what they measured is joined in their order.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::ground::Ground;
use super::latency::Latency;
use super::measure::Summary;
use super::topology::Graph;
use super::workload::{Plan, Workload};
use super::world::World;
use crate::overlay::Strategy;
use crate::rng::Rng;

/// Parts that a strategy's queries are cut into: enough for the cores of a desk, few enough that building worlds costs
/// little.
const PARTS: usize = 4;

/// Above this many nodes a world is too large to have several.
const ONE_WORLD: usize = 200_000;

/// What is to be compared.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// Who is joined with whom; connected.
    pub graph: Graph,
    /// Who shares and asks what.
    pub plan: Plan,
    /// The ways of searching.
    pub strategies: Vec<Strategy>,
    /// How long words take.
    pub latency: Latency,
    /// The seed of all dice.
    pub seed: u64,
    /// Threads to use; the figures are the same with any.
    pub threads: usize,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// A row for each strategy, in order.
    pub rows: Vec<(Strategy, Summary)>,
    /// Events in all: descriptors delivered and timers run down.
    pub events: u64,
    /// A figure for all that happened.
    pub digest: u64,
    /// Time it took on the wall.
    pub took: Duration,
    /// Time the threads worked on it, all together, but for the building of worlds.
    pub worked: Duration,
    /// Whether it was ended before its end.
    pub cut_short: bool,
}

/// How far it has come, for those who wait: queries done, and the wish to end.
#[derive(Debug, Default)]
pub struct Progress {
    done: AtomicUsize,
    ended: AtomicBool,
}

impl Progress {
    /// Queries done, of all strategies together.
    pub fn done(&self) -> usize {
        self.done.load(Relaxed)
    }

    /// Another query is done.
    pub(super) fn one_more(&self) {
        self.done.fetch_add(1, Relaxed);
    }

    /// Has it end; the queries under way do not count.
    pub fn end(&self) {
        self.ended.store(true, Relaxed);
    }

    /// Whether it was told to end.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Relaxed)
    }
}

/// One part of a strategy's queries.
#[derive(Clone, Copy, Debug)]
struct Part {
    strategy: usize,
    number: usize,
}

/// What one part measured.
#[derive(Debug)]
struct Piece {
    summary: Summary,
    events: u64,
    digest: u64,
    worked: Duration,
}

impl Comparison {
    /// Queries in all.
    pub fn queries(&self) -> usize {
        self.strategies.len() * self.plan.queries as usize
    }

    /// Runs it.
    pub fn run(&self, progress: &Progress) -> Outcome {
        let began = Instant::now();
        let mut rng = Rng::seeded(self.seed);
        let workload = Workload::draw(&self.plan, self.graph.nodes(), &mut rng);
        let ground = Ground::new(&self.graph);
        let parts = self.parts();
        let pieces: Vec<Mutex<Option<Piece>>> = parts.iter().map(|_| Mutex::new(None)).collect();
        let next = AtomicUsize::new(0);
        let work = || {
            while let at = next.fetch_add(1, Relaxed)
                && let Some(part) = parts.get(at)
                && !progress.has_ended()
            {
                let piece = self.run_part(*part, &workload, &ground, progress);
                *pieces[at].lock().unwrap_or_else(PoisonError::into_inner) = piece;
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..self.threads.clamp(1, parts.len().max(1)) {
                scope.spawn(work);
            }
            work();
        });
        let mut outcome = Outcome {
            rows: self
                .strategies
                .iter()
                .map(|strategy| (*strategy, Summary::default()))
                .collect(),
            events: 0,
            digest: self.seed,
            took: Duration::ZERO,
            worked: Duration::ZERO,
            cut_short: progress.has_ended(),
        };
        for (part, piece) in parts.iter().zip(pieces) {
            if let Some(piece) = piece.into_inner().unwrap_or_else(PoisonError::into_inner) {
                outcome.rows[part.strategy].1.join(piece.summary);
                outcome.events += piece.events;
                outcome.worked += piece.worked;
                outcome.digest = outcome.digest.rotate_left(7).wrapping_add(piece.digest);
            }
        }
        outcome.took = began.elapsed();
        outcome
    }

    fn parts(&self) -> Vec<Part> {
        let each = self.parts_each();
        let strategies = 0..self.strategies.len();
        let parts =
            strategies.flat_map(|strategy| (0..each).map(move |number| Part { strategy, number }));
        parts.collect()
    }

    fn parts_each(&self) -> usize {
        if self.graph.nodes() > ONE_WORLD {
            1
        } else {
            PARTS
        }
    }

    /// None when it is told to end before anything is asked.
    fn run_part(
        &self,
        part: Part,
        workload: &Workload,
        ground: &Ground,
        progress: &Progress,
    ) -> Option<Piece> {
        let seed = Rng::seeded(self.seed ^ (part.number as u64) << 48).next();
        let strategy = self.strategies[part.strategy];
        let ended = || progress.has_ended();
        let mut world = World::new_until(ended, ground, strategy, self.latency, seed)?;
        if self.graph.has_leaves() {
            world.tell_tables(workload);
        }
        let began = Instant::now();
        let mut summary = Summary::default();
        let queries = workload.queries();
        let size = queries.len().div_ceil(self.parts_each()).max(1);
        for asked in queries.iter().skip(part.number * size).take(size) {
            let Some(measured) = world.ask_until(ended, workload, *asked) else {
                break;
            };
            summary.add(measured);
            progress.one_more();
        }
        summary.note_load(world.load());
        Some(Piece {
            summary,
            events: world.events(),
            digest: world.digest(),
            worked: began.elapsed(),
        })
    }
}
