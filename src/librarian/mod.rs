//! The librarian: two threads that keep the [`Library`] true to the disk. One walks the shared folders and watches them
//! for changes, the other hashes.
//!
//! The one rule: the library is never locked for longer than a handful of files take, and never while a disk is waited
//! for. A file is found by name as soon as it has been seen, and by content as soon as it has been hashed or was
//! hashed in an earlier run.

mod agenda;
mod board;
mod cache;
mod hasher;
mod keeper;
mod open;
mod oversharing;
mod scan;
mod stamp;
mod trees;
mod watching;

pub use open::{open, open_cached};
pub use oversharing::oversharing;
pub use trees::Trees;

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, mpsc};
use std::thread;
use std::time::Duration;

use tokio::sync::watch;

use crate::library::Library;

use agenda::Errands;
use board::Board;
use cache::Cache;
use hasher::Hasher;
use keeper::Keeper;
use scan::Named;
use watching::Watch;

/// The library as everybody shares it: locked for the length of a lookup, never across an await.
pub type Shelf = Arc<RwLock<Library>>;

/// How far the librarian has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Files shared.
    pub files: u64,
    /// Bytes shared.
    pub bytes: u64,
    /// Files not yet hashed.
    pub unhashed: u64,
    /// Whole scans done since the start.
    pub scans: u64,
    /// Files hashed since the start; those whose digest was known from an earlier run are not among them.
    pub hashed: u64,
    /// Files and folders that the last whole scan could not read.
    pub skipped: u64,
}

/// A running librarian; it ends when dropped.
#[derive(Debug)]
pub struct Librarian {
    board: Arc<Board>,
    errands: Arc<Errands>,
    stopped: Arc<AtomicBool>,
    trees: Trees,
    /// Closed when both threads have ended. In a lock only so that a servent can be shared between threads.
    ended: Mutex<mpsc::Receiver<()>>,
}

impl Librarian {
    /// Starts walking `folders`. Digests are cached in `data`; nothing below it or below one of `never` is shared.
    ///
    /// A folder that is not there is no error: it is shared as soon as it is, as is one that goes and comes back.
    ///
    /// # Errors
    /// The cache in `data` cannot be opened or made ([`io::ErrorKind::ResourceBusy`]: another servent uses it), or the
    /// system has no more threads.
    pub fn start(folders: Vec<PathBuf>, data: &Path, mut never: Vec<PathBuf>) -> io::Result<Self> {
        let cache = Arc::new(Cache::open(data)?);
        never.push(data.to_owned());
        let absolute = |paths: Vec<PathBuf>| {
            paths
                .iter()
                .map(std::path::absolute)
                .collect::<io::Result<_>>()
        };
        let (folders, never): (Vec<PathBuf>, Vec<PathBuf>) = (absolute(folders)?, absolute(never)?);
        let folders = folders.into_iter().map(Named::new).collect();
        let board = Arc::new(Board::new());
        let errands = Arc::new(Errands::new());
        let stopped = Arc::new(AtomicBool::new(false));
        let (jobs, jobs_in) = mpsc::channel();
        let (running, ended) = mpsc::channel();
        let trees = Trees::of(Arc::clone(&cache));
        let librarian = Self {
            trees: trees.clone(),
            board: Arc::clone(&board),
            errands: Arc::clone(&errands),
            stopped: Arc::clone(&stopped),
            ended: Mutex::new(ended),
        };
        let hasher = Hasher {
            trees,
            jobs: jobs_in,
            board: Arc::clone(&board),
            cache: Arc::clone(&cache),
            errands: Arc::clone(&errands),
            stopped: Arc::clone(&stopped),
        };
        let hashing = running.clone();
        spawn("hasher", move || {
            hasher.run();
            drop(hashing);
        })?;
        let watch = Watch::start(Arc::clone(&errands));
        let (grounds, ledger, peopled) = (Vec::new(), HashMap::new(), BTreeSet::new());
        let keeper = Keeper {
            folders,
            never,
            jobs,
            board,
            cache,
            errands,
            stopped,
            grounds,
            ledger,
            peopled,
            watch,
        };
        spawn("keeper", move || {
            keeper.run();
            drop(running);
        })?;
        Ok(librarian)
    }

    /// The library it keeps.
    pub fn shelf(&self) -> Shelf {
        Arc::clone(self.board.shelf())
    }

    /// The hash trees of its files.
    pub fn trees(&self) -> Trees {
        self.trees.clone()
    }

    /// Walks again soon. [`Census::scans`] rises when a walk that began after this call is done.
    pub fn rescan(&self) {
        self.errands.ask();
    }

    /// How far it is, now and later.
    pub fn census(&self) -> watch::Receiver<Census> {
        self.board.census()
    }
}

impl Drop for Librarian {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.errands.stop();
        // Waited for, so that the cache is free for whoever starts next.
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = ended.recv_timeout(FAREWELL);
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map(drop)
}

/// How long the end of the threads is waited for. They end within milliseconds unless a disk does not answer, and for
/// that nobody waits.
const FAREWELL: Duration = Duration::from_secs(1);
