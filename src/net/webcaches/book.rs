//! The book of web caches: when each was asked, and what came of it.
//!
//! The one rule: no cache is asked or told anything twice within an hour, whatever happens in between: the book is saved
//! before a question goes out. A line is a URL, the second of the last question since 1970, the failures in a row, and 1 for
//! a cache that takes no announcements.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use atomic_write_file::AtomicWriteFile;

/// The shortest time between two questions to one cache (GWebCache 1.3.1: "once an hour").
const INTERVAL: u64 = 3_600;

/// After so many failures in a row the time between questions no longer doubles: it is a day then.
const DOUBLINGS: u32 = 5;

/// Of a second after the year 9999 the file is wrong.
const LAST_SECOND: u64 = 253_402_300_800;

/// Lines read of the file, and caches held.
const MAX_CACHES: usize = 100;

/// Caches, and what is known of each.
#[derive(Debug)]
pub(in crate::net) struct Book {
    file: PathBuf,
    entries: BTreeMap<String, Entry>,
}

/// What came of a cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::net) struct WebCacheNews {
    /// The cache.
    pub(in crate::net) url: String,
    /// How many servents it told of in this run, or why of none; none before it was asked.
    pub(in crate::net) outcome: Option<Result<usize, String>>,
    /// When it may be asked again.
    pub(in crate::net) due: SystemTime,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Entry {
    /// Seconds since 1970; 0 for never.
    asked: u64,
    failures: u32,
    /// It takes no announcements: it is a plain list, most likely.
    deaf: bool,
    outcome: Option<Result<usize, String>>,
}

impl Book {
    /// A book of these caches, with what `file` knows of them.
    pub(in crate::net) fn open(file: PathBuf, caches: &[String]) -> Self {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let mut entries: BTreeMap<String, Entry> = caches
            .iter()
            .take(MAX_CACHES)
            .map(|url| (url.clone(), Entry::default()))
            .collect();
        for line in text.lines().take(MAX_CACHES) {
            let mut fields = line.split(' ');
            let url = fields.next().unwrap_or_default();
            if let Some(entry) = entries.get_mut(url) {
                let mut number = || fields.next().and_then(|field| field.parse().ok());
                entry.asked = number().filter(|at| *at < LAST_SECOND).unwrap_or_default();
                entry.failures = number().and_then(|n| n.try_into().ok()).unwrap_or_default();
                entry.deaf = number() == Some(1);
            }
        }
        Self { file, entries }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The cache to ask at `now`: of those that may be, the one not asked for longest. It counts as asked from here on.
    ///
    /// # Errors
    /// That cannot be written down; then nobody is to be asked.
    pub(super) fn next(&mut self, now: SystemTime) -> io::Result<Option<String>> {
        let Some((url, _)) = self.due(now).min_by_key(|(_, entry)| entry.asked) else {
            return Ok(None);
        };
        let url = url.clone();
        self.note_visit(&url, now)?;
        Ok(Some(url))
    }

    /// The caches that may be told of us at `now`, the one not visited for longest first.
    pub(super) fn to_tell(&self, now: SystemTime) -> Vec<String> {
        let mut open: Vec<_> = self.due(now).filter(|(_, entry)| !entry.deaf).collect();
        open.sort_by_key(|(_, entry)| entry.asked);
        open.into_iter().map(|(url, _)| url.clone()).collect()
    }

    fn due(&self, now: SystemTime) -> impl Iterator<Item = (&String, &Entry)> {
        let now = seconds(now);
        // Of a clock that was set back nothing is known but that time has passed.
        let due = move |entry: &Entry| entry.asked > now || now - entry.asked >= entry.wait();
        self.entries.iter().filter(move |(_, entry)| due(entry))
    }

    /// Notes that one is visited at `now`.
    ///
    /// # Errors
    /// That cannot be written down; then it is not to be visited.
    pub(super) fn note_visit(&mut self, url: &str, now: SystemTime) -> io::Result<()> {
        if let Some(entry) = self.entries.get_mut(url) {
            entry.asked = seconds(now);
        }
        self.save()
    }

    /// Notes what came of a question.
    ///
    /// # Errors
    /// That cannot be written down.
    pub(super) fn note(&mut self, url: &str, outcome: Result<usize, String>) -> io::Result<()> {
        if let Some(entry) = self.entries.get_mut(url) {
            entry.failures = match outcome {
                Ok(_) => 0,
                Err(_) => entry.failures.saturating_add(1),
            };
            entry.outcome = Some(outcome);
        }
        self.save()
    }

    /// Notes what came of an announcement: whether it was taken.
    ///
    /// # Errors
    /// That cannot be written down.
    pub(super) fn note_told(&mut self, url: &str, taken: Result<bool, String>) -> io::Result<()> {
        if let Some(entry) = self.entries.get_mut(url) {
            match taken {
                Ok(taken) => (entry.failures, entry.deaf) = (0, !taken),
                Err(_) => entry.failures = entry.failures.saturating_add(1),
            }
        }
        self.save()
    }

    /// What came of each.
    pub(super) fn news(&self) -> Vec<WebCacheNews> {
        let news = self.entries.iter().map(|(url, entry)| WebCacheNews {
            url: url.clone(),
            outcome: entry.outcome.clone(),
            due: UNIX_EPOCH + Duration::from_secs(entry.asked.saturating_add(entry.wait())),
        });
        news.collect()
    }

    fn save(&self) -> io::Result<()> {
        let mut file = AtomicWriteFile::open(&self.file)?;
        for (url, entry) in &self.entries {
            let deaf = u8::from(entry.deaf);
            writeln!(file, "{url} {} {} {deaf}", entry.asked, entry.failures)?;
        }
        file.commit()
    }
}

impl Entry {
    fn wait(&self) -> u64 {
        match self.asked {
            0 => 0,
            _ => (INTERVAL << self.failures.min(DOUBLINGS)).min(24 * INTERVAL),
        }
    }
}

fn seconds(now: SystemTime) -> u64 {
    now.duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO)
        .as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_000_000 + seconds)
    }

    #[test]
    fn nobody_is_asked_twice_within_an_hour_even_after_a_restart() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("webcaches");
        let caches = ["http://a.example/", "http://b.example/"].map(str::to_owned);
        let mut asked = Vec::new();
        for minute in 0..240 {
            let mut book = Book::open(file.clone(), &caches);
            asked.extend(book.next(at(minute * 60)).expect("written"));
        }
        assert_eq!(asked.len(), 2 * 4);
    }

    #[test]
    fn who_fails_is_asked_less_and_less() {
        let folder = tempfile::tempdir().expect("a folder");
        let caches = ["http://a.example/".to_owned()];
        let file = folder.path().join("webcaches");
        let mut book = Book::open(file.clone(), &caches);
        let mut asked = Vec::new();
        for hour in 0..200 {
            if let Some(url) = book.next(at(hour * 3_600)).expect("written") {
                book.note(&url, Err("away".to_owned())).expect("written");
                book = Book::open(file.clone(), &caches);
                asked.push(hour);
            }
        }
        assert_eq!(asked[..8], [0, 2, 6, 14, 30, 54, 78, 102]);
        book.note(&caches[0], Ok(3)).expect("written");
        assert!(book.next(at(201 * 3_600)).expect("written").is_some());
    }

    #[test]
    fn who_takes_no_announcement_gets_no_other_and_is_asked_all_the_same() {
        let folder = tempfile::tempdir().expect("a folder");
        let caches = ["http://a.example/", "http://b.example/"].map(str::to_owned);
        let file = folder.path().join("webcaches");
        let mut told = Vec::new();
        for hour in 0..4 {
            let mut book = Book::open(file.clone(), &caches);
            let now = at(hour * 3_600);
            let url = book.to_tell(now).remove(0);
            book.note_visit(&url, now).expect("written");
            let taken = url == caches[1];
            book.note_told(&url, Ok(taken)).expect("written");
            told.push(url);
        }
        assert_eq!(told[0], caches[0]);
        assert!(told[1..].iter().all(|url| *url == caches[1]));
        let mut book = Book::open(file, &caches);
        assert_eq!(
            book.next(at(4 * 3_600)).expect("written"),
            Some(told.remove(0))
        );
    }

    #[test]
    fn where_nothing_can_be_written_nobody_is_asked() {
        let caches = ["http://a.example/".to_owned()];
        let mut book = Book::open(PathBuf::from("/nowhere/at/all"), &caches);
        assert!(book.next(at(0)).is_err());
        assert!(book.note_visit(&caches[0], at(0)).is_err());
    }
}
