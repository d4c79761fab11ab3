//! Fetching files.
//!
//! The one rule: a file is in the downloads folder only whole and checked. Until then its bytes and its ticket lie in
//! the data folder, where any crash may leave them: at the next start the download goes on from the last byte written.
//!
//! Checked means that the SHA-1 is the one the hit, the link or the server's first answer told. Of a file whose digest
//! nobody tells, not even when asked once more at the end, only the size can be held against what was told; it then is
//! complete with [`DownloadStatus::why`] saying that it is unverified.

mod answer;
mod beginning;
mod carrier;
mod conclusion;
mod contact;
mod delivery;
mod destination;
mod errand;
mod finished;
mod gathering;
mod here;
mod hosts;
mod intake;
mod job;
mod lines;
mod name;
mod part;
mod partial;
mod publish;
mod pushes;
mod question;
mod rate;
mod status;
mod store;
mod table;
#[cfg(test)]
mod tests;
mod walls;

pub use pushes::PushCall;
pub use status::{DownloadId, DownloadState, DownloadStatus, Fault, Priority, Source, Wanted};

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddrV4;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::carrier::Carrier;
pub use self::carrier::Coming;
pub use self::delivery::Delivery;
use self::destination::Destination;
use self::finished::Finished;
use self::gathering::READERS;
use self::hosts::Hosts;
use self::job::Timing;
use self::pushes::Pushes;
use self::store::Store;
use self::table::{Order, Table};
use super::credit::Credit;
use super::http::Walled;
use super::limit::Limit;
use crate::library::SharedFile;
use crate::thex::Tree;
use crate::wire::Sha1;

pub(super) use partial::Offered;

/// The downloads of a servent. Clones are handles on the same ones.
#[derive(Clone, Debug)]
pub struct Downloads {
    shared: Arc<Shared>,
}

/// What all downloads share.
#[derive(Debug)]
struct Shared {
    store: Store,
    destination: Destination,
    agent: String,
    timing: Timing,
    hosts: Hosts,
    limit: Limit,
    credit: Credit,
    pushes: Pushes,
    carrier: Carrier,
    finished: Finished,
    /// Who may digest what is here.
    readers: Arc<Semaphore>,
    /// Where we listen, once that is known.
    listen: OnceLock<SocketAddrV4>,
    /// How others reach us, when nobody can connect to us.
    wall: Mutex<Option<Walled>>,
    table: Mutex<Table>,
    /// Held by whoever begins, revives or forgets a download, that two do not do so at once: the disk is waited for
    /// meanwhile, and whoever only looks at the table is not to wait for it.
    turn: Mutex<()>,
    runtime: Handle,
    jobs: TaskTracker,
    stopping: CancellationToken,
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
        Self::open_with(data, folder, agent, Timing::default())
    }

    fn open_with(data: &Path, folder: &Path, agent: &str, timing: Timing) -> io::Result<Self> {
        let store = Store::open(data)?;
        let (tickets, next) = store.load()?;
        let downloads = Self {
            shared: Arc::new(Shared {
                store,
                destination: Destination::new(folder),
                agent: agent.to_owned(),
                timing,
                hosts: Hosts::default(),
                limit: Limit::default(),
                credit: Credit::default(),
                pushes: Pushes::new(),
                carrier: Carrier::default(),
                finished: Finished::default(),
                readers: Arc::new(Semaphore::new(READERS)),
                listen: OnceLock::new(),
                wall: Mutex::default(),
                table: Mutex::new(Table {
                    entries: BTreeMap::new(),
                    next,
                }),
                turn: Mutex::default(),
                runtime: Handle::current(),
                jobs: TaskTracker::new(),
                stopping: CancellationToken::new(),
            }),
        };
        for (id, ticket) in tickets {
            let part = downloads.shared.store.part(id).try_exists();
            if ticket.checked && matches!(part, Ok(false)) {
                // It was moved to the downloads folder; only the ticket outlived the crash.
                downloads.shared.store.remove(id);
            } else {
                downloads.launch(id, ticket, None);
            }
        }
        Ok(downloads)
    }

    /// How fast all of them together may be.
    pub fn limit(&self) -> &Limit {
        &self.shared.limit
    }

    /// Who brought how much.
    pub(super) fn credit(&self) -> &Credit {
        &self.shared.credit
    }

    /// Leaves a download alone until [`Self::resume`], over restarts too; false when there is nothing to pause.
    pub fn pause(&self, id: DownloadId) -> bool {
        self.shared.table().order(id, Order::Pause(true))
    }

    /// Says which download comes first.
    pub fn prefer(&self, id: DownloadId, priority: Priority) -> bool {
        self.shared.table().order(id, Order::Rank(priority))
    }

    /// What is unfinished and may have too few sources: number, digest, and how many it has; by number.
    pub fn hungry(&self) -> Vec<(DownloadId, Sha1, usize)> {
        let mut list = self.list();
        list.retain(|status| {
            !matches!(
                status.state,
                DownloadState::Complete | DownloadState::Paused
            )
        });
        let of = |status: &DownloadStatus| Some((status.id, status.sha1?, status.sources));
        list.iter().filter_map(of).collect()
    }

    /// What failed because a user of an index, who alone has it, could not be reached or broke off: no search would find
    /// another. Whoever has another file now is not to be asked again.
    pub fn lost(&self) -> Vec<DownloadId> {
        let table = self.shared.table();
        let owned = table
            .entries
            .iter()
            .filter(|(_, entry)| entry.owner.is_some());
        let lost = owned.filter(|(_, entry)| entry.status.borrow().fault == Some(Fault::Source));
        lost.map(|(&id, _)| id).collect()
    }

    /// What can be had of an unfinished file of this digest.
    pub(super) fn offered(&self, sha1: Sha1) -> Option<Offered> {
        let table = self.shared.table();
        table
            .entries
            .values()
            .find_map(|entry| entry.partial.of(sha1))
    }

    /// A file of this digest that was fetched since the start.
    pub(super) fn finished(&self, sha1: Sha1) -> Option<SharedFile> {
        self.shared.finished.file(sha1)
    }

    /// The hash tree of such a file.
    pub(super) fn finished_tree(&self, sha1: Sha1) -> Option<Arc<Tree>> {
        self.shared.finished.tree(sha1)
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
}

impl Shared {
    /// Whoever has it may begin, revive or forget a download.
    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
