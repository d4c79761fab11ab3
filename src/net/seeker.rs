//! Looks for further sources of unfinished downloads, tries those again that have one source only, and sends the Pushes they
//! ask for.
//!
//! The one rule: the network is asked rarely. A content is asked for only while it has few sources, at most once a minute in
//! all, and each time twice as long after the last (gtk-gnutella and LimeWire both punish whoever repeats himself).

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

use super::inbox::{Inbox, Order, Report};
use crate::transfer::{DownloadId, DownloadState, Downloads, Source};
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
        let (mut dues, mut retries) = (HashMap::new(), HashMap::new());
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
                    retry(&self.downloads, now, &mut retries);
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
        dues.retain(|known, _| hungry.binary_search_by_key(known, |(id, ..)| *id).is_ok());
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

/// Tries downloads again that failed because a user of an index was not to be reached.
fn retry(downloads: &Downloads, now: Instant, dues: &mut HashMap<DownloadId, Due>) {
    let is_unfinished = |id: DownloadId| {
        let status = downloads.watch(id);
        status.is_some_and(|status| status.borrow().state != DownloadState::Complete)
    };
    dues.retain(|id, _| is_unfinished(*id));
    for id in downloads.lost() {
        let due = dues.entry(id).or_insert(Due {
            at: now + WAITS.0,
            wait: WAITS.0 * 2,
        });
        if due.at <= now {
            downloads.resume(id);
            *due = Due {
                at: now + due.wait,
                wait: (due.wait * 2).min(WAITS.1),
            };
        }
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

#[cfg(test)]
mod tests {
    use std::io;

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn who_was_not_reached_is_tried_again_ever_later() {
        let folder = tempfile::tempdir().expect("a folder");
        let downloads = Downloads::open(&folder.path().join("data"), folder.path(), "test/1");
        let downloads = downloads.expect("it opens");
        let owner = "tekb a tune.mp3".parse().expect("an owner");
        let away = || async { Err(io::ErrorKind::ConnectionRefused.into()) }.boxed();
        let id = downloads.receive("tune.mp3", 5, None, owner, away());
        let id = id.expect("it begins");
        let mut status = downloads.watch(id).expect("it is known");
        let over = status.wait_for(|status| status.state.is_final()).await;
        assert_eq!(over.expect("it is watched").state, DownloadState::Failed);
        let (mut dues, begun) = (HashMap::new(), Instant::now());
        for seconds in [0, 59] {
            retry(&downloads, begun + Duration::from_secs(seconds), &mut dues);
            assert_eq!(status.borrow().state, DownloadState::Failed);
        }
        retry(&downloads, begun + WAITS.0, &mut dues);
        assert_eq!(status.borrow().state, DownloadState::Waiting);
        assert_eq!(dues[&id].at, begun + WAITS.0 * 3);
        assert!(downloads.cancel(id));
        retry(&downloads, begun + WAITS.0, &mut dues);
        assert!(dues.is_empty());
    }
}
