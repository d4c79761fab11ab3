//! The handshake on a socket: the pure [`Caller`] and [`Answerer`] say what to read and write.

use std::io;
use std::net::{SocketAddr, SocketAddrV4};

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::wire::WireError;
use crate::wire::handshake::{Agreement, Answerer, Caller, Greeting, MAX_GROUP, Refusal, Step};

/// Bytes read at a time. A group is rarely above 1 KiB.
const CHUNK: usize = 2 * 1024;

/// One side of a handshake.
pub(super) trait Side {
    /// What to do about what the peer sent so far.
    fn feed(&mut self, input: &mut BytesMut) -> Result<Step, WireError>;
}

impl Side for Caller {
    fn feed(&mut self, input: &mut BytesMut) -> Result<Step, WireError> {
        Self::feed(self, input)
    }
}

impl Side for Answerer {
    fn feed(&mut self, input: &mut BytesMut) -> Result<Step, WireError> {
        Self::feed(self, input)
    }
}

/// Why there is no link.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Socket(#[from] io::Error),
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error("refused: {0}")]
    Refused(#[from] Refusal),
}

impl Failure {
    /// Whom the other side named instead of itself.
    pub(super) fn hosts(&mut self) -> Vec<SocketAddrV4> {
        match self {
            Self::Refused(refusal) => std::mem::take(&mut refusal.hosts),
            Self::Socket(_) | Self::Wire(_) => Vec::new(),
        }
    }
}

impl From<Failure> for io::Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Socket(error) => error,
            Failure::Wire(_) => Self::new(io::ErrorKind::InvalidData, failure),
            Failure::Refused(_) => Self::new(io::ErrorKind::ConnectionRefused, failure),
        }
    }
}

/// Talks until both agree or one refuses. What is left in `input` then belongs to the link. No timeout here: the
/// callers set one over all they do.
pub(super) async fn converse(
    stream: &mut TcpStream,
    input: &mut BytesMut,
    side: &mut impl Side,
) -> Result<Agreement, Failure> {
    loop {
        match side.feed(input)? {
            Step::More => more(stream, input).await?,
            Step::Say(text) => stream.write_all(text.as_bytes()).await?,
            Step::Agreed(text, agreement) => {
                stream.write_all(text.as_bytes()).await?;
                return Ok(*agreement);
            }
            Step::Refused(text, refusal) => {
                stream.write_all(text.as_bytes()).await?;
                stream.shutdown().await?;
                return Err(refusal.into());
            }
        }
    }
}

/// Completes a greeting that knows our port but not yet our address: until somebody tells us how we are seen, our end
/// of this very socket is the best guess.
pub(super) fn place(greeting: &mut Greeting, stream: &TcpStream) -> io::Result<()> {
    if let (Some(listen), SocketAddr::V4(here)) = (&mut greeting.listen, stream.local_addr()?)
        && listen.ip().is_unspecified()
    {
        listen.set_ip(*here.ip());
    }
    Ok(())
}

/// Reads until `input` holds a whole group, its empty line included.
pub(super) async fn whole_group(
    stream: &mut TcpStream,
    input: &mut BytesMut,
) -> Result<(), Failure> {
    let mut searched = 0;
    while !has_empty_line(&input[searched..]) {
        if input.len() > MAX_GROUP {
            return Err(WireError::TooLarge.into());
        }
        // What is there ends in no empty line, but may end in the beginning of one.
        searched = input.len().saturating_sub(2);
        more(stream, input).await?;
    }
    Ok(())
}

/// Lines end in LF or CR LF, and not all in the same.
fn has_empty_line(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|end| end == b"\n\n") || bytes.windows(3).any(|end| end == b"\n\r\n")
}

/// Reads once.
///
/// # Errors
/// The socket's, or its end: nothing is whole yet that could end.
pub(super) async fn more(stream: &mut TcpStream, input: &mut BytesMut) -> io::Result<()> {
    input.reserve(CHUNK);
    if stream.read_buf(input).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}
