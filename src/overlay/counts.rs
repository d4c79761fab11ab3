//! What the overlay has seen and refused, for `status`.

/// Descriptors by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
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
    /// 0x80.
    pub query: u64,
    /// 0x81.
    pub query_hit: u64,
    /// All others.
    pub other: u64,
}

/// All that is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Received.
    pub received: Tally,
    /// Sent (handed to links; what a link then shed is counted there).
    pub sent: Tally,
    /// Queries seen before.
    pub duplicate: u64,
    /// Refused for any reason: malformed, no route, TTL, throttled.
    pub dropped: u64,
}
