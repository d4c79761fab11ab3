//! What we share: files by number, by words and by SHA-1. Pure: no disk, no thread.

mod file;

pub use file::SharedFile;

use std::path::Path;

use crate::wire::{Query, Record, Sha1};

/// The shared files and their indices.
#[derive(Debug, Default)]
pub struct Library {}

impl Library {
    /// An empty library.
    pub fn new() -> Self {
        todo!()
    }
    /// Adds a file, or replaces the one of the same path (whose index it keeps); returns its index.
    pub fn insert(&mut self, _file: SharedFile) -> u32 {
        todo!()
    }
    /// Takes a file out.
    pub fn remove(&mut self, _path: &Path) -> bool {
        todo!()
    }
    /// Notes the digest of a file, if it still is the one that was hashed.
    pub fn set_sha1(&mut self, _index: u32, _sha1: Sha1) {
        todo!()
    }
    /// The files that answer a query, at most `limit`: any URN asked for, or all words.
    pub fn search(&self, _query: &Query, _limit: usize) -> Vec<&SharedFile> {
        todo!()
    }
    /// The same as the records of a hit.
    pub fn records(&self, _query: &Query, _limit: usize) -> Vec<Record> {
        todo!()
    }
    /// A file by its number.
    pub fn get(&self, _index: u32) -> Option<&SharedFile> {
        todo!()
    }
    /// A file by its content.
    pub fn by_sha1(&self, _sha1: Sha1) -> Option<&SharedFile> {
        todo!()
    }
    /// A file by its path.
    pub fn by_path(&self, _path: &Path) -> Option<&SharedFile> {
        todo!()
    }
    /// All files, by index.
    pub fn files(&self) -> impl Iterator<Item = &SharedFile> {
        std::iter::empty()
    }
    /// How many files.
    pub fn len(&self) -> usize {
        todo!()
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Their size together, in bytes.
    pub fn bytes(&self) -> u64 {
        todo!()
    }
}
