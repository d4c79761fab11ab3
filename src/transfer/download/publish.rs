//! A finished file's way into the downloads folder: at once, whole, and over nothing that is there.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::DownloadId;
use super::store::at;

/// How many names are tried, `name (2)` and so on, before something must be wrong.
const MAX_TRIES: u32 = 10_000;

/// Moves a file into `folder` under `name`, or the next name that is free there. Tells the path it has now.
///
/// Its bytes are on the disk already; the move is too when this returns. Across file systems it is copied under a hidden
/// name first. On an error the file still is where it was.
///
/// # Errors
/// Those of the file systems; the text says which path.
pub(super) fn publish(
    part: &Path,
    id: DownloadId,
    folder: &Path,
    name: &str,
) -> io::Result<PathBuf> {
    let in_folder = |error: io::Error| at(folder, &error);
    fs::create_dir_all(folder).map_err(in_folder)?;
    let path = match move_to_free_name(part, folder, name) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            // The number makes it the same file if a crash makes us come again.
            let copy = folder.join(format!(".servent-{}.part", id.0));
            let copied =
                copy_whole(part, &copy).and_then(|()| move_to_free_name(&copy, folder, name));
            if copied.is_err() {
                let _ = fs::remove_file(&copy);
            } else {
                let _ = fs::remove_file(part);
            }
            copied
        }
        moved => moved,
    };
    let path = path.map_err(in_folder)?;
    sync_folder(folder).map_err(in_folder)?;
    Ok(path)
}

/// Moves a file within its file system to the first name that is free.
fn move_to_free_name(from: &Path, folder: &Path, name: &str) -> io::Result<PathBuf> {
    for number in 1..=MAX_TRIES {
        let path = folder.join(numbered(name, number));
        match move_to(from, &path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// `name.ext`, then `name (2).ext`.
fn numbered(name: &str, number: u32) -> String {
    if number == 1 {
        return name.to_owned();
    }
    match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => format!("{stem} ({number}).{extension}"),
        _ => format!("{name} ({number})"),
    }
}

/// Moves a file to a name that must be free, in one step.
#[cfg(target_os = "linux")]
fn move_to(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;

    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // The file system cannot, or the kernel is older than 3.15.
        Err(Errno::INVAL | Errno::NOSYS) => link_to(from, to),
        moved => Ok(moved?),
    }
}

#[cfg(not(target_os = "linux"))]
fn move_to(from: &Path, to: &Path) -> io::Result<()> {
    link_to(from, to)
}

/// Gives a file a second name, which must be free, and takes the first one away.
fn link_to(from: &Path, to: &Path) -> io::Result<()> {
    fs::hard_link(from, to)?;
    fs::remove_file(from)
}

/// Copies a file and brings the copy to the disk.
fn copy_whole(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to)?;
    File::open(to)?.sync_all()
}

/// Brings the names in a folder to the disk.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_counted_before_the_extension() {
        assert_eq!(numbered("a.b.mp3", 1), "a.b.mp3");
        assert_eq!(numbered("a.b.mp3", 2), "a.b (2).mp3");
        assert_eq!(numbered("README", 3), "README (3)");
        assert_eq!(numbered(".x", 2), ".x (2)");
    }

    #[test]
    fn nothing_is_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let downloads = folder.path().join("made/when needed");
        let part = folder.path().join("1.part");
        for (round, expected) in ["a.txt", "a (2).txt", "a (3).txt"].into_iter().enumerate() {
            fs::write(&part, round.to_string()).expect("written");
            let path = publish(&part, DownloadId(1), &downloads, "a.txt").expect("moved");
            assert_eq!(path, downloads.join(expected));
            assert!(!part.exists());
        }
        let kept = |name: &str| fs::read_to_string(downloads.join(name)).expect("it is there");
        assert_eq!(
            (kept("a.txt"), kept("a (2).txt")),
            ("0".to_owned(), "1".to_owned())
        );
    }

    #[test]
    fn a_link_does_not_overwrite_either() {
        let folder = tempfile::tempdir().expect("a folder");
        let [from, to] = ["from", "to"].map(|name| folder.path().join(name));
        fs::write(&from, "new").expect("written");
        fs::write(&to, "old").expect("written");
        let refused = link_to(&from, &to).map_err(|error| error.kind());
        assert_eq!(refused, Err(io::ErrorKind::AlreadyExists));
        fs::remove_file(&to).expect("removed");
        link_to(&from, &to).expect("moved");
        assert!(!from.exists() && to.exists());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn across_file_systems_it_is_copied_whole() {
        let (here, Ok(there)) = (
            tempfile::tempdir().expect("a folder"),
            tempfile::tempdir_in("/dev/shm"),
        ) else {
            return; // no second file system here
        };
        let part = there.path().join("1.part");
        fs::write(&part, "bytes").expect("written");
        let path = publish(&part, DownloadId(1), here.path(), "a.txt").expect("moved");
        assert_eq!(fs::read_to_string(path).expect("it is there"), "bytes");
        assert!(!part.exists());
        assert_eq!(fs::read_dir(here.path()).expect("a folder").count(), 1);
    }
}
