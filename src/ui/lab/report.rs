//! What an experiment shows: a table, JSON, CSV. The figures of one row are named once, in [`Row`].

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use crate::central::Load;
use crate::lab::FLOOD_TTL;
use crate::lab::centre::Answers;
use crate::lab::compare::{Comparison, Outcome};
use crate::lab::measure::{Measured, Summary};
use crate::overlay::Strategy;
use crate::ui::load::LoadTold;
use crate::ui::render::{counted, span};
use crate::ui::screen::Screen;

use super::experiment::NOTHING;
use super::figures::{plain, rounded, sheet};
/// The name of the row of an index.
const INDEX: &str = "index";

/// One strategy's figures, under the names that programs rely on.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    pub(super) strategy: &'static str,
    pub(super) params: String,
    /// Measured with real servents.
    live: bool,
    pub(super) queries: usize,
    pub(super) success: f64,
    hits_mean: f64,
    pub(super) messages_per_query: f64,
    /// Of these, the words that stop a walk.
    checks_per_query: f64,
    duplicates_per_query: f64,
    /// Not known of real servents.
    bytes_per_query: Option<f64>,
    nodes_reached_mean: f64,
    pub(super) hops_first_hit_mean: Option<f64>,
    hops_first_hit: Vec<u64>,
    ms_first_hit_p50: Option<f64>,
    ms_first_hit_p95: Option<f64>,
    max_node_messages: u64,
    /// The part of the queries that were answered before and after the server vanished; only where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    success_before_loss: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    success_after_loss: Option<f64>,
    /// What the server had to do; only of an index.
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<LoadTold>,
    /// What a finished flood costs by the law `2|E| - (n-1)`; only beside a flood.
    #[serde(skip_serializing_if = "Option::is_none")]
    bound_messages: Option<u64>,
}

impl Row {
    /// Of a way of searching the network.
    fn new(strategy: Strategy, summary: &Summary, comparison: &Comparison) -> Self {
        let law = comparison.graph.flood_law();
        let written = match strategy {
            Strategy::Flood { ttl: None } => Strategy::flood(FLOOD_TTL).to_string(),
            other => other.to_string(),
        };
        let params = written.split_once(':').map_or("", |(_, params)| params);
        Self {
            bound_messages: law.filter(|_| matches!(strategy, Strategy::Flood { .. })),
            ..Self::of(strategy.name(), params, summary)
        }
    }

    /// Of an index, and what it had to do.
    fn of_index(summary: &Summary, load: &Load) -> Self {
        Self {
            server: Some(LoadTold::new(load)),
            ..Self::of(INDEX, "", summary)
        }
    }

    /// With what was answered before and after the server vanished.
    fn parted(self, loss: Option<usize>, summary: &Summary) -> Self {
        let around = loss.map(|loss| summary.success_around(loss));
        let (before, after) = around.unwrap_or_default();
        Self {
            success_before_loss: before.map(rounded),
            success_after_loss: after.map(rounded),
            ..self
        }
    }

    /// The part that was found, for people: `60 % (100 %, then 20 %)` where a server vanished.
    fn found(&self) -> String {
        let part = |part: f64| format!("{} %", plain(part * 100.0));
        match (self.success_before_loss, self.success_after_loss) {
            (None, None) => part(self.success),
            (before, after) => {
                let each = [before, after].map(|each| each.map_or_else(|| "-".to_owned(), part));
                format!("{} ({}, then {})", part(self.success), each[0], each[1])
            }
        }
    }

    fn of(strategy: &'static str, params: &str, summary: &Summary) -> Self {
        Self {
            strategy,
            params: params.to_owned(),
            live: false,
            queries: summary.queries(),
            success: rounded(summary.success()),
            hits_mean: rounded(summary.mean(|one| one.results)),
            messages_per_query: rounded(summary.mean(|one| one.queries + one.checks)),
            checks_per_query: rounded(summary.mean(|one| one.checks)),
            duplicates_per_query: rounded(summary.mean(crate::lab::measure::Measured::duplicates)),
            bytes_per_query: Some(rounded(summary.mean(|one| one.bytes))),
            nodes_reached_mean: rounded(summary.mean(|one| one.reached)),
            hops_first_hit_mean: summary.hops_first_hit().map(rounded),
            hops_first_hit: summary.hop_histogram(),
            ms_first_hit_p50: summary.ms_first_hit(0.5),
            ms_first_hit_p95: summary.ms_first_hit(0.95),
            max_node_messages: summary.max_node_messages(),
            success_before_loss: None,
            success_after_loss: None,
            server: None,
            bound_messages: None,
        }
    }
}

/// What came of a comparison.
#[derive(Clone, Debug)]
pub(super) struct Report<'a> {
    pub(super) topology: String,
    pub(super) rows: Vec<Row>,
    comparison: &'a Comparison,
    events: u64,
    digest: u64,
    took: Duration,
    /// Deliveries in a second of one core.
    speed: f64,
    cut_short: bool,
    /// After so many queries the server vanished.
    pub(super) loss: Option<usize>,
    agreements: Vec<Agreement>,
}

/// Whether real servents did what the laboratory's did, question by question.
#[derive(Clone, Debug, Serialize)]
struct Agreement {
    strategy: &'static str,
    queries: usize,
    /// Of these, those in which Query, QueryHit and duplicate counts were the same.
    equal: usize,
    /// Whether as many first hits came over each number of links.
    equal_hops: bool,
}

impl Agreement {
    fn of(strategy: &'static str, simulated: &Summary, live: &Summary) -> Self {
        let both = simulated.each().iter().zip(live.each());
        let equal = both.filter(|(one, other)| {
            let counts = |one: &Measured| (one.queries, one.hits_sent, one.duplicates());
            counts(one) == counts(other)
        });
        Self {
            strategy,
            queries: simulated.queries(),
            equal: equal.count(),
            equal_hops: simulated.hop_histogram() == live.hop_histogram(),
        }
    }

    /// Whether all is the same. Chance may let a walk or a dynamic query go another way.
    fn is_whole(&self) -> bool {
        let is_certain = ["flood", INDEX].contains(&self.strategy);
        !is_certain || (self.equal == self.queries && self.equal_hops)
    }

    /// For people.
    fn told(&self) -> String {
        format!(
            "{}: in {} of {} the servents sent as many queries and hits, and met as many copies, as in the laboratory; the \
             first hits came over {} numbers of links.",
            self.strategy,
            self.equal,
            counted(self.queries, "query"),
            if self.equal_hops { "the same" } else { "other" },
        )
    }
}

impl<'a> Report<'a> {
    /// Of a comparison on a topology of this name, in which the server vanishes after `loss` queries.
    pub(super) fn new(
        comparison: &'a Comparison,
        topology: String,
        outcome: &Outcome,
        loss: Option<usize>,
    ) -> Self {
        let row = |(strategy, summary): &(Strategy, Summary)| {
            Row::new(*strategy, summary, comparison).parted(loss, summary)
        };
        // Ended early, there are some that nobody came to.
        let asked = outcome
            .rows
            .iter()
            .filter(|(_, summary)| summary.queries() > 0);
        Self {
            topology,
            rows: asked.map(row).collect(),
            comparison,
            events: outcome.events,
            digest: outcome.digest,
            took: outcome.took,
            speed: outcome.events as f64 / outcome.worked.as_secs_f64().max(1e-9),
            cut_short: outcome.cut_short,
            loss,
            agreements: Vec::new(),
        }
    }

    /// Puts what real servents did below what was simulated. False when a flood, in which nothing is left to chance, did
    /// not cost and bring the same.
    pub(super) fn add_live(
        &mut self,
        strategy: Strategy,
        simulated: &Summary,
        live: &Summary,
    ) -> bool {
        let row = Row {
            bytes_per_query: None,
            ..Row::new(strategy, live, self.comparison)
        };
        self.add_below(row, simulated, live)
    }

    /// Puts the row of an index among the others.
    pub(super) fn add_index(&mut self, at: usize, answers: &Answers, took: Duration) {
        let row = Row::of_index(&answers.summary, &answers.load);
        let row = row.parted(self.loss, &answers.summary);
        self.rows.insert(at.min(self.rows.len()), row);
        self.events += answers.events;
        self.digest = self.digest.rotate_left(7).wrapping_add(answers.digest);
        self.took += took;
    }

    /// Puts what a real index did, and had to do for it, below what was simulated. False where that is not the same.
    pub(super) fn add_live_index(
        &mut self,
        simulated: &Summary,
        live: &Summary,
        load: &Load,
    ) -> bool {
        self.add_below(Row::of_index(live, load), simulated, live)
    }

    fn add_below(&mut self, row: Row, simulated: &Summary, live: &Summary) -> bool {
        let agreement = Agreement::of(row.strategy, simulated, live);
        let whole = agreement.is_whole();
        self.agreements.push(agreement);
        let same = |above: &Row| above.params == row.params && above.strategy == row.strategy;
        let at = self.rows.iter().position(same);
        let row = Row { live: true, ..row }.parted(self.loss, live);
        self.rows
            .insert(at.map_or(self.rows.len(), |at| at + 1), row);
        whole
    }

    /// How many servents there are.
    pub(super) const fn nodes(&self) -> usize {
        self.comparison.graph.nodes()
    }

    /// Notes that not all was measured that should have been.
    pub(super) const fn end_early(&mut self) {
        self.cut_short = true;
    }

    /// As one JSON object.
    pub(super) fn json(&self) -> Value {
        let graph = &self.comparison.graph;
        let plan = &self.comparison.plan;
        let seconds = self.took.as_secs_f64();
        let mut whole = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "seed": self.comparison.seed,
            "topology": {
                "kind": self.topology,
                "nodes": graph.nodes(),
                "edges": graph.edges().len(),
                "mean_degree": rounded(graph.mean_degree()),
            },
            "workload": {
                "objects": plan.objects,
                "replication": plan.replication.to_string(),
                "zipf": plan.zipf,
                "queries": plan.queries,
            },
            "rows": self.rows,
            "events": self.events,
            "events_per_second": (self.events as f64 / seconds.max(1e-9)).round(),
            "events_per_core_second": self.speed.round(),
            "seconds": rounded(seconds),
            "digest": format!("{:016x}", self.digest),
            "cut_short": self.cut_short,
        });
        if !self.agreements.is_empty() {
            whole["agreements"] = json!(self.agreements);
        }
        if let Some(loss) = self.loss {
            whole["index_lost_after"] = loss.into();
        }
        whole
    }

    /// As a table, for people.
    pub(super) fn show(&self, screen: &Screen) {
        if self.rows.is_empty() {
            return screen.talk(NOTHING);
        }
        let optional = |figure: Option<f64>| figure.map_or_else(|| "-".to_owned(), plain);
        let rows = self.rows.iter().map(|row| {
            [
                match row.live {
                    true => format!("{}, live", row.strategy),
                    false => row.strategy.to_owned(),
                },
                row.params.clone(),
                row.found(),
                plain(row.messages_per_query),
                plain(row.duplicates_per_query),
                plain(row.nodes_reached_mean),
                optional(row.hops_first_hit_mean),
                optional(row.ms_first_hit_p50),
                plain(row.hits_mean),
                row.max_node_messages.to_string(),
            ]
        });
        screen.table(
            [
                "strategy", "with", "found", "messages", "twice", "reached", "hops", "ms", "hits",
                "busiest",
            ],
            rows,
        );
        screen.talk(self.foot());
        let queries = self
            .rows
            .iter()
            .map(|row| row.queries)
            .max()
            .unwrap_or_default();
        screen.talk(format!(
            "Means over {}: Query descriptors sent (walk checks included), copies that came twice, servents reached, \
             links to the first hit and its median time, files found; busiest is what one servent had to read.",
            counted(queries, "query")
        ));
        for agreement in &self.agreements {
            screen.talk(agreement.told());
        }
        for row in &self.rows {
            if let Some(server) = &row.server {
                let live = if row.live { ", live," } else { "" };
                screen.talk(format!("The index{live} {}.", server.told()));
            }
        }
        if let Some(loss) = self.loss {
            screen.talk(format!(
                "The index vanished after {}: in brackets what was found before and after.",
                counted(loss, "query")
            ));
        }
    }

    /// How many of the queries were answered, and what the busiest servent had to read, of the first row.
    pub(super) fn answered(&self) -> String {
        let row = self.rows.first().map(|row| (row.found(), row));
        let told = row.map(|(found, row)| {
            let bound = row.bound_messages;
            let law = bound.map_or_else(String::new, |law| {
                format!(" A flood that reaches everybody costs 2|E| - (n-1) = {law} messages.")
            });
            format!(
                "{found} of {} were answered by {}; the busiest servent read {} of them.{law}",
                counted(row.queries, "query"),
                row.strategy,
                row.max_node_messages
            )
        });
        told.unwrap_or_default()
    }

    /// What it was measured on, and the digest.
    pub(super) fn foot(&self) -> String {
        let graph = &self.comparison.graph;
        format!(
            "{}, {} nodes, {} links, mean degree {:.2}; {} events in {}, {:.1} million a second of a core; \
             seed {}, digest {:016x}{}",
            self.topology,
            graph.nodes(),
            graph.edges().len(),
            graph.mean_degree(),
            self.events,
            span(self.took),
            self.speed / 1e6,
            self.comparison.seed,
            self.digest,
            if self.cut_short { "; ended early" } else { "" },
        )
    }

    /// As a table for spreadsheets.
    pub(super) fn csv(&self) -> String {
        sheet(&self.rows)
    }
}
