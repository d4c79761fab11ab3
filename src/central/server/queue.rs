//! What waits to be sent on one link.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::BytesMut;
use tokio::sync::Notify;

/// The most that may wait for a slow client: the largest answer, twice.
const MOST: usize = 1024 * 1024;

/// Bytes on their way from the index to a link.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    bytes: BytesMut,
    /// Nothing more will come.
    closed: bool,
    /// More came than fits.
    overflown: bool,
    /// Whether there is a user at the other end.
    known: bool,
}

impl Waiting {
    fn is_idle(&self) -> bool {
        self.bytes.is_empty() && !self.closed && !self.overflown
    }
}

/// What a link is to do next.
#[derive(Debug)]
pub(super) enum Next {
    /// Send these.
    Send(BytesMut),
    /// Hang up: it is done with.
    Close,
    /// Hang up: it does not read.
    Cut,
}

impl Queue {
    /// Adds bytes; false, and the link will end, when too many wait already.
    pub(super) fn push(&self, bytes: &[u8]) -> bool {
        let mut waiting = self.waiting();
        if waiting.closed || waiting.overflown {
            return true;
        }
        let fits = waiting.bytes.len() + bytes.len() <= MOST;
        if fits {
            waiting.bytes.extend_from_slice(bytes);
        } else {
            waiting.overflown = true;
            waiting.bytes = BytesMut::new();
        }
        drop(waiting);
        self.news.notify_one();
        fits
    }

    /// Ends the link once all is sent.
    pub(super) fn close(&self) {
        self.waiting().closed = true;
        self.news.notify_one();
    }

    /// Notes whether the link is a user's.
    pub(super) fn set_known(&self, known: bool) {
        self.waiting().known = known;
    }

    /// Whether it is.
    pub(super) fn is_known(&self) -> bool {
        self.waiting().known
    }

    /// Returns once there is something to do. May be dropped while it waits: nothing is lost then.
    pub(super) async fn news(&self) {
        // Who waited for an overflow may have been told what was meant for us, so what there is counts.
        while self.waiting().is_idle() {
            self.news.notified().await;
        }
    }

    /// What is to be done now, if anything is.
    pub(super) fn take(&self) -> Option<Next> {
        let mut waiting = self.waiting();
        if waiting.overflown {
            Some(Next::Cut)
        } else if !waiting.bytes.is_empty() {
            Some(Next::Send(std::mem::take(&mut waiting.bytes)))
        } else {
            waiting.closed.then_some(Next::Close)
        }
    }

    /// Returns once too much waits.
    pub(super) async fn overflow(&self) {
        while !self.waiting().overflown {
            self.news.notified().await;
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
