//! Serving files.

use std::net::SocketAddrV4;
use std::sync::Arc;

use bytes::BytesMut;
use tokio::net::TcpStream;

use crate::librarian::Shelf;
use crate::wire::Guid;

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
pub struct Uploads {}

impl Uploads {
    /// No uploads yet; at most `slots` at once.
    pub fn new(_shelf: Shelf, _identity: Identity, _slots: usize) -> Arc<Self> {
        todo!()
    }
    /// Answers the HTTP requests of one connection until it ends. `first` was already read from it.
    pub async fn serve(
        self: Arc<Self>,
        _stream: TcpStream,
        _remote: SocketAddrV4,
        _first: BytesMut,
    ) {
        todo!()
    }
    /// Answers a Push: connects to `addr`, says GIV, and serves what is then asked.
    pub async fn give(self: Arc<Self>, _addr: SocketAddrV4, _index: u32) {
        todo!()
    }
    /// The uploads running now.
    pub fn list(&self) -> Vec<UploadStatus> {
        todo!()
    }
    /// How many were completed since the start.
    pub fn completed(&self) -> u64 {
        todo!()
    }
    /// Whether all slots are taken.
    pub fn busy(&self) -> bool {
        todo!()
    }
}
