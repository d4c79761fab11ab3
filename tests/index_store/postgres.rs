//! A PostgreSQL of our own: in a temporary folder, on a socket there, gone with the test.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use servent::central::server::Store;
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

use crate::process::GUARD;

/// The user that the database runs as when we are root, as whom it refuses to: `nobody`, everywhere.
const NOBODY: u32 = 65_534;

/// Where the programs are.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    initdb: PathBuf,
    postgres: PathBuf,
}

impl Programs {
    /// On the path, or where Debian puts them.
    pub(crate) fn find() -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
        let versions = fs::read_dir("/usr/lib/postgresql")
            .into_iter()
            .flatten()
            .flatten();
        let mut versions: Vec<PathBuf> =
            versions.map(|version| version.path().join("bin")).collect();
        versions.sort();
        folders.extend(versions);
        let find = |name: &str| {
            let paths = folders.iter().map(|folder| folder.join(name));
            paths.into_iter().find(|path| path.is_file())
        };
        Some(Self {
            initdb: find("initdb")?,
            postgres: find("postgres")?,
        })
    }
}

/// A running database.
#[derive(Debug)]
pub(crate) struct Postgres {
    programs: Programs,
    home: TempDir,
    owner: Option<u32>,
    server: Mutex<Option<Child>>,
}

impl Postgres {
    /// Makes one and starts it.
    pub(crate) fn start(programs: &Programs) -> Self {
        let home = TempDir::new().expect("a folder");
        let is_root = fs::metadata(home.path()).expect("it is there").uid() == 0;
        let owner = is_root.then_some(NOBODY);
        if let Some(owner) = owner {
            chown(home.path(), Some(owner), Some(owner)).expect("root may");
        }
        let postgres = Self {
            programs: programs.clone(),
            home,
            owner,
            server: Mutex::new(None),
        };
        let made = postgres
            .command(&programs.initdb)
            .args([
                "-U",
                "servent",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
                "--no-sync",
                "-D",
            ])
            .arg(postgres.data())
            .output()
            .expect("initdb can be run");
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        postgres.resume();
        postgres
    }

    /// Starts it again, and waits until it takes connections.
    pub(crate) fn resume(&self) {
        let log = fs::File::create(self.home.path().join("log")).expect("a file");
        let child = self
            .command(&self.programs.postgres)
            .arg("-D")
            .arg(self.data())
            .args([
                "-c",
                "listen_addresses=",
                "-c",
                "fsync=off",
                "-c",
                "max_connections=200",
                "-k",
            ])
            .arg(self.home.path())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("postgres can be run");
        *self.server.lock().unwrap_or_else(PoisonError::into_inner) = Some(child);
        let until = Instant::now() + GUARD;
        while let Err(error) = self.query("postgres", "SELECT 1") {
            let log = fs::read_to_string(self.home.path().join("log")).unwrap_or_default();
            assert!(Instant::now() < until, "it does not start: {error} {log}");
            sleep(Duration::from_millis(20));
        }
    }

    /// Ends it with all connections, as a crash would: it recovers at the next start.
    pub(crate) fn crash(&self) {
        let child = self
            .server
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(mut child) = child else { return };
        // SIGQUIT: its processes leave at once, without writing anything.
        let sent = Command::new("kill")
            .args(["-QUIT", &child.id().to_string()])
            .status();
        assert!(sent.expect("there is a kill program").success());
        let until = Instant::now() + GUARD;
        while child.try_wait().expect("it is our child").is_none() {
            assert!(Instant::now() < until, "it does not end");
            sleep(Duration::from_millis(5));
        }
    }

    /// A database of its own for a test.
    pub(crate) fn database(&self, name: &str) -> String {
        let made = self.query("postgres", &format!("CREATE DATABASE {name}"));
        made.expect("a new name");
        self.url(name)
    }

    /// The address of a database.
    pub(crate) fn url(&self, database: &str) -> String {
        let folder = self
            .home
            .path()
            .to_str()
            .expect("a plain name")
            .replace('/', "%2F");
        format!("postgres://servent@{folder}/{database}")
    }

    /// Where a front end finds it.
    pub(crate) fn store(&self, database: &str) -> Store {
        self.url(database).parse().expect("it is one")
    }

    /// How many rows all tables of a database have together, those of the indexes themselves not counted.
    pub(crate) fn rows(&self, database: &str) -> u64 {
        let tables = [
            "servent_peer",
            "servent_file",
            "servent_posting",
            "servent_mail",
        ];
        let count = |table: &&str| self.query(database, &format!("SELECT count(*) FROM {table}"));
        tables
            .iter()
            .map(|table| count(table).expect("a table"))
            .sum()
    }

    /// The number that a statement gives; 0 when it gives none.
    fn query(&self, database: &str, statement: &str) -> Result<u64, tokio_postgres::Error> {
        let url = self.url(database);
        let ask = async {
            let (client, wire): (Client, _) = tokio_postgres::connect(&url, NoTls).await?;
            let wire = tokio::spawn(wire);
            let messages = client.simple_query(statement).await?;
            drop(client);
            let _ = wire.await;
            let numbers = messages.iter().find_map(|message| match message {
                tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0)?.parse().ok(),
                _ => None,
            });
            Ok(numbers.unwrap_or(0))
        };
        // On a thread of its own, for some who ask are in a runtime.
        thread::scope(|scope| scope.spawn(|| block_on(ask)).join()).expect("it does not panic")
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.home.path()).env("LC_ALL", "C");
        if let Some(owner) = self.owner {
            command.uid(owner).gid(owner);
        }
        command
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.crash();
    }
}

/// Runs something to its end on this thread.
pub(crate) fn block_on<T>(what: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(what)
}
