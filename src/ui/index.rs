//! `servent index`: running a central index.

use std::net::SocketAddrV4;

use clap::Args;

use super::failure::Failure;
use super::render::counted;
use super::screen::Screen;
use super::signals::Signals;
use crate::central::Limits;
use crate::central::server::Server;

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
        let server = Server::start(self.listen, limits).await.map_err(|error| {
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
        signals.next().await;
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
