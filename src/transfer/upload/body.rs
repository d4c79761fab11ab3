//! The bytes of a file, from the disk's cache to the socket.
//!
//! The one rule: the reactor never waits for the disk. What is not in the page cache is read into it on a blocking
//! thread first; what is there goes to the socket without passing through us (`sendfile`).

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use socket2::SockRef;
use tokio::net::TcpStream;

#[cfg(target_os = "linux")]
use super::sprint::{FAST, sprint};
use crate::transfer::channel::within;
use crate::transfer::http::ByteRange;
use crate::transfer::limit::Tap;

/// How much is sent before we look whether the file changed and whether the next bytes are cached: looking costs less than a
/// hundredth of sending so much.
pub(super) const CHUNK: u64 = 2 * 1024 * 1024;

/// What the kernel reads at a time, unless told otherwise.
#[cfg(target_os = "linux")]
const READ_AHEAD: u64 = 128 * 1024;

/// How slowly a reader may read, in bytes a second: a modem does better, and a slot is held as long as it takes.
const SLOWEST_READER: u64 = 1024;

/// How long the socket may take nothing, at least and at most; twice as long if it took something before.
const STALL: [Duration; 2] = [Duration::from_secs(30), Duration::from_secs(60)];

/// A file open for sending, and what it was when it was opened.
#[derive(Clone, Debug)]
pub(super) struct Body {
    file: Arc<File>,
    /// Its size and when it was last changed; none of a file that is being written while it is sent.
    looks: Option<(u64, SystemTime)>,
}

impl Body {
    /// Takes an open file.
    ///
    /// # Errors
    /// Its size or time cannot be read.
    pub(super) fn new(file: File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self {
            looks: Some((metadata.len(), metadata.modified()?)),
            file: Arc::new(file),
        })
    }

    /// Takes an open file that still grows. Whoever sends of it what was proven to be right may do so.
    pub(super) fn growing(file: File) -> Self {
        Self {
            looks: None,
            file: Arc::new(file),
        }
    }

    /// Whether it is a file of this size, last changed then.
    pub(super) fn is(&self, size: u64, modified: SystemTime) -> bool {
        self.looks.is_none_or(|looks| looks == (size, modified))
    }

    /// Sends a range of it through `tap`; tells `sent` how many more bytes went out.
    ///
    /// # Errors
    /// Those of file and socket; `TimedOut` when the reader stalls; `InvalidData` when the file changed meanwhile: the
    /// bytes promised are then not to be had, and the connection must end.
    pub(super) async fn send(
        &self,
        stream: &mut TcpStream,
        tap: &mut Tap,
        range: ByteRange,
        sent: impl Fn(u64),
    ) -> io::Result<()> {
        let mut at = range.start;
        while at < range.end {
            let chunk = ByteRange {
                start: at,
                end: range.end.min(at + CHUNK),
            };
            #[cfg(target_os = "linux")]
            let begun = std::time::Instant::now();
            self.send_chunk(stream, tap, chunk, &sent).await?;
            if !self.is_unchanged() {
                return Err(changed());
            }
            at = chunk.end;
            #[cfg(target_os = "linux")]
            if begun.elapsed() < FAST && range.end - at > CHUNK {
                let rest = ByteRange::new(at, range.end);
                at = sprint(self, stream, rest, tap, &sent).await?;
            }
        }
        Ok(())
    }

    /// The file itself.
    #[cfg(target_os = "linux")]
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Whether the file still is what it was when it was opened.
    pub(super) fn is_unchanged(&self) -> bool {
        let metadata = self.file.metadata();
        metadata.is_ok_and(|now| now.modified().is_ok_and(|time| self.is(now.len(), time)))
    }
}

/// How long a socket may take nothing. The kernel wants it filled again only once a third of its buffer is free: who reads
/// no slower than he must has taken that by then, and nobody keeps a slot by taking a byte now and then.
fn patience(stream: &TcpStream) -> Duration {
    let buffer = SockRef::from(stream).send_buffer_size().unwrap_or(0) as u64;
    Duration::from_secs(buffer / 3 / SLOWEST_READER).clamp(STALL[0], STALL[1])
}

pub(super) fn changed() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "the file changed while it was sent",
    )
}

#[cfg(target_os = "linux")]
mod zero_copy {
    use std::io::IoSliceMut;

    use rustix::fs::sendfile;
    use rustix::io::{Errno, ReadWriteFlags, preadv2};
    use tokio::io::Interest;

    use super::*;

    impl Body {
        /// Sends a chunk without copying it, or as elsewhere where the file system cannot.
        pub(super) async fn send_chunk(
            &self,
            stream: &TcpStream,
            tap: &mut Tap,
            mut chunk: ByteRange,
            sent: &impl Fn(u64),
        ) -> io::Result<()> {
            if !self.is_cached(chunk) {
                // Its bytes are in the page cache then; the copy is dropped.
                self.read(chunk).await?;
            }
            while !chunk.is_empty() {
                let start = chunk.start;
                let mut slice = ByteRange {
                    start,
                    end: start + tap.turn(chunk.len()).await,
                };
                let mut push = || self.push(stream, &mut slice, sent);
                let outcome = match stream.try_io(Interest::WRITABLE, &mut push) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        let pushing = stream.async_io(Interest::WRITABLE, push);
                        within(patience(stream), pushing).await
                    }
                    outcome => outcome,
                };
                chunk.start = slice.start;
                tap.passed(chunk.start - start);
                match outcome {
                    Err(error)
                        if error.kind() == io::ErrorKind::TimedOut && chunk.start > start => {}
                    Err(error) if is_unsupported(&error) => {
                        return self.send_copy(stream, tap, chunk, sent).await;
                    }
                    outcome => outcome?,
                }
            }
            Ok(())
        }

        /// Gives the socket what it takes of a slice. `WouldBlock` unless that is all: what was taken in part need not
        /// be offered again to learn that the socket is full.
        fn push(
            &self,
            stream: &TcpStream,
            slice: &mut ByteRange,
            sent: &impl Fn(u64),
        ) -> io::Result<()> {
            let left = usize::try_from(slice.len()).expect("a slice is small");
            let count = sendfile(stream, &*self.file, Some(&mut slice.start), left)?;
            sent(count as u64);
            match count {
                0 => Err(changed()),
                _ if slice.is_empty() => Ok(()),
                _ => Err(io::ErrorKind::WouldBlock.into()),
            }
        }

        /// Whether both ends of the chunk can be read without waiting: a guess that costs a microsecond, half of that where
        /// they come and go together, and is yes where the file system cannot tell.
        fn is_cached(&self, chunk: ByteRange) -> bool {
            let ends = [chunk.end - 1, chunk.start];
            let apart = if chunk.len() > READ_AHEAD { 2 } else { 1 };
            ends.into_iter().take(apart).all(|at| {
                let mut byte = [0];
                let mut into = [IoSliceMut::new(&mut byte)];
                let read = preadv2(&*self.file, &mut into, at, ReadWriteFlags::NOWAIT);
                read != Err(Errno::AGAIN)
            })
        }
    }

    fn is_unsupported(error: &io::Error) -> bool {
        [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP]
            .iter()
            .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
    }
}

#[cfg(not(target_os = "linux"))]
impl Body {
    async fn send_chunk(
        &self,
        stream: &TcpStream,
        tap: &mut Tap,
        chunk: ByteRange,
        sent: &impl Fn(u64),
    ) -> io::Result<()> {
        self.send_copy(stream, tap, chunk, sent).await
    }
}

impl Body {
    /// Sends a chunk by way of our memory.
    async fn send_copy(
        &self,
        stream: &TcpStream,
        tap: &mut Tap,
        chunk: ByteRange,
        sent: &impl Fn(u64),
    ) -> io::Result<()> {
        let bytes = self.read(chunk).await?;
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let turn = tap.turn(rest.len() as u64).await;
            let slice = &rest[..usize::try_from(turn).expect("a chunk is small")];
            within(patience(stream), stream.writable()).await?;
            match stream.try_write(slice) {
                Ok(count) => {
                    tap.passed(count as u64);
                    rest = &rest[count..];
                    sent(count as u64);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads a chunk on a blocking thread.
    async fn read(&self, chunk: ByteRange) -> io::Result<Vec<u8>> {
        let file = Arc::clone(&self.file);
        let read = move || {
            let length = usize::try_from(chunk.len()).expect("a chunk is small");
            let mut bytes = vec![0; length];
            read_exact_at(&file, &mut bytes, chunk.start)?;
            Ok(bytes)
        };
        tokio::task::spawn_blocking(read).await?
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
}

#[cfg(not(unix))]
fn read_exact_at(mut file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    use std::io::{Read, Seek};
    file.seek(io::SeekFrom::Start(at))?;
    file.read_exact(bytes)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::io::Write;
    use std::net::Ipv4Addr;

    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_copy_is_the_same_bytes() {
        let bytes: Vec<u8> = (0..3 * CHUNK).map(|at| (at % 251) as u8).collect();
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(&bytes).expect("written");
        let body = Body::new(file).expect("it has a size");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let addr = listener.local_addr().expect("it has one");
        let range = ByteRange {
            start: 7,
            end: CHUNK + 9,
        };
        let count = Cell::new(0);
        let sending = async {
            let stream = TcpStream::connect(addr).await.expect("it listens");
            let sent = |more| count.set(count.get() + more);
            let mut tap = Tap::default();
            let sending = body.send_copy(&stream, &mut tap, range, &sent);
            sending.await.expect("sent");
        };
        let receiving = async {
            let (mut stream, _) = listener.accept().await.expect("it connects");
            let mut came = Vec::new();
            stream.read_to_end(&mut came).await.expect("it speaks");
            came
        };
        let ((), came) = tokio::join!(sending, receiving);
        assert!(came == bytes[7..usize::try_from(range.end).expect("small")]);
        assert_eq!(count.get(), range.len());
    }
}
