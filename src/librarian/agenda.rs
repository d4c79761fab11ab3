//! What the keeper has to do next, and when.
//!
//! The one rule: bounded however much happens. Changes that come thick and fast melt into one errand, and what does not
//! fit on the list is replaced by one walk over everything.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// One thing to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Errand {
    /// Walk all shared folders.
    Everything,
    /// Look at these files and folders, which have changed.
    Changed(BTreeSet<PathBuf>),
    /// Hash these files once more.
    Again(BTreeSet<PathBuf>),
    /// See whether the shared folders are where they were.
    LookAround,
}

/// The list, shared by all who put something on it and the keeper who takes it off.
#[derive(Debug)]
pub(super) struct Errands {
    agenda: Mutex<Option<Agenda>>,
    bell: Condvar,
}

impl Errands {
    /// A list with a walk over everything on it.
    pub(super) fn new() -> Self {
        Self {
            agenda: Mutex::new(Some(Agenda::new(Instant::now()))),
            bell: Condvar::new(),
        }
    }

    /// Asks for a walk over everything, begun after this call.
    pub(super) fn ask(&self) {
        self.note(|agenda, _| agenda.asked = true);
    }

    /// Whether a walk has been asked for and not been begun.
    pub(super) fn is_asked(&self) -> bool {
        self.lock().as_ref().is_some_and(|agenda| agenda.asked)
    }

    /// Something happened to these paths.
    pub(super) fn changed(&self, paths: Vec<PathBuf>) {
        self.note(|agenda, now| agenda.changed(paths, now));
    }

    /// Something happened and it is not known to what.
    pub(super) fn lost(&self) {
        self.note(|agenda, _| agenda.lost = true);
    }

    /// Asks for a file to be hashed again after a while.
    pub(super) fn again(&self, path: PathBuf, after: Duration) {
        self.note(|agenda, now| agenda.again(path, now + after));
    }

    /// Ends [`Self::next`], now and for ever.
    pub(super) fn stop(&self) {
        *self.lock() = None;
        self.bell.notify_all();
    }

    /// Waits for the next errand; none when stopped.
    pub(super) fn next(&self) -> Option<Errand> {
        let mut agenda = self.lock();
        loop {
            let now = Instant::now();
            match agenda.as_mut()?.take(now) {
                Ok(errand) => return Some(errand),
                Err(due) => {
                    let wait = self
                        .bell
                        .wait_timeout(agenda, due.saturating_duration_since(now));
                    agenda = wait.unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
    }

    fn note(&self, change: impl FnOnce(&mut Agenda, Instant)) {
        if let Some(agenda) = &mut *self.lock() {
            change(agenda, Instant::now());
        }
        self.bell.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Option<Agenda>> {
        self.agenda.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The list itself; the time is told to it.
#[derive(Debug)]
struct Agenda {
    asked: bool,
    lost: bool,
    changed: BTreeSet<PathBuf>,
    /// When the first and the last of the changes came.
    span: Option<(Instant, Instant)>,
    again: BTreeMap<PathBuf, Instant>,
    /// None of these is due before.
    first_again: Option<Instant>,
    last_walk: Instant,
    next_look: Instant,
}

impl Agenda {
    fn new(now: Instant) -> Self {
        Self {
            asked: true,
            lost: false,
            changed: BTreeSet::new(),
            span: None,
            again: BTreeMap::new(),
            first_again: None,
            last_walk: now,
            next_look: now + LOOK,
        }
    }

    fn changed(&mut self, paths: Vec<PathBuf>, now: Instant) {
        self.changed.extend(paths);
        self.span = Some((self.span.map_or(now, |(first, _)| first), now));
        if self.changed.len() > MOST_CHANGES {
            self.changed.clear();
            self.span = None;
            self.lost = true;
        }
    }

    fn again(&mut self, path: PathBuf, due: Instant) {
        self.again.insert(path, due);
        self.first_again = Some(self.first_again.map_or(due, |first| first.min(due)));
    }

    /// The next errand that is due, or when to ask again.
    fn take(&mut self, now: Instant) -> Result<Errand, Instant> {
        let walk = self.last_walk + if self.lost { LOSS_PAUSE } else { WALK };
        if self.asked || walk <= now {
            self.asked = false;
            self.lost = false;
            self.changed.clear();
            self.span = None;
            self.last_walk = now;
            return Ok(Errand::Everything);
        }
        let quiet = self
            .span
            .map(|(first, last)| (last + QUIET).min(first + PATIENCE));
        if quiet.is_some_and(|quiet| quiet <= now) {
            self.span = None;
            return Ok(Errand::Changed(std::mem::take(&mut self.changed)));
        }
        let again = self.first_again.map(|first| first + QUIET);
        if again.is_some_and(|again| again <= now) {
            let due = self.again.extract_if(.., |_, due| *due <= now);
            let due = due.map(|(path, _)| path).collect();
            self.first_again = self.again.values().min().copied();
            return Ok(Errand::Again(due));
        }
        if self.next_look <= now {
            self.next_look = now + LOOK;
            return Ok(Errand::LookAround);
        }
        Err([Some(walk), quiet, again]
            .into_iter()
            .flatten()
            .fold(self.next_look, Instant::min))
    }
}

/// Changes are looked at when nothing has happened for so long: a file being written changes all the time. Files to be
/// hashed again wait so long for others: looking which are due takes as long as there are files.
const QUIET: Duration = Duration::from_millis(300);

/// Changes that never pause are looked at so long after the first.
const PATIENCE: Duration = Duration::from_secs(2);

/// More changed paths than this and everything is walked: it is not more work, and needs no list.
const MOST_CHANGES: usize = 1_000;

/// Everything is walked so often even if nothing was reported: watches get lost on network disks and full tables.
const WALK: Duration = Duration::from_secs(3_600);

/// Between two walks because of lost reports, so that a disk in turmoil is not walked without end.
const LOSS_PAUSE: Duration = Duration::from_secs(10);

/// How soon a shared folder is missed, or seen to be back. One look at each costs microseconds.
const LOOK: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    fn begun() -> (Agenda, Instant) {
        let start = Instant::now();
        let mut agenda = Agenda::new(start);
        assert_eq!(agenda.take(start), Ok(Errand::Everything));
        agenda.next_look = start + WALK * 10;
        (agenda, start)
    }

    fn paths(names: &[&str]) -> Vec<PathBuf> {
        names.iter().map(PathBuf::from).collect()
    }

    #[test]
    fn changes_wait_for_a_pause_but_not_for_ever() {
        let (mut agenda, start) = begun();
        agenda.changed(paths(&["a"]), start);
        agenda.changed(paths(&["b", "a"]), start + QUIET / 2);
        assert_eq!(agenda.take(start + QUIET), Err(start + QUIET + QUIET / 2));
        let both = Errand::Changed(paths(&["a", "b"]).into_iter().collect());
        assert_eq!(agenda.take(start + QUIET * 2), Ok(both));

        let mut now = start;
        agenda.changed(paths(&["c"]), start);
        while now < start + PATIENCE {
            assert!(agenda.take(now).is_err());
            now += QUIET / 3;
            agenda.changed(paths(&["c"]), now);
        }
        assert_eq!(
            agenda.take(now),
            Ok(Errand::Changed(paths(&["c"]).into_iter().collect()))
        );
        assert_eq!(agenda.take(now), Err(start + WALK));
    }

    #[test]
    fn too_many_changes_become_one_walk() {
        let (mut agenda, start) = begun();
        for n in 0..10 * MOST_CHANGES {
            agenda.changed(vec![PathBuf::from(n.to_string())], start);
            assert!(agenda.changed.len() <= MOST_CHANGES);
        }
        assert!(agenda.lost);
        assert_eq!(agenda.take(start + LOSS_PAUSE), Ok(Errand::Everything));
        assert_eq!(
            agenda.take(start + LOSS_PAUSE),
            Err(start + LOSS_PAUSE + WALK)
        );
    }

    #[test]
    fn each_thing_comes_when_it_is_due() {
        let (mut agenda, start) = begun();
        agenda.next_look = start + LOOK;
        let late = start + LOOK * 2;
        for (number, name) in ["y", "x", "z"].into_iter().enumerate() {
            agenda.again(name.into(), late + QUIET * number as u32);
        }
        assert_eq!(agenda.take(start), Err(start + LOOK));
        assert_eq!(agenda.take(start + LOOK), Ok(Errand::LookAround));
        assert_eq!(agenda.take(late), Ok(Errand::LookAround));
        assert_eq!(agenda.take(late), Err(late + QUIET));
        let both = paths(&["x", "y"]).into_iter().collect();
        assert_eq!(agenda.take(late + QUIET), Ok(Errand::Again(both)));
        assert_eq!(agenda.take(late + QUIET), Err(late + QUIET * 3));
        agenda.asked = true;
        assert_eq!(agenda.take(late), Ok(Errand::Everything));
        assert_eq!(agenda.take(late + WALK), Ok(Errand::Everything));
    }

    #[test]
    fn stopping_ends_the_wait() {
        let errands = Errands::new();
        assert_eq!(errands.next(), Some(Errand::Everything));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| while errands.next().is_some() {});
            errands.stop();
            waiting.join().unwrap();
        });
        errands.ask();
        assert_eq!(errands.next(), None);
    }
}
