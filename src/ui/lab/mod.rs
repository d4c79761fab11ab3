//! The verbs of the laboratory: `compare`, and `lab` with its experiments.
//!
//! `experiment` holds the options they share and makes a [`crate::lab::compare::Comparison`] of them, `report` writes what
//! came of it.

mod compare;
mod experiment;
mod flood;
mod papers;
mod plot;
mod report;

use clap::Subcommand;

pub(super) use compare::Compare;
pub(super) use experiment::Source;

use super::failure::{Exit, Failure};
use super::screen::Screen;
use super::signals::Signals;
use flood::Flood;
use papers::Papers;

/// The experiments of the laboratory.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Lab {
    /// How many servents a flood reaches, and what it costs, by its TTL
    Flood(Flood),
    /// Reproduce what papers measured: expected, measured, verdict
    Papers(Papers),
}

impl Lab {
    pub(super) async fn run(self, screen: &Screen, signals: &mut Signals) -> Result<Exit, Failure> {
        match self {
            Self::Flood(flood) => flood.run(screen, signals).await,
            Self::Papers(papers) => papers.run(screen, signals).await,
        }
    }
}
