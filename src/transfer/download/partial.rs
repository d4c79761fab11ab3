//! What is right of an unfinished download, offered to others, so that downloaders feed each other.

use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::part::Part;
use crate::swarm::{ByteRange, Ranges};
use crate::thex::Tree;
use crate::wire::Sha1;

/// The offer of one download; closed as long as there is no hash tree, for nothing is known to be right then.
#[derive(Debug, Default)]
pub(super) struct Partial(Mutex<Option<Open>>);

#[derive(Debug)]
struct Open {
    sha1: Sha1,
    name: String,
    part: Arc<Part>,
    tree: Arc<Tree>,
    proven: Ranges,
}

/// What can be had of an unfinished file.
#[derive(Debug)]
pub(in crate::transfer) struct Offered {
    /// The name it will have.
    pub(in crate::transfer) name: String,
    /// Its size in bytes.
    pub(in crate::transfer) size: u64,
    /// What is here and right.
    pub(in crate::transfer) proven: Ranges,
    /// The whole file's tree.
    pub(in crate::transfer) tree: Arc<Tree>,
    /// Its bytes.
    pub(in crate::transfer) file: File,
}

impl Partial {
    /// Begins to offer; nothing is proven yet.
    pub(super) fn open(&self, sha1: Sha1, name: String, part: Arc<Part>, tree: Arc<Tree>) {
        let proven = Ranges::new();
        *self.table() = Some(Open {
            sha1,
            name,
            part,
            tree,
            proven,
        });
    }

    /// The whole file's tree, where there is one.
    pub(super) fn tree(&self) -> Option<Arc<Tree>> {
        self.table().as_ref().map(|open| Arc::clone(&open.tree))
    }

    /// Whether there is anything to be had.
    pub(super) fn offers(&self) -> bool {
        let table = self.table();
        table.as_ref().is_some_and(|open| !open.proven.is_empty())
    }

    /// Offers nothing any more.
    pub(super) fn close(&self) {
        *self.table() = None;
    }

    /// Offers a block more.
    pub(super) fn prove(&self, block: ByteRange) {
        if let Some(open) = &mut *self.table() {
            open.proven.insert(block);
        }
    }

    /// Offers these bytes no more.
    pub(super) fn forget(&self, range: ByteRange) {
        if let Some(open) = &mut *self.table() {
            open.proven.remove(range);
        }
    }

    /// What can be had, if it is of this file.
    pub(super) fn of(&self, sha1: Sha1) -> Option<Offered> {
        let table = self.table();
        let open = table.as_ref().filter(|open| open.sha1 == sha1)?;
        Some(Offered {
            name: open.name.clone(),
            size: open.tree.size(),
            proven: open.proven.clone(),
            tree: Arc::clone(&open.tree),
            file: open.part.handle().ok()?,
        })
    }

    fn table(&self) -> MutexGuard<'_, Option<Open>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
