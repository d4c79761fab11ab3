//! `browse`: all the files of one servent, or of one user of the central index, as results.

use std::io;
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
    #[arg(value_name = "HOST[:PORT]", required_unless_present = "user")]
    host: Option<Host>,

    /// This user of the central index, also one with a client of another make
    #[arg(long, value_name = "NICK", conflicts_with = "host")]
    user: Option<String>,
}

impl Browse {
    pub(super) async fn run(&self, session: &Session) -> Result<(), Failure> {
        let (whose, hits) = self.hits(session).await?;
        let screen = &session.screen;
        let mut results = session.results();
        *results = Results::default();
        for hit in hits {
            results.add(hit);
        }
        if results.all().is_empty() {
            return Err(Failure::new(
                Exit::NothingFound,
                format!("{whose} shares nothing"),
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

    /// Whose they are, and they.
    async fn hits(&self, session: &Session) -> Result<(String, Vec<SearchHit>), Failure> {
        let cannot = |whose: &str, error: &io::Error| {
            Failure::io(
                format_args!("{whose} cannot be browsed"),
                error,
                "check that it runs and lets itself be browsed",
            )
        };
        if let Some(nick) = &self.user {
            let hits = session.servent.browse_user(nick).await;
            return Ok((nick.clone(), hits.map_err(|error| cannot(nick, &error))?));
        }
        let Some(host) = &self.host else {
            return Err(Failure::usage("say whom to browse"));
        };
        let began = Instant::now();
        let addr = host.resolve().await?;
        let whose = addr.to_string();
        let hits = transfer::browse(addr, AGENT).await;
        let hits = hits.map_err(|error| cannot(&whose, &error))?;
        let found = hits.into_iter().map(|hit| SearchHit {
            through: None,
            hit,
            hops: 0,
            after: began.elapsed(),
            strategy: "browse",
        });
        Ok((whose, found.collect()))
    }
}

/// What we call ourselves: `servent/0.1.0`.
pub(super) const AGENT: &str = concat!("servent/", env!("CARGO_PKG_VERSION"));
