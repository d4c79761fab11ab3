//! The random walk: a few walkers go from neighbour to neighbour and ask on their way (Lv and others, "Search and
//! replication in unstructured peer-to-peer networks", 2002, section 5). Its form on the wire stands at [`WalkStep`].
//!
//! The one rule: a walker is at one place at a time. It comes, and is passed on to one neighbour at most, not the one it
//! came from unless there is no other. It ends where something is found, where it has taken its steps, or where the asker,
//! asked every few steps, has enough or does not answer. The ways back that its steps lay are a tree with the asker at the
//! root, however often it crosses itself, so hits and questions come home.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Time;
use crate::wire::{Descriptor, Guid, Header, Kind, Query, VendorMeaning, WalkStep};

use super::routes::Way;
use super::strategy::Walk;
use super::{Effect, Outbox, Overlay, PeerId, Timer};

/// A walker that waits here.
#[derive(Clone, Debug)]
pub(super) struct Walker {
    guid: Guid,
    from: PeerId,
    query: Box<Query>,
    step: WalkStep,
    waits_for: Awaited,
}

impl Walker {
    /// One that has come by, as the query that it is.
    pub(super) fn new(guid: Guid, from: PeerId, query: Query, step: WalkStep) -> Self {
        Self {
            guid,
            from,
            query: Box::new(query),
            step,
            waits_for: Awaited::Library,
        }
    }
}

/// What a walker waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    /// What our library says.
    Library,
    /// What the asker says to the question of this GUID.
    Asker(Guid),
}

/// A walker elsewhere that waits for our answer.
#[derive(Clone, Copy, Debug)]
struct Question {
    guid: Guid,
    from: PeerId,
    query: Guid,
}

/// The walkers that wait here, and the questions that wait for us; the longest first.
#[derive(Debug, Default)]
pub(super) struct Walkers {
    waiting: VecDeque<Walker>,
    questions: VecDeque<Question>,
}

impl Walkers {
    fn park(&mut self, walker: Walker) {
        if self.waiting.len() >= MAX_WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back(walker);
    }

    fn take(&mut self, is_it: impl FnMut(&Walker) -> bool) -> Option<Walker> {
        let at = self.waiting.iter().position(is_it)?;
        self.waiting.remove(at)
    }
}

impl Overlay {
    /// Sends walkers out, evenly over the ultrapeers.
    pub(super) fn send_walkers(
        &mut self,
        now: Time,
        guid: Guid,
        mut query: Query,
        walk: Walk,
        out: &mut impl Outbox,
    ) {
        let mut open: Vec<PeerId> = self.open_to_walkers().collect();
        self.rng.shuffle(&mut open);
        let step = WalkStep {
            taken: 0,
            limit: walk.ttl,
            check: walk.check,
        };
        step.put(&mut query);
        let payload = query.encode();
        for to in open.iter().cycle().take(walk.walkers.into()) {
            if open.is_empty() {
                break;
            }
            let what = Descriptor::new(guid, Kind::Query, 1, payload.clone());
            self.send(now, *to, what, out);
        }
    }

    /// A walker comes by. It asks our library the first time.
    pub(super) fn on_walker(
        &mut self,
        now: Time,
        mut walker: Walker,
        fresh: bool,
        out: &mut impl Outbox,
    ) {
        let Some(step) = walker.step.onward() else {
            self.counts.dropped += 1;
            return;
        };
        walker.step = step;
        if fresh {
            out.push(Effect::Lookup {
                guid: walker.guid,
                query: walker.query.clone(),
            });
            self.walkers.park(walker);
        } else {
            self.walk_on(now, walker, out);
        }
    }

    /// Our library has answered: a walker that asked it stops where something was found.
    pub(super) fn release_walker(
        &mut self,
        now: Time,
        guid: Guid,
        found: bool,
        out: &mut impl Outbox,
    ) {
        let asked = |walker: &Walker| walker.guid == guid && walker.waits_for == Awaited::Library;
        if let Some(walker) = self.walkers.take(asked).filter(|_| !found) {
            self.walk_on(now, walker, out);
        }
    }

    /// On to the next, or first to the asker where that is due.
    fn walk_on(&mut self, now: Time, mut walker: Walker, out: &mut impl Outbox) {
        let step = walker.step;
        if self.is_leaf() || step.taken >= step.limit {
            return;
        }
        if !step.is_due() {
            return self.step(now, &walker, out);
        }
        let way = self.queries.find(now, &walker.guid);
        if let Some(to) = way.and_then(|way| way.to) {
            let question = Guid::random(&mut self.rng);
            self.send_walk(
                now,
                to,
                question,
                &VendorMeaning::WalkCheck(walker.guid),
                out,
            );
            walker.waits_for = Awaited::Asker(question);
            self.walkers.park(walker);
        }
    }

    /// One step to a neighbour drawn at random.
    fn step(&mut self, now: Time, walker: &Walker, out: &mut impl Outbox) {
        let onward: Vec<PeerId> = self
            .open_to_walkers()
            .filter(|peer| *peer != walker.from)
            .collect();
        let to = self.rng.pick(&onward).copied().unwrap_or(walker.from);
        let mut query = walker.query.clone();
        walker.step.put(&mut query);
        let header = Header {
            guid: walker.guid,
            kind: Kind::Query,
            ttl: 1,
            hops: 1,
        };
        let payload = query.encode();
        self.send(now, to, Descriptor { header, payload }, out);
    }

    /// A walker's question: ours to answer, or to be passed back the way the query came.
    pub(super) fn on_walk_check(
        &mut self,
        now: Time,
        from: PeerId,
        question: Guid,
        query: Guid,
        out: &mut impl Outbox,
    ) {
        if !self.may_ask(now, from, out) {
            return;
        }
        let Some(way) = self.queries.find(now, &query) else {
            self.counts.dropped += 1;
            return;
        };
        let Some(to) = way.to else {
            return self.consider(question, from, query, out);
        };
        let back = Way {
            to: Some(from),
            hops: 0,
            probe: false,
            walk: true,
        };
        if way.walk && to != from && self.queries.learn(now, &question, back) {
            self.send_walk(now, to, question, &VendorMeaning::WalkCheck(query), out);
        } else {
            self.counts.dropped += 1;
        }
    }

    /// A question to us. Hits of walkers that have come as far may be on their way: they are waited for a moment before
    /// all are sent further.
    fn consider(&mut self, guid: Guid, from: PeerId, query: Guid, out: &mut impl Outbox) {
        let questions = &mut self.walkers.questions;
        if questions.len() >= MAX_WAITING {
            questions.pop_front();
        }
        questions.push_back(Question { guid, from, query });
        out.push(Effect::Wake {
            after: GRACE,
            timer: Timer::AnswerWalker,
        });
    }

    /// The question that has waited longest is answered.
    pub(super) fn answer_walker(&mut self, now: Time, out: &mut impl Outbox) {
        let Some(Question { guid, from, query }) = self.walkers.questions.pop_front() else {
            return;
        };
        let ours = self.searches.iter().find(|search| search.guid == query);
        let goes_on = ours.is_some_and(|search| search.hits == 0);
        self.send_walk(now, from, guid, &VendorMeaning::WalkReply(goes_on), out);
    }

    /// The asker's answer: for a walker here, or to be passed back the way the question came.
    pub(super) fn on_walk_reply(
        &mut self,
        now: Time,
        question: Guid,
        goes_on: bool,
        out: &mut impl Outbox,
    ) {
        let asked = |walker: &Walker| walker.waits_for == Awaited::Asker(question);
        if let Some(walker) = self.walkers.take(asked) {
            if goes_on {
                self.step(now, &walker, out);
            }
            return;
        }
        let way = self.queries.find(now, &question);
        match way.filter(|way| way.walk).and_then(|way| way.to) {
            Some(to) => {
                self.send_walk(now, to, question, &VendorMeaning::WalkReply(goes_on), out);
            }
            None => self.counts.dropped += 1,
        }
    }

    /// Walk messages go to those who sent us a walker, so nobody asks whether they know them.
    fn send_walk(
        &mut self,
        now: Time,
        to: PeerId,
        guid: Guid,
        meaning: &VendorMeaning,
        out: &mut impl Outbox,
    ) {
        let kind = Kind::Vendor { standard: false };
        let payload = meaning.message().encode();
        self.send(now, to, Descriptor::new(guid, kind, 1, payload), out);
    }

    fn open_to_walkers(&self) -> impl Iterator<Item = PeerId> {
        let open = self
            .peers
            .iter()
            .filter(|peer| !peer.is_leaf() && peer.hops_flow > 1);
        open.map(|peer| peer.id)
    }
}

/// How long a question waits for hits that may overtake it: a little more than links differ.
const GRACE: Duration = Duration::from_millis(100);

/// Walkers that wait here at once; above that the longest waiting is forgotten, as if its asker had not answered.
const MAX_WAITING: usize = 1_024;
