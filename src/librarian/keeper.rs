//! The thread that keeps the library true to the disk.
//!
//! The one rule: what a walk has seen is in the library and what it has not is out. All else (watches, digests known
//! from earlier, the list of errands) only saves it from walking and hashing more than it must.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;

use crate::library::SharedFile;

use super::agenda::{Errand, Errands};
use super::board::Board;
use super::cache::Cache;
use super::hasher::Job;
use super::scan::{Ground, Named, Sight, is_readable};
use super::stamp::Stamp;
use super::watching::Watch;

/// All the keeping thread needs.
pub(super) struct Keeper {
    /// The folders to share, absolute, whether they are there or not.
    pub(super) folders: Vec<Named>,
    /// Nothing below these is shared.
    pub(super) never: Vec<PathBuf>,
    pub(super) jobs: Sender<Job>,
    pub(super) board: Arc<Board>,
    pub(super) cache: Arc<Cache>,
    pub(super) errands: Arc<Errands>,
    pub(super) stopped: Arc<AtomicBool>,
    /// The folders that are there.
    pub(super) grounds: Vec<Ground>,
    /// Every shared file by number, with the stamp of which its digest is known or has been asked for.
    pub(super) ledger: HashMap<u32, Option<Stamp>>,
    /// The folders in which these are: where one of them is, or was, a change may concern more than a file.
    pub(super) peopled: BTreeSet<PathBuf>,
    pub(super) watch: Option<Watch>,
}

/// What one walk has met so far.
struct Tour {
    /// Nothing below these is shared, and they may have been moved since the last walk.
    never: Vec<PathBuf>,
    /// Not yet in the library.
    batch: Vec<(SharedFile, Stamp)>,
    seen: HashSet<u32>,
    skipped: u64,
}

impl Tour {
    fn new(never: &[PathBuf]) -> Self {
        let real = |path: &PathBuf| path.canonicalize().unwrap_or_else(|_| path.clone());
        Self {
            never: never.iter().map(real).collect(),
            batch: Vec::with_capacity(BATCH),
            seen: HashSet::new(),
            skipped: 0,
        }
    }
}

impl Keeper {
    /// Does errands until stopped.
    pub(super) fn run(mut self) {
        while let Some(errand) = self.errands.next() {
            match errand {
                Errand::Everything => self.walk_everything(),
                Errand::Changed(paths) => self.visit(&paths),
                Errand::Again(mut paths) => {
                    let library = self.board.read();
                    paths.retain(|path| {
                        let index = library.by_path(path).map(|file| file.index);
                        index.is_some_and(|index| self.ledger.insert(index, None).is_some())
                    });
                    drop(library);
                    self.visit(&paths);
                }
                Errand::LookAround if self.find_grounds() != self.grounds => self.walk_everything(),
                Errand::LookAround => {}
            }
        }
    }

    fn walk_everything(&mut self) {
        self.grounds = self.find_grounds();
        if let Some(watch) = &mut self.watch {
            watch.retry();
        }
        let mut tour = Tour::new(&self.never);
        self.peopled.clear();
        for ground in self.grounds.clone() {
            self.walk(&ground, &ground.path, &mut tour);
        }
        self.take_in(&mut tour);
        if self.is_stopped() {
            return;
        }
        let all = self.ledger.keys().copied().collect();
        self.strike_out(&tour, all);
        // A walk asked for while this one was under way is the one the asker waits for.
        let counts = u64::from(!self.errands.is_asked());
        self.board.publish(|census| {
            census.scans += counts;
            census.skipped = tour.skipped;
        });
        let files = self.board.read().len();
        self.cache
            .trim(files, |path| self.board.read().by_path(path).is_some());
    }

    /// Makes the library true to these files, and to these folders with all below them.
    fn visit(&mut self, paths: &BTreeSet<PathBuf>) {
        let mut tour = Tour::new(&self.never);
        let folders = paths.iter().map(PathBuf::as_path);
        let folders: BTreeSet<&Path> = folders.filter(|path| self.desert(path)).collect();
        let mut walked: Option<(Ground, &Path)> = None;
        for path in paths {
            let around = self
                .grounds
                .iter()
                .filter(|ground| path.starts_with(&ground.path));
            let innermost = around.max_by_key(|ground| ground.path.as_os_str().len());
            let Some(ground) = innermost.cloned() else {
                continue;
            };
            // In the order of paths a folder comes before all that is in it. But a shared folder inside it was not
            // walked with it.
            let is_covered =
                |(other, folder): &(Ground, &Path)| *other == ground && path.starts_with(folder);
            if !walked.as_ref().is_some_and(is_covered) {
                self.walk(&ground, path, &mut tour);
                walked = Some((ground, path));
            }
        }
        self.take_in(&mut tour);
        if self.is_stopped() {
            return;
        }
        let library = self.board.read();
        let files = paths.iter().filter_map(|path| library.by_path(path));
        let mut concerned: Vec<u32> = files.map(|file| file.index).collect();
        if !folders.is_empty() {
            let below = |file: &&SharedFile| {
                let path = file.path();
                let mut ways = path
                    .ancestors()
                    .take_while(|way| way.starts_with(&file.root));
                ways.any(|way| folders.contains(way))
            };
            concerned.extend(library.files().filter(below).map(|file| file.index));
        }
        drop(library);
        self.strike_out(&tour, concerned);
        self.board.publish(|_| {});
    }

    /// Forgets a folder and those below it, until files are met there again; tells whether there were any in it.
    fn desert(&mut self, folder: &Path) -> bool {
        let below = self.peopled.range(folder.to_owned()..);
        let below: Vec<PathBuf> = { below.take_while(|other| other.starts_with(folder)) }
            .cloned()
            .collect();
        for folder in &below {
            self.peopled.remove(folder);
        }
        !below.is_empty()
    }

    /// The shared folders that are there now, each once.
    fn find_grounds(&mut self) -> Vec<Ground> {
        let mut grounds: Vec<Ground> = Vec::new();
        for ground in self.folders.iter_mut().filter_map(Named::ground) {
            if !grounds.contains(&ground) {
                grounds.push(ground);
            }
        }
        grounds
    }

    fn walk(&mut self, ground: &Ground, from: &Path, tour: &mut Tour) {
        // A shared folder inside another is walked by itself, so that a file is met once.
        let others: Vec<Ground> = self
            .grounds
            .iter()
            .filter(|other| other.path != ground.path)
            .cloned()
            .collect();
        let never = tour.never.clone();
        let barred = move |path: &Path| {
            never.iter().any(|never| path.starts_with(never))
                || others.iter().any(|other| *path == *other.path)
        };
        for sight in ground.walk(from, barred) {
            match sight {
                Sight::Folder(path) => {
                    if let Some(watch) = &mut self.watch {
                        watch.add(&path);
                    }
                }
                Sight::File(file, stamp) => tour.batch.push((file, stamp)),
                Sight::Unreadable => tour.skipped += 1,
            }
            if self.is_stopped() {
                return;
            }
            if tour.batch.len() == BATCH {
                self.take_in(tour);
            }
        }
    }

    /// Puts what is new or changed into the library, with its digest where that is known.
    fn take_in(&mut self, tour: &mut Tour) {
        let Tour {
            batch,
            seen,
            skipped,
            ..
        } = tour;
        let library = self.board.read();
        batch.retain(|(file, stamp)| {
            let path = file.path();
            if let Some(folder) = path.parent()
                && !self.peopled.contains(folder)
            {
                self.peopled.insert(folder.to_owned());
            }
            let Some(known) = library.by_path(&path) else {
                return true;
            };
            let same =
                known.root == file.root && self.ledger.get(&known.index) == Some(&Some(*stamp));
            if same {
                seen.insert(known.index);
            }
            !same
        });
        drop(library);
        if batch.is_empty() {
            return;
        }
        let known = self.cache.known();
        batch.retain_mut(|(file, stamp)| {
            let path = file.path();
            (file.sha1, file.tree) = known.digests(&path, *stamp).unzip();
            let readable = is_readable(&path);
            *skipped += u64::from(!readable);
            readable
        });
        let mut library = self.board.write();
        for (file, stamp) in batch.drain(..) {
            let hashed = file.sha1.is_some();
            let index = library.insert(file);
            seen.insert(index);
            let before = self.ledger.insert(index, Some(stamp));
            if !hashed {
                if before.flatten().is_some_and(|before| before != stamp) {
                    library.forget_sha1(index);
                }
                // The hasher is gone only when all ends.
                let _ = self.jobs.send(Job { stamp, index });
            }
        }
        drop(library);
        self.board.publish(|_| {});
    }

    /// Takes out of the library which of these a walk has not met.
    fn strike_out(&mut self, tour: &Tour, mut concerned: Vec<u32>) {
        concerned.retain(|index| !tour.seen.contains(index));
        for few in concerned.chunks(BATCH) {
            let mut library = self.board.write();
            for index in few {
                let gone = library.get(*index).map(SharedFile::path);
                if gone.is_some_and(|path| library.remove(&path)) {
                    self.ledger.remove(index);
                }
            }
        }
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

/// Files put into the library, or taken out, under one lock: it is held for less than a millisecond.
const BATCH: usize = 64;
