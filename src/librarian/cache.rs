//! The digests of files hashed earlier, on disk.
//!
//! The one rule: the cache only saves work. Whatever is wrong with its file, it is put aside and a new one begun; a
//! digest is believed only for the very stamp it was taken of.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::{Database, ReadOnlyTable, ReadableDatabase, ReadableTableMetadata, TableDefinition};

use crate::thex::{Tree, block_for};
use crate::wire::{Sha1, TigerRoot};

use super::stamp::Stamp;

/// Digests by path and stamp.
#[derive(Debug)]
pub(super) struct Cache {
    database: Database,
}

/// A file, the stamp it was hashed with, and what came out.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) path: PathBuf,
    pub(super) stamp: Stamp,
    pub(super) sha1: Sha1,
    pub(super) tree: Arc<Tree>,
}

impl Cache {
    /// Opens the cache in the folder `data`, which is made when missing.
    ///
    /// # Errors
    /// [`ErrorKind::ResourceBusy`] when another servent has it open; the file system's when the folder cannot be
    /// written.
    pub(super) fn open(data: &Path) -> io::Result<Self> {
        fs::create_dir_all(data)?;
        let path = data.join(FILE);
        match open_whole(&path) {
            Ok(database) => Ok(Self { database }),
            Err(Fault::Busy) => Err(io::Error::new(
                ErrorKind::ResourceBusy,
                format!(
                    "{} is in use by another servent; give this one its own --data",
                    path.display()
                ),
            )),
            Err(Fault::Io(error)) => Err(io::Error::new(
                error.kind(),
                format!("cannot open {}: {error}", path.display()),
            )),
            Err(Fault::Damaged(why)) => {
                let aside = data.join(format!("{FILE}.damaged"));
                tracing::warn!(path = %path.display(), aside = %aside.display(), why, "hash cache damaged, begun anew");
                fs::rename(&path, &aside)?;
                let database = open_whole(&path).map_err(|fault| match fault {
                    Fault::Io(error) => error,
                    fault => {
                        io::Error::other(format!("cannot begin {}: {fault:?}", path.display()))
                    }
                })?;
                Ok(Self { database })
            }
        }
    }

    /// A view of what is known now, for many questions in a row.
    pub(super) fn known(&self) -> Known {
        let table = self.database.begin_read().map_err(redb::Error::from);
        let table = table.and_then(|read| Ok(read.open_table(DIGESTS)?));
        Known(
            table
                .inspect_err(|error| tracing::warn!(%error, "hash cache unreadable"))
                .ok(),
        )
    }

    /// Remembers digests. When that fails they will be taken again after the next start, nothing more.
    pub(super) fn remember(&self, entries: &[Entry]) {
        let kept = (|| -> Result<(), redb::Error> {
            let write = self.database.begin_write()?;
            {
                let mut digests = write.open_table(DIGESTS)?;
                let mut trees = write.open_table(TREES)?;
                for entry in entries {
                    let Stamp {
                        size,
                        modified,
                        changed,
                    } = entry.stamp;
                    let path = entry.path.as_os_str().as_bytes();
                    let root = entry.tree.root().0;
                    digests.insert(path, (size, modified, changed, &entry.sha1.0, &root))?;
                    match entry.tree.blocks() {
                        // The root is all of it.
                        [_] => trees.remove(path)?,
                        blocks => trees.insert(path, blocks.as_flattened())?,
                    };
                }
            }
            Ok(write.commit()?)
        })();
        if let Err(error) = kept {
            tracing::warn!(%error, "hashes not remembered");
        }
    }

    /// The hash tree of the file at `path`, if it was hashed with this stamp.
    pub(super) fn tree(&self, path: &Path, stamp: Stamp) -> Option<Tree> {
        let (_, root) = self.known().digests(path, stamp)?;
        let read = self.database.begin_read().ok()?;
        let table = read.open_table(TREES).ok()?;
        let blocks = match table.get(path.as_os_str().as_bytes()).ok()? {
            Some(blocks) => blocks.value().as_chunks().0.to_vec(),
            None => vec![root.0],
        };
        let tree = Tree::new(stamp.size, block_for(stamp.size), blocks)?;
        (tree.root() == root).then_some(tree)
    }

    /// Forgets paths that are not `shared`, once they outnumber by far the `files` that are. Not at once, because a
    /// disk that was unplugged comes back.
    pub(super) fn trim(&self, files: usize, shared: impl Fn(&Path) -> bool) {
        let trimmed = (|| -> Result<(), redb::Error> {
            let write = self.database.begin_write()?;
            {
                let mut table = write.open_table(DIGESTS)?;
                if table.len()? <= 2 * files as u64 + STRANGERS {
                    return Ok(());
                }
                let keep = |path: &[u8]| shared(Path::new(OsStr::from_bytes(path)));
                table.retain(|path, _| keep(path))?;
                write.open_table(TREES)?.retain(|path, _| keep(path))?;
            }
            Ok(write.commit()?)
        })();
        if let Err(error) = trimmed {
            tracing::warn!(%error, "hash cache not trimmed");
        }
    }
}

/// What the cache knew at one moment.
pub(super) struct Known(Option<Table>);

type Table = ReadOnlyTable<&'static [u8], (u64, i64, i64, &'static [u8; 20], &'static [u8; 24])>;

impl Known {
    /// The digest of the file at `path` and the root of its tree, if it was hashed with this stamp.
    pub(super) fn digests(&self, path: &Path, stamp: Stamp) -> Option<(Sha1, TigerRoot)> {
        let found = self.0.as_ref()?.get(path.as_os_str().as_bytes()).ok()??;
        let (size, modified, changed, sha1, root) = found.value();
        let taken = Stamp {
            size,
            modified,
            changed,
        };
        (taken == stamp).then_some((Sha1(*sha1), TigerRoot(*root)))
    }
}

/// Why the file could not be opened.
#[derive(Debug)]
enum Fault {
    Busy,
    Io(io::Error),
    Damaged(String),
}

/// Opens the file and makes sure that all of it can be read.
///
/// The database looks at its checksums only when told to, so it is told to now: a bad spot on the disk must not become
/// a false digest, or an end of the thread that meets it.
fn open_whole(path: &Path) -> Result<Database, Fault> {
    let open = || -> Result<Database, redb::Error> {
        let mut database = Database::builder().set_cache_size(MEMORY).create(path)?;
        database.check_integrity()?;
        let write = database.begin_write()?;
        write.open_table(DIGESTS)?.len()?;
        write.open_table(TREES)?.len()?;
        write.commit()?;
        Ok(database)
    };
    // Some damage makes the database panic instead of saying so.
    match catch_unwind(AssertUnwindSafe(open)) {
        Ok(Ok(database)) => Ok(database),
        Ok(Err(redb::Error::DatabaseAlreadyOpen)) => Err(Fault::Busy),
        Ok(Err(redb::Error::Io(error)))
            if !matches!(
                error.kind(),
                ErrorKind::InvalidData | ErrorKind::UnexpectedEof
            ) =>
        {
            Err(Fault::Io(error))
        }
        Ok(Err(error)) => Err(Fault::Damaged(error.to_string())),
        Err(_) => Err(Fault::Damaged("the database stopped reading it".to_owned())),
    }
}

/// What is known of a path.
type Digests = (u64, i64, i64, &'static [u8; 20], &'static [u8; 24]);

/// Path to size, time of change, time of the inode (as in [`Stamp`]), SHA-1 and root of the hash tree.
const DIGESTS: TableDefinition<'_, &[u8], Digests> = TableDefinition::new("digests");

/// Path to the hashes of the blocks, where there is more than one.
const TREES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("blocks");

/// The file's name in the data folder.
const FILE: &str = "hashes.redb";

/// Memory the database may use, in bytes. Its own default is a gigabyte; the file of 100,000 paths has about 20 MB.
const MEMORY: usize = 4 << 20;

/// Paths no longer shared that are kept without asking.
const STRANGERS: u64 = 100_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    fn entry(n: u64) -> Entry {
        let stamp = Stamp {
            size: n,
            modified: -1,
            changed: i64::MAX,
        };
        // One file has a tree of more than its root.
        let size = if n == 7 { 3 * block_for(0) } else { n };
        let stamp = Stamp { size, ..stamp };
        let count = usize::try_from(size.div_ceil(block_for(size)).max(1)).unwrap();
        let blocks = vec![[n as u8; 24]; count];
        Entry {
            path: PathBuf::from(format!("/share/file {n}")),
            stamp,
            sha1: Sha1([n as u8; 20]),
            tree: Arc::new(Tree::new(stamp.size, block_for(stamp.size), blocks).unwrap()),
        }
    }

    fn parts(entry: Entry) -> (PathBuf, Stamp, Sha1) {
        (entry.path, entry.stamp, entry.sha1)
    }

    impl Cache {
        fn sha1(&self, path: &Path, stamp: Stamp) -> Option<Sha1> {
            self.known().digests(path, stamp).map(|(sha1, _)| sha1)
        }
    }

    #[test]
    fn trees_come_back_whole_or_not_at_all() {
        let data = tempfile::tempdir().unwrap();
        let cache = Cache::open(data.path()).unwrap();
        for entry in [entry(1), entry(7)] {
            cache.remember(std::slice::from_ref(&entry));
            let tree = cache.tree(&entry.path, entry.stamp);
            assert_eq!(tree.as_ref(), Some(&*entry.tree));
            let other = Stamp {
                changed: 1,
                ..entry.stamp
            };
            assert_eq!(cache.tree(&entry.path, other), None);
        }
    }

    #[test]
    fn remembers_for_the_same_stamp_only() {
        let data = tempfile::tempdir().unwrap();
        let data = data.path().join("not/yet/there");
        let (path, stamp, sha1) = parts(entry(1));
        Cache::open(&data).unwrap().remember(&[entry(1), entry(2)]);
        let cache = Cache::open(&data).unwrap();
        assert_eq!(cache.sha1(&path, stamp), Some(sha1));
        assert_eq!(cache.sha1(&path, Stamp { size: 9, ..stamp }), None);
        assert_eq!(
            cache.sha1(
                &path,
                Stamp {
                    modified: 9,
                    ..stamp
                }
            ),
            None
        );
        assert_eq!(
            cache.sha1(
                &path,
                Stamp {
                    changed: 9,
                    ..stamp
                }
            ),
            None
        );
        assert_eq!(cache.sha1(Path::new("/share/other"), stamp), None);
    }

    #[test]
    fn a_second_servent_is_told_so() {
        let data = tempfile::tempdir().unwrap();
        let _first = Cache::open(data.path()).unwrap();
        let refused = Cache::open(data.path()).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ResourceBusy);
        assert!(refused.to_string().contains("another servent"), "{refused}");
    }

    #[test]
    fn a_damaged_file_is_put_aside_and_begun_anew() {
        let data = tempfile::tempdir().unwrap();
        let path = data.path().join(FILE);
        Cache::open(data.path())
            .unwrap()
            .remember(&(0..1000).map(entry).collect::<Vec<_>>());
        let good = fs::read(&path).unwrap();
        let mut rng = Rng::seeded(3);
        let mut damaged = vec![b"no database at all".to_vec(), good[..100].to_vec()];
        damaged.extend([good[..good.len() / 2].to_vec(), vec![0; good.len()]]);
        for _ in 0..20 {
            let mut bytes = good.clone();
            let spot = rng.below(bytes.len() - 5000);
            bytes[spot..spot + 5000]
                .iter_mut()
                .for_each(|byte| *byte = rng.next() as u8);
            damaged.push(bytes);
        }
        for (round, bytes) in damaged.into_iter().enumerate() {
            fs::write(&path, bytes).unwrap();
            let cache = Cache::open(data.path()).unwrap();
            // A spot of damage may have hit a page not read on opening; then nothing false may come out of it.
            for (path, stamp, sha1) in (0..1000).map(entry).map(parts) {
                assert!(
                    cache.sha1(&path, stamp).is_none_or(|found| found == sha1),
                    "{round}"
                );
            }
            cache.remember(&[entry(5)]);
        }
        assert!(data.path().join("hashes.redb.damaged").exists());
    }

    #[test]
    fn an_unusable_place_is_an_error_with_its_path() {
        let data = tempfile::tempdir().unwrap();
        fs::create_dir(data.path().join(FILE)).unwrap();
        let refused = Cache::open(data.path()).unwrap_err();
        assert!(refused.to_string().contains(FILE), "{refused}");
    }

    #[test]
    fn forgets_what_is_no_longer_shared_when_it_is_too_much() {
        let data = tempfile::tempdir().unwrap();
        let cache = Cache::open(data.path()).unwrap();
        cache.remember(&[entry(1), entry(2)]);
        cache.trim(0, |_| false);
        let (path, stamp, sha1) = parts(entry(1));
        assert_eq!(cache.sha1(&path, stamp), Some(sha1), "not worth the while");
        cache.remember(&(0..=STRANGERS).map(entry).collect::<Vec<_>>());
        cache.trim(0, |kept| kept == path);
        assert_eq!(cache.sha1(&path, stamp), Some(sha1));
        let (path, stamp, _) = parts(entry(2));
        assert_eq!(cache.sha1(&path, stamp), None);
    }
}
