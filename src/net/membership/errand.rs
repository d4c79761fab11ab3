//! What waits for answers of the index, and hits as everybody else has them.

use std::io;
use std::net::SocketAddrV4;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::Meeting;
use crate::central::{Hit, IndexSource, token};
use crate::net::search::SearchHit;
use crate::wire::{Extensions, Guid, QueryHit, Record, Trailer, Urn};

/// How long the owner of a file may take to say yes.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long an index may take to answer a search; nobody listens longer.
const ANSWER: Duration = Duration::from_secs(60);

/// A search whose answers are still coming. They carry no number: they come in the order of the questions.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) hits: mpsc::Sender<SearchHit>,
    pub(super) began: Instant,
    pub(super) found: u32,
}

/// A file whose owner is being asked.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) source: IndexSource,
    reply: oneshot::Sender<io::Result<Meeting>>,
    until: Instant,
}

impl Asked {
    /// Whether no more of it will come.
    pub(super) fn is_late(&self) -> bool {
        self.began.elapsed() >= ANSWER
    }

    /// Hands on a hit.
    pub(super) fn found(&mut self, hit: &Hit<'_>) {
        let found = search_hit(hit, self.found, self.began, "index");
        self.found += 1;
        // Who does not read loses it, as with any search.
        let _ = self.hits.try_send(found);
    }
}

impl Wanted {
    pub(super) fn new(source: IndexSource, reply: oneshot::Sender<io::Result<Meeting>>) -> Self {
        let until = Instant::now() + PATIENCE;
        Self {
            source,
            reply,
            until,
        }
    }

    /// Whether an answer about this file of this user is for it. Servers may change the case of a nick.
    pub(super) fn is(&self, nick: &[u8], file: &[u8]) -> bool {
        self.source.nick.eq_ignore_ascii_case(nick) && self.source.file == file
    }

    pub(super) fn is_late(&self) -> bool {
        Instant::now() >= self.until
    }

    pub(super) fn answer(self, answer: io::Result<Meeting>) {
        // Who has dropped the receiver needs no answer.
        let _ = self.reply.send(answer);
    }
}

/// A file of a user of the index as all others are shown, the `number`th of those that were asked for when it `began`.
pub(super) fn search_hit(
    hit: &Hit<'_>,
    number: u32,
    began: Instant,
    strategy: &'static str,
) -> SearchHit {
    SearchHit {
        hit: query_hit(hit, number),
        hops: 0,
        after: began.elapsed(),
        strategy,
        through: Some(IndexSource {
            nick: Bytes::copy_from_slice(hit.nick),
            file: Bytes::copy_from_slice(hit.file.name),
        }),
    }
}

/// A hit of the index in the form of all hits; the port is told only when somebody wants the file.
fn query_hit(hit: &Hit<'_>, index: u32) -> QueryHit {
    let mut extensions = Extensions::default();
    extensions.urns.extend(token(hit.file.md5).map(Urn::Sha1));
    let name = String::from_utf8_lossy(hit.file.name).into_owned();
    let name = name
        .rsplit(['\\', '/'])
        .next()
        .unwrap_or_default()
        .to_owned();
    QueryHit {
        addr: SocketAddrV4::new(hit.addr, 0),
        speed: 0,
        records: vec![Record {
            index,
            size: hit.file.size,
            name,
            extensions,
        }],
        trailer: Trailer {
            vendor: *b"NAPS",
            ..Trailer::default()
        },
        servent: Guid::ZERO,
    }
}
