//! All that one user of the index shares: from the user itself where it lets us (640, 641), else as the index lists it (211).
//!
//! The list of a user is text, a file a line as it was registered, its nick before and an empty line behind (`napster.txt`,
//! "Client to Client Browsing"). TekNap writes the word `SENDLIST` before such a list even where it was asked for by
//! `GETLIST`, so lines that are no files are passed over.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::errand::search_hit;
use crate::central::{Fields, Hit, Shared, address};
use crate::net::search::SearchHit;
use crate::net::word::{BRING_LIST, FETCH_LIST};

/// How long a user may take to let itself be browsed.
const CONSENT: Duration = Duration::from_secs(5);

/// How long a whole list may take, from whomever it comes.
pub(super) const WHOLE: Duration = Duration::from_secs(60);

/// How long a user that said yes may take to begin, before the index is asked instead.
const BEGIN: Duration = Duration::from_secs(10);

/// No file of a list takes longer a line: as much as a client may say of one to an index.
const LONGEST: usize = 2048;

/// No list has more files.
const MOST: usize = 10_000;

/// How a user wants to be browsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Consent {
    /// By connecting to it.
    At(SocketAddrV4),
    /// It connects to us.
    Coming,
    /// Not at all.
    Declined,
}

/// Users whose lists we asked for, by way of the index.
#[derive(Debug, Default)]
pub(super) struct Browses {
    direct: Vec<Direct>,
    listed: Vec<Listed>,
}

#[derive(Debug)]
struct Direct {
    nick: Bytes,
    reply: oneshot::Sender<Consent>,
    until: Instant,
}

#[derive(Debug)]
struct Listed {
    nick: Bytes,
    hits: Vec<SearchHit>,
    reply: oneshot::Sender<Vec<SearchHit>>,
    began: Instant,
}

impl Browses {
    /// Notes that a user was asked whether it can be browsed.
    pub(super) fn ask(&mut self, nick: Bytes, reply: oneshot::Sender<Consent>) {
        let until = Instant::now() + CONSENT;
        self.direct.push(Direct { nick, reply, until });
    }

    /// Notes that the index was asked for a user's list.
    pub(super) fn list(&mut self, nick: Bytes, reply: oneshot::Sender<Vec<SearchHit>>) {
        self.listed.push(Listed {
            nick,
            hits: Vec::new(),
            reply,
            began: Instant::now(),
        });
    }

    /// `nick ip port`: a user lets us; port 0 says that it will connect to us.
    pub(super) fn allowed(&mut self, body: &[u8]) {
        let mut fields = Fields::new(body);
        let (Ok(nick), Ok(ip), Ok(port)) = (fields.text(), fields.text(), fields.number()) else {
            return;
        };
        let consent = match (address(ip), port) {
            (Ok(_), 0) => Consent::Coming,
            (Ok(ip), port) => Consent::At(SocketAddrV4::new(ip, port)),
            _ => return,
        };
        self.consent(nick, consent);
    }

    /// `nick "why"`: it does not.
    pub(super) fn declined(&mut self, body: &[u8]) {
        if let Ok(nick) = Fields::new(body).text() {
            self.consent(nick, Consent::Declined);
        }
    }

    fn consent(&mut self, nick: &[u8], consent: Consent) {
        let of = |asked: &Direct| asked.nick.eq_ignore_ascii_case(nick);
        if let Some(at) = self.direct.iter().position(of) {
            // Who has dropped the receiver needs no answer.
            let _ = self.direct.swap_remove(at).reply.send(consent);
        }
    }

    /// `nick "file" md5 size bitrate frequency seconds`: one file of a list.
    pub(super) fn file(&mut self, body: &[u8]) {
        let mut fields = Fields::new(body);
        let (Ok(nick), Ok(file)) = (fields.text(), Shared::read(&mut fields)) else {
            return;
        };
        let of = |asked: &&mut Listed| asked.nick.eq_ignore_ascii_case(nick);
        if let Some(asked) = self.listed.iter_mut().find(of)
            && asked.hits.len() < MOST
        {
            let addr = Ipv4Addr::UNSPECIFIED;
            let hit = Hit { file, nick, addr };
            let number = asked.hits.len() as u32;
            asked
                .hits
                .push(search_hit(&hit, number, asked.began, "browse"));
        }
    }

    /// `nick [ip]`: a list ends.
    pub(super) fn end(&mut self, body: &[u8]) {
        let mut fields = Fields::new(body);
        let Ok(nick) = fields.text() else {
            return;
        };
        let of = |asked: &Listed| asked.nick.eq_ignore_ascii_case(nick);
        if let Some(at) = self.listed.iter().position(of) {
            let mut asked = self.listed.swap_remove(at);
            if let Ok(ip) = fields.text().and_then(address) {
                for hit in &mut asked.hits {
                    hit.hit.addr.set_ip(ip);
                }
            }
            let _ = asked.reply.send(asked.hits);
        }
    }

    /// Gives up on those who do not answer.
    pub(super) fn tick(&mut self) {
        let now = Instant::now();
        self.direct
            .retain(|asked| now < asked.until && !asked.reply.is_closed());
        self.listed
            .retain(|asked| now < asked.began + WHOLE && !asked.reply.is_closed());
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.direct.len() + self.listed.len()
    }
}

/// Asks a user for its list.
///
/// # Errors
/// It cannot be reached, or sends none.
pub(super) async fn fetch(nick: &[u8], addr: SocketAddrV4) -> io::Result<Vec<SearchHit>> {
    let began = Instant::now();
    let ask = async {
        let mut stream = TcpStream::connect(addr).await?;
        // Its greeting is all that it says before it is asked.
        match stream.read_u8().await? {
            // Nothing behind it: TekNap reads so much, and were there more to read when it closes the link, the system would
            // throw away what it has sent.
            b'1' => stream.write_all(FETCH_LIST).await?,
            _ => return Err(io::Error::other("it does not greet")),
        }
        Ok(stream)
    };
    let mut stream = timeout(BEGIN, ask).await??;
    let mut input = BytesMut::new();
    let list = read(&mut stream, &mut input, nick, *addr.ip(), began);
    timeout(WHOLE, list).await?
}

/// Reads a list to its end.
///
/// # Errors
/// The link breaks before it, or a line is too long.
pub(super) async fn read(
    stream: &mut TcpStream,
    input: &mut BytesMut,
    nick: &[u8],
    addr: Ipv4Addr,
    began: Instant,
) -> io::Result<Vec<SearchHit>> {
    let mut hits = Vec::new();
    loop {
        let line = line(stream, input).await?;
        if line.is_empty() {
            return Ok(hits);
        }
        if let Ok(file) = Shared::read(&mut Fields::new(&line)) {
            let hit = Hit { file, nick, addr };
            hits.push(search_hit(&hit, hits.len() as u32, began, "browse"));
            if hits.len() == MOST {
                return Ok(hits);
            }
        }
    }
}

/// The next line, without its end.
pub(super) async fn line(stream: &mut TcpStream, input: &mut BytesMut) -> io::Result<BytesMut> {
    loop {
        if let Some(end) = input.iter().position(|byte| *byte == b'\n') {
            let mut line = input.split_to(end + 1);
            line.truncate(line.trim_ascii_end().len());
            return Ok(line);
        }
        if input.len() > LONGEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        if stream.read_buf(input).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Sends our own list, nick first, to somebody who asked for it. `hello`: it was not greeted yet.
///
/// # Errors
/// It does not take it.
pub(in crate::net) async fn send(
    mut stream: TcpStream,
    hello: bool,
    nick: &[u8],
    list: Bytes,
) -> io::Result<()> {
    let send = async {
        if hello {
            stream.write_all(b"1").await?;
        }
        // By itself: some read it so.
        stream.write_all(&[nick, b"\n"].concat()).await?;
        stream.write_all(&list).await?;
        stream.write_all(b"\n").await?;
        stream.shutdown().await
    };
    timeout(WHOLE, send).await?
}

/// Connects to somebody whom we cannot be connected to by, and sends our list.
pub(super) async fn bring(addr: SocketAddrV4, nick: Bytes, list: Bytes) {
    let bring = async {
        let mut stream = timeout(BEGIN, TcpStream::connect(addr)).await??;
        stream.write_all(BRING_LIST).await?;
        stream.write_all(b" ").await?;
        send(stream, false, &nick, list).await
    };
    if let Err(error) = bring.await {
        tracing::debug!(%addr, %error, "our list could not be brought");
    }
}
