//! Browse host: all the files of one servent.

use std::io;
use std::net::SocketAddrV4;
use std::time::Duration;

use bytes::BytesMut;
use tokio_util::codec::Decoder;

use super::channel::within;
use super::http::{PACKETS, Request, Status};
use super::session::Session;
use crate::wire::{DescriptorCodec, Kind, QueryHit};

/// The most bytes of hits, wordy ones and all that is passed over included.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// The most files. Told in a dozen bytes, one takes some two hundred in memory: without this a hostile list would take a
/// gigabyte.
const MAX_FILES: usize = 100_000;

/// How long all of it may take.
const TIME_LIMIT: Duration = Duration::from_secs(120);

/// How much is read at a time.
const BUFFER: usize = 64 * 1024;

/// Asks the servent at `addr` for all its files (`GET /` with `Accept: application/x-gnutella-packets`).
///
/// A hit that makes no sense is passed over; the ones around it count. Of a list longer than 100,000 files the rest is
/// left unread. Compression is not asked for, so that none can
/// be a bomb.
///
/// # Errors
/// It cannot be reached, does not answer in time, refuses, or answers nonsense; the text says which.
pub async fn browse(addr: SocketAddrV4, agent: &str) -> io::Result<Vec<QueryHit>> {
    within(TIME_LIMIT, ask(addr, agent)).await.map_err(|error| {
        let what = match error.kind() {
            io::ErrorKind::TimedOut => "it did not answer in time".to_owned(),
            io::ErrorKind::UnexpectedEof => "it broke off".to_owned(),
            _ => error.to_string(),
        };
        io::Error::new(error.kind(), format!("cannot browse {addr}: {what}"))
    })
}

async fn ask(addr: SocketAddrV4, agent: &str) -> io::Result<Vec<QueryHit>> {
    let mut session = Session::connect(addr).await?;
    let request = Request::get("/")
        .with("Accept", PACKETS)
        .with("Connection", "close");
    let response = session.ask(request, agent).await?;
    let headers = &response.headers;
    if response.status != Status::OK {
        return Err(io::Error::other(format!("it answered {response}")));
    }
    if !headers.lists("Content-Type", PACKETS) || headers.get("Content-Encoding").is_some() {
        return Err(nonsense("it did not answer with query hits"));
    }
    let mut hits = Vec::new();
    let mut buffer = BytesMut::with_capacity(BUFFER);
    let (mut total, mut files) = (0, 0);
    loop {
        let read = session.body(&mut buffer, BUFFER).await?;
        total += read;
        if total > MAX_BYTES {
            return Err(nonsense("it shares more than can be listed"));
        }
        while let Some(descriptor) = DescriptorCodec
            .decode(&mut buffer)
            .map_err(|error| nonsense(&error.to_string()))?
        {
            if descriptor.header.kind != Kind::QueryHit {
                continue;
            }
            if let Ok(hit) = QueryHit::decode(&descriptor.payload) {
                files += hit.records.len();
                hits.push(hit);
            }
            if files >= MAX_FILES {
                return Ok(hits);
            }
        }
        if read == 0 {
            break;
        }
    }
    if !buffer.is_empty() {
        return Err(nonsense("its answer ends amid a hit"));
    }
    Ok(hits)
}

fn nonsense(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
