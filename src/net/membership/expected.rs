//! Files that we asked others to bring.

use std::io;
use std::net::SocketAddrV4;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::central::{IndexSource, Offered};
use crate::transfer::Delivery;

/// How long whoever brings a file may take to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long it may take to say what it brings.
const OFFER: Duration = Duration::from_secs(10);

/// Nothing tells that an offer ends but that no more of it comes.
const PAUSE: Duration = Duration::from_millis(150);

/// No offer is longer.
const LONGEST: usize = 1024;

/// Who waits for what. Clones share one list.
#[derive(Clone, Debug, Default)]
pub(in crate::net) struct Expected(Arc<Mutex<Vec<Awaited>>>);

#[derive(Debug)]
struct Awaited {
    source: IndexSource,
    /// From which byte on.
    from: u64,
    reply: oneshot::Sender<Delivery>,
}

impl Expected {
    /// Waits for a file, `from` one byte on; to be called before its owner is asked.
    pub(super) fn await_file(
        &self,
        source: IndexSource,
        from: u64,
    ) -> impl Future<Output = io::Result<Delivery>> + Send + use<> {
        let (reply, delivery) = oneshot::channel();
        let mut list = self.list();
        list.retain(|awaited| !awaited.reply.is_closed());
        list.push(Awaited {
            source,
            from,
            reply,
        });
        async {
            let late = || io::Error::new(io::ErrorKind::TimedOut, "its owner does not bring it");
            let delivery = timeout(PATIENCE, delivery).await.map_err(|_| late())?;
            delivery.map_err(|_| late())
        }
    }

    /// Hears what a caller brings after `SEND`, and takes it if somebody waits for it. `hello`: it was not greeted yet.
    ///
    /// # Errors
    /// Nobody does, or it does not say what.
    pub(in crate::net) async fn welcome(
        &self,
        mut stream: TcpStream,
        from: SocketAddrV4,
        mut text: BytesMut,
        hello: bool,
    ) -> io::Result<()> {
        let offer = timeout(OFFER, offer(&mut stream, &mut text)).await??;
        let awaited = {
            let mut list = self.list();
            let at = list.iter().position(|awaited| {
                awaited.source.file == offer.file
                    && awaited.source.nick.eq_ignore_ascii_case(&offer.nick)
                    && !awaited.reply.is_closed()
            });
            at.map(|at| list.swap_remove(at))
        };
        let Some(awaited) = awaited else {
            return Err(io::Error::other("SEND, but we asked for none"));
        };
        tracing::debug!(%from, "a file is brought");
        // Hello where it is due, and from which byte on.
        let hello = if hello { "1" } else { "" };
        let answer = format!("{hello}{}", awaited.from);
        stream.write_all(answer.as_bytes()).await?;
        let delivery = Delivery {
            stream,
            ahead: BytesMut::new(),
            size: offer.size,
            from: awaited.from,
        };
        // Should nobody wait any more, the stream closes.
        let _ = awaited.reply.send(delivery);
        Ok(())
    }

    fn list(&self) -> MutexGuard<'_, Vec<Awaited>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn offer(stream: &mut TcpStream, text: &mut BytesMut) -> io::Result<Offered> {
    loop {
        let parsed = Offered::parse(text);
        let read = stream.read_buf(text);
        match parsed {
            Ok(offer) => match timeout(PAUSE, read).await {
                Ok(Ok(1..)) => {}
                _ => return Ok(offer),
            },
            Err(malformed) => {
                if read.await? == 0 || text.len() > LONGEST {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, malformed));
                }
            }
        }
    }
}
