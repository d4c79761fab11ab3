//! One link: reads frames while there is nothing to send.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use super::Report;
use super::queue::{Next, Queue};
use crate::central::frame::{Frame, MAX_BODY};
use crate::central::index::Link;

/// How long a client may take to log in.
const LOGIN: Duration = Duration::from_secs(30);

/// How long a client may take to read what was sent before it is given up.
const STALLED: Duration = Duration::from_secs(30);

/// After so long a silence the system asks whether the other end still is there: users are silent for hours.
const KEEPALIVE: Duration = Duration::from_secs(120);

/// How much is read at a time.
const READ: usize = 4096;

/// What the system holds for a client that does not read (Linux takes twice as much): some answers, and not megabytes of
/// them that were looked for in vain.
const UNREAD: usize = 64 * 1024;

/// Reads and writes until either end has had enough. What was asked first is answered before what was asked next is looked
/// at, so that whoever asks a thousand times and never listens is a stranger to everybody else after the first few answers.
pub(super) async fn run(
    link: Link,
    stream: &mut TcpStream,
    queue: &Queue,
    inbox: &mpsc::Sender<Report>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(&*stream);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
    socket.set_send_buffer_size(UNREAD)?;
    let mut input = BytesMut::new();
    let deadline = Instant::now() + LOGIN;
    let mut known = false;
    loop {
        if let Some(next) = queue.take() {
            match next {
                Next::Send(bytes) => write(stream, &bytes, queue).await?,
                Next::Close => return stream.shutdown().await,
                Next::Cut => return Err(slow()),
            }
        }
        let frame = Frame::read(&mut input, MAX_BODY)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        if let Some(frame) = frame {
            if inbox.send(Report::Received(link, frame)).await.is_err() {
                return Ok(());
            }
            continue;
        }
        if input.is_empty() {
            // A silent user is to hold no memory.
            input = BytesMut::new();
        }
        tokio::select! {
            () = queue.news() => {}
            ready = stream.readable() => {
                ready?;
                if !read(stream, &mut input)? {
                    return Ok(());
                }
            }
            () = sleep_until(deadline), if !known => {
                known = queue.is_known();
                if !known {
                    return Err(io::ErrorKind::TimedOut.into());
                }
            }
        }
    }
}

/// Reads what there is; false when the other end has closed.
fn read(stream: &TcpStream, input: &mut BytesMut) -> io::Result<bool> {
    input.reserve(READ);
    match stream.try_read_buf(input) {
        Ok(0) => Ok(false),
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(true),
        Err(error) => Err(error),
    }
}

async fn write(stream: &mut TcpStream, bytes: &[u8], queue: &Queue) -> io::Result<()> {
    tokio::select! {
        written = timeout(STALLED, stream.write_all(bytes)) => match written {
            Ok(written) => written,
            Err(_) => Err(slow()),
        },
        () = queue.overflow() => Err(slow()),
    }
}

fn slow() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the client does not read")
}
