//! `lab papers`: what papers measured or proved, and what this laboratory measures.
//!
//! `lv` has the cases of Lv and others, `laws` what holds by a formula.

mod laws;
mod lv;

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use lv::{Expected, expected};

use super::experiment::{NOTHING, run, watched};
use crate::lab::Latency;
use crate::lab::compare::Comparison;
use crate::lab::measure::Summary;
use crate::lab::topology::{self, Graph, Kind};
use crate::lab::workload::{Plan, Replication};
use crate::overlay::Strategy;
use crate::rng::Rng;
use crate::ui::failure::{Exit, Failure};
use crate::ui::screen::Screen;
use crate::ui::signals::Signals;

/// Reproduce what papers measured: Lv, Cao, Cohen, Li and Shenker, "Search and replication in unstructured peer-to-peer
/// networks" (2002); Cohen and Shenker, "Replication strategies in unstructured peer-to-peer networks" (2002); and the laws
/// of floods and of random walks.
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

/// One line of the outcome.
#[derive(Serialize)]
struct Verdict {
    network: &'static str,
    /// The part of the nodes on which the file is, where it matters.
    replication: Option<f64>,
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
        let graphs: Result<Vec<_>, Failure> = { ["random", CRAWL].into_iter() }
            .filter_map(|network| {
                Some(
                    self.graph(network)
                        .transpose()?
                        .map(|graph| (network, graph)),
                )
            })
            .collect();
        let (graphs, seed) = (graphs?, self.seed);
        let laws = watched(0, screen, signals, move |_| laws::judge(graphs, seed)).await?;
        verdicts.extend(laws);
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
        replication: Some(row.replication),
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
                verdict
                    .replication
                    .map_or_else(|| "-".to_owned(), |part| format!("{} %", part * 100.0)),
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

/// Placements of copies that figures are averaged over: with ten of them the rarer file varies by a tenth.
const PLACEMENTS: u32 = 200;

/// The crawl of 4 August 2002 by Ripeanu and others, as SNAP publishes it.
const CRAWL: &str = "p2p-Gnutella04";
