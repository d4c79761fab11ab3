//! Our own searches: which hits belong to whom, and what each has cost so far.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::central::IndexSource;
use crate::overlay::Prospect;
use crate::time::Time;
use crate::wire::{Guid, QueryHit};

/// Hits that may wait for a reader who is busy. A screen shows fewer; a script reads faster than they come.
const WAITING_HITS: usize = 1024;

/// A search under way. Dropping its receiver of hits ends it.
#[derive(Debug)]
pub struct Search {
    /// Its GUID.
    pub guid: Guid,
    /// Hits as they come; ends when the servent stops. Should 1024 wait to be read, further ones are lost and counted.
    pub hits: mpsc::Receiver<SearchHit>,
    /// Query descriptors it has caused so far, as far as we can count: those that we sent ourselves.
    pub messages: watch::Receiver<u64>,
    /// How far it can come; none where the central index was asked.
    pub prospect: Option<Box<Prospect>>,
}

/// One hit (of one or more files) of a search.
#[derive(Clone, Debug)]
pub struct SearchHit {
    /// What was found where.
    pub hit: QueryHit,
    /// Links the hit crossed.
    pub hops: u8,
    /// How long after the search began.
    pub after: Duration,
    /// How the search went out: `flood`, `dynamic`, `index`.
    pub strategy: &'static str,
    /// Whom the index names for it, where it was the index that was asked.
    pub through: Option<IndexSource>,
}

/// The searches under way, as the actor holds them.
#[derive(Debug, Default)]
pub(super) struct Searches {
    running: HashMap<Guid, Running>,
    lost: u64,
}

#[derive(Debug)]
struct Running {
    began: Time,
    strategy: &'static str,
    hits: mpsc::Sender<SearchHit>,
    messages: watch::Sender<u64>,
}

impl Searches {
    /// Begins one; the sender serves to notice that nobody listens any more.
    pub(super) fn begin(
        &mut self,
        guid: Guid,
        now: Time,
        strategy: &'static str,
        prospect: Prospect,
    ) -> (Search, mpsc::Sender<SearchHit>) {
        let (sender, hits) = mpsc::channel(WAITING_HITS);
        let (count, messages) = watch::channel(0);
        let running = Running {
            began: now,
            strategy,
            hits: sender.clone(),
            messages: count,
        };
        self.running.insert(guid, running);
        let search = Search {
            guid,
            hits,
            messages,
            prospect: Some(Box::new(prospect)),
        };
        (search, sender)
    }

    /// Forgets one.
    pub(super) fn end(&mut self, guid: Guid) {
        self.running.remove(&guid);
    }

    /// Hands a hit to whoever asked.
    pub(super) fn found(&mut self, guid: Guid, hit: QueryHit, hops: u8, at: Time) {
        let Some(search) = self.running.get(&guid) else {
            return;
        };
        let found = SearchHit {
            hit,
            hops,
            after: at.since(search.began),
            strategy: search.strategy,
            through: None,
        };
        if search.hits.try_send(found).is_err() {
            self.lost += 1;
        }
    }

    /// Counts a Query that left us, if it is one of ours.
    pub(super) fn sent(&self, guid: Guid) {
        if let Some(search) = self.running.get(&guid) {
            search.messages.send_modify(|count| *count += 1);
        }
    }

    /// How many are under way.
    pub(super) fn len(&self) -> usize {
        self.running.len()
    }

    /// Hits nobody had room for.
    pub(super) const fn lost(&self) -> u64 {
        self.lost
    }
}
