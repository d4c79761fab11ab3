//! Whoever asks a house for something, in whatever words.

use std::net::{Ipv4Addr, SocketAddrV4};

use bytes::BytesMut;
use servent::transfer::http::{Response, head_end};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// A connection to a house.
pub(crate) struct Caller {
    pub(crate) stream: TcpStream,
    ahead: BytesMut,
}

impl Caller {
    pub(crate) async fn on(stream: TcpStream) -> Self {
        let ahead = BytesMut::new();
        Self { stream, ahead }
    }

    pub(crate) async fn call(addr: SocketAddrV4) -> Self {
        Self::on(TcpStream::connect(addr).await.expect("it listens")).await
    }

    /// Calls from another address of the loopback: as another person.
    pub(crate) async fn call_from(last: u8, addr: SocketAddrV4) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        let here = SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, last), 0);
        socket.bind(here.into()).expect("an address of ours");
        Self::on(socket.connect(addr.into()).await.expect("it listens")).await
    }

    /// Says these very words.
    pub(crate) async fn say(&mut self, words: &str) {
        let words = words.as_bytes();
        self.stream.write_all(words).await.expect("it listens");
    }

    /// Asks for a path in HTTP/1.1, with these further lines.
    pub(crate) async fn get(&mut self, path: &str, lines: &str) {
        self.say(&format!("GET {path} HTTP/1.1\r\nHost: a\r\n{lines}\r\n"))
            .await;
    }

    /// The head of the next answer.
    pub(crate) async fn head(&mut self) -> Response {
        loop {
            if let Some(end) = head_end(&self.ahead, 0).expect("a short head") {
                return Response::parse(&self.ahead.split_to(end)).expect("a head");
            }
            let read = self
                .stream
                .read_buf(&mut self.ahead)
                .await
                .expect("it speaks");
            assert!(read > 0, "closed before an answer: {:?}", self.ahead);
        }
    }

    /// So many bytes of a body.
    pub(crate) async fn body(&mut self, length: usize) -> Vec<u8> {
        while self.ahead.len() < length {
            let read = self
                .stream
                .read_buf(&mut self.ahead)
                .await
                .expect("it speaks");
            assert!(
                read > 0,
                "closed after {} of {length} bytes",
                self.ahead.len()
            );
        }
        self.ahead.split_to(length).to_vec()
    }

    /// The next answer, with the body its length tells.
    pub(crate) async fn answer(&mut self) -> (Response, Vec<u8>) {
        let head = self.head().await;
        let length = head
            .headers
            .get("Content-Length")
            .expect("it tells a length");
        let body = self.body(length.parse().expect("a number")).await;
        (head, body)
    }

    /// All that comes until the house closes, or breaks off.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        while let Ok(1..) = self.stream.read_buf(&mut self.ahead).await {}
        self.ahead.split().to_vec()
    }
}
