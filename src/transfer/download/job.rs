//! One download from its start to its end: tries, waits, tries again, checks, hands over.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::part::Part;
use super::publish::publish;
use super::rate::Rate;
use super::store::Ticket;
use super::{DownloadId, DownloadState, DownloadStatus, Fault, Shared};
use crate::wire::Sha1;

/// How long a download waits, and how often.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Before the second try; each later wait is twice as long.
    pub(super) first_retry: Duration,
    /// How many tries may bring nothing, one after the other, before it is given up. gtk-gnutella bans an address for
    /// its sixth connection within a minute.
    pub(super) tries: u32,
    /// Until a full disk is tried again.
    pub(super) disk_retry: Duration,
    /// How often, one time after the other, a source may say that it is busy.
    pub(super) busy_answers: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            first_retry: Duration::from_secs(2),
            tries: 5,
            disk_retry: Duration::from_secs(10),
            busy_answers: 1_000,
        }
    }
}

/// Why a try ended without the file.
#[derive(Debug)]
pub(super) enum Setback {
    /// Another try would end the same way.
    Final(Fault, String),
    /// The source wants us to come again, so much later.
    Busy(Duration, String),
    /// There is no room on the disk.
    DiskFull(String),
    /// The connection failed or broke, or what came over it made no sense.
    Broken(String),
}

impl Setback {
    /// What a failure of our own disk means.
    pub(super) fn of_disk(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::DiskFull(format!("the disk is full: {error}"))
            }
            _ => Self::Final(Fault::Disk, format!("the disk failed: {error}")),
        }
    }

    /// What a failure of the connection means.
    pub(super) fn of_connection(error: &io::Error) -> Self {
        Self::Broken(match error.kind() {
            io::ErrorKind::TimedOut => "the source does not answer".to_owned(),
            io::ErrorKind::UnexpectedEof => "the source broke off".to_owned(),
            _ => format!("the connection failed: {error}"),
        })
    }
}

/// A download under way.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) shared: Arc<Shared>,
    pub(super) ticket: Ticket,
    /// Whether the source is asked by index, having failed to know the file by digest.
    pub(super) by_index: bool,
    id: DownloadId,
    status: watch::Sender<DownloadStatus>,
    begun: Instant,
    rate: Rate,
}

impl Job {
    pub(super) fn new(
        shared: Arc<Shared>,
        id: DownloadId,
        ticket: Ticket,
        status: watch::Sender<DownloadStatus>,
    ) -> Self {
        let done = status.borrow().done;
        Self {
            shared,
            by_index: ticket.sha1.is_none(),
            ticket,
            id,
            status,
            begun: Instant::now(),
            rate: Rate::new(done),
        }
    }

    /// Tries until the file is there or nothing more can be done.
    pub(super) async fn run(mut self) {
        let Patience {
            first_retry,
            tries,
            disk_retry,
            busy_answers,
        } = self.shared.patience;
        let (mut failures, mut refusals) = (0, 0);
        loop {
            let before = self.done();
            let Err(setback) = self.attempt().await else {
                return;
            };
            if self.done() > before {
                (failures, refusals) = (0, 0);
            }
            let (wait, why) = match setback {
                Setback::Final(fault, why) => return self.fail(fault, why),
                Setback::DiskFull(why) => (disk_retry, why),
                Setback::Busy(wait, why) => {
                    refusals += 1;
                    if refusals >= busy_answers {
                        return self.fail(Fault::Source, why);
                    }
                    (wait, why)
                }
                Setback::Broken(why) => {
                    failures += 1;
                    if failures >= tries {
                        return self.fail(Fault::Source, why);
                    }
                    (first_retry * 2_u32.pow(failures - 1), why)
                }
            };
            tracing::debug!(id = self.id.0, why, ?wait, "a download waits");
            self.tell(|status| {
                status.state = DownloadState::Waiting;
                status.why = Some(why);
                status.rate = 0;
            });
            sleep(wait).await;
        }
    }

    /// One try.
    async fn attempt(&mut self) -> Result<(), Setback> {
        let shared = Arc::clone(&self.shared);
        let path = shared.store.part(self.id);
        let size = self.ticket.size;
        let turn = shared.hosts.turn(self.ticket.source.addr).await;
        let part = on_disk(move || Part::open(&path, size)).await?;
        self.rate = Rate::new(part.len());
        let part = self.fetch(part).await?;
        drop(turn);
        self.conclude(part).await
    }

    /// Checks the whole file and hands it over.
    async fn conclude(&mut self, part: Part) -> Result<(), Setback> {
        let done = part.len();
        self.tell(|status| {
            status.state = DownloadState::Verifying;
            (status.why, status.done, status.rate) = (None, done, 0);
        });
        let found = on_disk(move || part.finish()).await?;
        let doubt = self.doubt(found)?;
        self.ticket.checked = true;
        self.save().await?;
        let (shared, id, name) = (Arc::clone(&self.shared), self.id, self.ticket.name.clone());
        let path = on_disk(move || {
            let path = publish(&shared.store.part(id), id, &shared.folder, &name)?;
            shared.store.remove(id);
            Ok(path)
        });
        let path = path.await?;
        self.tell(|status| {
            if let Some(name) = path.file_name() {
                status.name = name.to_string_lossy().into_owned();
            }
            status.state = DownloadState::Complete;
            status.path = Some(path);
            status.sha1 = Some(found);
            status.why = doubt;
        });
        Ok(())
    }

    /// Holds the digest found against the one that was told; what is to be said when none was.
    fn doubt(&self, found: Sha1) -> Result<Option<String>, Setback> {
        match self.ticket.sha1 {
            None => Ok(Some("unverified: the source told no SHA-1".to_owned())),
            Some(told) if told == found => Ok(None),
            Some(told) => {
                // Nothing of it can be trusted, and it must not come back at the next start.
                self.shared.store.remove(self.id);
                self.status.send_modify(|status| status.done = 0);
                let what = format!("hash mismatch: {told} was promised, {found} came");
                Err(Setback::Final(Fault::HashMismatch, what))
            }
        }
    }

    /// Notes that bytes arrive, and how many are here.
    pub(super) fn progress(&mut self, done: u64) {
        let rate = self.rate.note(done);
        self.tell(|status| {
            status.state = DownloadState::Running;
            (status.why, status.done, status.rate) = (None, done, rate);
        });
    }

    /// Notes what was learnt of the file.
    pub(super) async fn learn(&mut self, size: u64, sha1: Option<Sha1>) -> Result<(), Setback> {
        let learnt = (Some(size), self.ticket.sha1.or(sha1));
        if learnt != (self.ticket.size, self.ticket.sha1) {
            (self.ticket.size, self.ticket.sha1) = learnt;
            self.tell(|status| (status.size, status.sha1) = learnt);
            self.save().await?;
        }
        Ok(())
    }

    async fn save(&self) -> Result<(), Setback> {
        let (shared, id, ticket) = (Arc::clone(&self.shared), self.id, self.ticket.clone());
        on_disk(move || shared.store.save(id, &ticket)).await
    }

    fn fail(&self, fault: Fault, why: String) {
        tracing::info!(id = self.id.0, why, "a download failed");
        self.tell(|status| {
            status.state = DownloadState::Failed;
            status.fault = Some(fault);
            status.why = Some(why);
            status.rate = 0;
        });
    }

    fn tell(&self, change: impl FnOnce(&mut DownloadStatus)) {
        let spent = self.begun.elapsed();
        self.status.send_modify(|status| {
            change(status);
            status.spent = spent;
        });
    }

    fn done(&self) -> u64 {
        self.status.borrow().done
    }
}

/// Begins work that waits for the disk, where nobody else waits for it.
pub(super) fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> impl Future<Output = Result<T, Setback>> {
    let working = tokio::task::spawn_blocking(work);
    async move {
        match working.await {
            Ok(done) => done.map_err(|error| Setback::of_disk(&error)),
            Err(_) => Err(Setback::Broken("the servent is stopping".to_owned())),
        }
    }
}
