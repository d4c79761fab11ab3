//! One connection on which we are asked for files.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::PoisonError;
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use httpdate::HttpDate;
use rustix::net::{SendFlags, send};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;

use super::answer::{admit, is_fatal, offer, refusal};
use super::body::Body;
use super::queue::{Asker, Ticket};
use super::relay::NoRelay;
use super::shelf::{Form, Pages, Speaker};
use super::slots::Visitor;
use super::{UploadStatus, Uploads};
use crate::librarian;
use crate::library::SharedFile;
use crate::transfer::channel::{Arrival, Channel, within};
use crate::transfer::http::{
    ByteRange, Method, PACKETS, ProxyTarget, READS_WALLED, RELAY, Request, Response, Status,
    Target, Version,
};
use crate::transfer::limit::Tap;

/// How long a head may take. With the 4 s that its first word had before we got the connection it stays within 10 s.
const HEAD_LIMIT: Duration = Duration::from_secs(5);

/// How long a connection may be silent between two requests. Servents ask for the next piece at once.
const IDLE_LIMIT: Duration = Duration::from_secs(30);

/// How long a head, or a piece of a list, may take to be written.
const WRITE_LIMIT: Duration = Duration::from_secs(30);

/// How long we listen after the last answer: closing with bytes unread would reset the connection, and the answer might
/// never be read.
const LINGER: Duration = Duration::from_secs(1);

/// That more follows.
#[cfg(target_os = "linux")]
const AHEAD: SendFlags = SendFlags::MORE.union(SendFlags::NOSIGNAL);
#[cfg(not(target_os = "linux"))]
const AHEAD: SendFlags = SendFlags::empty();

/// A connection, and what is known of the other side.
#[derive(Debug)]
pub(super) struct Connection<'a> {
    pub(super) uploads: &'a Uploads,
    channel: Channel,
    tap: Tap,
    pub(super) remote: SocketAddrV4,
    /// Whether it was us who connected, after a Push.
    given: bool,
    visitor: Visitor<'a>,
    /// `User-Agent`, which gtk-gnutella sends with its first request only.
    pub(super) agent: String,
    /// Whether a response went out: the first one says more.
    answered: bool,
    /// Whether it reads of servents that cannot be connected to; gtk-gnutella says so with its first request only.
    pub(super) reads_walled: bool,
    /// How long it may be silent before the next request.
    patience: Duration,
    /// The file asked for last: a servent fetches a large one in many pieces.
    open: Option<(SharedFile, Body)>,
}

impl<'a> Connection<'a> {
    pub(super) fn new(
        uploads: &'a Uploads,
        stream: TcpStream,
        remote: SocketAddrV4,
        first: BytesMut,
        given: bool,
    ) -> Self {
        Self {
            uploads,
            channel: Channel::new(stream, first),
            tap: uploads.limit.files(),
            remote,
            given,
            visitor: uploads.slots.enlist(),
            agent: String::new(),
            answered: false,
            reads_walled: false,
            patience: IDLE_LIMIT,
            open: None,
        }
    }

    /// Answers requests until one side has enough.
    pub(super) async fn run(mut self) -> io::Result<()> {
        match self.await_head().await? {
            None | Some(Arrival::Closed) => Ok(()),
            // Boxed, so that the thousands who never send a head cost little.
            Some(first) => Box::pin(self.converse(first)).await,
        }
    }

    /// Answers the first request, and those that follow.
    async fn converse(&mut self, first: Arrival) -> io::Result<()> {
        let mut arrival = first;
        loop {
            let kept = match arrival {
                Arrival::Closed => return Ok(()),
                Arrival::TooLarge => self.refuse(Status::HEAD_TOO_LARGE, false).await?,
                Arrival::Head(head) => match admit(&head) {
                    Ok(request) => self.answer(&request).await?,
                    Err(status) => self.refuse(status, false).await?,
                },
            };
            if !kept {
                return self.linger().await;
            }
            match self.await_head().await? {
                Some(next) => arrival = next,
                None => return Ok(()),
            }
        }
    }

    /// Waits for the next head, as long as nobody else needs the place more; none when somebody does, or the other side
    /// has closed.
    async fn await_head(&mut self) -> io::Result<Option<Arrival>> {
        let seat = self.uploads.lobby.enter();
        let wait = async {
            if self.answered && !within(self.patience, self.channel.listen()).await? {
                return Ok(None);
            }
            within(HEAD_LIMIT, self.channel.head()).await.map(Some)
        };
        tokio::select! {
            arrival = wait => arrival,
            () = seat.shown_out() => Ok(None),
        }
    }

    /// Answers a request; whether the connection goes on.
    async fn answer(&mut self, request: &Request) -> io::Result<bool> {
        self.patience = IDLE_LIMIT;
        if let Some(agent) = request.headers.get("User-Agent") {
            agent.clone_into(&mut self.agent);
        }
        match request.target() {
            Ok(Target::Root) => self.answer_browse(request).await,
            Ok(Target::PushProxy(target)) => {
                let passed = self.uploads.pass_push(target, request, self.remote).await;
                self.refuse(passed, request.keeps_alive()).await
            }
            Ok(Target::Relay(target)) => Box::pin(self.answer_relay(request, target)).await,
            Ok(Target::Tree(urn)) => self.answer_tree(request, urn.sha1()).await,
            Ok(target) => match (self.find(&target), &target) {
                (Some(file), _) if !is_fatal(&file, &self.agent) => {
                    self.answer_file(request, file).await
                }
                (None, Target::Content(urn)) => self.answer_unfinished(request, urn.sha1()).await,
                _ => self.refuse(Status::NOT_FOUND, request.keeps_alive()).await,
            },
            Err(_) => {
                self.refuse(Status::BAD_REQUEST, request.keeps_alive())
                    .await
            }
        }
    }

    /// The file a target names: a shared one, or by its digest one that was fetched.
    pub(super) fn find(&self, target: &Target) -> Option<SharedFile> {
        let shelf = &self.uploads.shelf;
        let library = shelf.read().unwrap_or_else(PoisonError::into_inner);
        let file = match target {
            Target::Content(urn) => library.by_sha1(urn.sha1()),
            Target::Indexed { index, name } => library
                .get(*index)
                .filter(|file| Target::names(name, &file.name)),
            Target::Tree(_)
            | Target::PushProxy(_)
            | Target::Relay(_)
            | Target::Root
            | Target::Unknown => None,
        };
        let file = file.cloned();
        let Target::Content(urn) = target else {
            return file;
        };
        let also = self.uploads.also.get();
        file.or_else(|| also?.1.finished(urn.sha1()))
    }

    /// Sends a file, or the part of it that is asked for.
    async fn answer_file(&mut self, request: &Request, file: SharedFile) -> io::Result<bool> {
        let kept = request.keeps_alive();
        let Some(body) = self.open(&file).await else {
            return self.refuse(Status::NOT_FOUND, kept).await;
        };
        let (range, mut response) = match offer(request, &file) {
            Ok(offer) => offer,
            Err(refusal) => {
                self.open = Some((file, body));
                return self.say(refusal, kept).await;
            }
        };
        if let Some(sha1) = file.sha1 {
            self.exchange(request, sha1, &mut response);
        }
        let size = file.size;
        let kept = self
            .send(
                request,
                (&file.name, file.index, size),
                &body,
                (range, response),
            )
            .await?;
        self.open = Some((file, body));
        Ok(kept)
    }

    /// Sends a range of a file of this name, index and size, if there is a slot for it.
    pub(super) async fn send(
        &mut self,
        request: &Request,
        (name, index, size): (&str, u32, u64),
        body: &Body,
        (range, response): (ByteRange, Response),
    ) -> io::Result<bool> {
        let kept = request.keeps_alive();
        if request.method != Method::Get {
            return self.say(response, kept).await;
        }
        let upload = UploadStatus {
            name: name.to_owned(),
            to: self.remote,
            agent: self.agent.clone(),
            sent: 0,
            length: range.len(),
            running: true,
        };
        let address = *self.remote.ip();
        let asker = Asker {
            credit: self.uploads.credit(address),
            ..Asker::new(address, index, &request.headers)
        };
        let mut slot = match self.visitor.claim(upload, asker) {
            Ok(slot) => slot,
            Err(ticket) => return self.put_off(ticket, kept).await,
        };
        let head = self.head(response, kept);
        match range.is_empty() {
            true => self.write(&head).await?,
            false => self.write_ahead(&head).await?,
        }
        let sent = |count| slot.sent(count);
        body.send(&mut self.channel.stream, &mut self.tap, range, sent)
            .await?;
        if range.end == size {
            slot.complete();
        }
        if kept {
            slot.keep(range.len(), size);
        }
        Ok(kept)
    }

    /// Opens a shared file, or takes the one still open. None when it is gone, or no longer what the library knows: its
    /// digest would be a lie.
    async fn open(&mut self, file: &SharedFile) -> Option<Body> {
        if let Some((open, body)) = self.open.take()
            && open == *file
            && body.is_unchanged()
        {
            return Some(body);
        }
        let body = match librarian::open_cached(file) {
            Some(opened) => Body::new(opened),
            None => {
                let wanted = file.clone();
                let open = move || Body::new(librarian::open(&wanted)?);
                spawn_blocking(open).await.ok()?
            }
        };
        match body {
            Ok(body) => body.is(file.size, file.modified).then_some(body),
            Err(error) => {
                tracing::debug!(name = file.name, %error, "a shared file cannot be opened");
                None
            }
        }
    }

    /// Joins the connection with one of a servent that is told to connect to us.
    async fn answer_relay(&mut self, request: &Request, target: ProxyTarget) -> io::Result<bool> {
        let (uploads, kept) = (self.uploads, request.keeps_alive());
        let pair = match uploads.relays.seat(*self.remote.ip()) {
            Ok(pair) => pair,
            Err(NoRelay::Never) => return self.refuse(Status::NOT_FOUND, kept).await,
            Err(NoRelay::NotNow) => return self.refuse(Status::BUSY, kept).await,
        };
        let Some((_, downloads)) = uploads.also.get() else {
            return self.refuse(Status::NOT_FOUND, kept).await;
        };
        let coming = downloads.expect(target.servent);
        let called = uploads.wish(target, None, self.remote).await;
        if called != Status::ACCEPTED {
            return self.refuse(called, kept).await;
        }
        let far = tokio::select! {
            came = coming => came,
            // Who says more before he is answered, or leaves, does not wait.
            _ = self.channel.listen() => return Ok(false),
        };
        let Ok(far) = far else {
            return self.refuse(Status::NOBODY_CAME, kept).await;
        };
        let joined = Response::new(Status::SWITCHING)
            .with("Connection", "Upgrade")
            .with("Upgrade", RELAY);
        self.write(&joined.encode()).await?;
        pair.join(&mut self.channel.stream, far, &uploads.limit)
            .await?;
        Ok(false)
    }

    /// Tells all that we share.
    async fn answer_browse(&mut self, request: &Request) -> io::Result<bool> {
        let uploads = self.uploads;
        let Ok(_permit) = uploads.browsing.try_acquire() else {
            return self.refuse(Status::BUSY, request.keeps_alive()).await;
        };
        let form = if request.headers.lists("Accept", PACKETS) {
            Form::Packets(self.speaker())
        } else {
            Form::Html
        };
        // Its length is not known beforehand: HTTP/1.1 has chunks for that, HTTP/1.0 the end of the connection.
        let chunked = request.version == Version::Http11;
        let kept = chunked && request.keeps_alive();
        let pages = Pages::new(&uploads.shelf, form);
        let mut response = Response::new(Status::OK)
            .with("Content-Type", pages.media_type())
            .with("Content-Security-Policy", "default-src 'none'");
        if chunked {
            response.headers.push("Transfer-Encoding", "chunked");
        }
        self.say(response, kept).await?;
        if request.method == Method::Get {
            // An empty chunk would be the last one.
            for page in pages.filter(|page| !page.is_empty()) {
                if chunked {
                    let size = format!("{:x}\r\n", page.len());
                    self.write(&[size.as_bytes(), &page, b"\r\n"].concat())
                        .await?;
                } else {
                    self.write(&page).await?;
                }
            }
            if chunked {
                self.write(b"0\r\n\r\n").await?;
            }
        }
        Ok(kept)
    }

    /// We, as our hits show us. On a connection that we opened our address tells nobody where we listen.
    fn speaker(&self) -> Speaker {
        let addr = match self.channel.stream.local_addr() {
            Ok(SocketAddr::V4(addr)) => addr,
            _ => SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0),
        };
        Speaker {
            addr,
            servent: self.uploads.identity.guid,
            push: self.given,
            busy: self.uploads.busy(),
        }
    }

    /// Says no, or yes without a body; whether the connection goes on.
    pub(super) async fn refuse(&mut self, status: Status, kept: bool) -> io::Result<bool> {
        self.say(refusal(status), kept).await
    }

    /// Tells somebody for whom no slot is free when to ask again; whether the connection goes on.
    async fn put_off(&mut self, ticket: Option<Ticket>, kept: bool) -> io::Result<bool> {
        if let Some(ticket) = ticket {
            self.patience = ticket.patience();
        }
        let response = ticket.map_or_else(|| refusal(Status::BUSY), |ticket| ticket.response());
        self.say(response, kept).await
    }

    /// Sends a head; whether the connection goes on.
    pub(super) async fn say(&mut self, response: Response, kept: bool) -> io::Result<bool> {
        let head = self.head(response, kept);
        self.write(&head).await?;
        Ok(kept)
    }

    /// A head, with the fields that all have.
    fn head(&mut self, response: Response, kept: bool) -> Bytes {
        let mut response = response
            .with("Server", &self.uploads.identity.agent)
            .with("Date", HttpDate::from(SystemTime::now()))
            .with("Connection", if kept { "Keep-Alive" } else { "close" });
        if !std::mem::replace(&mut self.answered, true) {
            response
                .headers
                .push("X-Features", format_args!("browse/1.0, {READS_WALLED}"));
        }
        response.encode()
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        within(WRITE_LIMIT, self.channel.stream.write_all(bytes)).await
    }

    /// Writes a head that a body follows at once, with which it leaves: a small file then is one packet's worth, and
    /// wakes the other side once. The kernel waits a fifth of a second for the body at most.
    async fn write_ahead(&self, mut head: &[u8]) -> io::Result<()> {
        let stream = &self.channel.stream;
        while !head.is_empty() {
            let write = || Ok(send(stream, head, AHEAD)?);
            let wrote = within(WRITE_LIMIT, stream.async_io(Interest::WRITABLE, write)).await?;
            head = &head[wrote..];
        }
        Ok(())
    }

    /// Ends the connection in a way that lets the other side read all that was said.
    async fn linger(&mut self) -> io::Result<()> {
        let stream = &mut self.channel.stream;
        stream.shutdown().await?;
        let mut unheard = [0; 512];
        let listen = async {
            while stream.read(&mut unheard).await? > 0 {}
            Ok(())
        };
        // That the other side does not close in time is its own affair.
        within(LINGER, listen).await.or(Ok(()))
    }
}
