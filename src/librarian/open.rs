//! Opening a shared file for reading.
//!
//! The one rule: nothing outside the shared folder is ever opened, whatever is put in place of the file or of a folder
//! on the way between the scan and now. So the path is walked component by component from the shared folder down, each
//! opened inside the one before and none through a symbolic link; a check followed by an opening of the whole path
//! would leave a moment between the two.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Component;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::library::SharedFile;

/// Opens a shared file if the kernel can do so from memory; none says only that [`open`] must be tried, which may wait
/// for the disk.
///
/// No link is followed, not even on the way to the shared folder. What is no regular file was not shared by the scan; what
/// is put in its place is opened without waiting and let go.
#[cfg(target_os = "linux")]
pub fn open_cached(file: &SharedFile) -> Option<File> {
    use rustix::fs::{ResolveFlags, fstat, openat2};
    let mut parts = file.relative.components();
    if !parts.all(|part| matches!(part, Component::Normal(_))) {
        return None;
    }
    let straight = ResolveFlags::CACHED.union(ResolveFlags::NO_SYMLINKS);
    let opened = openat2(CWD, file.path(), FILE, Mode::empty(), straight).ok()?;
    let found = FileType::from_raw_mode(fstat(&opened).ok()?.st_mode);
    (found == FileType::RegularFile).then(|| opened.into())
}

/// Elsewhere nobody can tell beforehand whether the disk will be waited for.
#[cfg(not(target_os = "linux"))]
pub fn open_cached(_: &SharedFile) -> Option<File> {
    None
}

/// Opens a shared file. Its size now is that of the opened file, not the one the last scan saw.
///
/// # Errors
/// Those of the file system; a symbolic link on the way (`ELOOP` or
/// `ENOTDIR`); [`ErrorKind::InvalidInput`] when it is not a regular file, which is found out without
/// waiting for the other end of a pipe or waking a device.
pub fn open(file: &SharedFile) -> io::Result<File> {
    let mut parts = file.relative.components().peekable();
    let mut folder = rustix::fs::openat(CWD, &*file.root, FOLDER, Mode::empty())?;
    while let Some(part) = parts.next() {
        let Component::Normal(name) = part else {
            return Err(io::Error::new(
                ErrorKind::InvalidInput,
                "the path leaves the shared folder",
            ));
        };
        if parts.peek().is_some() {
            folder = rustix::fs::openat(&folder, name, FOLDER, Mode::empty())?;
            continue;
        }
        let found = rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        match FileType::from_raw_mode(found.st_mode) {
            FileType::RegularFile => {}
            FileType::Symlink => return Err(Errno::LOOP.into()),
            _ => return Err(not_a_file()),
        }
        let opened = File::from(rustix::fs::openat(&folder, name, FILE, Mode::empty())?);
        // It may have become something else since; that something was opened without waiting and is let go.
        return if opened.metadata()?.is_file() {
            Ok(opened)
        } else {
            Err(not_a_file())
        };
    }
    Err(not_a_file())
}

fn not_a_file() -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, "it is not a regular file")
}

const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use std::path::{Path, PathBuf};
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::UNIX_EPOCH;

    use super::*;

    fn shared(root: &Path, relative: &str) -> SharedFile {
        SharedFile::new(root.into(), PathBuf::from(relative), 0, UNIX_EPOCH)
    }

    #[test]
    fn opens_regular_files_below_the_folder_and_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("share");
        fs::create_dir_all(root.join("deep/er")).unwrap();
        fs::write(root.join("deep/er/file"), "inside").unwrap();
        fs::write(home.path().join("secret"), "outside").unwrap();
        symlink("../secret", root.join("link")).unwrap();
        symlink(home.path(), root.join("out")).unwrap();
        symlink("file", root.join("deep/er/inner")).unwrap();
        symlink(&root, home.path().join("alias")).unwrap();
        rustix::fs::mknodat(CWD, root.join("pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();
        let _socket = UnixListener::bind(root.join("socket")).unwrap();

        let mut text = String::new();
        let mut file = open(&shared(&root, "deep/er/file")).unwrap();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(
            (text.as_str(), file.metadata().unwrap().len()),
            ("inside", 6)
        );
        for refused in [
            "link",
            "out/secret",
            "deep/er/inner",
            "pipe",
            "socket",
            "deep",
            "",
            "none",
            "../secret",
            "deep/../../secret",
            "deep/er/file/x",
        ] {
            let refused = shared(&root, refused);
            assert!(open(&refused).is_err(), "{refused:?} was opened");
            assert!(open_cached(&refused).is_none(), "{refused:?} was opened");
        }
        let alias = shared(&home.path().join("alias"), "deep/er/file");
        assert!(open(&alias).is_err() && open_cached(&alias).is_none());
        let cached = open_cached(&shared(&root, "deep/er/file"));
        assert!(cached.is_none_or(|file| file.metadata().unwrap().len() == 6));
    }

    #[test]
    fn a_folder_swapped_for_a_link_never_leads_out() {
        let home = tempfile::tempdir().unwrap();
        let (root, outside) = (home.path().join("share"), home.path().join("outside"));
        fs::create_dir_all(root.join("real")).unwrap();
        fs::create_dir_all(&outside).unwrap();
        fs::write(root.join("real/file"), "inside").unwrap();
        fs::write(outside.join("file"), "outside").unwrap();
        symlink(&outside, root.join("fake")).unwrap();
        let (real, fake, place) = (root.join("real"), root.join("fake"), root.join("place"));
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    for what in [&real, &fake] {
                        fs::rename(what, &place).unwrap();
                        fs::rename(&place, what).unwrap();
                    }
                }
            });
            // On a busy machine the other thread may not have begun when the first thousands of tries are over.
            let (mut opened, mut tried) = (0, 0);
            let began = std::time::Instant::now();
            while tried < 20_000 || opened == 0 && began.elapsed().as_secs() < 30 {
                tried += 1;
                let file = shared(&root, "place/file");
                let found = match tried % 2 {
                    0 => open(&file).ok(),
                    _ => open_cached(&file),
                };
                if let Some(mut file) = found {
                    let mut text = String::new();
                    file.read_to_string(&mut text).unwrap();
                    assert_eq!(text, "inside");
                    opened += 1;
                }
            }
            done.store(true, Ordering::Relaxed);
            assert!(
                opened > 0,
                "the folder was never there, so nothing was tried"
            );
        });
    }
}
