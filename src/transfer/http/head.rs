//! What a request and a response begin with: a first line, header fields, a blank line.

use std::fmt::{Display, Write};

/// The longest head in bytes, as gtk-gnutella has it: some ten times what any servent sends.
pub const MAX_HEAD: usize = 16 * 1024;

/// The most header fields in a head; LimeWire allows 30 and gtk-gnutella 128, and neither sends 20.
pub const MAX_LINES: usize = 100;

/// Why a head is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// More bytes than [`MAX_HEAD`] or more fields than [`MAX_LINES`].
    #[error("the head is too large")]
    TooLarge,
    /// Not the form that HTTP gives a head.
    #[error("the head is malformed")]
    Malformed,
}

/// The version a message claims; every later 1.x speaks as 1.1 does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// `HTTP/1.0`: the connection ends with the body unless both sides say otherwise.
    Http10,
    /// `HTTP/1.1`: the connection stays open unless one side says otherwise.
    Http11,
}

impl Version {
    /// Reads `HTTP/1.0` or `HTTP/1.1`, in any case as LimeWire does.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Http10, Self::Http11]
            .into_iter()
            .find(|version| text.eq_ignore_ascii_case(version.text()))
    }

    /// As it stands in a head.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
        }
    }
}

/// Room for the fields of a usual head.
const USUAL_TEXT: usize = 512;
const USUAL_FIELDS: usize = 12;

/// The header fields of a head, in order. Names are compared without regard to case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    /// As they stand in a head, one after the other: a piece of memory for each would cost more than all the rest of a head.
    text: String,
    fields: Vec<Field>,
}

/// Where a field stands in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Field {
    name: usize,
    colon: usize,
    end: usize,
}

impl Headers {
    /// No fields.
    pub const fn new() -> Self {
        Self {
            text: String::new(),
            fields: Vec::new(),
        }
    }

    /// Reads the fields, from behind the first line up to and with the blank line. Bytes that are not UTF-8 become
    /// replacement characters.
    ///
    /// # Errors
    /// [`HeadError::TooLarge`] above [`MAX_LINES`] fields; [`HeadError::Malformed`] for a line without a colon, a name
    /// that is no token, a folded line or control characters.
    pub fn parse(bytes: &[u8]) -> Result<Self, HeadError> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_LINES];
        match httparse::parse_headers(bytes, &mut fields) {
            Ok(httparse::Status::Complete((_, fields))) => {
                let mut headers = Self::with_room(bytes.len() + 4 * fields.len(), fields.len());
                for field in fields {
                    headers.append(field.name, String::from_utf8_lossy(field.value));
                }
                Ok(headers)
            }
            Err(httparse::Error::TooManyHeaders) => Err(HeadError::TooLarge),
            _ => Err(HeadError::Malformed),
        }
    }

    /// Adds a field. Control characters in the value become spaces, so that no value can begin a line of its own.
    pub fn push(&mut self, name: &'static str, value: impl Display) {
        if self.fields.is_empty() {
            *self = Self::with_room(USUAL_TEXT, USUAL_FIELDS);
        }
        self.append(name, value);
    }

    fn with_room(text: usize, fields: usize) -> Self {
        Self {
            text: String::with_capacity(text),
            fields: Vec::with_capacity(fields),
        }
    }

    fn append(&mut self, name: &str, value: impl Display) {
        let start = self.text.len();
        self.text.push_str(name);
        let colon = self.text.len();
        self.text.push_str(": ");
        let _ = write!(self.text, "{value}");
        if self.text[colon..].contains(char::is_control) {
            let tame = self.text[colon..].replace(char::is_control, " ");
            self.text.truncate(colon);
            self.text.push_str(&tame);
        }
        let end = self.text.len();
        self.text.push_str("\r\n");
        self.fields.push(Field {
            name: start,
            colon,
            end,
        });
    }

    /// The value of the first field of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// The values of all fields of this name.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.fields
            .iter()
            .filter(move |field| self.text[field.name..field.colon].eq_ignore_ascii_case(name))
            .map(|field| self.text[field.colon + 1..field.end].trim())
    }

    /// Whether a field of this name, a list with commas, holds this token. Parameters behind `;` are not looked at.
    pub fn lists(&self, name: &str, token: &str) -> bool {
        self.all(name)
            .flat_map(|value| value.split(','))
            .filter_map(|item| item.split(';').next())
            .any(|item| item.trim().eq_ignore_ascii_case(token))
    }

    /// Writes the fields and the blank line.
    pub(super) fn write(&self, head: &mut String) {
        head.push_str(&self.text);
        head.push_str("\r\n");
    }
}

/// Where the head that `bytes` begin with ends, behind its blank line. The first `seen` bytes were looked at before and
/// hold no end. None while more bytes are needed.
///
/// # Errors
/// [`HeadError::TooLarge`] once it cannot end within [`MAX_HEAD`].
pub fn head_end(bytes: &[u8], seen: usize) -> Result<Option<usize>, HeadError> {
    // A blank line may have begun in the last two bytes seen: LF, or LF CR.
    let from = seen.saturating_sub(2);
    let end = bytes.iter().enumerate().skip(from).find_map(|(at, &byte)| {
        let rest = &bytes[at + 1..];
        match (byte, rest) {
            (b'\n', [b'\n', ..]) => Some(at + 2),
            (b'\n', [b'\r', b'\n', ..]) => Some(at + 3),
            _ => None,
        }
    });
    match end {
        Some(end) if end <= MAX_HEAD => Ok(Some(end)),
        None if bytes.len() < MAX_HEAD => Ok(None),
        _ => Err(HeadError::TooLarge),
    }
}

/// The first line of a head, without its line end, and what follows it.
pub(super) fn split_first_line(head: &[u8]) -> Result<(&[u8], &[u8]), HeadError> {
    let end = head.iter().position(|&byte| byte == b'\n');
    let (line, rest) = head.split_at(end.ok_or(HeadError::Malformed)? + 1);
    let line = &line[..line.len() - 1];
    Ok((line.strip_suffix(b"\r").unwrap_or(line), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_ends_behind_its_blank_line() {
        for (text, end) in [
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET", Some(27)),
            ("GET / HTTP/1.0\n\nrest", Some(16)),
            ("GET / HTTP/1.0\r\n\nrest", Some(17)),
            ("GET / HTTP/1.1\r\nHost: a\r\n", None),
            ("", None),
        ] {
            assert_eq!(head_end(text.as_bytes(), 0), Ok(end), "{text:?}");
        }
    }

    #[test]
    fn an_end_that_arrives_in_pieces_is_found() {
        for head in ["GET / HTTP/1.0\r\nA: b\r\n\r\n", "GET / HTTP/1.0\nA: b\n\n"] {
            let bytes = head.as_bytes();
            for seen in 0..bytes.len() {
                assert_eq!(head_end(&bytes[..seen], 0), Ok(None));
                assert_eq!(head_end(bytes, seen), Ok(Some(bytes.len())), "{seen}");
            }
        }
    }

    #[test]
    fn an_endless_head_is_too_large() {
        let mut bytes = vec![b'a'; MAX_HEAD - 1];
        assert_eq!(head_end(&bytes, 0), Ok(None));
        bytes.push(b'a');
        assert_eq!(head_end(&bytes, 0), Err(HeadError::TooLarge));
        bytes.extend(b"\n\n");
        assert_eq!(head_end(&bytes, 0), Err(HeadError::TooLarge));
    }

    #[test]
    fn fields_are_found_in_any_case_and_order() {
        let headers = Headers::parse(b"Connection: x, Close\nA:1\nconnection: y;q=1\n\n");
        let headers = headers.expect("it is well formed");
        assert_eq!(headers.get("a"), Some("1"));
        assert!(headers.lists("CONNECTION", "close"));
        assert!(headers.lists("Connection", "y"));
        assert!(!headers.lists("Connection", "clos"));
    }

    #[test]
    fn too_many_fields_are_too_large() {
        let head = "A: b\r\n".repeat(MAX_LINES);
        let parse = |head: String| Headers::parse((head + "\r\n").as_bytes());
        let all = parse(head.clone()).expect("at the limit");
        assert_eq!(all.all("a").count(), MAX_LINES);
        assert_eq!(parse(head + "A: b\r\n"), Err(HeadError::TooLarge));
    }

    #[test]
    fn malformed_fields_are_refused() {
        for head in [
            "no colon\r\n\r\n",
            "A b: c\r\n\r\n",
            "A: b\r\n folded\r\n\r\n",
            "A: \0\r\n\r\n",
        ] {
            let refused = Headers::parse(head.as_bytes());
            assert_eq!(refused, Err(HeadError::Malformed), "{head:?}");
        }
    }

    #[test]
    fn a_value_cannot_begin_a_line() {
        let mut headers = Headers::new();
        headers.push("A", "b\r\nEvil: yes");
        let mut head = String::new();
        headers.write(&mut head);
        assert_eq!(head, "A: b  Evil: yes\r\n\r\n");
    }
}
