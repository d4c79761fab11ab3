//! A connection that heads and bodies are read from, on either side.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::http::{Framing, HeadError, head_end};

/// What a read asks room for while a head is awaited: a usual head, and little enough for thousands who send none.
const HEAD_ROOM: usize = 1024;

/// What a read asks room for while a body is awaited that cannot be read straight to where it belongs.
const BODY_ROOM: usize = 64 * 1024;

/// A TCP connection, and what was read from it ahead of need.
#[derive(Debug)]
pub(super) struct Channel {
    /// The connection; bodies are written to it directly.
    pub(super) stream: TcpStream,
    ahead: BytesMut,
}

/// What came of waiting for a head.
#[derive(Debug)]
pub(super) enum Arrival {
    /// A head, up to and with its blank line.
    Head(Bytes),
    /// More than a head may have.
    TooLarge,
    /// The other side closed before a head began.
    Closed,
}

impl Channel {
    /// A channel on a connection from which `ahead` was read already.
    pub(super) fn new(stream: TcpStream, ahead: BytesMut) -> Self {
        // Heads and the ends of bodies are not to wait for the acknowledgement of what went before.
        let _ = stream.set_nodelay(true);
        Self { stream, ahead }
    }

    /// Whether the other side has neither spoken nor closed, as far as can be told without waiting.
    pub(super) fn is_quiet(&self) -> bool {
        let read = self.stream.try_read(&mut [0]);
        let waits = read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        self.ahead.is_empty() && waits
    }

    /// Waits for one byte at least; false when the other side closed.
    ///
    /// # Errors
    /// Those of the socket.
    pub(super) async fn listen(&mut self) -> io::Result<bool> {
        Ok(!self.ahead.is_empty() || self.fill(HEAD_ROOM).await? > 0)
    }

    /// Reads a head. Empty lines before it are passed over (RFC 9112, section 2.2).
    ///
    /// # Errors
    /// Those of the socket; `UnexpectedEof` when the other side closes amid the head.
    pub(super) async fn head(&mut self) -> io::Result<Arrival> {
        let mut seen = 0;
        loop {
            if seen == 0 {
                let blank = |byte: &&u8| matches!(byte, b'\r' | b'\n');
                let blanks = self.ahead.iter().take_while(blank).count();
                let _ = self.ahead.split_to(blanks);
            }
            match head_end(&self.ahead, seen) {
                Ok(Some(end)) => return Ok(Arrival::Head(self.ahead.split_to(end).freeze())),
                Ok(None) => seen = self.ahead.len(),
                Err(_) => return Ok(Arrival::TooLarge),
            }
            if self.fill(HEAD_ROOM).await? == 0 {
                return match seen {
                    0 => Ok(Arrival::Closed),
                    _ => Err(io::ErrorKind::UnexpectedEof.into()),
                };
            }
        }
    }

    /// Reads some more of a body behind what `body` holds, until that has `room` more bytes at most; 0 at its end.
    ///
    /// # Errors
    /// Those of the socket; `TimedOut` when nothing comes for as long as `patience`; `UnexpectedEof` when the other side
    /// closes amid a body that tells its end; `InvalidData` when its framing is malformed.
    pub(super) async fn body(
        &mut self,
        framing: &mut Framing,
        body: &mut BytesMut,
        room: usize,
        patience: Duration,
    ) -> io::Result<usize> {
        loop {
            let taken = framing.take(&mut self.ahead, body, room).map_err(invalid)?;
            if taken > 0 || framing.is_done() || room == 0 {
                return Ok(taken);
            }
            let read = match framing {
                // Nothing is ahead: what comes is the body's and goes straight to where it belongs.
                Framing::Length(left) => {
                    let count = usize::try_from(*left).unwrap_or(usize::MAX).min(room);
                    let mut limited = (&mut self.stream).take(count as u64);
                    let read = within(patience, limited.read_buf(body)).await?;
                    *left -= read as u64;
                    if read > 0 {
                        return Ok(read);
                    }
                    read
                }
                Framing::Chunked(_) | Framing::UntilClose => {
                    within(patience, self.fill(BODY_ROOM)).await?
                }
            };
            if read == 0 {
                return match framing {
                    Framing::UntilClose => Ok(0),
                    _ => Err(io::ErrorKind::UnexpectedEof.into()),
                };
            }
        }
    }

    /// Reads what there is, about `room` at most; 0 when the other side closed.
    async fn fill(&mut self, room: usize) -> io::Result<usize> {
        self.ahead.reserve(room);
        self.stream.read_buf(&mut self.ahead).await
    }
}

/// The outcome of `work`, or `TimedOut` when it takes longer than `limit`.
pub(super) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    timeout(limit, work)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// A head or framing that breaks the rules, as an error of the connection.
pub(super) fn invalid(error: HeadError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
