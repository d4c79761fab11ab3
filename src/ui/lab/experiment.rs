//! The options that all experiments share, and the running of one with a bar and an ear for Ctrl-C.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::sleep;

use crate::lab::Latency;
use crate::lab::compare::{Comparison, Outcome, Progress};
use crate::lab::topology::{self, Graph, Kind};
use crate::lab::workload::{Plan, Replication};
use crate::overlay::Strategy;
use crate::rng::Rng;
use crate::ui::failure::{Exit, Failure};
use crate::ui::render::span;
use crate::ui::screen::Screen;
use crate::ui::signals::Signals;

/// Where the graph comes from.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::ui) enum Source {
    /// Drawn.
    Kind(Kind),
    /// Read from a file.
    File(PathBuf),
}

impl Source {
    /// The graph, and how it is called; what is not joined to the rest is cut off, and that is said.
    pub(in crate::ui) async fn graph(
        &self,
        nodes: usize,
        degree: f64,
        seed: u64,
        screen: &Screen,
        signals: &mut Signals,
    ) -> Result<(Graph, String), Failure> {
        let source = self.clone();
        let draw = move || {
            let all = source.whole_graph(nodes, degree, seed);
            all.map(|all| (all.nodes(), all.giant()))
        };
        let (all, giant) = unwatched(signals, draw).await??;
        if giant.nodes() < all {
            screen.talk(format!(
                "{} of {all} nodes are one network; the others are left out.",
                giant.nodes(),
            ));
        }
        if giant.nodes() < 2 {
            return Err(Failure::usage("a network has at least 2 nodes"));
        }
        Ok((giant, self.to_string()))
    }

    /// The graph with all its parts.
    fn whole_graph(&self, nodes: usize, degree: f64, seed: u64) -> Result<Graph, Failure> {
        match self {
            Self::Kind(kind) => {
                let mut rng = Rng::seeded(seed ^ GRAPH_SALT);
                let graph = kind.draw(nodes, degree, &mut rng);
                graph.map_err(|error| Failure::usage(error.to_string()))
            }
            Self::File(path) => topology::read(path).map_err(|error| {
                Failure::usage(format!("{} gives no graph: {error}", path.display()))
            }),
        }
    }
}

impl fmt::Display for Source {
    /// As it is read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind(kind) => kind.fmt(f),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("file:") {
            Some(path) => Ok(Self::File(path.into())),
            None => text.parse().map(Self::Kind),
        }
    }
}

/// A network.
#[derive(Args, Clone, Debug)]
pub(super) struct Network {
    /// Join the servents so: random, regular, plrg, ba, grid, ring, line, star, tree, full, small-world, two-tier, or file:PATH
    #[arg(long, value_name = "KIND", default_value = "random")]
    topology: Source,

    /// So many servents
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    nodes: usize,

    /// Links of each, on average
    #[arg(long, value_name = "D", default_value_t = 8.0)]
    degree: f64,
}

impl Network {
    /// The graph, and how it is called; what is not joined to the rest is cut off, and that is said.
    pub(super) async fn graph(
        &self,
        seed: u64,
        screen: &Screen,
        signals: &mut Signals,
    ) -> Result<(Graph, String), Failure> {
        let (nodes, degree) = (self.nodes, self.degree);
        { self.topology.graph(nodes, degree, seed, screen, signals) }.await
    }
}

/// A network, and who shares and asks what in it.
#[derive(Args, Clone, Debug)]
pub(super) struct Experiment {
    #[command(flatten)]
    network: Network,

    /// Copies of each object: 1%, 20, sqrt:10 or proportional:10
    #[arg(long, value_name = "R", default_value = "1%")]
    replication: Replication,

    /// Different objects
    #[arg(long, value_name = "M", default_value_t = 100)]
    objects: u32,

    /// Ask by a Zipf law of this exponent; 0 asks for all alike
    #[arg(long, value_name = "A", default_value_t = 0.0)]
    zipf: f64,

    /// How many queries each strategy gets
    #[arg(long, value_name = "Q", default_value_t = 100)]
    queries: u32,

    /// One way of a word over a link, in milliseconds: 80 or 20-180
    #[arg(long, value_name = "MS", default_value = "20-180")]
    latency: Latency,

    /// The seed of all dice: equal seeds give equal figures
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,

    /// Threads to work with [default: one a core]
    #[arg(long, value_name = "T")]
    threads: Option<usize>,
}

impl Experiment {
    /// The graph, and how it is called; what is not joined to the rest is cut off, and that is said.
    pub(super) async fn graph(
        &self,
        screen: &Screen,
        signals: &mut Signals,
    ) -> Result<(Graph, String), Failure> {
        self.network.graph(self.seed, screen, signals).await
    }

    /// This experiment with these strategies.
    pub(super) fn comparison(
        &self,
        graph: Graph,
        strategies: Vec<Strategy>,
    ) -> Result<Comparison, Failure> {
        let plan = Plan {
            objects: self.objects,
            replication: self.replication,
            zipf: self.zipf,
            queries: self.queries,
        };
        check(&plan, graph.nodes())?;
        Ok(Comparison {
            graph,
            plan,
            strategies,
            latency: self.latency,
            seed: self.seed,
            threads: self.threads.unwrap_or_else(cores).max(1),
        })
    }
}

/// Whether there is such a workload on so many nodes.
pub(super) fn check(plan: &Plan, nodes: usize) -> Result<(), Failure> {
    let refuse = |why: String| Err(Failure::usage(why));
    if plan.objects == 0 || plan.queries == 0 {
        return refuse("there is at least one object and one query".to_owned());
    }
    if !(0.0..=10.0).contains(&plan.zipf) {
        return refuse(format!(
            "a Zipf exponent is from 0 to 10, not {}",
            plan.zipf
        ));
    }
    if u64::from(plan.objects) * nodes as u64 > MOST_COPIES {
        return refuse(format!(
            "{} objects on {nodes} nodes do not fit in memory",
            plan.objects
        ));
    }
    Ok(())
}

/// Runs a comparison; at Ctrl-C it ends early with what it has.
pub(super) async fn run(
    comparison: Comparison,
    screen: &Screen,
    signals: &mut Signals,
) -> Result<Outcome, Failure> {
    let all = comparison.queries();
    watched(all, screen, signals, move |progress| {
        comparison.run(progress)
    })
    .await
}

/// Does work of so many queries, with a bar where there is a terminal, and has it end at Ctrl-C. A second one does not wait
/// for that.
pub(super) async fn watched<T: Send + 'static>(
    all: usize,
    screen: &Screen,
    signals: &mut Signals,
    work: impl FnOnce(&Progress) -> T + Send + 'static,
) -> Result<T, Failure> {
    let progress = Arc::new(Progress::default());
    let its = Arc::clone(&progress);
    let mut work = spawn_blocking(move || work(&its));
    let began = Instant::now();
    loop {
        tokio::select! {
            done = &mut work => {
                screen.progress("");
                return done.map_err(|error| broken(&error));
            }
            _ = signals.next() => {
                if progress.has_ended() {
                    screen.progress("");
                    return Err(left());
                }
                progress.end();
            }
            () = sleep(BAR_EVERY) => screen.progress(&bar(progress.done(), all, began.elapsed())),
        }
    }
}

/// Does work that never looks whether it is to end. At Ctrl-C it is left: its thread ends with the process.
pub(super) async fn unwatched<T: Send + 'static>(
    signals: &mut Signals,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    tokio::select! {
        done = spawn_blocking(work) => done.map_err(|error| broken(&error)),
        _ = signals.next() => Err(left()),
    }
}

/// Does work that is not to be left half done: it goes on at Ctrl-C, and only a second one leaves it. Tells whether there was
/// one.
pub(super) async fn completed<T: Send + 'static>(
    signals: &mut Signals,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<(T, bool), Failure> {
    let mut work = spawn_blocking(work);
    let mut told = false;
    loop {
        tokio::select! {
            done = &mut work => return done.map(|done| (done, told)).map_err(|error| broken(&error)),
            _ = signals.next() => match told {
                true => return Err(left()),
                false => told = true,
            },
        }
    }
}

fn broken(error: &JoinError) -> Failure {
    Failure::new(Exit::Failed, format!("the experiment broke: {error}"), "")
}

fn left() -> Failure {
    let what = "it was ended before there was anything to show";
    Failure::new(Exit::Interrupted, what, "")
}

/// `120 of 400 queries, 30 %, 7 s left`.
fn bar(done: usize, all: usize, took: Duration) -> String {
    let left = match u32::try_from(done) {
        Ok(some @ 1..) => {
            let each = took / some;
            let left = each.saturating_mul(u32::try_from(all - done).unwrap_or(u32::MAX));
            format!(", {} left", span(left))
        }
        _ => String::new(),
    };
    format!(
        "{done} of {all} queries, {} %{left}",
        done * 100 / all.max(1)
    )
}

pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// What is said when there is nothing to show.
pub(super) const NOTHING: &str = "It was ended before anything was measured.";

/// How often the bar is drawn.
const BAR_EVERY: Duration = Duration::from_millis(200);

/// Keeps the dice of the graph apart from those of what happens on it.
const GRAPH_SALT: u64 = 0x67_72_61_70_68;

/// Copies of all objects together, were each on every node: 4 bytes each.
const MOST_COPIES: u64 = 2_000_000_000;
