//! One question to one source, from waiting for a turn to the last byte of the answer.
//!
//! The one rule: what it wrote it tells, even when it is cut meanwhile; so nobody thinks that bytes are missing which are
//! here.

use std::io;
use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::answer::{Facts, Setback, digest_of};
use super::hosts::Rank;
use super::part::Part;
use super::status::Source;
use crate::swarm::{ByteRange, Failure, SourceId, UNWRITTEN};
use crate::thex::Tree;
use crate::transfer::http::{Method, Request, Status};
use crate::transfer::session::Session;
use crate::wire::{Sha1, TigerRoot};

/// How much is gathered before it is written, while as much is being written.
const BUFFER: usize = UNWRITTEN as usize / 2;

/// How long it is gathered at most: a slow download is to be seen growing, too.
const GATHER_LIMIT: Duration = Duration::from_secs(1);

/// A source whose bytes are read in pieces smaller than this is slower than we are: the socket is empty each time.
const PACED: u64 = 16 * 1024;

/// The largest answer that is read as a hash tree; gtk-gnutella refuses more than 260 KiB.
const LARGEST_TREE: usize = 1024 * 1024;

/// How long it may take to come: it is waited for before anything else.
const TREE_LIMIT: Duration = Duration::from_secs(120);

/// A question to a source.
pub(super) struct Errand {
    pub(super) shared: Arc<Shared>,
    pub(super) part: Arc<Part>,
    pub(super) news: mpsc::UnboundedSender<News>,
    pub(super) source: SourceId,
    pub(super) number: u64,
    pub(super) rank: Rank,
    pub(super) place: Source,
    pub(super) by_index: bool,
    pub(super) range: ByteRange,
    pub(super) size: Option<u64>,
    pub(super) sha1: Option<Sha1>,
    /// A connection that was kept for this source alone.
    pub(super) session: Option<Session>,
    /// The name of our place in its queue.
    pub(super) queued: Option<String>,
    /// The hash tree is to be fetched first, from this path and with this root.
    pub(super) tree: Option<(String, TigerRoot)>,
    /// Whom to name to it: who has the file, and who has not.
    pub(super) good: Vec<Source>,
    pub(super) bad: Vec<SocketAddrV4>,
    /// Whether we have something of the file for others, and may name ourselves.
    pub(super) offers: bool,
    pub(super) cut: CancellationToken,
}

/// What an errand has to tell.
#[derive(Debug)]
pub(super) struct News {
    pub(super) source: SourceId,
    pub(super) number: u64,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    /// What the head of the answer says.
    Told(Facts),
    /// These bytes will come.
    Sending(ByteRange),
    /// They came slower than we read, or not.
    Paced(bool),
    /// These came, and were not here before.
    Arrived(ByteRange),
    /// The hash tree came, or did not.
    Tree(Option<Tree>),
    /// The errand is over.
    Over(Outcome),
}

/// How an errand ended.
#[derive(Debug)]
pub(super) enum Outcome {
    /// All that was promised came.
    Done(Option<Session>),
    /// Nothing came, or not all.
    Setback(Setback, Option<Session>),
    /// Our own disk failed.
    Disk(io::Error),
    /// It was cut.
    Cut,
}

/// Why the way of an errand ended early.
enum Trouble {
    Setback(Setback),
    Disk(io::Error),
    Cut,
}

impl From<Setback> for Trouble {
    fn from(setback: Setback) -> Self {
        Self::Setback(setback)
    }
}

impl Errand {
    /// Does it.
    pub(super) async fn run(mut self) {
        let turn = tokio::select! {
            turn = self.shared.hosts.turn(self.place.addr, self.rank) => turn,
            () = self.cut.cancelled() => return self.tell(What::Over(Outcome::Cut)),
        };
        let mut session = None;
        let outcome = match self.fetch(&mut session).await {
            Ok(()) => Outcome::Done(session),
            Err(Trouble::Setback(setback)) => Outcome::Setback(setback, session),
            Err(Trouble::Disk(error)) => Outcome::Disk(error),
            Err(Trouble::Cut) => Outcome::Cut,
        };
        drop(turn);
        self.tell(What::Over(outcome));
    }

    async fn fetch(&mut self, kept: &mut Option<Session>) -> Result<(), Trouble> {
        let cut = self.cut.clone();
        let connecting = cut.run_until_cancelled(self.connect());
        let mut session = connecting.await.ok_or(Trouble::Cut)??;
        if let Some((path, root)) = self.tree.take() {
            let tree = timeout(TREE_LIMIT, self.fetch_tree(&mut session, path, root));
            let tree = cut.run_until_cancelled(tree).await.ok_or(Trouble::Cut)?;
            self.tell(What::Tree(tree.ok().flatten()));
            if !session.is_reusable() {
                let connecting = cut.run_until_cancelled(self.connect());
                session = connecting.await.ok_or(Trouble::Cut)??;
            }
        }
        let request = self.request(session.local());
        let asking = cut.run_until_cancelled(session.ask(request, &self.shared.agent));
        let response = asking
            .await
            .ok_or(Trouble::Cut)?
            .map_err(|error| of_connection(&error))?;
        let facts = Facts::of(&response, session.framing(), self.size);
        let judged = self.judge(&response, session.framing(), &facts);
        self.size = self.size.or(facts.size);
        self.sha1 = self.sha1.or(facts.sha1);
        if !matches!(&judged, Err(setback) if setback.how == Failure::Refused) {
            self.tell(What::Told(facts));
        }
        let received = match judged {
            Ok(range) => {
                self.tell(What::Sending(range));
                let received = self.receive(&mut session, range).await;
                if received.is_ok() && self.size == Some(range.end) {
                    let _ = cut.run_until_cancelled(self.ask_again(&mut session)).await;
                }
                received
            }
            Err(setback) => {
                let _ = cut.run_until_cancelled(session.skip_body()).await;
                Err(setback.into())
            }
        };
        *kept = session.is_reusable().then_some(session);
        received
    }

    /// Asks once more for the digest nobody told: the source may have hashed the file while it sent it.
    async fn ask_again(&self, session: &mut Session) {
        if self.sha1.is_some() || !session.is_reusable() {
            return;
        }
        let request = Request {
            method: Method::Head,
            ..Request::get(self.path())
        };
        if let Ok(response) = session.ask(request, &self.shared.agent).await
            && response.status == Status::OK
        {
            let sha1 = digest_of(&response);
            self.tell(What::Told(Facts {
                sha1,
                ..Facts::default()
            }));
        }
    }

    async fn connect(&mut self) -> Result<Session, Setback> {
        let direct = self.shared.came_late(&self.place);
        let direct = direct.map(|session| session.through(&self.shared.limit));
        let kept = direct.or_else(|| self.session.take());
        let kept = kept.filter(Session::is_reusable);
        // What stands behind a wall may have the same address as what stands behind another.
        let idle = || match self.place.push {
            Some(_) => None,
            None => self.shared.hosts.take_idle(self.place.addr),
        };
        if let Some(session) = kept.or_else(idle) {
            return Ok(session);
        }
        let session = self.shared.visit(&self.place).await;
        session
            .map(|session| session.through(&self.shared.limit))
            .map_err(|error| of_connection(&error))
    }

    /// The hash tree; none when it is not to be had there.
    async fn fetch_tree(
        &self,
        session: &mut Session,
        path: String,
        root: TigerRoot,
    ) -> Option<Tree> {
        let request = Request::get(path).with("Accept", Tree::MEDIA_TYPE);
        let response = session.ask(request, &self.shared.agent).await.ok()?;
        let mut body = BytesMut::new();
        if response.status != Status::OK {
            session.skip_body().await;
            return None;
        }
        while !session.framing().is_done() && body.len() < LARGEST_TREE {
            let room = LARGEST_TREE - body.len();
            if session.body(&mut body, room).await.ok()? == 0 {
                break;
            }
        }
        let tree = Tree::decode(&body, self.size?, root);
        tree.inspect_err(|error| tracing::debug!(host = %self.place.addr, %error, "no hash tree"))
            .ok()
    }

    /// Takes in the bytes of an answer. While some are written, the next ones are gathered.
    async fn receive(&self, session: &mut Session, range: ByteRange) -> Result<(), Trouble> {
        let (mut gathered, mut at, mut reads) = (BytesMut::new(), range.start, 0);
        let mut writing: Option<JoinHandle<io::Result<BytesMut>>> = None;
        loop {
            let more = self
                .cut
                .run_until_cancelled(gather(session, &mut gathered, &mut reads))
                .await;
            let empty = match writing.take() {
                Some(writing) => written(writing).await?,
                None => BytesMut::new(),
            };
            if gathered.len() as u64 > range.end - at {
                let why = "the source sends more than the file has";
                return Err(Setback::new(Failure::Broken, why).into());
            }
            let bytes = std::mem::replace(&mut gathered, empty);
            let begin = at;
            at += bytes.len() as u64;
            let last = self.write(begin, bytes);
            match more {
                Some(Ok(true)) => writing = Some(last),
                more => {
                    let paced = (at - range.start) < u64::from(reads) * PACED;
                    self.tell(What::Paced(paced));
                    written(last).await?;
                    return match more {
                        None => Err(Trouble::Cut),
                        Some(Err(error)) => Err(of_connection(&error).into()),
                        Some(Ok(_)) if at == range.start && !range.is_empty() => {
                            Err(Setback::new(Failure::Broken, "the source sends nothing").into())
                        }
                        Some(Ok(_)) => Ok(()),
                    };
                }
            }
        }
    }

    /// Begins to write bytes; gives the buffer back, empty.
    fn write(&self, at: u64, mut bytes: BytesMut) -> JoinHandle<io::Result<BytesMut>> {
        let (part, news) = (Arc::clone(&self.part), self.news.clone());
        let (source, number) = (self.source, self.number);
        tokio::task::spawn_blocking(move || {
            for range in part.write(at, &bytes)? {
                let what = What::Arrived(range);
                // Who does not listen any more does not need to know.
                let _ = news.send(News {
                    source,
                    number,
                    what,
                });
            }
            bytes.clear();
            Ok(bytes)
        })
    }

    fn tell(&self, what: What) {
        let (source, number) = (self.source, self.number);
        let _ = self.news.send(News {
            source,
            number,
            what,
        });
    }
}

async fn written(writing: JoinHandle<io::Result<BytesMut>>) -> Result<BytesMut, Trouble> {
    match writing.await {
        Ok(done) => done.map_err(Trouble::Disk),
        // The runtime is being shut down.
        Err(_) => Err(Trouble::Cut),
    }
}

/// What a failure of the connection means.
fn of_connection(error: &io::Error) -> Setback {
    let why = match error.kind() {
        io::ErrorKind::TimedOut => "the source does not answer".to_owned(),
        io::ErrorKind::UnexpectedEof => "the source broke off".to_owned(),
        _ => format!("the connection failed: {error}"),
    };
    Setback::new(Failure::Broken, why)
}

/// Reads the next bytes of a body: until there are enough, or none for a while. Whether there are more.
async fn gather(
    session: &mut Session,
    gathered: &mut BytesMut,
    reads: &mut u32,
) -> io::Result<bool> {
    gathered.reserve(BUFFER);
    if session.body(gathered, BUFFER).await? == 0 {
        return Ok(false);
    }
    *reads += 1;
    let deadline = Instant::now() + GATHER_LIMIT;
    while gathered.len() < BUFFER {
        let room = BUFFER - gathered.len();
        match timeout_at(deadline, session.body(gathered, room)).await {
            Ok(Ok(0)) => return Ok(false),
            Ok(Ok(_)) => *reads += 1,
            Ok(Err(error)) => return Err(error),
            Err(_) => break,
        }
    }
    Ok(true)
}
