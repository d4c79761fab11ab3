//! What waits to be written to one neighbour: bounded, and the fuller it is, the choosier.
//!
//! A neighbour who reads too slowly, or has too little of our rate for messages, loses first what it can do without. Pings
//! and pongs are only taken while the queue is at most half full, queries up to three quarters; hits and pushes, which have
//! already cost the whole network something, up to the end; Bye always. (gtk-gnutella's order; see also the flow control of
//! LimeWire.) And what has become old is not sent any more, so that however slow a link is, what goes over it is news and
//! the answer to a ping is in time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::wire::{Descriptor, HEADER_LEN, Kind};

/// Descriptors that may wait. A thousand small ones are written in a few system calls.
const SLOTS: usize = 1024;

/// Bytes that may wait; together with the sockets' own buffers about a second of a DSL line.
const BYTES: usize = 256 * 1024;

/// What waited so long is old (LimeWire: 5 s, hits and pushes 10 s). Silent for 20 s, a link would be given up at the other
/// end (gtk-gnutella).
const OLD: Duration = Duration::from_secs(10);

/// The actor's end.
#[derive(Debug)]
pub(super) struct Queue {
    slots: mpsc::Sender<(Instant, Descriptor)>,
    bytes: Arc<AtomicUsize>,
    shed: Arc<AtomicU64>,
}

/// The writer's end.
#[derive(Debug)]
pub(super) struct Waiting {
    slots: mpsc::Receiver<(Instant, Descriptor)>,
    bytes: Arc<AtomicUsize>,
    shed: Arc<AtomicU64>,
}

/// An empty queue. What is not sent counts in `shed`.
pub(super) fn queue(shed: Arc<AtomicU64>) -> (Queue, Waiting) {
    // One slot more than is ever used, for the Bye.
    let (sender, receiver) = mpsc::channel(SLOTS + 1);
    let bytes = Arc::new(AtomicUsize::new(0));
    let queue = Queue {
        slots: sender,
        bytes: bytes.clone(),
        shed: shed.clone(),
    };
    let waiting = Waiting {
        slots: receiver,
        bytes,
        shed,
    };
    (queue, waiting)
}

impl Queue {
    /// Takes a descriptor, or sheds it: then false.
    pub(super) fn push(&self, descriptor: Descriptor) -> bool {
        let taken = self.take(descriptor);
        if !taken {
            self.shed.fetch_add(1, Relaxed);
        }
        taken
    }

    fn take(&self, descriptor: Descriptor) -> bool {
        let cost = cost(&descriptor);
        if descriptor.header.kind != Kind::Bye {
            let quarters = quarters(descriptor.header.kind);
            let used = SLOTS + 1 - self.slots.capacity();
            if used >= SLOTS / 4 * quarters
                || self.bytes.load(Relaxed) + cost > BYTES / 4 * quarters
            {
                return false;
            }
        }
        self.bytes.fetch_add(cost, Relaxed);
        let taken = self.slots.try_send((Instant::now(), descriptor)).is_ok();
        if !taken {
            self.bytes.fetch_sub(cost, Relaxed);
        }
        taken
    }
}

impl Waiting {
    /// The next one; none when the queue is closed and empty.
    pub(super) async fn next(&mut self) -> Option<Descriptor> {
        loop {
            let waited = self.slots.recv().await?;
            if let Some(descriptor) = self.still_of_use(waited) {
                return Some(descriptor);
            }
        }
    }

    /// Whether nothing is there.
    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The next one, if it is already there.
    pub(super) fn ready(&mut self) -> Option<Descriptor> {
        loop {
            let waited = self.slots.try_recv().ok()?;
            if let Some(descriptor) = self.still_of_use(waited) {
                return Some(descriptor);
            }
        }
    }

    fn still_of_use(&self, (since, descriptor): (Instant, Descriptor)) -> Option<Descriptor> {
        self.bytes.fetch_sub(cost(&descriptor), Relaxed);
        let is_old = ages(descriptor.header.kind) && since.elapsed() >= OLD;
        if is_old {
            self.shed.fetch_add(1, Relaxed);
        }
        (!is_old).then_some(descriptor)
    }
}

fn cost(descriptor: &Descriptor) -> usize {
    HEADER_LEN + descriptor.payload.len()
}

/// Up to how many quarters the queue may be full for this kind to be taken.
const fn quarters(kind: Kind) -> usize {
    match kind {
        Kind::Ping | Kind::Pong | Kind::Other(_) => 2,
        Kind::Query => 3,
        Kind::QueryHit | Kind::Push | Kind::RouteTable | Kind::Vendor { .. } | Kind::Bye => 4,
    }
}

/// Whether this kind is of no use any more once it is old. On the others the neighbour builds.
const fn ages(kind: Kind) -> bool {
    !matches!(kind, Kind::RouteTable | Kind::Vendor { .. } | Kind::Bye)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Guid;
    use bytes::Bytes;

    fn descriptor(kind: Kind, len: usize) -> Descriptor {
        Descriptor::new(Guid::ZERO, kind, 1, Bytes::from(vec![0; len]))
    }

    /// Pushes until it is shed; tells how many were taken.
    fn fill(queue: &Queue, kind: Kind, len: usize) -> usize {
        (0..2 * SLOTS)
            .take_while(|_| queue.push(descriptor(kind, len)))
            .count()
    }

    #[test]
    fn sheds_pings_before_queries_before_hits_and_never_a_bye() {
        let shed = Arc::default();
        let (queue, mut waiting) = queue(Arc::clone(&shed));
        assert_eq!(fill(&queue, Kind::Ping, 0), SLOTS / 2);
        assert_eq!(fill(&queue, Kind::Pong, 0), 0);
        assert_eq!(fill(&queue, Kind::Query, 60), SLOTS / 4);
        assert_eq!(fill(&queue, Kind::QueryHit, 100), SLOTS / 4);
        assert_eq!(fill(&queue, Kind::Push, 26), 0);
        assert!(queue.push(descriptor(Kind::Bye, 20)));

        let mut last = None;
        while let Some(next) = waiting.ready() {
            last = Some(next.header.kind);
        }
        assert_eq!(last, Some(Kind::Bye), "and what was taken keeps its order");
        assert_eq!(waiting.bytes.load(Relaxed), 0);
        assert!(queue.push(descriptor(Kind::Ping, 0)));
        assert_eq!(
            shed.load(Relaxed),
            5,
            "each row ended with one that was shed"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_old_is_not_sent_but_what_others_build_on() {
        let shed = Arc::default();
        let (queue, mut waiting) = queue(Arc::clone(&shed));
        for kind in [Kind::Ping, Kind::RouteTable, Kind::QueryHit, Kind::Bye] {
            assert!(queue.push(descriptor(kind, 10)));
        }
        tokio::time::advance(OLD).await;
        assert!(queue.push(descriptor(Kind::Query, 10)));
        drop(queue);
        let mut kinds = Vec::new();
        while let Some(next) = waiting.next().await {
            kinds.push(next.header.kind);
        }
        assert_eq!(kinds, [Kind::RouteTable, Kind::Bye, Kind::Query]);
        assert_eq!(shed.load(Relaxed), 2);
        assert_eq!(waiting.bytes.load(Relaxed), 0);
    }

    #[test]
    fn large_payloads_are_bounded_by_their_bytes() {
        let (queue, _waiting) = queue(Arc::default());
        let len = 64_000;
        assert_eq!(
            fill(&queue, Kind::Query, len),
            BYTES / 4 * 3 / (HEADER_LEN + len)
        );
        assert_eq!(fill(&queue, Kind::QueryHit, len), 1);
        assert!(queue.push(descriptor(Kind::Bye, 4_000)));
    }
}
