//! The random walk: a few walkers go from neighbour to neighbour and ask on their way (Lv and others, "Search and
//! replication in unstructured peer-to-peer networks", 2002, section 5). Its form on the wire stands at [`WalkStep`].
//!
//! The one rule: a walker is at one place at a time. It comes, and is passed on to one neighbour at most, not the one it
//! came from unless there is no other. It ends where something is found, where it has taken its steps, or where the asker's
//! word that he has enough overtakes it: every few steps it rests for that. The ways back that the steps lay are a tree with
//! the asker at the root, however often a walker crosses itself, so hits come home; the ways onward lead the word after it.

use std::collections::VecDeque;

use crate::time::Time;
use crate::wire::{Descriptor, Guid, Header, Kind, Query, VendorMeaning, WalkStep};

use super::strategy::Walk;
use super::{Effect, Outbox, Overlay, PeerId, Timer};

/// A walker that is here.
#[derive(Clone, Debug)]
pub(super) struct Walker {
    guid: Guid,
    from: PeerId,
    query: Box<Query>,
    step: WalkStep,
    /// Until when it rests; none while it waits for what our library says.
    rests: Option<Time>,
}

impl Walker {
    /// One that has come by, as the query that it is.
    pub(super) fn new(guid: Guid, from: PeerId, query: Query, step: WalkStep) -> Self {
        Self {
            guid,
            from,
            query: Box::new(query),
            step,
            rests: None,
        }
    }
}

/// Where walkers of one query went from here.
#[derive(Clone, Debug)]
struct Trail {
    guid: Guid,
    onward: Vec<PeerId>,
    /// The asker has enough.
    ended: bool,
}

/// The walkers that wait here, and the trails of those that have gone; the oldest first.
#[derive(Debug, Default)]
pub(super) struct Walkers {
    waiting: VecDeque<Walker>,
    trails: VecDeque<Trail>,
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

    /// The trail of a query, begun where there is none.
    fn trail(&mut self, guid: Guid) -> &mut Trail {
        let known = self.trails.iter().rposition(|trail| trail.guid == guid);
        let at = known.unwrap_or_else(|| {
            if self.trails.len() >= MAX_TRAILS {
                self.trails.pop_front();
            }
            self.trails.push_back(Trail {
                guid,
                onward: Vec::new(),
                ended: false,
            });
            self.trails.len() - 1
        });
        &mut self.trails[at]
    }

    /// Whether the asker has enough.
    fn has_ended(&self, guid: &Guid) -> bool {
        let mut newest_first = self.trails.iter().rev();
        newest_first.any(|trail| trail.guid == *guid && trail.ended)
    }

    /// Ends all walkers of a query that are here or still come; those to whom some were passed on.
    fn end(&mut self, guid: &Guid) -> Vec<PeerId> {
        self.waiting.retain(|walker| walker.guid != *guid);
        let trail = self.trails.iter_mut().rfind(|trail| trail.guid == *guid);
        trail.map_or_else(Vec::new, |trail| {
            trail.ended = true;
            std::mem::take(&mut trail.onward)
        })
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
        // One that comes back here is passed on as everywhere.
        self.queries.walks(&guid);
        let mut open: Vec<PeerId> = self.open_to_walkers().collect();
        self.rng.shuffle(&mut open);
        let step = WalkStep {
            taken: 0,
            limit: walk.ttl,
            check: walk.check,
        };
        step.put(&mut query);
        self.ask_leaves(now, None, guid, &query, out);
        let payload = query.encode();
        for to in open.iter().cycle().take(walk.walkers.into()) {
            if open.is_empty() {
                break;
            }
            let what = Descriptor::new(guid, Kind::Query, 1, payload.clone());
            self.send_walker(now, *to, what, out);
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
        if self.walkers.has_ended(&walker.guid) {
            return;
        }
        walker.step = step;
        if fresh {
            let (from, guid) = (Some(walker.from), walker.guid);
            self.ask_leaves(now, from, guid, &walker.query, out);
            out.push(Effect::Lookup {
                guid: walker.guid,
                query: walker.query.clone(),
            });
            self.walkers.park(walker);
        } else {
            self.go_or_rest(now, walker, out);
        }
    }

    /// Our leaves whose tables match are asked as well, for no walker goes to them; the one it came from knows.
    fn ask_leaves(
        &mut self,
        now: Time,
        from: Option<PeerId>,
        guid: Guid,
        query: &Query,
        out: &mut impl Outbox,
    ) {
        let demand = self.demand(query);
        if demand.is_some() {
            let mut what = Descriptor::new(guid, Kind::Query, 1, query.encode());
            what.header.hops = u8::from(from.is_some());
            self.send_to_leaves(now, from, &what, demand.as_ref(), out);
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
        let asked = |walker: &Walker| walker.guid == guid && walker.rests.is_none();
        if let Some(walker) = self.walkers.take(asked).filter(|_| !found) {
            self.go_or_rest(now, walker, out);
        }
    }

    /// On to the next, or a rest where that is due.
    fn go_or_rest(&mut self, now: Time, mut walker: Walker, out: &mut impl Outbox) {
        if self.is_leaf() || walker.step.taken >= walker.step.limit {
            return;
        }
        let Some(rest) = walker.step.rest() else {
            return self.step(now, &walker, out);
        };
        walker.rests = Some(now + rest);
        self.walkers.park(walker);
        out.push(Effect::Wake {
            after: rest,
            timer: Timer::WalkOn,
        });
    }

    /// Those that have rested go on.
    pub(super) fn walk_on(&mut self, now: Time, out: &mut impl Outbox) {
        let rested = |walker: &Walker| walker.rests.is_some_and(|until| until <= now);
        while let Some(walker) = self.walkers.take(rested) {
            self.step(now, &walker, out);
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
        self.send_walker(now, to, Descriptor { header, payload }, out);
    }

    /// A walker goes, and its trail is kept.
    fn send_walker(&mut self, now: Time, to: PeerId, what: Descriptor, out: &mut impl Outbox) {
        let trail = self.walkers.trail(what.header.guid);
        if !trail.onward.contains(&to) {
            trail.onward.push(to);
        }
        self.send(now, to, what, out);
    }

    /// Word that an asker has enough. Only who brought us his query speaks for him.
    pub(super) fn on_walk_stop(
        &mut self,
        now: Time,
        from: PeerId,
        query: Guid,
        out: &mut impl Outbox,
    ) {
        let way = self.queries.find(now, &query);
        if way.is_some_and(|way| way.walk && way.to == Some(from)) {
            self.stop_walkers(now, query, out);
        } else {
            self.counts.dropped += 1;
        }
    }

    /// Stops the walkers of a query, wherever they went from here.
    pub(super) fn stop_walkers(&mut self, now: Time, query: Guid, out: &mut impl Outbox) {
        for to in self.walkers.end(&query) {
            self.say(now, to, query, &VendorMeaning::WalkStop, out);
        }
    }

    fn open_to_walkers(&self) -> impl Iterator<Item = PeerId> {
        let open = self
            .peers
            .iter()
            .filter(|peer| !peer.is_leaf() && peer.hops_flow > 1);
        open.map(|peer| peer.id)
    }
}

/// Walkers that wait here at once; above that the longest waiting is forgotten, as if its asker had stopped it.
const MAX_WAITING: usize = 1_024;

/// Trails kept; above that the oldest is forgotten, and its walkers go to their end.
const MAX_TRAILS: usize = 1_024;
