//! What a running servent tells of itself.

use std::net::SocketAddrV4;
use std::time::Duration;

use super::{BootstrapStep, GatewayNews};
use crate::overlay::{Counts, Direction, Reachable, RoleReason};
use crate::transfer::{Carried, Rates, RelayStatus};
use crate::wire::Guid;
use crate::wire::handshake::Role;

/// The answer to `status`.
#[derive(Clone, Debug)]
pub struct Status {
    /// Our servent GUID.
    pub guid: Guid,
    /// Where we listen.
    pub listen: SocketAddrV4,
    /// Our tier.
    pub role: Role,
    /// Why we stand there.
    pub role_reason: RoleReason,
    /// Neighbours.
    pub peers: usize,
    /// Of them, leaves.
    pub leaves: usize,
    /// Files shared.
    pub files: u64,
    /// Bytes shared.
    pub bytes: u64,
    /// Files not yet hashed.
    pub unhashed: u64,
    /// Searches under way.
    pub searches: usize,
    /// Dynamic queries under way, our own and those of our leaves.
    pub dynamic_queries: usize,
    /// Downloads not complete.
    pub downloads: usize,
    /// Uploads running.
    pub uploads: usize,
    /// How fast bytes may go out and come in.
    pub limits: [Rates; 2],
    /// Bytes that went out and came in.
    pub carried: [Carried; 2],
    /// What is passed on between pairs to whom nobody can connect.
    pub relay: RelayStatus,
    /// Descriptors, by kind and direction.
    pub counts: Counts,
    /// Descriptors that full link queues shed.
    pub shed: u64,
    /// Hits of our own searches that nobody read in time.
    pub lost_hits: u64,
    /// Incoming connections that were closed: no word, an unknown one, a handshake that failed, or too many at once.
    pub refused: u64,
    /// Whether strangers reach us by TCP and by UDP, and how we know.
    pub reachable: [Reachable; 2],
    /// Neighbours who pass pushes on to us, if we need it.
    pub proxies: Vec<SocketAddrV4>,
    /// Hosts known, good and bad.
    pub hosts: usize,
    /// Where hosts come from, in the order in which they are used, and how many have come.
    pub bootstrap: Vec<BootstrapStep>,
    /// What came of asking the gateway to let strangers in.
    pub gateway: GatewayNews,
    /// Datagrams that were malformed, too many, or not taken by the system.
    pub lost_datagrams: u64,
    /// Since the start.
    pub uptime: Duration,
}

impl Status {
    /// That of a servent which has stopped.
    pub(super) fn stopped(guid: Guid, listen: SocketAddrV4) -> Self {
        Self {
            guid,
            listen,
            role: Role::Ultrapeer,
            role_reason: RoleReason::Unguided,
            peers: 0,
            leaves: 0,
            files: 0,
            bytes: 0,
            unhashed: 0,
            searches: 0,
            dynamic_queries: 0,
            downloads: 0,
            uploads: 0,
            limits: [Rates::default(); 2],
            carried: [Carried::default(); 2],
            relay: RelayStatus::default(),
            counts: Counts::default(),
            shed: 0,
            lost_hits: 0,
            refused: 0,
            reachable: [Reachable::Unknown("it has stopped"); 2],
            proxies: Vec::new(),
            hosts: 0,
            bootstrap: Vec::new(),
            gateway: GatewayNews::default(),
            lost_datagrams: 0,
            uptime: Duration::ZERO,
        }
    }
}

/// A line of `peers`.
#[derive(Clone, Debug)]
pub struct PeerStatus {
    /// Where it listens if it says so, else the far end of its socket.
    pub host: SocketAddrV4,
    /// Its tier.
    pub role: Role,
    /// How many slots its route table has, and what share of them is set; none before it is complete.
    pub table: Option<(u32, f64)>,
    /// It takes queries with fewer hops than this; none for all.
    pub hops_flow: Option<u8>,
    /// It passes pushes on to us, we pass them on to it.
    pub push_proxy: (bool, bool),
    /// Who opened the link.
    pub direction: Direction,
    /// Its `User-Agent`, as sent.
    pub vendor: String,
    /// `0.6` or `0.4`.
    pub handshake: (u8, u8),
    /// Deflated out, deflated in.
    pub deflate: (bool, bool),
    /// How long the link has been up.
    pub uptime: Duration,
    /// Descriptors received.
    pub received: u64,
    /// Descriptors sent.
    pub sent: u64,
}
