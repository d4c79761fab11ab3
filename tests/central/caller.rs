//! An OpenNap client of few words, and a clock that ends every test.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use servent::central::server::Server;
use servent::central::{Frame, Kind, Limits};

/// No test takes so long unless it hangs, whatever else the machine does.
const GUARD: Duration = Duration::from_secs(60);

pub(crate) const ANYWHERE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);

/// The outcome of `test`, which ends by itself.
pub(crate) async fn guarded<T>(test: impl Future<Output = T>) -> T {
    timeout(GUARD, test).await.expect("it ends by itself")
}

pub(crate) async fn index(limits: Limits) -> Server {
    Server::start(ANYWHERE, limits).await.expect("a free port")
}

pub(crate) struct Caller {
    pub(crate) stream: TcpStream,
    input: BytesMut,
}

impl Caller {
    pub(crate) async fn connect(to: SocketAddrV4) -> Self {
        Self::over(TcpStream::connect(to).await.expect("it listens"))
    }

    pub(crate) fn over(stream: TcpStream) -> Self {
        let input = BytesMut::new();
        Self { stream, input }
    }

    pub(crate) async fn log_in(to: SocketAddrV4, nick: &str, port: u16) -> Self {
        let mut caller = Self::connect(to).await;
        let login = format!("{nick} pw {port} \"test\" 9");
        caller.send(Kind::LOGIN, &login).await;
        assert_eq!(caller.until(Kind::STATS).await[0].kind, Kind::LOGIN_ACK);
        caller
    }

    pub(crate) async fn send(&mut self, kind: Kind, body: &str) {
        let mut bytes = BytesMut::new();
        Frame::new(kind, body.as_bytes().to_vec()).write(&mut bytes);
        self.stream.write_all(&bytes).await.expect("it reads");
    }

    /// The next frame; none at the end.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = Frame::read(&mut self.input, 65_535).expect("no limit") {
                return Some(frame);
            }
            match self.stream.read_buf(&mut self.input).await {
                Ok(1..) => {}
                Ok(0) | Err(_) => return None,
            }
        }
    }

    /// The frames up to the first of this kind.
    pub(crate) async fn until(&mut self, kind: Kind) -> Vec<Frame> {
        let mut frames = Vec::new();
        loop {
            let frame = self.next().await.expect("more is to come");
            let last = frame.kind == kind;
            frames.push(frame);
            if last {
                return frames;
            }
        }
    }

    /// The body of the next frame of this kind.
    pub(crate) async fn body(&mut self, kind: Kind) -> String {
        let frames = self.until(kind).await;
        let last = frames.last().expect("it ends with one");
        String::from_utf8(last.body.to_vec()).expect("a test is UTF-8")
    }

    /// How many files a search finds.
    pub(crate) async fn count(&mut self, words: &str) -> usize {
        let search = format!("FILENAME CONTAINS \"{words}\"");
        self.send(Kind::SEARCH, &search).await;
        self.until(Kind::SEARCH_END).await.len() - 1
    }
}
