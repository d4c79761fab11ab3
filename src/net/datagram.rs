//! The socket for datagrams, beside the port for connections.
//!
//! The one rule: a datagram may be lost, so nobody waits for one. What comes too fast, from one address or for the limit of
//! messages, is thrown away and counted, what comes while the actor is busy waits in line like a neighbour's word, and what
//! the limit or the system does not take at once is not sent.

use std::io;
use std::net::{SocketAddr, SocketAddrV4};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use lru::LruCache;
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep};

use super::inbox::{Inbox, Report};
use crate::transfer::Limit;
use crate::wire::{Descriptor, datagram};

/// The longest datagram there is.
const LONGEST: usize = 65_535;

/// Datagrams taken from one address in each second: an answer to a search is some ten.
const FROM_ONE: u32 = 50;

/// Datagrams taken in each second from all: some milliseconds of the actor's time.
const FROM_ALL: u32 = 2_000;

/// Senders whose datagrams are counted.
const ADDRESSES: NonZeroUsize = NonZeroUsize::new(1_024).expect("it is not zero");

/// How long to leave the socket alone when it fails.
const TROUBLE: Duration = Duration::from_millis(100);

/// The socket, and what did not pass it.
#[derive(Clone, Debug)]
pub(super) struct Datagrams {
    socket: Arc<UdpSocket>,
    lost: Arc<AtomicU64>,
    /// How fast they may go out and come in.
    limits: [Limit; 2],
}

impl Datagrams {
    /// Binds the same address and port as for connections.
    ///
    /// # Errors
    /// They are taken.
    pub(super) async fn bind(addr: SocketAddrV4) -> io::Result<Self> {
        let socket = UdpSocket::bind(addr).await?;
        // From now on the system says when it takes no more.
        socket.writable().await?;
        Ok(Self {
            socket: Arc::new(socket),
            lost: Arc::default(),
            limits: <[Limit; 2]>::default(),
        })
    }

    /// The same, but held to these limits of what goes out and what comes in.
    pub(super) fn within(self, limits: [Limit; 2]) -> Self {
        Self { limits, ..self }
    }

    /// Sends a datagram now or not at all.
    pub(super) fn send(&self, addr: SocketAddrV4, descriptor: &Descriptor) {
        let bytes = datagram::write(descriptor);
        if !self.limits[0].admits_datagram(bytes.len()) {
            self.lost.fetch_add(1, Relaxed);
            return;
        }
        if let Err(error) = self.socket.try_send_to(&bytes, addr.into()) {
            self.lost.fetch_add(1, Relaxed);
            tracing::debug!(%addr, %error, "a datagram was not sent");
        }
    }

    /// Datagrams lost on our side: malformed, too many, above a limit, or not taken by the system.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }

    /// Receives for ever.
    pub(super) async fn run(self, inbox: Inbox) {
        let mut buffer = vec![0; LONGEST];
        let mut pace = Pace::new(Instant::now());
        loop {
            // The runtime has others take their turn however fast datagrams come.
            let (len, from) = match self.socket.recv_from(&mut buffer).await {
                Ok((len, SocketAddr::V4(from))) => (len, from),
                Ok((_, SocketAddr::V6(_))) => continue,
                Err(error) => {
                    tracing::debug!(%error, "no datagram received");
                    sleep(TROUBLE).await;
                    continue;
                }
            };
            let is_admitted =
                pace.admit(Instant::now(), sender(from)) && self.limits[1].admits_datagram(len);
            let read = is_admitted.then(|| datagram::read(&buffer[..len]));
            let Some(Ok(descriptor)) = read else {
                self.lost.fetch_add(1, Relaxed);
                continue;
            };
            // In line with the links, one at a time; meanwhile the system keeps what comes, and drops what is too much.
            let report = Report::Datagram { from, descriptor };
            if inbox.send(report).await.is_err() {
                return;
            }
        }
    }
}

/// How many datagrams have come in this second.
#[derive(Debug)]
struct Pace {
    since: Instant,
    all: u32,
    from: LruCache<SocketAddrV4, u32>,
}

impl Pace {
    fn new(now: Instant) -> Self {
        Self {
            since: now,
            all: 0,
            from: LruCache::new(ADDRESSES),
        }
    }

    /// Whether one more from there is taken. Who sends too many uses up nobody's share but his.
    fn admit(&mut self, now: Instant, from: SocketAddrV4) -> bool {
        if now - self.since >= Duration::from_secs(1) {
            self.since = now;
            self.all = 0;
            self.from.clear();
        }
        let count = self.from.get_or_insert_mut(from, || 0);
        *count += 1;
        if *count > FROM_ONE || self.all >= FROM_ALL {
            return false;
        }
        self.all += 1;
        true
    }
}

/// Who sent it: an address, with all its ports. On our own machine or site each port may be somebody else.
fn sender(from: SocketAddrV4) -> SocketAddrV4 {
    let near = from.ip().is_loopback() || from.ip().is_private();
    SocketAddrV4::new(*from.ip(), if near { from.port() } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_told_apart_only_nearby() {
        let same = |a: &str, b: &str| {
            let [a, b] = [a, b].map(|addr| sender(addr.parse().expect("an address")));
            a == b
        };
        assert!(same("44.1.0.1:1", "44.1.0.1:2"));
        assert!(!same("127.0.0.1:1", "127.0.0.1:2"));
        assert!(!same("192.168.0.1:1", "192.168.0.1:2"));
    }

    #[test]
    fn a_flood_from_one_address_leaves_room_for_others() {
        let began = Instant::now();
        let mut pace = Pace::new(began);
        let ip = |last: u32| sender(SocketAddrV4::new((0x2c00_0000 + last).into(), last as u16));
        let taken = (0..100_000).filter(|_| pace.admit(began, ip(1))).count();
        assert_eq!(taken, FROM_ONE as usize);
        assert!(pace.admit(began, ip(2)));
        let taken = (0..100_000)
            .filter(|last| pace.admit(began, ip(*last)))
            .count();
        assert!(taken < FROM_ALL as usize);
        assert!(pace.from.len() <= ADDRESSES.get());
        assert!(!pace.admit(began, ip(3)));
        assert!(pace.admit(began + Duration::from_secs(1), ip(1)));
    }
}
