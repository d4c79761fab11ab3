//! One connection's way through a limit.

use std::io;

use bytes::{BufMut, BytesMut};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use super::bucket::CREDIT;
use super::{Class, Limit};

/// One connection's way through a limit.
#[derive(Debug, Default)]
pub(crate) struct Tap {
    limit: Limit,
    class: Class,
    /// What may pass at once, and until when: many that kept theirs for later could all send together.
    open: Option<(u64, Instant)>,
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

    /// Whether there is a rate to keep to.
    pub(crate) fn is_limited(&self) -> bool {
        self.limit.holds(self.class)
    }

    /// Waits for its turn; tells how many bytes may pass, `most` at most. May be dropped while it waits: the turn is kept.
    pub(crate) async fn turn(&mut self, most: u64) -> u64 {
        let now = Instant::now();
        if let Some((rest, _)) = self.open.filter(|(_, until)| now <= *until) {
            return rest.min(most);
        }
        self.open = None;
        if self.promised.is_none() {
            self.promised = self.limit.promise(self.class, most);
        }
        let Some((at, slice)) = self.promised else {
            return most;
        };
        sleep_until(at).await;
        self.promised = None;
        self.open = Some((slice, Instant::now() + CREDIT));
        slice.min(most)
    }

    /// Notes how many did pass.
    pub(crate) fn passed(&mut self, count: u64) {
        self.open = { self.open }
            .map(|(rest, until)| (rest.saturating_sub(count), until))
            .filter(|(rest, _)| *rest > 0);
        self.limit.count(self.class, count);
    }

    /// Gives back what is left of a turn, for others to use: there is no more to pass for now.
    pub(crate) fn rest(&mut self) {
        if let Some((rest, until)) = self.open.take()
            && Instant::now() <= until
        {
            self.limit.take_back(self.class, rest);
        }
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
                    if count < room {
                        self.rest();
                    }
                    return Ok(count);
                }
                // A false alarm.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}
