//! The folder that holds a servent's state, kept by one servent at a time.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

use super::failure::{Exit, Failure};

/// More servents than this on one account, all without `--data`, are a mistake and not a wish.
const MOST_BESIDE: usize = 64;

/// A folder of state, ours as long as this lives: the lock goes with the process, however it ends.
#[derive(Debug)]
pub(super) struct DataFolder {
    /// Where it is.
    pub(super) path: PathBuf,
    /// Whether the usual folder was in use, and this is one beside it.
    pub(super) beside: bool,
    _lock: File,
}

impl DataFolder {
    /// The folder the user named: this one or none.
    pub(super) fn named(path: &Path) -> Result<Self, Failure> {
        match lock(path).map_err(|error| cannot(path, &error))? {
            Some(lock) => Ok(Self {
                path: path.to_owned(),
                beside: false,
                _lock: lock,
            }),
            None => Err(Failure::new(
                Exit::Failed,
                format!(
                    "the data folder {} is in use by a running servent",
                    path.display()
                ),
                "stop that one, or name another folder with --data",
            )),
        }
    }

    /// Where servents without `--data` keep their state, as far as there has been one.
    pub(super) fn all_usual() -> Vec<PathBuf> {
        let Ok(base) = etcetera::choose_base_strategy() else {
            return Vec::new();
        };
        let each = (1..=MOST_BESIDE).map(|number| numbered(&base.data_dir(), number));
        each.filter(|path| path.is_dir()).collect()
    }

    /// The platform's usual folder, or the first numbered one beside it that no servent uses.
    pub(super) fn usual() -> Result<Self, Failure> {
        let base = etcetera::choose_base_strategy()
            .map_err(|error| {
                Failure::new(
                    Exit::Failed,
                    format!("there is no usual data folder: {error}"),
                    "name one with --data",
                )
            })?
            .data_dir();
        Self::first_free(&base)
    }

    fn first_free(base: &Path) -> Result<Self, Failure> {
        for number in 1..=MOST_BESIDE {
            let path = numbered(base, number);
            if let Some(lock) = lock(&path).map_err(|error| cannot(&path, &error))? {
                return Ok(Self {
                    path,
                    beside: number > 1,
                    _lock: lock,
                });
            }
        }
        Err(Failure::new(
            Exit::Failed,
            format!(
                "{MOST_BESIDE} servents already run below {}",
                base.display()
            ),
            "name a folder with --data",
        ))
    }
}

/// The folder of the first servent, or of one beside it.
fn numbered(base: &Path, number: usize) -> PathBuf {
    match number {
        1 => base.join("servent"),
        _ => base.join(format!("servent-{number}")),
    }
}

/// The lock of the folder at `path`, which is made where it is missing; none when somebody holds it.
fn lock(path: &Path) -> io::Result<Option<File>> {
    fs::create_dir_all(path)?;
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path.join("lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn cannot(path: &Path, error: &io::Error) -> Failure {
    Failure::io(
        format_args!("the data folder {} cannot be used", path.display()),
        error,
        "name another with --data",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_servent_a_folder() {
        let base = tempfile::tempdir().expect("a temporary folder");
        let first = DataFolder::first_free(base.path()).expect("free");
        let second = DataFolder::first_free(base.path()).expect("one beside");
        assert_eq!(first.path, base.path().join("servent"));
        assert_eq!(second.path, base.path().join("servent-2"));
        assert!(!first.beside && second.beside);

        let taken = DataFolder::named(&first.path).expect_err("in use");
        assert_eq!(taken.exit, Exit::Failed);
        let path = first.path.clone();
        drop(first);
        assert!(DataFolder::named(&path).is_ok(), "free again");
    }
}
