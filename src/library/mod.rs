//! What we share: files by number, by words and by SHA-1. Pure: no disk, no thread.
//!
//! The one rule: whatever a file is found by (number, path, words, digest, age) is written and struck out in one place,
//! [`Library::insert`] and [`Library::remove`], so no way of finding it can outlive it. Queries are answered as
//! Gnutella 0.6, "Query", and HUGE 0.94 say.

mod file;
mod index;
mod keywords;
mod routing;

pub use file::{SharedFile, told};
pub use routing::{Catalogue, words};

pub(crate) use keywords::{Demand, Term, fold, terms};

use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher;
use std::path::Path;

use foldhash::fast::FixedState;

use crate::wire::{Query, Record, Sha1, TigerRoot};
use index::Index;

/// The shared files and their numbers.
///
/// A file has one number as long as it is shared, and no number is given twice, so a `/get/` request made from an old
/// hit never fetches another file.
#[derive(Debug, Default)]
pub struct Library {
    files: BTreeMap<u32, Box<SharedFile>>,
    next: u32,
    words: Index,
    /// Hashes of paths, so that no path is kept twice; a path is compared with those of its hash.
    paths: BTreeSet<(u64, u32)>,
    /// All files of a content, so that when one goes the others still answer.
    digests: BTreeSet<(Sha1, u32)>,
    /// Files by when they were changed, in seconds since 1970.
    ages: BTreeSet<(u64, u32)>,
    bytes: u64,
    /// Rises with every change.
    generation: u64,
}

impl Library {
    /// An empty library.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file, or replaces the one of the same path (whose number it keeps); returns its number.
    ///
    /// A digest already known stays when size and time of change are as before, and is forgotten otherwise.
    pub fn insert(&mut self, mut file: SharedFile) -> u32 {
        self.generation += 1;
        let path = file.path();
        if let Some(old) = self.by_path(&path) {
            file.index = old.index;
            if old.size == file.size && old.modified == file.modified {
                file.sha1 = file.sha1.or(old.sha1);
                file.tree = file.tree.or(old.tree);
            }
        } else {
            file.index = self.next;
            // A thousand files coming and going every second use the numbers up in fifty days.
            self.next = self
                .next
                .checked_add(1)
                .expect("fewer than 2^32 files in one run");
        }
        let index = file.index;
        let replaced = self.files.insert(index, Box::new(file));
        let file = &self.files[&index];
        match &replaced {
            Some(old) => {
                self.bytes -= old.size;
                self.ages.remove(&(old.seconds(), index));
                if let Some(sha1) = old.sha1 {
                    self.digests.remove(&(sha1, index));
                }
            }
            None => {
                self.paths.insert((hash(&path), index));
            }
        }
        if replaced.as_ref().is_none_or(|old| old.name != file.name) {
            if let Some(old) = &replaced {
                self.words.remove(index, &old.name);
            }
            self.words.insert(index, &file.name);
        }
        self.bytes += file.size;
        self.ages.insert((file.seconds(), index));
        if let Some(sha1) = file.sha1 {
            self.digests.insert((sha1, index));
        }
        index
    }

    /// Takes a file out; false when it was not in.
    pub fn remove(&mut self, path: &Path) -> bool {
        let Some(index) = self.by_path(path).map(|file| file.index) else {
            return false;
        };
        self.generation += 1;
        if let Some(file) = self.files.remove(&index) {
            self.words.remove(index, &file.name);
            self.paths.remove(&(hash(path), index));
            self.ages.remove(&(file.seconds(), index));
            self.bytes -= file.size;
            if let Some(sha1) = file.sha1 {
                self.digests.remove(&(sha1, index));
            }
        }
        true
    }

    /// Notes the digest of a file. Whoever hashed it makes sure it still is the one that was hashed; nothing happens
    /// when it is no longer shared.
    pub fn set_sha1(&mut self, index: u32, sha1: Sha1) {
        self.generation += 1;
        if let Some(file) = self.files.get_mut(&index) {
            if let Some(old) = file.sha1.replace(sha1) {
                self.digests.remove(&(old, index));
            }
            self.digests.insert((sha1, index));
        }
    }

    /// Notes the root of a file's hash tree, as [`Self::set_sha1`] does its digest.
    pub fn set_tree(&mut self, index: u32, root: TigerRoot) {
        if let Some(file) = self.files.get_mut(&index) {
            file.tree = Some(root);
        }
    }

    /// Forgets the digests of a file that may have changed.
    pub fn forget_sha1(&mut self, index: u32) {
        self.generation += 1;
        if let Some(file) = self.files.get_mut(&index) {
            file.tree = None;
            if let Some(old) = file.sha1.take() {
                self.digests.remove(&(old, index));
            }
        }
    }

    /// The files that answer a query, at most `limit`: those of any URN asked for, then those with all words.
    ///
    /// Three texts mean more than their words. `\` has none and goes with a URN. Four spaces ask for everything (an
    /// index query; whoever hands queries in lets it through only from a neighbour, TTL 1 and no hops). With GGEP `WH`
    /// 1 the text, by custom `WhatIsNewXOXO`, does not count, and the answer is the few newest files.
    pub fn search(&self, query: &Query, limit: usize) -> Vec<&SharedFile> {
        if query
            .extensions
            .ggep
            .get(FEATURE)
            .is_some_and(|asked| asked[..] == WHATS_NEW)
        {
            let newest = self.ages.iter().rev().take(limit.min(NEWEST));
            return newest.filter_map(|&(_, index)| self.get(index)).collect();
        }
        if query.text == EVERYTHING && query.extensions.urns.is_empty() {
            return self.files().take(limit).collect();
        }
        let mut found: Vec<&SharedFile> = Vec::new();
        for file in query
            .extensions
            .urns
            .iter()
            .filter_map(|urn| self.by_sha1(urn.sha1()))
        {
            if found.len() < limit && found.iter().all(|other| other.index != file.index) {
                found.push(file);
            }
        }
        let by_urn = found.len();
        let demand = Demand::of(&query.text);
        let fits = |index: u32| {
            demand.runs.is_empty() || {
                let name = self
                    .get(index)
                    .map_or_else(String::new, |file| fold(&file.name));
                demand.runs.iter().all(|run| name.contains(run))
            }
        };
        let by_words = self.words.search(&demand.terms, limit, fits);
        for file in by_words.into_iter().filter_map(|index| self.get(index)) {
            if found.len() < limit
                && found[..by_urn]
                    .iter()
                    .all(|other| other.index != file.index)
            {
                found.push(file);
            }
        }
        found
    }

    /// The same as the records of a hit.
    pub fn records(&self, query: &Query, limit: usize) -> Vec<Record> {
        self.search(query, limit)
            .into_iter()
            .map(SharedFile::record)
            .collect()
    }

    /// A file by its number.
    pub fn get(&self, index: u32) -> Option<&SharedFile> {
        self.files.get(&index).map(Box::as_ref)
    }

    /// A file by its content; of several the one shared longest.
    pub fn by_sha1(&self, sha1: Sha1) -> Option<&SharedFile> {
        let (_, index) = self.digests.range((sha1, 0)..=(sha1, u32::MAX)).next()?;
        self.get(*index)
    }

    /// A file by its path.
    pub fn by_path(&self, path: &Path) -> Option<&SharedFile> {
        let hash = hash(path);
        self.paths
            .range((hash, 0)..=(hash, u32::MAX))
            .filter_map(|&(_, index)| self.get(index))
            .find(|file| file.path() == path)
    }

    /// All files, by number.
    pub fn files(&self) -> impl Iterator<Item = &SharedFile> {
        self.files.values().map(Box::as_ref)
    }

    /// The files from a number on.
    pub fn files_from(&self, index: u32) -> impl Iterator<Item = &SharedFile> {
        self.files.range(index..).map(|(_, file)| file.as_ref())
    }

    /// How many files.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Their size together, in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// A number that is another one after every change.
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// How many of them have no digest yet.
    pub fn unhashed(&self) -> usize {
        self.len() - self.digests.len()
    }
}

/// Of a path, for [`Library::paths`]. Names on the own disk are no attack, and equal hashes cost only a comparison.
fn hash(path: &Path) -> u64 {
    FixedState::default().hash_one(path)
}

/// The GGEP extension that selects a feature, and its value for "what's new" (LimeWire).
const FEATURE: &str = "WH";
const WHATS_NEW: [u8; 1] = [1];

/// As many files as LimeWire answers "what's new" with.
const NEWEST: usize = 3;

/// The text of an index query.
const EVERYTHING: &str = "    ";

#[cfg(test)]
mod tests;
