//! Fetching files.
//!
//! The one rule: a file is in the downloads folder only whole and checked. Until then its bytes and its ticket lie in
//! the data folder, where any crash may leave them: at the next start the download goes on from the last byte written.
//!
//! Checked means that the SHA-1 is the one the hit, the link or the server's first answer told. Of a file whose digest
//! nobody tells, not even when asked once more at the end, only the size can be held against what was told; it then is
//! complete with [`DownloadStatus::why`] saying that it is unverified.

mod answer;
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
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::carrier::Carrier;
pub use self::carrier::Coming;
pub use self::delivery::Delivery;
use self::destination::Destination;
use self::finished::Finished;
use self::gathering::READERS;
use self::hosts::Hosts;
use self::intake::Intake;
use self::job::{Job, Timing};
use self::name::safe_name;
use self::part::Part;
use self::partial::Partial;
use self::pushes::Pushes;
use self::store::{Store, Ticket};
use self::table::{Entry, Order, Table};
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
                downloads.launch(&mut downloads.shared.table(), id, ticket, None);
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

    /// Begins a download, or gives one of the same file that is under way these sources too. One that failed is tried
    /// again, from the sources named now.
    ///
    /// # Errors
    /// The store cannot be written, holds too many downloads, or is being closed; or the file is named neither by digest nor
    /// by index.
    pub fn start(&self, wanted: Wanted) -> io::Result<DownloadId> {
        let mut sources = wanted.sources;
        if wanted.sha1.is_none() {
            sources.truncate(1);
            sources.retain(|source| source.get.is_some());
        }
        if wanted.sha1.is_none() && sources.is_empty() {
            return Err(io::Error::other(
                "neither the SHA-1 nor the index of the file is known",
            ));
        }
        let ticket = Ticket {
            promised: wanted.root,
            sources,
            ..Ticket::new(safe_name(&wanted.name), wanted.size, wanted.sha1)
        };
        self.begin(ticket, None)
    }

    /// Begins a download, or goes on with one of the same file.
    fn begin(&self, mut ticket: Ticket, coming: Option<Coming>) -> io::Result<DownloadId> {
        let shared = &self.shared;
        if shared.stopping.is_cancelled() {
            return Err(io::Error::other("downloads are being stopped"));
        }
        let mut table = shared.table();
        let id = match table.same(&ticket) {
            Some((id, status)) if status.state != DownloadState::Failed => {
                for source in ticket.sources {
                    table.order(id, Order::Add(source));
                }
                return Ok(id);
            }
            Some((id, status)) => {
                // What was learnt of the file still holds.
                ticket.size = ticket.size.or(status.size);
                ticket.sha1 = ticket.sha1.or(status.sha1);
                ticket.priority = status.priority;
                id
            }
            None if !table.has_room() => {
                return Err(io::Error::other("there are too many downloads"));
            }
            None => table.next,
        };
        shared.store.save(id, &ticket)?;
        table.next = table.next.max(DownloadId(id.0 + 1));
        self.launch(&mut table, id, ticket, coming);
        Ok(id)
    }

    /// Gives a download another source: one more for one under way, a new chance for one that failed. Tells whether it is
    /// known and not complete.
    pub fn add_source(&self, id: DownloadId, source: Source) -> bool {
        let mut table = self.shared.table();
        match table.state(id) {
            Some(DownloadState::Failed) => self.revive(&mut table, id, Some(source)),
            Some(DownloadState::Complete) | None => false,
            Some(_) => table.order(id, Order::Add(source)),
        }
    }

    /// Leaves a download alone until [`Self::resume`], over restarts too; false when there is nothing to pause.
    pub fn pause(&self, id: DownloadId) -> bool {
        self.shared.table().order(id, Order::Pause(true))
    }

    /// Goes on with one that is paused, or tries one that failed again, from the sources it knew.
    pub fn resume(&self, id: DownloadId) -> bool {
        let mut table = self.shared.table();
        match table.state(id) {
            Some(DownloadState::Failed) => self.revive(&mut table, id, None),
            _ => table.order(id, Order::Pause(false)),
        }
    }

    /// Says which download comes first.
    pub fn prefer(&self, id: DownloadId, priority: Priority) -> bool {
        self.shared.table().order(id, Order::Rank(priority))
    }

    /// Forgets a download, what came of it too; of a complete one the file stays.
    pub fn cancel(&self, id: DownloadId) -> bool {
        let mut table = self.shared.table();
        let running = table.order(id, Order::Cancel);
        let known = table.entries.remove(&id);
        if let Some(sha1) = known.as_ref().and_then(|known| known.status.borrow().sha1) {
            self.shared.finished.forget(id, sha1);
        }
        if known.is_some() && !running {
            let shared = Arc::clone(&self.shared);
            let forget = async move { shared.forget(id).await };
            self.shared.jobs.spawn_on(forget, &self.shared.runtime);
        }
        known.is_some()
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

    /// Tries a download again that failed; the table is held all the while, that two do not do so at once.
    fn revive(&self, table: &mut Table, id: DownloadId, more: Option<Source>) -> bool {
        let Ok(mut ticket) = self.shared.store.ticket(id) else {
            return false;
        };
        if let Some(source) = more {
            ticket.sources.retain(|known| !known.is_same(&source));
            ticket.sources.insert(0, source);
        }
        ticket.paused = false;
        self.launch(table, id, ticket, None);
        true
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

    /// Sets a download going; where a user of an index has it, it may be `coming` already. Whoever watched it before goes on
    /// watching.
    fn launch(&self, table: &mut Table, id: DownloadId, ticket: Ticket, coming: Option<Coming>) {
        let (part, journal) = (self.shared.store.part(id), self.shared.store.journal(id));
        let part = part
            .exists()
            .then(|| Part::open(&part, &journal, ticket.size));
        let done = part.map_or(0, |part| part.map_or(0, |part| part.here().total()));
        let status = DownloadStatus {
            size: ticket.size,
            done,
            state: match ticket.paused {
                true => DownloadState::Paused,
                false => DownloadState::Waiting,
            },
            sources: ticket.sources.len() + usize::from(ticket.owner.is_some()),
            priority: ticket.priority,
            sha1: ticket.sha1,
            ..DownloadStatus::new(id, ticket.name.clone())
        };
        let source = ticket.sources.first().cloned();
        let status = match table.entries.remove(&id) {
            Some(entry) => {
                entry.status.send_replace(status);
                entry.status
            }
            None => watch::Sender::new(status),
        };
        let (orders, received) = mpsc::unbounded_channel();
        let partial = Arc::new(Partial::default());
        let entry = Entry {
            source,
            status: status.clone(),
            orders,
            partial: Arc::clone(&partial),
            owner: ticket.owner.clone(),
        };
        table.entries.insert(id, entry);
        let shared = Arc::clone(&self.shared);
        let (jobs, runtime) = (&self.shared.jobs, &self.shared.runtime);
        if let Some(owner) = ticket.owner.clone() {
            let intake = Intake::new(shared, id, owner, ticket, status);
            jobs.spawn_on(intake.run(received, coming), runtime);
        } else {
            let job = Job::new(shared, id, ticket, received, status, partial);
            jobs.spawn_on(job.run(), runtime);
        }
    }
}

impl Shared {
    /// Forgets what is stored of a download: the disk may take seconds to free what a large file had.
    async fn forget(self: &Arc<Self>, id: DownloadId) {
        let shared = Arc::clone(self);
        let forgotten = tokio::task::spawn_blocking(move || shared.store.remove(id)).await;
        if let Err(error) = forgotten {
            tracing::warn!(id = id.0, %error, "a download is not forgotten");
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
