//! The words of what we share, for the tables by which others route queries to us (QRP 1.0).
//!
//! The one rule: whatever query our library can answer, in whichever words a servent cuts it, its words are in the table.
//! LimeWire and gtk-gnutella prepare words differently, so both ways are in it, and our own way too. What is asked for by
//! its beginning is found by it (`metal` finds `Metallica`), but for beginnings much shorter than the word: those would
//! fill the table, and nobody puts them in.

use std::collections::BTreeSet;

use crate::wire::Urn;
use crate::wire::qrp::RouteTable;
use crate::wire::words::{Kind, coarse, fold, fold_lightly, runs};

use super::{Library, SharedFile, keywords};

/// A table on its way, filled a page of files at a time so that the library need not be held throughout.
#[derive(Debug)]
pub struct Catalogue {
    wide: RouteTable,
    next: u32,
}

impl Default for Catalogue {
    fn default() -> Self {
        Self::new()
    }
}

impl Catalogue {
    /// Nothing in it.
    pub fn new() -> Self {
        Self {
            wide: RouteTable::new(MOST_SLOTS),
            next: 0,
        }
    }

    /// Takes in the next page of files; false when there was none left.
    pub fn take_page(&mut self, library: &Library) -> bool {
        let before = self.next;
        for file in library.files_from(self.next).take(PAGE) {
            self.add(file);
            self.next = file.index.saturating_add(1);
        }
        self.next > before
    }

    /// The table, in the smallest size that is not too full.
    pub fn table(self) -> RouteTable {
        let mut slots = FEWEST_SLOTS;
        while slots < MOST_SLOTS && self.wide.len() > slots / ROOM {
            slots *= 2;
        }
        if slots == MOST_SLOTS {
            return self.wide;
        }
        // A hash takes the leading bits, so a narrower table is exactly what it would have been.
        let mut table = RouteTable::new(slots);
        table.union(&self.wide);
        table
    }

    fn add(&mut self, file: &SharedFile) {
        for word in words(&file.name) {
            self.wide.insert(&word);
        }
        if let Some(sha1) = file.sha1 {
            let urn = Urn::Sha1(sha1).to_string();
            // LimeWire folds case inside its hash, gtk-gnutella hashes URNs as they are written.
            self.wide.insert(&urn.to_ascii_lowercase());
            self.wide.insert(&urn);
        }
    }
}

/// The words under which a name stands in a table, each once.
pub fn words(name: &str) -> BTreeSet<String> {
    let mut words = keywords::terms(name);
    let light = fold_lightly(name);
    let full = fold(name);
    for folded in [&light, &full] {
        words.extend(coarse(folded));
        for (kind, run) in runs(folded) {
            words.insert(run.to_owned());
            if kind == Kind::Unspaced {
                words.extend(run.chars().map(String::from));
            }
        }
    }
    let beginnings: Vec<String> = words.iter().flat_map(|word| beginnings(word)).collect();
    words.extend(beginnings);
    words
}

/// A word without its last letters: up to five and not below three (gtk-gnutella; LimeWire takes one and two off a word
/// of five).
fn beginnings(word: &str) -> impl Iterator<Item = String> + use<'_> {
    let cuts = word.char_indices().skip(SHORTEST).map(|(at, _)| at);
    let cuts: Vec<usize> = cuts.collect();
    let begin = cuts.len().saturating_sub(MOST_CUT);
    cuts.into_iter().skip(begin).map(|at| word[..at].to_owned())
}

/// Letters of the shortest beginning.
const SHORTEST: usize = 3;

/// Letters taken off at most.
const MOST_CUT: usize = 5;

/// Files looked at while the library is held: less than a millisecond.
const PAGE: usize = 256;

/// The smallest table (LimeWire's and gtk-gnutella's usual one, 8 KiB).
const FEWEST_SLOTS: u32 = 1 << 16;

/// The largest (128 KiB): enough for some hundreds of files; with more it only gets fuller.
const MOST_SLOTS: u32 = 1 << 20;

/// One slot in so many is set at most: so a word that is not ours gets through in one case of a hundred. With one in
/// twenty, two queries in five that an ultrapeer passed to a leaf of 300 files were the hash's fault (`benches/crowd`).
const ROOM: u32 = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::tests::file;
    use crate::wire::Query;
    use crate::wire::qrp::Demand;

    fn shared(names: &[&str]) -> Library {
        let mut library = Library::new();
        for name in names {
            library.insert(file(name));
        }
        library
    }

    fn table(library: &Library) -> RouteTable {
        let mut catalogue = Catalogue::new();
        while catalogue.take_page(library) {}
        catalogue.table()
    }

    #[test]
    fn what_the_library_answers_the_table_lets_through() {
        let library = shared(&[
            "AC_DC+Back In Black.mp3",
            "Don't stop Straße 'n' more.ogg",
            "東京タワー2020.txt",
            "U2 – Where the streets have no name.flac",
        ]);
        let table = table(&library);
        for asked in [
            "ac dc",
            "dcback",
            "back black",
            "don't",
            "dont stop",
            "strasse",
            "straße",
            "東京",
            "京タ",
            "東京タワー",
            "タ",
            "u2",
            "street",
            "U2 STREETS .flac",
        ] {
            let demand = Demand::of(&Query::words(asked));
            assert!(demand.is_met_by(&table), "{asked}");
        }
        for other in ["bark", "dcbackin", "streetcar", "京都"] {
            let demand = Demand::of(&Query::words(other));
            assert!(!demand.is_met_by(&table), "{other}");
        }
    }

    #[test]
    fn a_table_is_as_large_as_it_must_be() {
        let few = shared(&["one.txt"]);
        assert_eq!(table(&few).slots(), FEWEST_SLOTS);
        let names: Vec<String> = (0..2_000)
            .map(|n| format!("word{n} other{n}.txt"))
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let many = table(&shared(&names));
        assert!(many.slots() > FEWEST_SLOTS, "{many:?}");
        assert!(many.fill() <= 1.0 / f64::from(ROOM), "{many:?}");
    }
}
