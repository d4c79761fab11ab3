//! The running servent, as its owner holds it.

use std::io;
use std::net::SocketAddrV4;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::{PeerStatus, Settings, Status};
use crate::librarian::{Census, Shelf};
use crate::transfer::{Downloads, Uploads};
use crate::wire::{Guid, Query, QueryHit};

/// A running servent. Clones are handles on the same one.
#[derive(Clone, Debug)]
pub struct Servent {}

/// A search under way. Dropping it ends it.
#[derive(Debug)]
pub struct Search {
    /// Its GUID.
    pub guid: Guid,
    /// Hits as they come; ends when the servent stops.
    pub hits: mpsc::Receiver<SearchHit>,
    /// Query descriptors it has caused so far, as far as we can count.
    pub messages: watch::Receiver<u64>,
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
}

impl Servent {
    /// Binds the port, opens the stores, begins to share and to look for neighbours.
    ///
    /// # Errors
    /// No address of `settings.listen` is free, or a store cannot be opened.
    pub async fn start(_settings: Settings) -> io::Result<Self> {
        todo!()
    }
    /// Where it listens.
    pub fn listen(&self) -> SocketAddrV4 {
        todo!()
    }
    /// Its GUID.
    pub fn guid(&self) -> Guid {
        todo!()
    }
    /// How many neighbours it has, now and later.
    pub fn neighbours(&self) -> watch::Receiver<usize> {
        todo!()
    }
    /// Asks the network.
    pub async fn search(&self, _query: Query, _ttl: Option<u8>) -> Search {
        todo!()
    }
    /// The neighbours.
    pub async fn peers(&self) -> Vec<PeerStatus> {
        todo!()
    }
    /// All figures.
    pub async fn status(&self) -> Status {
        todo!()
    }
    /// Dials; returns once the link is up.
    ///
    /// # Errors
    /// Why it is not.
    pub async fn connect(&self, _addr: SocketAddrV4) -> io::Result<()> {
        todo!()
    }
    /// Hangs up on the neighbour at `addr` (listening address or far end of the socket); false when there is none.
    pub async fn disconnect(&self, _addr: SocketAddrV4) -> bool {
        todo!()
    }
    /// The library.
    pub fn shelf(&self) -> Shelf {
        todo!()
    }
    /// How far the librarian is.
    pub fn census(&self) -> watch::Receiver<Census> {
        todo!()
    }
    /// Walks the shared folders again.
    pub fn rescan(&self) {
        todo!()
    }
    /// The downloads.
    pub fn downloads(&self) -> &Downloads {
        todo!()
    }
    /// The uploads.
    pub fn uploads(&self) -> &Uploads {
        todo!()
    }
    /// Says Bye to the neighbours, saves the hosts, stops transfers; done within 2 s.
    pub async fn stop(&self) {
        todo!()
    }
}
