//! Sprints: to a reader who takes whatever comes, a long body goes out from a thread of its own for a while.
//!
//! The one rule: a sprint ends as soon as there is anything to wait for but the socket's next room. On the reactor each such
//! wait costs a turn of the scheduler, a timer, and a look whether the disk will be waited for; a thread that waits in the
//! kernel needs none of these. Slow readers, of whom there may be many, never get a thread.

use std::io;
use std::mem;
use std::time::{Duration, Instant};

use rustix::fs::sendfile;
use rustix::io::Errno;
use socket2::{Domain, SockRef, Socket, Type};
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;

use super::body::{Body, CHUNK, changed};
use super::pipe::Pipe;
use crate::transfer::http::ByteRange;
use crate::transfer::limit::{Limit, Tap};

/// Whoever takes a chunk in this time is fast: some 50 MB/s.
pub(super) const FAST: Duration = Duration::from_millis(40);

/// How long the socket may take nothing: as long as a busy machine may keep a fast reader from reading.
const BREATH: Duration = Duration::from_millis(250);

/// How long a sprint lasts at most: what was sent is told after it, and whether the connection ended is seen.
const LONGEST: Duration = Duration::from_secs(1);

/// Sends of a range what goes fast, while no limit holds files; where it came to. The stream is the thread's alone
/// meanwhile: a reactor that hears of it would wake for nothing each time there is room.
///
/// # Errors
/// As those of [`Body::send`]; what went out before was told to `sent`.
pub(super) async fn sprint(
    body: &Body,
    stream: &mut TcpStream,
    range: ByteRange,
    tap: &mut Tap,
    sent: impl Fn(u64),
) -> io::Result<u64> {
    let (body, limit) = (body.clone(), tap.limit().clone());
    let lent = mem::replace(stream, nowhere()?).into_std()?;
    let run = move || {
        let mut at = range.start;
        let outcome = run(&body, &lent, &mut at, range.end, &limit);
        (lent, at, outcome)
    };
    let (lent, at, outcome) = spawn_blocking(run).await?;
    tap.passed(at - range.start);
    sent(at - range.start);
    outcome?;
    lent.set_nonblocking(true)?;
    *stream = TcpStream::from_std(lent)?;
    Ok(at)
}

/// A stream to stand in the place of one that is lent.
fn nowhere() -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM.nonblocking(), None)?;
    TcpStream::from_std(socket.into())
}

fn run(
    body: &Body,
    stream: &std::net::TcpStream,
    at: &mut u64,
    end: u64,
    limit: &Limit,
) -> io::Result<()> {
    let begun = Instant::now();
    SockRef::from(stream).set_write_timeout(Some(BREATH))?;
    stream.set_nonblocking(false)?;
    let pipe = Pipe::new();
    while *at < end && begun.elapsed() < LONGEST && !limit.holds_files() {
        let chunk = usize::try_from(CHUNK.min(end - *at)).expect("a chunk is small");
        let sent = match &pipe {
            Ok(pipe) => pipe.carry(body.file(), stream, at, chunk),
            Err(_) => match sendfile(stream, body.file(), Some(at), chunk) {
                Ok(0) => Ok([0; 2]),
                sent => sent.map(|taken| [chunk, taken]),
            },
        };
        match sent {
            Ok([0, _]) => return Err(changed()),
            Ok(_) if !body.is_unchanged() => return Err(changed()),
            Ok([read, taken]) if taken < read => break,
            Ok(_) | Err(Errno::INTR) => {}
            // The reader is not that fast any more, or the file system knows no such call.
            Err(Errno::AGAIN | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
