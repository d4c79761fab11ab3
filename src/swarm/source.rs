//! What is known of one source.

use std::time::Duration;

use super::{ByteRange, Ranges};
use crate::time::Time;

/// What a source does for us at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It may be asked.
    Ready,
    /// It was asked for a range and has sent the part of it before `at`.
    Working {
        /// The next byte it will bring.
        at: u64,
        /// The byte behind the last it will bring.
        end: u64,
    },
    /// It is to be left alone until then.
    Resting(Time),
    /// The same, and it holds a place in its queue for us.
    Queued(Time),
    /// Given up.
    Gone,
}

/// One source.
#[derive(Clone, Debug)]
pub struct Source {
    /// What it does.
    pub standing: Standing,
    /// Bytes a second while it sends; zero until measured.
    pub speed: u64,
    /// Bytes it brought first.
    pub brought: u64,
    /// The parts of the file it has; all of it when nothing else was told.
    pub(super) has: Option<Ranges>,
    /// Whether it may have more by now, and how often in a row it turned out that it had nothing for us.
    pub(super) grown: bool,
    pub(super) in_vain: u32,
    /// Whether it was asked last for what it said that it has.
    pub(super) informed: bool,
    /// Failures in a row.
    pub(super) failures: u32,
    /// "Busy" in a row.
    pub(super) refusals: u32,
    /// Half strikes: a block of its own that is bad counts two, one it shares with others counts one.
    pub(super) doubts: u32,
    /// Where its last range ended.
    pub(super) last_end: Option<u64>,
    /// Whether its last answer came slower than we read.
    pub(super) paced: bool,
    /// The shortest time in which an answer of it began: how far it is, whatever else there is to do here and there.
    pub(super) latency: Duration,
    /// Since when its answer has not been measured.
    pub(super) begun: Option<Time>,
    /// What was measured, but is too little to tell the speed: bytes, and the time they took.
    pub(super) sent: u64,
    pub(super) spent: Duration,
    /// Since when it has had a place among those who work.
    pub(super) since: Time,
    /// When it was asked or brought something last.
    pub(super) heard: Time,
    /// Whether it rests because others are faster.
    pub(super) made_room: bool,
}

impl Source {
    pub(super) const fn new() -> Self {
        Self {
            standing: Standing::Ready,
            speed: 0,
            brought: 0,
            has: None,
            grown: false,
            in_vain: 0,
            informed: false,
            failures: 0,
            refusals: 0,
            doubts: 0,
            last_end: None,
            paced: false,
            latency: Duration::MAX,
            begun: None,
            sent: 0,
            spent: Duration::ZERO,
            since: Time::ZERO,
            heard: Time::ZERO,
            made_room: false,
        }
    }

    /// What it was asked for and has not brought.
    pub fn work(&self) -> Option<ByteRange> {
        match self.standing {
            Standing::Working { at, end } => Some(ByteRange::new(at, end)),
            _ => None,
        }
    }

    /// Whether it may be asked now.
    pub(super) fn is_ready(&self, now: Time) -> bool {
        match self.standing {
            Standing::Ready => true,
            Standing::Resting(until) | Standing::Queued(until) => until <= now,
            Standing::Working { .. } | Standing::Gone => false,
        }
    }

    /// Who has the greater one goes first. What comes faster than can be measured is no slower than what is measured.
    pub(super) fn rank(&self) -> u64 {
        let flawless = self.failures == 0 && self.refusals == 0;
        match self.speed {
            0 if self.brought > 0 && flawless => u64::MAX,
            speed => speed,
        }
    }

    /// Whether it was never asked.
    pub(super) fn is_unknown(&self) -> bool {
        self.heard == Time::ZERO
    }

    /// Whether it rests only because others are faster.
    pub(super) fn makes_room(&self, now: Time) -> bool {
        let rests = matches!(self.standing, Standing::Resting(until) if until > now);
        rests && self.made_room
    }

    /// Whether nothing has come from it for so long that others may do its work.
    pub(super) fn is_stalled(&self, now: Time) -> bool {
        self.work().is_some() && now.since(self.heard) >= STALL
    }

    /// Notes which parts of the file it has.
    pub(super) fn hear(&mut self, ranges: Ranges) {
        (self.has, self.grown) = (Some(ranges), false);
    }

    /// Leaves it alone until it may have more than we know of.
    pub(super) fn rest(&mut self, now: Time, [first, last]: [Duration; 2]) {
        let wait = first.saturating_mul(2_u32.saturating_pow(self.in_vain));
        self.in_vain = self.in_vain.saturating_add(1);
        (self.grown, self.made_room) = (true, false);
        self.standing = Standing::Resting(now + wait.min(last));
    }

    /// Notes that it was asked.
    pub(super) fn ask(&mut self, now: Time, range: ByteRange) {
        if self.standing != Standing::Ready || self.brought == 0 {
            self.since = now;
        }
        self.standing = Standing::Working {
            at: range.start,
            end: range.end,
        };
        self.made_room = false;
        self.informed = self.has.is_some() && !self.grown;
        (self.begun, self.heard) = (None, now);
    }

    /// Notes that its answer begins, which will be this.
    pub(super) fn begin(&mut self, now: Time, range: ByteRange) {
        // Who has parts only would have said so.
        if std::mem::take(&mut self.grown) {
            self.has = None;
        }
        let (at, end) = (range.start, range.end);
        self.standing = Standing::Working { at, end };
        self.latency = self.latency.min(now.since(self.heard));
        (self.begun, self.heard) = (Some(now), now);
    }

    /// Notes that bytes came; those of an answer that was cut may still come after the next was asked for.
    pub(super) fn bring(&mut self, now: Time, range: ByteRange) {
        if let Standing::Working { at, .. } = &mut self.standing
            && (range.start..range.end).contains(at)
        {
            *at = range.end;
        }
        self.heard = now;
        self.sent += range.len();
        self.brought += range.len();
        (self.failures, self.refusals, self.in_vain) = (0, 0, 0);
        self.measure(now);
    }

    /// How much of what it is to bring a kill would cost: what it sends in a moment, and what we have not yet written. Of
    /// who keeps silent nothing is on its way, and who sends slower than we read has sent nothing ahead.
    pub(super) fn at_risk(&self, now: Time) -> u64 {
        let work = self.work().map_or(0, |work| work.len());
        match (self.speed, now.since(self.heard) < SILENCE) {
            (_, false) => 0,
            (0, true) => work,
            (_, true) if self.paced => work.min(UNWRITTEN),
            (speed, true) => work.min(UNWRITTEN.saturating_add(speed)),
        }
    }

    /// Notes the end of an answer.
    pub(super) fn end(&mut self, now: Time) {
        self.measure(now);
        if let Some(work) = self.work() {
            self.last_end = Some(work.start);
            self.standing = Standing::Ready;
        }
        self.begun = None;
    }

    /// How long it will take for so many bytes, going by its speed; for ever while that is not known.
    pub(super) fn expected(&self, bytes: u64) -> Duration {
        match bytes.saturating_mul(1_000_000).checked_div(self.speed) {
            Some(micros) => Duration::from_micros(micros),
            None => Duration::MAX,
        }
    }

    /// Every sample weighs as much as all those before it, so that a source that slows down is soon known as slow.
    fn measure(&mut self, now: Time) {
        let Some(since) = self.begun.replace(now) else {
            self.begun = None;
            return;
        };
        self.spent += now.since(since);
        if self.spent < MEASURABLE {
            return;
        }
        let sample = u128::from(self.sent) * 1_000_000 / self.spent.as_micros();
        let sample = u64::try_from(sample).unwrap_or(u64::MAX);
        self.speed = match self.speed {
            0 => sample,
            speed => speed / 2 + sample / 2,
        };
        (self.spent, self.sent) = (Duration::ZERO, 0);
    }
}

/// What is gathered of one answer and not yet on the disk, at most: an eighth of what may be at risk, so that eight can send.
pub(crate) const UNWRITTEN: u64 = 112 * 1024;

/// Of a source that is silent for so long nothing is on its way, as far as we can tell.
const SILENCE: Duration = Duration::from_secs(1);

/// What comes within less says nothing of the speed: it was in flight already. Short answers are put together.
const MEASURABLE: Duration = Duration::from_millis(100);

/// A source that brings nothing for so long keeps nobody waiting.
const STALL: Duration = Duration::from_secs(8);
