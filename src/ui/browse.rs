//! `browse`: all the files of one servent, as results.

use std::time::Instant;

use clap::Args;

use super::failure::{Exit, Failure};
use super::host::Host;
use super::render::{HitColumns, json};
use super::results::Results;
use super::session::Session;
use crate::net::SearchHit;
use crate::transfer;

/// Whose files.
#[derive(Args, Clone, Debug)]
pub(super) struct Browse {
    /// An IPv4 address or a name, port 6346 unless said otherwise
    #[arg(value_name = "HOST[:PORT]")]
    host: Host,
}

impl Browse {
    pub(super) async fn run(&self, session: &Session) -> Result<(), Failure> {
        let began = Instant::now();
        let addr = self.host.resolve().await?;
        let hits = transfer::browse(addr, AGENT).await.map_err(|error| {
            Failure::io(
                format_args!("{addr} cannot be browsed"),
                &error,
                "check that it runs and lets itself be browsed",
            )
        })?;
        let screen = &session.screen;
        let mut results = session.results();
        *results = Results::default();
        for hit in hits {
            results.add(SearchHit {
                through: None,
                hit,
                hops: 0,
                after: began.elapsed(),
                strategy: "browse",
            });
        }
        if results.all().is_empty() {
            return Err(Failure::new(
                Exit::NothingFound,
                format!("{addr} shares nothing"),
                "",
            ));
        }
        if screen.json {
            for found in results.all() {
                screen.json(&json::found(found));
            }
            return Ok(());
        }
        let columns = HitColumns::fitting(screen.columns());
        screen.data(columns.header());
        for found in results.all() {
            screen.data(columns.row(found.row()));
        }
        Ok(())
    }
}

/// What we call ourselves: `servent/0.1.0`.
pub(super) const AGENT: &str = concat!("servent/", env!("CARGO_PKG_VERSION"));
