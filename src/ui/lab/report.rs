//! What an experiment shows: a table, JSON, CSV. The figures of one row are named once, in [`Row`].

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use crate::lab::FLOOD_TTL;
use crate::lab::centre::{Answers, Load};
use crate::lab::compare::{Comparison, Outcome};
use crate::lab::measure::{Measured, Summary};
use crate::overlay::Strategy;
use crate::ui::render::{bytes, counted, span};
use crate::ui::screen::Screen;

use super::figures::{plain, rounded, sheet};

/// One strategy's figures, under the names that programs rely on.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    pub(super) strategy: &'static str,
    pub(super) params: String,
    /// Measured with real servents.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
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
    server: Option<Server>,
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

    /// Of an index.
    fn of_index(answers: &Answers) -> Self {
        Self {
            server: Some(Server::new(&answers.load)),
            ..Self::of("index", "", &answers.summary)
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

/// What a server had to do for all nodes together: frames, and bytes.
#[derive(Clone, Debug, Serialize)]
struct Server {
    messages_in: u64,
    logins: u64,
    registrations: u64,
    searches: u64,
    messages_out: u64,
    bytes_in: u64,
    bytes_out: u64,
}

impl Server {
    const fn new(load: &Load) -> Self {
        Self {
            messages_in: load.messages_in(),
            logins: load.logins,
            registrations: load.registrations,
            searches: load.searches,
            messages_out: load.answers,
            bytes_in: load.bytes_in,
            bytes_out: load.bytes_out,
        }
    }

    /// For people.
    fn told(&self) -> String {
        format!(
            "The index read {} messages ({} logins, {} registrations, {} searches; {}) and wrote {} ({}).",
            self.messages_in,
            self.logins,
            self.registrations,
            self.searches,
            bytes(self.bytes_in),
            self.messages_out,
            bytes(self.bytes_out),
        )
    }
}

/// What came of a comparison.
#[derive(Clone, Debug)]
pub(super) struct Report<'a> {
    pub(super) topology: String,
    pub(super) nodes: usize,
    pub(super) rows: Vec<Row>,
    comparison: &'a Comparison,
    events: u64,
    digest: u64,
    took: Duration,
    cut_short: bool,
    /// After so many queries the server vanished.
    loss: Option<usize>,
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
    fn of(strategy: Strategy, simulated: &Summary, live: &Summary) -> Self {
        let both = simulated.each().iter().zip(live.each());
        let equal = both.filter(|(one, other)| {
            let counts = |one: &Measured| (one.queries, one.hits_sent, one.duplicates());
            counts(one) == counts(other)
        });
        Self {
            strategy: strategy.name(),
            queries: simulated.queries(),
            equal: equal.count(),
            equal_hops: simulated.hop_histogram() == live.hop_histogram(),
        }
    }

    const fn is_whole(&self) -> bool {
        self.equal == self.queries && self.equal_hops
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
    /// Of a comparison on a topology of this name.
    pub(super) fn new(comparison: &'a Comparison, topology: String, outcome: &Outcome) -> Self {
        let row =
            |(strategy, summary): &(Strategy, Summary)| Row::new(*strategy, summary, comparison);
        Self {
            topology,
            nodes: comparison.graph.nodes(),
            rows: outcome.rows.iter().map(row).collect(),
            comparison,
            events: outcome.events,
            digest: outcome.digest,
            took: outcome.took,
            cut_short: outcome.cut_short,
            loss: None,
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
            live: true,
            bytes_per_query: None,
            ..Row::new(strategy, live, self.comparison)
        };
        let above = self
            .rows
            .iter()
            .position(|above| above.params == row.params && above.strategy == row.strategy);
        self.rows
            .insert(above.map_or(self.rows.len(), |at| at + 1), row);
        let agreement = Agreement::of(strategy, simulated, live);
        let whole = agreement.is_whole() || !matches!(strategy, Strategy::Flood { .. });
        self.agreements.push(agreement);
        whole
    }

    /// Puts the row of an index among the others.
    pub(super) fn add_index(&mut self, at: usize, answers: &Answers, took: Duration) {
        self.rows
            .insert(at.min(self.rows.len()), Row::of_index(answers));
        self.events += answers.events;
        self.digest = self.digest.rotate_left(7).wrapping_add(answers.digest);
        self.took += took;
    }

    /// Tells in each row what was answered before and after the server vanished.
    pub(super) fn part<'s>(&mut self, loss: usize, summaries: impl Iterator<Item = &'s Summary>) {
        self.loss = Some(loss);
        for (row, summary) in self.rows.iter_mut().zip(summaries) {
            let (before, after) = summary.success_around(loss);
            row.success_before_loss = before.map(rounded);
            row.success_after_loss = after.map(rounded);
        }
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
        for server in self.rows.iter().filter_map(|row| row.server.as_ref()) {
            screen.talk(server.told());
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
            "{}, {} nodes, {} links, mean degree {:.2}; {} events in {}; seed {}, digest {:016x}{}",
            self.topology,
            graph.nodes(),
            graph.edges().len(),
            graph.mean_degree(),
            self.events,
            span(self.took),
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
