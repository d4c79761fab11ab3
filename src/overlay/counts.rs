//! What the overlay has seen and refused, for `status`.

use crate::wire::Kind;

/// Descriptors by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// 0x80.
    pub query: u64,
    /// 0x00.
    pub ping: u64,
    /// 0x01.
    pub pong: u64,
    /// 0x02.
    pub bye: u64,
    /// 0x30.
    pub route_table: u64,
    /// 0x31 and 0x32.
    pub vendor: u64,
    /// 0x40.
    pub push: u64,
    /// 0x81.
    pub query_hit: u64,
    /// All others.
    pub other: u64,
}

impl Tally {
    /// One more of this kind.
    pub(super) const fn count(&mut self, kind: Kind) {
        let number = match kind {
            Kind::Ping => &mut self.ping,
            Kind::Pong => &mut self.pong,
            Kind::Bye => &mut self.bye,
            Kind::RouteTable => &mut self.route_table,
            Kind::Vendor { .. } => &mut self.vendor,
            Kind::Push => &mut self.push,
            Kind::Query => &mut self.query,
            Kind::QueryHit => &mut self.query_hit,
            Kind::Other(_) => &mut self.other,
        };
        *number += 1;
    }

    /// All kinds together.
    pub const fn total(&self) -> u64 {
        self.ping
            + self.pong
            + self.bye
            + self.route_table
            + self.vendor
            + self.push
            + self.query
            + self.query_hit
            + self.other
    }
}

/// All that is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Queries seen before.
    pub duplicate: u64,
    /// Received.
    pub received: Tally,
    /// Sent (handed to links; what a link then shed is counted there).
    pub sent: Tally,
    /// Refused for any reason: malformed, no route, TTL, throttled.
    pub dropped: u64,
    /// Of these, queries of neighbours whose earlier ones had made more work than is theirs to make.
    pub costly: u64,
}
