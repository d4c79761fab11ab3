//! `lab churn`: ways of searching while servents come and go.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::experiment::{check, watched};
use super::figures::{plain, rounded, sheet};
use super::strategies::Strategies;
use super::write;
use crate::lab::Latency;
use crate::lab::churn::{self, Fate, Lives};
use crate::lab::workload::{Plan, Replication};
use crate::overlay::Strategy;
use crate::ui::failure::{Exit, Failure};
use crate::ui::render::counted;
use crate::ui::screen::Screen;
use crate::ui::signals::Signals;

/// Compare ways of searching while servents come and go: how long each stays and stays away follows a Weibull law, and whoever
/// comes finds its neighbours by itself.
#[derive(Args, Clone, Debug)]
pub(in crate::ui) struct Churn {
    /// So many servents, there or away
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u32).range(2..=MOST_NODES))]
    nodes: u32,

    /// How many neighbours each looks for
    #[arg(long, value_name = "D", default_value_t = 6, value_parser = clap::value_parser!(u8).range(1..=64))]
    degree: u8,

    /// How long a servent stays, the median in minutes
    #[arg(long, value_name = "MIN", default_value = "20")]
    session: Minutes,

    /// How long it stays away
    #[arg(long, value_name = "MIN", default_value = "20")]
    away: Minutes,

    /// The shape of both laws: 1 is exponential, less has a longer tail; real networks have 0.34 to 0.59
    #[arg(long, value_name = "K", default_value_t = 0.5)]
    shape: f64,

    /// For how long it is watched, in minutes
    #[arg(long, value_name = "MIN", default_value = "30")]
    minutes: Minutes,

    /// Copies of each object: 1%, 20, sqrt:10 or proportional:10
    #[arg(long, value_name = "R", default_value = "1%")]
    replication: Replication,

    /// Different objects
    #[arg(long, value_name = "M", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=MOST_OBJECTS))]
    objects: u32,

    /// Ask by a Zipf law of this exponent; 0 asks for all alike
    #[arg(long, value_name = "A", default_value_t = 0.0)]
    zipf: f64,

    /// How many queries, spread over the time
    #[arg(long, value_name = "Q", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=MOST_QUERIES))]
    queries: u32,

    /// The strategies, with commas between: flood, ring, walk, dynamic, index
    #[arg(
        long,
        value_name = "LIST",
        default_value = "flood,ring,walk,dynamic,index"
    )]
    strategies: Strategies,

    /// One way of a word over a link, in milliseconds: 80 or 20-180
    #[arg(long, value_name = "MS", default_value = "20-180")]
    latency: Latency,

    /// The seed of all dice: equal seeds give equal figures
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    /// Write the table to this file as well
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
}

/// A span in minutes.
#[derive(Clone, Copy, Debug)]
struct Minutes(Duration);

impl FromStr for Minutes {
    type Err = String;

    /// `30` or `0.5`.
    fn from_str(text: &str) -> Result<Self, String> {
        let minutes = text.parse::<f64>().ok();
        let sound = minutes.filter(|minutes| (0.1..=10_000.0).contains(minutes));
        sound
            .map(|minutes| Self(Duration::from_secs_f64(minutes * 60.0)))
            .ok_or_else(|| {
                format!("a time is minutes like `30` or `0.5`, from 0.1 to 10000, not `{text}`")
            })
    }
}

impl Minutes {
    fn as_minutes(self) -> f64 {
        self.0.as_secs_f64() / 60.0
    }
}

/// One way of searching.
#[derive(Clone, Debug, Serialize)]
struct Row {
    strategy: &'static str,
    params: String,
    queries: usize,
    /// The part for which somebody was there who had it.
    available: f64,
    /// The part of these that was answered.
    success: f64,
    hits_mean: f64,
    messages_per_query: f64,
    /// Of these, the words that stop a walk.
    checks_per_query: f64,
    duplicates_per_query: f64,
    nodes_reached_mean: f64,
    hops_first_hit_mean: Option<f64>,
    ms_first_hit_p50: Option<f64>,
    ms_first_hit_p95: Option<f64>,
    /// Messages that a servent sends in a minute to be part of it, searching aside; those of a server are in it.
    upkeep_per_minute: f64,
    /// Messages whose link was gone when they came.
    lost: u64,
    bytes: u64,
    max_node_messages: u64,
}

impl Row {
    /// Where so many servents were `present` on average.
    fn new(strategy: Option<Strategy>, fate: &Fate, present: f64) -> Self {
        let written = strategy.map(|strategy| strategy.to_string());
        let params = written.as_deref().and_then(|text| text.split_once(':'));
        let sent = fate.traffic;
        let minutes = present * fate.watched.as_secs_f64() / 60.0;
        let each = |count: u64| rounded(count as f64 / fate.asked.max(1) as f64);
        let millis = |part| {
            fate.by(part)
                .map(|after| rounded(after.as_secs_f64() * 1e3))
        };
        Self {
            strategy: strategy.map_or("index", Strategy::name),
            params: params.map_or_else(String::new, |(_, params)| params.to_owned()),
            queries: fate.asked,
            available: rounded(fate.available as f64 / fate.asked.max(1) as f64),
            success: rounded(fate.success()),
            hits_mean: each(sent.found),
            messages_per_query: each(sent.queries + sent.checks),
            checks_per_query: each(sent.checks),
            duplicates_per_query: each(sent.queries.saturating_sub(sent.lookups)),
            nodes_reached_mean: each(sent.lookups),
            hops_first_hit_mean: fate.hops().map(rounded),
            ms_first_hit_p50: millis(0.5),
            ms_first_hit_p95: millis(0.95),
            upkeep_per_minute: rounded(sent.upkeep as f64 / minutes.max(1e-9)),
            lost: sent.lost,
            bytes: sent.bytes,
            max_node_messages: fate.busiest,
        }
    }

    fn cells(&self) -> [String; 10] {
        let optional = |figure: Option<f64>| figure.map_or_else(|| "-".to_owned(), plain);
        [
            self.strategy.to_owned(),
            self.params.clone(),
            format!("{} %", plain(self.success * 100.0)),
            plain(self.messages_per_query),
            plain(self.duplicates_per_query),
            plain(self.nodes_reached_mean),
            optional(self.hops_first_hit_mean),
            optional(self.ms_first_hit_p50),
            plain(self.upkeep_per_minute),
            self.max_node_messages.to_string(),
        ]
    }
}

impl Churn {
    pub(in crate::ui) async fn run(
        self,
        screen: &Screen,
        signals: &mut Signals,
    ) -> Result<Exit, Failure> {
        let churn = self.churn()?;
        let (same, all) = (churn.clone(), churn.queries());
        let outcome = watched(all, screen, signals, move |progress| same.run(progress)).await?;
        let rows = outcome.rows.iter();
        let rows: Vec<Row> = rows
            .map(|(strategy, fate)| Row::new(*strategy, fate, outcome.present))
            .collect();
        // With r copies on servents of whom the part a is there, one is there with 1 - (1-a)^r.
        let nodes = self.nodes as usize;
        let bound = churn.plan.copies_each(nodes);
        let away = 1.0 - churn.lives.availability();
        let bound = rounded(
            bound
                .map(|(part, copies)| part * (1.0 - away.powf(copies)))
                .sum(),
        );
        if self.json {
            screen.json(&json!({
                "version": env!("CARGO_PKG_VERSION"),
                "seed": self.seed,
                "nodes": self.nodes,
                "degree": self.degree,
                "session_minutes": self.session.as_minutes(),
                "away_minutes": self.away.as_minutes(),
                "shape": self.shape,
                "minutes": self.minutes.as_minutes(),
                "workload": {
                    "objects": self.objects,
                    "replication": self.replication.to_string(),
                    "zipf": self.zipf,
                    "queries": self.queries,
                },
                "present_mean": rounded(outcome.present),
                "changes": outcome.changes,
                "bound_available": bound,
                "rows": rows,
                "events": outcome.events,
                "digest": format!("{:016x}", outcome.digest),
                "cut_short": outcome.cut_short,
            }));
        } else {
            screen.table(
                [
                    "strategy", "with", "found", "messages", "twice", "reached", "hops", "ms",
                    "upkeep", "busiest",
                ],
                rows.iter().map(Row::cells),
            );
            screen.talk(format!(
                "{:.0} of {} servents were there on average, and {} came or went in {} min. For {} of the queries somebody was \
                 there who had it, where {} is to be expected; found is of these.",
                outcome.present,
                self.nodes,
                outcome.changes,
                plain(self.minutes.as_minutes()),
                percent(rows.first().map_or(0.0, |row| row.available)),
                percent(bound),
            ));
            screen.talk(format!(
                "Means over {}: Query descriptors sent (walk checks included), copies that came twice, libraries asked, links to \
                 the first hit and its median time; upkeep is messages a servent sends a minute beside, busiest what one read and \
                 wrote. {} events; seed {}, digest {:016x}",
                counted(self.queries, "query"),
                outcome.events,
                self.seed,
                outcome.digest,
            ));
        }
        if let Some(path) = &self.csv {
            write(path, sheet(&rows))?;
        }
        Ok(if outcome.cut_short {
            Exit::Interrupted
        } else {
            Exit::Done
        })
    }

    fn churn(&self) -> Result<churn::Churn, Failure> {
        if !(0.2..=5.0).contains(&self.shape) {
            let why = format!("a shape is from 0.2 to 5, not {}", self.shape);
            return Err(Failure::usage(why));
        }
        let plan = Plan {
            objects: self.objects,
            replication: self.replication,
            zipf: self.zipf,
            queries: self.queries,
        };
        check(&plan, self.nodes as usize)?;
        Ok(churn::Churn {
            nodes: self.nodes,
            neighbours: self.degree.into(),
            plan,
            lives: Lives {
                session: self.session.0,
                away: self.away.0,
                shape: self.shape,
            },
            span: self.minutes.0,
            strategies: self.strategies.all(),
            latency: self.latency,
            seed: self.seed,
        })
    }
}

fn percent(part: f64) -> String {
    format!("{} %", plain(part * 100.0))
}

/// Servents: some 20 KiB each, and a hundred events a minute.
const MOST_NODES: i64 = 20_000;

/// Objects, so that each node's list of what it holds fits in memory.
const MOST_OBJECTS: i64 = 100_000;

/// Queries.
const MOST_QUERIES: i64 = 100_000;
