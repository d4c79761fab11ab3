//! What leaves share and what is asked for: made-up names whose words are as unevenly common as those of real ones.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use servent::library::{Catalogue, Library, SharedFile, words};
use servent::rng::Rng;
use servent::wire::Query;
use servent::wire::qrp::{RouteTable, RouteTableMessage, update};

/// Words there are.
const WORDS: usize = 40_000;

/// Words of what one leaf is fond of.
const FIELD: usize = 2_000;

/// All words.
pub(crate) struct Tongue(Vec<String>);

impl Tongue {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        let letter = |rng: &mut Rng| char::from(b'a' + rng.below(26) as u8);
        let words = (0..WORDS).map(|_| (0..3 + rng.below(7)).map(|_| letter(rng)).collect());
        Self(words.collect())
    }

    /// One of `many` words from `first` on; the first are common, the last rare (Zipf's law, near enough).
    fn word(&self, first: usize, many: usize, rng: &mut Rng) -> &str {
        let chance = rng.below(1 << 30) as f64 / f64::from(1 << 30);
        let rank = (many as f64).powf(chance) as usize;
        &self.0[(first + rank) % self.0.len()]
    }

    /// Six words, one of them everybody's.
    fn name(&self, field: usize, rng: &mut Rng) -> Vec<&str> {
        let everybodys = self.word(0, WORDS, rng);
        let mut name = vec![everybodys];
        name.extend((0..5).map(|_| self.word(field, FIELD, rng)));
        name
    }
}

/// A leaf, and what it has.
pub(crate) struct Leaf {
    pub(crate) library: Library,
    pub(crate) table: RouteTable,
    /// All that stands in the table, before it was hashed.
    pub(crate) words: HashSet<String>,
}

impl Leaf {
    pub(crate) fn new(tongue: &Tongue, files: usize, rng: &mut Rng) -> Self {
        let field = rng.below(WORDS);
        let mut leaf = Self {
            library: Library::new(),
            table: RouteTable::new(0),
            words: HashSet::new(),
        };
        for _ in 0..files {
            leaf.share(&tongue.name(field, rng));
        }
        leaf.table = leaf.catalogue();
        leaf
    }

    /// One more file, and what is to be told of it.
    pub(crate) fn share_one_more(&mut self, rng: &mut Rng) -> Vec<RouteTableMessage> {
        // Nobody asks for digits, so it does not matter which query came before.
        self.share(&[&rng.next().to_string()]);
        let after = self.catalogue();
        let before = std::mem::replace(&mut self.table, after);
        update(&self.table, Some(&before))
    }

    /// Some words of one of its files.
    pub(crate) fn name_words(&self, rng: &mut Rng) -> String {
        let file = self.library.files().nth(rng.below(self.library.len()));
        let name = file.expect("one of them").name.trim_end_matches(".mp3");
        let words: Vec<&str> = name.split(' ').collect();
        let count = 1 + rng.below(3);
        let asked: Vec<&str> = (0..count).map(|_| words[rng.below(words.len())]).collect();
        asked.join(" ")
    }

    fn share(&mut self, name: &[&str]) {
        let name = format!("{}.mp3", name.join(" "));
        self.words.extend(words(&name));
        let path = PathBuf::from(format!("{}/{name}", self.library.len()));
        let root: Arc<Path> = Path::new("music").into();
        let file = SharedFile::new(root, path, 4_000_000, SystemTime::UNIX_EPOCH);
        self.library.insert(file);
    }

    fn catalogue(&self) -> RouteTable {
        let mut catalogue = Catalogue::new();
        while catalogue.take_page(&self.library) {}
        catalogue.table()
    }
}

/// What somebody asks for: half the time a thing that is there, else words of which all may be somewhere.
pub(crate) fn query(tongue: &Tongue, leaves: &[Leaf], rng: &mut Rng) -> Query {
    if rng.chance(0.5) {
        let leaf = &leaves[rng.below(leaves.len())];
        return Query::words(&leaf.name_words(rng));
    }
    let field = rng.below(WORDS);
    let count = 1 + rng.below(3);
    let words: Vec<&str> = (0..count).map(|_| tongue.word(field, FIELD, rng)).collect();
    Query::words(&words.join(" "))
}
