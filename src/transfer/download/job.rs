//! One download from its start to its end: attempts, waits for the disk, the move to the downloads folder.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::contact::Contact;
use super::gathering::Gathering;
use super::part::Part;
use super::partial::Partial;
use super::status::{DownloadId, DownloadState, DownloadStatus, Fault, Source};
use super::store::{Ticket, at};
use super::table::is_given_up;
use super::{Order, Shared};
use crate::swarm::{Patience, SourceId};
use crate::thex::Tree;
use crate::wire::{Sha1, TigerRoot};

/// How many sources of one file are known at most. They are tried a hundred at a time.
pub(super) const MOST_SOURCES: usize = 1_000;

/// The digest of a file, and its hash tree where there is one.
type Whole = (Sha1, Option<Arc<Tree>>);

/// How an attempt ended without the file.
#[derive(Debug)]
pub(super) enum End {
    /// Another try would end the same way.
    Final(Fault, String),
    /// There is no room on the disk, or it is gone for the moment.
    Disk(String),
    /// The user does not want it any more.
    Cancelled,
    /// The servent stops, or nobody is left to give orders: what is here is kept.
    Stopping,
}

/// What a failure of our own disk means: one that was pulled out, or hangs on a network, comes back with all that is on it.
pub(super) fn of_disk(error: &io::Error) -> End {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            End::Disk(format!("the disk is full: {error}"))
        }
        io::ErrorKind::NotFound => End::Disk(format!("the disk is gone: {error}")),
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::AlreadyExists
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::IsADirectory
        | io::ErrorKind::InvalidInput
        | io::ErrorKind::InvalidFilename
        | io::ErrorKind::FileTooLarge
        | io::ErrorKind::Unsupported => {
            End::Final(Fault::Disk, format!("the disk does not allow it: {error}"))
        }
        _ => End::Disk(format!("the disk fails: {error}")),
    }
}

/// A download under way.
pub(super) struct Job {
    pub(super) shared: Arc<Shared>,
    pub(super) id: DownloadId,
    pub(super) ticket: Ticket,
    pub(super) orders: mpsc::UnboundedReceiver<Order>,
    pub(super) status: watch::Sender<DownloadStatus>,
    pub(super) partial: Arc<Partial>,
    pub(super) contacts: Vec<Contact>,
    /// Roots of trees that were false.
    pub(super) false_roots: BTreeSet<TigerRoot>,
    /// What was gathered and is right, while the downloads folder cannot take it: nothing of it is to be read again.
    whole: Option<Whole>,
    begun: Instant,
}

impl Job {
    pub(super) fn new(
        shared: Arc<Shared>,
        id: DownloadId,
        ticket: Ticket,
        orders: mpsc::UnboundedReceiver<Order>,
        status: watch::Sender<DownloadStatus>,
        partial: Arc<Partial>,
    ) -> Self {
        let contacts = ticket.sources.iter().cloned();
        Self {
            contacts: contacts
                .map(|source| Contact::new(source, &ticket))
                .collect(),
            shared,
            id,
            ticket,
            orders,
            status,
            partial,
            false_roots: BTreeSet::new(),
            whole: None,
            begun: Instant::now(),
        }
    }

    /// Tries until the file is there or nothing more can be done.
    pub(super) async fn run(mut self) {
        loop {
            let end = self.attempt().await;
            self.partial.close();
            match end {
                Ok(()) => return,
                Err(End::Stopping) if is_given_up(&mut self.orders) => {
                    return self.shared.forget(self.id).await;
                }
                Err(End::Stopping) => return,
                Err(End::Cancelled) => return self.shared.forget(self.id).await,
                Err(End::Final(fault, why)) => match self.hear_out(fault) {
                    Some(Err(_)) => return self.shared.forget(self.id).await,
                    Some(Ok(())) => {}
                    None => return self.fail(fault, why).await,
                },
                Err(End::Disk(why)) => {
                    tracing::warn!(id = self.id.0, why, "a download waits for the disk");
                    self.tell(|status| {
                        status.state = DownloadState::Waiting;
                        (status.why, status.rate, status.active) = (Some(why), 0, 0);
                    });
                    let wait = tokio::time::sleep(self.shared.timing.disk_retry);
                    if let Some(Err(end)) = self.obey_during(wait).await {
                        if matches!(end, End::Cancelled) || is_given_up(&mut self.orders) {
                            self.shared.forget(self.id).await;
                        }
                        return;
                    }
                }
            }
        }
    }

    /// Waits, but not for those who want something at once.
    async fn obey_during(&mut self, wait: impl Future<Output = ()>) -> Option<Result<(), End>> {
        let stopping = self.shared.stopping.clone();
        tokio::pin!(wait);
        loop {
            tokio::select! {
                () = &mut wait => return None,
                () = stopping.cancelled() => return Some(Err(End::Stopping)),
                order = self.orders.recv() => match order {
                    None => return Some(Err(End::Stopping)),
                    Some(Order::Cancel) => return Some(Err(End::Cancelled)),
                    Some(Order::Add(source)) => drop(self.add(source, MOST_SOURCES)),
                    Some(Order::Pause(paused)) => self.ticket.paused = paused,
                    Some(Order::Rank(priority)) => self.ticket.priority = priority,
                },
            }
        }
    }

    /// What was ordered while an attempt that failed was being ended: to be forgotten, or to try one source more; none when
    /// nothing changes that it failed.
    fn hear_out(&mut self, fault: Fault) -> Option<Result<(), End>> {
        let mut heard = None;
        while let Ok(order) = self.orders.try_recv() {
            match order {
                Order::Cancel => return Some(Err(End::Cancelled)),
                Order::Add(source) if fault == Fault::Source => {
                    heard = self.add(source, MOST_SOURCES).map(|_| Ok(())).or(heard);
                }
                Order::Add(_) => {}
                Order::Pause(paused) => self.ticket.paused = paused,
                Order::Rank(priority) => self.ticket.priority = priority,
            }
        }
        heard
    }

    /// One try: from opening the part to the file in the downloads folder.
    async fn attempt(&mut self) -> Result<(), End> {
        let whole = match self.whole.take() {
            Some(whole) if self.is_here().await => whole,
            _ => self.gather().await?,
        };
        let (found, tree) = self.whole.insert(whole).clone();
        let concluded = self.shared.conclude(self.id, &self.ticket, found, tree);
        let concluded = concluded.await?;
        self.tell(|status| concluded.show(status));
        Ok(())
    }

    /// Gathers the part until it is whole and right.
    async fn gather(&mut self) -> Result<Whole, End> {
        let (shared, id, size) = (Arc::clone(&self.shared), self.id, self.ticket.size);
        let ticket = self.ticket.clone();
        let opened = on_disk(move || {
            shared.store.renew(id, &ticket)?;
            let (path, journal) = (shared.store.part(id), shared.store.journal(id));
            let part = Part::open(&path, &journal, size).map_err(|error| at(&path, &error))?;
            Ok((part, shared.store.tree(id, &ticket)))
        });
        let (part, tree) = opened.await?;
        let mut gathering = Gathering::new(self, Arc::new(part));
        let gathered = gathering.run(tree).await;
        gathering.end().await;
        Ok((gathered?, self.partial.tree()))
    }

    /// Whether the part is where it was, and as long as the file.
    async fn is_here(&self) -> bool {
        let (path, size) = (self.shared.store.part(self.id), self.ticket.size);
        let part = on_disk(move || path.metadata()).await;
        part.is_ok_and(|part| Some(part.len()) == size)
    }

    /// Notes a source, of `most` at most; its number, and whether it is a new one.
    pub(super) fn add(&mut self, source: Source, most: usize) -> Option<(SourceId, bool)> {
        let same = |known: &Contact| known.source.is_same(&source);
        let known = self.contacts.iter().position(same);
        match known {
            Some(known) => {
                let own = &mut self.contacts[known].source;
                own.get = own.get.take().or(source.get);
            }
            None if self.contacts.len() >= most => return None,
            None => self.contacts.push(Contact::new(source, &self.ticket)),
        }
        let number = known.unwrap_or(self.contacts.len() - 1);
        let number = u32::try_from(number).ok()?;
        Some((SourceId(number), known.is_none()))
    }

    async fn fail(&self, fault: Fault, why: String) {
        tracing::info!(id = self.id.0, why, "a download failed");
        if fault == Fault::HashMismatch {
            // Nothing of it can be trusted, and it must not come back at the next start.
            self.shared.forget(self.id).await;
        }
        self.tell(|status| {
            status.state = DownloadState::Failed;
            status.fault = Some(fault);
            status.why = Some(why);
            (status.rate, status.active, status.place) = (0, 0, None);
        });
    }

    pub(super) fn tell(&self, change: impl FnOnce(&mut DownloadStatus)) {
        let spent = self.begun.elapsed();
        self.status.send_modify(|status| {
            change(status);
            status.spent = spent;
        });
    }
}

/// Does what waits for the disk where nobody else waits for it.
pub(super) async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, End> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| of_disk(&error)),
        Err(_) => Err(End::Stopping),
    }
}

/// How long is waited between tries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    /// For sources.
    pub(super) patience: Patience,
    /// Until a full disk is tried again.
    pub(super) disk_retry: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            patience: Patience {
                first_retry: Duration::from_secs(2),
                // gtk-gnutella bans an address for its sixth connection within a minute.
                tries: 5,
                busy_answers: 1_000,
            },
            disk_retry: Duration::from_secs(10),
        }
    }
}
