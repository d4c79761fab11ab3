//! The reading half of a link: bytes to descriptors, descriptors to the actor.
//!
//! It reads on only when the actor has taken what it read, so a flood stays in the sender's own machine. It never holds
//! more than one unfinished descriptor and one read.

use std::time::Duration;

use bytes::BytesMut;
use tokio::io::AsyncReadExt;
use tokio::net::tcp::OwnedReadHalf;
use tokio::time::timeout;
use tokio_util::codec::Decoder;
use tokio_util::sync::CancellationToken;

use super::Ending;
use crate::net::admission::Permit;
use crate::net::inbox::{Inbox, Report};
use crate::overlay::PeerId;
use crate::wire::deflate::Inflater;
use crate::wire::{DescriptorCodec, Kind, WireError};

/// Bytes taken from the socket, or inflated, at a time.
const STEP: usize = 8 * 1024;

/// How long a link stays open after our Bye for the neighbour to read it: a close with unread bytes would reset the
/// connection and lose it.
const LINGER: Duration = Duration::from_secs(2);

/// The reading half.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) peer: PeerId,
    pub(super) socket: OwnedReadHalf,
    pub(super) inflater: Option<Inflater>,
    pub(super) inbox: Inbox,
    pub(super) closing: CancellationToken,
    /// Held as long as the link lives.
    pub(super) permit: Option<Permit>,
}

impl Reader {
    /// Reads until the link ends or is closed; `rest` is what was read along with the handshake.
    pub(super) async fn run(mut self, rest: BytesMut) {
        let closing = self.closing.clone();
        let ending = tokio::select! {
            ending = self.read(rest) => ending,
            () = closing.cancelled() => return self.linger().await,
        };
        tracing::debug!(why = %ending, "link ended");
        let peer = self.peer;
        // Should the actor be gone, there is nobody to tell.
        let _ = self.inbox.send(Report::Ended { peer, how: ending }).await;
        closing.cancelled().await;
        self.linger().await;
    }

    async fn read(&mut self, rest: BytesMut) -> Ending {
        let outcome = match self.inflater.take() {
            None => self.read_plain(rest).await,
            Some(inflater) => self.read_deflated(rest, inflater).await,
        };
        outcome.err().unwrap_or(Ending::Closed)
    }

    async fn read_plain(&mut self, mut plain: BytesMut) -> Result<(), Ending> {
        while self.deliver(&mut plain).await? && self.fill(&mut plain).await? {}
        Ok(())
    }

    async fn read_deflated(
        &mut self,
        mut packed: BytesMut,
        mut inflater: Inflater,
    ) -> Result<(), Ending> {
        let mut plain = BytesMut::new();
        let mut ratio = Ratio::default();
        loop {
            let before = packed.len();
            let inflated = inflater.inflate(&mut packed, &mut plain, STEP)?;
            ratio.note(before - packed.len(), inflated)?;
            if !self.deliver(&mut plain).await? {
                return Ok(());
            }
            if inflated == 0 && !self.fill(&mut packed).await? {
                return Ok(());
            }
        }
    }

    /// Reads once; false at the end of the stream.
    async fn fill(&mut self, buffer: &mut BytesMut) -> Result<bool, Ending> {
        buffer.reserve(STEP);
        Ok(self.socket.read_buf(buffer).await? > 0)
    }

    /// Hands over all whole descriptors; false when the stream is to end here: after a Bye nothing counts
    /// (Bye packet 0.1), and without an actor nobody listens.
    async fn deliver(&mut self, plain: &mut BytesMut) -> Result<bool, Ending> {
        while let Some(descriptor) = DescriptorCodec.decode(plain)? {
            let last = descriptor.header.kind == Kind::Bye;
            let from = self.peer;
            let report = Report::Received { from, descriptor };
            if self.inbox.send(report).await.is_err() || last {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Waits for the neighbour to close, throwing away what it still sends.
    async fn linger(mut self) {
        let mut scrap = [0; 1024];
        let drained = async { while matches!(self.socket.read(&mut scrap).await, Ok(1..)) {} };
        // Whether it closed or time is up, the socket goes now.
        let _ = timeout(LINGER, drained).await;
        drop(self.permit);
    }
}

/// Keeps watch over how much comes out of how little.
///
/// Gnutella traffic is GUIDs for the most part, which do not shrink: honest streams stay below 10:1, zlib's own bound
/// is 1032:1. Judged anew for each window, so that a bomb cannot hide behind an honest past.
#[derive(Debug, Default)]
struct Ratio {
    packed: usize,
    plain: usize,
}

impl Ratio {
    /// The bytes judged together.
    const WINDOW: usize = 64 * 1024;
    /// Bytes out for one byte in.
    const LIMIT: usize = 64;

    fn note(&mut self, packed: usize, plain: usize) -> Result<(), WireError> {
        self.packed += packed;
        self.plain += plain;
        if self.plain < Self::WINDOW {
            return Ok(());
        }
        if self.plain > Self::LIMIT * self.packed {
            return Err(WireError::BadDeflate);
        }
        *self = Self::default();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bomb_is_known_by_its_ratio_within_one_window() {
        let mut honest = Ratio::default();
        for _ in 0..1000 {
            assert_eq!(honest.note(STEP / 10, STEP), Ok(()));
        }
        let mut bomb = (0..).map(|_| honest.note(8, STEP));
        let steps = bomb.by_ref().take_while(Result::is_ok).count();
        assert!(steps <= 2 * Ratio::WINDOW / STEP, "{steps} steps");
    }
}
