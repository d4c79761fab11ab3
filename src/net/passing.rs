//! The queries that pass through, for those who want to watch a search spread.

use std::net::SocketAddr;
use std::time::SystemTime;

use tokio::sync::broadcast;

use crate::wire::{Descriptor, Guid, Kind, Query, WalkStep};

/// How many a watcher may fall behind before it misses some.
pub(super) const PASSING: usize = 1024;

/// A query that a neighbour passed on to us.
#[derive(Clone, Copy, Debug)]
pub struct Passing {
    /// The query's GUID.
    pub guid: Guid,
    /// The far end of the link it came by.
    pub from: SocketAddr,
    /// Links it has crossed, this one included; of a walker, the steps it has taken.
    pub hops: u8,
    /// When it came. Watchers of several servents on one machine put them in order by it.
    pub at: SystemTime,
}

impl Passing {
    /// Tells of `descriptor`, if it is a query and anybody watches.
    pub(super) fn note(
        watchers: &broadcast::Sender<Self>,
        from: impl Into<SocketAddr>,
        descriptor: &Descriptor,
    ) {
        let header = &descriptor.header;
        if watchers.receiver_count() == 0 || header.kind != Kind::Query {
            return;
        }
        let query = Query::decode(&descriptor.payload).ok();
        let step = query.and_then(|query| WalkStep::of(&query).ok().flatten());
        let crossed = step.map_or(header.hops, |step| step.taken);
        // Nobody is left to be told when the last watcher has just gone.
        let _ = watchers.send(Self {
            guid: header.guid,
            from: from.into(),
            hops: crossed.saturating_add(1),
            at: SystemTime::now(),
        });
    }
}
