//! One visit at the index: from the login to the end of the link.

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::net::SocketAddrV4;
use std::sync::PoisonError;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::WriteHalf;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep_until, timeout};

use super::browse::Browses;
use super::errand::{Asked, Wanted};
use super::listing::{Listing, difference, find, list, listing};
use super::{Belongings, Errand, Meeting, Standing, browse};
use crate::central::{self, Fields, Frame, Hit, Kind, Search, address, frame, token};
use crate::librarian::Census;
use crate::transfer::{Limit, Tap};

/// How long connecting and logging in may take.
const BEGIN: Duration = Duration::from_secs(10);

/// How often the index is asked whether it is there, and requests that took too long are given up.
const TICK: Duration = Duration::from_secs(2);

/// So many ticks of silence, and it is pinged; twice as many, and it is gone.
const SILENCE: u32 = 30;

/// What we share is looked at again so long after it changed: while files are hashed it changes all the time.
const SETTLE: Duration = Duration::from_millis(500);

/// Searches and requests that may wait for their answers.
const MOST_WAITING: usize = 64;

/// The longest frame a server may send: as long as a frame can be.
const MAX_ANSWER: usize = 65_535;

/// Bytes taken from the socket at a time.
const STEP: usize = 8 * 1024;

/// What may wait to be written before we take no more errands.
const READ: usize = 16 * 1024;

/// The index names the addresses; more at once would make us its tool against others.
const MOST_BRINGING: usize = 8;

/// A visit under way.
#[derive(Debug)]
pub(super) struct Visit {
    /// What we are called.
    nick: Bytes,
    stream: TcpStream,
    input: BytesMut,
    output: BytesMut,
    /// The way through the limits, out and in.
    taps: [Tap; 2],
    listed: Listing,
    searches: VecDeque<Asked>,
    wanted: Vec<Wanted>,
    browses: Browses,
    silent: u32,
    /// Files on their way to those who cannot be connected to by us; they end with the visit.
    bringing: JoinSet<()>,
}

impl Visit {
    /// Connects and logs in.
    ///
    /// # Errors
    /// Nobody answers, or we are refused: `PermissionDenied` when it may be for our nick.
    pub(super) async fn begin(with: &Belongings, nick: &[u8], password: &str) -> io::Result<Self> {
        let begin = async {
            let stream = TcpStream::connect(with.index).await?;
            stream.set_nodelay(true)?;
            let mut visit = Self::over(stream, nick, &with.limits);
            let nick = String::from_utf8_lossy(nick);
            let login = format!("{nick} {password} {} \"{}\" 0", with.port, with.agent);
            visit.say(Kind::LOGIN, login.as_bytes());
            visit.stream.write_all_buf(&mut visit.output).await?;
            loop {
                let answer = visit.frame().await?;
                let why = String::from_utf8_lossy(&answer.body).into_owned();
                match answer.kind {
                    Kind::LOGIN_ACK => return Ok(visit),
                    Kind::ERROR | Kind::NICK_INVALID => {
                        return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
                    }
                    Kind::TROUBLE => return Err(io::Error::other(why)),
                    _ => {}
                }
            }
        };
        timeout(BEGIN, begin).await.unwrap_or_else(|_| {
            Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "it does not answer",
            ))
        })
    }

    /// Nothing said yet.
    fn over(stream: TcpStream, nick: &[u8], limits: &[Limit; 2]) -> Self {
        Self {
            nick: Bytes::copy_from_slice(nick),
            stream,
            input: BytesMut::new(),
            output: BytesMut::new(),
            taps: limits.each_ref().map(Limit::messages),
            listed: Listing::new(),
            searches: VecDeque::new(),
            wanted: Vec::new(),
            browses: Browses::default(),
            silent: 0,
            bringing: JoinSet::new(),
        }
    }

    /// Stays until the link ends; tells why it did.
    pub(super) async fn stay(
        mut self,
        with: &Belongings,
        tell: &watch::Sender<Standing>,
        errands: &mut mpsc::Receiver<Errand>,
    ) -> io::Error {
        let mut census = with.census.clone();
        // When what we share is to be looked at again.
        let mut look = None;
        let mut tick = interval(TICK);
        // Present only when all we share is told, so that whoever waits for it is found by others.
        self.tell_listing(with);
        tell.send_replace(Standing::Present { users: 0, files: 0 });
        loop {
            while let Some(frame) = match Frame::read(&mut self.input, MAX_ANSWER) {
                Ok(frame) => frame,
                Err(error) => return io::Error::other(error),
            } {
                self.silent = 0;
                if let Err(why) = self.hear(with, tell, &frame) {
                    return why;
                }
            }
            let (room, unsent) = (self.has_room(), self.output.has_remaining());
            let (reader, mut writer) = self.stream.split();
            let [out, into] = &mut self.taps;
            let done = tokio::select! {
                read = into.read(reader.as_ref(), &mut self.input, STEP) => match read {
                    Ok(0) => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it closed the link")),
                    Ok(_) => {
                        with.cross().await;
                        Ok(())
                    }
                    Err(why) => Err(why),
                },
                written = write(&mut writer, &mut self.output, out), if unsent => written,
                Some(errand) = errands.recv(), if room => {
                    self.run(errand);
                    with.cross().await;
                    Ok(())
                }
                () = changed(&mut census) => {
                    look.get_or_insert_with(|| Instant::now() + SETTLE);
                    Ok(())
                }
                () = sleep_until(look.unwrap_or_else(Instant::now)), if look.is_some() => {
                    look = None;
                    self.tell_listing(with);
                    Ok(())
                }
                _ = tick.tick() => self.on_tick(),
                Some(_) = self.bringing.join_next() => Ok(()),
            };
            if let Err(why) = done {
                return why;
            }
        }
    }

    fn has_room(&self) -> bool {
        let waiting = self.searches.len() + self.wanted.len() + self.browses.len();
        waiting < MOST_WAITING && self.output.len() < READ
    }

    fn say(&mut self, kind: Kind, body: &[u8]) {
        frame(&mut self.output, kind, |out| out.extend_from_slice(body));
    }

    /// `nick "file"`, which most signals are.
    fn signal(&mut self, kind: Kind, nick: &[u8], file: &[u8]) {
        let body = [nick, b" \"", file, b"\""].concat();
        self.say(kind, &body);
    }

    async fn frame(&mut self) -> io::Result<Frame> {
        loop {
            match Frame::read(&mut self.input, MAX_ANSWER) {
                Ok(Some(frame)) => return Ok(frame),
                Ok(None) => {}
                Err(error) => return Err(io::Error::other(error)),
            }
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "it closed the link",
                ));
            }
        }
    }

    fn tell_listing(&mut self, with: &Belongings) {
        let library = with.shelf.read().unwrap_or_else(PoisonError::into_inner);
        let now = listing(&library);
        drop(library);
        difference(&self.listed, &now, &mut self.output);
        self.listed = now;
    }

    fn run(&mut self, errand: Errand) {
        match errand {
            Errand::Search { text, hits } => {
                let search = Search {
                    // Else a word behind a dash would be one that must not be there.
                    contains: text.replace(['-', '"'], " "),
                    ..Search::default()
                };
                let body = search.encode();
                self.say(Kind::SEARCH, &body);
                self.searches.push_back(Asked {
                    hits,
                    began: Instant::now(),
                    found: 0,
                });
            }
            Errand::Meet { source, reply } => {
                self.signal(Kind::DOWNLOAD, &source.nick, &source.file);
                self.wanted.push(Wanted::new(source, reply));
            }
            Errand::Browse { nick, reply } => {
                self.say(Kind::BROWSE_DIRECT, &nick);
                self.browses.ask(nick, reply);
            }
            Errand::List { nick, reply } => {
                self.say(Kind::BROWSE, &nick);
                self.browses.list(nick, reply);
            }
        }
    }

    fn on_tick(&mut self) -> io::Result<()> {
        self.silent += 1;
        if self.silent == SILENCE {
            self.say(Kind::PING_SERVER, b"");
        }
        if self.silent >= 2 * SILENCE {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "it has gone silent",
            ));
        }
        while let Some(late) = self.wanted.iter().position(Wanted::is_late) {
            let why = io::Error::new(io::ErrorKind::TimedOut, "its owner does not answer");
            self.wanted.swap_remove(late).answer(Err(why));
        }
        // One that is never answered would have what comes for the next, and the last of the room.
        while self.searches.front().is_some_and(Asked::is_late) {
            self.searches.pop_front();
        }
        self.browses.tick();
        Ok(())
    }

    /// One frame of the server. What is malformed is passed over.
    fn hear(
        &mut self,
        with: &Belongings,
        tell: &watch::Sender<Standing>,
        message: &Frame,
    ) -> io::Result<()> {
        let body = &message.body[..];
        let mut fields = Fields::new(body);
        match message.kind {
            Kind::HIT => {
                if let (Some(asked), Ok(hit)) = (self.searches.front_mut(), Hit::parse(body)) {
                    asked.found(&hit);
                }
            }
            Kind::SEARCH_END => {
                self.searches.pop_front();
            }
            Kind::STATS => {
                if let (Ok(users), Ok(files)) = (fields.number(), fields.number()) {
                    tell.send_replace(Standing::Present { users, files });
                }
            }
            Kind::DOWNLOAD_ACK => self.on_meeting(body),
            Kind::DOWNLOAD_ERROR | Kind::QUEUE_LIMIT_IS => {
                if let (Ok(nick), Ok(file)) = (fields.text(), fields.text())
                    && let Some(wanted) = self.take_wanted(nick, file)
                {
                    let why = match message.kind {
                        Kind::DOWNLOAD_ERROR => "its owner has left",
                        _ => "its owner lets us wait",
                    };
                    wanted.answer(Err(io::Error::other(why)));
                }
            }
            Kind::UPLOAD => {
                if let (Ok(nick), Ok(file)) = (fields.text(), fields.text())
                    && std::str::from_utf8(file).is_ok_and(|file| self.listed.contains_key(file))
                {
                    self.signal(Kind::UPLOAD_ACK, nick, file);
                }
            }
            Kind::PUSH_ACK => self.on_push(with, body),
            Kind::PORT_ERROR => self.say(Kind::NEW_PORT, b"0"),
            Kind::PING => self.say(Kind::PONG, body),
            Kind::BROWSE_DIRECT => self.on_browse(with, body),
            Kind::BROWSE_DIRECT_ACK => self.browses.allowed(body),
            Kind::BROWSE_DIRECT_ERROR => self.browses.declined(body),
            Kind::BROWSED => self.browses.file(body),
            Kind::BROWSE_END => self.browses.end(body),
            Kind::TROUBLE => {
                tracing::debug!(said = %String::from_utf8_lossy(body), "the index objects");
            }
            Kind::DISCONNECTING | Kind::GHOST => {
                return Err(io::Error::other("it asked us to leave"));
            }
            _ => {}
        }
        Ok(())
    }

    fn on_meeting(&mut self, body: &[u8]) {
        let Ok(meeting) = central::Meeting::parse(body) else {
            return;
        };
        let Some(wanted) = self.take_wanted(meeting.nick, meeting.file) else {
            return;
        };
        if meeting.is_hopeless() {
            let why = "neither its owner nor we can be connected to";
            return wanted.answer(Err(io::Error::other(why)));
        }
        wanted.answer(Ok(if meeting.addr.port() == 0 {
            self.signal(Kind::PUSH, meeting.nick, meeting.file);
            Meeting::Coming
        } else {
            match token(meeting.mark) {
                Some(sha1) => Meeting::Ours(meeting.addr, sha1),
                None => Meeting::Foreign(meeting.addr),
            }
        }));
    }

    /// Lets somebody list our files, and connects to it where it is told that it cannot connect to us.
    fn on_browse(&mut self, with: &Belongings, body: &[u8]) {
        let mut fields = Fields::new(body);
        let Ok(nick) = fields.text() else {
            return;
        };
        self.say(Kind::BROWSE_DIRECT_ACK, nick);
        if let (Ok(ip), Ok(port)) = (fields.text(), fields.number())
            && let Ok(ip) = address(ip)
            && self.bringing.len() < MOST_BRINGING
        {
            let library = with.shelf.read().unwrap_or_else(PoisonError::into_inner);
            let list = list(&library);
            drop(library);
            let (to, nick) = (SocketAddrV4::new(ip, port), self.nick.clone());
            self.bringing.spawn(browse::bring(to, nick, list));
        }
    }

    /// Brings a file to somebody whom we are to connect to.
    fn on_push(&mut self, with: &Belongings, body: &[u8]) {
        let Ok(meeting) = central::Meeting::parse(body) else {
            return;
        };
        let Ok(name) = std::str::from_utf8(meeting.file) else {
            return;
        };
        let library = with.shelf.read().unwrap_or_else(PoisonError::into_inner);
        let file = find(&library, name);
        drop(library);
        if let Some(file) = file
            && self.bringing.len() < MOST_BRINGING
        {
            let listed = Bytes::copy_from_slice(meeting.file);
            let uploads = with.uploads.clone();
            let nick = self.nick.clone();
            let addr = meeting.addr;
            self.bringing
                .spawn(async move { uploads.bring(addr, nick, listed, file).await });
        }
    }

    fn take_wanted(&mut self, nick: &[u8], file: &[u8]) -> Option<Wanted> {
        let at = self
            .wanted
            .iter()
            .position(|wanted| wanted.is(nick, file))?;
        Some(self.wanted.remove(at))
    }
}

/// Writes some of what waits, once it is our turn.
async fn write(writer: &mut WriteHalf<'_>, output: &mut BytesMut, tap: &mut Tap) -> io::Result<()> {
    let turn = tap.turn(output.len() as u64).await;
    let most = usize::try_from(turn).unwrap_or(output.len());
    let count = writer.write(&output[..most]).await?;
    output.advance(count);
    tap.passed(count as u64);
    Ok(())
}

/// Returns when what we share has changed; never once there is no librarian any more.
async fn changed(census: &mut watch::Receiver<Census>) {
    if census.changed().await.is_err() {
        pending::<()>().await;
    }
}

#[cfg(test)]
mod tests;
