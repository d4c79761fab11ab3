//! The servent's protocol mind: one state machine, one door in, one door out.

use std::sync::Arc;

use crate::rng::Rng;
use crate::time::Time;
use crate::wire::Guid;
use crate::wire::handshake::Vacancy;

mod config;
mod counts;
pub mod dynamic;
mod event;

pub use config::Config;
pub use counts::{Counts, Tally};
pub use event::{Command, Direction, Effect, Event, Input, Introduction, Outbox, PeerId, Timer};

/// The state machine.
#[derive(Debug)]
pub struct Overlay {}

/// A neighbour as `peers` shows it.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its number.
    pub id: PeerId,
    /// Who it is.
    pub who: Introduction,
    /// Since when.
    pub since: Time,
    /// Descriptors received from it.
    pub received: u64,
    /// Descriptors sent to it.
    pub sent: u64,
}

impl Overlay {
    /// A servent without neighbours.
    pub fn new(_guid: Guid, _config: Arc<Config>, _rng: Rng) -> Self {
        todo!()
    }

    /// Takes one input and pushes what is to be done about it. Cannot fail: a bad descriptor is the neighbour's fault
    /// and is counted, an input about somebody already gone is ignored.
    pub fn handle(&mut self, _now: Time, _input: Input, _out: &mut impl Outbox) {
        todo!()
    }

    /// The neighbours, oldest link first.
    pub fn peers(&self) -> &[Peer] {
        todo!()
    }

    /// Free slots, and whom to name to those who are refused (and to those who are not).
    pub fn vacancy(&self, _now: Time) -> Vacancy {
        todo!()
    }

    /// The hosts worth saving for the next start, best first.
    pub fn hosts(&self) -> Vec<std::net::SocketAddrV4> {
        todo!()
    }

    /// What has been counted.
    pub fn counts(&self) -> &Counts {
        todo!()
    }
}
