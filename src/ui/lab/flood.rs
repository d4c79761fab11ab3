//! `lab flood`: coverage and cost by TTL.

use clap::Args;
use serde_json::json;

use super::experiment::{Experiment, run};
use crate::overlay::Strategy;
use crate::ui::failure::{Exit, Failure};
use crate::ui::screen::Screen;
use crate::ui::signals::Signals;

/// How many servents a flood reaches, and what it costs, by its TTL.
#[derive(Args, Clone, Debug)]
pub(in crate::ui) struct Flood {
    #[command(flatten)]
    experiment: Experiment,

    /// The highest TTL to try
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u8).range(1..))]
    ttl: u8,

    /// Print JSON, a line a TTL
    #[arg(long)]
    pub(in crate::ui) json: bool,
}

impl Flood {
    pub(in crate::ui) async fn run(
        self,
        screen: &Screen,
        signals: &mut Signals,
    ) -> Result<Exit, Failure> {
        let (graph, _) = self.experiment.graph(screen, signals).await?;
        let nodes = graph.nodes();
        let law = graph.flood_law();
        let floods = (1..=self.ttl).map(Strategy::flood).collect();
        let comparison = self.experiment.comparison(graph, floods)?;
        let outcome = run(comparison, screen, signals).await?;
        let rows = outcome
            .rows
            .iter()
            .zip(1..)
            .filter(|((_, summary), _)| summary.queries() > 0);
        let rows = rows.map(|((_, summary), ttl)| {
            let messages = summary.mean(|one| one.queries);
            let reached = summary.mean(|one| one.reached);
            let twice = summary.mean(crate::lab::measure::Measured::duplicates);
            (ttl, reached, messages, twice, summary.success())
        });
        if self.json {
            for (ttl, reached, messages, twice, success) in rows {
                screen.json(&json!({
                    "ttl": ttl,
                    "nodes_reached_mean": reached,
                    "coverage": reached / (nodes - 1) as f64,
                    "messages_per_query": messages,
                    "duplicates_per_query": twice,
                    "success": success,
                }));
            }
        } else {
            screen.table(
                ["TTL", "reached", "of all", "messages", "twice", "found"],
                rows.map(
                    |(ttl, reached, messages, twice, success): (u8, _, _, _, _)| {
                        [
                            ttl.to_string(),
                            format!("{reached:.0}"),
                            format!("{:.1} %", 100.0 * reached / (nodes - 1) as f64),
                            format!("{messages:.0}"),
                            format!("{twice:.0}"),
                            format!("{:.0} %", success * 100.0),
                        ]
                    },
                ),
            );
            if let Some(law) = law {
                screen.talk(format!(
                    "A finished flood costs 2|E| - (n-1) = {law} messages."
                ));
            }
        }
        Ok(if outcome.cut_short {
            Exit::Interrupted
        } else {
            Exit::Done
        })
    }
}
