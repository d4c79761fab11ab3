//! One try: a connection to the source, and requests on it until the file is whole.

use std::io;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use percent_encoding::utf8_percent_encode;
use tokio::time::{Instant, timeout_at};

use super::Fault;
use super::job::{Job, Setback, on_disk};
use super::part::Part;
use crate::transfer::http::{
    CONTENT_URN, ContentRange, Framing, IN_PATH, Method, Request, Response, Status,
};
use crate::transfer::session::Session;
use crate::wire::{Sha1, Urn};

/// How much is asked for at a time while the connection is kept: what is under way when we are killed is fetched again,
/// and that is never more than this. gtk-gnutella asks for as much.
const SLICE: u64 = 1024 * 1024;

/// How much is gathered before it is written.
const BUFFER: usize = 256 * 1024;

/// How long it is gathered at most: a slow download is to be seen growing, too.
const GATHER_LIMIT: Duration = Duration::from_secs(1);

/// How long a busy source makes us wait: what it says within these, the first when it says nothing.
const BUSY_WAIT: (u64, u64) = (20, 15 * 60);

impl Job {
    /// Fetches what is missing.
    pub(super) async fn fetch(&mut self, mut part: Part) -> Result<Part, Setback> {
        let mut session = None;
        let mut sliced = true;
        while self.ticket.size != Some(part.len()) {
            let mut asked = match session.take() {
                Some(session) => session,
                None => self.connect().await?,
            };
            let before = part.len();
            let response = self.ask(&mut asked, self.request(before, sliced)).await?;
            if let Some(offer) = self.consider(&response, asked.framing(), before).await? {
                part = self.receive(&mut asked, part, offer).await?;
                if part.len() == before && offer.total != before {
                    return Err(Setback::Broken("the source sends nothing".to_owned()));
                }
            } else {
                asked.skip_body().await;
            }
            if asked.is_reusable() {
                session = Some(asked);
            } else {
                // Each further slice would cost a connection.
                sliced = false;
            }
        }
        if self.ticket.sha1.is_none() {
            self.ask_again_for_digest(&mut session).await;
        }
        if let Some(session) = session {
            self.shared.hosts.keep_idle(session);
        }
        Ok(part)
    }

    async fn connect(&self) -> Result<Session, Setback> {
        let host = self.ticket.source.addr;
        if let Some(session) = self.shared.hosts.take_idle(host) {
            return Ok(session);
        }
        let session = Session::connect(host).await;
        session.map_err(|error| Setback::of_connection(&error))
    }

    async fn ask(&self, session: &mut Session, request: Request) -> Result<Response, Setback> {
        let response = session.ask(request, &self.shared.agent).await;
        response.map_err(|error| Setback::of_connection(&error))
    }

    /// The request for what is missing behind the first `done` bytes.
    fn request(&self, done: u64, sliced: bool) -> Request {
        let range = if sliced {
            let end = self.ticket.size.map_or(u64::MAX, |size| size - 1);
            format!("bytes={done}-{}", end.min(done + SLICE - 1))
        } else {
            format!("bytes={done}-")
        };
        Request::get(self.path()).with("Range", range)
    }

    /// The file's path at the source: by digest where possible.
    fn path(&self) -> String {
        match (&self.ticket.source.get, self.ticket.sha1) {
            (Some((index, name)), _) if self.by_index => {
                format!("/get/{index}/{}", utf8_percent_encode(name, IN_PATH))
            }
            (_, Some(sha1)) => format!("/uri-res/N2R?urn:sha1:{sha1}"),
            _ => "/".to_owned(),
        }
    }
    /// What an answer brings: bytes, or none but the knowledge of how to go on.
    async fn consider(
        &mut self,
        response: &Response,
        framing: &Framing,
        done: u64,
    ) -> Result<Option<Offer>, Setback> {
        match response.status {
            Status::OK | Status::PARTIAL => {
                let offer = self.judge(response, framing, done)?;
                self.learn(offer.total, digest_of(response)).await?;
                Ok(Some(offer))
            }
            // The file is empty, or ends just where we are.
            Status::RANGE_NOT_SATISFIABLE if size_of(response) == Some(done) => {
                self.learn(done, digest_of(response)).await?;
                Ok(None)
            }
            Status::BUSY | Status(429) => {
                let wait = response.headers.get("Retry-After");
                let wait = wait
                    .and_then(|seconds| seconds.parse().ok())
                    .unwrap_or(BUSY_WAIT.0);
                let wait = Duration::from_secs(wait.clamp(1, BUSY_WAIT.1));
                Err(Setback::Busy(
                    wait,
                    format!("the source is busy: {response}"),
                ))
            }
            Status(500 | 502 | 504) => {
                Err(Setback::Broken(format!("the source failed: {response}")))
            }
            // Servents older than URNs know the file by its index only.
            _ if !self.by_index && self.ticket.source.get.is_some() => {
                self.by_index = true;
                Ok(None)
            }
            _ => Err(Setback::Final(
                Fault::Source,
                format!("the source refused: {response}"),
            )),
        }
    }

    /// Holds what is offered against what is wanted.
    fn judge(&self, response: &Response, framing: &Framing, done: u64) -> Result<Offer, Setback> {
        let broken = |what: &str| Err(Setback::Broken(what.to_owned()));
        let wrong = |what: String| Err(Setback::Final(Fault::Source, what));
        let length = match framing {
            Framing::Length(length) => Some(*length),
            Framing::Chunked(_) | Framing::UntilClose => None,
        };
        if response
            .headers
            .get("Content-Encoding")
            .is_some_and(|coding| coding != "identity")
        {
            return wrong("the source sends it in an encoding nobody asked for".to_owned());
        }
        let (start, end, total) = if response.status == Status::PARTIAL {
            let said = response
                .headers
                .get("Content-Range")
                .and_then(ContentRange::parse);
            let Some(ContentRange { range, total }) = said else {
                return broken("the source does not say which bytes it sends");
            };
            if length.is_some_and(|length| length != range.len()) {
                return broken("the source contradicts itself");
            }
            (range.start, Some(range.end), total)
        } else {
            (0, length, length)
        };
        let Some(total) = total.or(self.ticket.size) else {
            return wrong("nobody tells the size of the file".to_owned());
        };
        if let Some(size) = self.ticket.size.filter(|&size| size != total) {
            return wrong(format!("the source has {total} bytes instead of {size}"));
        }
        if let (Some(wanted), Some(told)) = (self.ticket.sha1, digest_of(response))
            && wanted != told
        {
            return wrong(format!("the source has another file: urn:sha1:{told}"));
        }
        if start > done || end.is_some_and(|end| end <= done && total != done) {
            return broken("the source sends other bytes than those asked for");
        }
        let skip = done - start;
        Ok(Offer { skip, total })
    }

    /// Takes in the bytes of an answer. While some are written, the next ones are gathered.
    async fn receive(
        &mut self,
        session: &mut Session,
        part: Part,
        offer: Offer,
    ) -> Result<Part, Setback> {
        let Offer { mut skip, total } = offer;
        let mut gathered = BytesMut::new();
        let mut written = append(part, BytesMut::new());
        loop {
            let more = gather(session, &mut gathered).await;
            let (part, empty) = written.await?;
            let skipped = skip.min(gathered.len() as u64);
            gathered.advance(usize::try_from(skipped).expect("it is at most what was gathered"));
            skip -= skipped;
            if gathered.len() as u64 > total - part.len() {
                return Err(Setback::Broken(
                    "the source sends more than the file has".to_owned(),
                ));
            }
            self.progress(part.len());
            written = append(part, std::mem::replace(&mut gathered, empty));
            if !matches!(more, Ok(true)) {
                let (part, _) = written.await?;
                self.progress(part.len());
                return match more {
                    Ok(_) => Ok(part),
                    Err(error) => Err(Setback::of_connection(&error)),
                };
            }
        }
    }

    /// Asks once more for the digest nobody told: the source may have hashed the file while it sent it.
    async fn ask_again_for_digest(&mut self, session: &mut Option<Session>) {
        let Some(mut asked) = session.take() else {
            return;
        };
        let request = Request {
            method: Method::Head,
            ..Request::get(self.path())
        };
        if let Ok(response) = self.ask(&mut asked, request).await {
            if response.status == Status::OK {
                self.ticket.sha1 = digest_of(&response);
            }
            *session = Some(asked);
        }
    }
}

/// What the body of an answer is good for.
#[derive(Clone, Copy, Debug)]
struct Offer {
    /// How many of its first bytes we have already.
    skip: u64,
    /// The size of the whole file.
    total: u64,
}

/// The digest a response tells.
fn digest_of(response: &Response) -> Option<Sha1> {
    let headers = &response.headers;
    headers
        .all(CONTENT_URN)
        .chain(headers.all("X-Content-URN"))
        .flat_map(|value| value.split(','))
        .find_map(|urn| urn.trim().parse().ok())
        .map(|urn: Urn| urn.sha1())
}

/// The size of the file that a refused range tells.
fn size_of(response: &Response) -> Option<u64> {
    response
        .headers
        .get("Content-Range")
        .and_then(ContentRange::parse_unsatisfied)
}

/// Reads the next bytes of a body: until there are enough, or none for a while. Whether there are more.
async fn gather(session: &mut Session, gathered: &mut BytesMut) -> io::Result<bool> {
    gathered.reserve(BUFFER);
    if session.body(gathered, BUFFER).await? == 0 {
        return Ok(false);
    }
    let deadline = Instant::now() + GATHER_LIMIT;
    while gathered.len() < BUFFER {
        let room = BUFFER - gathered.len();
        match timeout_at(deadline, session.body(gathered, room)).await {
            Ok(Ok(0)) => return Ok(false),
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(error),
            Err(_) => break,
        }
    }
    Ok(true)
}

/// Begins to write bytes to the part; gives it back, and the buffer empty, when done.
fn append(
    mut part: Part,
    mut bytes: BytesMut,
) -> impl Future<Output = Result<(Part, BytesMut), Setback>> {
    on_disk(move || {
        part.append(&bytes)?;
        bytes.clear();
        Ok((part, bytes))
    })
}
