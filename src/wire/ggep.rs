//! GGEP, the extension block of pings, pongs, queries, hits and pushes (GGEP 0.51).
//!
//! The magic byte c3, then for each extension a flag byte, an id, a length in one to three bytes and the value. A block
//! is believed whole or not at all.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};

use super::inflate::Budget;
use super::{WireError, cobs};

/// The first byte of a block.
pub(super) const MAGIC: u8 = 0xc3;

/// Flag byte: no extension follows.
const LAST: u8 = 0x80;
/// Flag byte: the value is COBS encoded.
const COBS: u8 = 0x40;
/// Flag byte: the value is a zlib stream (inside the COBS encoding).
const DEFLATED: u8 = 0x20;
/// Flag byte: reserved, zero. LimeWire refuses the block otherwise.
const RESERVED: u8 = 0x10;
/// Flag byte: the length of the id.
const ID_LEN: u8 = 0x0f;

/// Length byte: the length ends here. Each byte carries six bits, the highest first; 80 marks those before the end.
const LENGTH_ENDS: u8 = 0x40;
/// Length bytes there may be: 18 bits in all.
const LENGTH_BYTES: usize = 3;
/// The longest value the length bytes can tell.
const MAX_VALUE: usize = (1 << (6 * LENGTH_BYTES)) - 1;

/// Extensions of one block that are read. The longest blocks of living servents (pongs of gtk-gnutella) have about ten.
const MAX_EXTENSIONS: usize = 64;

/// The extensions of one block, in order; an id stands once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ggep {
    entries: Vec<(Id, Bytes)>,
}

impl Ggep {
    /// No extensions.
    pub const fn new() -> Self {
        Self {
            entries: Vec::new(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The ids and their values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        self.entries.iter().map(|(id, value)| (id.as_str(), value))
    }

    /// The value of `id`; of duplicates the last, as in LimeWire.
    pub fn get(&self, id: &str) -> Option<&Bytes> {
        let (_, value) = self.entries.iter().find(|(key, _)| key == id)?;
        Some(value)
    }

    /// The value of `id` as a number: up to eight little-endian bytes. None when it is longer, or not there.
    pub fn number(&self, id: &str) -> Option<u64> {
        let value = self.get(id)?;
        let mut bytes = [0; 8];
        bytes.get_mut(..value.len())?.copy_from_slice(value);
        Some(u64::from_le_bytes(bytes))
    }

    /// Adds an extension; a value that `id` had before is replaced.
    ///
    /// # Panics
    /// When the id is not of 1 to 15 visible ASCII characters, or the value longer than 262,143 bytes.
    pub fn push(&mut self, id: &str, value: impl Into<Bytes>) {
        let id = Id::new(id.as_bytes()).expect("a GGEP id is 1 to 15 visible ASCII characters");
        let value = value.into();
        assert!(value.len() <= MAX_VALUE, "a GGEP value is too long");
        self.insert(id, value);
    }

    /// Adds a number in as few little-endian bytes as it needs; zero takes one, as in LimeWire.
    ///
    /// # Panics
    /// As [`Ggep::push`].
    pub fn push_number(&mut self, id: &str, number: u64) {
        let len = (8 - number.leading_zeros() as usize / 8).max(1);
        self.push(id, number.to_le_bytes()[..len].to_vec());
    }

    /// Reads one block from the start of `bytes` (which begins with c3) and tells how many bytes it took.
    ///
    /// Two leniencies are LimeWire's: a length byte with neither mark counts as one that goes on, and one with both as
    /// the last.
    ///
    /// # Errors
    /// [`WireError::BadGgep`], [`WireError::BadCobs`] or [`WireError::BadDeflate`]; then no part of it counts.
    pub fn decode(bytes: &[u8]) -> Result<(Self, usize), WireError> {
        Self::decode_within(bytes, &mut Budget::new())
    }

    /// [`Ggep::decode`] for one of several blocks of a message.
    pub(super) fn decode_within(
        bytes: &[u8],
        budget: &mut Budget,
    ) -> Result<(Self, usize), WireError> {
        let Some((&MAGIC, mut rest)) = bytes.split_first() else {
            return Err(WireError::BadGgep);
        };
        let mut ggep = Self::new();
        for _ in 0..MAX_EXTENSIONS {
            let frame;
            (frame, rest) = Frame::read(rest).ok_or(WireError::BadGgep)?;
            ggep.insert(frame.id, frame.value(budget)?);
            if frame.flags & LAST != 0 {
                return Ok((ggep, bytes.len() - rest.len()));
            }
        }
        Err(WireError::BadGgep)
    }

    /// Reads what may follow the fixed part of a message: nothing, or a block. Bytes behind the block are ignored,
    /// because LimeWire ends a ping's block with a NUL.
    pub(super) fn decode_tail(tail: &[u8]) -> Result<Self, WireError> {
        match tail {
            [] => Ok(Self::new()),
            _ => Self::decode(tail).map(|(ggep, _)| ggep),
        }
    }

    /// Appends the block, nothing when empty. `nul_free`: COBS every value that holds a NUL (queries, hit records).
    ///
    /// Values are never deflated: they are short, and the link is compressed as a whole.
    pub fn encode(&self, nul_free: bool, out: &mut BytesMut) {
        let Some(last) = self.entries.len().checked_sub(1) else {
            return;
        };
        out.put_u8(MAGIC);
        for (at, (id, value)) in self.entries.iter().enumerate() {
            let mut flags = id.len;
            if at == last {
                flags |= LAST;
            }
            if nul_free && value.contains(&0) {
                let mut stuffed = BytesMut::with_capacity(value.len() + 2);
                cobs::encode(value, &mut stuffed);
                put_extension(flags | COBS, id, &stuffed, out);
            } else {
                put_extension(flags, id, value, out);
            }
        }
    }

    /// Adds the extensions of a further block as far as there is room; of duplicates the later wins.
    pub(super) fn merge(&mut self, later: Self) {
        for (id, value) in later.entries {
            if self.entries.len() < MAX_EXTENSIONS {
                self.insert(id, value);
            }
        }
    }

    fn insert(&mut self, id: Id, value: Bytes) {
        match self.entries.iter_mut().find(|(key, _)| *key == id) {
            Some((_, old)) => *old = value,
            None => self.entries.push((id, value)),
        }
    }
}

/// An id, in place: 1 to 15 visible ASCII characters, case-sensitive.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Id {
    len: u8,
    bytes: [u8; ID_LEN as usize],
}

impl Id {
    fn new(id: &[u8]) -> Option<Self> {
        let visible = !id.is_empty() && id.iter().all(u8::is_ascii_graphic);
        let mut bytes = [0; ID_LEN as usize];
        bytes.get_mut(..id.len())?.copy_from_slice(id);
        let len = id.len() as u8;
        visible.then_some(Self { len, bytes })
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).expect("an id is ASCII")
    }
}

impl PartialEq<str> for Id {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

/// One extension as it stands in the block.
struct Frame<'a> {
    flags: u8,
    id: Id,
    data: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Reads one extension; returns what follows it as well.
    fn read(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (&flags, rest) = bytes.split_first()?;
        if flags & RESERVED != 0 {
            return None;
        }
        let (id, rest) = rest.split_at_checked(usize::from(flags & ID_LEN))?;
        let id = Id::new(id)?;
        let (len, rest) = read_length(rest)?;
        let (data, rest) = rest.split_at_checked(len)?;
        Some((Self { flags, id, data }, rest))
    }

    /// The value behind its encodings: COBS outermost, then deflate.
    fn value(&self, budget: &mut Budget) -> Result<Bytes, WireError> {
        let unstuffed = match self.flags & COBS {
            0 => None,
            _ => Some(cobs::decode(self.data)?),
        };
        let data = unstuffed.as_deref().unwrap_or(self.data);
        match self.flags & DEFLATED {
            0 => Ok(unstuffed.map_or_else(|| Bytes::copy_from_slice(self.data), Bytes::from)),
            _ => budget.inflate(data),
        }
    }
}

fn read_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let ends = bytes
        .iter()
        .take(LENGTH_BYTES)
        .position(|byte| byte & LENGTH_ENDS != 0)?;
    let (digits, rest) = bytes.split_at(ends + 1);
    let len = digits
        .iter()
        .fold(0, |len, byte| len << 6 | usize::from(byte & 0x3f));
    Some((len, rest))
}

fn put_extension(flags: u8, id: &Id, data: &[u8], out: &mut BytesMut) {
    const GOES_ON: u8 = 0x80;
    out.put_u8(flags);
    out.put_slice(id.as_bytes());
    let len = data.len();
    if len > 0xfff {
        out.put_u8(GOES_ON | (len >> 12) as u8 & 0x3f);
    }
    if len > 0x3f {
        out.put_u8(GOES_ON | (len >> 6) as u8 & 0x3f);
    }
    out.put_u8(LENGTH_ENDS | len as u8 & 0x3f);
    out.put_slice(data);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(ggep: &Ggep, nul_free: bool) -> BytesMut {
        let mut out = BytesMut::new();
        ggep.encode(nul_free, &mut out);
        out
    }

    #[test]
    fn lengths_of_one_two_and_three_bytes_come_back() {
        for len in [0, 1, 63, 64, 4095, 4096, 65_535, MAX_VALUE] {
            let mut ggep = Ggep::new();
            ggep.push("A", vec![7; len]);
            ggep.push("B", Bytes::new());
            let bytes = encoded(&ggep, false);
            assert_eq!(Ggep::decode(&bytes), Ok((ggep, bytes.len())), "{len}");
        }
    }

    #[test]
    fn values_with_a_nul_are_stuffed_only_where_it_matters() {
        let mut ggep = Ggep::new();
        ggep.push_number("LF", 1 << 32);
        assert!(encoded(&ggep, false).contains(&0));
        let bytes = encoded(&ggep, true);
        assert!(!bytes.contains(&0));
        let (back, len) = Ggep::decode(&bytes).expect("our own block");
        assert_eq!((back.number("LF"), len), (Some(1 << 32), bytes.len()));
    }

    #[test]
    fn the_later_of_two_values_stands_in_the_place_of_the_first() {
        let mut ggep = Ggep::new();
        ggep.push("A", "1");
        ggep.push("B", "2");
        ggep.push("A", "3");
        assert_eq!(
            ggep.iter().collect::<Vec<_>>(),
            [("A", &"3".into()), ("B", &"2".into())]
        );
    }

    #[test]
    fn numbers_take_the_bytes_they_need_and_no_more_than_eight() {
        for (number, len) in [(0, 1), (255, 1), (256, 2), (u64::MAX, 8)] {
            let mut ggep = Ggep::new();
            ggep.push_number("N", number);
            assert_eq!(ggep.get("N").map(Bytes::len), Some(len));
            assert_eq!(ggep.number("N"), Some(number));
        }
        let mut ggep = Ggep::new();
        ggep.push("N", vec![1; 9]);
        assert_eq!((ggep.number("N"), ggep.number("M")), (None, None));
    }

    #[test]
    fn a_block_without_an_end_is_refused() {
        let endless = [&[MAGIC][..], &[1, b'A', 0x40].repeat(1000)].concat();
        assert_eq!(Ggep::decode(&endless), Err(WireError::BadGgep));
    }
}
