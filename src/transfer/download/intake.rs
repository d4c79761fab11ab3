//! A download that only a user of an index has, whom the index names anew for each try: it comes in one piece, and where
//! that breaks off the rest is asked for.
//!
//! The one rule: what is asked for again begins a little before what is missing, and a source whose bytes there are others
//! has another file. Nobody tells a digest that would show it at the end.

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::conclusion::mismatch;
use super::delivery::STALL;
use super::job::{End, on_disk};
use super::part::Part;
use super::rate::Rate;
use super::store::{Ticket, at};
use super::table::is_given_up;
use super::{Coming, Delivery, DownloadId, DownloadState, DownloadStatus, Fault, Order, Shared};
use crate::central::IndexSource;
use crate::transfer::channel::within;
use crate::transfer::limit::Tap;

/// How much is gathered before it is written.
const BUFFER: usize = 256 * 1024;

/// And no longer: what was gathered is lost in a crash.
const GATHER: Duration = Duration::from_secs(1);

/// So many bytes that are here are asked for again, to be held against each other.
const OVERLAP: u64 = 1024;

/// So long is waited for bytes behind the last one: those that are one too many come at once.
const SURPLUS: Duration = Duration::from_millis(250);

/// How long is waited before the next try, by how many tries in a row brought nothing; after the last of them it has failed,
/// and whoever looks for sources tries it again later.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(500),
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(60),
    Duration::from_secs(120),
];

/// A delivery being taken in.
#[derive(Debug)]
pub(super) struct Intake {
    shared: Arc<Shared>,
    id: DownloadId,
    owner: IndexSource,
    ticket: Ticket,
    status: watch::Sender<DownloadStatus>,
    begun: Instant,
}

impl Intake {
    pub(super) fn new(
        shared: Arc<Shared>,
        id: DownloadId,
        owner: IndexSource,
        ticket: Ticket,
        status: watch::Sender<DownloadStatus>,
    ) -> Self {
        Self {
            shared,
            id,
            owner,
            ticket,
            status,
            begun: Instant::now(),
        }
    }

    /// Takes it in until it is whole or nothing more can be done; the first try is under way where it is `coming`.
    pub(super) async fn run(
        mut self,
        mut orders: UnboundedReceiver<Order>,
        mut coming: Option<Coming>,
    ) {
        let stopping = self.shared.stopping.clone();
        // At a start the servent is not yet at its index.
        let mut rest = match coming {
            Some(_) => Duration::ZERO,
            None => PAUSES[0],
        };
        let mut waits_for_disk = false;
        let (fault, why) = loop {
            let gathered = async {
                if waits_for_disk {
                    self.wait_for_disk(&mut orders).await?;
                }
                self.gather(&mut orders, coming.take(), rest).await
            };
            match stopping.run_until_cancelled(gathered).await {
                // It may have been told to forget it just before.
                None if is_given_up(&mut orders) => return self.shared.forget(self.id).await,
                None | Some(Ok(()) | Err(End::Stopping)) => return,
                Some(Err(End::Cancelled)) => return self.shared.forget(self.id).await,
                Some(Err(End::Final(fault, why))) => break (fault, why),
                Some(Err(End::Disk(why))) => {
                    self.rest(Some(why));
                    (waits_for_disk, rest) = (true, Duration::ZERO);
                }
            }
        };
        if fault == Fault::HashMismatch {
            // It never will be another file, and must not come back at the next start.
            self.shared.forget(self.id).await;
        }
        self.tell(|status| {
            status.state = DownloadState::Failed;
            (status.fault, status.why) = (Some(fault), Some(why));
            status.rate = 0;
        });
    }

    /// Waits until the disk is worth another try. What is ordered meanwhile cannot be noted on it: the try begins with that.
    async fn wait_for_disk(&mut self, orders: &mut UnboundedReceiver<Order>) -> Result<(), End> {
        let wait = sleep(self.shared.timing.disk_retry);
        tokio::pin!(wait);
        loop {
            let order = tokio::select! {
                () = &mut wait => return Ok(()),
                order = orders.recv() => order,
            };
            match order {
                None => return Err(End::Stopping),
                Some(Order::Cancel) => return Err(End::Cancelled),
                Some(Order::Pause(paused)) => self.leave_alone(paused),
                Some(Order::Rank(priority)) => self.tell(|status| status.priority = priority),
                Some(Order::Add(_)) => {}
            }
        }
    }

    async fn gather(
        &mut self,
        orders: &mut UnboundedReceiver<Order>,
        mut coming: Option<Coming>,
        mut rest: Duration,
    ) -> Result<(), End> {
        let size = self.ticket.size.unwrap_or_default();
        self.save().await?;
        let (shared, id) = (Arc::clone(&self.shared), self.id);
        let open = move || {
            let path = shared.store.part(id);
            let part = Part::open(&path, &shared.store.journal(id), Some(size));
            part.map_err(|error| at(&path, &error))
        };
        let part = Arc::new(on_disk(open).await?);
        let mut vain = 0;
        while here(&part) < size {
            let (before, is_first) = (here(&part), coming.is_some());
            let paused = self.ticket.paused;
            let attempt = async {
                if paused {
                    return pending().await;
                }
                sleep(rest).await;
                self.attempt(&part, coming.take()).await
            };
            let lost = tokio::select! {
                lost = attempt => lost?,
                wish = self.change(orders, paused) => {
                    self.pause(wish?).await?;
                    (vain, rest) = (0, Duration::ZERO);
                    continue;
                }
            };
            let Some(lost) = lost else { break };
            vain = if here(&part) > before { 0 } else { vain + 1 };
            let next = PAUSES.get(vain);
            let Some(pause) = next.filter(|_| here(&part) > 0 || !is_first) else {
                return Err(End::Final(Fault::Source, lost));
            };
            rest = *pause;
            self.rest(Some(lost));
        }
        self.conclude(part, size).await
    }

    /// One try, from what is here on; why it was lost, if it was.
    async fn attempt(
        &self,
        part: &Arc<Part>,
        coming: Option<Coming>,
    ) -> Result<Option<String>, End> {
        let size = self.ticket.size.unwrap_or_default();
        let rank = (self.status.borrow().priority, self.id);
        let turn = self.shared.hosts.turn(None, rank);
        let (_turn, delivery) = match coming {
            // Whoever is called already does not wait for our turn to be let in.
            Some(coming) => tokio::join!(turn, coming),
            None => {
                let turn = turn.await;
                let from = here(part).saturating_sub(OVERLAP);
                let carrier = &self.shared.carrier;
                let delivery = carrier.bring(self.owner.clone(), size, from).await;
                (turn, delivery)
            }
        };
        match delivery {
            Ok(delivery) if delivery.size != size => {
                let told = delivery.size;
                let why = format!("the source has {told} bytes, which is not what it told");
                Err(End::Final(Fault::OtherFile, why))
            }
            Ok(delivery) => self.take_in(delivery, part, size).await,
            Err(error) => Ok(Some(lost(&error))),
        }
    }

    async fn take_in(
        &self,
        mut delivery: Delivery,
        part: &Arc<Part>,
        size: u64,
    ) -> Result<Option<String>, End> {
        let mut rate = Rate::new(here(part));
        let mut tap = self.shared.limit.files();
        let mut at = delivery.from;
        let mut broken = None;
        // Enough of the first bytes to tell where they belong.
        let mut least = OVERLAP.min(at);
        while at < size && broken.is_none() {
            let began = Instant::now();
            while at + (delivery.ahead.len() as u64) < size
                && delivery.ahead.len() < BUFFER
                && (began.elapsed() < GATHER || (delivery.ahead.len() as u64) < least)
            {
                broken = read(&mut delivery, &mut tap).await.err();
                if broken.is_some() {
                    break;
                }
                let done = (at + delivery.ahead.len() as u64).clamp(here(part), size);
                let rate = rate.note(done);
                self.tell(|status| {
                    status.state = DownloadState::Running;
                    (status.done, status.rate, status.why) = (done, rate, None);
                });
            }
            let room = usize::try_from(size - at).unwrap_or(usize::MAX);
            let bytes = delivery.ahead.split_to(delivery.ahead.len().min(room));
            let (part, is_first) = (Arc::clone(part), least > 0);
            let kept = on_disk(move || keep(&part, at, is_first, &bytes));
            let Some(next) = kept.await? else {
                let why = "the source has another file now".to_owned();
                return Err(End::Final(Fault::OtherFile, why));
            };
            (at, least) = (next, 0);
        }
        if broken.is_none() && delivery.from > 0 && is_surplus(&mut delivery).await {
            let why = "the source sends more than the rest of the file".to_owned();
            return Err(End::Final(Fault::HashMismatch, why));
        }
        Ok(broken)
    }

    async fn conclude(&self, part: Arc<Part>, size: u64) -> Result<(), End> {
        self.tell(|status| (status.state, status.done) = (DownloadState::Verifying, size));
        let found = on_disk(move || part.finish(size)).await?;
        if let Some(why) = mismatch(&self.ticket, found, None) {
            return Err(End::Final(Fault::HashMismatch, why));
        }
        let concluded = self.shared.conclude(self.id, &self.ticket, found, None);
        let concluded = concluded.await?;
        self.tell(|status| concluded.show(status));
        Ok(())
    }

    /// The next order that changes whether it is to be left alone. There is one source, so that none can be added; its new
    /// rank it has from its next turn on.
    async fn change(
        &self,
        orders: &mut UnboundedReceiver<Order>,
        paused: bool,
    ) -> Result<bool, End> {
        loop {
            match orders.recv().await {
                None => return Err(End::Stopping),
                Some(Order::Cancel) => return Err(End::Cancelled),
                Some(Order::Pause(wish)) if wish != paused => return Ok(wish),
                Some(Order::Rank(priority)) => {
                    self.tell(|status| status.priority = priority);
                    self.save().await?;
                }
                Some(Order::Pause(_) | Order::Add(_)) => {}
            }
        }
    }

    /// Leaves it alone, or goes on, over restarts too.
    async fn pause(&mut self, paused: bool) -> Result<(), End> {
        self.leave_alone(paused);
        self.save().await
    }

    fn leave_alone(&mut self, paused: bool) {
        self.ticket.paused = paused;
        self.rest(None);
    }

    async fn save(&self) -> Result<(), End> {
        let (shared, id) = (Arc::clone(&self.shared), self.id);
        let ticket = Ticket {
            priority: self.status.borrow().priority,
            ..self.ticket.clone()
        };
        on_disk(move || shared.store.renew(id, &ticket)).await
    }

    /// Tells that nothing comes at the moment.
    fn rest(&self, why: Option<String>) {
        self.tell(|status| {
            status.state = match self.ticket.paused {
                true => DownloadState::Paused,
                false => DownloadState::Waiting,
            };
            (status.why, status.rate) = (why, 0);
        });
    }

    fn tell(&self, change: impl FnOnce(&mut DownloadStatus)) {
        let spent = self.begun.elapsed();
        self.status.send_modify(|status| {
            change(status);
            status.spent = spent;
        });
    }
}

/// How many of the first bytes are here.
fn here(part: &Part) -> u64 {
    part.here().around(0).map_or(0, |first| first.end)
}

/// Writes bytes that belong at `at`; where the next belong, if these are of the file that is here. TekNap 1.3g tells from
/// where on it was asked, and sends all from the beginning: the first bytes of a delivery may belong there.
fn keep(part: &Part, at: u64, is_first: bool, bytes: &[u8]) -> io::Result<Option<u64>> {
    let places = [Some(at), is_first.then_some(0)];
    for at in places.into_iter().flatten() {
        if part.agrees(at, bytes)? {
            part.write(at, bytes)?;
            return Ok(Some(at + bytes.len() as u64));
        }
    }
    Ok(None)
}

/// Whether there is more to come. Of a file that is the same everywhere nothing else tells that it came from the beginning.
async fn is_surplus(delivery: &mut Delivery) -> bool {
    let more = timeout(SURPLUS, delivery.stream.read_u8()).await;
    !delivery.ahead.is_empty() || matches!(more, Ok(Ok(_)))
}

/// Reads some more of it; the error says why there is no more.
async fn read(delivery: &mut Delivery, tap: &mut Tap) -> Result<(), String> {
    let most = tap.turn(BUFFER as u64).await;
    let mut stream = (&mut delivery.stream).take(most);
    match within(STALL, stream.read_buf(&mut delivery.ahead)).await {
        Ok(0) => Err("the source broke off".to_owned()),
        Ok(count) => {
            tap.passed(count as u64);
            Ok(())
        }
        Err(error) => Err(lost(&error)),
    }
}

fn lost(error: &io::Error) -> String {
    format!("the source was lost: {error}")
}
