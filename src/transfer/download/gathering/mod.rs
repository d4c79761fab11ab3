//! One attempt at a download: the driver of its swarm.
//!
//! The one rule: nothing is decided here. What happens is handed to the swarm, and what the swarm says is done.

mod asking;
mod checking;
mod telling;

pub(super) use checking::READERS;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::Order;
use super::conclusion::mismatch;
use super::contact::Contact;
use super::errand::News;
use super::job::{End, Job, of_disk, on_disk};
use super::part::Part;
use super::rate::Rate;
use super::status::Fault;
use crate::rng::Rng;
use crate::swarm::{ByteRange, Effect, Input, SourceId, Swarm};
use crate::thex::Tree;
use crate::time::Time;
use crate::wire::{Sha1, TigerRoot};

/// Who told the root of a tree that was kept, if he is no source any more.
const STRANGER: SourceId = SourceId(u32::MAX);

/// What is done beside asking.
enum Chore {
    /// A block was held against the tree of this root.
    Judged(TigerRoot, ByteRange, io::Result<bool>),
    Followed(io::Result<()>),
    Checked(io::Result<(Sha1, Option<TigerRoot>)>),
}

/// An attempt under way.
pub(super) struct Gathering<'a> {
    job: &'a mut Job,
    swarm: Swarm,
    part: Arc<Part>,
    tree: Option<Arc<Tree>>,
    /// The source whose tree is being fetched.
    fetching_tree: Option<SourceId>,
    began: Instant,
    rate: Rate,
    /// Sources for which the swarm has had no place yet.
    waiting: VecDeque<SourceId>,
    errands: JoinSet<()>,
    chores: JoinSet<Result<Chore, JoinError>>,
    to_judge: VecDeque<ByteRange>,
    judging: usize,
    following: bool,
    tell: mpsc::UnboundedSender<News>,
    news: mpsc::UnboundedReceiver<News>,
    next_number: u64,
    /// What was said last of a source that came to nothing.
    why: Option<String>,
    mismatch: Option<String>,
    found: Option<Sha1>,
}

impl<'a> Gathering<'a> {
    pub(super) fn new(job: &'a mut Job, part: Arc<Part>) -> Self {
        let here = part.here();
        let (tell, news) = mpsc::unbounded_channel();
        let rate = Rate::new(here.total());
        let patience = job.shared.timing.patience;
        Self {
            swarm: Swarm::new(patience, job.ticket.size, here, Rng::system()),
            job,
            part,
            tree: None,
            fetching_tree: None,
            began: Instant::now(),
            rate,
            waiting: VecDeque::new(),
            errands: JoinSet::new(),
            chores: JoinSet::new(),
            to_judge: VecDeque::new(),
            judging: 0,
            following: false,
            tell,
            news,
            next_number: 0,
            why: None,
            mismatch: None,
            found: None,
        }
    }

    /// Gathers the file; its digest.
    pub(super) async fn run(&mut self, tree: Option<Tree>) -> Result<Sha1, End> {
        if let Some(tree) = tree {
            let teller = self.job.ticket.teller.map(|addr| {
                let mut contacts = self.job.contacts.iter();
                let known = contacts.position(|contact| contact.source.addr == addr);
                known
                    .and_then(|at| u32::try_from(at).ok())
                    .map_or(STRANGER, SourceId)
            });
            self.adopt(tree, teller).await?;
        }
        let mut out = Vec::new();
        self.swarm
            .pause(self.now(), self.job.ticket.paused, &mut out);
        let known = 0..u32::try_from(self.job.contacts.len()).unwrap_or(u32::MAX);
        self.waiting.extend(known.map(SourceId));
        self.swarm.handle(self.now(), Input::Tick, &mut out);
        self.perform(out).await?;
        let stopping = self.job.shared.stopping.clone();
        let mut tick = self.now();
        while !self.swarm.is_complete() {
            self.admit().await?;
            if self.swarm.is_stranded() {
                return Err(self.stranded());
            }
            self.show();
            let due = self.began + self.swarm.deadline(tick).since(Time::ZERO);
            tokio::select! {
                Some(news) = self.news.recv() => self.hear(news).await?,
                Some(chore) = self.chores.join_next() => match chore {
                    Ok(Ok(chore)) => self.finish(chore).await?,
                    _ => return Err(End::Stopping),
                },
                Some(_) = self.errands.join_next() => {}
                order = self.job.orders.recv() => self.obey(order).await?,
                () = stopping.cancelled() => return Err(End::Stopping),
                () = sleep_until(due) => {
                    tick = self.now();
                    self.take(Input::Tick).await?;
                }
            }
        }
        self.found
            .ok_or_else(|| End::Final(Fault::HashMismatch, "nothing was checked".to_owned()))
    }

    /// Waits for all that still writes: the part must be nobody's when it is opened again.
    pub(super) async fn end(mut self) {
        for contact in &mut self.job.contacts {
            contact.cut();
        }
        while self.errands.join_next().await.is_some() {}
        self.chores.shutdown().await;
        for contact in &mut self.job.contacts {
            if let Some(session) = contact.session.take()
                && contact.source.push.is_none()
            {
                self.job.shared.hosts.keep_idle(session);
            }
        }
    }

    /// Nothing more can be done.
    fn stranded(&mut self) -> End {
        match self.mismatch.take() {
            Some(why) => {
                self.job.status.send_modify(|status| status.done = 0);
                End::Final(Fault::HashMismatch, why)
            }
            None => {
                let why = self.why.take();
                let none = || "no source is known".to_owned();
                End::Final(Fault::Source, why.unwrap_or_else(none))
            }
        }
    }

    /// Hands over sources that wait, as long as there are places.
    async fn admit(&mut self) -> Result<(), End> {
        while !self.waiting.is_empty() && self.swarm.has_place() {
            if let Some(id) = self.waiting.pop_front() {
                self.take(Input::Found(id)).await?;
            }
        }
        Ok(())
    }

    async fn take(&mut self, input: Input) -> Result<(), End> {
        let mut out = Vec::new();
        self.swarm.handle(self.now(), input, &mut out);
        self.perform(out).await
    }

    async fn perform(&mut self, effects: Vec<Effect>) -> Result<(), End> {
        for effect in effects {
            match effect {
                Effect::Ask { source, range } => self.ask(source, range),
                Effect::Cut(source) => self.cut(source),
                Effect::Judge(range) => {
                    self.to_judge.push_back(range);
                    self.judge_next();
                }
                Effect::Forget(range) => {
                    let part = Arc::clone(&self.part);
                    on_disk(move || part.forget(range)).await?;
                    self.job.partial.forget(range);
                }
                Effect::Ban { source, crime } => self.ban(source, crime),
                Effect::Pardon(source) => self.pardon(source),
                Effect::DropTree => self.drop_tree().await?,
                Effect::Check => self.check(),
            }
        }
        Ok(())
    }

    async fn finish(&mut self, chore: Chore) -> Result<(), End> {
        match chore {
            Chore::Judged(root, range, good) => {
                self.judging -= 1;
                self.judge_next();
                // By a tree that fell meanwhile nothing is right or wrong.
                if self.tree.as_ref().is_none_or(|tree| tree.root() != root) {
                    return Ok(());
                }
                let good = good.map_err(|error| of_disk(&error))?;
                if good {
                    self.job.partial.prove(range);
                }
                self.take(Input::Judged { range, good }).await
            }
            Chore::Followed(done) => {
                self.following = false;
                done.map_err(|error| of_disk(&error))
            }
            Chore::Checked(found) => {
                let (found, root) = found.map_err(|error| of_disk(&error))?;
                self.found = Some(found);
                let wrong = mismatch(&self.job.ticket, found, root);
                let good = wrong.is_none();
                if let Some(what) = wrong {
                    tracing::warn!(id = self.job.id.0, what, "a file is wrong");
                    self.mismatch = Some(what);
                }
                self.take(Input::Checked { good }).await
            }
        }
    }

    async fn obey(&mut self, order: Option<Order>) -> Result<(), End> {
        match order {
            None => Err(End::Stopping),
            Some(Order::Cancel) => Err(End::Cancelled),
            Some(Order::Add(source)) => self.welcome(source).await,
            Some(Order::Rank(priority)) => {
                self.job.ticket.priority = priority;
                self.save().await
            }
            Some(Order::Pause(paused)) => {
                self.job.ticket.paused = paused;
                self.save().await?;
                let mut out = Vec::new();
                self.swarm.pause(self.now(), paused, &mut out);
                self.perform(out).await
            }
        }
    }

    fn contact(&mut self, id: SourceId) -> Option<&mut Contact> {
        self.job.contacts.get_mut(id.0 as usize)
    }

    fn now(&self) -> Time {
        Time::ZERO + self.began.elapsed()
    }
}
