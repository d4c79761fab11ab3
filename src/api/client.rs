//! The other end: what a verb, or a program of the owner, calls a running servent with.

use std::io;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::{Order, Pass, Said};

/// A servent on this machine answers within this, or does not run.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The longest line a servent says: a name is 64 KiB at most, and JSON may need six bytes for one.
const LONGEST_LINE: usize = 1 << 20;

/// A caller of one servent.
#[derive(Clone, Debug)]
pub struct Client {
    pass: Pass,
}

impl Client {
    /// One that shows `pass`.
    pub const fn new(pass: Pass) -> Self {
        Self { pass }
    }

    /// Has a command carried out.
    ///
    /// # Errors
    /// The servent does not answer, or refuses.
    pub async fn order(&self, order: &Order) -> io::Result<Answer> {
        let body = serde_json::to_vec(order)?;
        Ok(Answer(self.call("POST", "/api/v1/commands", body).await?))
    }

    /// The answer to `status`.
    ///
    /// # Errors
    /// The servent does not answer, or refuses.
    pub async fn status(&self) -> io::Result<Value> {
        let answer = async {
            let line = self
                .call("GET", "/api/v1/status", Vec::new())
                .await?
                .next()
                .await?;
            Ok(serde_json::from_slice(&line.ok_or_else(cut)?)?)
        };
        timeout(ANSWER_WITHIN, answer)
            .await
            .map_err(io::Error::from)?
    }

    /// What happens from now on.
    ///
    /// # Errors
    /// The servent does not answer, or refuses.
    pub async fn events(&self) -> io::Result<Events> {
        Ok(Events(
            self.call("GET", "/api/v1/events", Vec::new()).await?,
        ))
    }

    async fn call(&self, method: &str, path: &str, body: Vec<u8>) -> io::Result<Lines> {
        timeout(ANSWER_WITHIN, self.ask(method, path, body))
            .await
            .map_err(io::Error::from)?
    }

    async fn ask(&self, method: &str, path: &str, body: Vec<u8>) -> io::Result<Lines> {
        let addr = self.pass.addr()?;
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        let driver = AbortOnDropHandle::new(tokio::spawn(async move {
            // Its end shows in the body.
            let _ = connection.await;
        }));
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("Host", addr.to_string())
            .header("Authorization", format!("Bearer {}", self.pass.token))
            .header("Content-Type", "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(io::Error::other)?;
        let response = sender
            .send_request(request)
            .await
            .map_err(io::Error::other)?;
        let status = response.status();
        let mut lines = Lines {
            body: response.into_body(),
            held: BytesMut::new(),
            _driver: driver,
        };
        if status == StatusCode::OK {
            return Ok(lines);
        }
        let why: Value =
            serde_json::from_slice(&lines.next().await?.unwrap_or_default()).unwrap_or_default();
        Err(io::Error::other(format!(
            "{status}: {}",
            why["error"].as_str().unwrap_or_default()
        )))
    }
}

/// What comes of an order.
#[derive(Debug)]
pub struct Answer(Lines);

impl Answer {
    /// The next piece; none after [`Said::Exit`].
    ///
    /// # Errors
    /// The servent went away in the middle.
    pub async fn next(&mut self) -> io::Result<Option<Said>> {
        match self.0.next().await? {
            Some(line) => Ok(Some(serde_json::from_slice(&line)?)),
            None => Ok(None),
        }
    }

    /// All data of it, and the exit code.
    ///
    /// # Errors
    /// The servent went away in the middle.
    pub async fn data(mut self) -> io::Result<(Vec<String>, u8)> {
        let mut data = Vec::new();
        while let Some(said) = self.next().await? {
            match said {
                Said::Data(line) => data.push(line),
                Said::Exit(exit) => return Ok((data, exit)),
                Said::Talk(_) | Said::Progress(_) | Said::Error(_) => {}
            }
        }
        Err(cut())
    }
}

/// What happens to a servent.
#[derive(Debug)]
pub struct Events(Lines);

impl Events {
    /// The next event: its name, and what it is.
    ///
    /// # Errors
    /// The servent went away.
    pub async fn next(&mut self) -> io::Result<(String, Value)> {
        let mut event = String::new();
        loop {
            let line = self.0.next().await?.ok_or_else(cut)?;
            let line = String::from_utf8_lossy(&line);
            if let Some(name) = line.strip_prefix("event:") {
                name.trim().clone_into(&mut event);
            } else if let Some(data) = line.strip_prefix("data:") {
                return Ok((event, serde_json::from_str(data)?));
            }
        }
    }
}

/// A body, line by line.
#[derive(Debug)]
struct Lines {
    body: Incoming,
    held: BytesMut,
    _driver: AbortOnDropHandle<()>,
}

impl Lines {
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            if let Some(end) = self.held.iter().position(|byte| *byte == b'\n') {
                let line = self.held.split_to(end).freeze();
                self.held.advance(1);
                return Ok(Some(line));
            }
            if self.held.len() > LONGEST_LINE {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "a line without an end",
                ));
            }
            match self.body.frame().await {
                Some(frame) => {
                    if let Ok(data) = frame.map_err(io::Error::other)?.into_data() {
                        self.held.extend_from_slice(&data);
                    }
                }
                None if self.held.is_empty() => return Ok(None),
                None => return Ok(Some(self.held.split().freeze())),
            }
        }
    }
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the servent went away")
}
