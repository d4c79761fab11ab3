//! The verbs of the laboratory: `compare`, and `lab` with its experiments.
//!
//! `experiment` holds the options they share and makes a [`crate::lab::compare::Comparison`] of them, `report` writes what
//! came of it.

mod churn;
mod compare;
mod course;
mod curves;
mod distribute;
mod experiment;
mod figures;
mod flood;
mod graph;
mod live;
mod papers;
mod picture;
mod plot;
mod reality;
mod replicate;
mod report;
mod search;
mod strategies;

use std::fs;
use std::io;
use std::path::Path;

use clap::Subcommand;

pub(super) use compare::Compare;
pub(super) use experiment::Source;
pub(super) use reality::LEAVES;

use super::failure::{Exit, Failure};
use super::screen::Screen;
use super::signals::Signals;
use churn::Churn;
use course::Course;
use distribute::Distribute;
use flood::Flood;
use graph::Graph;
use papers::Papers;
use replicate::Replicate;
use search::Search;

/// The experiments of the laboratory.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Lab {
    /// How many servents a flood reaches, and what it costs, by its TTL
    Flood(Flood),
    /// How long a file takes to reach everybody: from a server alone, and from all who have a part of it
    Distribute(Distribute),
    /// A network by itself: draw or read it, describe it, write it to a file
    Graph(Graph),
    /// One way of searching, measured in full
    Search(Search),
    /// Ways of searching while servents come and go
    Churn(Churn),
    /// An exercise of a university course, with its report: response times of an index and of floods
    Course(Course),
    /// How many copies each file should have: as many for all, in proportion to popularity, or to its square root
    Replicate(Replicate),
    /// Reproduce what papers measured: expected, measured, verdict
    Papers(Papers),
}

impl Lab {
    pub(super) async fn run(self, screen: &Screen, signals: &mut Signals) -> Result<Exit, Failure> {
        match self {
            Self::Flood(flood) => flood.run(screen, signals).await,
            Self::Distribute(distribute) => distribute.run(screen, signals).await,
            Self::Graph(graph) => graph.run(screen, signals).await,
            Self::Search(search) => search.run(screen, signals).await,
            Self::Churn(churn) => churn.run(screen, signals).await,
            Self::Course(course) => course.run(screen, signals).await,
            Self::Replicate(replicate) => replicate.run(screen, signals).await,
            Self::Papers(papers) => papers.run(screen, signals).await,
        }
    }
}

/// Writes what an experiment brought into a file the user named.
fn write(path: &Path, text: impl AsRef<[u8]>) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| unwritten(path, &error))
}

fn unwritten(path: &Path, error: &io::Error) -> Failure {
    let what = format!("{} cannot be written", path.display());
    Failure::io(what, error, "name another file")
}
