//! The shelf and the census of what stands on it, together.

use std::sync::{Mutex, PoisonError, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::watch;

use crate::library::Library;

use super::{Census, Shelf};

/// The shelf and the census. Never are both held at once: a reader may hold the one while asking for the other.
#[derive(Debug)]
pub(super) struct Board {
    shelf: Shelf,
    census: watch::Sender<Census>,
    /// Held from counting to publishing, so that no older count replaces a newer.
    turn: Mutex<()>,
}

impl Board {
    pub(super) fn new() -> Self {
        Self {
            shelf: Shelf::default(),
            census: watch::Sender::default(),
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

    /// Counts, and publishes the count with what `note` adds to it.
    pub(super) fn publish(&self, note: impl FnOnce(&mut Census)) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let (files, bytes, unhashed) = {
            let library = self.read();
            (
                library.len() as u64,
                library.bytes(),
                library.unhashed() as u64,
            )
        };
        self.census.send_if_modified(|census| {
            let before = *census;
            *census = Census {
                files,
                bytes,
                unhashed,
                ..before
            };
            note(census);
            *census != before
        });
    }
}
