//! `lab replicate`: what a search costs when all files have as many copies, when copies follow popularity, and when they
//! follow its square root.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::experiment::{NOTHING, Network, check, cores, run, watched};
use super::figures::{plain, rounded, sheet};
use super::write;
use crate::lab::Latency;
use crate::lab::compare::Comparison;
use crate::lab::measure::Summary;
use crate::lab::replicate::{law, law_of_whole_copies, probe};
use crate::lab::workload::{Plan, Replication, Workload};
use crate::overlay::Strategy;
use crate::rng::Rng;
use crate::ui::failure::{Exit, Failure};
use crate::ui::render::counted;
use crate::ui::screen::Screen;
use crate::ui::signals::Signals;

/// Lay as many copies in three ways, the same for all files, in proportion to how often each is asked for, and to the square
/// root of that, and see how many are asked until one has the file: by the law of Cohen and Shenker (2002), drawn at random,
/// and by servents that search.
#[derive(Args, Clone, Debug)]
pub(in crate::ui) struct Replicate {
    #[command(flatten)]
    network: Network,

    /// Different objects
    #[arg(long, value_name = "M", default_value_t = 100)]
    objects: u32,

    /// Copies of each, on average
    #[arg(long, value_name = "K", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    copies: u32,

    /// Ask by a Zipf law of this exponent
    #[arg(long, value_name = "A", default_value_t = 1.0)]
    zipf: f64,

    /// Queries by servents, for each way
    #[arg(long, value_name = "Q", default_value_t = 400)]
    queries: u32,

    /// Queries by asking at random, for each way
    #[arg(long, value_name = "Q", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    probes: u32,

    /// How servents search
    #[arg(long, value_name = "STRATEGY", default_value = "walk")]
    strategy: Strategy,

    /// One way of a word over a link, in milliseconds: 80 or 20-180
    #[arg(long, value_name = "MS", default_value = "20-180")]
    latency: Latency,

    /// The seed of all dice: equal seeds give equal figures
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,

    /// Threads to work with [default: one a core]
    #[arg(long, value_name = "T")]
    threads: Option<usize>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    /// Write the table to this file as well
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
}

/// One way of laying copies.
#[derive(Clone, Debug, Serialize)]
struct Row {
    allocation: &'static str,
    copies: usize,
    /// How many are asked at random until one has it, by the law.
    search_size_law: f64,
    /// By the law for copies that are whole.
    search_size_whole: f64,
    /// Measured.
    search_size: f64,
    /// That of these by the first row's.
    ratio: f64,
    ratio_law: f64,
    /// What servents did who searched.
    strategy: &'static str,
    params: String,
    success: f64,
    messages_per_query: f64,
    nodes_reached_mean: f64,
    hops_first_hit_mean: Option<f64>,
}

impl Row {
    fn cells(&self) -> [String; 9] {
        [
            self.allocation.to_owned(),
            self.copies.to_string(),
            plain(self.search_size_law),
            plain(self.search_size_whole),
            plain(self.search_size),
            format!("{:.3}", self.ratio),
            format!("{} %", plain(self.success * 100.0)),
            plain(self.messages_per_query),
            plain(self.nodes_reached_mean),
        ]
    }
}

/// The ways, and their names.
fn allocations(copies: u32) -> [(&'static str, Replication); 3] {
    let mean = f64::from(copies);
    [
        ("uniform", Replication::Copies(copies)),
        ("proportional", Replication::Proportional(mean)),
        ("square root", Replication::SquareRoot(mean)),
    ]
}

impl Replicate {
    pub(in crate::ui) async fn run(
        self,
        screen: &Screen,
        signals: &mut Signals,
    ) -> Result<Exit, Failure> {
        let (graph, name) = self.network.graph(self.seed, screen, signals).await?;
        let (nodes, edges) = (graph.nodes(), graph.edges().len());
        let mean_degree = rounded(graph.mean_degree());
        if self.copies as usize >= nodes {
            return Err(Failure::usage(format!(
                "{} copies of each on {nodes} nodes leave nobody to ask",
                self.copies
            )));
        }
        let mut rows: Vec<Row> = Vec::new();
        let (mut events, mut digest, mut cut_short) = (0, self.seed, false);
        for (allocation, replication) in allocations(self.copies) {
            let plan = self.plan(replication, self.queries);
            check(&plan, nodes)?;
            let comparison = Comparison {
                graph: graph.clone(),
                plan,
                strategies: vec![self.strategy],
                latency: self.latency,
                seed: self.seed,
                threads: self.threads.unwrap_or_else(cores).max(1),
            };
            let outcome = run(comparison, screen, signals).await?;
            cut_short = outcome.cut_short;
            if cut_short {
                break;
            }
            let probed = self.probe(replication, nodes, screen, signals).await?;
            events += outcome.events;
            digest = digest.rotate_left(7).wrapping_add(outcome.digest);
            let first = rows
                .first()
                .map(|row| (row.search_size, row.search_size_law));
            let searched = &outcome.rows[0].1;
            rows.push(self.row(allocation, &plan, nodes, probed, first, searched));
        }
        if self.json {
            screen.json(&json!({
                "version": env!("CARGO_PKG_VERSION"),
                "seed": self.seed,
                "topology": {"kind": name, "nodes": nodes, "edges": edges, "mean_degree": mean_degree},
                "workload": {
                    "objects": self.objects,
                    "copies": self.copies,
                    "zipf": self.zipf,
                    "queries": self.queries,
                    "probes": self.probes,
                },
                "rows": rows,
                "events": events,
                "digest": format!("{digest:016x}"),
                "cut_short": cut_short,
            }));
        } else if rows.is_empty() {
            screen.talk(NOTHING);
        } else {
            screen.table(
                [
                    "copies laid",
                    "copies",
                    "law",
                    "whole",
                    "asked",
                    "ratio",
                    "found",
                    "messages",
                    "reached",
                ],
                rows.iter().map(Row::cells),
            );
            screen.talk(format!(
                "Asked is how many are drawn at random until one has the file, on average over {}, and ratio that by the first \
                 row's; law is what Cohen and Shenker's formula says, whole the same for copies that are whole and at least \
                 one. Found, messages and reached are of {} by {} among {nodes} servents; seed {}, digest {digest:016x}",
                counted(self.probes, "query"),
                counted(self.queries, "query"),
                self.strategy,
                self.seed,
            ));
        }
        if let Some(path) = &self.csv {
            write(path, sheet(&rows))?;
        }
        Ok(if cut_short {
            Exit::Interrupted
        } else {
            Exit::Done
        })
    }

    fn plan(&self, replication: Replication, queries: u32) -> Plan {
        Plan {
            objects: self.objects,
            replication,
            zipf: self.zipf,
            queries,
        }
    }

    /// The search size when nodes are asked at random.
    async fn probe(
        &self,
        replication: Replication,
        nodes: usize,
        screen: &Screen,
        signals: &mut Signals,
    ) -> Result<f64, Failure> {
        let plan = self.plan(replication, self.probes);
        let seed = self.seed;
        watched(0, screen, signals, move |_| {
            let mut dice = Rng::seeded(seed);
            let workload = Workload::draw(&plan, nodes, &mut dice);
            probe(&workload, nodes, &mut dice)
        })
        .await
    }

    fn row(
        &self,
        allocation: &'static str,
        plan: &Plan,
        nodes: usize,
        probed: f64,
        first: Option<(f64, f64)>,
        searched: &Summary,
    ) -> Row {
        let law = law(plan, nodes);
        let (uniform, uniform_law) = first.unwrap_or((probed, law));
        let written = self.strategy.to_string();
        let params = written.split_once(':').map_or("", |(_, params)| params);
        Row {
            allocation,
            copies: plan.copies(nodes),
            search_size_law: rounded(law),
            search_size_whole: rounded(law_of_whole_copies(plan, nodes)),
            search_size: rounded(probed),
            ratio: rounded(probed / uniform),
            ratio_law: rounded(law / uniform_law),
            strategy: self.strategy.name(),
            params: params.to_owned(),
            success: rounded(searched.success()),
            messages_per_query: rounded(searched.mean(|one| one.queries + one.checks)),
            nodes_reached_mean: rounded(searched.mean(|one| one.reached)),
            hops_first_hit_mean: searched.hops_first_hit().map(rounded),
        }
    }
}
