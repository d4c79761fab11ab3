//! `servent index`: running a central index.

use std::net::SocketAddrV4;

use clap::Args;

use super::failure::Failure;
use super::render::counted;
use super::screen::Screen;
use super::signals::Signals;
use crate::central::Limits;
use crate::central::server::{Server, Standing, Store};

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
}

impl RunIndex {
    /// Runs until a signal.
    pub(super) async fn run(self, screen: &Screen, signals: &mut Signals) -> Result<(), Failure> {
        let limits = Limits {
            users: self.users,
            links_per_address: self.per_address,
            files_per_user: self.files_per_user,
            files: self.files,
            results: self.results,
            motd: self.motd,
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
        let mut standing = server.store();
        let telling = async {
            while let Some(store) = &self.store
                && standing.changed().await.is_ok()
            {
                screen.talk(told(store, &standing.borrow_and_update()));
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            _ = signals.next() => {}
            () = telling => {}
        }
        let figures = *server.figures().borrow();
        screen.talk(format!(
            "{} with {} were here at the end; {} answered.",
            counted(figures.users, "user"),
            counted(figures.files, "file"),
            counted(figures.searches, "search"),
        ));
        server.stop().await;
        Ok(())
    }
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
