//! The inverted index: for every term the files whose names have it, in the order in which they came.
//!
//! The one rule: numbers only grow and are never used for another file, so a list is appended to, and a number in it whose
//! file has gone does no harm until the list is swept. Taking a file out costs nothing but counting.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::library::Term;

/// Terms, and the files that have them.
#[derive(Debug, Default)]
pub(super) struct Postings {
    terms: BTreeMap<Box<str>, Ids>,
}

/// What to do with a file that has all terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Go on.
    Next,
    /// There are enough.
    Enough,
}

/// Numbers of files. Most terms are in one name only and need no list.
#[derive(Debug)]
enum Ids {
    One(u32),
    Many(Box<List>),
}

#[derive(Debug)]
struct List {
    /// Rising.
    ids: Vec<u32>,
    /// How many of them are of files that have gone.
    dead: u32,
}

/// A list is swept when so large a part of it, one in this, is dead.
const DEAD_PART: usize = 4;

/// At most so many terms that begin as a word of a search does are looked at: more is no search but a walk.
const MOST_BEGINNINGS: usize = 1024;

/// The most lookups for one search, some milliseconds' worth. Only several words that are each in a million names, and
/// never together, need more.
const MOST_LOOKUPS: usize = 200_000;

impl Postings {
    /// Files `id`, larger than all before, under a term.
    pub(super) fn insert(&mut self, term: &str, id: u32) {
        match self.terms.get_mut(term) {
            None => {
                self.terms.insert(term.into(), Ids::One(id));
            }
            Some(Ids::Many(list)) => list.ids.push(id),
            Some(ids @ Ids::One(_)) => {
                let Ids::One(first) = *ids else { return };
                let list = List {
                    ids: vec![first, id],
                    dead: 0,
                };
                *ids = Ids::Many(Box::new(list));
            }
        }
    }

    /// Notes that `id` is gone from under a term, and sweeps it when many are. `lives` tells which are not.
    pub(super) fn remove(&mut self, term: &str, id: u32, lives: impl Fn(u32) -> bool) {
        let Some(ids) = self.terms.get_mut(term) else {
            return;
        };
        let empty = match ids {
            Ids::One(only) => *only == id,
            Ids::Many(list) => {
                list.dead += 1;
                if list.dead as usize > list.ids.len() / DEAD_PART {
                    list.ids.retain(|&id| lives(id));
                    list.ids.shrink_to_fit();
                    list.dead = 0;
                }
                match list.ids[..] {
                    [] => true,
                    [only] => {
                        *ids = Ids::One(only);
                        false
                    }
                    _ => false,
                }
            }
        };
        if empty {
            self.terms.remove(term);
        }
    }

    /// Gives each file a new number, or takes it out. Their order stays.
    pub(super) fn renumber(&mut self, new: impl Fn(u32) -> Option<u32>) {
        self.terms.retain(|_, ids| match ids {
            Ids::One(id) => new(*id).map(|new| *id = new).is_some(),
            Ids::Many(list) => {
                list.ids = list.ids.iter().filter_map(|&id| new(id)).collect();
                list.dead = 0;
                !list.ids.is_empty()
            }
        });
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Visits the files that have all of `terms` and none of `unwanted`, the newest first; those that have the rarest as a
    /// whole word before those where it only begins one. One that has gone may be visited, too.
    pub(super) fn search(
        &self,
        terms: &BTreeSet<Term>,
        unwanted: &[String],
        mut visit: impl FnMut(u32) -> Verdict,
    ) {
        let mut wanted: Vec<Wanted<'_>> = terms.iter().map(|term| self.wanted(term)).collect();
        wanted.sort_by_key(|wanted| wanted.total);
        let Some((rarest, others)) = wanted.split_first_mut() else {
            return;
        };
        let unwanted = unwanted.iter().map(|term| Wanted::of(self.exactly(term)));
        // What no name has keeps nobody out.
        let mut unwanted: Vec<Wanted<'_>> = unwanted.filter(|one| one.total > 0).collect();
        let mut lookups = 0;
        for (place, (list, _)) in rarest.lists.iter().enumerate() {
            let before = &rarest.lists[..place];
            for other in others.iter_mut().chain(&mut unwanted) {
                other.rewind();
            }
            for &id in list.iter().rev() {
                lookups += 1;
                let fits = others.iter_mut().all(|other| other.has(id, &mut lookups))
                    && !unwanted.iter_mut().any(|one| one.has(id, &mut lookups))
                    && !before.iter().any(|(ids, _)| {
                        lookups += 1;
                        ids.binary_search(&id).is_ok()
                    });
                if (fits && visit(id) == Verdict::Enough) || lookups > MOST_LOOKUPS {
                    return;
                }
            }
        }
    }

    /// The list of a term.
    fn exactly(&self, term: &str) -> Vec<(&[u32], usize)> {
        let ids = self.terms.get(term);
        ids.map(|ids| (ids.as_slice(), 0)).into_iter().collect()
    }

    /// The lists of all terms that answer `term`; the one equal to it comes first.
    fn wanted(&self, term: &Term) -> Wanted<'_> {
        let lists = match term {
            Term::Whole(text) => self.exactly(text),
            Term::Beginning(text) => self
                .terms
                .range::<str, _>((Bound::Included(text.as_str()), Bound::Unbounded))
                .take_while(|(indexed, _)| indexed.starts_with(text.as_str()))
                .take(MOST_BEGINNINGS)
                .map(|(_, ids)| (ids.as_slice(), 0))
                .collect(),
        };
        Wanted::of(lists)
    }
}

/// The files under one term of a search.
struct Wanted<'a> {
    /// Each list, and how much of it is still ahead of a walk that goes down.
    lists: Vec<(&'a [u32], usize)>,
    total: usize,
}

impl<'a> Wanted<'a> {
    fn of(lists: Vec<(&'a [u32], usize)>) -> Self {
        let total = lists.iter().map(|(ids, _)| ids.len()).sum();
        Self { lists, total }
    }

    /// Begins to walk down again.
    fn rewind(&mut self) {
        for (ids, ahead) in &mut self.lists {
            *ahead = ids.len();
        }
    }

    /// Whether a list has `id`, no larger than the one asked for before. Looks in steps that double from where the
    /// last look ended, so that a whole walk costs as much as the shorter list is long.
    fn has(&mut self, id: u32, lookups: &mut usize) -> bool {
        for (ids, ahead) in &mut self.lists {
            *lookups += 1;
            let mut step = 1;
            let mut low = *ahead;
            while low > 0 && ids[low - 1] > id {
                *ahead = low - 1;
                low = low.saturating_sub(step);
                step *= 2;
            }
            // What is at `ahead` and behind it is larger; what is before `low` is not.
            let window = &ids[low..*ahead];
            *ahead = low + window.partition_point(|&other| other <= id);
            if *ahead > 0 && ids[*ahead - 1] == id {
                return true;
            }
        }
        false
    }
}

impl Ids {
    fn as_slice(&self) -> &[u32] {
        match self {
            Self::One(id) => std::slice::from_ref(id),
            Self::Many(list) => &list.ids,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::{Demand, terms};
    use crate::rng::Rng;

    fn found(postings: &Postings, words: &str) -> Vec<u32> {
        let mut found = Vec::new();
        postings.search(&Demand::of(words).terms, &[], |id| {
            assert!(!found.contains(&id));
            found.push(id);
            Verdict::Next
        });
        found
    }

    #[test]
    fn finds_what_looking_at_every_name_finds() {
        let mut rng = Rng::seeded(11);
        let word = |rng: &mut Rng| -> String {
            (0..1 + rng.below(4))
                .map(|_| ['a', 'b', 'c'][rng.below(3)])
                .collect()
        };
        let names: Vec<String> = (0..500)
            .map(|_| [word(&mut rng), word(&mut rng), word(&mut rng)].join(" "))
            .collect();
        let mut postings = Postings::default();
        for (id, name) in (0..).zip(&names) {
            for term in terms(name) {
                postings.insert(&term, id);
            }
        }
        let lives = |id: u32| !id.is_multiple_of(3);
        for id in (0..500).step_by(3) {
            for term in terms(&names[id as usize]) {
                postings.remove(&term, id, lives);
            }
        }
        for _ in 0..500 {
            let query = [word(&mut rng), word(&mut rng)].join(" ");
            let expected: Vec<u32> = (0..500)
                .filter(|&id| lives(id))
                .filter(|&id| {
                    query.split(' ').all(|asked| {
                        names[id as usize].split(' ').any(|word| {
                            word == asked || (asked.len() >= 3 && word.starts_with(asked))
                        })
                    })
                })
                .collect();
            let mut found = found(&postings, &query);
            found.retain(|&id| lives(id));
            found.sort_unstable();
            assert_eq!(found, expected, "{query}");
        }
    }

    /// How many files are visited at most, whoever asks in whatever words.
    fn visited(postings: &Postings, words: &str, unwanted: &[String]) -> usize {
        let mut visited = 0;
        postings.search(&Demand::of(words).terms, unwanted, |_| {
            visited += 1;
            Verdict::Next
        });
        visited
    }

    #[test]
    fn what_is_not_wanted_is_looked_up_no_oftener_than_what_is() {
        let mut postings = Postings::default();
        let unwanted: Vec<String> = (0..50).map(|n| format!("not{n}")).collect();
        for id in 0..40_000 {
            postings.insert("song", id);
            if id % 2 == 1 {
                unwanted.iter().for_each(|term| postings.insert(term, id));
            }
        }
        assert_eq!(visited(&postings, "song", &[]), 40_000);
        assert_eq!(visited(&postings, "song", &unwanted[..1]), 20_000);
        let few = visited(&postings, "song", &unwanted);
        assert!(
            few * 51 < MOST_LOOKUPS + 1_000,
            "{few} visited, 51 lookups each"
        );
    }

    #[test]
    fn beginnings_are_looked_up_no_oftener_either() {
        let mut postings = Postings::default();
        for id in 0..40_000 {
            postings.insert(&format!("song{}", id % 1_000), id);
        }
        let few = visited(&postings, "song", &[]);
        assert!(few * few / 80 < MOST_LOOKUPS + 1_000, "{few} visited");
    }

    #[test]
    fn nothing_is_left_of_what_was_removed() {
        let mut postings = Postings::default();
        for id in 0..100 {
            postings.insert("red", id);
        }
        postings.insert("blue", 7);
        assert_eq!(found(&postings, "red")[..2], [99, 98]);
        assert_eq!(found(&postings, "red blu"), [7]);
        for id in 0..100 {
            postings.remove("red", id, |other| other > id);
        }
        postings.remove("blue", 7, |_| false);
        assert!(postings.terms.is_empty());
    }
}
