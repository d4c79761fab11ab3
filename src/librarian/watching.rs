//! Watching the shared folders for changes.
//!
//! The one rule: a watch only makes things sooner. Where the system has none, or no more of them, whatever it would
//! have told is found out by the next walk.

use std::path::Path;
use std::sync::Arc;

use notify::event::{AccessKind, AccessMode};
use notify::{Config, ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::agenda::Errands;

/// The system's watch on each folder that is shared. Each is named one by one, so that nothing hidden is watched.
#[derive(Debug)]
pub(super) struct Watch {
    watcher: RecommendedWatcher,
    /// The system takes no more of them.
    is_full: bool,
}

impl Watch {
    /// A watch that writes what happens on the list of errands; none where there is no such thing.
    pub(super) fn start(errands: Arc<Errands>) -> Option<Self> {
        let told = move |event: notify::Result<Event>| match event {
            Ok(event) if event.need_rescan() => errands.lost(),
            Ok(event) if is_reading(event.kind) => {}
            Ok(event) => errands.changed(event.paths),
            Err(_) => errands.lost(),
        };
        let watcher = RecommendedWatcher::new(told, Config::default().with_follow_symlinks(false));
        let watcher = watcher.inspect_err(
            |error| tracing::warn!(%error, "folders are not watched, only walked every hour"),
        );
        Some(Self {
            watcher: watcher.ok()?,
            is_full: false,
        })
    }

    /// Watches a folder, not those in it. One watched already is not watched twice.
    pub(super) fn add(&mut self, folder: &Path) {
        if self.is_full {
            return;
        }
        match self.watcher.watch(folder, RecursiveMode::NonRecursive) {
            Err(error) if matches!(error.kind, ErrorKind::MaxFilesWatch) => {
                self.is_full = true;
                tracing::warn!(
                    "too many folders to watch all (fs.inotify.max_user_watches); the rest is walked every hour"
                );
            }
            // Most likely gone again. If not, the walk has seen it all the same.
            Err(error) => tracing::debug!(%error, folder = %folder.display(), "not watched"),
            Ok(()) => {}
        }
    }

    /// Tries again where there was no more room.
    pub(super) fn retry(&mut self) {
        self.is_full = false;
    }
}

/// Our own walking and hashing, and everybody's uploads.
fn is_reading(kind: EventKind) -> bool {
    matches!(kind, EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write))
}
