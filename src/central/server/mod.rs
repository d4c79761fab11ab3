//! The driver on tokio: one task owns the [`Index`], one each link.
//!
//! The one rule: the index never waits for a client. What it says goes into the queue of a link, and who lets that
//! fill up loses the link. While a link writes it does not read, so a client that asks and never listens only stops
//! itself.

mod link;
mod queue;
mod shared;
#[cfg(not(feature = "postgres"))]
#[path = "no_store.rs"]
mod store;
#[cfg(feature = "postgres")]
mod store;

pub use shared::{NoStore, Standing};
pub use store::Store;

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::frame::Frame;
use super::index::{Effect, Index, Input, Limits, Link, Load, QuestionId};
use crate::rng::Rng;
use crate::time::Time;
use queue::Queue;
use shared::{News, Orders};

/// Frames that may wait for the index. Senders stand in a fair line, so whoever sends ten thousand a second waits behind
/// everybody else after each; with more room its frames would fill it. With room for 16, others waited five times as long
/// for their answers while somebody searched without reading, with room for 2 twice as long, and 7 % fewer were given.
const INBOX: usize = 2;

/// How long to leave the port alone when the system has no socket left for us.
const OUT_OF_SOCKETS: Duration = Duration::from_millis(100);

/// How long whoever sent what is no frame is neither heard nor hung up on, and counts under the limit of its address: else it
/// would be back at once, again and again.
const PENANCE: Duration = Duration::from_millis(250);

/// Links that are not logged in may be so many more than [`Limits::users`].
const STRANGERS: usize = 1000;

/// How long the figures may be old.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// A running index.
#[derive(Debug)]
pub struct Server {
    listen: SocketAddrV4,
    inbox: mpsc::Sender<Report>,
    figures: watch::Receiver<Figures>,
    store: watch::Receiver<Standing>,
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
    /// The size of these, in bytes.
    pub bytes: u64,
    /// Searches answered.
    pub searches: u64,
    /// Links cut because their clients did not read, or sent what is no frame.
    pub cut: u64,
    /// What it read and wrote.
    pub load: Load,
}

/// What reaches the task of the index.
#[derive(Debug)]
enum Report {
    Opened(Link, Ipv4Addr, Arc<Queue>),
    Received(Link, Frame),
    Closed(Link),
    Count(oneshot::Sender<Figures>),
    #[cfg_attr(
        not(feature = "postgres"),
        expect(dead_code, reason = "without a store nobody tells")
    )]
    Store(News),
}

impl Server {
    /// Listens, and keeps everything to itself.
    ///
    /// # Errors
    /// The address is not free.
    pub async fn start(listen: SocketAddrV4, limits: Limits) -> io::Result<Self> {
        Self::start_with(listen, limits, None).await
    }

    /// Listens, and shares with all other indexes on `store`: what is registered at one is found at all. While the store is
    /// away each knows its own users only.
    ///
    /// # Errors
    /// The address is not free.
    pub async fn share(listen: SocketAddrV4, limits: Limits, store: Store) -> io::Result<Self> {
        Self::start_with(listen, limits, Some(store)).await
    }

    async fn start_with(
        listen: SocketAddrV4,
        limits: Limits,
        store: Option<Store>,
    ) -> io::Result<Self> {
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
            orders: None,
            writes: false,
        };
        let stopped = stop.clone();
        let counting = inbox.clone();
        let (tell_standing, standing) = watch::channel(Standing::Looking);
        let mut sharing = JoinSet::new();
        if let Some(store) = store {
            let (inbox, figures, stop) = (inbox.clone(), figures.clone(), stop.clone());
            sharing.spawn(store::run(store, inbox, figures, tell_standing, stop));
        }
        let task = tokio::spawn(async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                () = accept(listener, inbox, most) => {}
                () = driver.run(reports) => {}
            }
            // The store is told that we leave.
            stopped.cancel();
            sharing.join_all().await;
        });
        Ok(Self {
            listen,
            inbox: counting,
            figures,
            store: standing,
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

    /// How it does now: all that was heard before is counted. None once it has stopped.
    pub async fn count(&self) -> Option<Figures> {
        let (tell, figures) = oneshot::channel();
        self.inbox.send(Report::Count(tell)).await.ok()?;
        figures.await.ok()
    }

    /// How it stands with its store, if it has one, now and later.
    pub fn store(&self) -> watch::Receiver<Standing> {
        self.store.clone()
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

async fn attend(link: Link, mut stream: TcpStream, addr: Ipv4Addr, inbox: mpsc::Sender<Report>) {
    let queue = Arc::new(Queue::default());
    let opened = Report::Opened(link, addr, queue.clone());
    if inbox.send(opened).await.is_err() {
        return;
    }
    if let Err(why) = link::run(link, &mut stream, &queue, &inbox).await {
        tracing::debug!(link = link.0, %addr, %why, "link ended");
        if why.kind() == io::ErrorKind::InvalidData {
            sleep(PENANCE).await;
        }
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
    /// The way to the store, while it is there.
    orders: Option<Orders>,
    /// It is writing a batch.
    writes: bool,
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
                _ = counting.tick() => {
                    self.tell.send_replace(self.figures());
                }
            }
        }
    }

    fn hear(&mut self, report: Report, effects: &mut Vec<Effect>) {
        match report {
            Report::Opened(link, addr, queue) => {
                self.queues.insert(link, queue);
                self.handle(Input::Opened { link, addr }, effects);
            }
            Report::Received(from, frame) => {
                self.handle(Input::Received { from, frame }, effects);
                if let Some(queue) = self.queues.get(&from) {
                    queue.set_known(self.index.is_user(from));
                }
            }
            Report::Closed(link) => {
                self.queues.remove(&link);
                self.handle(Input::Closed { link }, effects);
            }
            Report::Count(tell) => {
                // Who has dropped the receiver does not want to know any more.
                let _ = tell.send(self.figures());
            }
            Report::Store(news) => self.hear_store(news, effects),
        }
        self.write();
    }

    fn hear_store(&mut self, news: News, effects: &mut Vec<Effect>) {
        let input = match news {
            News::Opened(orders) => {
                self.orders = Some(orders);
                self.writes = false;
                Input::StoreOpened
            }
            News::Written(taken) => {
                self.writes = false;
                Input::Taken { links: taken }
            }
            News::Answered(id, answer) => Input::Answered { id, answer },
            News::Forwarded(to, bytes) => Input::Forwarded { to, bytes },
            News::Others(totals) => Input::Others(totals),
            News::Lost => {
                self.orders = None;
                Input::StoreLost
            }
        };
        self.handle(input, effects);
    }

    /// Hands the store what it has to be told next, unless it still writes.
    fn write(&mut self) {
        if let Some(orders) = &self.orders
            && !self.writes
            && let Some(batch) = self.index.take_batch()
        {
            // There is room for one, and when the store is lost all is written again.
            self.writes = orders.batches.try_send(batch).is_ok();
        }
    }

    fn handle(&mut self, input: Input, effects: &mut Vec<Effect>) {
        let now = Time::ZERO + self.began.elapsed();
        self.index.handle(now, input, effects);
        let mut refused = Vec::new();
        for effect in effects.drain(..) {
            refused.extend(self.perform(effect));
        }
        for id in refused {
            self.handle(Input::Answered { id, answer: None }, effects);
        }
    }

    /// Does it; the question that cannot be asked.
    fn perform(&mut self, effect: Effect) -> Option<QuestionId> {
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
            Effect::Ask { id, question } => {
                let orders = self.orders.as_ref();
                let asked = orders.is_some_and(|to| to.questions.try_send((id, question)).is_ok());
                return (!asked).then_some(id);
            }
            Effect::Forward { to, bytes } => {
                if let Some(orders) = &self.orders {
                    // Where too much waits to be sent on, this is lost, as on a line that is cut.
                    let _ = orders.mail.try_send((to, bytes));
                }
            }
        }
        None
    }

    fn figures(&self) -> Figures {
        Figures {
            users: self.index.users(),
            files: self.index.files(),
            bytes: self.index.bytes(),
            searches: self.index.searches(),
            cut: self.cut,
            load: self.index.load(),
        }
    }
}
