//! One connection's way through a limit.

use std::io;

use bytes::{BufMut, BytesMut};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use super::{Class, Limit};

/// One connection's way through a limit.
#[derive(Debug, Default)]
pub(crate) struct Tap {
    limit: Limit,
    class: Class,
    /// What may pass at once.
    open: u64,
    /// The slice promised, and when it may pass.
    promised: Option<(Instant, u64)>,
}

impl Tap {
    pub(super) fn new(limit: Limit, class: Class) -> Self {
        Self {
            limit,
            class,
            ..Self::default()
        }
    }

    /// What it is a way through.
    #[cfg(target_os = "linux")]
    pub(crate) const fn limit(&self) -> &Limit {
        &self.limit
    }

    /// Waits for its turn; tells how many bytes may pass, `most` at most. May be dropped while it waits: the turn is kept.
    pub(crate) async fn turn(&mut self, most: u64) -> u64 {
        if self.open == 0 {
            if self.promised.is_none() {
                self.promised = self.limit.promise(self.class);
            }
            let Some((at, slice)) = self.promised else {
                return most;
            };
            sleep_until(at).await;
            self.promised = None;
            self.open = slice;
        }
        self.open.min(most)
    }

    /// Notes how many did pass.
    pub(crate) fn passed(&mut self, count: u64) {
        self.open = self.open.saturating_sub(count);
        self.limit.count(self.class, count);
    }

    /// Waits until there is something to read, then for its turn, and appends what comes, `most` bytes at most; 0 at the
    /// end of the stream. There need be no room in `buffer` while nothing comes. May be dropped while it waits.
    ///
    /// # Errors
    /// Those of the socket.
    pub(crate) async fn read(
        &mut self,
        stream: &TcpStream,
        buffer: &mut BytesMut,
        most: usize,
    ) -> io::Result<usize> {
        loop {
            stream.readable().await?;
            let turn = self.turn(most as u64).await;
            let room = usize::try_from(turn).unwrap_or(most);
            buffer.reserve(room);
            match stream.try_read_buf(&mut (&mut *buffer).limit(room)) {
                Ok(count) => {
                    self.passed(count as u64);
                    return Ok(count);
                }
                // A false alarm.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}
