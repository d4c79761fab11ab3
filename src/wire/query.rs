//! Query: flags, search words, extensions (Gnutella 0.6, "Query"; HUGE; minimum-speed flags).

use bytes::{BufMut, Bytes, BytesMut};
use unicode_normalization::UnicodeNormalization;

use super::text::{before_nul, split_nul};
use super::{Extensions, Urn, WireError};

/// The flags in the old minimum-speed field, read BIG-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryFlags(pub u16);

impl QueryFlags {
    /// The field holds flags, not a speed. gtk-gnutella drops queries without it.
    pub const IS_FLAGS: u16 = 0x8000;
    /// The asker is firewalled.
    pub const FIREWALLED: u16 = 0x4000;
    /// The asker wants XML metadata.
    pub const XML: u16 = 0x2000;
    /// The asker, a leaf, tells its ultrapeers how many hits it has when asked (BEAR/11, 12).
    pub const LEAF_GUIDED: u16 = 0x1000;
    /// The asker reads GGEP `H` in hits.
    pub const GGEP_H: u16 = 0x0800;
    /// The asker takes hits over UDP, announced first.
    pub const OUT_OF_BAND: u16 = 0x0400;
    /// The asker can transfer from firewall to firewall.
    pub const FIREWALL_TRANSFER: u16 = 0x0200;
    /// The low byte: how many hits are wanted at most, zero for no limit.
    pub const MAX_HITS: u16 = 0x00ff;

    /// What we say of ourselves: flags, we read GGEP `H`, and as many hits as there are.
    const OURS: Self = Self(Self::IS_FLAGS | Self::GGEP_H);

    /// Whether this flag is set and the field holds flags at all.
    pub const fn has(self, flag: u16) -> bool {
        self.0 & Self::IS_FLAGS != 0 && self.0 & flag != 0
    }
}

/// The payload of a Query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// What the asker can and wants.
    pub flags: QueryFlags,
    /// The words looked for (GGEP `XQ` instead of the field, where present).
    pub text: String,
    /// URNs looked for, and the rest.
    pub extensions: Extensions,
}

impl Query {
    /// The longest payload gtk-gnutella forwards, in bytes. Ours are never longer as long as what is added to
    /// [`Query::words`] keeps below 90 bytes.
    pub const MAX_LEN: usize = 256;

    /// The longest text, in characters, that is read; LimeWire's limit.
    const MAX_CHARS: usize = 256;

    /// The longest text we send, in bytes: of [`Query::MAX_LEN`] it leaves room for a URN (42) and a GGEP block (48).
    const MAX_WORDS: usize = 160;

    /// What LimeWire takes for a sign of a malformed query, besides control characters.
    const REFUSED: &str = "_#!|?<>^():;/\\[]{}";

    /// The text of a query that looks for a URN and nothing else.
    const BY_URN: &str = "\\";

    /// A search for words. Characters that other servents refuse in queries become spaces; words that do not fit are
    /// left out from the end, which can only widen the search.
    pub fn words(text: &str) -> Self {
        // LimeWire normalises before it judges, so that a full-width question mark is one as well.
        let plain: String = text
            .nfkc()
            .map(|c| match c {
                c if c.is_control() || Self::REFUSED.contains(c) => ' ',
                c => c,
            })
            .collect();
        let mut words = String::new();
        for word in plain.split_whitespace() {
            let room = Self::MAX_WORDS - words.len();
            if words.is_empty() {
                words.push_str(&word[..word.floor_char_boundary(room)]);
            } else if word.len() < room {
                words.push(' ');
                words.push_str(word);
            } else {
                break;
            }
        }
        Self {
            flags: QueryFlags::OURS,
            text: words,
            extensions: Extensions::default(),
        }
    }

    /// A search for one content, named by its SHA-1: not every servent reads bitprints. The text is `\`, the sign of a
    /// query by hash only.
    pub fn urn(urn: Urn) -> Self {
        Self {
            flags: QueryFlags::OURS,
            text: Self::BY_URN.to_owned(),
            extensions: Extensions {
                urns: vec![Urn::Sha1(urn.sha1())],
                ..Extensions::default()
            },
        }
    }

    /// Reads a payload. Characters that LimeWire would refuse are accepted, as in gtk-gnutella: they do no harm here.
    ///
    /// # Errors
    /// [`WireError::Truncated`]; [`WireError::BadText`] when the text does not end with a NUL or is not UTF-8;
    /// [`WireError::TooLarge`] above 256 characters; [`WireError::EmptyQuery`].
    pub fn decode(payload: &Bytes) -> Result<Self, WireError> {
        let (flags, rest) = payload.split_first_chunk().ok_or(WireError::Truncated)?;
        let (field, area) = split_nul(rest).ok_or(WireError::BadText)?;
        let extensions = Extensions::decode(before_nul(area));
        let text = extensions.ggep.get("XQ").map_or(field, |long| long);
        let text = std::str::from_utf8(text).map_err(|_| WireError::BadText)?;
        // No text of so many bytes can have fewer characters than are allowed: no need to count those.
        if text.len() > 4 * Self::MAX_CHARS || text.chars().count() > Self::MAX_CHARS {
            return Err(WireError::TooLarge);
        }
        let asks = extensions.sha1().is_some() || !extensions.texts.is_empty();
        if text.is_empty() && !asks {
            return Err(WireError::EmptyQuery);
        }
        Ok(Self {
            flags: QueryFlags(u16::from_be_bytes(*flags)),
            text: text.to_owned(),
            extensions,
        })
    }

    /// The payload. The text is cut at a NUL.
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(Self::MAX_LEN);
        out.put_u16(self.flags.0);
        out.put_slice(before_nul(self.text.as_bytes()));
        out.put_u8(0);
        let area = out.len();
        self.extensions.encode(&mut out);
        if out.len() > area {
            out.put_u8(0);
        }
        out.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URN: &str = "urn:sha1:YNCKHTQCWBTRNJIV4WNAE52SJUQCZO5C";

    #[test]
    fn words_are_freed_of_what_limewire_refuses() {
        let query = Query::words("  AC/DC: back_in\tblack (1980)？ ");
        assert_eq!(query.text, "AC DC back in black 1980");
        assert!(query.flags.has(QueryFlags::GGEP_H) && !query.flags.has(QueryFlags::FIREWALLED));
    }

    #[test]
    fn words_that_do_not_fit_are_left_out_whole() {
        let text = Query::words(&"abcdefghi ".repeat(100)).text;
        assert_eq!(text, "abcdefghi ".repeat(16).trim_end());
        let text = Query::words(&"ä".repeat(1000)).text;
        assert_eq!(text, "ä".repeat(Query::MAX_WORDS / 2));
    }

    #[test]
    fn the_longest_words_with_a_urn_and_a_block_are_still_forwarded() {
        let mut query = Query::words(&"abcdefghi ".repeat(100));
        query.extensions.urns.push(URN.parse().expect("a URN"));
        query.extensions.ggep.push("X", vec![7; 40]);
        assert!(query.encode().len() <= Query::MAX_LEN);
    }

    #[test]
    fn a_query_by_hash_has_the_sign_of_it() {
        let query = Query::urn(URN.parse().expect("a URN"));
        let payload = query.encode();
        assert_eq!(payload, [b"\x88\0\\\0", URN.as_bytes(), b"\0"].concat());
        assert_eq!(Query::decode(&payload), Ok(query));
    }

    #[test]
    fn the_long_text_stands_for_the_short_one() {
        let mut query = Query::words("short");
        query.extensions.ggep.push("XQ", "a long one");
        let read = Query::decode(&query.encode()).expect("a query");
        assert_eq!(read.text, "a long one");
    }

    #[test]
    fn a_query_for_nothing_is_refused() {
        let nothing = Query::words("").encode();
        assert_eq!(Query::decode(&nothing), Err(WireError::EmptyQuery));
        let text = |bytes: &'static [u8]| Query::decode(&Bytes::from_static(bytes));
        assert_eq!(text(b"\x88"), Err(WireError::Truncated));
        assert_eq!(text(b"\x88\0abc"), Err(WireError::BadText));
        assert_eq!(text(b"\x88\0\xff\xfe\0"), Err(WireError::BadText));
        let long = [b"\x88\0", "ä".repeat(257).as_bytes(), b"\0"].concat();
        assert_eq!(Query::decode(&long.into()), Err(WireError::TooLarge));
    }
}
