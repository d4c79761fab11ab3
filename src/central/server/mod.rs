//! The driver on tokio: one task owns the [`Index`], one each link.
//!
//! The one rule: the index never waits for a client. What it says goes into the queue of a link, and who lets that
//! fill up loses the link. While a link writes it does not read, so a client that asks and never listens only stops
//! itself.

mod link;
mod queue;

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::frame::Frame;
use super::index::{Effect, Index, Input, Limits, Link};
use crate::rng::Rng;
use crate::time::Time;
use queue::Queue;

/// Frames that may wait for the index. Senders stand in a fair line, so whoever sends ten thousand a second waits behind
/// everybody else after each; with more room its frames would fill it.
const INBOX: usize = 16;

/// How long to leave the port alone when the system has no socket left for us.
const OUT_OF_SOCKETS: Duration = Duration::from_millis(100);

/// Links that are not logged in may be so many more than [`Limits::users`].
const STRANGERS: usize = 1000;

/// How long the figures may be old.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// A running index.
#[derive(Debug)]
pub struct Server {
    listen: SocketAddrV4,
    figures: watch::Receiver<Figures>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

/// What an index tells of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Users logged in.
    pub users: usize,
    /// Files they share.
    pub files: usize,
    /// Searches answered.
    pub searches: u64,
    /// Links cut because their clients did not read, or sent what is no frame.
    pub cut: u64,
}

/// What reaches the task of the index.
#[derive(Debug)]
enum Report {
    Opened(Link, Ipv4Addr, Arc<Queue>),
    Received(Link, Frame),
    Closed(Link),
}

impl Server {
    /// Listens.
    ///
    /// # Errors
    /// The address is not free.
    pub async fn start(listen: SocketAddrV4, limits: Limits) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let listen = SocketAddrV4::new(*listen.ip(), listener.local_addr()?.port());
        let (tell, figures) = watch::channel(Figures::default());
        let stop = CancellationToken::new();
        let (inbox, reports) = mpsc::channel(INBOX);
        let most = limits.users + STRANGERS;
        let driver = Driver {
            index: Index::new(limits, Rng::system().next()),
            queues: HashMap::new(),
            began: Instant::now(),
            cut: 0,
            tell,
        };
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                () = accept(listener, inbox, most) => {}
                () = driver.run(reports) => {}
            }
        });
        Ok(Self {
            listen,
            figures,
            stop,
            task,
        })
    }

    /// Where it listens.
    pub const fn listen(&self) -> SocketAddrV4 {
        self.listen
    }

    /// How it does, now and later; at most a second old.
    pub fn figures(&self) -> watch::Receiver<Figures> {
        self.figures.clone()
    }

    /// Closes all links and the port.
    pub async fn stop(self) {
        self.stop.cancel();
        // A panic of the task was told where it happened.
        let _ = self.task.await;
    }
}

/// Accepts for ever. The tasks of the links end with it.
async fn accept(listener: TcpListener, inbox: mpsc::Sender<Report>, most: usize) {
    let mut links = JoinSet::new();
    let mut next = 0;
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, SocketAddr::V4(remote))) if links.len() < most => {
                    next += 1;
                    links.spawn(attend(Link(next), stream, *remote.ip(), inbox.clone()));
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "accept failed");
                    sleep(OUT_OF_SOCKETS).await;
                }
            },
            Some(ended) = links.join_next(), if !links.is_empty() => {
                if let Err(error) = ended && error.is_panic() {
                    tracing::error!(%error, "the task of a link panicked");
                }
            }
        }
    }
}

async fn attend(link: Link, stream: TcpStream, addr: Ipv4Addr, inbox: mpsc::Sender<Report>) {
    let queue = Arc::new(Queue::default());
    let opened = Report::Opened(link, addr, queue.clone());
    if inbox.send(opened).await.is_err() {
        return;
    }
    if let Err(why) = link::run(link, stream, &queue, &inbox).await {
        tracing::debug!(link = link.0, %addr, %why, "link ended");
    }
    // Should the index be gone, so is the link.
    let _ = inbox.send(Report::Closed(link)).await;
}

/// The owner of the index.
#[derive(Debug)]
struct Driver {
    index: Index,
    queues: HashMap<Link, Arc<Queue>>,
    began: Instant,
    cut: u64,
    tell: watch::Sender<Figures>,
}

impl Driver {
    async fn run(mut self, mut reports: mpsc::Receiver<Report>) {
        let mut batch = Vec::with_capacity(INBOX);
        let mut effects: Vec<Effect> = Vec::new();
        let mut counting = tokio::time::interval(COUNT_EVERY);
        loop {
            tokio::select! {
                taken = reports.recv_many(&mut batch, INBOX) => {
                    if taken == 0 {
                        return;
                    }
                    for report in batch.drain(..) {
                        self.hear(report, &mut effects);
                    }
                }
                _ = counting.tick() => self.count(),
            }
        }
    }

    fn hear(&mut self, report: Report, effects: &mut Vec<Effect>) {
        let now = Time::ZERO + self.began.elapsed();
        let (link, input) = match report {
            Report::Opened(link, addr, queue) => {
                self.queues.insert(link, queue);
                (link, Input::Opened { link, addr })
            }
            Report::Received(from, frame) => (from, Input::Received { from, frame }),
            Report::Closed(link) => {
                self.queues.remove(&link);
                (link, Input::Closed { link })
            }
        };
        self.index.handle(now, input, effects);
        for effect in effects.drain(..) {
            match effect {
                Effect::Send { to, bytes } => {
                    if let Some(queue) = self.queues.get(&to)
                        && !queue.push(&bytes)
                    {
                        self.cut += 1;
                    }
                }
                Effect::Close { link } => {
                    if let Some(queue) = self.queues.get(&link) {
                        queue.close();
                    }
                }
            }
        }
        if let Some(queue) = self.queues.get(&link) {
            queue.set_known(self.index.is_user(link));
        }
    }

    fn count(&self) {
        self.tell.send_replace(Figures {
            users: self.index.users(),
            files: self.index.files(),
            searches: self.index.searches(),
            cut: self.cut,
        });
    }
}
