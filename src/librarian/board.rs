//! The shelf and the census of what stands on it, together.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::watch;

use crate::library::{Library, SharedFile};
use crate::wire::{Sha1, TigerRoot};

use super::{Census, Shelf};

/// The shelf and the census. Never are both held at once: a reader may hold the one while asking for the other.
#[derive(Debug)]
pub(super) struct Board {
    shelf: Shelf,
    census: watch::Sender<Census>,
    /// Files hashed; changed only while the shelf is locked, so that it always fits what stands there.
    hashed: AtomicU64,
    /// Held from counting to publishing, so that no older count replaces a newer.
    turn: Mutex<()>,
}

impl Board {
    pub(super) fn new() -> Self {
        Self {
            shelf: Shelf::default(),
            census: watch::Sender::default(),
            hashed: AtomicU64::new(0),
            turn: Mutex::default(),
        }
    }

    pub(super) fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    pub(super) fn census(&self) -> watch::Receiver<Census> {
        self.census.subscribe()
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Library> {
        self.shelf.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Library> {
        self.shelf.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the digests of a file, if it still looks as `file` did when it was hashed.
    pub(super) fn set_digests(&self, file: &SharedFile, sha1: Sha1, root: TigerRoot) {
        let mut library = self.write();
        let same = |now: &SharedFile| now.size == file.size && now.modified == file.modified;
        if library.get(file.index).is_some_and(same) {
            library.set_sha1(file.index, sha1);
            library.set_tree(file.index, root);
        }
        self.hashed.fetch_add(1, Ordering::Relaxed);
        drop(library);
        self.publish(|_| {});
    }

    /// Counts, and publishes the count with what `note` adds to it.
    pub(super) fn publish(&self, note: impl FnOnce(&mut Census)) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let library = self.read();
        let counted = Census {
            files: library.len() as u64,
            bytes: library.bytes(),
            unhashed: library.unhashed() as u64,
            hashed: self.hashed.load(Ordering::Relaxed),
            ..Census::default()
        };
        drop(library);
        self.census.send_if_modified(|census| {
            let before = *census;
            *census = Census {
                scans: before.scans,
                skipped: before.skipped,
                ..counted
            };
            note(census);
            *census != before
        });
    }
}
