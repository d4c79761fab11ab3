//! Looks for further sources of unfinished downloads, and sends the Pushes they ask for.
//!
//! The one rule: the network is asked rarely. A content is asked for only while it has few sources, at most once a minute in
//! all, and each time twice as long after the last (gtk-gnutella and LimeWire both punish whoever repeats himself).

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

use super::inbox::{Inbox, Order, Report};
use crate::transfer::{DownloadId, Downloads, Source};
use crate::wire::{Query, Sha1, Urn};

/// How often is looked whether something is due.
const LOOK: Duration = Duration::from_secs(2);

/// With so many sources a download needs no more.
const ENOUGH: usize = 4;

/// When a download is asked for first: at once if it has no source, else when it has had time to end.
const FIRST: Duration = Duration::from_secs(30);

/// The first and the longest wait between two questions for the same content.
const WAITS: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(3600));

/// How long after one question the next one goes out.
const PAUSE: Duration = Duration::from_secs(10);

/// How long answers are listened for.
const LISTEN: Duration = Duration::from_secs(20);

/// The one who looks.
#[derive(Debug)]
pub(super) struct Seeker {
    pub(super) inbox: Inbox,
    pub(super) downloads: Downloads,
    pub(super) neighbours: watch::Receiver<usize>,
}

/// When a content is asked for next, and how long after that again.
#[derive(Clone, Copy, Debug)]
struct Due {
    at: Instant,
    wait: Duration,
}

impl Seeker {
    /// Looks until the servent is gone.
    pub(super) async fn run(self) {
        let mut calls = self.downloads.push_calls();
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut dues = HashMap::new();
        let mut pause = Instant::now();
        loop {
            tokio::select! {
                Some(call) = async { calls.as_mut()?.recv().await } => {
                    if self.inbox.send(Report::Order(Order::Push(call))).await.is_err() {
                        return;
                    }
                }
                _ = look.tick() => {
                    let now = Instant::now();
                    if now < pause || *self.neighbours.borrow() == 0 {
                        continue;
                    }
                    if let Some((id, sha1)) = self.due(now, &mut dues) {
                        pause = now + PAUSE;
                        tokio::spawn(seek(self.inbox.clone(), self.downloads.clone(), id, sha1));
                    }
                }
            }
        }
    }

    /// What is to be asked for now.
    fn due(&self, now: Instant, dues: &mut HashMap<DownloadId, Due>) -> Option<(DownloadId, Sha1)> {
        let mut hungry = self.downloads.hungry();
        hungry.retain(|(_, _, sources)| *sources < ENOUGH);
        dues.retain(|known, _| hungry.iter().any(|(id, ..)| id == known));
        for (id, sha1, sources) in hungry {
            let first = if sources == 0 { now } else { now + FIRST };
            let due = dues.entry(id).or_insert(Due {
                at: first,
                wait: WAITS.0,
            });
            if due.at <= now {
                let wait = (due.wait * 2).min(WAITS.1);
                *due = Due {
                    at: now + due.wait,
                    wait,
                };
                return Some((id, sha1));
            }
        }
        None
    }
}

/// Asks the network for a content, and gives the download whoever has it.
async fn seek(inbox: Inbox, downloads: Downloads, id: DownloadId, sha1: Sha1) {
    let (reply, answer) = oneshot::channel();
    let query = Query::urn(Urn::Sha1(sha1));
    let order = Order::Search {
        query,
        by: None,
        reply,
    };
    if inbox.send(Report::Order(order)).await.is_err() {
        return;
    }
    let Ok(mut search) = answer.await else { return };
    let until = Instant::now() + LISTEN;
    while let Ok(Some(found)) = timeout_at(until, search.hits.recv()).await {
        for record in &found.hit.records {
            if record.sha1() != Some(sha1) {
                continue;
            }
            if !downloads.add_source(id, Source::of(&found.hit, record)) {
                return;
            }
        }
    }
}
