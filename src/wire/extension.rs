//! The extension area of queries and hit records (HUGE 0.94): URNs, plain text and GGEP, separated by FS (1c).
//!
//! A GGEP block ends by its own length, since FS may stand inside it, and what follows needs no FS. Around the area
//! there is a NUL, so nothing in it may hold one.

use bytes::{BufMut, BytesMut};

use super::inflate::Budget;
use super::{Ggep, Sha1, TigerRoot, Urn, ggep};

/// The byte between two items.
const FS: u8 = 0x1c;

/// Items of one area that are read; the rest is ignored. Real areas hold two or three.
const MAX_ITEMS: usize = 64;

/// What an extension area holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// Complete URNs: what a query asks for, what a record is.
    pub urns: Vec<Urn>,
    /// Kinds of URN asked for, as sent: `urn:`, `urn:sha1:`.
    pub wanted: Vec<String>,
    /// Anything else that is text: XML, `192 kbps 44 kHz 3:23`, URNs that are malformed.
    pub texts: Vec<String>,
    /// The GGEP blocks, merged.
    pub ggep: Ggep,
}

impl Extensions {
    /// Reads a whole area, without the NUL that ends it.
    ///
    /// Nothing in an area is worth refusing the message for (gtk-gnutella would, LimeWire does not): a GGEP block that
    /// is malformed, an item that is not UTF-8 and an empty item are left out.
    pub fn decode(area: &[u8]) -> Self {
        Self::decode_within(area, &mut Budget::new())
    }

    /// [`Extensions::decode`] for one of several areas of a message.
    pub(super) fn decode_within(mut area: &[u8], budget: &mut Budget) -> Self {
        let mut found = Self::default();
        for _ in 0..MAX_ITEMS {
            let Some(&first) = area.first() else {
                break;
            };
            if first == ggep::MAGIC
                && let Ok((ggep, len)) = Ggep::decode_within(area, budget)
            {
                found.ggep.merge(ggep);
                area = &area[len..];
            } else {
                let end = area.iter().position(|&byte| byte == FS);
                let (item, rest) = area.split_at(end.unwrap_or(area.len()));
                found.take(item);
                area = rest.get(1..).unwrap_or_default();
            }
        }
        found
    }

    /// Appends the area, without the NUL that ends it: kinds, URNs, texts, GGEP last. A text with a NUL or FS in it
    /// cannot be said and is left out.
    pub fn encode(&self, out: &mut BytesMut) {
        let start = out.len();
        let separate = |out: &mut BytesMut| {
            if out.len() > start {
                out.put_u8(FS);
            }
        };
        let urns = self.urns.iter().map(Urn::to_string);
        let items = self.wanted.iter().cloned().chain(urns);
        for item in items.chain(self.texts.iter().cloned()) {
            if !item.is_empty() && !item.bytes().any(|byte| byte == FS || byte == 0) {
                separate(out);
                out.put_slice(item.as_bytes());
            }
        }
        if !self.ggep.is_empty() {
            separate(out);
            self.ggep.encode(true, out);
        }
    }

    /// The SHA-1 of the first URN that has one, or of GGEP `H`.
    pub fn sha1(&self) -> Option<Sha1> {
        let named = self.urns.first().map(Urn::sha1);
        named.or_else(|| self.binary_hash().map(|(sha1, _)| sha1))
    }

    /// The Tiger tree root of the first bitprint, of GGEP `H` or of GGEP `TT`.
    pub fn tiger_root(&self) -> Option<TigerRoot> {
        let named = self.urns.iter().find_map(|urn| match urn {
            Urn::Bitprint(_, root) => Some(*root),
            Urn::Sha1(_) => None,
        });
        let plain = || self.ggep.get("TT")?.as_ref().try_into().ok().map(TigerRoot);
        named
            .or_else(|| self.binary_hash().and_then(|(_, root)| root))
            .or_else(plain)
    }

    /// GGEP `H`: a type byte, then the hash. 1 is a SHA-1, 2 a bitprint; MD5, UUID and MD4 name no content here.
    fn binary_hash(&self) -> Option<(Sha1, Option<TigerRoot>)> {
        let (&kind, hash) = self.ggep.get("H")?.split_first()?;
        let (&sha1, rest) = hash.split_first_chunk()?;
        match (kind, rest) {
            (1, []) => Some((Sha1(sha1), None)),
            (2, root) => Some((Sha1(sha1), Some(TigerRoot(root.try_into().ok()?)))),
            _ => None,
        }
    }

    /// Sorts in one item.
    fn take(&mut self, item: &[u8]) {
        let Ok(text) = std::str::from_utf8(item) else {
            return;
        };
        if let Ok(urn) = text.parse() {
            self.urns.push(urn);
        } else if Urn::is_kind(text) {
            self.wanted.push(text.to_owned());
        } else if !text.is_empty() {
            self.texts.push(text.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URN: &str = "urn:sha1:YNCKHTQCWBTRNJIV4WNAE52SJUQCZO5C";

    #[test]
    fn everything_an_area_can_hold_comes_back() {
        let mut extensions = Extensions {
            urns: vec![URN.parse().expect("a URN")],
            wanted: vec!["urn:".into()],
            texts: vec!["192 kbps".into(), "Ärger".into()],
            ggep: Ggep::new(),
        };
        // The value holds a separator and a NUL: neither ends anything.
        extensions.ggep.push("X", vec![FS, 0, FS]);
        let mut area = BytesMut::new();
        extensions.encode(&mut area);
        assert!(!area.contains(&0));
        assert_eq!(Extensions::decode(&area), extensions);
    }

    #[test]
    fn what_is_malformed_is_left_out_and_the_rest_stays() {
        let area = [b"\xc3\x0fno\x1c\xff\xfe\x1c\x1c", URN.as_bytes()].concat();
        let found = Extensions::decode(&area);
        assert_eq!(found.urns.len(), 1);
        assert!(found.texts.is_empty() && found.ggep.is_empty());
    }

    #[test]
    fn several_blocks_become_one() {
        let found = Extensions::decode(b"\xc3\x81A\x411\xc3\x81B\x412\x1c\xc3\x81A\x413");
        assert_eq!(
            found.ggep.iter().collect::<Vec<_>>(),
            [("A", &"3".into()), ("B", &"2".into())]
        );
    }

    #[test]
    fn texts_that_would_break_the_framing_are_not_said() {
        let extensions = Extensions {
            texts: vec!["a\x1cb".into(), "a\0b".into(), "c".into()],
            ..Extensions::default()
        };
        let mut area = BytesMut::new();
        extensions.encode(&mut area);
        assert_eq!(area, "c");
    }

    #[test]
    fn binary_hashes_count_only_at_their_full_length() {
        let of = |value: Vec<u8>| {
            let mut extensions = Extensions::default();
            extensions.ggep.push("H", value);
            (
                extensions.sha1().is_some(),
                extensions.tiger_root().is_some(),
            )
        };
        assert_eq!(of([vec![1], vec![7; 20]].concat()), (true, false));
        assert_eq!(of([vec![2], vec![7; 44]].concat()), (true, true));
        assert_eq!(of([vec![1], vec![7; 21]].concat()), (false, false));
        assert_eq!(of([vec![2], vec![7; 43]].concat()), (false, false));
        assert_eq!(of([vec![3], vec![7; 20]].concat()), (false, false));
    }

    #[test]
    fn an_area_of_separators_costs_nothing() {
        let found = Extensions::decode(&[FS; 65_535]);
        assert_eq!(found, Extensions::default());
    }
}
