//! Words, as all that asks and answers must see them alike: spellings made equal, and a text cut into runs.
//!
//! The one rule: whoever compares words folds both sides first. Servents take different marks out of what they send, each
//! its own choice of them, so [`fold`] takes out all.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Makes spellings equal: compatibility forms (full-width letters, ligatures, half-width kana), accents, case.
///
/// All combining marks go, those of Hindi and the voicing of kana too: other servents take them out of the queries they
/// send, each its own choice of them, and a name must be found by all.
pub(crate) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfkd()
        .filter(|&c| !is_combining_mark(c) && !is_skin_tone(c))
        .flat_map(char::to_lowercase)
        .flat_map(spelled_plainly)
        .nfc()
        .collect()
}

/// Makes spellings equal as far as most servents do: case and accents only, so that `ß` stays what it is.
pub(crate) fn fold_lightly(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let unmarked = text.nfkd().filter(|&c| !is_combining_mark(c));
    unmarked.flat_map(char::to_lowercase).nfc().collect()
}

/// The words of a folded text as LimeWire cuts it for its route tables: `+` and `$` vanish, a few signs part words, all
/// others stay in them.
pub(crate) fn coarse(folded: &str) -> impl Iterator<Item = String> + '_ {
    let parts = |c: char| c.is_whitespace() || c.is_control() || "-._/*()\\,".contains(c);
    let words = folded.split(parts);
    let words = words.map(|word| word.replace(['+', '$'], ""));
    words.filter(|word| !word.is_empty())
}

/// The letters that are one with plain ones for a reader but not for Unicode's decompositions.
fn spelled_plainly(c: char) -> impl Iterator<Item = char> {
    let (first, second) = match c {
        'ß' => ('s', Some('s')),
        'æ' => ('a', Some('e')),
        'œ' => ('o', Some('e')),
        'ø' => ('o', None),
        'đ' => ('d', None),
        'ħ' => ('h', None),
        'ł' => ('l', None),
        'ı' => ('i', None),
        'ς' => ('σ', None),
        other => (other, None),
    };
    std::iter::once(first).chain(second)
}

/// The colours of emoji fold away like accents: 👍 finds 👍🏽.
fn is_skin_tone(c: char) -> bool {
    ('\u{1f3fb}'..='\u{1f3ff}').contains(&c)
}

/// What kind of run a character belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Letters and digits of a script with spaces.
    Letters,
    /// A script written without spaces.
    Unspaced,
    /// Emoji, arrows, stars: each a run of its own.
    Sign,
}

impl Kind {
    /// None: it parts words and is nothing itself.
    pub(crate) fn of(c: char) -> Option<Self> {
        match c {
            '\u{0e00}'..='\u{0eff}' // Thai, Lao
            | '\u{1000}'..='\u{109f}' // Burmese
            | '\u{1100}'..='\u{11ff}' // Korean letters
            | '\u{1780}'..='\u{17ff}' // Khmer
            | '\u{3005}'..='\u{3007}' // Chinese and Japanese from here on
            | '\u{3041}'..='\u{312f}'
            | '\u{31a0}'..='\u{31ff}'
            | '\u{3400}'..='\u{4dbf}'
            | '\u{4e00}'..='\u{9fff}'
            | '\u{ac00}'..='\u{d7ff}' // Korean syllables
            | '\u{f900}'..='\u{faff}'
            | '\u{20000}'..='\u{3ffff}'
                if c.is_alphanumeric() =>
            {
                Some(Self::Unspaced)
            }
            _ if c.is_alphanumeric() => Some(Self::Letters),
            '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}' => Some(Self::Sign),
            _ => None,
        }
    }
}

/// The runs of a folded text, in order.
pub(crate) fn runs(folded: &str) -> impl Iterator<Item = (Kind, &str)> {
    let mut rest = folded;
    std::iter::from_fn(move || {
        let (start, kind) = rest
            .char_indices()
            .find_map(|(at, c)| Kind::of(c).map(|kind| (at, kind)))?;
        let from_start = &rest[start..];
        let length = from_start
            .char_indices()
            .skip(1)
            .find(|&(_, c)| kind == Kind::Sign || Kind::of(c) != Some(kind))
            .map_or(from_start.len(), |(at, _)| at);
        let (run, after) = from_start.split_at(length);
        rest = after;
        Some((kind, run))
    })
}

/// Each character of an unspaced run with the one behind it; the last has none and stands alone.
pub(crate) fn pieces(run: &str) -> impl Iterator<Item = &str> {
    run.char_indices().map(move |(at, _)| {
        let end = run[at..]
            .char_indices()
            .nth(2)
            .map_or(run.len(), |(length, _)| at + length);
        &run[at..end]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_fold_into_one() {
        for (one, other) in [
            ("Café", "cafe\u{301}"),
            ("STRASSE", "straße"),
            ("ΟΔΟΣ", "οδος"),
            ("ＡＢＣ１", "abc1"),
            ("ﬁn", "fin"),
            ("ｶﾞﾝﾀﾞﾑ", "ガンダム"),
            ("한글", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}"),
            ("İstanbul", "ıstanbul"),
            ("Smørrebrød", "smorrebrod"),
            ("👍🏽", "👍"),
        ] {
            assert_eq!(fold(one), fold(other), "{one} and {other}");
        }
    }
}
