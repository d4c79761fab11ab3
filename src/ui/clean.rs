//! Text of strangers, made harmless.
//!
//! A file name, a vendor or an error text can hold escape sequences that recolour, retitle or reprogram a terminal, and
//! bidirectional controls that make `gpj.exe` read as `exe.jpg`. The one rule: every such character is shown, escaped,
//! and never acted upon.

use std::borrow::Cow;

/// `text` with every control character written as `\u{1b}`.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    replace(text, |c, out| out.extend(c.escape_unicode()))
}

/// JSON text with every control character that JSON itself leaves alone written as `\u001b`.
///
/// Outside of strings JSON has none of them but the newline between two objects, which is not given to this function.
pub(super) fn clean_json(json: &str) -> Cow<'_, str> {
    replace(json, |c, out| {
        let mut units = [0; 2];
        for unit in c.encode_utf16(&mut units) {
            out.push_str(&format!("\\u{unit:04x}"));
        }
    })
}

/// Whether a terminal would act on this character instead of showing it.
fn acts(c: char) -> bool {
    c.is_control() // C0, DEL, C1
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' // Arabic letter mark, left-to-right and right-to-left mark
            | '\u{2028}' | '\u{2029}'           // line and paragraph separator
            | '\u{202a}'..='\u{202e}'           // embeddings and overrides
            | '\u{2066}'..='\u{2069}'           // isolates
            | '\u{feff}'                        // zero width no-break space
            | '\u{e0000}'..='\u{e007f}'         // tags: text that nobody sees
        )
}

fn replace(text: &str, write: impl Fn(char, &mut String)) -> Cow<'_, str> {
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if acts(c) {
            write(c, &mut out);
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::rng::Rng;

    /// `count` strings of random characters, most of them hostile.
    pub(in crate::ui) fn hostile(count: usize) -> impl Iterator<Item = String> {
        const NASTY: [&str; 12] = [
            "\u{1b}]0;title\u{7}",
            "\u{1b}[2J",
            "\u{9b}31m",
            "\r\n",
            "\u{202e}gpj.exe",
            "\u{2066}",
            "\u{7f}",
            "\0",
            "\t",
            "日本",
            "é",
            "👩‍🚀",
        ];
        let mut rng = Rng::seeded(16);
        (0..count).map(move |_| {
            let mut text = String::new();
            for _ in 0..rng.below(12) {
                match rng.below(4) {
                    0 => text.push_str(rng.pick(&NASTY).expect("the list is not empty")),
                    1 => text.extend(char::from_u32(rng.below(0x2_0000) as u32)),
                    2 => text.extend(char::from_u32(rng.below(0xa0) as u32)),
                    _ => text.push_str("plain.mp3"),
                }
            }
            text
        })
    }

    #[test]
    fn nothing_a_terminal_acts_on_survives() {
        let mut hit = 0;
        for text in hostile(10_000) {
            hit += usize::from(text.contains(acts));
            assert!(!clean(&text).contains(acts), "{text:?}");
            let json = serde_json::to_string(&text).expect("strings are JSON");
            let safe = clean_json(&json);
            assert!(!safe.contains(acts), "{text:?}");
            let back: String = serde_json::from_str(&safe).expect("still JSON");
            assert_eq!(back, text);
        }
        assert!(hit > 5_000, "the strings are hostile indeed: {hit}");
    }

    #[test]
    fn what_is_harmless_is_left_alone() {
        for text in ["Motörhead – Ace of Spades.mp3", "日本語 👩‍🚀", "العربية"]
        {
            assert_eq!(clean(text), text);
        }
        assert_eq!(clean("a\u{1b}[31mb"), "a\\u{1b}[31mb");
    }
}
