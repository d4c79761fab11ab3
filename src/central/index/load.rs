//! What an index had to read and to write: the load that flooding spreads over everybody.

use std::ops::{AddAssign, Sub};

use super::{Effect, Outbox};
use crate::central::frame::{Frame, Kind, kinds};

/// Frames and bytes, from the start of an index on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Logins it read.
    pub logins: u64,
    /// Registrations; one names many files where a client says them so.
    pub registrations: u64,
    /// Searches.
    pub searches: u64,
    /// All else that it read.
    pub others: u64,
    /// Of what it wrote, hits and ends of searches.
    pub hits: u64,
    /// Frames it wrote: greetings, hits, what users say to each other.
    pub answers: u64,
    /// Bytes it read.
    pub bytes_in: u64,
    /// Bytes it wrote.
    pub bytes_out: u64,
}

impl Load {
    /// Frames it read.
    pub const fn messages_in(&self) -> u64 {
        self.logins + self.registrations + self.searches + self.others
    }

    /// Counts a frame that came.
    pub(super) const fn read(&mut self, frame: &Frame) {
        *match frame.kind {
            Kind::LOGIN | Kind::REGISTER => &mut self.logins,
            Kind::SHARE | Kind::SHARE_MANY => &mut self.registrations,
            Kind::SEARCH => &mut self.searches,
            _ => &mut self.others,
        } += 1;
        self.bytes_in += frame.length() as u64;
    }

    fn write(&mut self, bytes: &[u8]) {
        for kind in kinds(bytes) {
            self.answers += 1;
            self.hits += u64::from(matches!(kind, Kind::HIT | Kind::SEARCH_END));
        }
        self.bytes_out += bytes.len() as u64;
    }
}

impl AddAssign for Load {
    fn add_assign(&mut self, more: Self) {
        self.logins += more.logins;
        self.registrations += more.registrations;
        self.searches += more.searches;
        self.others += more.others;
        self.hits += more.hits;
        self.answers += more.answers;
        self.bytes_in += more.bytes_in;
        self.bytes_out += more.bytes_out;
    }
}

impl Sub for Load {
    type Output = Self;

    /// What was done since.
    fn sub(self, before: Self) -> Self {
        Self {
            logins: self.logins - before.logins,
            registrations: self.registrations - before.registrations,
            searches: self.searches - before.searches,
            others: self.others - before.others,
            hits: self.hits - before.hits,
            answers: self.answers - before.answers,
            bytes_in: self.bytes_in - before.bytes_in,
            bytes_out: self.bytes_out - before.bytes_out,
        }
    }
}

/// Where effects go, each frame to our own users counted on its way.
pub(super) struct Counted<'a, O> {
    pub(super) out: &'a mut O,
    pub(super) load: Load,
}

impl<O: Outbox> Outbox for Counted<'_, O> {
    fn push(&mut self, effect: Effect) {
        if let Effect::Send { bytes, .. } = &effect {
            self.load.write(bytes);
        }
        self.out.push(effect);
    }
}
