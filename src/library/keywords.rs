//! Words: how a name or a query is taken apart, so that what people type finds what they mean.
//!
//! The one rule: a name and a query go through the same [`fold`], so that two spellings of one word are one word
//! whichever side wrote them. Then the text falls into [`runs`] of three kinds:
//!
//! * **Letters and digits** are a word. A query's word finds every word that *begins* with it: LimeWire looks words up
//!   in a trie and gtk-gnutella matches at word beginnings, so an asker expects `metal` to find `Metallica`. Words of
//!   one or two letters find only themselves: as beginnings they would find nearly everything (gtk-gnutella does not
//!   look them up at all), as words they are `U2`, `7z` and `of`.
//! * **Scripts written without spaces** (Chinese, Japanese, Thai, and Korean for its particles) have no words to go by.
//!   Every pair of neighbouring characters is indexed, so that any part of a run finds it.
//! * **Signs** (emoji, arrows, stars) are words of their own, one each.
//!
//! Gnutella 0.6, "Query": all words must match, in any order. Only the name counts, not the folders above it: the
//! asker is told only the name, and folder names are nobody's business.

use std::collections::BTreeSet;

use crate::wire::words::{Kind, pieces, runs};

pub(crate) use crate::wire::words::fold;

/// What a query demands of a name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Demand {
    /// Terms the name must have, each once.
    pub(crate) terms: BTreeSet<Term>,
    /// Unspaced runs of three characters and more: their pairs may all be in a name and the run still not.
    pub(crate) runs: Vec<String>,
}

/// One thing to look up among the indexed terms.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Term {
    /// Exactly this term.
    Whole(String),
    /// Any term that begins so.
    Beginning(String),
}

impl Demand {
    /// What the text of a query asks for. No terms: it asks for nothing that could be found.
    pub(crate) fn of(query: &str) -> Self {
        let folded = fold(query);
        let mut demand = Self::default();
        for (kind, run) in runs(&folded) {
            if demand.terms.len() >= MOST_TERMS {
                break;
            }
            let length = run.chars().count();
            let shortest_beginning = if kind == Kind::Unspaced { 1 } else { 3 };
            match kind {
                Kind::Unspaced if length >= 2 => {
                    let pairs = pieces(run).filter(|piece| piece.chars().nth(1).is_some());
                    let room = MOST_TERMS - demand.terms.len();
                    demand
                        .terms
                        .extend(pairs.take(room).map(|pair| Term::Whole(pair.to_owned())));
                    if length > 2 {
                        demand.runs.push(run.to_owned());
                    }
                }
                Kind::Letters | Kind::Unspaced if length >= shortest_beginning => {
                    demand.terms.insert(Term::Beginning(run.to_owned()));
                }
                _ => {
                    demand.terms.insert(Term::Whole(run.to_owned()));
                }
            }
        }
        demand
    }

    /// Whether a name has all that.
    pub(crate) fn is_met_by(&self, name: &str) -> bool {
        let (folded, terms) = (fold(name), terms(name));
        let has = |term: &Term| match term {
            Term::Whole(whole) => terms.contains(whole),
            Term::Beginning(begin) => terms.iter().any(|term| term.starts_with(begin)),
        };
        self.terms.iter().all(has) && self.runs.iter().all(|run| folded.contains(run))
    }
}

/// The terms under which a name is found, each once.
pub(crate) fn terms(name: &str) -> BTreeSet<String> {
    let folded = fold(name);
    let mut terms = BTreeSet::new();
    for (kind, run) in runs(&folded) {
        match kind {
            Kind::Unspaced => terms.extend(pieces(run).map(str::to_owned)),
            Kind::Letters | Kind::Sign => {
                terms.insert(run.to_owned());
            }
        }
    }
    terms.extend(without_apostrophes(&folded));
    terms
}

/// `dont` of `don't`: people leave the sign out as often as not. (`don` and `t` are there as any other words, and so is
/// the `amour` of `l'amour`.)
fn without_apostrophes(folded: &str) -> impl Iterator<Item = String> {
    let is_apostrophe = |c: char| matches!(c, '\'' | '\u{2019}');
    folded
        .split(move |c: char| !is_apostrophe(c) && Kind::of(c) != Some(Kind::Letters))
        .map(move |word| word.trim_matches(is_apostrophe))
        .filter(move |word| word.contains(is_apostrophe))
        .map(move |word| word.replace(is_apostrophe, ""))
}

/// More terms of a query than this are not looked up. A name has at most 255 bytes, a search typed by people has five
/// words; the rest would only be work that a stranger makes us do.
const MOST_TERMS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(name: &str) -> Vec<String> {
        terms(name).into_iter().collect()
    }

    #[test]
    fn a_name_falls_into_words_pairs_and_signs() {
        assert_eq!(listed("One two  ONE_2.mp3"), ["2", "mp3", "one", "two"]);
        assert_eq!(listed("Don't.ogg"), ["don", "dont", "ogg", "t"]);
        assert_eq!(
            listed("東京タワー2020"),
            ["2020", "タワ", "ワー", "ー", "京タ", "東京"]
        );
        assert_eq!(listed("a❤️b→🐈‍⬛"), ["a", "b", "→", "❤", "⬛", "🐈"]);
        assert_eq!(listed(" .-_() "), Vec::<String>::new());
    }

    #[test]
    fn a_query_demands_beginnings_pairs_and_whole_short_words() {
        let demand = Demand::of("U2 metal 東京タ 🐈 本");
        let whole = |text: &str| Term::Whole(text.to_owned());
        let beginning = |text: &str| Term::Beginning(text.to_owned());
        assert_eq!(
            demand.terms,
            BTreeSet::from([
                whole("u2"),
                beginning("metal"),
                whole("東京"),
                whole("京タ"),
                whole("🐈"),
                beginning("本")
            ])
        );
        assert_eq!(demand.runs, ["東京タ"]);
        assert_eq!(Demand::of("\\ \u{0} * ?"), Demand::default());
    }

    #[test]
    fn a_query_makes_only_so_much_work() {
        let words: String = (0..10_000).map(|n| format!("word{n} ")).collect();
        assert_eq!(Demand::of(&words).terms.len(), MOST_TERMS);
        let run: String = ('\u{4e00}'..='\u{5fff}').collect();
        assert_eq!(Demand::of(&run).terms.len(), MOST_TERMS);
    }
}
