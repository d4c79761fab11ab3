//! The table of downloads: whom to watch, and whom to tell what to do.

use std::collections::BTreeMap;
use std::iter;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::partial::Partial;
use super::store::Ticket;
use super::{DownloadId, DownloadState, DownloadStatus, Fault, Priority, Source};
use crate::central::IndexSource;

/// How many downloads are remembered; for a new one the oldest that is complete is forgotten.
pub(super) const MAX_DOWNLOADS: usize = 10_000;

#[derive(Debug)]
pub(super) struct Table {
    pub(super) entries: BTreeMap<DownloadId, Entry>,
    pub(super) next: DownloadId,
}

#[derive(Debug)]
pub(super) struct Entry {
    /// Where it was first seen; without a digest that is its name.
    pub(super) source: Option<Source>,
    pub(super) status: watch::Sender<DownloadStatus>,
    pub(super) orders: mpsc::UnboundedSender<Order>,
    pub(super) partial: Arc<Partial>,
    /// Whom only an index can name, where that is who has it.
    pub(super) owner: Option<IndexSource>,
}

/// What a download is told to do.
#[derive(Debug)]
pub(super) enum Order {
    /// Take this source too.
    Add(Source),
    /// Be left alone, or go on.
    Pause(bool),
    /// Be of this priority.
    Rank(Priority),
    /// Be forgotten, bytes and all.
    Cancel,
}

/// Whether the order to be forgotten waits unread: what was given up a moment before all of us stop is not to come back at
/// the next start.
pub(super) fn is_given_up(orders: &mut mpsc::UnboundedReceiver<Order>) -> bool {
    let mut unread = iter::from_fn(|| orders.try_recv().ok());
    unread.any(|order| matches!(order, Order::Cancel))
}

impl Table {
    /// Tells a download to do something; false when nobody is there to do it.
    pub(super) fn order(&self, id: DownloadId, order: Order) -> bool {
        let entry = self.entries.get(&id);
        entry.is_some_and(|entry| entry.orders.send(order).is_ok())
    }

    /// What a download does at the moment.
    pub(super) fn state(&self, id: DownloadId) -> Option<DownloadState> {
        let entry = self.entries.get(&id);
        entry.map(|entry| entry.status.borrow().state)
    }

    /// Whether another download can be remembered; makes room where that is possible.
    pub(super) fn has_room(&mut self) -> bool {
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

    /// The download of the same file, unless it is complete: by digest, or by its place where that is not known; of a user of
    /// an index that is what he calls it, with its size.
    pub(super) fn same(&self, ticket: &Ticket) -> Option<(DownloadId, DownloadStatus)> {
        self.entries.iter().find_map(|(&id, entry)| {
            let status = entry.status.borrow();
            let same = match (ticket.sha1, status.sha1) {
                (Some(wanted), Some(known)) => wanted == known,
                _ if ticket.owner.is_some() => {
                    // Nothing that is here belongs to the file that he has now.
                    let is_other = status.fault == Some(Fault::OtherFile);
                    ticket.owner == entry.owner && ticket.size == status.size && !is_other
                }
                _ => {
                    let place = ticket.sources.first();
                    place.is_some_and(|place| place.get.is_some()) && place == entry.source.as_ref()
                }
            };
            (same && status.state != DownloadState::Complete).then(|| (id, status.clone()))
        })
    }
}
