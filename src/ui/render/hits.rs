//! The table of results. Its rows come one by one, so its columns are settled before the first.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{Line, Style, bytes};
use crate::ui::clean::clean;

/// Which columns there are, and how wide the name's is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ui) struct HitColumns {
    name: usize,
    cut: bool,
    hops: bool,
    host: bool,
}

/// One row.
#[derive(Clone, Debug)]
pub(in crate::ui) struct HitRow<'a> {
    pub(in crate::ui) n: usize,
    pub(in crate::ui) name: &'a str,
    pub(in crate::ui) size: u64,
    pub(in crate::ui) host: String,
    pub(in crate::ui) hops: u8,
}

const NUMBER: usize = 4;
const SIZE: usize = 10; // `1023.9 MiB`
const HOST: usize = 21; // `255.255.255.255:65535`
const HOPS: usize = 4;
const GAP: usize = 2;
/// A name below this width says too little; other columns go first.
const NAME_AT_LEAST: usize = 24;
/// The name's width where nothing limits it: most names fit, and those that do not push their row to the right.
const NAME_UNLIMITED: usize = 48;

impl HitColumns {
    /// The columns for a screen of this width; names are never cut where there is no limit.
    pub(in crate::ui) fn fitting(width: Option<usize>) -> Self {
        let Some(width) = width else {
            return Self {
                name: NAME_UNLIMITED,
                cut: false,
                hops: true,
                host: true,
            };
        };
        let fixed = NUMBER + GAP + GAP + SIZE;
        let with_hops = fixed + GAP + HOPS;
        let with_host = with_hops + GAP + HOST;
        let left = |taken: usize| width.saturating_sub(taken + 1); // the last cell stays free: it wraps
        let (hops, host, name) = if left(with_host) >= NAME_AT_LEAST {
            (true, true, left(with_host))
        } else if left(with_hops) >= NAME_AT_LEAST {
            (true, false, left(with_hops))
        } else {
            (false, false, left(fixed).max(8))
        };
        Self {
            name,
            cut: true,
            hops,
            host,
        }
    }

    /// The line above the rows.
    pub(in crate::ui) fn header(self) -> Line {
        let mut text = format!(
            "{:>NUMBER$}  {}  {:>SIZE$}",
            "n",
            pad("name", self.name),
            "size"
        );
        if self.host {
            text.push_str(&format!("  {:<HOST$}", "host"));
        }
        if self.hops {
            text.push_str("  hops");
        }
        Line::styled(Style::Dim, text)
    }

    /// One row.
    pub(in crate::ui) fn row(self, row: HitRow<'_>) -> Line {
        let name = clean(row.name);
        let name = if self.cut {
            shorten(&name, self.name)
        } else {
            name.into_owned()
        };
        let mut rest = format!("  {:>SIZE$}", bytes(row.size));
        if self.host {
            rest.push_str(&format!("  {:<HOST$}", shorten(&clean(&row.host), HOST)));
        }
        if self.hops {
            rest.push_str(&format!("  {:>HOPS$}", row.hops));
        }
        Line::styled(Style::Bold, format!("{:>NUMBER$}", row.n))
            .and(Style::Plain, "  ")
            .and(Style::Plain, pad(&name, self.name))
            .and(Style::Dim, rest)
    }
}

/// `text` with spaces up to `width` cells.
fn pad(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(text.width());
    format!("{text}{:missing$}", "")
}

/// `text`, its middle left out where it is wider than `width` cells: the end of a file name says what it is.
pub(in crate::ui) fn shorten(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let tail_width = (width / 4).min(8);
    let head_width = width.saturating_sub(tail_width + 1);
    let head = take(text.chars(), head_width);
    let tail: Vec<char> = take(text.chars().rev(), tail_width);
    head.into_iter()
        .chain(std::iter::once('…'))
        .chain(tail.into_iter().rev())
        .collect()
}

/// The first characters that fit into `width` cells.
fn take(chars: impl Iterator<Item = char>, width: usize) -> Vec<char> {
    let mut used = 0;
    chars
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= width
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::clean::tests::hostile;

    fn row(name: &str) -> HitRow<'_> {
        HitRow {
            n: 12,
            name,
            size: 4_300_000,
            host: "192.168.100.200:6346".to_owned(),
            hops: 3,
        }
    }

    #[test]
    fn rows_fit_the_screen() {
        for width in [20, 40, 60, 80, 120] {
            let columns = HitColumns::fitting(Some(width));
            let long = "日本語のとても長いファイル名".repeat(9) + ".flac";
            for name in ["a", "Motörhead – Ace of Spades.mp3", &long] {
                let text = columns.row(row(name)).to_text(false);
                assert!(text.width() < width.max(28), "{width}: {text}");
            }
        }
    }

    #[test]
    fn a_narrow_screen_keeps_name_and_size() {
        let header = |width| HitColumns::fitting(Some(width)).header().to_text(false);
        assert!(header(80).contains("host") && header(80).contains("hops"));
        assert!(!header(50).contains("host") && header(50).contains("hops"));
        assert!(header(40).contains("size") && !header(40).contains("hops"));
    }

    #[test]
    fn a_long_name_keeps_its_end() {
        assert_eq!(
            shorten("a very long name of a song.flac", 20),
            "a very long na….flac"
        );
    }

    #[test]
    fn no_control_character_of_a_name_gets_through() {
        for name in hostile(10_000) {
            for columns in [HitColumns::fitting(Some(40)), HitColumns::fitting(None)] {
                let text = columns.row(row(&name)).to_text(false);
                assert_eq!(clean(&text), text);
            }
        }
    }
}
