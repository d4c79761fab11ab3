//! How a download is begun, revived and forgotten.
//!
//! The one rule: each of these waits for the disk, so whoever does one has the turn, and the table is held only to look at it
//! and to change it; uploads look there, too.

use std::io;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::intake::Intake;
use super::job::Job;
use super::name::safe_name;
use super::part::Part;
use super::partial::Partial;
use super::store::Ticket;
use super::table::{Entry, Order};
use super::{Coming, DownloadId, DownloadState, DownloadStatus, Downloads, Shared, Source, Wanted};

impl Downloads {
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
    pub(super) fn begin(
        &self,
        mut ticket: Ticket,
        coming: Option<Coming>,
    ) -> io::Result<DownloadId> {
        let shared = &self.shared;
        if shared.stopping.is_cancelled() {
            return Err(io::Error::other("downloads are being stopped"));
        }
        let _turn = shared.turn();
        let id = {
            let mut table = shared.table();
            match table.same(&ticket) {
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
            }
        };
        shared.store.save(id, &ticket)?;
        self.launch(id, ticket, coming);
        Ok(id)
    }

    /// Gives a download another source: one more for one under way, a new chance for one that failed. Tells whether it is
    /// known and not complete.
    pub fn add_source(&self, id: DownloadId, source: Source) -> bool {
        let _turn = self.shared.turn();
        let state = self.shared.table().state(id);
        match state {
            Some(DownloadState::Failed) => self.revive(id, Some(source)),
            Some(DownloadState::Complete) | None => false,
            Some(_) => self.shared.table().order(id, Order::Add(source)),
        }
    }

    /// Goes on with one that is paused, or tries one that failed again, from the sources it knew.
    pub fn resume(&self, id: DownloadId) -> bool {
        let _turn = self.shared.turn();
        let state = self.shared.table().state(id);
        match state {
            Some(DownloadState::Failed) => self.revive(id, None),
            _ => self.shared.table().order(id, Order::Pause(false)),
        }
    }

    /// Forgets a download, what came of it too; of a complete one the file stays.
    pub fn cancel(&self, id: DownloadId) -> bool {
        let _turn = self.shared.turn();
        let mut table = self.shared.table();
        // One that is over may not have gone yet, and hears nothing more.
        let is_over = table.state(id).is_some_and(DownloadState::is_final);
        let running = !is_over && table.order(id, Order::Cancel);
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

    /// Tries a download again that failed. It is the caller's turn.
    fn revive(&self, id: DownloadId, more: Option<Source>) -> bool {
        let Ok(mut ticket) = self.shared.store.ticket(id) else {
            return false;
        };
        if let Some(source) = more {
            ticket.sources.retain(|known| !known.is_same(&source));
            ticket.sources.insert(0, source);
        }
        ticket.paused = false;
        self.launch(id, ticket, None);
        true
    }

    /// Sets a download going; where a user of an index has it, it may be `coming` already. Whoever watched it before goes on
    /// watching.
    pub(super) fn launch(&self, id: DownloadId, ticket: Ticket, coming: Option<Coming>) {
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
        let mut table = self.shared.table();
        table.next = table.next.max(DownloadId(id.0 + 1));
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
        drop(table);
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
    pub(super) async fn forget(self: &Arc<Self>, id: DownloadId) {
        let shared = Arc::clone(self);
        let forgotten = tokio::task::spawn_blocking(move || shared.store.remove(id)).await;
        if let Err(error) = forgotten {
            tracing::warn!(id = id.0, %error, "a download is not forgotten");
        }
    }
}
