//! Walking a shared folder: which files below it are shared.
//!
//! The one rule: regular files only, reached without any symbolic link and without any name that begins with a dot. A
//! link may lead out of the shared folder, a hidden file is not meant to be seen, and a pipe or a device is no file to
//! give away. What cannot be read is passed over and told.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Access, AtFlags, CWD};
use walkdir::{DirEntry, WalkDir};

use crate::library::SharedFile;

use super::stamp::Stamp;

/// A folder the owner named.
///
/// Where it really is, links followed, is settled when it is first seen. A link put in its place later, or in that of a
/// folder above it, leads to what the owner never meant to share.
#[derive(Debug)]
pub(super) struct Named {
    path: PathBuf,
    settled: Option<Arc<Path>>,
}

impl Named {
    pub(super) const fn new(path: PathBuf) -> Self {
        let settled = None;
        Self { path, settled }
    }

    /// The folder, while it is there.
    pub(super) fn ground(&mut self) -> Option<Ground> {
        let ground = Ground::at(&self.path)?;
        let settled = self.settled.get_or_insert_with(|| Arc::clone(&ground.path));
        (ground.path == *settled).then_some(ground)
    }
}

/// A shared folder that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ground {
    /// Where it really is, links followed: the owner named it, so its own path may have some.
    pub(super) path: Arc<Path>,
    /// Device and inode: another folder at the same place is another folder.
    identity: (u64, u64),
}

impl Ground {
    /// The folder at `path`; none while there is none.
    fn at(path: &Path) -> Option<Self> {
        let path = path.canonicalize().ok()?;
        let metadata = path
            .symlink_metadata()
            .ok()
            .filter(std::fs::Metadata::is_dir)?;
        Some(Self {
            path: path.into(),
            identity: (metadata.dev(), metadata.ino()),
        })
    }

    /// Walks `from`, a file or folder in this one or this one itself, leaving out folders that are `barred`.
    pub(super) fn walk<'a>(
        &'a self,
        from: &'a Path,
        barred: impl Fn(&Path) -> bool + 'a,
    ) -> impl Iterator<Item = Sight> + 'a {
        let walk = self.leads_to(from).then(|| {
            let walk = WalkDir::new(from)
                .follow_links(false)
                .follow_root_links(false);
            walk.into_iter().filter_entry(move |entry| {
                (!is_hidden(entry) || entry.path() == &*self.path)
                    && !(entry.file_type().is_dir() && barred(entry.path()))
            })
        });
        walk.into_iter()
            .flatten()
            .filter_map(|entry| self.sight(entry))
    }

    /// Whether the way from here to `to` has neither a hidden folder nor a link on it. (What is at its end the walk
    /// sees for itself.)
    fn leads_to(&self, to: &Path) -> bool {
        let Ok(relative) = to.strip_prefix(&self.path) else {
            return false;
        };
        relative
            .ancestors()
            .skip(1)
            .filter(|way| !way.as_os_str().is_empty())
            .all(|way| {
                let hidden = way
                    .file_name()
                    .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
                let folder = self.path.join(way);
                !hidden
                    && folder
                        .symlink_metadata()
                        .is_ok_and(|metadata| metadata.is_dir())
            })
    }

    fn sight(&self, entry: walkdir::Result<DirEntry>) -> Option<Sight> {
        let entry = match entry {
            Ok(entry) => entry,
            // Gone between being listed and being looked at: as if it had never been there.
            Err(error) if error.io_error().is_some_and(is_gone) => return None,
            Err(_) => return Some(Sight::Unreadable),
        };
        if entry.file_type().is_dir() {
            return Some(Sight::Folder(entry.into_path()));
        }
        if !entry.file_type().is_file() {
            return None;
        }
        let Ok(metadata) = entry.metadata() else {
            return None;
        };
        let relative = entry.path().strip_prefix(&self.path).ok()?.to_owned();
        let modified = metadata.modified().ok()?;
        let file = SharedFile::new(Arc::clone(&self.path), relative, metadata.len(), modified);
        Some(Sight::File(file, Stamp::of(&metadata)))
    }
}

/// What a walk meets.
#[derive(Debug)]
pub(super) enum Sight {
    /// A folder, before what is in it.
    Folder(PathBuf),
    /// A file to share.
    File(SharedFile, Stamp),
    /// Something that is there and cannot be looked at.
    Unreadable,
}

/// Whether we could open the file at `path`. Not part of the walk, because only new and changed files need asking.
pub(super) fn is_readable(path: &Path) -> bool {
    rustix::fs::accessat(CWD, path, Access::READ_OK, AtFlags::EACCESS).is_ok()
}

fn is_hidden(entry: &DirEntry) -> bool {
    entry.file_name().as_encoded_bytes().starts_with(b".")
}

fn is_gone(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::NotFound
}
