//! A name from the network made safe as a file name on every system.

use sanitise_file_name::{Options, sanitise_with_options};
use unicode_normalization::UnicodeNormalization;

/// The longest name in bytes: 255 is what file systems take, and a number for the next of the same name must fit.
const MAX_LEN: usize = 240;

/// What a file is called whose name has nothing safe in it.
const NAMELESS: &str = "download";

/// Makes of any text a name that is safe as one part of a path: no separators, no control or direction characters, no
/// name Windows keeps for devices, not hidden, not empty, not too long.
pub(super) fn safe_name(name: &str) -> String {
    // What stands before the last separator was a folder somewhere else.
    let last = name
        .rsplit(['/', '\\'])
        .find(|part| !part.trim().is_empty());
    let visible: String = last.unwrap_or_default().nfc().filter(is_visible).collect();
    let options = Options {
        length_limit: MAX_LEN,
        trim_more_punctuation: false,
        six_measures_of_barley: "",
        ..Options::DEFAULT
    };
    let safe = sanitise_with_options(&visible, &options);
    match safe
        .trim_start_matches(['.', ' ', '-'])
        .trim_end_matches(['.', ' '])
    {
        safe if safe.chars().all(is_joiner) => NAMELESS.to_owned(),
        safe if is_device(safe) => format!("_{safe}"),
        safe => safe.to_owned(),
    }
}

/// Whether a character can be seen: neither control nor made to change how its neighbours are shown.
fn is_visible(letter: &char) -> bool {
    let hides = matches!(
        *letter,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    );
    !letter.is_control() && !hides
}

/// Whether a character only shapes its neighbours: welcome in Persian and in emoji, nothing by itself.
fn is_joiner(letter: char) -> bool {
    matches!(letter, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}')
}

/// Whether Windows keeps the name for a device, whatever its extension; the superscripts count as digits there.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end();
    let stem = stem.to_uppercase();
    let numbered = ["COM", "LPT"].iter().any(|device| {
        let digit = stem
            .strip_prefix(device)
            .map(|rest| rest.chars().collect::<Vec<_>>());
        matches!(digit.as_deref(), Some(['0'..='9' | '¹' | '²' | '³']))
    });
    numbered || ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"].contains(&stem.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn good_names_stay_as_they_are() {
        for name in [
            "My Song (live) [1999].mp3",
            "été à Genève.ogg",
            "日本語の曲.flac",
            "🎵 party 🎉 ❤\u{fe0f}.mp3",
            "می\u{200c}خواهم.mp3",
            "archive.tar.gz",
            "README",
            "a - b & c, d; e=f+g!.txt",
        ] {
            assert_eq!(safe_name(name), name);
        }
    }

    #[test]
    fn dangerous_names_are_made_harmless() {
        for (name, safe) in [
            ("../../etc/passwd", "passwd"),
            ("..\\..\\boot.ini", "boot.ini"),
            ("/etc/cron.d/x", "x"),
            ("C:\\x.txt", "x.txt"),
            ("..", NAMELESS),
            (".", NAMELESS),
            ("", NAMELESS),
            ("///", NAMELESS),
            ("   ", NAMELESS),
            ("\u{202e}", NAMELESS),
            ("\u{200d}", NAMELESS),
            (".bashrc", "bashrc"),
            ("-rf", "rf"),
            ("a\0b", "ab"),
            ("a\nb\x1b[31m", "ab[31m"),
            ("gpj.\u{202e}exe", "gpj.exe"),
            ("e\u{301}", "é"),
            ("NUL", "NUL_"),
            ("com1.txt", "com1_.txt"),
            ("COM¹", "_COM¹"),
            ("trailing. . .", "trailing"),
            ("what?.mp3", "what_.mp3"),
        ] {
            assert_eq!(safe_name(name), safe, "{name:?}");
        }
    }

    #[test]
    fn long_names_keep_their_extension() {
        let safe = safe_name(&("語".repeat(300) + ".mp3"));
        assert!(safe.len() <= MAX_LEN && safe.ends_with("語.mp3"), "{safe}");
    }

    #[test]
    fn any_text_makes_a_safe_name() {
        let pieces = [
            "..", ".", "/", "\\", "\0", " ", "CON", "aux", ".txt", "\u{202e}", "\u{feff}", "~",
            ":", "*", "\u{1}", "é", "語", "\n", "a", "-", "|", "\u{300}", "COM1", "\u{200d}", "¹",
            "\u{85}", "<", "$",
        ];
        let mut rng = Rng::seeded(6346);
        for round in 0..20_000 {
            let length = rng.below(if round % 100 == 0 { 300 } else { 12 });
            let name: String = (0..length)
                .filter_map(|_| rng.pick(&pieces).copied())
                .collect();
            let safe = safe_name(&name);
            assert!(
                (1..=MAX_LEN + 1).contains(&safe.len()),
                "{name:?} -> {safe:?}"
            );
            assert!(!safe.starts_with(['.', ' ', '-']), "{name:?} -> {safe:?}");
            assert!(!safe.ends_with(['.', ' ']), "{name:?} -> {safe:?}");
            assert!(!is_device(&safe), "{name:?} -> {safe:?}");
            let bad = |letter: char| "/\\:*?\"<>|".contains(letter) || !is_visible(&letter);
            assert!(!safe.contains(bad), "{name:?} -> {safe:?}");
        }
    }
}
