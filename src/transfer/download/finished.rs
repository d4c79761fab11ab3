//! What was fetched since the start: it goes on being offered to those who name its digest.
//!
//! The one rule: whoever was named to others as a source stays one. While it was fetched its parts were offered, and others
//! were told that we have it; so it is served on, whole, until the servent ends, the file changes, the user has the download
//! forgotten or many others were asked for since. But nothing is said of it to those who search or browse: only what lies in a shared folder is listed.

use std::io;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use super::DownloadId;
use crate::library::SharedFile;
use crate::thex::Tree;
use crate::wire::Sha1;

/// How many files are offered on, those that were asked for last; a tree has 96 KiB at most.
const KEPT: NonZeroUsize = NonZeroUsize::new(64).expect("not zero");

/// What a download came to.
#[derive(Debug)]
struct Whole {
    id: DownloadId,
    file: SharedFile,
    tree: Option<Arc<Tree>>,
}

/// The files that were fetched, by digest.
#[derive(Debug)]
pub(super) struct Finished(Mutex<LruCache<Sha1, Whole>>);

impl Default for Finished {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(KEPT)))
    }
}

impl Finished {
    pub(super) fn note(
        &self,
        id: DownloadId,
        sha1: Sha1,
        file: SharedFile,
        tree: Option<Arc<Tree>>,
    ) {
        self.table().put(sha1, Whole { id, file, tree });
    }

    /// The file of this digest; it may have changed since.
    pub(super) fn file(&self, sha1: Sha1) -> Option<SharedFile> {
        self.table().get(&sha1).map(|whole| whole.file.clone())
    }

    pub(super) fn tree(&self, sha1: Sha1) -> Option<Arc<Tree>> {
        self.table().get(&sha1).and_then(|whole| whole.tree.clone())
    }

    /// Forgets what a download came to; what another brought of this digest goes on being offered.
    pub(super) fn forget(&self, id: DownloadId, sha1: Sha1) {
        let mut table = self.table();
        if table.peek(&sha1).is_some_and(|whole| whole.id == id) {
            table.pop(&sha1);
        }
    }

    fn table(&self) -> MutexGuard<'_, LruCache<Sha1, Whole>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file as it lies in the downloads folder; without an index, for it is in no library.
///
/// # Errors
/// Those of the file system.
pub(super) fn looked_at(path: &Path, sha1: Sha1, tree: Option<&Tree>) -> io::Result<SharedFile> {
    let path = path.canonicalize()?;
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let found = path.metadata()?;
    let file = SharedFile::new(folder.into(), name.into(), found.len(), found.modified()?);
    Ok(SharedFile {
        index: u32::MAX,
        sha1: Some(sha1),
        tree: tree.map(Tree::root),
        ..file
    })
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn only_the_download_that_brought_it_withdraws_it() {
        let (finished, sha1) = (Finished::default(), Sha1([1; 20]));
        let folder = Path::new("downloads");
        let file = SharedFile::new(folder.into(), "a.txt".into(), 1, SystemTime::UNIX_EPOCH);
        finished.note(DownloadId(1), sha1, file, None);
        finished.forget(DownloadId(2), sha1);
        assert!(finished.file(sha1).is_some());
        finished.forget(DownloadId(1), sha1);
        assert!(finished.file(sha1).is_none());
    }
}
