//! The writing half of a link: what waits in the queue goes out, many small descriptors in one write.
//!
//! Payloads are copied into the batch: below a few KiB, and hits are rarely larger, the copy is cheaper than the second
//! system call or the vector it saves.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::time::{sleep, timeout};
use tokio_util::codec::Encoder;
use tokio_util::sync::CancellationToken;

use super::Ending;
use super::queue::Waiting;
use crate::net::inbox::{Inbox, Report};
use crate::overlay::PeerId;
use crate::transfer::Tap;
use crate::wire::DescriptorCodec;
use crate::wire::deflate::Deflater;

/// A batch is written once it has this many bytes, or sooner when nothing else waits.
const BATCH: usize = 16 * 1024;

/// While messages have to wait for their rate a batch is smaller, as what waits in the queue is still chosen from. Less than
/// this would not deflate well.
const SMALL_BATCH: usize = 2 * 1024;

/// A neighbour whose socket takes nothing for so long is gone or stuck (gtk-gnutella: 180 s; a stuck one costs us a
/// slot and a full queue).
const PATIENCE: Duration = Duration::from_secs(30);

/// What we allow a closing link to take what still waits, the Bye last.
const FAREWELL: Duration = Duration::from_secs(1);

/// The writing half.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) peer: PeerId,
    pub(super) socket: OwnedWriteHalf,
    pub(super) deflater: Option<Deflater>,
    pub(super) inbox: Inbox,
    pub(super) closing: CancellationToken,
    pub(super) tap: Tap,
    /// How long a descriptor waits before it is written; those that come meanwhile go with it.
    pub(super) delay: Duration,
}

impl Writer {
    /// Writes until the queue is closed and empty, then shuts down the writing side of the socket.
    pub(super) async fn run(mut self, mut waiting: Waiting) {
        let closing = self.closing.clone();
        let too_late = async {
            closing.cancelled().await;
            sleep(FAREWELL).await;
        };
        let outcome = tokio::select! {
            outcome = self.drain(&mut waiting) => outcome,
            () = too_late => return,
        };
        if let Err(how) = outcome {
            let peer = self.peer;
            // Should the actor be gone, there is nobody to tell.
            let _ = self.inbox.send(Report::Ended { peer, how }).await;
        }
    }

    async fn drain(&mut self, waiting: &mut Waiting) -> Result<(), Ending> {
        let mut plain = BytesMut::new();
        let mut packed = BytesMut::new();
        while let Some(first) = waiting.next().await {
            DescriptorCodec.encode(first, &mut plain)?;
            if !self.delay.is_zero() {
                sleep(self.delay).await;
            }
            let turn = self.turn(BATCH).await;
            while plain.len() < turn.max(SMALL_BATCH)
                && let Some(next) = waiting.ready()
            {
                DescriptorCodec.encode(next, &mut plain)?;
            }
            match &mut self.deflater {
                None => self.write(&plain).await?,
                Some(deflater) => {
                    deflater.deflate(&plain, &mut packed);
                    self.write(&packed).await?;
                }
            }
            if waiting.is_empty() {
                self.tap.rest();
            }
            // What comes in quick succession shares a buffer; a silent link has none.
            let kept = if waiting.is_empty() { 0 } else { 2 * BATCH };
            recycle(&mut plain, kept);
            recycle(&mut packed, kept);
        }
        Ok(self.socket.shutdown().await?)
    }

    async fn write(&mut self, mut bytes: &[u8]) -> Result<(), Ending> {
        while !bytes.is_empty() {
            let turn = self.turn(bytes.len()).await;
            let taken = timeout(PATIENCE, self.socket.write(&bytes[..turn]))
                .await
                .map_err(|_| Ending::Stalled)??;
            if taken == 0 {
                return Err(io::Error::from(io::ErrorKind::WriteZero).into());
            }
            self.tap.passed(taken as u64);
            bytes = &bytes[taken..];
        }
        Ok(())
    }

    /// How much may be written, once it is our turn. A link that closes does not wait: what is in
    /// its queue has [`FAREWELL`] to go.
    async fn turn(&mut self, most: usize) -> usize {
        tokio::select! {
            turn = self.tap.turn(most as u64) => usize::try_from(turn).unwrap_or(most),
            () = self.closing.cancelled() => most,
        }
    }
}

/// Empties a buffer for the next batch, and gives it back if it holds more than `kept` bytes.
fn recycle(buffer: &mut BytesMut, kept: usize) {
    if buffer.capacity() > kept {
        *buffer = BytesMut::new();
    }
    buffer.clear();
}
