//! `lab papers`: what papers measured, and what this laboratory measures.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::experiment::{NOTHING, run};
use crate::lab::Latency;
use crate::lab::compare::Comparison;
use crate::lab::measure::Summary;
use crate::lab::topology::{self, Graph, Kind};
use crate::lab::workload::{Plan, Replication};
use crate::overlay::{Ring, Strategy, Walk};
use crate::rng::Rng;
use crate::ui::failure::{Exit, Failure};
use crate::ui::screen::Screen;
use crate::ui::signals::Signals;

/// Reproduce what papers measured: Lv, Cao, Cohen, Li and Shenker, "Search and replication in unstructured peer-to-peer
/// networks" (2002).
#[derive(Args, Clone, Debug)]
pub(in crate::ui) struct Papers {
    /// A crawl of the Gnutella network to run on as well: SNAP's p2p-Gnutella04, as it is published
    #[arg(long, value_name = "FILE")]
    crawl: Option<PathBuf>,

    /// Queries for each figure
    #[arg(long, value_name = "Q", default_value_t = 2_000)]
    queries: u32,

    /// The seed of all dice
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,

    /// Print JSON, a line a figure
    #[arg(long)]
    pub(in crate::ui) json: bool,
}

/// A figure that was published, or computed by others from the parameters that were.
struct Expected {
    network: &'static str,
    replication: f64,
    strategy: Strategy,
    /// Hops to the first hit, all rounds added; steps of the walker.
    hops: f64,
    /// Query descriptors for each node.
    messages: f64,
}

/// One line of the outcome.
#[derive(Serialize)]
struct Verdict {
    network: &'static str,
    replication: f64,
    strategy: &'static str,
    figure: &'static str,
    expected: f64,
    measured: f64,
    tolerance: f64,
    holds: bool,
}

impl Papers {
    pub(in crate::ui) async fn run(
        self,
        screen: &Screen,
        signals: &mut Signals,
    ) -> Result<Exit, Failure> {
        let mut verdicts = Vec::new();
        for network in ["random", "plrg", "grid", CRAWL] {
            let Some(graph) = self.graph(network)? else {
                continue;
            };
            for replication in [0.01, 0.001_25] {
                let rows: Vec<Expected> = expected(network, replication);
                if rows.is_empty() {
                    continue;
                }
                let comparison = self.comparison(&graph, replication, &rows);
                let outcome = run(comparison, screen, signals).await?;
                if outcome.cut_short {
                    show(screen, self.json, &verdicts);
                    return Ok(Exit::Interrupted);
                }
                for (row, (_, summary)) in rows.iter().zip(&outcome.rows) {
                    verdicts.extend(judge(row, summary, graph.nodes()));
                }
            }
        }
        show(screen, self.json, &verdicts);
        Ok(match verdicts.iter().all(|verdict| verdict.holds) {
            true => Exit::Done,
            false => Exit::Failed,
        })
    }

    /// The giant component of a network of this name; none of the crawl where none was given.
    fn graph(&self, network: &str) -> Result<Option<Graph>, Failure> {
        let mut rng = Rng::seeded(self.seed);
        let drawn = match network {
            "random" => Kind::Random.draw(10_000, 4.02, &mut rng),
            "plrg" => Kind::PowerLaw { exponent: 0.8 }.draw(10_000, 4.1, &mut rng),
            "grid" => Kind::Grid.draw(10_000, 4.0, &mut rng),
            _ => {
                let Some(path) = &self.crawl else {
                    return Ok(None);
                };
                let read = topology::read(path).map_err(|error| {
                    Failure::usage(format!("{} gives no graph: {error}", path.display()))
                });
                return read.map(|graph| Some(graph.giant()));
            }
        };
        let drawn = drawn.map_err(|error| Failure::usage(error.to_string()))?;
        Ok(Some(drawn.giant()))
    }

    fn comparison(&self, graph: &Graph, replication: f64, rows: &[Expected]) -> Comparison {
        Comparison {
            graph: graph.clone(),
            plan: Plan {
                objects: self.queries.min(PLACEMENTS),
                replication: Replication::Part(replication),
                zipf: 0.0,
                queries: self.queries,
            },
            strategies: rows.iter().map(|row| row.strategy).collect(),
            // As in the papers: a hop is a hop.
            latency: Latency::between(100, 100).expect("a latency"),
            seed: self.seed,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

fn judge(row: &Expected, summary: &Summary, nodes: usize) -> [Verdict; 2] {
    let tolerance = match row.strategy {
        Strategy::Flood { .. } => 0.03,
        Strategy::Walk(_) => 0.08,
        _ => 0.12,
    };
    let hops = summary.hops_first_hit().unwrap_or(f64::NAN);
    let messages = summary.mean(|one| one.queries) / nodes as f64;
    [
        ("hops", row.hops, hops),
        ("messages a node", row.messages, messages),
    ]
    .map(|(figure, expected, measured)| Verdict {
        network: row.network,
        replication: row.replication,
        strategy: row.strategy.name(),
        figure,
        expected,
        measured,
        tolerance,
        holds: (measured - expected).abs() <= tolerance * expected,
    })
}

fn show(screen: &Screen, json: bool, verdicts: &[Verdict]) {
    if json {
        verdicts.iter().for_each(|verdict| screen.json(verdict));
        return;
    }
    if verdicts.is_empty() {
        return screen.talk(NOTHING);
    }
    screen.table(
        [
            "network",
            "copies on",
            "strategy",
            "figure",
            "expected",
            "measured",
            "within",
            "verdict",
        ],
        verdicts.iter().map(|verdict| {
            [
                verdict.network.to_owned(),
                format!("{} %", verdict.replication * 100.0),
                verdict.strategy.to_owned(),
                verdict.figure.to_owned(),
                format!("{:.4}", verdict.expected),
                format!("{:.4}", verdict.measured),
                format!("{:.0} %", verdict.tolerance * 100.0),
                if verdict.holds {
                    "holds"
                } else {
                    "does not hold"
                }
                .to_owned(),
            ]
        }),
    );
}

/// Lv and others' cases, computed anew by an independent program from the parameters they give: hops of the first hit and
/// transmissions for each node; their own figures lie within some per cent of these.
fn expected(network: &'static str, replication: f64) -> Vec<Expected> {
    let ring = |step: usize, last: u8| {
        let ttls: Vec<u8> = (1..=last).step_by(step).take(16).collect();
        Strategy::Ring(Ring::new(&ttls).expect("at most 16 rounds"))
    };
    let walk = Strategy::Walk(Walk {
        walkers: 32,
        ttl: 255,
        check: 4,
    });
    let rows: &[(Strategy, f64, f64)] = match (network, replication) {
        ("random", 0.01) => &[
            (Strategy::flood(8), 3.37, 2.596),
            (ring(2, 31), 5.79, 0.064),
            (ring(1, 16), 7.83, 0.029),
            (walk, 5.45, 0.0223),
        ],
        ("random", _) => &[
            (Strategy::flood(8), 4.78, 2.579),
            (ring(2, 31), 9.71, 0.380),
            (ring(1, 16), 14.4, 0.219),
            (walk, 30.1, 0.103),
        ],
        ("plrg", 0.01) => &[
            (Strategy::flood(5), 2.47, 3.16),
            (ring(2, 31), 3.61, 0.890),
            (ring(1, 16), 4.51, 0.160),
            (walk, 5.63, 0.0240),
        ],
        ("grid", 0.01) => &[
            (Strategy::flood(64), 6.54, 1.469),
            (ring(2, 31), 19.2, 0.069),
            (ring(1, 16), 31.3, 0.103),
            (walk, 13.1, 0.0465),
        ],
        (CRAWL, 0.01) => &[
            (Strategy::flood(7), 2.52, 6.341),
            (ring(2, 31), 3.69, 0.208),
            (ring(1, 16), 4.72, 0.0475),
            (walk, 4.76, 0.0182),
        ],
        _ => &[],
    };
    let rows = rows.iter().map(|(strategy, hops, messages)| Expected {
        network,
        replication,
        strategy: *strategy,
        hops: *hops,
        messages: *messages,
    });
    rows.collect()
}

/// Placements of copies that figures are averaged over: with ten of them the rarer file varies by a tenth.
const PLACEMENTS: u32 = 200;

/// The crawl of 4 August 2002 by Ripeanu and others, as SNAP publishes it.
const CRAWL: &str = "p2p-Gnutella04";
