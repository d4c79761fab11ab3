//! `servent index`: running a central index.

use std::future::pending;
use std::io::{self, IsTerminal};
use std::net::SocketAddrV4;

use clap::Args;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines, Stdin};

use super::child;
use super::failure::Failure;
use super::load::LoadTold;
use super::render::counted;
use super::screen::Screen;
use super::signals::Signals;
use crate::central::Limits;
use crate::central::server::{Figures, Server, Standing, Store};

/// Run a central index: servents started with `--index` and OpenNap clients register what they share, and search it.
#[derive(Args, Clone, Debug)]
pub(super) struct RunIndex {
    /// Listen on this address, port 0 for any free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8888")]
    listen: SocketAddrV4,

    /// Let at most this many users in
    #[arg(long, value_name = "N", default_value_t = Limits::default().users)]
    users: usize,

    /// Let at most this many connect from one address
    #[arg(long, value_name = "N", default_value_t = Limits::default().links_per_address)]
    per_address: usize,

    /// Let a user share at most this many files
    #[arg(long, value_name = "N", default_value_t = Limits::default().files_per_user)]
    files_per_user: usize,

    /// Keep at most this many files of all users
    #[arg(long, value_name = "N", default_value_t = Limits::default().files)]
    files: usize,

    /// Answer a search with at most this many files
    #[arg(long, value_name = "N", default_value_t = Limits::default().results)]
    results: usize,

    /// Be one with all other indexes on this store, which speaks the wire of PostgreSQL: what is registered at one is found at all
    #[arg(long, value_name = "postgres://…")]
    store: Option<Store>,

    /// Tell everybody who logs in this line; may be given several times
    #[arg(long, value_name = "LINE")]
    motd: Vec<String>,

    /// Print JSON
    #[arg(long)]
    json: bool,

    /// End when the process of this number does, which started this one
    #[arg(long, value_name = "PID", hide = true)]
    child_of: Option<u32>,
}

impl RunIndex {
    /// Runs until a signal.
    pub(super) async fn run(self, screen: &Screen, signals: &mut Signals) -> Result<(), Failure> {
        if let Some(parent) = self.child_of {
            child::bind_to(parent)?;
        }
        let limits = Limits {
            users: self.users,
            links_per_address: self.per_address,
            files_per_user: self.files_per_user,
            files: self.files,
            results: self.results,
            motd: self.motd.clone(),
            ..Limits::default()
        };
        let started = match self.store.clone() {
            Some(store) => Server::share(self.listen, limits, store).await,
            None => Server::start(self.listen, limits).await,
        };
        let server = started.map_err(|error| {
            Failure::io(
                "the index cannot start",
                &error,
                "name another address with --listen",
            )
        })?;
        screen.talk(format!(
            "An index listens on {}. Try: servent --index {} --search index",
            server.listen(),
            server.listen(),
        ));
        if self.json {
            screen.json(&json!({ "listen": server.listen() }));
        }
        let mut standing = server.store();
        let telling = async {
            while let Some(store) = &self.store
                && standing.changed().await.is_ok()
            {
                screen.talk(told(store, &standing.borrow_and_update()));
            }
            pending::<()>().await;
        };
        tokio::select! {
            _ = signals.next() => {}
            () = telling => {}
            () = self.answer(&server, screen) => {}
        }
        let last = server.count().await.unwrap_or_default();
        server.stop().await;
        screen.talk(in_words(&last));
        Ok(())
    }

    /// Tells how the index does for every line that comes; returns when whoever started it, and it alone, wants it to end.
    async fn answer(&self, server: &Server, screen: &Screen) {
        let Some(mut questions) = questions() else {
            return pending().await;
        };
        while let Ok(Some(_)) = questions.next_line().await {
            let Some(figures) = server.count().await else {
                return;
            };
            match self.json {
                true => screen.json(&in_json(&figures)),
                false => screen.data(in_words(&figures)),
            }
        }
        if self.child_of.is_none() {
            pending::<()>().await;
        }
    }
}

/// The lines of stdin. None of a terminal: a shell would halt an index in the background that reads there.
fn questions() -> Option<Lines<BufReader<Stdin>>> {
    (!io::stdin().is_terminal()).then(|| BufReader::new(tokio::io::stdin()).lines())
}

fn in_words(figures: &Figures) -> String {
    format!(
        "{} with {}; it {}.",
        counted(figures.users, "user"),
        counted(figures.files, "file"),
        LoadTold::new(&figures.load).told(),
    )
}

fn in_json(figures: &Figures) -> Value {
    json!({
        "users": figures.users,
        "files": figures.files,
        "bytes": figures.bytes,
        "cut": figures.cut,
        "server": LoadTold::new(&figures.load),
    })
}

/// How an index stands with its store, in words.
fn told(store: &Store, standing: &Standing) -> String {
    match standing {
        Standing::Looking => format!("Looking for the store {store}."),
        Standing::There => {
            format!("The store {store} is there: this index is one with all others on it.")
        }
        Standing::Away(why) => format!(
            "The store {store} is away ({why}). This index knows its own users only, and tries again."
        ),
    }
}
