//! Turns: how many requests run at once, in all and to one host, and the connections that wait for the next one.

use std::net::SocketAddrV4;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::lines::{Host, Lines, Place};
use super::{DownloadId, Priority};
use crate::transfer::session::Session;

/// How many requests run at once: enough to fill a line from slow hosts.
const MAX_RUNNING: usize = 32;

/// How many run at once to one host: a large file is not to hold up a small one, and a host has few slots to give.
const MAX_PER_HOST: usize = 2;

/// How many connections wait for the next request to their host.
const MAX_IDLE: usize = 64;

/// How long a connection waits: less than servents keep a silent one.
const IDLE_LIMIT: Duration = Duration::from_secs(20);

/// Who is served first: the higher priority, then the older download, so that files become complete one after the other.
pub(super) type Rank = (Priority, DownloadId);

/// The hosts we fetch from. Clones are handles on the same ones.
///
/// A connection is kept for the next request: gtk-gnutella bans an address for its sixth connection within a minute.
#[derive(Clone, Debug, Default)]
pub(super) struct Hosts(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    running: Vec<Host>,
    waiting: Lines<oneshot::Sender<Turn>>,
    next: u64,
    idle: Vec<(Instant, Session)>,
}

/// The right to ask a host; given back when dropped.
#[derive(Debug)]
pub(super) struct Turn {
    hosts: Hosts,
    host: Host,
}

impl Hosts {
    /// Waits for a turn to ask a host; of one whom only an index can name it is not known which that is.
    pub(super) async fn turn(&self, host: impl Into<Host>, rank: Rank) -> Turn {
        let host = host.into();
        loop {
            let (call, called) = oneshot::channel();
            let _waiting = self.wait(host, rank, call);
            self.call();
            // The call is never dropped unanswered, but should it be, asking again does no harm.
            if let Ok(turn) = called.await {
                return turn;
            }
        }
    }

    fn wait(&self, host: Host, rank: Rank, call: oneshot::Sender<Turn>) -> Waiting<'_> {
        let mut table = self.table();
        table.next += 1;
        let place = (rank, table.next);
        table.waiting.join(host, place, call);
        let hosts = self;
        Waiting { hosts, host, place }
    }

    /// A connection to a host that is still good, if one waits.
    pub(super) fn take_idle(&self, host: SocketAddrV4) -> Option<Session> {
        let idle = &mut self.table().idle;
        idle.retain(|(since, session)| since.elapsed() < IDLE_LIMIT && session.is_reusable());
        let at = idle
            .iter()
            .position(|(_, session)| session.host() == host)?;
        Some(idle.remove(at).1)
    }

    /// Keeps a connection for the next request, if it is good for one.
    pub(super) fn keep_idle(&self, session: Session) {
        let idle = &mut self.table().idle;
        idle.retain(|(since, session)| since.elapsed() < IDLE_LIMIT && session.is_reusable());
        if session.is_reusable() && idle.len() < MAX_IDLE {
            idle.push((Instant::now(), session));
        }
    }

    fn end(&self, host: Host) {
        let running = &mut self.table().running;
        if let Some(at) = running.iter().position(|other| *other == host) {
            running.swap_remove(at);
        }
    }

    /// Calls all whose turn it is.
    fn call(&self) {
        loop {
            let mut table = self.table();
            let Some((host, call)) = table.next_in_turn() else {
                return;
            };
            table.running.push(host);
            // Whoever has gone meanwhile gives his turn back by not taking it; the lock must be free for that.
            drop(table);
            let hosts = self.clone();
            drop(call.send(Turn { hosts, host }));
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Takes out who is next, if there is a turn for him.
    fn next_in_turn(&mut self) -> Option<(Host, oneshot::Sender<Turn>)> {
        let running = &self.running;
        let is_free = |host: Host| {
            let of_host = running.iter().filter(|other| **other == host);
            host.is_none() || of_host.count() < MAX_PER_HOST
        };
        let room = running.len() < MAX_RUNNING;
        let (host, place) = { room }.then(|| self.waiting.first(is_free)).flatten()?;
        let call = self.waiting.leave(host, place)?;
        Some((host, call))
    }
}

/// Somebody who waits; dropped, he waits no more.
struct Waiting<'a> {
    hosts: &'a Hosts,
    host: Host,
    place: Place,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.hosts.table().waiting.leave(self.host, self.place);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.hosts.end(self.host);
        self.hosts.call();
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const NORMAL: Rank = (Priority::Normal, DownloadId(5));

    fn host(port: u16) -> SocketAddrV4 {
        SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)
    }

    #[tokio::test(start_paused = true)]
    async fn turns_are_limited_by_host_and_in_all() {
        let hosts = Hosts::default();
        let soon =
            |port| tokio::time::timeout(Duration::from_secs(1), hosts.turn(host(port), NORMAL));
        let mut turns = Vec::new();
        for _ in 0..MAX_PER_HOST {
            turns.push(soon(1).await.expect("a turn is free"));
        }
        assert!(soon(1).await.is_err());
        // Whom only an index can name may be anybody.
        let unknown = [(); MAX_PER_HOST + 1].map(|()| hosts.turn(None, NORMAL));
        turns.extend(futures_util::future::join_all(unknown).await);
        for port in 2.. {
            if turns.len() == MAX_RUNNING {
                break;
            }
            turns.push(soon(port).await.expect("a turn is free"));
        }
        assert!(soon(999).await.is_err());
        turns.pop();
        assert!(soon(999).await.is_ok());
        drop(turns);
        assert!(soon(1).await.is_ok());
        assert!(hosts.table().waiting.is_empty() && hosts.table().running.is_empty());
    }

    #[tokio::test]
    async fn the_first_in_rank_is_called_first() {
        let hosts = Hosts::default();
        let mut held = vec![
            hosts.turn(host(1), NORMAL).await,
            hosts.turn(host(1), NORMAL).await,
        ];
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        for rank in [
            (Priority::Low, DownloadId(1)),
            (Priority::Normal, DownloadId(7)),
            (Priority::Normal, DownloadId(6)),
            (Priority::High, DownloadId(9)),
        ] {
            let (hosts, tell) = (hosts.clone(), tell.clone());
            tokio::spawn(async move {
                let turn = hosts.turn(host(1), rank).await;
                let _ = tell.send(rank.1.0);
                drop(turn);
            });
            tokio::task::yield_now().await;
        }
        held.pop();
        let mut order = Vec::new();
        for _ in 0..4 {
            order.push(told.recv().await.expect("all get their turn"));
        }
        assert_eq!(order, [9, 6, 7, 1]);
    }
}
