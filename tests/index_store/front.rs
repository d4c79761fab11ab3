//! Front ends: indexes on a store, here or in a process of their own.

use std::net::SocketAddrV4;

use servent::central::server::{Server, Standing};
use servent::central::{Kind, Limits};
use tempfile::TempDir;

use crate::caller::{ANYWHERE, Caller};
use crate::postgres::Postgres;
use crate::process::{Process, command, home};

/// An index on a database of a test, once it is there.
pub(crate) async fn front(postgres: &Postgres, database: &str) -> Server {
    let store = postgres.store(database);
    let server = Server::share(ANYWHERE, Limits::default(), store)
        .await
        .expect("a port");
    there(&server).await;
    server
}

/// Waits until the store of an index is there.
pub(crate) async fn there(server: &Server) {
    let mut store = server.store();
    let there = store.wait_for(|standing| *standing == Standing::There);
    there.await.expect("it still runs");
}

/// An index in a process of its own.
pub(crate) struct Front {
    pub(crate) process: Process,
    pub(crate) listen: SocketAddrV4,
    _home: TempDir,
}

impl Front {
    /// Starts one, and waits for the store.
    pub(crate) fn start(postgres: &Postgres, database: &str) -> Self {
        let home = home();
        let mut command = command(home.path());
        command.args([
            "index",
            "--listen",
            "127.0.0.1:0",
            "--store",
            &postgres.url(database),
        ]);
        let process = Process::spawn(command);
        let said = process.said("An index listens on ");
        let listen = said
            .split("listens on ")
            .nth(1)
            .and_then(|rest| rest.split(". ").next());
        let listen = listen.expect("an address").parse().expect("an address");
        process.said(" is there");
        Self {
            process,
            listen,
            _home: home,
        }
    }
}

/// Shares a song.
pub(crate) async fn share(caller: &mut Caller, name: &str) {
    let file = format!("\"{name}\" 0 1000 128 44100 60");
    caller.send(Kind::SHARE, &file).await;
}

/// Asks until so many files are found.
pub(crate) async fn until_found(caller: &mut Caller, words: &str, count: usize) {
    while caller.count(words).await != count {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}
