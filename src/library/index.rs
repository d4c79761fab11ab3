//! The inverted index: for every term the numbers of the files whose names have it.
//!
//! The one rule: lists are sorted and nothing is kept twice. A search walks the files of its rarest term and looks each
//! up under the others, so its cost follows the rarest word, not the size of the library.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::keywords::{self, Term};

/// Terms and the files that have them.
#[derive(Debug, Default)]
pub(super) struct Index {
    terms: BTreeMap<Box<str>, Ids>,
}

impl Index {
    /// Files `id` under every term of its name.
    pub(super) fn insert(&mut self, id: u32, name: &str) {
        for term in keywords::terms(name) {
            match self.terms.get_mut(term.as_str()) {
                Some(ids) => ids.insert(id),
                None => {
                    self.terms.insert(term.into_boxed_str(), Ids::One(id));
                }
            }
        }
    }

    /// Takes `id` out from under every term of its name.
    pub(super) fn remove(&mut self, id: u32, name: &str) {
        for term in keywords::terms(name) {
            if self
                .terms
                .get_mut(term.as_str())
                .is_some_and(|ids| ids.remove(id))
            {
                self.terms.remove(term.as_str());
            }
        }
    }

    /// At most `limit` files that have all of `terms` and that `keep` agrees to, by number. When there are more, names
    /// with the rarest term as a whole word go before those that only begin with it.
    pub(super) fn search(
        &self,
        terms: &BTreeSet<Term>,
        limit: usize,
        keep: impl Fn(u32) -> bool,
    ) -> Vec<u32> {
        let mut wanted: Vec<Wanted<'_>> = terms.iter().map(|term| self.wanted(term)).collect();
        wanted.sort_by_key(|term| term.total);
        let mut found = Vec::new();
        let Some((rarest, others)) = wanted.split_first_mut() else {
            return found;
        };
        for id in rarest.lists.iter().copied().flatten().copied() {
            if found.len() >= limit {
                break;
            }
            if others.iter_mut().all(|other| other.has(id)) && keep(id) {
                // Sorted, because a name may have several words that begin alike.
                if let Err(at) = found.binary_search(&id) {
                    found.insert(at, id);
                }
            }
        }
        found
    }

    /// The lists of all terms that answer `term`; the one equal to it comes first.
    fn wanted(&self, term: &Term) -> Wanted<'_> {
        let lists: Vec<&[u32]> = match term {
            Term::Whole(text) => self
                .terms
                .get(text.as_str())
                .map(Ids::as_slice)
                .into_iter()
                .collect(),
            Term::Beginning(text) => self
                .terms
                .range::<str, _>((Bound::Included(text.as_str()), Bound::Unbounded))
                .take_while(|(indexed, _)| indexed.starts_with(text.as_str()))
                .map(|(_, ids)| ids.as_slice())
                .collect(),
        };
        let total = lists.iter().map(|list| list.len()).sum();
        Wanted {
            lists,
            total,
            spent: 0,
            marks: None,
        }
    }
}

/// The files under one term of a query.
struct Wanted<'a> {
    lists: Vec<&'a [u32]>,
    /// How many numbers the lists have together.
    total: usize,
    /// The work done in searching them so far, counted in numbers marked.
    spent: usize,
    /// A bit a file, once the searching has cost as much as marking all would have: so whatever comes, never more than
    /// twice the least work is done, and the few lookups of a rare word cost next to nothing.
    marks: Option<Marks>,
}

impl Wanted<'_> {
    fn has(&mut self, id: u32) -> bool {
        if let Some(marks) = &self.marks {
            return marks.has(id);
        }
        let place = self
            .lists
            .iter()
            .position(|list| list.binary_search(&id).is_ok());
        self.spent += SEARCH * place.map_or(self.lists.len(), |place| place + 1);
        if self.spent > self.total {
            self.marks = Some(Marks::of(&self.lists));
        }
        place.is_some()
    }
}

/// Numbers that can be marked in the time that searching one list takes.
const SEARCH: usize = 16;

/// A set of file numbers as bits.
struct Marks(Vec<u64>);

impl Marks {
    fn of(lists: &[&[u32]]) -> Self {
        let last = lists.iter().filter_map(|list| list.last()).max();
        let mut words = vec![0; last.map_or(0, |&id| id as usize / 64 + 1)];
        for &id in lists.iter().copied().flatten() {
            words[id as usize / 64] |= 1 << (id % 64);
        }
        Self(words)
    }

    fn has(&self, id: u32) -> bool {
        self.0
            .get(id as usize / 64)
            .is_some_and(|word| word >> (id % 64) & 1 == 1)
    }
}

/// Sorted numbers. Most terms of a library are in one name only and need no list.
#[derive(Debug)]
enum Ids {
    One(u32),
    Many(Vec<u32>),
}

impl Ids {
    fn as_slice(&self) -> &[u32] {
        match self {
            Self::One(id) => std::slice::from_ref(id),
            Self::Many(ids) => ids,
        }
    }

    fn insert(&mut self, id: u32) {
        match self {
            Self::One(only) if *only == id => {}
            Self::One(only) => *self = Self::Many(vec![id.min(*only), id.max(*only)]),
            Self::Many(ids) => {
                if let Err(at) = ids.binary_search(&id) {
                    ids.insert(at, id);
                }
            }
        }
    }

    /// True when nothing is left, and the term can go.
    fn remove(&mut self, id: u32) -> bool {
        match self {
            Self::One(only) => *only == id,
            Self::Many(ids) => {
                if let Ok(at) = ids.binary_search(&id) {
                    ids.remove(at);
                }
                if let [only] = ids[..] {
                    *self = Self::One(only);
                }
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::keywords::Demand;
    use crate::rng::Rng;

    #[test]
    fn finds_what_looking_at_every_name_finds() {
        // Short words over three letters, so that beginnings, repeats and common words all occur.
        let mut rng = Rng::seeded(7);
        let word = |rng: &mut Rng| -> String {
            (0..1 + rng.below(4))
                .map(|_| ['a', 'b', 'c'][rng.below(3)])
                .collect()
        };
        let names: Vec<String> = (0..500)
            .map(|_| [word(&mut rng), word(&mut rng), word(&mut rng)].join(" "))
            .collect();
        let mut index = Index::default();
        for (id, name) in (0..).zip(&names) {
            index.insert(id, name);
        }
        for id in (0..500).step_by(3) {
            index.remove(id, &names[id as usize]);
        }
        for _ in 0..500 {
            let query = [word(&mut rng), word(&mut rng)];
            let expected: Vec<u32> = (0..500)
                .filter(|id| id % 3 != 0)
                .filter(|&id| {
                    query.iter().all(|asked| {
                        names[id as usize].split(' ').any(|word| {
                            word == asked || (asked.len() >= 3 && word.starts_with(asked.as_str()))
                        })
                    })
                })
                .collect();
            let terms = Demand::of(&query.join(" ")).terms;
            assert_eq!(
                index.search(&terms, usize::MAX, |_| true),
                expected,
                "{query:?}"
            );
            let few = index.search(&terms, 3, |_| true);
            assert_eq!(few.len(), expected.len().min(3));
            assert!(few.iter().all(|id| expected.contains(id)));
        }
    }

    #[test]
    fn nothing_is_left_of_what_was_removed() {
        let mut index = Index::default();
        for (id, name) in [(3, "red fox"), (1, "red hen"), (2, "red red")] {
            index.insert(id, name);
            index.insert(id, name);
        }
        assert_eq!(index.terms["red"].as_slice(), [1, 2, 3]);
        for (id, name) in [
            (2, "red red"),
            (1, "red hen"),
            (3, "red fox"),
            (3, "red fox"),
        ] {
            index.remove(id, name);
        }
        assert!(index.terms.is_empty());
    }

    #[test]
    fn whole_words_go_first_when_there_is_not_room_for_all() {
        let mut index = Index::default();
        for id in 0..10 {
            index.insert(id, "onerous");
        }
        index.insert(10, "one");
        assert_eq!(index.search(&Demand::of("one").terms, 1, |_| true), [10]);
        assert_eq!(index.search(&Demand::of("one").terms, 0, |_| true), [0; 0]);
    }
}
