//! Serving files.
//!
//! The one rule: what a response promises is sent, or the connection ends. A file that changes while it goes out ends
//! it; so does a reader that stalls, for it holds a slot.

mod answer;
mod body;
mod connection;
mod mesh;
mod napster;
#[cfg(target_os = "linux")]
mod pipe;
mod proxy;
mod queue;
mod relay;
mod shelf;
mod slots;
#[cfg(target_os = "linux")]
mod sprint;
mod swarming;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};

pub use self::proxy::PushWish;
pub use self::relay::RelayStatus;

use self::connection::Connection;
use self::mesh::Mesh;
use self::relay::Relays;
use self::slots::Slots;
use super::channel::within;
use super::download::Downloads;
use super::http::Giv;
use super::limit::Limit;
use super::lobby::Lobby;
use crate::librarian::{Shelf, Trees};
use crate::wire::Guid;

/// How long a Push may keep us connecting.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// How many Pushes are answered at once: anybody may send them, naming any address.
const MAX_GIVING: usize = 32;

/// How many are told at once what we share: each costs walks through the whole library.
const MAX_BROWSING: usize = 4;

/// Who we say we are.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Our servent GUID.
    pub guid: Guid,
    /// `Server` and `User-Agent`: `servent/0.1.0`.
    pub agent: String,
}

/// One upload that runs, or ended a moment ago.
#[derive(Clone, Debug)]
pub struct UploadStatus {
    /// The file's name.
    pub name: String,
    /// Whom it goes to.
    pub to: SocketAddrV4,
    /// Its `User-Agent`, as sent.
    pub agent: String,
    /// The bytes sent of this request.
    pub sent: u64,
    /// The bytes this request asked for.
    pub length: u64,
    /// Whether it still runs.
    pub running: bool,
}

/// The uploads of a servent: slots, and who uses them.
#[derive(Debug)]
pub struct Uploads {
    shelf: Shelf,
    identity: Identity,
    slots: Slots,
    limit: Limit,
    giving: Semaphore,
    browsing: Semaphore,
    lobby: Lobby,
    mesh: Arc<Mesh>,
    also: OnceLock<(Trees, Downloads)>,
    push_wishes: OnceLock<mpsc::Sender<PushWish>>,
    relays: Relays,
    repays: AtomicBool,
}

impl Uploads {
    /// No uploads yet; at most `slots` at once.
    pub fn new(shelf: Shelf, identity: Identity, slots: usize) -> Arc<Self> {
        Arc::new(Self {
            shelf,
            identity,
            slots: Slots::new(slots),
            limit: Limit::default(),
            giving: Semaphore::new(MAX_GIVING),
            browsing: Semaphore::new(MAX_BROWSING),
            lobby: Lobby::default(),
            mesh: Arc::default(),
            also: OnceLock::new(),
            push_wishes: OnceLock::new(),
            relays: Relays::default(),
            repays: AtomicBool::new(false),
        })
    }

    /// Serves hash trees too, and what is right of unfinished downloads. Once; later calls change nothing.
    pub fn serve_also(&self, trees: Trees, downloads: Downloads) {
        let _ = self.also.set((trees, downloads));
    }

    /// Lets those who brought us more of what we downloaded go first in the queue, or not.
    pub fn repay(&self, tit_for_tat: bool) {
        self.repays.store(tit_for_tat, Ordering::Relaxed);
    }

    /// What somebody has brought us, if that counts.
    fn credit(&self, whom: Ipv4Addr) -> u64 {
        let repays = self.repays.load(Ordering::Relaxed);
        let downloads = self.also.get().filter(|_| repays);
        downloads.map_or(0, |(_, downloads)| downloads.credit().of(whom))
    }

    /// How fast all of them together may be.
    pub const fn limit(&self) -> &Limit {
        &self.limit
    }

    /// Joins those who have us for their push proxy with others to whom they cannot connect, and passes on up to so many bytes
    /// an hour for all of them; 0 for nobody.
    pub fn relay(&self, hourly: u64) {
        self.relays.set(hourly);
    }

    /// How it stands with that.
    pub fn relay_status(&self) -> RelayStatus {
        self.relays.status()
    }

    /// Answers the HTTP requests of one connection until it ends. `first` was already read from it.
    ///
    /// It ends by itself: a head takes 5 s at most, the silence between two requests 30 s, a reader that takes
    /// nothing a minute. While it waits for a head it has a seat in [`Self::lobby`]. Dropping the future ends it at once.
    pub async fn serve(self: Arc<Self>, stream: TcpStream, remote: SocketAddrV4, first: BytesMut) {
        self.attend(stream, remote, first, false).await;
    }

    /// Where connections wait for their next request, and those of the same door that may yet turn out to bring one.
    pub fn lobby(&self) -> &Lobby {
        &self.lobby
    }

    /// Answers a Push: connects to `addr`, says GIV, and serves what is then asked.
    ///
    /// Above 32 at once a Push is passed over; whoever sent it will send another.
    pub async fn give(self: Arc<Self>, addr: SocketAddrV4, index: u32) {
        let Ok(_permit) = self.giving.try_acquire() else {
            tracing::debug!(%addr, "too many pushes at once");
            return;
        };
        let greet = async {
            let mut stream = TcpStream::connect(addr).await?;
            stream.write_all(self.giv(index).as_bytes()).await?;
            Ok(stream)
        };
        match within(CONNECT_LIMIT, greet).await {
            Ok(stream) => self.attend(stream, addr, BytesMut::new(), true).await,
            Err(error) => tracing::debug!(%addr, %error, "a push could not be answered"),
        }
    }

    /// The uploads that run, and the few that ended last.
    pub fn list(&self) -> Vec<UploadStatus> {
        self.slots.list()
    }

    /// How many were completed since the start: requests answered up to the last byte of their file.
    pub fn completed(&self) -> u64 {
        self.slots.completed()
    }

    /// How many wait in the queue for a slot.
    pub fn waiting(&self) -> usize {
        self.slots.waiting()
    }

    /// Whether all slots are taken, or kept for those who wait.
    pub fn busy(&self) -> bool {
        self.slots.busy()
    }

    async fn attend(&self, stream: TcpStream, remote: SocketAddrV4, first: BytesMut, given: bool) {
        let connection = Connection::new(self, stream, remote, first, given);
        if let Err(error) = connection.run().await {
            tracing::debug!(%remote, %error, "an HTTP connection ended");
        }
    }

    /// The line that answers a Push for a file, and the empty one that ends it.
    fn giv(&self, index: u32) -> String {
        let library = self.shelf.read().unwrap_or_else(PoisonError::into_inner);
        let name = library.get(index).map_or("file", |file| &file.name);
        let giv = Giv {
            index,
            servent: self.identity.guid,
            name: name.to_owned(),
        };
        format!("{giv}\n\n")
    }
}
