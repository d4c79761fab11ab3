//! One shared file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use crate::wire::{Record, Sha1};

/// One shared file, as the last scan saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedFile {
    /// Its number in hits and `/get/` requests; given by [`super::Library::insert`].
    pub index: u32,
    /// The shared folder it was found under.
    pub root: Arc<Path>,
    /// Its path below that folder.
    pub relative: PathBuf,
    /// Its name as told to others: the last part of the path, as UTF-8.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last changed.
    pub modified: SystemTime,
    /// Its digest, once hashed.
    pub sha1: Option<Sha1>,
}

impl SharedFile {
    /// Root and relative path together.
    pub fn path(&self) -> PathBuf {
        self.root.join(&self.relative)
    }
    /// It as a record of a hit.
    pub fn record(&self) -> Record {
        todo!()
    }
}
