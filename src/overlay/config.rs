//! The numbers the overlay lives by, each with its source.

use std::time::Duration;

use super::{RoleChoice, Strategy};

/// The overlay's numbers. Nothing in the overlay assumes a number that stands here: a lesson may cross a line of two
/// hundred servents with every TTL at 255.
#[derive(Clone, Debug)]
pub struct Config {
    /// The tier we stand in.
    pub role: RoleChoice,
    /// How many ultrapeers to grow to by dialling, as an ultrapeer. A guess: dense enough to survive the loss of a third.
    pub neighbours: usize,
    /// The most ultrapeers at once, incoming ones included (LimeWire: 32 between ultrapeers).
    pub slots: usize,
    /// The degree that neighbours are told (`X-Degree`) and reckon with; all slots where it is not set by hand.
    pub degree: Option<u32>,
    /// The most leaves at once (gtk-gnutella: 300).
    pub leaves: usize,
    /// How many ultrapeers a leaf keeps (gtk-gnutella: 4; LimeWire asks 5 at most).
    pub hubs: usize,
    /// How our searches and those of our leaves go out where nobody says how.
    pub search: Strategy,
    /// Whether a query's last link is spared when the table of the ultrapeer behind it does not match. Off where
    /// floods are counted to the descriptor: a spared link is a send less than the law says.
    pub last_hop_tables: bool,
    /// The TTL of our own queries. 4 reaches the whole of today's network (gtk-gnutella's `my_ttl`).
    pub ttl: u8,
    /// TTL + hops of a relayed descriptor is trimmed to this (classic limit: 7).
    pub max_ttl: u8,
    /// A descriptor with TTL + hops above this is dropped (gtk-gnutella's `hard_ttl_limit`).
    pub hard_ttl: u8,
    /// Whether to speak by datagrams as well, where there is a socket for them.
    pub udp: bool,
    /// Whether to tell neighbours that we relay: join the connections of two to whom nobody can connect.
    pub relays: bool,
    /// Whether to dial others by ourselves; off for networks whose links a test or lesson sets by hand.
    pub grow: bool,
    /// Be heard at least this often on every link (gtk-gnutella drops ultrapeers silent for 20 s).
    pub keep_alive: Duration,
    /// A neighbour silent for this long is gone.
    pub silence: Duration,
    /// How many GUIDs of queries are remembered, 16 bytes each once the first has come. 65,536 are half a minute of
    /// 2,000 queries a second; a simulated servent needs some hundreds.
    pub routes: usize,
    /// Queries and pushes taken from one neighbour in a second; `u32::MAX` for no limit. A whole ultrapeer's 32 links at this rate
    /// bring more than one core's work; nobody honest comes near it.
    pub query_rate: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            role: RoleChoice::Auto,
            neighbours: 8,
            slots: 32,
            degree: None,
            leaves: 300,
            hubs: 4,
            search: Strategy::Auto,
            last_hop_tables: true,
            ttl: 4,
            max_ttl: 7,
            hard_ttl: 15,
            udp: true,
            relays: false,
            grow: true,
            keep_alive: Duration::from_secs(12),
            silence: Duration::from_secs(60),
            routes: 1 << 16,
            query_rate: 2_000,
        }
    }
}
