//! A connection on which we ask, one question after the other.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::channel::{Arrival, Channel, invalid, within};
use super::http::{Framing, HeadError, Method, RELAY, Request, Response, Status};
use super::limit::{Limit, Tap};

/// How long connecting may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// How long an answer may take to begin: gtk-gnutella thinks for some seconds when it is busy.
const HEAD_LIMIT: Duration = Duration::from_secs(30);

/// How long a body may pause.
pub(super) const STALL_LIMIT: Duration = Duration::from_secs(30);

/// How long a relay may take to join us with another, who has 30 s to come to it.
const JOIN_LIMIT: Duration = Duration::from_secs(35);

/// The most of an unwanted body that is read only to keep its connection, and how long that may take: whoever sends a byte now
/// and then would hold us for days.
const MAX_UNWANTED: usize = 64 * 1024;
const UNWANTED_LIMIT: Duration = Duration::from_secs(5);

/// A connection to a servent that shares.
#[derive(Debug)]
pub(super) struct Session {
    channel: Channel,
    tap: Tap,
    host: SocketAddrV4,
    /// What is still to come of the last answer's body.
    framing: Framing,
    kept: bool,
}

impl Session {
    /// Connects.
    ///
    /// # Errors
    /// Those of the socket; `TimedOut` after 10 s.
    pub(super) async fn connect(host: SocketAddrV4) -> io::Result<Self> {
        Self::connect_from(Ipv4Addr::UNSPECIFIED, host).await
    }

    /// Connects from this address of ours, where a host could answer to it.
    ///
    /// # Errors
    /// Those of the socket; `TimedOut` after 10 s.
    pub(super) async fn connect_from(here: Ipv4Addr, host: SocketAddrV4) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        if !here.is_unspecified() && here.is_loopback() == host.ip().is_loopback() {
            socket.bind(SocketAddrV4::new(here, 0).into())?;
        }
        let stream = within(CONNECT_LIMIT, socket.connect(host.into())).await?;
        Ok(Self::on(stream, BytesMut::new(), host))
    }

    /// One on a connection that the other side opened, after a Push.
    pub(super) fn on(stream: TcpStream, ahead: BytesMut, host: SocketAddrV4) -> Self {
        Self {
            channel: Channel::new(stream, ahead),
            tap: Tap::default(),
            host,
            framing: Framing::Length(0),
            kept: true,
        }
    }

    /// The same, but that bodies come through this limit.
    pub(super) fn through(mut self, limit: &Limit) -> Self {
        self.tap = limit.files();
        self
    }

    /// Our own address on this connection.
    pub(super) fn local(&self) -> Option<Ipv4Addr> {
        match self.channel.stream.local_addr() {
            Ok(SocketAddr::V4(addr)) => Some(*addr.ip()),
            _ => None,
        }
    }

    /// Whom it asks.
    pub(super) const fn host(&self) -> SocketAddrV4 {
        self.host
    }

    /// Asks, and reads the head of the answer. Who asks and whom is added to the request.
    ///
    /// # Errors
    /// Those of the socket; `InvalidData` for an answer that is no HTTP; `TimedOut` when none begins within 30 s.
    pub(super) async fn ask(&mut self, request: Request, agent: &str) -> io::Result<Response> {
        let request = request.with("Host", self.host).with("User-Agent", agent);
        let exchange = async {
            self.channel.stream.write_all(&request.encode()).await?;
            loop {
                let response = self.response().await?;
                // "100 Continue" and its like announce the answer; they are none.
                if response.status.0 >= 200 {
                    return Ok(response);
                }
            }
        };
        let response = within(HEAD_LIMIT, exchange).await?;
        self.kept = response.keeps_alive();
        self.framing = match request.method {
            Method::Head => Framing::Length(0),
            _ => response.framing().map_err(invalid)?,
        };
        Ok(response)
    }

    /// Asks a relay to join us with another, whom all questions go to from then on.
    ///
    /// # Errors
    /// Those of [`Self::ask`]; `ConnectionRefused` when it does not, with the reason.
    pub(super) async fn switch(
        mut self,
        request: Request,
        agent: &str,
        other: SocketAddrV4,
    ) -> io::Result<Self> {
        let request = request
            .with("Host", self.host)
            .with("User-Agent", agent)
            .with("Connection", "Upgrade")
            .with("Upgrade", RELAY);
        let exchange = async {
            self.channel.stream.write_all(&request.encode()).await?;
            self.response().await
        };
        // The relay has to have the other come first.
        let response = within(JOIN_LIMIT, exchange).await?;
        if response.status != Status::SWITCHING {
            let why = format!("the relay says {} {}", response.status.0, response.phrase);
            return Err(io::Error::new(io::ErrorKind::ConnectionRefused, why));
        }
        self.host = other;
        Ok(self)
    }

    async fn response(&mut self) -> io::Result<Response> {
        match self.channel.head().await? {
            Arrival::Head(head) => Response::parse(&head).map_err(invalid),
            Arrival::TooLarge => Err(invalid(HeadError::TooLarge)),
            Arrival::Closed => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// How the end of the body is told, and how much of it is still to come.
    pub(super) const fn framing(&self) -> &Framing {
        &self.framing
    }

    /// Reads some more of the answer's body, `room` bytes at most, behind what `body` holds; 0 at its end. May be
    /// dropped while it waits: nothing is lost then.
    ///
    /// # Errors
    /// Those of [`Channel::body`]; it waits 30 s for every byte.
    pub(super) async fn body(&mut self, body: &mut BytesMut, room: usize) -> io::Result<usize> {
        if self.framing.is_done() {
            return Ok(0);
        }
        let turn = self.tap.turn(room as u64).await;
        let room = usize::try_from(turn).unwrap_or(room);
        let reading = self
            .channel
            .body(&mut self.framing, body, room, STALL_LIMIT);
        let read = reading.await?;
        self.tap.passed(read as u64);
        Ok(read)
    }

    /// Reads what is left of a body nobody wants, if it is short, so that the connection can be used again.
    pub(super) async fn skip_body(&mut self) {
        if timeout(UNWANTED_LIMIT, self.read_unwanted()).await.is_err() {
            self.kept = false;
        }
    }

    async fn read_unwanted(&mut self) {
        let mut unwanted = BytesMut::new();
        let room = MAX_UNWANTED;
        while self.kept && !self.framing.is_done() {
            let left = room - unwanted.len();
            match self.body(&mut unwanted, left).await {
                Ok(1..) => {}
                _ => self.kept = false,
            }
        }
    }

    /// Whether another question can be asked.
    pub(super) fn is_reusable(&self) -> bool {
        self.kept && self.framing.is_done() && self.channel.is_quiet()
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;
    use tokio::time::{Instant, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_unwanted_body_that_trickles_is_not_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let SocketAddr::V4(host) = listener.local_addr().expect("it has one") else {
            panic!("the loopback is IPv4");
        };
        let near = TcpStream::connect(host).await.expect("it listens");
        let (mut far, _) = listener.accept().await.expect("a caller");
        let head = "HTTP/1.1 404 Not Found\r\nContent-Length: 1000\r\n\r\n";
        far.write_all(head.as_bytes()).await.expect("it listens");
        let mut session = Session::on(near, BytesMut::new(), host);
        let response = session.ask(Request::get("/"), "test/1").await;
        assert_eq!(response.expect("it answers").status, Status::NOT_FOUND);
        let began = Instant::now();
        let trickle = async {
            while far.write_all(b"x").await.is_ok() {
                sleep(Duration::from_secs(1)).await;
            }
        };
        tokio::select! {
            () = session.skip_body() => {}
            () = trickle => panic!("it still listens"),
        }
        assert!(began.elapsed() <= UNWANTED_LIMIT && !session.is_reusable());
    }
}
