//! One group of a handshake: a first line, header lines, a blank line; read as it trickles in.

use bytes::{Buf, BytesMut};

use super::headers::{Block, Headers, without_cr};
use super::{Refusal, address};
use crate::wire::WireError;

/// The most bytes one group may take (gtk-gnutella's `HEAD_MAX_SIZE`).
pub const MAX_GROUP: usize = 16 * 1024;

/// The most bytes one line may take, its end included (LimeWire's limit, and gtk-gnutella's line buffer).
pub const MAX_LINE: usize = 1024;

/// The most header lines one group may have (gtk-gnutella's `HEAD_MAX_LINES`).
pub const MAX_LINES: usize = 128;

/// A group that is complete.
#[derive(Debug)]
pub(super) struct Group {
    /// The first line, without its end.
    pub(super) opening: String,
    /// The lines after it.
    pub(super) headers: Headers,
}

impl Group {
    /// The version asked for by group 1.
    pub(super) fn request(&self) -> Result<(u8, u8), WireError> {
        self.opening
            .strip_prefix("GNUTELLA CONNECT/")
            .and_then(|rest| version(rest.trim_end()))
            .ok_or(WireError::BadHandshake)
    }

    /// Whether group 2 or 3 refuses: anything but 200 does.
    pub(super) fn refusal(&self) -> Result<Option<Refusal>, WireError> {
        let (code, words) = self.status()?;
        Ok((code != 200).then(|| Refusal {
            code,
            reason: words.to_owned(),
            hosts: address::tried(&self.headers),
        }))
    }

    /// The code and words of group 2 or 3. Only the three digits decide. The words may be missing, although LimeWire
    /// demands them; the version is of no interest as long as it is not older than status lines themselves.
    fn status(&self) -> Result<(u16, &str), WireError> {
        let (number, rest) = self
            .opening
            .strip_prefix("GNUTELLA/")
            .and_then(|rest| rest.split_once(' '))
            .ok_or(WireError::BadHandshake)?;
        let rest = rest.trim();
        let (code, words) = rest.split_once(' ').unwrap_or((rest, ""));
        let digits = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit());
        match version(number) {
            Some(version) if version >= (0, 6) && digits => {}
            _ => return Err(WireError::BadHandshake),
        }
        let code = code.parse().expect("three digits fit 16 bits");
        Ok((code, words.trim_start()))
    }
}

/// `0.6` as (0, 6).
fn version(text: &str) -> Option<(u8, u8)> {
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let (major, minor) = text.split_once('.')?;
    (digits(major) && digits(minor)).then_some((major.parse().ok()?, minor.parse().ok()?))
}

/// Reads a group line by line as the bytes arrive. It keeps the lines and leaves in the buffer only the one that is not
/// yet whole, which it never searches twice: a peer that sends byte by byte costs no more than one that sends at once.
#[derive(Debug)]
pub(super) struct GroupReader {
    opening: Option<String>,
    block: Block,
    /// Bytes at the front of the buffer known to hold no LF.
    searched: usize,
    bytes: usize,
    lines: usize,
}

impl GroupReader {
    /// Nothing read.
    pub(super) const fn new() -> Self {
        Self {
            opening: None,
            block: Block::new(),
            searched: 0,
            bytes: 0,
            lines: 0,
        }
    }

    /// Eats whole lines from the front of `input`; the group once its blank line is there. Then the reader is fresh.
    pub(super) fn feed(&mut self, input: &mut BytesMut) -> Result<Option<Group>, WireError> {
        while let Some(len) = self.line_len(input)? {
            self.bytes += len;
            if self.bytes > MAX_GROUP {
                return Err(WireError::TooLarge);
            }
            let line = without_cr(&input[..len - 1]);
            let complete = self.opening.is_some() && line.is_empty();
            if !complete {
                self.line(line)?;
            }
            input.advance(len);
            if complete {
                let Self { opening, block, .. } = std::mem::replace(self, Self::new());
                return Ok(opening.map(|opening| Group {
                    opening,
                    headers: block.headers,
                }));
            }
        }
        Ok(None)
    }

    /// The length of the first line with its LF, none while it is not whole.
    fn line_len(&mut self, input: &BytesMut) -> Result<Option<usize>, WireError> {
        let window = &input[..input.len().min(MAX_LINE)];
        let unsearched = window.get(self.searched..).unwrap_or_default();
        if let Some(at) = unsearched.iter().position(|&byte| byte == b'\n') {
            let len = self.searched + at + 1;
            self.searched = 0;
            return Ok(Some(len));
        }
        if window.len() == MAX_LINE {
            return Err(WireError::TooLarge);
        }
        self.searched = window.len();
        Ok(None)
    }

    fn line(&mut self, line: &[u8]) -> Result<(), WireError> {
        if self.opening.is_none() {
            // Whatever else it may be: a stranger's megabyte of another protocol need not be read to its end.
            if !line.starts_with(b"GNUTELLA") {
                return Err(WireError::BadHandshake);
            }
            self.opening = Some(String::from_utf8_lossy(line).into_owned());
            return Ok(());
        }
        self.lines += 1;
        if self.lines > MAX_LINES {
            return Err(WireError::TooLarge);
        }
        self.block.line(line);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(text: &str) -> Result<Option<Group>, WireError> {
        GroupReader::new().feed(&mut text.into())
    }

    fn opening(text: &str) -> Group {
        Group {
            opening: text.to_owned(),
            headers: Headers::new(),
        }
    }

    #[test]
    fn requests_tell_their_version() {
        for (line, expected) in [
            ("GNUTELLA CONNECT/0.6", Ok((0, 6))),
            ("GNUTELLA CONNECT/0.4 ", Ok((0, 4))),
            ("GNUTELLA CONNECT/1.10", Ok((1, 10))),
            ("GNUTELLA CONNECT/0.+6", Err(WireError::BadHandshake)),
            ("GNUTELLA CONNECT/0", Err(WireError::BadHandshake)),
            ("GNUTELLA CONNECT/0.600", Err(WireError::BadHandshake)),
            ("GNUTELLA/0.6 200 OK", Err(WireError::BadHandshake)),
        ] {
            assert_eq!(opening(line).request(), expected, "{line}");
        }
    }

    #[test]
    fn a_status_is_three_digits_and_perhaps_words() {
        for (line, expected) in [
            ("GNUTELLA/0.6 200 OK", Ok((200, "OK"))),
            ("GNUTELLA/0.6 200", Ok((200, ""))),
            ("GNUTELLA/0.6 200  OK  ", Ok((200, "OK"))),
            ("GNUTELLA/0.7 503 Too many", Ok((503, "Too many"))),
            ("GNUTELLA/0.4 200 OK", Err(WireError::BadHandshake)),
            ("GNUTELLA/0.6 20 OK", Err(WireError::BadHandshake)),
            ("GNUTELLA/0.6 2000 OK", Err(WireError::BadHandshake)),
            ("GNUTELLA/0.6 +20 OK", Err(WireError::BadHandshake)),
            ("GNUTELLA/0.6", Err(WireError::BadHandshake)),
            ("GNUTELLA OK", Err(WireError::BadHandshake)),
        ] {
            assert_eq!(opening(line).status(), expected, "{line}");
        }
    }

    #[test]
    fn the_first_byte_of_the_link_stays_in_the_buffer() {
        let mut reader = GroupReader::new();
        let mut input = BytesMut::from("GNUTELLA/0.6 200 OK\nA: 1\r\n\r\n\n\x01");
        let group = reader.feed(&mut input).expect("valid").expect("whole");
        assert_eq!(group.headers.get("A").as_deref(), Some("1"));
        assert_eq!(&input[..], b"\n\x01");
    }

    #[test]
    fn every_limit_ends_a_group_that_does_not() {
        let line = |len: usize| format!("{:a<1$}\n", "A: ", len - 1);
        let begin = "GNUTELLA/0.6 200 OK\n";
        for (text, expected) in [
            (format!("{begin}{}\n", line(MAX_LINE)), Ok(true)),
            (
                format!("{begin}{}\n", line(MAX_LINE + 1)),
                Err(WireError::TooLarge),
            ),
            (
                format!("{begin}{}", "a".repeat(MAX_LINE)),
                Err(WireError::TooLarge),
            ),
            (format!("{begin}{}\n", "A: b\n".repeat(MAX_LINES)), Ok(true)),
            (
                format!("{begin}{}", "A: b\n".repeat(MAX_LINES + 1)),
                Err(WireError::TooLarge),
            ),
            (format!("{begin}{}\n", line(1000).repeat(16)), Ok(true)),
            (
                format!("{begin}{}", line(1000).repeat(17)),
                Err(WireError::TooLarge),
            ),
            ("HTTP/1.1 200 OK\n".to_owned(), Err(WireError::BadHandshake)),
            ("\n".to_owned(), Err(WireError::BadHandshake)),
        ] {
            assert_eq!(
                group(&text).map(|group| group.is_some()),
                expected,
                "{text:.60}"
            );
        }
    }

    #[test]
    fn nothing_is_searched_twice() {
        let mut reader = GroupReader::new();
        let mut input = BytesMut::from("GNUTELLA/0.6 200 OK\r");
        assert!(reader.feed(&mut input).expect("valid").is_none());
        assert_eq!(reader.searched, input.len());
        input.extend_from_slice(b"\nA: 1");
        assert!(reader.feed(&mut input).expect("valid").is_none());
        assert_eq!((reader.searched, &input[..]), (4, &b"A: 1"[..]));
    }
}
