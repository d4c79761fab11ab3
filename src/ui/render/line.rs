//! One line of output: pieces of text, each with a style. The only thing a screen takes, so that styling is ours and
//! text is always cleaned.

use unicode_width::UnicodeWidthStr;

use crate::ui::clean::clean;

/// How a piece of text stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ui) enum Style {
    /// It does not.
    Plain,
    /// Less important.
    Dim,
    /// What the eye looks for.
    Bold,
    /// Good news.
    Good,
    /// Bad news.
    Bad,
}

impl Style {
    /// The terminal's sequence for it (ECMA-48, SGR). No absolute colours but the two of news: they read well on dark
    /// and on light ground.
    const fn sequence(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Dim => "\u{1b}[2m",
            Self::Bold => "\u{1b}[1m",
            Self::Good => "\u{1b}[32m",
            Self::Bad => "\u{1b}[31m",
        }
    }

    /// `text` in this style, where `colour` allows styles at all. The text is cleaned.
    pub(in crate::ui) fn paint(self, text: &str, colour: bool) -> String {
        let text = clean(text);
        if !colour || self == Self::Plain {
            return text.into_owned();
        }
        format!("{}{text}\u{1b}[0m", self.sequence())
    }
}

/// One line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::ui) struct Line(Vec<(Style, String)>);

impl Line {
    /// A line that begins with `text` in `style`.
    pub(in crate::ui) fn styled(style: Style, text: impl Into<String>) -> Self {
        Self(vec![(style, text.into())])
    }

    /// The same line with more text at its end.
    pub(in crate::ui) fn and(mut self, style: Style, text: impl Into<String>) -> Self {
        self.0.push((style, text.into()));
        self
    }

    /// What is written, without the newline.
    pub(in crate::ui) fn to_text(&self, colour: bool) -> String {
        self.0
            .iter()
            .map(|(style, text)| style.paint(text, colour))
            .collect()
    }
}

/// `text`, which a line has become, in rows of at most `width` cells that end between words. A word wider than a row has
/// one of its own, and is left to the terminal.
pub(in crate::ui) fn fold(text: &str, width: usize) -> String {
    let mut folded = String::with_capacity(text.len() + 8);
    let mut used = 0;
    for word in text.split_inclusive(' ') {
        let cells = unstyled(word.trim_end()).width();
        if used > 0 && used + cells > width {
            folded.truncate(folded.trim_end_matches(' ').len());
            folded.push('\n');
            used = 0;
        }
        folded.push_str(word);
        used += cells + usize::from(word.ends_with(' '));
    }
    folded
}

/// The text without our own styles.
fn unstyled(text: &str) -> String {
    let mut pieces = text.split('\u{1b}');
    let first = pieces.next().unwrap_or_default();
    let others = pieces.map(|piece| piece.split_once('m').map_or("", |(_, text)| text));
    std::iter::once(first).chain(others).collect()
}

impl<T: Into<String>> From<T> for Line {
    fn from(text: T) -> Self {
        Self::styled(Style::Plain, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles_are_ours_and_text_is_cleaned() {
        let line = Line::styled(Style::Bold, "a\u{1b}[2J").and(Style::Plain, "b");
        assert_eq!(line.to_text(false), "a\\u{1b}[2Jb");
        assert_eq!(line.to_text(true), "\u{1b}[1ma\\u{1b}[2J\u{1b}[0mb");
    }

    #[test]
    fn a_row_ends_between_words() {
        let long = format!("see {} there", "x".repeat(30));
        for (text, rows) in [
            ("one two three", &["one two three"][..]),
            (
                "Try: search some words, then",
                &["Try: search some", "words, then"],
            ),
            (
                "  indented, and then so on",
                &["  indented, and then", "so on"],
            ),
            (
                "ねこの歌 ねこの歌 ねこの歌",
                &["ねこの歌 ねこの歌", "ねこの歌"],
            ),
            (
                "\u{1b}[31merror: \u{1b}[0mten letters",
                &["\u{1b}[31merror: \u{1b}[0mten letters"],
            ),
            (&long, &["see", &"x".repeat(30), "there"]),
            ("", &[""]),
        ] {
            assert_eq!(fold(text, 20), rows.join("\n"), "{text}");
        }
    }
}
