//! The librarian: a thread that walks the shared folders, hashes what it finds, watches for changes, and keeps the
//! [`Library`] true to the disk.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use tokio::sync::watch;

use crate::library::Library;

/// The library as everybody shares it: locked for the length of a lookup, never across an await.
pub type Shelf = Arc<RwLock<Library>>;

/// How far the librarian has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Files shared.
    pub files: u64,
    /// Bytes shared.
    pub bytes: u64,
    /// Files not yet hashed.
    pub unhashed: u64,
    /// Whole scans done since the start.
    pub scans: u64,
}

/// A running librarian; it ends when dropped.
#[derive(Debug)]
pub struct Librarian {}

impl Librarian {
    /// Starts walking `folders`. Digests are cached in `data`; nothing below one of `never` is shared.
    ///
    /// # Errors
    /// The cache in `data` cannot be opened or made.
    pub fn start(_folders: Vec<PathBuf>, _data: &Path, _never: Vec<PathBuf>) -> io::Result<Self> {
        todo!()
    }
    /// The library it keeps.
    pub fn shelf(&self) -> Shelf {
        todo!()
    }
    /// Walks again soon; [`Census::scans`] rises when done.
    pub fn rescan(&self) {
        todo!()
    }
    /// How far it is, now and later.
    pub fn census(&self) -> watch::Receiver<Census> {
        todo!()
    }
}
