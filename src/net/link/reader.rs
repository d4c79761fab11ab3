//! The reading half of a link: bytes to descriptors, descriptors to the actor.
//!
//! It reads on only when the actor has taken what it read, and no faster than messages may come, so a flood stays in the
//! sender's own machine. It never holds more than one unfinished descriptor and one read.

use std::time::Duration;

use bytes::BytesMut;
use socket2::SockRef;
use tokio::io::AsyncReadExt;
use tokio::net::tcp::OwnedReadHalf;
use tokio::time::timeout;
use tokio_util::codec::Decoder;
use tokio_util::sync::CancellationToken;

use super::Ending;
use crate::net::admission::Permit;
use crate::net::inbox::{Inbox, Report};
use crate::overlay::PeerId;
use crate::transfer::Tap;
use crate::wire::DescriptorCodec;
use crate::wire::deflate::Inflater;

/// Bytes taken from the socket, or inflated, at a time.
const STEP: usize = 8 * 1024;

/// What the system may hold of what a neighbour sent, where messages come no faster than a limit: else it is filled at once,
/// and until the system has room to ask for more a neighbour thinks us gone.
const RECEIVE_BUFFER: usize = 16 * 1024;

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
    pub(super) tap: Tap,
    /// Whether the system holds little of what came.
    pub(super) is_narrow: bool,
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
        loop {
            let inflated = inflater.inflate(&mut packed, &mut plain, STEP)?;
            if !self.deliver(&mut plain).await? {
                return Ok(());
            }
            if inflated == 0 && !self.fill(&mut packed).await? {
                return Ok(());
            }
        }
    }

    /// Reads once; false at the end of the stream. There is a buffer only while there is something to read: most links
    /// are silent most of the time, and there may be a thousand.
    async fn fill(&mut self, buffer: &mut BytesMut) -> Result<bool, Ending> {
        if buffer.is_empty() {
            *buffer = BytesMut::new();
        }
        if !self.is_narrow && self.tap.is_limited() {
            self.narrow();
        }
        Ok(self.tap.read(self.socket.as_ref(), buffer, STEP).await? > 0)
    }

    /// Has the system hold little, once there is a limit; it may come while the link stands.
    fn narrow(&mut self) {
        self.is_narrow = true;
        let socket = SockRef::from(self.socket.as_ref());
        if let Err(error) = socket.set_recv_buffer_size(RECEIVE_BUFFER) {
            tracing::debug!(%error, "the system's receive buffer stays as it is");
        }
    }

    /// Hands over all whole descriptors; false when there is no actor any more to take them.
    async fn deliver(&mut self, plain: &mut BytesMut) -> Result<bool, Ending> {
        while let Some(descriptor) = DescriptorCodec.decode(plain)? {
            let from = self.peer;
            let report = Report::Received { from, descriptor };
            if self.inbox.send(report).await.is_err() {
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

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::mpsc;

    use super::*;
    use crate::transfer::{Limit, Rates};

    #[tokio::test]
    async fn a_limit_that_comes_later_narrows_what_the_system_holds() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("an address");
        let mut there = TcpStream::connect(addr).await.expect("connected");
        let (here, _) = listener.accept().await.expect("accepted");
        let (inbox, _reports) = mpsc::channel(1);
        let limit = Limit::default();
        let mut reader = Reader {
            peer: PeerId(1),
            socket: here.into_split().0,
            inflater: None,
            inbox,
            closing: CancellationToken::new(),
            permit: None,
            tap: limit.messages(),
            is_narrow: false,
        };
        let mut sizes = Vec::new();
        for messages in [0, 1 << 20] {
            limit.set(Rates {
                messages,
                ..Rates::default()
            });
            there.write_all(b"something").await.expect("sent");
            let read = timeout(LINGER, reader.fill(&mut BytesMut::new())).await;
            assert!(read.expect("in time").expect("read"));
            let socket = SockRef::from(reader.socket.as_ref());
            sizes.push(socket.recv_buffer_size().expect("a size"));
        }
        assert!(sizes[1] < sizes[0], "{sizes:?}");
    }
}
