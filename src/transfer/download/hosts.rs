//! Turns: how many downloads run at once, in all and from one host, and the connections that wait for the next one.

use std::collections::HashMap;
use std::net::SocketAddrV4;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::transfer::session::Session;

/// How many downloads run at once: enough to fill a line from slow hosts.
const MAX_RUNNING: usize = 16;

/// How many run at once from one host: a large file is not to hold up a small one, and a host has few slots to give.
const MAX_PER_HOST: usize = 2;

/// How many connections wait for the next download from their host.
const MAX_IDLE: usize = 32;

/// How long a connection waits: less than servents keep a silent one.
const IDLE_LIMIT: Duration = Duration::from_secs(20);

/// The hosts we fetch from.
///
/// A connection is kept for the next file: gtk-gnutella bans an address for its sixth connection within a minute.
#[derive(Debug)]
pub(super) struct Hosts {
    running: Arc<Semaphore>,
    gates: Mutex<HashMap<SocketAddrV4, Arc<Semaphore>>>,
    idle: Mutex<Vec<(Instant, Session)>>,
}

/// The right to fetch from a host; given back when dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _of_host: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Hosts {
    pub(super) fn new() -> Self {
        Self {
            running: Arc::new(Semaphore::new(MAX_RUNNING)),
            gates: Mutex::default(),
            idle: Mutex::default(),
        }
    }

    /// Waits for a turn to fetch from a host; first come, first served.
    pub(super) async fn turn(&self, host: SocketAddrV4) -> Turn {
        const OPEN: &str = "no turn is ever closed";
        let gate = {
            let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
            // A gate nobody has or waits for need not be remembered.
            gates.retain(|_, gate| Arc::strong_count(gate) > 1);
            let new = || Arc::new(Semaphore::new(MAX_PER_HOST));
            Arc::clone(gates.entry(host).or_insert_with(new))
        };
        // The host's turn first: who waits for a busy host must not keep others from idle ones.
        let of_host = gate.acquire_owned().await.expect(OPEN);
        let of_all = Arc::clone(&self.running).acquire_owned().await.expect(OPEN);
        Turn {
            _of_host: of_host,
            _of_all: of_all,
        }
    }

    /// A connection to a host that is still good, if one waits.
    pub(super) fn take_idle(&self, host: SocketAddrV4) -> Option<Session> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(since, session)| since.elapsed() < IDLE_LIMIT && session.is_reusable());
        let at = idle
            .iter()
            .position(|(_, session)| session.host() == host)?;
        Some(idle.remove(at).1)
    }

    /// Keeps a connection for the next download, if it is good for one.
    pub(super) fn keep_idle(&self, session: Session) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(since, session)| since.elapsed() < IDLE_LIMIT && session.is_reusable());
        if session.is_reusable() && idle.len() < MAX_IDLE {
            idle.push((Instant::now(), session));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn host(port: u16) -> SocketAddrV4 {
        SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)
    }

    #[tokio::test(start_paused = true)]
    async fn turns_are_limited_by_host_and_in_all() {
        let hosts = Hosts::new();
        let soon = |port| tokio::time::timeout(Duration::from_secs(1), hosts.turn(host(port)));
        let mut turns = Vec::new();
        for _ in 0..MAX_PER_HOST {
            turns.push(soon(1).await.expect("a turn is free"));
        }
        assert!(soon(1).await.is_err());
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
        assert_eq!(hosts.gates.lock().expect("whole").len(), 1);
    }
}
