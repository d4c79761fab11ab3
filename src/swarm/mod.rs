//! One file from many sources: the machine that decides whom to ask for what, and whom to believe. Pure.
//!
//! The one rule: it knows of bytes only where they are and who sent them, never what they are. It is handed what happened
//! ([`Input`]) and the time, and says what is to be done ([`Effect`]); sockets, disks and digests are its driver's. So the
//! same machine fetches a file and runs in a simulator, and a seed repeats what it did.

mod choice;
mod event;
mod places;
mod ranges;
mod source;
#[cfg(test)]
mod tests;
mod verdict;

pub use event::{Crime, Effect, Failure, Input, Outbox, SourceId};
pub use ranges::{ByteRange, Ranges};
pub(crate) use source::UNWRITTEN;
pub use source::{Source, Standing};

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::rng::Rng;
use crate::time::Time;

/// How many sources are tried at once, those that were given up not counted; gtk-gnutella tries 100 as well.
const MOST_SOURCES: usize = 100;

/// How long is waited, and how often.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Before a source is tried a second time; each later wait is twice as long.
    pub first_retry: Duration,
    /// How often in a row asking a source may bring nothing.
    pub tries: u32,
    /// How often in a row a source may say that it is busy.
    pub busy_answers: u32,
}

/// A file that is being gathered.
#[derive(Debug)]
pub struct Swarm {
    patience: Patience,
    rng: Rng,
    size: Option<u64>,
    sources: BTreeMap<SourceId, Source>,
    /// On the disk.
    here: Ranges,
    /// Of that, what the tree says is right.
    proven: Ranges,
    /// The size of a block, while there is a tree.
    block: Option<u64>,
    /// Who told the root of the tree.
    teller: Option<SourceId>,
    /// The blocks being judged, by their first byte.
    judging: BTreeSet<u64>,
    /// Who sent what is not yet proven.
    senders: Vec<(ByteRange, SourceId)>,
    /// Whose blocks were right by this tree.
    right: BTreeSet<SourceId>,
    /// Whom this tree condemned.
    condemned: BTreeSet<SourceId>,
    /// Only one source at a time, because nobody could say whose fault it was.
    alone: bool,
    /// The whole file is being held against its digest.
    checking: bool,
    complete: bool,
    /// Nobody is asked.
    paused: bool,
    /// When somebody was given a place of whom nothing was known.
    tried: Time,
    wasted: u64,
}

impl Swarm {
    /// One that has these bytes already.
    pub const fn new(patience: Patience, size: Option<u64>, here: Ranges, rng: Rng) -> Self {
        Self {
            patience,
            rng,
            size,
            sources: BTreeMap::new(),
            here,
            proven: Ranges::new(),
            block: None,
            teller: None,
            judging: BTreeSet::new(),
            senders: Vec::new(),
            right: BTreeSet::new(),
            condemned: BTreeSet::new(),
            alone: false,
            checking: false,
            complete: false,
            paused: false,
            tried: Time::ZERO,
            wasted: 0,
        }
    }

    /// Takes what happened, and says what is to be done.
    pub fn handle(&mut self, now: Time, input: Input, out: &mut impl Outbox) {
        match input {
            Input::Found(id) => self.on_found(id),
            Input::Size(size) => self.size = self.size.or(Some(size)),
            Input::Has { source, ranges } => {
                if let Some(source) = self.sources.get_mut(&source) {
                    source.hear(ranges);
                }
            }
            Input::Sending { source, range } => self.on_sending(now, source, range),
            Input::Arrived { source, range } => self.on_arrived(now, source, range, out),
            Input::Paced { source, paced } => {
                if let Some(source) = self.sources.get_mut(&source) {
                    source.paced = paced;
                }
            }
            Input::Ended(id) => {
                if let Some(source) = self.sources.get_mut(&id) {
                    source.end(now);
                }
            }
            Input::Failed { source, how } => self.on_failed(now, source, how, out),
            Input::Tree { block, teller } => self.on_tree(block, teller, out),
            Input::Judged { range, good } => self.on_judged(range, good, out),
            Input::Checked { good } => self.on_checked(good, out),
            Input::Tick => self.replace_slow(now, out),
        }
        if self.is_tree_desperate() {
            self.drop_tree(out);
        }
        self.conclude(out);
        self.assign(now, out);
    }

    /// Asks nobody any more, and stops those who send; or goes on.
    pub fn pause(&mut self, now: Time, paused: bool, out: &mut impl Outbox) {
        self.paused = paused;
        for (id, source) in &mut self.sources {
            if paused && source.work().is_some() {
                source.end(now);
                out.push(Effect::Cut(*id));
            }
        }
        self.assign(now, out);
    }

    /// The size of the file, once known.
    pub const fn size(&self) -> Option<u64> {
        self.size
    }

    /// What is here.
    pub const fn here(&self) -> &Ranges {
        &self.here
    }

    /// What the tree says is right.
    pub const fn proven(&self) -> &Ranges {
        &self.proven
    }

    /// Whether bytes of a source are known to be right: it can be named to others.
    pub fn is_proven(&self, id: SourceId) -> bool {
        let brought = self
            .sources
            .get(&id)
            .is_some_and(|source| source.brought > 0);
        self.right.contains(&id) || (self.complete && brought)
    }

    /// How many bytes from the first on are here, and right where there is a tree.
    pub fn settled(&self) -> u64 {
        let settled = match self.block {
            Some(_) => &self.proven,
            None => &self.here,
        };
        settled.around(0).map_or(0, |first| first.end)
    }

    /// Bytes that came and were wrong.
    pub const fn wasted(&self) -> u64 {
        self.wasted
    }

    /// Whether the file is whole and right.
    pub const fn is_complete(&self) -> bool {
        self.complete
    }

    /// The sources.
    pub fn sources(&self) -> impl Iterator<Item = (SourceId, &Source)> {
        self.sources.iter().map(|(id, source)| (*id, source))
    }

    /// One of them.
    pub fn source(&self, id: SourceId) -> Option<&Source> {
        self.sources.get(&id)
    }

    /// Whether nothing will happen any more unless a source is found.
    pub fn is_stranded(&self) -> bool {
        let gone = |source: &Source| source.standing == Standing::Gone;
        let busy = self.complete || self.checking || self.paused || !self.judging.is_empty();
        !busy && self.sources.values().all(gone)
    }

    /// Whether another source would be taken.
    pub fn takes_more(&self) -> bool {
        let tried = |source: &&Source| source.standing != Standing::Gone;
        self.sources.values().filter(tried).count() < MOST_SOURCES
    }

    /// When time alone may change something: the next [`Input::Tick`] is due then.
    pub fn deadline(&self, now: Time) -> Time {
        let rests = self
            .sources
            .values()
            .filter_map(|source| match source.standing {
                Standing::Resting(until) | Standing::Queued(until) => Some(until),
                _ => None,
            });
        // Whose time has come and who was not asked waits for a place, for room or for the end of a pause.
        let soonest = rests.filter(|until| *until > now).min();
        soonest
            .unwrap_or(now + HEARTBEAT)
            .max(now + Duration::from_millis(1))
            .min(now + HEARTBEAT)
    }

    fn on_found(&mut self, id: SourceId) {
        let known = self.sources.get(&id);
        if known.is_none_or(|known| known.standing == Standing::Gone) && self.takes_more() {
            self.sources.insert(id, Source::new());
        }
    }

    /// The answer may be shorter than what was asked for, or longer where ranges are not known.
    fn on_sending(&mut self, now: Time, id: SourceId, range: ByteRange) {
        if let Some(source) = self.sources.get_mut(&id)
            && source.work().is_some()
        {
            source.begin(now, range);
        }
    }

    fn on_arrived(&mut self, now: Time, id: SourceId, range: ByteRange, out: &mut impl Outbox) {
        self.here.insert(range);
        self.note_sender(range, id);
        if let Some(source) = self.sources.get_mut(&id) {
            source.bring(now, range);
        }
        self.submit(range, out);
        // Whoever was to bring the same need not.
        for (other, source) in &mut self.sources {
            if *other != id
                && let Some(work) = source.work()
                && !work.is_empty()
                && self.here.contains(work)
            {
                source.end(now);
                out.push(Effect::Cut(*other));
            }
        }
    }

    fn on_failed(&mut self, now: Time, id: SourceId, how: Failure, out: &mut impl Outbox) {
        let Patience {
            first_retry,
            tries,
            busy_answers,
        } = self.patience;
        let Some(source) = self.sources.get_mut(&id) else {
            return;
        };
        if source.standing == Standing::Gone {
            return;
        }
        source.end(now);
        source.standing = match how {
            Failure::Broken => {
                source.failures += 1;
                let wait = first_retry * 2_u32.saturating_pow(source.failures - 1);
                match source.failures >= tries {
                    true => Standing::Gone,
                    false => Standing::Resting(now + wait),
                }
            }
            Failure::Busy(wait) => {
                source.refusals += 1;
                match source.refusals >= busy_answers {
                    true => Standing::Gone,
                    false => Standing::Resting(now + wait),
                }
            }
            Failure::Queued(wait) => Standing::Queued(now + wait),
            // Who says that he has a part and does not give it would be asked for it again at once, and without end.
            Failure::Missing if source.has.is_some() && source.informed => {
                return source.rest(now, places::LOOK_AGAIN);
            }
            Failure::Missing if source.has.is_some() => Standing::Ready,
            Failure::Missing | Failure::Refused => Standing::Gone,
            Failure::OtherFile => return self.condemn(id, Crime::OtherFile, out),
        };
    }

    fn on_tree(&mut self, block: u64, teller: Option<SourceId>, out: &mut impl Outbox) {
        if self.block.is_none() && !self.complete {
            (self.block, self.teller) = (Some(block), teller);
            let all: Vec<ByteRange> = self.here.iter().collect();
            for range in all {
                self.submit(range, out);
            }
        }
    }

    /// When all is here, and whoever brought it has ended, has it checked.
    fn conclude(&mut self, out: &mut impl Outbox) {
        let Some(size) = self.size else { return };
        let whole = ByteRange::new(0, size);
        let proven = self.block.is_none() || self.proven.contains(whole);
        if !self.here.contains(whole) || !proven || self.checking || self.complete {
            return;
        }
        if self.sources.values().all(|source| source.work().is_none()) {
            self.checking = true;
            out.push(Effect::Check);
        }
    }
}

/// How often stalls and slow sources are looked for.
const HEARTBEAT: Duration = Duration::from_secs(1);
