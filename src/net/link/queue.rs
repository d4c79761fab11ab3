//! What waits to be written to one neighbour: bounded, and the fuller it is, the choosier.
//!
//! A neighbour who reads too slowly loses first what it can do without. Pings and pongs are only taken while the queue
//! is at most half full, queries up to three quarters; hits and pushes, which have already cost the whole network
//! something, up to the end; Bye always. (gtk-gnutella's order; see also the flow control of LimeWire.)

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tokio::sync::mpsc;

use crate::wire::{Descriptor, HEADER_LEN, Kind};

/// Descriptors that may wait. A thousand small ones are written in a few system calls.
const SLOTS: usize = 1024;

/// Bytes that may wait; together with the sockets' own buffers about a second of a DSL line.
const BYTES: usize = 256 * 1024;

/// The actor's end.
#[derive(Debug)]
pub(super) struct Queue {
    slots: mpsc::Sender<Descriptor>,
    bytes: Arc<AtomicUsize>,
}

/// The writer's end.
#[derive(Debug)]
pub(super) struct Waiting {
    slots: mpsc::Receiver<Descriptor>,
    bytes: Arc<AtomicUsize>,
}

/// An empty queue.
pub(super) fn queue() -> (Queue, Waiting) {
    // One slot more than is ever used, for the Bye.
    let (sender, receiver) = mpsc::channel(SLOTS + 1);
    let bytes = Arc::new(AtomicUsize::new(0));
    let queue = Queue {
        slots: sender,
        bytes: bytes.clone(),
    };
    let waiting = Waiting {
        slots: receiver,
        bytes,
    };
    (queue, waiting)
}

impl Queue {
    /// Takes a descriptor, or sheds it: then false.
    pub(super) fn push(&self, descriptor: Descriptor) -> bool {
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
        let taken = self.slots.try_send(descriptor).is_ok();
        if !taken {
            self.bytes.fetch_sub(cost, Relaxed);
        }
        taken
    }
}

impl Waiting {
    /// The next one; none when the queue is closed and empty.
    pub(super) async fn next(&mut self) -> Option<Descriptor> {
        let descriptor = self.slots.recv().await?;
        self.bytes.fetch_sub(cost(&descriptor), Relaxed);
        Some(descriptor)
    }

    /// Whether nothing is there.
    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The next one, if it is already there.
    pub(super) fn ready(&mut self) -> Option<Descriptor> {
        let descriptor = self.slots.try_recv().ok()?;
        self.bytes.fetch_sub(cost(&descriptor), Relaxed);
        Some(descriptor)
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
        let (queue, mut waiting) = queue();
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
    }

    #[test]
    fn large_payloads_are_bounded_by_their_bytes() {
        let (queue, _waiting) = queue();
        let len = 64_000;
        assert_eq!(
            fill(&queue, Kind::Query, len),
            BYTES / 4 * 3 / (HEADER_LEN + len)
        );
        assert_eq!(fill(&queue, Kind::QueryHit, len), 1);
        assert!(queue.push(descriptor(Kind::Bye, 4_000)));
    }
}
