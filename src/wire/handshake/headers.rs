//! Header lines: the rules of RFC 822 as servents practise them (gtk-gnutella's `header_append`).
//!
//! Reading is lenient, writing strict. A line that makes no sense is skipped together with its continuations, never a
//! reason to hang up; continuations are understood but never sent, because LimeWire does not know them.

use std::fmt;

/// Header lines in order; names compare without case, repeated names join by comma.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    lines: Vec<(String, String)>,
}

impl Headers {
    /// No lines.
    pub const fn new() -> Self {
        Self { lines: Vec::new() }
    }

    /// Reads lines up to the first blank one or the end of `text`. Lines end in LF or CR LF.
    pub fn parse(text: &[u8]) -> Self {
        let mut block = Block::new();
        for line in text.split(|&byte| byte == b'\n').map(without_cr) {
            if line.is_empty() {
                break;
            }
            block.line(line);
        }
        block.headers
    }

    /// The value of `name`, joined by `, ` where the name stands repeatedly.
    pub fn get(&self, name: &str) -> Option<String> {
        let mut values = self.values(name);
        let mut joined = values.next()?.to_owned();
        for value in values {
            joined.push_str(", ");
            joined.push_str(value);
        }
        Some(joined)
    }

    /// Whether `word` is one of the comma-separated words of `name`, in any case and whatever parameters follow it.
    pub fn lists(&self, name: &str, word: &str) -> bool {
        self.values(name)
            .flat_map(|value| value.split(','))
            .filter_map(|item| item.split(';').next())
            .any(|item| item.trim().eq_ignore_ascii_case(word))
    }

    /// Whether the feature `name` is announced: in a version of at least 0.1, read as a number like LimeWire does.
    pub fn supports(&self, name: &str) -> bool {
        self.number::<f32>(name)
            .is_some_and(|version| version >= 0.1)
    }

    /// The value of `name` as a number, none when it is not one.
    pub(super) fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.values(name).next()?.parse().ok()
    }

    /// The values of all lines called `name`.
    pub(super) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.lines
            .iter()
            .filter(move |(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Adds a line of our own.
    pub(super) fn push(&mut self, name: &str, value: impl fmt::Display) {
        self.lines.push((name.to_owned(), value.to_string()));
    }

    /// Puts what was said later over what was said before: headers of group 1 stay in force unless group 3 repeats
    /// them.
    pub(super) fn amend(&mut self, later: Self) {
        self.lines
            .retain(|(name, _)| later.values(name).next().is_none());
        self.lines.extend(later.lines);
    }
}

impl fmt::Display for Headers {
    /// One line each, ended by CR LF. A control character becomes a space: no value can begin a line of its own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.lines {
            let value = value.replace(|c: char| c.is_control(), " ");
            write!(f, "{name}: {value}\r\n")?;
        }
        Ok(())
    }
}

/// Header lines on their way in.
#[derive(Debug)]
pub(super) struct Block {
    /// What stands so far.
    pub(super) headers: Headers,
    /// Whether the line before was skipped, and with it its continuations. A block cannot begin with a continuation.
    skipping: bool,
}

impl Block {
    /// Nothing yet.
    pub(super) const fn new() -> Self {
        Self {
            headers: Headers::new(),
            skipping: true,
        }
    }

    /// Takes one line that is not blank, without its end. Bytes that are not UTF-8 become replacement characters.
    pub(super) fn line(&mut self, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        if line.starts_with([' ', '\t']) {
            self.continuation(line.trim());
            return;
        }
        match field(&line) {
            Some((name, value)) => {
                self.headers.push(name, value);
                self.skipping = false;
            }
            None => self.skipping = true,
        }
    }

    fn continuation(&mut self, text: &str) {
        if self.skipping || text.is_empty() {
            return;
        }
        if let Some((_, value)) = self.headers.lines.last_mut() {
            if !value.is_empty() {
                value.push(' ');
            }
            value.push_str(text);
        }
    }
}

/// Cuts a line in two. A name is made of ASCII letters, digits, `-` and `.`; space between it and the colon is
/// tolerated.
fn field(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let name = name.trim_end();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    (!name.is_empty() && name.bytes().all(allowed)).then_some((name, value.trim()))
}

/// A line that ended in LF, without the CR that may stand before it.
pub(super) fn without_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_compare_without_case_and_repetitions_join_in_order() {
        let headers = Headers::parse(b"Field: first\r\nother: x\r\nFIELD:second\r\n");
        assert_eq!(headers.get("field").as_deref(), Some("first, second"));
        assert_eq!(headers.get("Other").as_deref(), Some("x"));
        assert_eq!(headers.get("none"), None);
    }

    #[test]
    fn a_continuation_joins_its_line_by_one_space() {
        let headers =
            Headers::parse(b"A: this is\n    the \n\t\n\tvalue\nB:\n late\n\nC: not read\n");
        assert_eq!(headers.get("A").as_deref(), Some("this is the value"));
        assert_eq!(headers.get("B").as_deref(), Some("late"));
        assert_eq!(headers.get("C"), None);
    }

    #[test]
    fn a_bad_line_takes_its_continuations_with_it_and_nothing_else() {
        for bad in [
            "Bad Name: x",
            "Bad_Name: x",
            ": x",
            "no colon",
            " begins folded",
            "N\u{e4}me: x",
        ] {
            let text = format!("{bad}\r\n and more\r\nGood : y\r\n");
            let headers = Headers::parse(text.as_bytes());
            assert_eq!(headers, Headers::parse(b"Good: y\n"), "{bad}");
        }
        // In the middle of a block, too: the continuation must not reach the good line before.
        let headers = Headers::parse(b"A: 1\nBad_Name: x\n folded\nB: 2\n");
        assert_eq!(headers, Headers::parse(b"A: 1\nB: 2\n"));
    }

    #[test]
    fn words_of_a_list_are_found_whole() {
        let headers = Headers::parse(b"Accept: gzip , Deflate;q=1\nAccept: deflated\n");
        assert!(headers.lists("accept", "deflate"));
        assert!(!headers.lists("accept", "flate"));
        assert!(!headers.lists("accept-encoding", "deflate"));
    }

    #[test]
    fn a_feature_needs_a_version_of_a_tenth() {
        for (value, expected) in [
            ("0.1", true),
            ("0.2", true),
            ("1", true),
            ("0.05", false),
            ("abc", false),
            ("", false),
            ("NaN", false),
        ] {
            let headers = Headers::parse(format!("GGEP: {value}\n").as_bytes());
            assert_eq!(headers.supports("GGEP"), expected, "{value}");
        }
    }

    #[test]
    fn later_lines_replace_earlier_ones_of_the_same_name() {
        let mut headers = Headers::parse(b"A: 1\nB: 2\nA: 3\n");
        headers.amend(Headers::parse(b"a: 4\nC: 5\n"));
        assert_eq!(headers, Headers::parse(b"B: 2\na: 4\nC: 5\n"));
    }

    #[test]
    fn a_written_value_cannot_begin_a_line() {
        let mut headers = Headers::new();
        headers.push("User-Agent", "a/1\r\nX-Ultrapeer: False\u{85}");
        assert_eq!(
            headers.to_string(),
            "User-Agent: a/1  X-Ultrapeer: False \r\n"
        );
    }
}
