//! Files and lists that we asked others to bring.

use std::io;
use std::net::SocketAddrV4;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::browse::{WHOLE, line, read};
use crate::central::{IndexSource, Offered};
use crate::net::search::SearchHit;
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
pub(in crate::net) struct Expected(Arc<Mutex<Awaiting>>);

#[derive(Debug, Default)]
struct Awaiting {
    files: Vec<Awaited>,
    lists: Vec<(Bytes, oneshot::Sender<Vec<SearchHit>>)>,
}

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
        let files = &mut self.awaiting().files;
        files.retain(|awaited| !awaited.reply.is_closed());
        files.push(Awaited {
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
            let files = &mut self.awaiting().files;
            let at = files.iter().position(|awaited| {
                awaited.source.file == offer.file
                    && awaited.source.nick.eq_ignore_ascii_case(&offer.nick)
                    && !awaited.reply.is_closed()
            });
            at.map(|at| files.swap_remove(at))
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

    /// Waits for the list of a user; to be called before it is asked.
    pub(super) fn await_list(
        &self,
        nick: Bytes,
    ) -> impl Future<Output = io::Result<Vec<SearchHit>>> + Send + use<> {
        let (reply, list) = oneshot::channel();
        let lists = &mut self.awaiting().lists;
        lists.retain(|(_, reply)| !reply.is_closed());
        lists.push((nick, reply));
        async {
            let late = || io::Error::new(io::ErrorKind::TimedOut, "its owner does not bring it");
            let list = timeout(PATIENCE, list).await.map_err(|_| late())?;
            list.map_err(|_| late())
        }
    }

    /// Takes the list that a caller brings after `SENDLIST`, if somebody waits for it.
    ///
    /// # Errors
    /// Nobody does, or it is none.
    pub(in crate::net) async fn welcome_list(
        &self,
        mut stream: TcpStream,
        from: SocketAddrV4,
        mut text: BytesMut,
    ) -> io::Result<()> {
        let began = Instant::now();
        let nick = async {
            // Behind the word, or in a line of its own.
            let nick = line(&mut stream, &mut text).await?;
            match nick.trim_ascii() {
                [] => line(&mut stream, &mut text).await,
                _ => Ok(nick),
            }
        };
        let nick = timeout(OFFER, nick).await??;
        let nick = nick.trim_ascii();
        let reply = {
            let lists = &mut self.awaiting().lists;
            let at = lists.iter().position(|(awaited, reply)| {
                awaited.eq_ignore_ascii_case(nick) && !reply.is_closed()
            });
            at.map(|at| lists.swap_remove(at).1)
        };
        let Some(reply) = reply else {
            return Err(io::Error::other("SENDLIST, but we asked for none"));
        };
        let list = read(&mut stream, &mut text, nick, *from.ip(), began);
        let list = timeout(WHOLE, list).await??;
        // Should nobody wait any more, it was in vain.
        let _ = reply.send(list);
        Ok(())
    }

    fn awaiting(&self) -> MutexGuard<'_, Awaiting> {
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
