//! Uploads to those who speak no HTTP, as Napster's peers do it: a word, the size, and the bytes right behind.

use std::io;
use std::net::SocketAddrV4;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::body::Body;
use super::queue::Asker;
use super::{CONNECT_LIMIT, UploadStatus, Uploads};
use crate::central::{Malformed, Offered, Requested};
use crate::librarian;
use crate::library::SharedFile;
use crate::transfer::channel::within;
use crate::transfer::http::{ByteRange, Headers};

/// How long somebody may take to say what it wants.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);

/// Nothing tells that a request ends but that no more of it comes; clients write it in pieces.
const PAUSE: Duration = Duration::from_millis(150);

/// No request is longer.
const LONGEST: usize = 1024;

/// Whoever has said hello: `1`.
const HELLO: &[u8] = b"1";

impl Uploads {
    /// Answers `GET`, of which `ahead` was already read; `hello` tells whether we still have to say it. `find` knows
    /// our files by the names under which an index lists them.
    pub async fn hand_over(
        &self,
        mut stream: TcpStream,
        to: SocketAddrV4,
        mut ahead: BytesMut,
        hello: bool,
        find: impl Fn(&str) -> Option<SharedFile>,
    ) {
        let serve = async {
            if hello {
                stream.write_all(HELLO).await?;
            }
            let asked = within(REQUEST_LIMIT, request(&mut stream, &mut ahead)).await?;
            let file = std::str::from_utf8(&asked.file).ok().and_then(&find);
            let Some(file) = file else {
                return stream.write_all(b"FILE NOT SHARED").await;
            };
            let size = file.size;
            if asked.offset > size {
                return stream.write_all(b"INVALID REQUEST").await;
            }
            let told = Bytes::from(size.to_string());
            self.send(stream, to, &asked.nick, file, asked.offset, told)
                .await
        };
        if let Err(error) = serve.await {
            tracing::debug!(%to, %error, "an upload ended");
        }
    }

    /// Brings a file, listed as `listed`, to somebody who cannot connect to us. `nick` is our own.
    pub async fn bring(&self, to: SocketAddrV4, nick: Bytes, listed: Bytes, file: SharedFile) {
        let Ok(_permit) = self.giving.try_acquire() else {
            tracing::debug!(%to, "too many pushes at once");
            return;
        };
        let bring = async {
            let mut stream = within(CONNECT_LIMIT, TcpStream::connect(to)).await?;
            let offer = Offered {
                nick: nick.clone(),
                file: listed,
                size: file.size,
            };
            let begin = async {
                // Some say hello, some wait for us: so nobody waits.
                stream.write_all(&offer.encode()).await?;
                offset(&mut stream).await
            };
            let offset = within(REQUEST_LIMIT, begin).await?;
            if offset > file.size {
                return Err(io::ErrorKind::InvalidData.into());
            }
            self.send(stream, to, &nick, file, offset, Bytes::new())
                .await
        };
        if let Err(error) = bring.await {
            tracing::debug!(%to, %error, "a file could not be brought");
        }
    }

    /// Sends what is from an offset on, once there is a slot for it.
    async fn send(
        &self,
        mut stream: TcpStream,
        to: SocketAddrV4,
        nick: &[u8],
        file: SharedFile,
        offset: u64,
        head: Bytes,
    ) -> io::Result<()> {
        let (index, size, modified) = (file.index, file.size, file.modified);
        let name = file.name.clone();
        let open = move || Body::new(librarian::open(&file)?);
        let body = tokio::task::spawn_blocking(open).await??;
        if !body.is(size, modified) {
            return stream.write_all(b"FILE NOT FOUND").await;
        }
        let upload = UploadStatus {
            name,
            to,
            agent: String::from_utf8_lossy(nick).into_owned(),
            sent: 0,
            length: size - offset,
            running: true,
        };
        let visitor = self.slots.enlist();
        // A place in the queue is of no use to who cannot be told of it.
        let asker = Asker::new(*to.ip(), index, &Headers::default());
        match visitor.claim(upload, asker) {
            Ok(slot) => {
                stream.write_all(&head).await?;
                let range = ByteRange::new(offset, size);
                let mut tap = self.limit.files();
                let note = |count| slot.sent(count);
                body.send(&mut stream, &mut tap, range, note).await?;
                slot.complete();
            }
            Err(_) => stream.write_all(b"BUSY: try again later").await?,
        }
        stream.shutdown().await
    }
}

/// Reads a request until no more of it comes.
async fn request(stream: &mut TcpStream, text: &mut BytesMut) -> io::Result<Requested> {
    loop {
        let parsed = Requested::parse(text);
        let read = stream.read_buf(text);
        match parsed {
            Ok(request) => match tokio::time::timeout(PAUSE, read).await {
                Ok(Ok(1..)) => {}
                _ => return Ok(request),
            },
            Err(Malformed) => {
                if read.await? == 0 || text.len() > LONGEST {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, Malformed));
                }
            }
        }
    }
}

/// Reads from which byte on somebody wants what we bring, past its hello.
async fn offset(stream: &mut TcpStream) -> io::Result<u64> {
    let mut text = BytesMut::new();
    // `1` may be the hello or all of an answer; hello comes at once, the answer after it.
    loop {
        let whole = text.strip_prefix(HELLO).filter(|rest| !rest.is_empty());
        let number = whole.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        let read = stream.read_buf(&mut text);
        match number {
            Some(number) => match tokio::time::timeout(PAUSE, read).await {
                Ok(Ok(1..)) => {}
                _ => return Ok(number),
            },
            None => {
                if read.await? == 0 || text.len() > LONGEST {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, Malformed));
                }
            }
        }
    }
}
