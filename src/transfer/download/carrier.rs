//! Files that only an index can name the owners of: begun when one is coming, and brought again by whoever reaches users of
//! the index.

use std::fmt;
use std::io;
use std::sync::OnceLock;

use futures_util::future::BoxFuture;

use super::name::safe_name;
use super::store::Ticket;
use super::{Delivery, DownloadId, Downloads};
use crate::central::IndexSource;
use crate::wire::Sha1;

/// A file on its way.
pub type Coming = BoxFuture<'static, io::Result<Delivery>>;

/// Has a file of so many bytes come from a user of the index, from one of them on.
type Fetch = dyn Fn(IndexSource, u64, u64) -> Coming + Send + Sync;

/// Whoever can reach users of an index.
#[derive(Default)]
pub(super) struct Carrier(OnceLock<Box<Fetch>>);

impl fmt::Debug for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Carrier")
            .field(&self.0.get().is_some())
            .finish()
    }
}

impl Carrier {
    pub(super) async fn bring(
        &self,
        owner: IndexSource,
        size: u64,
        from: u64,
    ) -> io::Result<Delivery> {
        match self.0.get() {
            Some(fetch) => fetch(owner, size, from).await,
            None => Err(io::Error::other("no index is named that knows its owner")),
        }
    }
}

impl Downloads {
    /// Notes who fetches from users of an index: of a file of so many bytes those from one on. Once; later calls change
    /// nothing.
    pub fn deliver_by(
        &self,
        fetch: impl Fn(IndexSource, u64, u64) -> Coming + Send + Sync + 'static,
    ) {
        let _ = self.shared.carrier.0.set(Box::new(fetch));
    }

    /// Begins a download from a user of an index, who has been asked and whose file is `coming`. One of the same file that
    /// failed goes on with it; where one is under way nothing else is begun.
    ///
    /// # Errors
    /// The store cannot be written, holds too many downloads, or is being closed.
    pub fn receive(
        &self,
        name: &str,
        size: u64,
        sha1: Option<Sha1>,
        owner: IndexSource,
        coming: Coming,
    ) -> io::Result<DownloadId> {
        let ticket = Ticket {
            owner: Some(owner),
            ..Ticket::new(safe_name(name), Some(size), sha1)
        };
        self.begin(ticket, Some(coming))
    }
}
