//! Sources that cannot be connected to: called by Push, they connect to us and say GIV.
//!
//! The one rule: nobody gives who was not called. A GIV that nobody waits for is refused, whatever GUID it names. One that
//! comes when a relay was found meanwhile is kept for the next question: a relay serves two strangers only while it must.

use std::collections::HashMap;
use std::io;
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use lru::LruCache;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::transfer::channel::within;
use crate::wire::Guid;

/// How long a servent may take to connect: the Push crosses up to seven links, and it dials.
const LIMIT: Duration = Duration::from_secs(30);

/// A call for a servent to connect to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PushCall {
    /// The servent's GUID.
    pub servent: Guid,
    /// The file's index there.
    pub index: u32,
}

/// How many calls may wait to be sent.
const WAITING_CALLS: usize = 64;

/// How many servents may still come of those that a relay joined us with.
const LATE: NonZeroUsize = NonZeroUsize::new(32).expect("not zero");

type Given = (TcpStream, BytesMut);

/// Who is waited for.
#[derive(Debug)]
pub(super) struct Pushes {
    calls: mpsc::Sender<PushCall>,
    caller: Mutex<Option<mpsc::Receiver<PushCall>>>,
    awaited: Mutex<HashMap<Guid, Vec<oneshot::Sender<Given>>>>,
    late: Mutex<LruCache<Guid, Late>>,
}

/// A servent that was called and has not come while it was waited for.
#[derive(Debug)]
struct Late {
    /// Until when he may come, and is kept.
    until: Instant,
    given: Option<Given>,
}

impl Pushes {
    pub(super) fn new() -> Self {
        let (calls, caller) = mpsc::channel(WAITING_CALLS);
        Self {
            calls,
            caller: Mutex::new(Some(caller)),
            awaited: Mutex::default(),
            late: Mutex::new(LruCache::new(LATE)),
        }
    }

    /// The calls that are to be sent; once.
    pub(super) fn take_calls(&self) -> Option<mpsc::Receiver<PushCall>> {
        self.caller
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Calls a servent, and waits for it.
    ///
    /// # Errors
    /// `TimedOut` after 30 s; `NotConnected` when nobody sends our calls.
    pub(super) async fn call(&self, servent: Guid, index: u32) -> io::Result<Given> {
        let given = self.expect(servent);
        let call = PushCall { servent, index };
        let unsent = |_| io::Error::new(io::ErrorKind::NotConnected, "no Push can be sent");
        within(LIMIT, async { self.calls.send(call).await.map_err(unsent) }).await?;
        given.await
    }

    /// Waits for a servent that was called already, or is at once.
    ///
    /// # Errors
    /// `TimedOut` after 30 s.
    pub(super) fn expect(
        &self,
        servent: Guid,
    ) -> impl Future<Output = io::Result<Given>> + Send + use<> {
        let (give, given) = oneshot::channel();
        let mut awaited = self.awaited();
        awaited.retain(|_, waiting| {
            waiting.retain(|give| !give.is_closed());
            !waiting.is_empty()
        });
        awaited.entry(servent).or_default().push(give);
        within(LIMIT, async {
            given.await.map_err(|_| io::ErrorKind::TimedOut.into())
        })
    }

    /// Takes the connection of a servent that says GIV; false when nobody waits for it.
    pub(super) fn give(&self, servent: Guid, mut given: Given) -> bool {
        let mut awaited = self.awaited();
        let mut waiting = awaited.get_mut(&servent);
        while let Some(give) = waiting.as_mut().and_then(|waiting| waiting.pop()) {
            match give.send(given) {
                Ok(()) => return true,
                Err(unwanted) => given = unwanted,
            }
        }
        let mut late = self.late();
        let late = late.get_mut(&servent);
        let late = late.filter(|late| late.given.is_none());
        late.map(|late| late.given = Some(given)).is_some()
    }

    /// A relay was found for a servent that was called: should it come all the same, its connection is kept.
    pub(super) fn welcome(&self, servent: Guid) {
        let late = &mut self.late();
        // What is kept already is kept on.
        let late = late.get_or_insert_mut(servent, || Late {
            until: Instant::now(),
            given: None,
        });
        late.until = Instant::now() + LIMIT;
    }

    /// The connection of a servent that came late.
    pub(super) fn take_late(&self, servent: Guid) -> Option<Given> {
        let mut late = self.late();
        let given = late.get_mut(&servent)?.given.take()?;
        late.pop(&servent);
        Some(given)
    }

    /// Those who may still come, or were not asked for long after.
    fn late(&self) -> MutexGuard<'_, LruCache<Guid, Late>> {
        let mut late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let over: Vec<Guid> = late
            .iter()
            .filter(|(_, late)| late.until <= now)
            .map(|(&servent, _)| servent)
            .collect();
        for servent in over {
            late.pop(&servent);
        }
        late
    }

    fn awaited(&self) -> MutexGuard<'_, HashMap<Guid, Vec<oneshot::Sender<Given>>>> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;
    use tokio::time::advance;

    use super::*;

    const SERVENT: Guid = Guid([5; 16]);

    #[tokio::test(start_paused = true)]
    async fn who_came_late_is_kept_for_a_while() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("it has one");
        let pushes = Pushes::new();
        pushes.welcome(SERVENT);
        let mut servent = TcpStream::connect(addr).await.expect("it listens");
        let (given, _) = listener.accept().await.expect("a caller");
        assert!(pushes.give(SERVENT, (given, BytesMut::new())));
        advance(LIMIT / 2).await;
        // Another question found a relay as well.
        pushes.welcome(SERVENT);
        advance(LIMIT / 2).await;
        let kept = pushes.take_late(SERVENT).expect("it is kept");
        assert!(pushes.take_late(SERVENT).is_none(), "once");
        pushes.welcome(SERVENT);
        assert!(pushes.give(SERVENT, kept));
        advance(LIMIT).await;
        pushes.welcome(Guid([6; 16]));
        let over = servent.read(&mut [0]).await;
        assert_eq!(over.expect("it is closed"), 0, "nobody asked for it");
        assert!(pushes.take_late(SERVENT).is_none());
    }
}
