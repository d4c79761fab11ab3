//! A connection on which a file comes without HTTP, as Napster's peers send them: from one byte on, in one piece.

use std::io;
use std::net::SocketAddrV4;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::central::Requested;
use crate::transfer::channel::within;

/// How long connecting may take, and greeting.
const GREETING: Duration = Duration::from_secs(10);

/// How long hello is waited for before we speak.
const HELLO: Duration = Duration::from_millis(250);

/// How long the bytes may pause.
pub(super) const STALL: Duration = Duration::from_secs(30);

/// A connection on which a file comes.
#[derive(Debug)]
pub struct Delivery {
    /// It.
    pub stream: TcpStream,
    /// The first of its bytes, if some were read.
    pub ahead: BytesMut,
    /// How many the whole file has.
    pub size: u64,
    /// From which on they come.
    pub from: u64,
}

impl Delivery {
    /// Asks one of Napster's peers at `addr` for a file of `size` bytes, `from` one of them on.
    ///
    /// # Errors
    /// It cannot be reached, does not answer, or refuses; the text has its words.
    pub async fn fetch(
        addr: SocketAddrV4,
        nick: Bytes,
        file: Bytes,
        size: u64,
        from: u64,
    ) -> io::Result<Self> {
        let begin = async {
            let mut stream = TcpStream::connect(addr).await?;
            // Some say hello and then listen; some, like us, listen for a while first.
            let greeted = match timeout(HELLO, stream.read_u8()).await {
                Ok(hello) => hello.and_then(greeting).map(|()| true)?,
                Err(_) => false,
            };
            let request = Requested {
                nick,
                file,
                offset: from,
            };
            let request = request.encode();
            // Some read the word by itself and take what else is there for lost.
            let (word, rest) = request.split_at(3);
            stream.write_all(word).await?;
            stream.write_all(rest).await?;
            if !greeted {
                greeting(stream.read_u8().await?)?;
            }
            Ok(stream)
        };
        let mut stream = within(GREETING, begin).await?;
        let digits = size.to_string();
        let mut ahead = BytesMut::new();
        let told = async {
            // Nothing ends the number, and the bytes behind it may be digits, too.
            while ahead.len() < digits.len() && digits.as_bytes().starts_with(&ahead) {
                if stream.read_buf(&mut ahead).await? == 0 {
                    break;
                }
            }
            Ok(())
        };
        within(STALL, told).await?;
        if !ahead.starts_with(digits.as_bytes()) {
            let said = String::from_utf8_lossy(&ahead[..ahead.len().min(60)]);
            return Err(io::Error::other(format!("the source answers `{said}`")));
        }
        ahead.advance(digits.len());
        Ok(Self {
            stream,
            ahead,
            size,
            from,
        })
    }
}

fn greeting(byte: u8) -> io::Result<()> {
    match byte {
        b'1' => Ok(()),
        _ => Err(io::Error::other("the source does not greet")),
    }
}
