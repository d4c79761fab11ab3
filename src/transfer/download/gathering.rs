//! One attempt at a download: the driver of its swarm.
//!
//! The one rule: nothing is decided here. What happens is handed to the swarm, and what the swarm says is done.

use std::io;
use std::net::SocketAddrV4;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::Order;
use super::contact::Contact;
use super::errand::{Errand, News, Outcome, What};
use super::job::{End, Job, of_disk, on_disk};
use super::part::Part;
use super::rate::Rate;
use super::status::{DownloadState, Fault, Source};
use crate::rng::Rng;
use crate::swarm::{ByteRange, Crime, Effect, Failure, Input, SourceId, Standing, Swarm};
use crate::thex::Tree;
use crate::time::Time;
use crate::wire::{Sha1, TigerRoot};

/// How much of the file's start may lie there undigested before that is done, while more comes.
const FOLLOW_BEHIND: u64 = 4 * 1024 * 1024;

/// Blocks held against the tree at once: as many as a small machine has cores.
const JUDGES: usize = 2;

/// How many sources are kept in a ticket, and how many are named to another source.
const SAVED_SOURCES: usize = 50;
const NAMED: usize = 10;

/// Who told the root of a tree that was kept, if he is no source any more.
const STRANGER: SourceId = SourceId(u32::MAX);

/// What is done beside asking.
enum Chore {
    Judged(ByteRange, io::Result<bool>),
    Followed(io::Result<()>),
    Checked(io::Result<Sha1>),
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
    errands: JoinSet<()>,
    chores: JoinSet<Chore>,
    to_judge: Vec<ByteRange>,
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
            errands: JoinSet::new(),
            chores: JoinSet::new(),
            to_judge: Vec::new(),
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
        for number in 0..self.job.contacts.len() {
            let id = SourceId(u32::try_from(number).unwrap_or(u32::MAX));
            self.swarm.handle(self.now(), Input::Found(id), &mut out);
        }
        self.swarm.handle(self.now(), Input::Tick, &mut out);
        self.perform(out).await?;
        let stopping = self.job.shared.stopping.clone();
        let mut tick = self.now();
        while !self.swarm.is_complete() {
            if self.swarm.is_stranded() {
                return Err(self.stranded());
            }
            self.show();
            let due = self.began + self.swarm.deadline(tick).since(Time::ZERO);
            tokio::select! {
                Some(news) = self.news.recv() => self.hear(news).await?,
                Some(chore) = self.chores.join_next() => match chore {
                    Ok(chore) => self.finish(chore).await?,
                    Err(_) => return Err(End::Stopping),
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
            if let Some(session) = contact.session.take() {
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

    async fn take(&mut self, input: Input) -> Result<(), End> {
        let mut out = Vec::new();
        self.swarm.handle(self.now(), input, &mut out);
        self.perform(out).await
    }

    async fn perform(&mut self, effects: Vec<Effect>) -> Result<(), End> {
        for effect in effects {
            match effect {
                Effect::Ask { source, range } => self.ask(source, range),
                Effect::Cut(source) => {
                    if let Some(contact) = self.contact(source) {
                        contact.cut();
                    }
                }
                Effect::Judge(range) => {
                    self.to_judge.push(range);
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

    fn ask(&mut self, source: SourceId, range: ByteRange) {
        self.next_number += 1;
        let number = self.next_number;
        let tree = self.tree_to_fetch(source);
        let (good, bad) = self.alternates(source);
        let job = &mut *self.job;
        let Some(contact) = job.contacts.get_mut(source.0 as usize) else {
            return;
        };
        let cut = CancellationToken::new();
        contact.errand = Some((number, cut.clone()));
        contact.told.extend(good.iter().chain(&bad));
        let errand = Errand {
            shared: Arc::clone(&job.shared),
            part: Arc::clone(&self.part),
            news: self.tell.clone(),
            source,
            number,
            rank: (job.ticket.priority, job.id),
            place: contact.source.clone(),
            by_index: contact.by_index,
            range,
            size: job.ticket.size,
            sha1: job.ticket.sha1,
            session: contact.session.take(),
            queued: contact.queued.take(),
            tree,
            good,
            bad,
            cut,
        };
        self.errands.spawn(errand.run());
    }

    /// The path and root of the tree to fetch from a source before anything else.
    fn tree_to_fetch(&mut self, source: SourceId) -> Option<(String, TigerRoot)> {
        let wanted = self.tree.is_none() && self.fetching_tree.is_none();
        self.job.ticket.size.filter(|_| wanted)?;
        let contact = self.job.contacts.get_mut(source.0 as usize)?;
        let tree = contact
            .tree
            .take()
            .filter(|(_, root)| !self.job.false_roots.contains(root))?;
        self.fetching_tree = Some(source);
        Some(tree)
    }

    /// Whom to name to a source, and whom to warn it of: only what we have proof of, and each only once.
    fn alternates(&self, source: SourceId) -> (Vec<SocketAddrV4>, Vec<SocketAddrV4>) {
        let contacts = &self.job.contacts;
        let Some(told) = contacts.get(source.0 as usize).map(|contact| &contact.told) else {
            return Default::default();
        };
        let named = |gone: bool| {
            let sources = self.swarm.sources();
            let of_kind = sources.filter(|(id, known)| {
                let is_gone = known.standing == Standing::Gone;
                *id != source
                    && if gone {
                        is_gone
                    } else {
                        !is_gone && self.swarm.is_proven(*id)
                    }
            });
            let contacts = of_kind.filter_map(|(id, _)| contacts.get(id.0 as usize));
            contacts
                .filter(|contact| contact.source.push.is_none())
                .map(|contact| contact.source.addr)
                .filter(|addr| !told.contains(addr))
                .take(NAMED)
                .collect()
        };
        (named(false), named(true))
    }

    async fn hear(&mut self, news: News) -> Result<(), End> {
        let News {
            source,
            number,
            what,
        } = news;
        // What was written is here, whoever asked for it.
        if let What::Arrived(range) = what {
            return self.take(Input::Arrived { source, range }).await;
        }
        let current = self
            .contact(source)
            .and_then(|contact| contact.errand.as_ref());
        if current.is_none_or(|(current, _)| *current != number) {
            return match what {
                What::Over(Outcome::Disk(error)) => Err(of_disk(&error)),
                _ => Ok(()),
            };
        }
        match what {
            What::Arrived(_) => Ok(()),
            What::Told(facts) => {
                if let Some(size) = facts.size {
                    self.learn(Some(size), facts.sha1).await?;
                } else {
                    self.learn(None, facts.sha1).await?;
                }
                if let Some(contact) = self.contact(source) {
                    contact.tree = contact.tree.take().or(facts.tree);
                }
                if let Some(ranges) = facts.has {
                    self.take(Input::Has { source, ranges }).await?;
                }
                for addr in facts.alternates {
                    let teller = self.job.contacts[source.0 as usize].source.addr;
                    if self.job.shared.may_be(addr, teller) {
                        self.add(Source::at(addr)).await?;
                    }
                }
                Ok(())
            }
            What::Sending(range) => self.take(Input::Sending { source, range }).await,
            What::Tree(tree) => {
                self.fetching_tree = None;
                match tree {
                    Some(tree) => self.adopt(tree, Some(source)).await,
                    None => Ok(()),
                }
            }
            What::Over(outcome) => self.over(source, outcome).await,
        }
    }

    async fn over(&mut self, source: SourceId, outcome: Outcome) -> Result<(), End> {
        if self.fetching_tree == Some(source) {
            self.fetching_tree = None;
        }
        let hosts = self.job.shared.hosts.clone();
        let Some(contact) = self.contact(source) else {
            return Ok(());
        };
        contact.errand = None;
        contact.place = None;
        match outcome {
            Outcome::Done(session) => {
                contact.keep(session, &hosts);
                self.take(Input::Ended(source)).await
            }
            Outcome::Setback {
                how,
                why,
                place,
                try_index,
                session,
            } => {
                tracing::debug!(host = %contact.source.addr, why, "a source came to nothing");
                if let Some(place) = place {
                    (contact.place, contact.queued) = (place.position, place.id);
                    // The place is the connection's.
                    contact.session = session;
                } else {
                    contact.keep(session, &hosts);
                }
                if try_index && !contact.by_index {
                    contact.by_index = true;
                    return self.take(Input::Ended(source)).await;
                }
                contact.why = Some(why.clone());
                if how == Failure::OtherFile
                    || !self.swarm.sources().any(|(_, s)| s.work().is_some())
                {
                    self.why = Some(why.clone());
                }
                self.why = Some(why);
                self.take(Input::Failed { source, how }).await
            }
            Outcome::Disk(error) => Err(of_disk(&error)),
            Outcome::Cut => self.take(Input::Ended(source)).await,
        }
    }

    async fn finish(&mut self, chore: Chore) -> Result<(), End> {
        match chore {
            Chore::Judged(range, good) => {
                self.judging -= 1;
                self.judge_next();
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
                let found = found.map_err(|error| of_disk(&error))?;
                let good = self.job.ticket.sha1.is_none_or(|wanted| wanted == found);
                if let Some(wanted) = self.job.ticket.sha1.filter(|_| !good) {
                    let what = format!("hash mismatch: {wanted} was promised, {found} came");
                    tracing::warn!(id = self.job.id.0, what, "a file is wrong");
                    self.mismatch = Some(what);
                }
                self.found = Some(found);
                self.take(Input::Checked { good }).await
            }
        }
    }

    async fn obey(&mut self, order: Option<Order>) -> Result<(), End> {
        match order {
            None | Some(Order::Cancel) => Err(End::Cancelled),
            Some(Order::Add(source)) => self.add(source).await,
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

    async fn add(&mut self, source: Source) -> Result<(), End> {
        // Without a digest nobody knows whether it is the same file.
        if self.job.ticket.sha1.is_none() && !self.job.contacts.is_empty() {
            return Ok(());
        }
        let Some(id) = self.job.add(source) else {
            return Ok(());
        };
        self.take(Input::Found(id)).await?;
        self.save().await
    }

    /// Notes what was learnt of the file.
    async fn learn(&mut self, size: Option<u64>, sha1: Option<Sha1>) -> Result<(), End> {
        let ticket = &mut self.job.ticket;
        let learnt = (ticket.size.or(size), ticket.sha1.or(sha1));
        if learnt != (ticket.size, ticket.sha1) {
            (ticket.size, ticket.sha1) = learnt;
            self.job.tell(|status| (status.size, status.sha1) = learnt);
            self.save().await?;
        }
        match learnt.0 {
            Some(size) if self.swarm.size().is_none() => self.take(Input::Size(size)).await,
            _ => Ok(()),
        }
    }

    /// Uses a hash tree from now on.
    async fn adopt(&mut self, tree: Tree, teller: Option<SourceId>) -> Result<(), End> {
        let tree = Arc::new(tree);
        let of = |id: SourceId| {
            self.job
                .contacts
                .get(id.0 as usize)
                .map(|of| of.source.addr)
        };
        let addr = teller.and_then(of);
        self.job.ticket.root = Some(tree.root());
        self.job.ticket.teller = addr.or(self.job.ticket.teller);
        let (shared, id, kept) = (Arc::clone(&self.job.shared), self.job.id, Arc::clone(&tree));
        on_disk(move || shared.store.save_tree(id, &kept)).await?;
        self.save().await?;
        if let Some(sha1) = self.job.ticket.sha1 {
            let (part, tree) = (Arc::clone(&self.part), Arc::clone(&tree));
            self.job
                .partial
                .open(sha1, self.job.ticket.name.clone(), part, tree);
        }
        self.job.tell(|status| status.tree = true);
        let block = tree.block();
        self.tree = Some(tree);
        self.take_boxed(Input::Tree { block, teller }).await
    }

    /// As [`Self::take`], where that would be a future within itself.
    fn take_boxed(
        &mut self,
        input: Input,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<(), End>> + Send + '_>> {
        Box::pin(self.take(input))
    }

    async fn drop_tree(&mut self) -> Result<(), End> {
        self.tree = None;
        self.to_judge.clear();
        self.job.partial.close();
        self.job.tell(|status| status.tree = false);
        self.job.false_roots.extend(self.job.ticket.root.take());
        self.job.ticket.teller = None;
        self.save().await
    }

    fn ban(&mut self, source: SourceId, crime: Crime) {
        let Some(contact) = self.contact(source) else {
            return;
        };
        let why = match crime {
            Crime::FalseBytes => "it sent wrong bytes",
            Crime::FalseTree => "it told a false hash tree",
            Crime::OtherFile => "it has another file",
        };
        contact.banned = true;
        let host = contact.source.addr;
        tracing::warn!(%host, why, "a source is not asked any more");
        if crime != Crime::OtherFile {
            self.why = Some(format!("{host} is not asked any more: {why}"));
        }
        self.job.tell(|status| status.liars.push(host));
    }

    fn pardon(&mut self, source: SourceId) {
        if let Some(contact) = self.contact(source) {
            contact.banned = false;
            let host = contact.source.addr;
            self.job
                .tell(|status| status.liars.retain(|liar| *liar != host));
        }
    }

    fn judge_next(&mut self) {
        while self.judging < JUDGES {
            let (Some(tree), Some(range)) = (&self.tree, self.to_judge.pop()) else {
                return;
            };
            let (part, tree) = (Arc::clone(&self.part), Arc::clone(tree));
            self.judging += 1;
            let judge = move || Chore::Judged(range, part.holds(&tree, range));
            self.chores.spawn_blocking(judge);
        }
    }

    /// Holds the whole file against its digest.
    fn check(&mut self) {
        self.job.tell(|status| {
            status.state = DownloadState::Verifying;
            (status.why, status.rate) = (None, 0);
        });
        let (part, size) = (Arc::clone(&self.part), self.swarm.size().unwrap_or(0));
        let check = move || Chore::Checked(part.finish(size));
        self.chores.spawn_blocking(check);
    }

    /// Digests what has come since, if it is worth it.
    fn follow(&mut self) {
        let settled = self.swarm.settled();
        if !self.following && settled >= self.part.followed() + FOLLOW_BEHIND {
            self.following = true;
            let part = Arc::clone(&self.part);
            let follow = move || Chore::Followed(part.follow(settled));
            self.chores.spawn_blocking(follow);
        }
    }

    /// Tells how far it is.
    fn show(&mut self) {
        self.follow();
        let done = self.swarm.here().total();
        let rate = self.rate.note(done);
        let (mut active, mut known, mut why) = (0, 0, None);
        let mut place = None;
        for (id, source) in self.swarm.sources() {
            let contact = self.job.contacts.get(id.0 as usize);
            known += usize::from(source.standing != Standing::Gone);
            active += usize::from(source.work().is_some() && source.brought > 0);
            place = place
                .into_iter()
                .chain(contact.and_then(|contact| contact.place))
                .min();
            if matches!(source.standing, Standing::Resting(_) | Standing::Queued(_)) {
                why = why.or_else(|| contact?.why.clone());
            }
        }
        let working = self
            .swarm
            .sources()
            .any(|(_, source)| source.work().is_some());
        let state = match () {
            () if self.job.ticket.paused => DownloadState::Paused,
            () if self.swarm.size().is_some_and(|size| size == done) => DownloadState::Verifying,
            () if active > 0 => DownloadState::Running,
            () => DownloadState::Waiting,
        };
        let why = why.filter(|_| state == DownloadState::Waiting && !working);
        let (wasted, priority) = (self.swarm.wasted(), self.job.ticket.priority);
        self.job.tell(|status| {
            (status.done, status.rate, status.active) = (done, rate, active);
            (status.sources, status.place, status.wasted) = (known, place, wasted);
            (status.state, status.why) = (state, why);
            status.priority = priority;
        });
    }

    /// Writes the ticket: what was learnt, and the sources that were not given up.
    async fn save(&mut self) -> Result<(), End> {
        let good = |contact: &&Contact| !contact.banned;
        let sources = self.job.contacts.iter().filter(good).take(SAVED_SOURCES);
        self.job.ticket.sources = sources.map(|contact| contact.source.clone()).collect();
        let (shared, id) = (Arc::clone(&self.job.shared), self.job.id);
        let ticket = self.job.ticket.clone();
        on_disk(move || shared.store.save(id, &ticket)).await
    }

    fn contact(&mut self, id: SourceId) -> Option<&mut Contact> {
        self.job.contacts.get_mut(id.0 as usize)
    }

    fn now(&self) -> Time {
        Time::ZERO + self.began.elapsed()
    }
}
