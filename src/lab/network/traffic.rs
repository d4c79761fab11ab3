//! What was sent in a network, by kind.

use crate::wire::{Descriptor, HEADER_LEN, Kind};

/// Messages that were sent in a network, and what came of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Query descriptors.
    pub queries: u64,
    /// Of these, such as came where the query was new: libraries that were asked.
    pub lookups: u64,
    /// Words to walkers to go on or to stop.
    pub checks: u64,
    /// QueryHit descriptors.
    pub hits: u64,
    /// Files found, as askers were told.
    pub found: u64,
    /// Everything else: pings, pongs, farewells.
    pub upkeep: u64,
    /// Bytes of all these, without those of TCP and IP.
    pub bytes: u64,
    /// Descriptors whose link was gone when they came.
    pub lost: u64,
}

impl Traffic {
    /// What was sent after `earlier`.
    pub fn since(self, earlier: Self) -> Self {
        Self {
            queries: self.queries - earlier.queries,
            lookups: self.lookups - earlier.lookups,
            checks: self.checks - earlier.checks,
            hits: self.hits - earlier.hits,
            found: self.found - earlier.found,
            upkeep: self.upkeep - earlier.upkeep,
            bytes: self.bytes - earlier.bytes,
            lost: self.lost - earlier.lost,
        }
    }

    /// Descriptors of all kinds.
    pub const fn messages(&self) -> u64 {
        self.queries + self.checks + self.hits + self.upkeep
    }

    pub(super) fn count(&mut self, what: &Descriptor) {
        self.bytes += (HEADER_LEN + what.payload.len()) as u64;
        *match what.header.kind {
            Kind::Query => &mut self.queries,
            Kind::QueryHit => &mut self.hits,
            Kind::Vendor { .. } if what.payload.starts_with(&WALK_WORDS) => &mut self.checks,
            _ => &mut self.upkeep,
        } += 1;
    }
}

/// With this begin the words about walks, which are of our own numbering; all other vendor messages are upkeep.
const WALK_WORDS: [u8; 4] = *b"SRVT";
