//! The bytes of an unfinished download, wherever in the file they are, and a record of which are here.
//!
//! The one rule: what the record says is here was written before it was recorded, and nothing that is here is written a
//! second time. The record is a journal of ranges beside the file: whatever a crash leaves behind its last whole entry is
//! cut off, and what was written but not recorded is fetched again.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sha1::Digest;

use crate::swarm::{ByteRange, Ranges};
use crate::thex::{BlockHasher, Hasher, Tree};
use crate::wire::{Sha1, TigerRoot};

/// How much is read at a time to be hashed.
const BUFFER: usize = 1024 * 1024;

/// An unfinished file. All its methods wait for the disk; it can be written by many at once.
#[derive(Debug)]
pub(super) struct Part {
    file: File,
    record: Mutex<Record>,
    follower: Mutex<Follower>,
}

/// What is here.
#[derive(Debug)]
struct Record {
    journal: File,
    /// Where the next entry goes.
    at: u64,
    here: Ranges,
    /// Being written at the moment.
    busy: Ranges,
    /// The first byte that was forgotten since the follower looked last.
    forgotten: u64,
}

/// The digest of the file's first bytes; it follows as they come, so that little is left to do at the end.
#[derive(Debug, Default)]
struct Follower {
    hasher: sha1::Sha1,
    hashed: u64,
}

impl Part {
    /// Opens the file and its journal, or makes them. What is behind `limit` cannot belong to it and is cut off. Of a file
    /// without a journal all is taken to be here.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn open(path: &Path, journal: &Path, limit: Option<u64>) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let known = journal.try_exists()?;
        // The journal is there before the first byte is, or a part with holes would be taken for a whole one.
        let before = if known {
            0
        } else {
            path.metadata().map_or(0, |part| part.len())
        };
        let journal = options.open(journal)?;
        let file = options.open(path)?;
        let mut here = if known {
            replay(&journal)?
        } else {
            Ranges::new()
        };
        here.insert(ByteRange::new(0, before));
        let present = file.metadata()?.len();
        let len = limit.map_or(present, |limit| present.min(limit));
        here.remove(ByteRange::new(len, u64::MAX));
        if len < present {
            file.set_len(len)?;
        }
        let mut record = Record {
            journal,
            at: 0,
            here: Ranges::new(),
            busy: Ranges::new(),
            forgotten: u64::MAX,
        };
        record.begin_anew(here)?;
        Ok(Self {
            file,
            record: Mutex::new(record),
            follower: Mutex::default(),
        })
    }

    /// What is here.
    pub(super) fn here(&self) -> Ranges {
        self.record().here.clone()
    }

    /// Writes bytes that belong at `at`, but for those that are here already; tells which were written.
    ///
    /// # Errors
    /// Those of the file system; then nothing new counts as here.
    pub(super) fn write(&self, at: u64, bytes: &[u8]) -> io::Result<Vec<ByteRange>> {
        let range = ByteRange::new(at, at + bytes.len() as u64);
        let fresh: Vec<ByteRange> = {
            let mut record = self.record();
            let absent: Vec<ByteRange> = record.here.lacks(range).collect();
            let busy = &record.busy;
            let fresh: Vec<ByteRange> = absent.iter().flat_map(|gap| busy.lacks(*gap)).collect();
            fresh.iter().for_each(|piece| record.busy.insert(*piece));
            fresh
        };
        let index = |byte: u64| usize::try_from(byte - at).expect("it lies in the bytes");
        let written = fresh.iter().try_for_each(|piece| {
            let bytes = &bytes[index(piece.start)..index(piece.end)];
            self.file.write_all_at(bytes, piece.start)
        });
        let mut record = self.record();
        fresh.iter().for_each(|piece| record.busy.remove(*piece));
        written?;
        for piece in &fresh {
            record.note(*piece, HERE)?;
            record.here.insert(*piece);
        }
        Ok(fresh)
    }

    /// Whether what is here of these bytes, which belong at `at`, is the same.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn agrees(&self, at: u64, bytes: &[u8]) -> io::Result<bool> {
        let range = ByteRange::new(at, at + bytes.len() as u64);
        let index = |byte: u64| usize::try_from(byte - at).expect("it lies in the bytes");
        let known: Vec<ByteRange> = self.record().here.within(range).collect();
        for piece in known {
            let told = &bytes[index(piece.start)..index(piece.end)];
            let mut here = vec![0; told.len()];
            self.file.read_exact_at(&mut here, piece.start)?;
            if here != told {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Notes that these bytes are wrong.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn forget(&self, range: ByteRange) -> io::Result<()> {
        let mut record = self.record();
        record.here.remove(range);
        record.forgotten = record.forgotten.min(range.start);
        record.note(range, GONE)
    }

    /// Whether a block, all of which is here, is what the tree says.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn holds(&self, tree: &Tree, block: ByteRange) -> io::Result<bool> {
        let mut hasher = BlockHasher::default();
        match self.read(block, |bytes| hasher.update(bytes)) {
            // Somebody cut the file: what it held is not here.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            read => read.map(|()| tree.has(block.start, block.len(), &hasher.finish())),
        }
    }

    /// Digests the bytes up to `until`, which are here; those that were not digested before.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn follow(&self, until: u64) -> io::Result<()> {
        let mut buffer = vec![0; BUFFER];
        loop {
            let mut follower = self.follower.lock().unwrap_or_else(PoisonError::into_inner);
            let Follower { hasher, hashed } = &mut *follower;
            let count = usize::try_from(until.saturating_sub(*hashed)).unwrap_or(BUFFER);
            let bytes = &mut buffer[..count.min(BUFFER)];
            self.file.read_exact_at(bytes, *hashed)?;
            // What was forgotten while it was read was read in vain, and what was hashed before too.
            let forgotten = std::mem::replace(&mut self.record().forgotten, u64::MAX);
            if forgotten < *hashed + bytes.len() as u64 {
                (*hasher, *hashed) = Default::default();
                if until > 0 && !self.record().here.contains(ByteRange::new(0, until)) {
                    return Ok(());
                }
                continue;
            }
            hasher.update(&*bytes);
            *hashed += bytes.len() as u64;
            if *hashed >= until {
                return Ok(());
            }
        }
    }

    /// How much was digested.
    pub(super) fn followed(&self) -> u64 {
        self.follower
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .hashed
    }

    /// Brings all to the disk and tells the digest of the first `size` bytes.
    ///
    /// # Errors
    /// Those of the file system; `UnexpectedEof` when the file is shorter.
    pub(super) fn finish(&self, size: u64) -> io::Result<Sha1> {
        self.follow(size)?;
        self.file.sync_all()?;
        let follower = self.follower.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Sha1(follower.hasher.clone().finalize().into()))
    }

    /// The root of the hash tree of the first `size` bytes.
    ///
    /// # Errors
    /// Those of the file system; `UnexpectedEof` when the file is shorter.
    pub(super) fn root(&self, size: u64) -> io::Result<TigerRoot> {
        let mut hasher = Hasher::new(size);
        self.read(ByteRange::new(0, size), |bytes| hasher.update(bytes))?;
        let tree = hasher.finish().ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(tree.root())
    }

    /// Hands over bytes, in order: a tree may have blocks, and so may a file of a tebibyte, for which there is no memory.
    fn read(&self, range: ByteRange, mut take: impl FnMut(&[u8])) -> io::Result<()> {
        let piece = |left: u64| usize::try_from(left).map_or(BUFFER, |left| left.min(BUFFER));
        let (mut at, mut buffer) = (range.start, vec![0; piece(range.len())]);
        while at < range.end {
            let bytes = &mut buffer[..piece(range.end - at)];
            self.file.read_exact_at(bytes, at)?;
            take(bytes);
            at += bytes.len() as u64;
        }
        Ok(())
    }

    /// Reads bytes that are here.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn handle(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Record {
    /// Adds an entry. Should it be written in part only, the next one is written over it.
    fn note(&mut self, range: ByteRange, kind: u64) -> io::Result<()> {
        self.journal.write_all_at(&entry(range, kind), self.at)?;
        self.at += ENTRY;
        if self.at >= LONGEST {
            self.begin_anew(self.here.clone())?;
        }
        Ok(())
    }

    /// Writes the journal anew, as short as can be. A crash in the midst of it loses the ranges not yet written.
    fn begin_anew(&mut self, here: Ranges) -> io::Result<()> {
        let entries: Vec<u8> = here.iter().flat_map(|range| entry(range, HERE)).collect();
        // Grown first and cut then: every moment's journal tells only what is here.
        self.journal.write_all_at(&entries, 0)?;
        self.at = entries.len() as u64;
        self.journal.set_len(self.at)?;
        self.here = here;
        Ok(())
    }
}

/// The size of an entry: two numbers, the first with its kind in the top bit.
const ENTRY: u64 = 16;

/// Past this the journal is written anew.
const LONGEST: u64 = 1024 * 1024;

const HERE: u64 = 0;
const GONE: u64 = 1 << 63;

fn entry(range: ByteRange, kind: u64) -> [u8; 16] {
    let mut entry = [0; 16];
    let (start, end) = entry.split_at_mut(8);
    start.copy_from_slice(&(range.start | kind).to_le_bytes());
    end.copy_from_slice(&range.end.to_le_bytes());
    entry
}

/// What the whole entries of a journal come to.
fn replay(journal: &File) -> io::Result<Ranges> {
    let length = journal.metadata()?.len().min(2 * LONGEST);
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    journal.read_exact_at(&mut bytes, 0)?;
    let mut here = Ranges::new();
    let (entries, _torn) = bytes.as_chunks::<16>();
    for entry in entries {
        let number = |at: usize| {
            let bytes: [u8; 8] = entry[at..at + 8].try_into().expect("eight are eight");
            u64::from_le_bytes(bytes)
        };
        let range = ByteRange::new(number(0) & !GONE, number(8) & !GONE);
        match number(0) & GONE {
            HERE => here.insert(range),
            _ => here.remove(range),
        }
    }
    Ok(here)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::thex::hash_block;
    use tempfile::TempDir;

    fn digest(bytes: &[u8]) -> Sha1 {
        Sha1(sha1::Sha1::digest(bytes).into())
    }

    fn open(folder: &TempDir, limit: Option<u64>) -> Part {
        let [part, journal] = ["1.part", "1.map"].map(|name| folder.path().join(name));
        Part::open(&part, &journal, limit).expect("opened")
    }

    #[test]
    fn bytes_come_in_any_order_and_are_known_after_a_crash() {
        let folder = tempfile::tempdir().expect("a folder");
        let part = open(&folder, None);
        part.write(8, b"three").expect("written");
        part.write(0, b"one ").expect("written");
        drop(part);
        let part = open(&folder, Some(13));
        assert_eq!(part.here().total(), 9);
        let fresh = part.write(2, b"XXtwo XXX").expect("written");
        assert_eq!(fresh, [ByteRange::new(4, 8)]);
        assert_eq!(part.finish(13).expect("read"), digest(b"one two three"));
        part.forget(ByteRange::new(0, 3)).expect("noted");
        drop(part);
        assert_eq!(open(&folder, Some(13)).here().total(), 10);
    }

    #[test]
    fn a_digest_begun_with_wrong_bytes_begins_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let part = open(&folder, None);
        part.write(0, b"wrong bytes").expect("written");
        part.follow(8).expect("read");
        part.forget(ByteRange::new(0, 5)).expect("noted");
        part.write(0, b"right").expect("written");
        assert_eq!(part.finish(11).expect("read"), digest(b"right bytes"));
    }

    #[test]
    fn a_part_without_a_journal_is_one_from_its_start() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("1.part"), b"123456").expect("written");
        let part = open(&folder, Some(4));
        assert_eq!(part.here().total(), 4);
        part.write(4, b"x").expect("written");
        assert_eq!(part.finish(5).expect("read"), digest(b"1234x"));
    }

    #[test]
    fn a_block_is_held_against_the_tree_piece_by_piece() {
        let folder = tempfile::tempdir().expect("a folder");
        let part = open(&folder, None);
        let bytes: Vec<u8> = (0..5 * BUFFER / 2).map(|n| (n / 7) as u8).collect();
        part.write(0, &bytes).expect("written");
        let (size, whole) = (bytes.len() as u64, ByteRange::new(0, bytes.len() as u64));
        let tree = Tree::new(size, 4 * BUFFER as u64, vec![hash_block(&bytes)]).expect("one block");
        assert!(part.holds(&tree, whole).expect("read"));
        part.forget(whole).expect("noted");
        part.write(size - 1, &[0xff]).expect("written");
        assert!(!part.holds(&tree, whole).expect("read"));
        part.file.set_len(size - 1).expect("cut");
        assert!(!part.holds(&tree, whole).expect("it is shorter"));
    }

    #[test]
    fn a_torn_journal_loses_its_end_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let part = open(&folder, None);
        part.write(0, b"12").expect("written");
        part.write(4, b"56").expect("written");
        drop(part);
        let path = folder.path().join("1.map");
        let journal = std::fs::read(&path).expect("there");
        for length in 0..=journal.len() {
            std::fs::write(&path, &journal[..length]).expect("written");
            let here = open(&folder, None).here();
            assert_eq!(here.total(), length as u64 / 16 * 2);
        }
    }

    #[test]
    fn many_writers_do_not_disturb_each_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let part = open(&folder, None);
        let bytes: Vec<u8> = (0..100_000_u32).map(|n| (n / 100) as u8).collect();
        let fresh: u64 = std::thread::scope(|scope| {
            let write = |offset: usize| {
                let (part, bytes) = (&part, &bytes);
                scope.spawn(move || -> u64 {
                    let pieces = bytes.chunks(1_000).enumerate().skip(offset);
                    let written = pieces.map(|(n, piece)| part.write(n as u64 * 1_000, piece));
                    let fresh = written.flat_map(|fresh| fresh.expect("written"));
                    fresh.map(|range| range.len()).sum()
                })
            };
            let writers: Vec<_> = [0, 0, 30, 60].into_iter().map(write).collect();
            writers
                .into_iter()
                .map(|writer| writer.join().expect("it ends"))
                .sum()
        });
        assert_eq!(fresh, 100_000, "every byte was written once");
        assert_eq!(part.finish(100_000).expect("read"), digest(&bytes));
    }
}
