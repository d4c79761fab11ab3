//! What an experiment shows: a table, JSON, CSV. The figures of one row are named once, in [`Row`].

use serde::Serialize;
use serde_json::{Value, json};

use crate::lab::FLOOD_TTL;
use crate::lab::compare::{Comparison, Outcome};
use crate::lab::measure::Summary;
use crate::overlay::Strategy;
use crate::ui::render::{counted, span};
use crate::ui::screen::Screen;

/// One strategy's figures, under the names that programs rely on.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    pub(super) strategy: &'static str,
    pub(super) params: String,
    pub(super) queries: usize,
    pub(super) success: f64,
    hits_mean: f64,
    pub(super) messages_per_query: f64,
    /// Of these, the words that stop a walk.
    checks_per_query: f64,
    duplicates_per_query: f64,
    bytes_per_query: f64,
    nodes_reached_mean: f64,
    pub(super) hops_first_hit_mean: Option<f64>,
    hops_first_hit: Vec<u64>,
    ms_first_hit_p50: Option<f64>,
    ms_first_hit_p95: Option<f64>,
    max_node_messages: u64,
    /// What a finished flood costs by the law `2|E| - (n-1)`; only beside a flood.
    #[serde(skip_serializing_if = "Option::is_none")]
    bound_messages: Option<u64>,
}

impl Row {
    fn new(strategy: Strategy, summary: &Summary, comparison: &Comparison) -> Self {
        let graph = &comparison.graph;
        let law = 2 * graph.edges().len() as u64 - (graph.nodes() as u64 - 1);
        let written = match strategy {
            Strategy::Flood { ttl: None } => Strategy::flood(FLOOD_TTL).to_string(),
            other => other.to_string(),
        };
        let params = written.split_once(':').map_or("", |(_, params)| params);
        Self {
            strategy: strategy.name(),
            params: params.to_owned(),
            queries: summary.queries(),
            success: rounded(summary.success()),
            hits_mean: rounded(summary.mean(|one| one.results)),
            messages_per_query: rounded(summary.mean(|one| one.queries + one.checks)),
            checks_per_query: rounded(summary.mean(|one| one.checks)),
            duplicates_per_query: rounded(summary.mean(crate::lab::measure::Measured::duplicates)),
            bytes_per_query: rounded(summary.mean(|one| one.bytes)),
            nodes_reached_mean: rounded(summary.mean(|one| one.reached)),
            hops_first_hit_mean: summary.hops_first_hit().map(rounded),
            hops_first_hit: summary.hop_histogram(),
            ms_first_hit_p50: summary.ms_first_hit(0.5),
            ms_first_hit_p95: summary.ms_first_hit(0.95),
            max_node_messages: summary.max_node_messages(),
            bound_messages: matches!(strategy, Strategy::Flood { .. }).then_some(law),
        }
    }
}

/// What came of a comparison.
#[derive(Clone, Debug)]
pub(super) struct Report {
    pub(super) topology: String,
    pub(super) nodes: usize,
    pub(super) rows: Vec<Row>,
    whole: Value,
    foot: String,
}

impl Report {
    /// Of a comparison on a topology of this name.
    pub(super) fn new(comparison: &Comparison, topology: String, outcome: &Outcome) -> Self {
        let graph = &comparison.graph;
        let plan = &comparison.plan;
        let rows: Vec<Row> = outcome
            .rows
            .iter()
            .map(|(strategy, summary)| Row::new(*strategy, summary, comparison))
            .collect();
        let seconds = outcome.took.as_secs_f64();
        let whole = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "seed": comparison.seed,
            "topology": {
                "kind": topology,
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
            "rows": rows,
            "events": outcome.events,
            "events_per_second": (outcome.events as f64 / seconds.max(1e-9)).round(),
            "seconds": rounded(seconds),
            "digest": format!("{:016x}", outcome.digest),
            "cut_short": outcome.cut_short,
        });
        let foot = format!(
            "{topology}, {} nodes, {} links, mean degree {:.2}; {} events in {}; seed {}, digest {:016x}{}",
            graph.nodes(),
            graph.edges().len(),
            graph.mean_degree(),
            outcome.events,
            span(outcome.took),
            comparison.seed,
            outcome.digest,
            if outcome.cut_short {
                "; ended early"
            } else {
                ""
            },
        );
        Self {
            topology,
            nodes: graph.nodes(),
            rows,
            whole,
            foot,
        }
    }

    /// As one JSON object.
    pub(super) const fn json(&self) -> &Value {
        &self.whole
    }

    /// As a table, for people.
    pub(super) fn show(&self, screen: &Screen) {
        let optional = |figure: Option<f64>| figure.map_or_else(|| "-".to_owned(), plain);
        let rows = self.rows.iter().map(|row| {
            [
                row.strategy.to_owned(),
                row.params.clone(),
                format!("{} %", plain(row.success * 100.0)),
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
        screen.talk(self.foot.clone());
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
    }

    /// As a table for spreadsheets.
    pub(super) fn csv(&self) -> String {
        let mut lines = Vec::new();
        for row in &self.rows {
            let Ok(Value::Object(fields)) = serde_json::to_value(row) else {
                continue;
            };
            let single = || {
                fields
                    .iter()
                    .filter(|(name, value)| !value.is_array() && *name != "bound_messages")
            };
            if lines.is_empty() {
                let names: Vec<&str> = single().map(|(name, _)| name.as_str()).collect();
                lines.push(names.join(","));
            }
            let cells: Vec<String> = single().map(|(_, value)| cell(value)).collect();
            lines.push(cells.join(","));
        }
        lines.join("\n") + "\n"
    }
}

/// A cell of CSV (RFC 4180).
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => format!("\"{}\"", text.replace('"', "\"\"")),
        other => other.to_string(),
    }
}

/// To six digits behind the point: enough, and the same everywhere.
fn rounded(figure: f64) -> f64 {
    (figure * 1e6).round() / 1e6
}

/// As short as a person wants it.
fn plain(figure: f64) -> String {
    match figure {
        large if large >= 100.0 => format!("{large:.0}"),
        whole if whole.fract() == 0.0 => format!("{whole:.0}"),
        small => format!("{small:.2}"),
    }
}
