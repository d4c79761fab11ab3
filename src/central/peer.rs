//! What two peers say to each other before a file flows: no frames, just text. `napster.txt`, "Client-client protocol".
//!
//! Whoever is connected to sends `1`. Then either the caller fetches, `GET` and `nick "file" offset`, and is told the size
//! in digits with the bytes right behind; or the caller sends, `SEND` and `nick "file" size`, and is told the offset.

use bytes::{Bytes, BytesMut};

use super::fields::{Fields, Malformed};
use super::share::{decimal, quote};

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
