//! The bytes of a file, from the disk's cache to the socket.
//!
//! The one rule: the reactor never waits for the disk. What is not in the page cache is read into it on a blocking
//! thread first; what is there goes to the socket without passing through us (`sendfile`).

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::net::TcpStream;

use crate::transfer::channel::within;
use crate::transfer::http::ByteRange;

/// How much is sent before others get their turn and the progress is noted.
const CHUNK: u64 = 256 * 1024;

/// How long a chunk may take: a reader below some 4 KiB/s gives its slot to another.
const STALL: Duration = Duration::from_secs(60);

/// A file open for sending, and what it was when it was opened.
#[derive(Debug)]
pub(super) struct Body {
    file: Arc<File>,
    size: u64,
    modified: SystemTime,
}

impl Body {
    /// Takes an open file.
    ///
    /// # Errors
    /// Its size or time cannot be read.
    pub(super) fn new(file: File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self {
            size: metadata.len(),
            modified: metadata.modified()?,
            file: Arc::new(file),
        })
    }

    /// Whether it is a file of this size, last changed then.
    pub(super) fn is(&self, size: u64, modified: SystemTime) -> bool {
        self.size == size && self.modified == modified
    }

    /// Sends a range of it; tells `sent` after each chunk how many bytes went out.
    ///
    /// # Errors
    /// Those of file and socket; `TimedOut` when the reader stalls; `InvalidData` when the file changed meanwhile: the
    /// bytes promised are then not to be had, and the connection must end.
    pub(super) async fn send(
        &self,
        stream: &TcpStream,
        range: ByteRange,
        sent: impl Fn(u64),
    ) -> io::Result<()> {
        let mut at = range.start;
        while at < range.end {
            let chunk = ByteRange {
                start: at,
                end: range.end.min(at + CHUNK),
            };
            within(STALL, self.send_chunk(stream, chunk)).await?;
            if !self.is_unchanged() {
                return Err(changed());
            }
            sent(chunk.len());
            at = chunk.end;
        }
        Ok(())
    }

    /// Whether the file still is what it was when it was opened.
    pub(super) fn is_unchanged(&self) -> bool {
        let metadata = self.file.metadata();
        metadata.is_ok_and(|now| now.modified().is_ok_and(|time| self.is(now.len(), time)))
    }
}

fn changed() -> io::Error {
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
            chunk: ByteRange,
        ) -> io::Result<()> {
            if !self.is_cached(chunk) {
                // Its bytes are in the page cache then; the copy is dropped.
                self.read(chunk).await?;
            }
            let mut at = chunk.start;
            while at < chunk.end {
                let left = usize::try_from(chunk.end - at).unwrap_or(usize::MAX);
                let push = || Ok(sendfile(stream, &*self.file, Some(&mut at), left)?);
                match stream.async_io(Interest::WRITABLE, push).await {
                    Ok(0) => return Err(changed()),
                    Ok(_) => {}
                    Err(error) if is_unsupported(&error) => {
                        let end = chunk.end;
                        return self.send_copy(stream, ByteRange { start: at, end }).await;
                    }
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        }

        /// Whether both ends of the chunk can be read without waiting: a guess that costs a microsecond.
        fn is_cached(&self, chunk: ByteRange) -> bool {
            [chunk.start, chunk.end - 1].into_iter().all(|at| {
                let mut byte = [0];
                let mut into = [IoSliceMut::new(&mut byte)];
                preadv2(&*self.file, &mut into, at, ReadWriteFlags::NOWAIT).is_ok()
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
    async fn send_chunk(&self, stream: &TcpStream, chunk: ByteRange) -> io::Result<()> {
        self.send_copy(stream, chunk).await
    }
}

impl Body {
    /// Sends a chunk by way of our memory.
    async fn send_copy(&self, stream: &TcpStream, chunk: ByteRange) -> io::Result<()> {
        let bytes = self.read(chunk).await?;
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            stream.writable().await?;
            match stream.try_write(rest) {
                Ok(count) => rest = &rest[count..],
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
