//! One line of output: pieces of text, each with a style. The only thing a screen takes, so that styling is ours and
//! text is always cleaned.

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
}
