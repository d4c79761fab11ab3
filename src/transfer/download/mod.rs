//! Fetching files.
//!
//! The one rule: a file is in the downloads folder only whole and checked. Until then its bytes and its ticket lie in
//! the data folder, where any crash may leave them: at the next start the download goes on from the last byte written.
//!
//! Checked means that the SHA-1 is the one the hit, the link or the server's first answer told. Of a file whose digest
//! nobody tells, not even when asked once more at the end, only the size can be held against what was told; it then is
//! complete with [`DownloadStatus::why`] saying that it is unverified.

mod delivery;
mod fetch;
mod hosts;
mod job;
mod name;
mod part;
mod publish;
mod rate;
mod store;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::delivery::Delivery;
use self::hosts::Hosts;
use self::job::{Job, Patience};
use self::name::safe_name;
use self::store::{Store, Ticket};
use crate::wire::Sha1;

/// How many downloads are remembered; for a new one the oldest that is complete is forgotten.
const MAX_DOWNLOADS: usize = 10_000;

/// A download's number, counted from 1; it stays the same over restarts.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct DownloadId(pub u64);

/// Where a file can be had.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Source {
    /// The servent.
    pub addr: SocketAddrV4,
    /// The file's index and name there, for `/get/`; not needed where a SHA-1 is known.
    pub get: Option<(u32, String)>,
}

/// A file that is to be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its name at the source: not to be trusted as a path.
    pub name: String,
    /// Its size in bytes, where known.
    pub size: Option<u64>,
    /// Its digest, where known. Without it the server's `X-Gnutella-Content-URN` is asked.
    pub sha1: Option<Sha1>,
    /// Where to get it.
    pub source: Source,
}

/// What a download does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DownloadState {
    /// Connecting, or waiting for its turn or to try again.
    Waiting,
    /// Bytes arrive.
    Running,
    /// All bytes are here; the digest is being computed.
    Verifying,
    /// In the downloads folder.
    Complete,
    /// Given up; the status says why.
    Failed,
}

impl DownloadState {
    /// Whether nothing more happens by itself.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Complete | Self::Failed)
    }
}

/// What made a download fail, for those who act on it; [`DownloadStatus::why`] has the words for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The source: it refused, or failed too often.
    Source,
    /// Our disk.
    Disk,
    /// The bytes were not those that were promised.
    HashMismatch,
}

/// A download as `downloads` shows it.
#[derive(Clone, Debug)]
pub struct DownloadStatus {
    /// Its number.
    pub id: DownloadId,
    /// The name it has or will have in the downloads folder.
    pub name: String,
    /// Its size in bytes, once known.
    pub size: Option<u64>,
    /// The bytes that are here.
    pub done: u64,
    /// What it does.
    pub state: DownloadState,
    /// How many sources it knows.
    pub sources: usize,
    /// Why it waits or failed; of a complete one, that it could not be verified.
    pub why: Option<String>,
    /// What made it fail, if it did.
    pub fault: Option<Fault>,
    /// Where it is, once complete.
    pub path: Option<PathBuf>,
    /// Its digest, once known.
    pub sha1: Option<Sha1>,
    /// Bytes a second, over the last few seconds.
    pub rate: u64,
    /// Time spent on it in this run.
    pub spent: Duration,
}

/// The downloads of a servent. Clones are handles on the same ones.
#[derive(Clone, Debug)]
pub struct Downloads {
    shared: Arc<Shared>,
}

/// What all downloads share.
#[derive(Debug)]
struct Shared {
    store: Store,
    folder: PathBuf,
    agent: String,
    patience: Patience,
    hosts: Hosts,
    table: Mutex<Table>,
    runtime: Handle,
    jobs: TaskTracker,
    stopping: CancellationToken,
}

#[derive(Debug)]
struct Table {
    entries: BTreeMap<DownloadId, Entry>,
    next: DownloadId,
}

#[derive(Debug)]
struct Entry {
    source: Source,
    status: watch::Sender<DownloadStatus>,
}

impl Downloads {
    /// Opens the store below `data`, and goes on with what was unfinished. Complete files go to `folder`, which is made
    /// when the first one comes. `agent` is the `User-Agent` we ask with.
    ///
    /// # Errors
    /// The store cannot be made or read; the text says which path.
    ///
    /// # Panics
    /// Outside a tokio runtime, on which all downloads run.
    pub fn open(data: &Path, folder: &Path, agent: &str) -> io::Result<Self> {
        Self::open_with(data, folder, agent, Patience::default())
    }

    fn open_with(data: &Path, folder: &Path, agent: &str, patience: Patience) -> io::Result<Self> {
        let store = Store::open(data)?;
        let (tickets, next) = store.load()?;
        let downloads = Self {
            shared: Arc::new(Shared {
                store,
                folder: folder.to_owned(),
                agent: agent.to_owned(),
                patience,
                hosts: Hosts::new(),
                table: Mutex::new(Table {
                    entries: BTreeMap::new(),
                    next,
                }),
                runtime: Handle::current(),
                jobs: TaskTracker::new(),
                stopping: CancellationToken::new(),
            }),
        };
        for (id, ticket) in tickets {
            let part = downloads.shared.store.part(id).metadata();
            match part {
                Err(error) if ticket.checked && error.kind() == io::ErrorKind::NotFound => {
                    // It was moved to the downloads folder; only the ticket outlived the crash.
                    downloads.shared.store.remove(id);
                }
                part => {
                    let done = part.map_or(0, |part| part.len());
                    downloads.launch(&mut downloads.shared.table(), id, ticket, done);
                }
            }
        }
        Ok(downloads)
    }

    /// Begins (or joins, when the same file is already under way) a download. One that failed is tried again, from the
    /// source named now.
    ///
    /// # Errors
    /// The store cannot be written, holds too many downloads, or is being closed; or the file is named neither by digest nor
    /// by index.
    pub fn start(&self, wanted: Wanted) -> io::Result<DownloadId> {
        let shared = &self.shared;
        if shared.stopping.is_cancelled() {
            return Err(io::Error::other("downloads are being stopped"));
        }
        if wanted.sha1.is_none() && wanted.source.get.is_none() {
            return Err(io::Error::other(
                "neither the SHA-1 nor the index of the file is known",
            ));
        }
        let mut table = shared.table();
        let mut ticket = Ticket {
            name: safe_name(&wanted.name),
            size: wanted.size,
            sha1: wanted.sha1,
            source: wanted.source,
            checked: false,
        };
        let id = match table.same(&ticket) {
            Some((id, status)) if status.state != DownloadState::Failed => return Ok(id),
            Some((id, status)) => {
                // What was learnt of the file still holds.
                ticket.size = ticket.size.or(status.size);
                ticket.sha1 = ticket.sha1.or(status.sha1);
                id
            }
            None if !table.has_room() => {
                return Err(io::Error::other("there are too many downloads"));
            }
            None => table.next,
        };
        shared.store.save(id, &ticket)?;
        table.next = table.next.max(DownloadId(id.0 + 1));
        let done = shared
            .store
            .part(id)
            .metadata()
            .map_or(0, |part| part.len());
        self.launch(&mut table, id, ticket, done);
        Ok(id)
    }

    /// All downloads of this run and the unfinished ones of earlier runs, by number.
    pub fn list(&self) -> Vec<DownloadStatus> {
        let table = self.shared.table();
        let entries = table.entries.values();
        entries.map(|entry| entry.status.borrow().clone()).collect()
    }

    /// One download's status, now and as it changes.
    pub fn watch(&self, id: DownloadId) -> Option<watch::Receiver<DownloadStatus>> {
        let table = self.shared.table();
        table.entries.get(&id).map(|entry| entry.status.subscribe())
    }

    /// Stops all, keeping what is unfinished for the next start.
    pub async fn stop(&self) {
        self.shared.stopping.cancel();
        self.shared.jobs.close();
        self.shared.jobs.wait().await;
    }

    /// Sets a download going. Whoever watched it before goes on watching.
    fn launch(&self, table: &mut Table, id: DownloadId, ticket: Ticket, done: u64) {
        let status = DownloadStatus {
            id,
            name: ticket.name.clone(),
            size: ticket.size,
            done,
            state: DownloadState::Waiting,
            sources: 1,
            why: None,
            fault: None,
            path: None,
            sha1: ticket.sha1,
            rate: 0,
            spent: Duration::ZERO,
        };
        let source = ticket.source.clone();
        let sender = match table.entries.remove(&id) {
            Some(entry) => {
                entry.status.send_replace(status);
                entry.status
            }
            None => watch::Sender::new(status),
        };
        let status = sender.clone();
        table.entries.insert(id, Entry { source, status });
        let job = Job::new(Arc::clone(&self.shared), id, ticket, sender);
        let stopping = self.shared.stopping.clone();
        let run = async move { stopping.run_until_cancelled(job.run()).await };
        self.shared.jobs.spawn_on(run, &self.shared.runtime);
    }
}

impl Shared {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Whether another download can be remembered; makes room where that is possible.
    fn has_room(&mut self) -> bool {
        if self.entries.len() >= MAX_DOWNLOADS {
            let complete = |entry: &Entry| entry.status.borrow().state == DownloadState::Complete;
            let oldest = self.entries.iter().find(|(_, entry)| complete(entry));
            let Some(id) = oldest.map(|(&id, _)| id) else {
                return false;
            };
            self.entries.remove(&id);
        }
        true
    }

    /// The download of the same file, unless it is complete: by digest, or by its place where that is not known.
    fn same(&self, ticket: &Ticket) -> Option<(DownloadId, DownloadStatus)> {
        self.entries.iter().find_map(|(&id, entry)| {
            let status = entry.status.borrow();
            let same = match (ticket.sha1, status.sha1) {
                (Some(wanted), Some(known)) => wanted == known,
                _ => ticket.source.get.is_some() && ticket.source == entry.source,
            };
            (same && status.state != DownloadState::Complete).then(|| (id, status.clone()))
        })
    }
}
