//! The files of all users.

use std::collections::VecDeque;

use bytes::BytesMut;
use foldhash::HashMap;

use crate::library::{Demand, Term, fold, terms};

use super::Link;
use super::postings::{Postings, Verdict};
use super::store::{Span, clipped};
use crate::central::fields::Fields;
use crate::central::search::text;
use crate::central::share::Shared;

/// The longest name that is taken, in bytes: twice what a disk allows, for the folders before it.
pub(super) const LONGEST_NAME: usize = 512;

/// More terms of one name than this do not find it: as many words as fit into the longest name on a disk.
const MOST_TERMS: usize = 128;

/// As many parts of a path find a file, the name among them; opennap-ng's `index_path_depth`.
const DEPTH: usize = 2;

/// Longest mark of a content that is kept: an MD5 or one of ours.
const LONGEST_MARK: usize = 32;

/// The mark of a file that has none, as opennap-ng writes it.
pub(super) const NO_MARK: &[u8] = b"00000000000000000000000000000000";

/// Files that have gone are taken out from under their terms so many at a time, so that a user who leaves with ten
/// thousand makes nobody wait.
const SWEPT_AT_ONCE: usize = 32;

/// All files, and the ways of finding them.
#[derive(Debug, Default)]
pub(super) struct Files {
    files: HashMap<u32, File>,
    postings: Postings,
    next: u32,
    bytes: u64,
    /// Gone, and still under their terms.
    gone: VecDeque<(u32, Box<[u8]>)>,
}

/// One file of one user.
#[derive(Debug)]
pub(super) struct File {
    /// As hits and lists tell it: `"name" md5 size bitrate frequency seconds`.
    pub(super) line: Box<[u8]>,
    /// Bytes.
    pub(super) size: u64,
    /// Whose.
    pub(super) owner: Link,
    /// Kilobits a second.
    pub(super) bitrate: u32,
    /// Samples a second.
    pub(super) frequency: u32,
    /// Seconds.
    pub(super) seconds: u32,
}

/// What a search asks of names.
#[derive(Debug)]
pub(super) struct Wish {
    demand: Demand,
    excluded: Vec<String>,
}

impl File {
    /// Its name, as its owner shares it.
    pub(super) fn name(&self) -> &[u8] {
        name_of(&self.line)
    }

    /// Its mark.
    pub(super) fn mark(&self) -> &[u8] {
        let mut fields = Fields::new(&self.line);
        let _name = fields.text();
        fields.text().unwrap_or_default()
    }
}

pub(super) fn name_of(line: &[u8]) -> &[u8] {
    Fields::new(line).text().unwrap_or_default()
}

impl Wish {
    /// What two lists of words ask for; none when they ask for nothing that could be found.
    pub(super) fn of(contains: &str, excludes: &str) -> Option<Self> {
        let (mut wanted, mut excluded) = (String::new(), excludes.to_owned());
        for word in contains.split_ascii_whitespace() {
            let (words, word) = match word.strip_prefix('-') {
                Some(word) => (&mut excluded, word),
                None => (&mut wanted, word),
            };
            words.push(' ');
            words.push_str(word);
        }
        let demand = Demand::of(&wanted);
        let excluded = terms(&excluded).into_iter().take(MOST_TERMS).collect();
        (!demand.terms.is_empty()).then_some(Self { demand, excluded })
    }

    /// Whether a name that has all terms has them where they stand together in the search.
    pub(super) fn has_runs(&self, name: &[u8]) -> bool {
        let name = fold(&indexed(name));
        self.demand.runs.iter().all(|run| name.contains(run))
    }

    /// Whether the terms do not tell all: see [`Self::has_runs`].
    pub(super) const fn is_picky(&self) -> bool {
        !self.demand.runs.is_empty()
    }

    /// The terms it wants, the longest first: they are likely to be the rarest.
    pub(super) fn wanted(&self) -> Vec<Span> {
        let mut spans: Vec<Span> = { self.demand.terms.iter() }
            .map(|term| match term {
                Term::Whole(text) => Span::whole(text),
                Term::Beginning(text) => Span::beginning(text),
            })
            .collect();
        spans.sort_by_key(|span| std::cmp::Reverse(span.from.len()));
        spans
    }

    /// The terms it does not want.
    pub(super) fn unwanted(&self) -> Vec<Span> {
        self.excluded.iter().map(|term| Span::whole(term)).collect()
    }
}

impl Files {
    /// Adds a file and returns its number, larger than all before.
    pub(super) fn add(&mut self, owner: Link, file: &Shared<'_>) -> u32 {
        let id = self.next;
        self.next += 1;
        let mark = bare(file.md5);
        let mut line = BytesMut::with_capacity(file.name.len() + 80);
        Shared { md5: mark, ..*file }.write(&mut line);
        for term in words_of(file.name) {
            self.postings.insert(&term, id);
        }
        let file = File {
            line: line[..].into(),
            size: file.size,
            owner,
            bitrate: file.bitrate,
            frequency: file.frequency,
            seconds: file.seconds,
        };
        self.bytes = self.bytes.saturating_add(file.size);
        self.files.insert(id, file);
        id
    }

    /// Whether there is no number left for another file, and [`Self::renumber`] has to be called.
    pub(super) const fn is_used_up(&self) -> bool {
        self.next == u32::MAX
    }

    /// Numbers the files anew, in their order; returns the old numbers, each at the place that is its new one.
    pub(super) fn renumber(&mut self) -> Vec<u32> {
        while !self.gone.is_empty() {
            self.sweep();
        }
        let mut old: Vec<u32> = self.files.keys().copied().collect();
        old.sort_unstable();
        self.postings.renumber(|id| place(&old, id));
        let files = std::mem::take(&mut self.files);
        self.files = files
            .into_iter()
            .filter_map(|(id, file)| Some((place(&old, id)?, file)))
            .collect();
        self.next = u32::try_from(old.len()).expect("each had a number of 32 bits");
        old
    }

    /// Takes a file out, at once: nothing finds it any more.
    pub(super) fn remove(&mut self, id: u32) {
        if let Some(file) = self.files.remove(&id) {
            self.bytes = self.bytes.saturating_sub(file.size);
            self.gone.push_back((id, file.line));
        }
    }

    /// Clears away some of what was left of files that have gone.
    pub(super) fn sweep(&mut self) {
        for _ in 0..SWEPT_AT_ONCE {
            let Some((id, line)) = self.gone.pop_front() else {
                if self.gone.capacity() > SWEPT_AT_ONCE {
                    self.gone = VecDeque::new();
                }
                return;
            };
            for term in words_of(name_of(&line)) {
                let lives = |id| self.files.contains_key(&id);
                self.postings.remove(&term, id, lives);
            }
        }
    }

    /// The terms that find a file of this name, as a store keeps them; each once.
    pub(super) fn terms_of(name: &[u8]) -> Vec<Box<[u8]>> {
        let mut terms: Vec<Box<[u8]>> = words_of(name).map(|term| clipped(&term).into()).collect();
        terms.sort_unstable();
        terms.dedup();
        terms
    }

    /// A file by its number.
    pub(super) fn get(&self, id: u32) -> Option<&File> {
        self.files.get(&id)
    }

    /// Hands the files that fulfil a wish to `take`, which tells whether it wants more if it took it. Newest first; each once.
    pub(super) fn search(&self, wish: &Wish, mut take: impl FnMut(&File) -> Option<Verdict>) {
        let (wanted, unwanted) = (&wish.demand.terms, &wish.excluded);
        self.postings.search(wanted, unwanted, |id| {
            let Some(file) = self.get(id) else {
                return Verdict::Next;
            };
            if wish.is_picky() && !wish.has_runs(file.name()) {
                return Verdict::Next;
            }
            take(file).unwrap_or(Verdict::Next)
        });
    }

    /// How many.
    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    /// Their size together, in bytes.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    #[cfg(test)]
    pub(super) fn is_clean(&self) -> bool {
        self.files.is_empty() && self.gone.is_empty() && self.postings.is_empty()
    }

    #[cfg(test)]
    pub(super) const fn skip_to(&mut self, next: u32) {
        self.next = next;
    }
}

/// A mark as it stands in a line, where nothing quotes it: one word, or whoever sends it would say of his file, and of whose
/// it is, what he likes.
fn bare(mark: &[u8]) -> &[u8] {
    let mark = &mark[..mark.len().min(LONGEST_MARK)];
    let mark = mark.split(u8::is_ascii_whitespace).next();
    mark.filter(|mark| !mark.is_empty()).unwrap_or(NO_MARK)
}

/// What stands behind the last dot of a name, in lower case; all of it where there is none.
pub(super) fn ending(name: &[u8]) -> String {
    let ending = name.rsplit(|&byte| byte == b'.').next().unwrap_or_default();
    String::from_utf8_lossy(ending).to_lowercase()
}

fn place(old: &[u32], id: u32) -> Option<u32> {
    let place = old.binary_search(&id).ok()?;
    u32::try_from(place).ok()
}

/// The part of a name that finds its file: what stands in its last folder, and that folder.
fn indexed(name: &[u8]) -> String {
    let parts = name.rsplitn(DEPTH + 1, |&byte| matches!(byte, b'\\' | b'/'));
    let parts: Vec<String> = parts.take(DEPTH).map(text).collect();
    parts.join(" ")
}

fn words_of(name: &[u8]) -> impl Iterator<Item = String> {
    terms(&indexed(name)).into_iter().take(MOST_TERMS)
}
