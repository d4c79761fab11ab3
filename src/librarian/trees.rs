//! The hash trees of shared files, for those who ask for one: from memory what was asked for lately, else from the cache.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use lru::LruCache;

use super::cache::Cache;
use super::open::open;
use super::stamp::Stamp;
use crate::library::SharedFile;
use crate::thex::Tree;

/// How many trees are kept in memory; each has 96 KiB at most.
const KEPT: NonZeroUsize = NonZeroUsize::new(64).expect("not zero");

/// Where trees are found. Clones share them.
#[derive(Clone, Debug)]
pub struct Trees {
    cache: Option<Arc<Cache>>,
    recent: Arc<Mutex<LruCache<Key, Arc<Tree>>>>,
}

/// A file as the library saw it: another size or date, another file.
type Key = (PathBuf, u64, SystemTime);

impl Default for Trees {
    /// None but those that are handed in.
    fn default() -> Self {
        let recent = Arc::new(Mutex::new(LruCache::new(KEPT)));
        Self {
            cache: None,
            recent,
        }
    }
}

impl Trees {
    pub(super) fn of(cache: Arc<Cache>) -> Self {
        Self {
            cache: Some(cache),
            ..Self::default()
        }
    }

    /// Keeps the tree of a file for a while.
    pub fn keep(&self, file: &SharedFile, tree: &Arc<Tree>) {
        self.recent().put(key(file), Arc::clone(tree));
    }

    /// The tree of a file whose root is known; waits for the disk.
    pub fn find(&self, file: &SharedFile) -> Option<Arc<Tree>> {
        if let Some(tree) = self.recent().get(&key(file)) {
            return Some(Arc::clone(tree));
        }
        let stamp = Stamp::of(&open(file).ok()?.metadata().ok()?);
        let tree = self.cache.as_ref()?.tree(&file.path(), stamp)?;
        let tree = Some(tree)
            .filter(|tree| Some(tree.root()) == file.tree)
            .map(Arc::new)?;
        self.keep(file, &tree);
        Some(tree)
    }

    fn recent(&self) -> MutexGuard<'_, LruCache<Key, Arc<Tree>>> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(file: &SharedFile) -> Key {
    (file.path(), file.size, file.modified)
}
