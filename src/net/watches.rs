//! What a user waits for: words that are asked for again and again, until he says otherwise.
//!
//! The one rule: the network is asked rarely, and what it answers counts only when its name holds all the words and its
//! content was not seen before. What is fetched of that is fetched once, also when it was cancelled since. Words and
//! contents seen lie in a text file in the data folder, which is written whole or not at all.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use atomic_write_file::AtomicWriteFile;
use tokio::sync::{broadcast, oneshot, watch};
use tokio::time::{Instant, sleep, timeout_at};

use super::inbox::{Inbox, Order, Report};
use crate::library::Demand;
use crate::transfer::{DownloadId, Downloads, Source, Wanted};
use crate::wire::{Query, QueryHit, Record, Sha1};

/// The most that are waited for: each is asked for some dozen times a day.
const MOST: usize = 100;

/// How many contents each remembers having seen.
const SEEN: usize = 500;

/// How many files one question may begin to fetch: strangers decide what they answer.
const MOST_FETCHED: usize = 20;

/// The first and the longest wait between two questions for the same words; each is twice as long as the last
/// (gtk-gnutella and LimeWire both punish whoever repeats himself).
const WAITS: (Duration, Duration) = (Duration::from_secs(120), Duration::from_secs(2 * 3600));

/// How often is looked whether something is due, and so the least between two questions.
const LOOK: Duration = Duration::from_secs(2);

/// How long answers are listened for.
const LISTEN: Duration = Duration::from_secs(30);

/// How many finds wait for somebody to read them.
const NEWS: usize = 64;

/// The most that is read of the file.
const MAX_FILE: u64 = 4 * 1024 * 1024;

/// One thing waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// Its number.
    pub id: u32,
    /// The words that a name must hold.
    pub words: String,
    /// Whether what is found is fetched.
    pub fetch: bool,
    /// The contents found so far, the last [`SEEN`] of them.
    seen: VecDeque<Sha1>,
    /// When it is asked for next, and how long after that again; none while it was not asked for in this run.
    due: Option<(Instant, Duration)>,
}

impl Watch {
    /// How many contents it found.
    pub fn found(&self) -> usize {
        self.seen.len()
    }
}

/// Something that was found.
#[derive(Clone, Debug)]
pub struct Find {
    /// The words it was found for.
    pub words: String,
    /// Its name, as sent.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its content.
    pub sha1: Sha1,
    /// The download that fetches it.
    pub download: Option<DownloadId>,
}

/// All that a user waits for. Clones are handles on the same.
#[derive(Clone, Debug)]
pub struct Watches {
    list: Arc<Mutex<Vec<Watch>>>,
    path: Arc<PathBuf>,
    news: broadcast::Sender<Find>,
}

impl Watches {
    /// Those of earlier runs, from the folder `data`.
    pub(super) fn below(data: &Path) -> Self {
        let path = data.join("watches");
        Self {
            list: Arc::new(Mutex::new(read(&path))),
            path: Arc::new(path),
            news: broadcast::channel(NEWS).0,
        }
    }

    /// Waits for one more; the same words again only change whether they are fetched. Tells its number.
    ///
    /// # Errors
    /// There is no word in the words, there are too many watches, or they cannot be written down.
    pub fn add(&self, words: &str, fetch: bool) -> io::Result<u32> {
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        if Demand::of(&words).terms.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "there is no word to look for",
            ));
        }
        let mut list = self.list();
        let full = list.len() >= MOST;
        let known = list.iter_mut().find(|watch| watch.words == words);
        let id = match known {
            Some(watch) => {
                watch.fetch = fetch;
                watch.id
            }
            None if full => {
                return Err(io::Error::other("there are a hundred watches already"));
            }
            None => {
                let id = list.iter().map(|watch| watch.id).max().unwrap_or(0) + 1;
                list.push(Watch {
                    id,
                    words,
                    fetch,
                    seen: VecDeque::new(),
                    due: None,
                });
                id
            }
        };
        self.write(&list).map(|()| id)
    }

    /// Waits for one no more; false when there is none of this number.
    ///
    /// # Errors
    /// That cannot be written down.
    pub fn remove(&self, id: u32) -> io::Result<bool> {
        let mut list = self.list();
        let before = list.len();
        list.retain(|watch| watch.id != id);
        self.write(&list).map(|()| list.len() < before)
    }

    /// All, by number.
    pub fn all(&self) -> Vec<Watch> {
        self.list().clone()
    }

    /// What is found from now on.
    pub fn finds(&self) -> broadcast::Receiver<Find> {
        self.news.subscribe()
    }

    /// The one that is to be asked for now.
    fn due(&self, now: Instant) -> Option<(u32, String)> {
        let mut list = self.list();
        let is_due = |watch: &&mut Watch| watch.due.is_none_or(|(at, _)| at <= now);
        let watch = list.iter_mut().find(is_due)?;
        let wait = watch.due.map_or(WAITS.0, |(_, wait)| wait);
        watch.due = Some((now + wait, (wait * 2).min(WAITS.1)));
        Some((watch.id, watch.words.clone()))
    }

    /// Takes what is new of an answer; tells what is to be fetched.
    fn take(&self, id: u32, hit: &QueryHit) -> Vec<(Record, Sha1, bool)> {
        let mut list = self.list();
        let Some(watch) = list.iter_mut().find(|watch| watch.id == id) else {
            return Vec::new();
        };
        let asked = Demand::of(&watch.words);
        let mut new = Vec::new();
        for record in &hit.records {
            if let Some(sha1) = record.sha1()
                && asked.is_met_by(&record.name)
                && !watch.seen.contains(&sha1)
            {
                watch.seen.truncate(SEEN - 1);
                watch.seen.push_front(sha1);
                new.push((record.clone(), sha1, watch.fetch));
            }
        }
        if !new.is_empty()
            && let Err(error) = self.write(&list)
        {
            tracing::warn!(%error, "what was found is not noted");
        }
        new
    }

    fn list(&self) -> MutexGuard<'_, Vec<Watch>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, list: &[Watch]) -> io::Result<()> {
        let mut text = String::new();
        for Watch {
            id,
            words,
            fetch,
            seen,
            ..
        } in list
        {
            let verb = if *fetch { "fetch" } else { "look" };
            text += &format!("{id} {verb} {words}\n");
            text.extend(seen.iter().rev().map(|sha1| format!("{id} seen {sha1}\n")));
        }
        let mut file = AtomicWriteFile::open(&*self.path)?;
        file.write_all(text.as_bytes())?;
        file.commit()
    }
}

/// What a file tells; lines that make no sense are passed over.
fn read(path: &Path) -> Vec<Watch> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_FILE).read_to_end(&mut bytes));
    if read.is_err() {
        return Vec::new();
    }
    let mut list: Vec<Watch> = Vec::new();
    for line in String::from_utf8_lossy(&bytes).lines() {
        let mut parts = line.splitn(3, ' ');
        let (Some(Ok(id)), Some(verb), Some(rest)) =
            (parts.next().map(str::parse), parts.next(), parts.next())
        else {
            continue;
        };
        let full = list.len() >= MOST;
        let known = list.iter_mut().find(|watch| watch.id == id);
        match (verb, known) {
            ("seen", Some(watch)) if watch.seen.len() < SEEN => {
                if let Ok(sha1) = rest.parse() {
                    watch.seen.push_front(sha1);
                }
            }
            ("fetch" | "look", None) if !full && !Demand::of(rest).terms.is_empty() => {
                list.push(Watch {
                    id,
                    words: rest.to_owned(),
                    fetch: verb == "fetch",
                    seen: VecDeque::new(),
                    due: None,
                });
            }
            _ => {}
        }
    }
    list
}

/// The one who asks.
#[derive(Debug)]
pub(super) struct Watcher {
    pub(super) inbox: Inbox,
    pub(super) downloads: Downloads,
    pub(super) neighbours: watch::Receiver<usize>,
    pub(super) watches: Watches,
}

impl Watcher {
    /// Asks, one question at a time, until the servent is gone.
    pub(super) async fn run(self) {
        loop {
            sleep(LOOK).await;
            if *self.neighbours.borrow() > 0
                && let Some((id, words)) = self.watches.due(Instant::now())
                && self.ask(id, &words).await.is_none()
            {
                return;
            }
        }
    }

    /// Asks for some words, and takes the answers; none when there is nobody to ask any more.
    async fn ask(&self, id: u32, words: &str) -> Option<()> {
        let (reply, answer) = oneshot::channel();
        let order = Order::Search {
            query: Query::words(words),
            by: None,
            reply,
        };
        self.inbox.send(Report::Order(order)).await.ok()?;
        let mut search = answer.await.ok()?;
        let (until, mut fetched) = (Instant::now() + LISTEN, 0);
        while let Ok(Some(found)) = timeout_at(until, search.hits.recv()).await {
            for (record, sha1, fetch) in self.watches.take(id, &found.hit) {
                let fetch = fetch && fetched < MOST_FETCHED;
                fetched += usize::from(fetch);
                let download = fetch
                    .then(|| self.fetch(&found.hit, &record, sha1))
                    .flatten();
                let find = Find {
                    words: words.to_owned(),
                    name: record.name,
                    size: record.size,
                    sha1,
                    download,
                };
                tracing::info!(watch = id, name = find.name, "found what is watched for");
                // Whether anybody listens is his affair: the watch has counted it.
                let _ = self.watches.news.send(find);
            }
        }
        Some(())
    }

    fn fetch(&self, hit: &QueryHit, record: &Record, sha1: Sha1) -> Option<DownloadId> {
        let begun = self.downloads.start(Wanted {
            name: record.name.clone(),
            size: Some(record.size),
            sha1: Some(sha1),
            root: None,
            sources: vec![Source::of(hit, record)],
        });
        begun
            .inspect_err(|error| tracing::warn!(%error, "what was found is not fetched"))
            .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Extensions, Guid, Trailer, Urn};

    fn hit(names: &[(&str, u8)]) -> QueryHit {
        let record = |(name, content): &(&str, u8)| {
            let mut extensions = Extensions::default();
            extensions.urns.push(Urn::Sha1(Sha1([*content; 20])));
            Record {
                index: 1,
                size: 9,
                name: (*name).to_owned(),
                extensions,
            }
        };
        QueryHit {
            addr: "127.0.0.1:6346".parse().expect("an address"),
            speed: 0,
            records: names.iter().map(record).collect(),
            trailer: Trailer::default(),
            servent: Guid::ZERO,
        }
    }

    #[test]
    fn what_is_waited_for_outlives_a_restart() {
        let folder = tempfile::tempdir().expect("a folder");
        let watches = Watches::below(folder.path());
        assert_eq!(watches.add(" ace  of spades ", true).expect("noted"), 1);
        assert_eq!(watches.add("jazz", false).expect("noted"), 2);
        assert_eq!(watches.add("jazz", true).expect("noted"), 2);
        assert!(watches.add(" - ", false).is_err());
        watches.take(1, &hit(&[("Ace of Spades.ogg", 1)]));
        let again = Watches::below(folder.path());
        assert_eq!(again.all(), watches.all());
        assert_eq!(again.all()[0].words, "ace of spades");
        assert!(again.remove(1).expect("noted") && !again.remove(1).expect("noted"));
        assert_eq!(Watches::below(folder.path()).all().len(), 1);
    }

    #[test]
    fn only_new_contents_of_the_right_name_count() {
        let folder = tempfile::tempdir().expect("a folder");
        let watches = Watches::below(folder.path());
        let id = watches.add("ace spades", true).expect("noted");
        let answer = hit(&[
            ("Ace of Spades.ogg", 1),
            ("the same under another name: spades, ace", 1),
            ("Ace of Hearts.ogg", 2),
            ("ACE SPADES live.ogg", 3),
        ]);
        let new = watches.take(id, &answer);
        let contents: Vec<u8> = new.iter().map(|(_, sha1, _)| sha1.0[0]).collect();
        assert_eq!(contents, [1, 3]);
        assert!(watches.take(id, &answer).is_empty());
        for content in 0..=u8::MAX {
            watches.take(id, &hit(&[("ace spades", content)]));
        }
        assert!(watches.all()[0].found() <= SEEN);
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_is_asked_for_ever_more_rarely() {
        let folder = tempfile::tempdir().expect("a folder");
        let watches = Watches::below(folder.path());
        watches.add("jazz", false).expect("noted");
        let mut asked = 0;
        for _ in 0..24 * 60 {
            asked += usize::from(watches.due(Instant::now()).is_some());
            tokio::time::advance(Duration::from_secs(60)).await;
        }
        assert!((12..=20).contains(&asked), "{asked} times a day");
    }

    #[test]
    fn a_damaged_file_loses_what_is_damaged() {
        let folder = tempfile::tempdir().expect("a folder");
        let text = b"x\n1 look jazz\n1 seen nonsense\n2 seen AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n\xff\n3 fetch\n4 fetch a b\n";
        std::fs::write(folder.path().join("watches"), text).expect("written");
        let all = Watches::below(folder.path()).all();
        let words: Vec<&str> = all.iter().map(|watch| &*watch.words).collect();
        assert_eq!(words, ["jazz", "a b"]);
        assert_eq!(all[0].found(), 0);
    }
}
