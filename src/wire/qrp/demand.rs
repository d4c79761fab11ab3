//! What a query demands of a route table: any of its URNs, or all of its words (QRP 1.0, section 3; LimeWire and
//! gtk-gnutella agree).

use super::{RouteTable, hash_of};
use crate::wire::words::{Kind, coarse, fold, fold_lightly, pieces, runs};
use crate::wire::{Query, Urn};

/// The hashes of a query, made once and held against many tables.
///
/// Servents cut words apart differently, and whose table it is nobody can tell by looking: a word is there when any of
/// its spellings is, as a whole or in all its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    urns: Vec<u32>,
    words: Vec<Spellings>,
}

/// Ways to spell one word; each is a set of hashes that must all be there.
type Spellings = Vec<Vec<u32>>;

impl Demand {
    /// What `query` demands.
    pub fn of(query: &Query) -> Self {
        let named = query.extensions.urns.iter().map(Urn::sha1);
        let mut urns = Vec::new();
        for sha1 in named.chain(query.extensions.sha1()).take(MOST_URNS) {
            // LimeWire folds case inside its hash, gtk-gnutella hashes URNs as they are written.
            let urn = Urn::Sha1(sha1).to_string();
            urns.extend([hash_of(&urn), hash_of(&urn.to_ascii_lowercase())]);
        }
        let words = query.text.split_whitespace().map(spellings);
        let mut words: Vec<(bool, Spellings)> = words
            .filter(|(_, spellings)| !spellings.is_empty())
            .take(MOST_WORDS)
            .collect();
        // gtk-gnutella keeps words of one or two letters out of its tables: they decide only where there is nothing else.
        if words.iter().any(|(long, _)| *long) {
            words.retain(|(long, _)| *long);
        }
        let words = words.into_iter().map(|(_, spellings)| spellings).collect();
        Self { urns, words }
    }

    /// Whether anybody behind this table may have it.
    pub fn is_met_by(&self, table: &RouteTable) -> bool {
        let there = |hash: &u32| table.may_match_hash(*hash);
        let spelled = |word: &Spellings| word.iter().any(|spelling| spelling.iter().all(there));
        self.urns.iter().any(there) || (!self.words.is_empty() && self.words.iter().all(spelled))
    }
}

/// The spellings of a word, and whether it is long enough to stand in every table.
fn spellings(word: &str) -> (bool, Spellings) {
    let light = fold_lightly(word);
    let mut spellings = Spellings::new();
    let mut add = |spelling: Vec<u32>| {
        if !spelling.is_empty() && !spellings.contains(&spelling) {
            spellings.push(spelling);
        }
    };
    add(coarse(&light).map(|part| hash_of(&part)).collect());
    add(parts(&light));
    add(parts(&fold(word)));
    (light.len() >= SHORTEST, spellings)
}

/// The runs of a folded word, unspaced ones as their pairs: short ones only where there are no others.
fn parts(folded: &str) -> Vec<u32> {
    let mut all = Vec::new();
    for (kind, run) in runs(folded) {
        if kind == Kind::Unspaced && run.chars().nth(1).is_some() {
            let pairs = pieces(run).filter(|piece| piece.chars().nth(1).is_some());
            all.extend(pairs);
        } else {
            all.push(run);
        }
    }
    if all.iter().any(|part| part.len() >= SHORTEST) {
        all.retain(|part| part.len() >= SHORTEST);
    }
    all.into_iter().take(MOST_WORDS).map(hash_of).collect()
}

/// Bytes of the shortest word that stands in every table.
const SHORTEST: usize = 3;

/// More words than this are not looked at: fewer demands can only let more through.
const MOST_WORDS: usize = 16;

/// More URNs than this are not looked at; a query that people cause has one.
const MOST_URNS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn table(words: &[&str]) -> RouteTable {
        let mut table = RouteTable::new(1 << 16);
        words.iter().for_each(|word| table.insert(word));
        table
    }

    fn meets(query: &Query, words: &[&str]) -> bool {
        Demand::of(query).is_met_by(&table(words))
    }

    #[test]
    fn all_words_or_nothing() {
        let query = Query::words("Blue Öyster");
        assert!(meets(&query, &["blue", "oyster", "cult"]));
        assert!(!meets(&query, &["blue"]));
        assert!(!meets(&query, &[]));
        assert!(!meets(&Query::words("  "), &["blue"]), "asks for nothing");
    }

    #[test]
    fn any_urn_is_enough_and_either_case_of_it() {
        let urn = "urn:sha1:YNCKHTQCWBTRNJIV4WNAE52SJUQCZO5C";
        let query = Query::urn(urn.parse().expect("a URN"));
        assert!(meets(&query, &[urn]));
        assert!(meets(&query, &[&urn.to_lowercase()]));
        assert!(!meets(&query, &["\\"]));
    }

    #[test]
    fn a_word_is_found_as_anybody_cuts_it() {
        for (word, tables) in [
            ("don't", [&["don't"][..], &["don", "t"]]),
            ("AC-DC", [&["ac", "dc"][..], &["ac", "dc"]]),
            ("Straße", [&["straße"][..], &["strasse"]]),
            (
                "東京タワー",
                [&["東京タワー"][..], &["東京", "京タ", "タワ", "ワー"]],
            ),
        ] {
            for words in tables {
                assert!(meets(&Query::words(word), words), "{word} in {words:?}");
            }
        }
    }

    #[test]
    fn short_words_decide_only_alone() {
        assert!(meets(&Query::words("u2 live"), &["live"]));
        assert!(!meets(&Query::words("u2"), &["live"]));
        assert!(meets(&Query::words("u2"), &["u2"]));
    }
}
