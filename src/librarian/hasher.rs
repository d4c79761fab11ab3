//! The thread that hashes: SHA-1 and hash tree, in one pass, of every file the cache does not know.
//!
//! The one rule: a digest is published only when the file had one and the same stamp before and after it was read. One
//! file at a time, so that the disk stays free for uploads; the smallest first, so that most files are soon found by
//! content.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant, SystemTime};

use sha1::{Digest, Sha1 as Sha1Hasher};

use crate::library::SharedFile;
use crate::thex::{self, Tree};
use crate::wire::Sha1;

use super::agenda::Errands;
use super::board::Board;
use super::cache::{Cache, Entry};
use super::open::open;
use super::stamp::{Stamp, TICK};
use super::trees::Trees;

/// A file to hash: its number and what it looked like when it was seen. Ordered by size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Job {
    pub(super) stamp: Stamp,
    pub(super) index: u32,
}

/// All the hashing thread needs.
pub(super) struct Hasher {
    pub(super) jobs: Receiver<Job>,
    pub(super) board: Arc<Board>,
    pub(super) cache: Arc<Cache>,
    pub(super) trees: Trees,
    pub(super) errands: Arc<Errands>,
    pub(super) stopped: Arc<AtomicBool>,
}

impl Hasher {
    /// Hashes until nobody is left who could hand in a job, or until stopped.
    pub(super) fn run(self) {
        let mut queue = BinaryHeap::new();
        let mut fresh = Vec::new();
        let mut remembered = Instant::now();
        while !self.is_stopped() {
            queue.extend(self.jobs.try_iter().map(Reverse));
            if queue.is_empty() || fresh.len() >= BATCH || remembered.elapsed() >= BATCH_TIME {
                self.remember(&mut fresh);
                remembered = Instant::now();
            }
            let job = match queue.pop() {
                Some(Reverse(job)) => job,
                None => match self.jobs.recv() {
                    Ok(job) => job,
                    Err(_) => break,
                },
            };
            let file = self.board.read().get(job.index).cloned();
            fresh.extend(file.and_then(|file| self.hash(&file, job)));
        }
        self.remember(&mut fresh);
    }

    /// Hashes and publishes. Returns what is worth remembering.
    fn hash(&self, file: &SharedFile, job: Job) -> Option<Entry> {
        let began = SystemTime::now();
        let path = file.path();
        match self.digest(file, job.stamp) {
            Ok(Some((sha1, tree))) => {
                let tree = Arc::new(tree);
                self.trees.keep(file, &tree);
                self.board.set_digests(file, sha1, tree.root());
                if job.stamp.is_settled(began) {
                    return Some(Entry {
                        path,
                        stamp: job.stamp,
                        sha1,
                        tree,
                    });
                }
                self.errands.again(path, TICK + TICK / 10);
            }
            Ok(None) => self.errands.again(path, TICK),
            Err(error) => {
                tracing::debug!(%error, path = %path.display(), "not hashed");
                self.errands.again(path, RETRY);
            }
        }
        None
    }

    /// The digests of a file; none when it changed meanwhile or the thread was stopped.
    fn digest(&self, file: &SharedFile, stamp: Stamp) -> io::Result<Option<(Sha1, Tree)>> {
        let mut opened = open(file)?;
        let (mut hasher, mut tree) = (Sha1Hasher::new(), thex::Hasher::new(stamp.size));
        let mut buffer = vec![0; PIECE];
        loop {
            // Asked before every piece, which costs nothing beside hashing it: a file that is being written is given
            // up at once.
            if self.is_stopped() || Stamp::of(&opened.metadata()?) != stamp {
                return Ok(None);
            }
            match opened.read(&mut buffer) {
                Ok(0) => {
                    let sha1 = Sha1(hasher.finalize().into());
                    return Ok(tree.finish().map(|tree| (sha1, tree)));
                }
                Ok(length) => {
                    hasher.update(&buffer[..length]);
                    tree.update(&buffer[..length]);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn remember(&self, fresh: &mut Vec<Entry>) {
        if !fresh.is_empty() {
            self.cache.remember(fresh);
            fresh.clear();
        }
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

/// Bytes read at once: large enough for the disk, small enough to stop within a millisecond.
const PIECE: usize = 256 << 10;

/// Digests are written to the disk together, so many or so long after the last time: each writing waits for the disk.
const BATCH: usize = 256;
const BATCH_TIME: Duration = Duration::from_secs(5);

/// When to try a file again that could not be read: the cause may be passing, as too many open files.
const RETRY: Duration = Duration::from_secs(60);
