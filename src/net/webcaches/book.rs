//! The book of web caches: when each was asked, and what came of it.
//!
//! The one rule: no cache is asked twice within an hour, whatever happens in between: the book is saved before a question
//! goes out. A line is a URL, the second of the last question since 1970, and the failures in a row.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use atomic_write_file::AtomicWriteFile;

/// The shortest time between two questions to one cache (GWebCache 1.3.1: "once an hour").
const INTERVAL: u64 = 3_600;

/// After so many failures in a row the time between questions no longer doubles: it is a day then.
const DOUBLINGS: u32 = 5;

/// Lines read of the file, and caches held.
const MAX_CACHES: usize = 100;

/// Caches, and what is known of each.
#[derive(Debug)]
pub(super) struct Book {
    file: PathBuf,
    entries: BTreeMap<String, Entry>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Entry {
    /// Seconds since 1970; 0 for never.
    asked: u64,
    failures: u32,
}

impl Book {
    /// A book of these caches, with what `file` knows of them.
    pub(super) fn open(file: PathBuf, caches: &[String]) -> Self {
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
                entry.asked = number().unwrap_or_default();
                entry.failures = number().and_then(|n| n.try_into().ok()).unwrap_or_default();
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
        let now = seconds(now);
        // Of a clock that was set back nothing is known but that time has passed.
        let due = |entry: &Entry| entry.asked > now || now - entry.asked >= entry.wait();
        let open = self.entries.iter_mut().filter(|(_, entry)| due(entry));
        let Some((url, entry)) = open.min_by_key(|(_, entry)| entry.asked) else {
            return Ok(None);
        };
        entry.asked = now;
        let url = url.clone();
        self.save()?;
        Ok(Some(url))
    }

    /// Notes what came of a question.
    pub(super) fn note(&mut self, url: &str, good: bool) {
        if let Some(entry) = self.entries.get_mut(url) {
            entry.failures = if good { 0 } else { entry.failures + 1 };
        }
    }

    fn save(&self) -> io::Result<()> {
        let mut file = AtomicWriteFile::open(&self.file)?;
        for (url, entry) in &self.entries {
            writeln!(file, "{url} {} {}", entry.asked, entry.failures)?;
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
        let mut book = Book::open(folder.path().join("webcaches"), &caches);
        let mut asked = Vec::new();
        for hour in 0..200 {
            if let Some(url) = book.next(at(hour * 3_600)).expect("written") {
                book.note(&url, false);
                asked.push(hour);
            }
        }
        assert_eq!(asked[..8], [0, 2, 6, 14, 30, 54, 78, 102]);
        book.note(&caches[0], true);
        assert!(book.next(at(201 * 3_600)).expect("written").is_some());
    }

    #[test]
    fn where_nothing_can_be_written_nobody_is_asked() {
        let caches = ["http://a.example/".to_owned()];
        let mut book = Book::open(PathBuf::from("/nowhere/at/all"), &caches);
        assert!(book.next(at(0)).is_err());
    }
}
