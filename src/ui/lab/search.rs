//! `lab search`: one way of searching, measured in full.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::experiment::{Experiment, NOTHING, run};
use super::figures::{plain, rounded, sheet};
use super::report::Report;
use super::write;
use crate::lab::measure::{Measured, Summary};
use crate::overlay::Strategy;
use crate::ui::failure::{Exit, Failure};
use crate::ui::screen::Screen;
use crate::ui::signals::Signals;

/// Measure one way of searching in full: not only what a query costs and brings on average, but how that is spread.
#[derive(Args, Clone, Debug)]
pub(in crate::ui) struct Search {
    /// How: flood:ttl=7, ring:ttls=1-3-5-7, walk:walkers=16,ttl=255,check=4 or dynamic
    #[arg(value_name = "STRATEGY", default_value = "flood")]
    strategy: Strategy,

    #[command(flatten)]
    experiment: Experiment,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    /// Write a line for each query to this file
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
}

/// A figure of a query, in its name for programs and for people.
struct Figure {
    name: &'static str,
    title: &'static str,
    of: fn(&Measured) -> Option<u64>,
}

const FIGURES: [Figure; 8] = [
    Figure {
        name: "messages",
        title: "messages",
        of: |one| Some(one.queries + one.checks),
    },
    Figure {
        name: "checks",
        title: "words to walkers",
        of: |one| Some(one.checks),
    },
    Figure {
        name: "duplicates",
        title: "came twice",
        of: |one| Some(one.duplicates()),
    },
    Figure {
        name: "nodes_reached",
        title: "servents reached",
        of: |one| Some(one.reached),
    },
    Figure {
        name: "bytes",
        title: "bytes",
        of: |one| Some(one.bytes),
    },
    Figure {
        name: "hits",
        title: "files found",
        of: |one| Some(one.results),
    },
    Figure {
        name: "hops_first_hit",
        title: "hops to the first hit",
        of: |one| one.hops_first_hit.map(u64::from),
    },
    Figure {
        name: "ms_first_hit",
        title: "ms to the first hit",
        of: |one| Some(one.first_hit_after?.as_millis() as u64),
    },
];

/// How a figure is spread over the queries that have it.
#[derive(Clone, Debug, Serialize)]
struct Spread {
    figure: &'static str,
    mean: Option<f64>,
    least: Option<u64>,
    p50: Option<u64>,
    p95: Option<u64>,
    most: Option<u64>,
}

impl Spread {
    fn new(figure: &Figure, summary: &Summary) -> Self {
        let all: Vec<u64> = summary.each().iter().filter_map(figure.of).collect();
        let mean = all.iter().sum::<u64>() as f64 / all.len() as f64;
        let within = |part| summary.within(part, figure.of);
        Self {
            figure: figure.name,
            mean: (!all.is_empty()).then(|| rounded(mean)),
            least: within(0.0),
            p50: within(0.5),
            p95: within(0.95),
            most: within(1.0),
        }
    }

    fn cells(&self, title: &str) -> [String; 6] {
        let whole =
            |figure: Option<u64>| figure.map_or_else(|| "-".to_owned(), |it| it.to_string());
        [
            title.to_owned(),
            self.mean.map_or_else(|| "-".to_owned(), plain),
            whole(self.least),
            whole(self.p50),
            whole(self.p95),
            whole(self.most),
        ]
    }
}

/// A query, for spreadsheets.
#[derive(Serialize)]
struct Line {
    query: usize,
    messages: u64,
    checks: u64,
    duplicates: u64,
    nodes_reached: u64,
    bytes: u64,
    hits: u64,
    hops_first_hit: Option<u32>,
    ms_first_hit: Option<f64>,
}

impl Line {
    fn new((number, one): (usize, &Measured)) -> Self {
        Self {
            query: number,
            messages: one.queries + one.checks,
            checks: one.checks,
            duplicates: one.duplicates(),
            nodes_reached: one.reached,
            bytes: one.bytes,
            hits: one.results,
            hops_first_hit: one.hops_first_hit,
            ms_first_hit: one.first_hit_after.map(|after| after.as_secs_f64() * 1e3),
        }
    }
}

impl Search {
    pub(in crate::ui) async fn run(
        self,
        screen: &Screen,
        signals: &mut Signals,
    ) -> Result<Exit, Failure> {
        let (graph, name) = self.experiment.graph(screen, signals).await?;
        let comparison = self.experiment.comparison(graph, vec![self.strategy])?;
        let settled = comparison.clone();
        let outcome = run(comparison, screen, signals).await?;
        let report = Report::new(&settled, name, &outcome, None);
        let summary = &outcome.rows[0].1;
        let spreads = FIGURES.iter().map(|figure| Spread::new(figure, summary));
        let spreads: Vec<Spread> = spreads.collect();
        let nodes = settled.graph.nodes();
        let each = settled.plan.copies_each(nodes);
        let blind: f64 = each
            .map(|(part, copies)| part * nodes as f64 / (copies + 1.0))
            .sum();
        if self.json {
            let mut whole = report.json();
            whole["distribution"] = json!(spreads);
            whole["bound_search_size"] = rounded(blind).into();
            screen.json(&whole);
        } else if summary.queries() == 0 {
            screen.talk(NOTHING);
        } else {
            let cells =
                { spreads.iter().zip(&FIGURES) }.map(|(spread, figure)| spread.cells(figure.title));
            screen.table(
                ["of a query", "mean", "least", "half", "95 %", "most"],
                cells,
            );
            let histogram = summary.hop_histogram();
            let hops = histogram
                .iter()
                .enumerate()
                .filter(|(_, count)| **count > 0);
            let hops: Vec<String> = hops
                .map(|(hops, count)| format!("{hops}: {count}"))
                .collect();
            screen.talk(format!("First hits by hops: {}.", hops.join(", ")));
            screen.talk(report.answered());
            screen.talk(format!(
                "Who asks one after another without knowing anything asks {} until one has it.",
                plain(blind)
            ));
            screen.talk(report.foot());
        }
        if let Some(path) = &self.csv {
            let lines: Vec<Line> = summary.each().iter().enumerate().map(Line::new).collect();
            write(path, sheet(&lines))?;
        }
        Ok(if outcome.cut_short {
            Exit::Interrupted
        } else {
            Exit::Done
        })
    }
}
