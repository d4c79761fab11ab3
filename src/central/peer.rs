//! What two peers say to each other before a file flows: no frames, just text. `napster.txt`, "Client-client protocol".
//!
//! Whoever is connected to sends `1`. Then either the caller fetches, `GET` and `nick "file" offset`, and is told the size
//! in digits with the bytes right behind; or the caller sends, `SEND` and `nick "file" size`, and is told the offset.

use std::fmt::{self, Write};
use std::str::FromStr;

use bytes::{Bytes, BytesMut};

use super::fields::{Fields, Malformed};
use super::share::{decimal, quote};

/// A file at a user of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexSource {
    /// The user.
    pub nick: Bytes,
    /// The file, as it was shared.
    pub file: Bytes,
}

impl IndexSource {
    /// The user's name, to be shown.
    pub fn nick(&self) -> String {
        String::from_utf8_lossy(&self.nick).into_owned()
    }
}

impl fmt::Display for IndexSource {
    /// The nick, a space, the file: each byte a character, for they are in no encoding that anybody agreed on.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.nick.iter().chain(b" ").chain(&self.file);
        bytes
            .map(|byte| char::from(*byte))
            .try_for_each(|letter| f.write_char(letter))
    }
}

impl FromStr for IndexSource {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let (nick, file) = text.split_once(' ').ok_or(Malformed)?;
        let bytes = |text: &str| -> Result<Bytes, Malformed> {
            let bytes = text
                .chars()
                .map(|letter| u8::try_from(letter).map_err(|_| Malformed));
            bytes.collect()
        };
        Ok(Self {
            nick: bytes(nick)?,
            file: bytes(file)?,
        })
    }
}

/// `GET`: a file somebody wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requested {
    /// Who wants it.
    pub nick: Bytes,
    /// Its name, as it was shared.
    pub file: Bytes,
    /// From which byte on.
    pub offset: u64,
}

/// `SEND`: a file somebody brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offered {
    /// Who brings it.
    pub nick: Bytes,
    /// Its name, as it was shared.
    pub file: Bytes,
    /// Its size in bytes.
    pub size: u64,
}

impl Requested {
    /// What follows `GET`.
    ///
    /// # Errors
    /// It is not a nick, a file and a number. Nothing tells the end, so it may just not be all here.
    pub fn parse(text: &[u8]) -> Result<Self, Malformed> {
        let (nick, file, offset) = parse(text)?;
        Ok(Self { nick, file, offset })
    }

    /// As it is sent, `GET` and all.
    pub fn encode(&self) -> Bytes {
        encode(b"GET", &self.nick, &self.file, self.offset)
    }
}

impl Offered {
    /// What follows `SEND`.
    ///
    /// # Errors
    /// As of [`Requested::parse`].
    pub fn parse(text: &[u8]) -> Result<Self, Malformed> {
        let (nick, file, size) = parse(text)?;
        Ok(Self { nick, file, size })
    }

    /// As it is sent, `SEND` and all.
    pub fn encode(&self) -> Bytes {
        encode(b"SEND", &self.nick, &self.file, self.size)
    }
}

fn parse(text: &[u8]) -> Result<(Bytes, Bytes, u64), Malformed> {
    let mut fields = Fields::new(text);
    let (nick, file) = (fields.text()?, fields.text()?);
    let number = fields.number()?;
    fields.end()?;
    Ok((
        Bytes::copy_from_slice(nick),
        Bytes::copy_from_slice(file),
        number,
    ))
}

fn encode(word: &[u8], nick: &[u8], file: &[u8], number: u64) -> Bytes {
    let mut out = BytesMut::from(word);
    out.extend_from_slice(nick);
    out.extend_from_slice(b" ");
    quote(&mut out, file);
    out.extend_from_slice(b" ");
    decimal(&mut out, number);
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_kept_as_text() {
        let source = IndexSource {
            nick: "tekb".into(),
            file: Bytes::from_static(b"C:\\m\\\xe9t\xe9 \xff.mp3"),
        };
        let text = source.to_string();
        assert_eq!(text, "tekb C:\\m\\\u{e9}t\u{e9} \u{ff}.mp3");
        assert_eq!(text.parse(), Ok(source));
        for bad in ["", "tekb", "tekb \u{100}"] {
            assert_eq!(bad.parse::<IndexSource>(), Err(Malformed));
        }
    }

    #[test]
    fn requests_are_read_once_they_are_whole() {
        let sent = Requested {
            nick: "tekb".into(),
            file: "\\tmp\\Ventolin remix number two.mp3".into(),
            offset: 0,
        };
        let wire = sent.encode();
        assert_eq!(wire, "GETtekb \"\\tmp\\Ventolin remix number two.mp3\" 0");
        let text = &wire[3..];
        assert_eq!(Requested::parse(text), Ok(sent));
        for end in 0..text.len() {
            assert_eq!(Requested::parse(&text[..end]), Err(Malformed));
        }
        let offered = Offered::parse(b"fwall \"/home/f/firewalled tune.mp3\" 60004").unwrap();
        assert_eq!(offered.size, 60_004);
        assert_eq!(
            offered.encode(),
            "SENDfwall \"/home/f/firewalled tune.mp3\" 60004"
        );
    }
}
