//! Who works: there are so many places, and the fastest have them.

use std::cmp::Reverse;
use std::time::Duration;

use super::{Effect, Outbox, SourceId, Standing, Swarm};
use crate::time::Time;

/// How many sources work at once: enough to fill a line from slow ones.
pub(super) const MOST_WORKING: usize = 8;

/// When a partial source that had nothing for us is asked what it has by now: soon, for it is fetching, too; twice as late
/// each time it has nothing new, up to this.
pub(super) const LOOK_AGAIN: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(30)];

/// How often somebody of whom nothing is known goes before those who are known: he may be faster than all of them.
const TRY: Duration = Duration::from_secs(10);

/// How much slower than the mean a source must be to lose its place to one that waits, and for how long.
const TOO_SLOW: u64 = 8;
const SLOW_REST: Duration = Duration::from_secs(300);

/// How long a source is watched before it is called slow.
pub(super) const FAIR_TRIAL: Duration = Duration::from_secs(20);

impl Swarm {
    /// Gives whoever is free something to do, while there is a place.
    pub(super) fn assign(&mut self, now: Time, out: &mut impl Outbox) {
        if self.paused || self.checking || self.complete || !self.may_ask(now) {
            return;
        }
        for id in self.queue(now) {
            if !self.may_ask(now) {
                return;
            }
            let range = self.choose(now, id);
            let Some(source) = self.sources.get_mut(&id) else {
                continue;
            };
            match range {
                Some(range) => {
                    if source.is_unknown() {
                        self.tried = now;
                    }
                    source.ask(now, range);
                    out.push(Effect::Ask { source: id, range });
                }
                // What it has by now it will say when it is asked for anything.
                None if source.has.is_some() && self.size.is_some() => source.rest(now, LOOK_AGAIN),
                None => {}
            }
        }
    }

    /// Whether one more can be asked.
    fn may_ask(&self, now: Time) -> bool {
        let most = if self.alone { 1 } else { MOST_WORKING };
        self.working() < most && self.has_room(now)
    }

    /// Who can be asked, the fastest first. Which of equals is left to the dice: where all fetch from all, nobody's line is to
    /// be idle because everybody thinks of the same others first.
    fn queue(&mut self, now: Time) -> Vec<SourceId> {
        let ready = self
            .sources
            .iter()
            .filter(|(_, source)| source.is_ready(now));
        let mut queue: Vec<SourceId> = ready.map(|(id, _)| *id).collect();
        self.rng.shuffle(&mut queue);
        queue.sort_by_key(|id| Reverse(self.sources[id].rank()));
        if now.since(self.tried) >= TRY
            && let Some(unknown) = queue.iter().position(|id| self.sources[id].is_unknown())
        {
            queue[..=unknown].rotate_right(1);
        }
        // Who had to make room comes back when nobody else is there to take it.
        let slow = self
            .sources
            .iter()
            .filter(|(_, source)| source.makes_room(now));
        queue.extend(slow.map(|(id, _)| *id));
        queue
    }

    /// Takes the place of a source that is far slower than the others, if another waits for one.
    pub(super) fn replace_slow(&mut self, now: Time, out: &mut impl Outbox) {
        let waiting = self.sources.values().any(|source| source.is_ready(now));
        let count = self.working();
        if !waiting || count < MOST_WORKING {
            return;
        }
        let working = || {
            let all = self.sources.iter();
            all.filter(|(_, source)| source.work().is_some())
        };
        let mean = working().map(|(_, source)| source.speed).sum::<u64>() / count as u64;
        let slow = working().filter(|(_, source)| {
            now.since(source.since) >= FAIR_TRIAL && source.speed < mean / TOO_SLOW
        });
        let slowest = slow.min_by_key(|(_, source)| source.speed);
        let Some(id) = slowest.map(|(id, _)| *id) else {
            return;
        };
        if let Some(source) = self.sources.get_mut(&id) {
            source.end(now);
            source.standing = Standing::Resting(now + SLOW_REST);
            source.made_room = true;
            out.push(Effect::Cut(id));
        }
    }

    /// How many work.
    pub(super) fn working(&self) -> usize {
        let all = self.sources.values();
        all.filter(|source| source.work().is_some()).count()
    }
}
