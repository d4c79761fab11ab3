//! Where finished files go.
//!
//! The one rule: nothing is put under a mount point from which the disk is gone. The files would be out of sight as soon as
//! it is back, and meanwhile fill a disk that was not meant for them.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::store::at;

/// The downloads folder.
#[derive(Debug)]
pub(super) struct Destination {
    folder: PathBuf,
    /// Where the disk is mounted on which it is, unless that is the one of the root.
    mount: Option<PathBuf>,
}

impl Destination {
    /// A folder that need not be there yet; its disk is to be.
    pub(super) fn new(folder: &Path) -> Self {
        let there = folder.ancestors().find_map(|way| way.canonicalize().ok());
        Self {
            folder: folder.to_owned(),
            mount: there.and_then(|there| mount_of(&there)),
        }
    }

    /// The folder, if its disk is where it was.
    ///
    /// # Errors
    /// `NotFound` while it is not.
    pub(super) fn folder(&self) -> io::Result<&Path> {
        match &self.mount {
            Some(mount) if !is_mounted(mount) => {
                let error = io::Error::new(io::ErrorKind::NotFound, "nothing is mounted there");
                Err(at(mount, &error))
            }
            _ => Ok(&self.folder),
        }
    }
}

/// The highest folder of the disk on which another is; none where that is the root.
fn mount_of(folder: &Path) -> Option<PathBuf> {
    let mount = folder.ancestors().find(|way| is_mounted(way))?;
    mount.parent().map(|_| mount.to_owned())
}

/// Whether a disk begins at this folder.
fn is_mounted(folder: &Path) -> bool {
    let device = |path: &Path| path.metadata().map(|metadata| metadata.dev()).ok();
    let above = folder.parent().and_then(device);
    device(folder).is_some_and(|own| Some(own) != above)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_whose_disk_is_gone_takes_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let downloads = folder.path().join("downloads");
        let mut destination = Destination::new(&downloads);
        assert_eq!(destination.folder().expect("its disk is there"), downloads);
        // What is left of a mount point is a folder like any other.
        destination.mount = Some(folder.path().to_owned());
        let gone = destination.folder().expect_err("nothing is mounted");
        assert_eq!(gone.kind(), io::ErrorKind::NotFound);
        destination.mount = Some(downloads);
        destination.folder().expect_err("it is not even there");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_disk_is_known_by_where_it_is_mounted() {
        assert_eq!(mount_of(Path::new("/")), None);
        assert_eq!(mount_of(Path::new("/proc/self")), Some("/proc".into()));
        let destination = Destination::new(Path::new("/proc/no/such/folder"));
        assert_eq!(destination.mount, Some("/proc".into()));
        assert!(destination.folder().is_ok());
    }
}
