//! One question to a GWebCache: a GET, and what comes back as text.
//!
//! The one rule: nobody who answers holds us up or leads us astray. Everything together takes 20 s at most, of the body 64
//! KiB are read, three redirections are followed, and none to a machine that only stands on our own site.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use url::Url;

use crate::overlay::is_believed;
use crate::transfer::http::{Framing, Response, head_end};

/// How long an exchange may take, redirections and all.
const PATIENCE: Duration = Duration::from_secs(20);

/// Bytes of a body that are read: answers have two or three thousand.
const MAX_BODY: usize = 64 * 1024;

/// Redirections followed.
const MAX_HOPS: usize = 3;

/// What came back.
#[derive(Debug)]
pub(super) struct Page {
    /// Where it came from.
    pub(super) from: Ipv4Addr,
    pub(super) text: String,
}

/// Asks `url` this question.
///
/// # Errors
/// The cache cannot be reached, takes too long, speaks no HTTP, or answers with an error.
pub(super) async fn ask(url: &str, question: &str, agent: &str) -> io::Result<Page> {
    let asked = timeout(PATIENCE, follow(url, question, agent)).await;
    asked.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no answer within 20 s"))?
}

/// Where the cache stands.
///
/// # Errors
/// Its name is not known, or not in time.
pub(super) async fn stands_at(url: &str) -> io::Result<SocketAddrV4> {
    let url = Url::parse(url).map_err(|error| wrong(&error.to_string()))?;
    timeout(PATIENCE, resolve(&url)).await?
}

async fn follow(url: &str, question: &str, agent: &str) -> io::Result<Page> {
    let mut url = Url::parse(url).map_err(|error| wrong(&error.to_string()))?;
    url.set_query(Some(question));
    let mut first = None;
    for _ in 0..=MAX_HOPS {
        let addr = resolve(&url).await?;
        let from = *first.get_or_insert_with(|| *addr.ip());
        if !is_believed(addr, from) {
            return Err(wrong("it points to a machine beside us"));
        }
        let (response, body) = get(addr, &url, agent).await?;
        let onward = response.headers.get("Location");
        match (response.status.0, onward) {
            (300..400, Some(onward)) => {
                url = url
                    .join(onward)
                    .map_err(|error| wrong(&error.to_string()))?;
            }
            (200, _) => {
                let text = String::from_utf8_lossy(&body).into_owned();
                return Ok(Page { from, text });
            }
            (code, _) => return Err(wrong(&format!("{code} {}", response.phrase))),
        }
    }
    Err(wrong("too many redirections"))
}

async fn resolve(url: &Url) -> io::Result<SocketAddrV4> {
    let host = url.host_str().filter(|_| url.scheme() == "http");
    let host = host.ok_or_else(|| wrong("only http:// is spoken here"))?;
    let port = url.port_or_known_default().unwrap_or(80);
    let found = lookup_host((host, port)).await?;
    let mut addrs = found.filter_map(|addr| match addr {
        SocketAddr::V4(addr) => Some(addr),
        SocketAddr::V6(_) => None,
    });
    addrs
        .next()
        .ok_or_else(|| wrong("its name has no IPv4 address"))
}

async fn get(addr: SocketAddrV4, url: &Url, agent: &str) -> io::Result<(Response, Bytes)> {
    let mut stream = TcpStream::connect((IpAddr::V4(*addr.ip()), addr.port())).await?;
    let path = url.path();
    let query = url.query().unwrap_or_default();
    let host = url.host_str().unwrap_or_default();
    let port = url
        .port()
        .map_or_else(String::new, |port| format!(":{port}"));
    // A cache that may not cache would be asked by everybody else too: proxies on the way are told not to.
    let head = format!(
        "GET {path}?{query} HTTP/1.1\r\nHost: {host}{port}\r\nUser-Agent: {agent}\r\nCache-Control: no-cache\r\n\
         Accept: text/plain\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    let mut ahead = BytesMut::new();
    let response = loop {
        let end = head_end(&ahead, 0).map_err(|error| wrong(&error.to_string()))?;
        if let Some(end) = end {
            break Response::parse(&ahead.split_to(end));
        }
        if stream.read_buf(&mut ahead).await? == 0 {
            return Err(wrong("its answer has no head"));
        }
    };
    let response = response.map_err(|error| wrong(&error.to_string()))?;
    let mut framing = response
        .framing()
        .map_err(|error| wrong(&error.to_string()))?;
    let mut body = BytesMut::new();
    while !framing.is_done() && body.len() < MAX_BODY {
        let room = MAX_BODY - body.len();
        let taken = framing.take(&mut ahead, &mut body, room);
        let taken = taken.map_err(|error| wrong(&error.to_string()))?;
        if taken == 0 && !framing.is_done() && stream.read_buf(&mut ahead).await? == 0 {
            match framing {
                Framing::UntilClose => break,
                _ => return Err(wrong("its answer breaks off")),
            }
        }
    }
    Ok((response, body.freeze()))
}

fn wrong(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
