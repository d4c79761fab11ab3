//! A route table: which hashed words can match behind a neighbour.

use std::io::Write;

use bytes::Bytes;
use flate2::{Compression, write::ZlibEncoder};

use super::hash::slot;
use super::{RouteTableMessage, hash_of};

/// The "absent" value of the tables we send: LimeWire's, so that set and clear (-6, +6) fit four bits.
const INFINITY: u8 = 7;
/// A set slot as a 4-bit delta: 1 - infinity = -6.
const SET: u8 = 0xa;
/// A cleared slot as a 4-bit delta: infinity - 1 = +6.
const CLEAR: u8 = 0x6;
/// How hard to deflate: not very. It is mostly zeros, of which every level makes little, and neighbours wait meanwhile.
const EFFORT: Compression = Compression::new(3);
/// The most data of a sequence in one PATCH message (LimeWire's cut).
const PIECE: usize = 4096;

/// A set of slots. A word is "maybe there" when its slot is set.
#[derive(Clone, PartialEq, Eq)]
pub struct RouteTable {
    slots: u32,
    set: u32,
    words: Box<[u64]>,
}

impl RouteTable {
    /// A table of `slots` slots, none of them set. Takes `slots` / 8 bytes.
    pub fn new(slots: u32) -> Self {
        let words = vec![0; slots.div_ceil(64) as usize].into_boxed_slice();
        Self {
            slots,
            set: 0,
            words,
        }
    }

    /// How many slots there are.
    pub const fn slots(&self) -> u32 {
        self.slots
    }

    /// How many slots are set.
    pub const fn len(&self) -> u32 {
        self.set
    }

    /// The share of slots that are set, from 0 to 1.
    pub fn fill(&self) -> f64 {
        if self.slots == 0 {
            0.0
        } else {
            f64::from(self.set) / f64::from(self.slots)
        }
    }

    /// Whether nothing is set: no query can match.
    pub const fn is_empty(&self) -> bool {
        self.set == 0
    }

    /// Sets the slot of a word (canonical lower case) or of a URN (as written).
    pub fn insert(&mut self, word: &str) {
        self.insert_hash(hash_of(word));
    }

    /// Sets the slot of a word by its hash.
    pub fn insert_hash(&mut self, hash: u32) {
        self.set_slot(self.slot_of(hash), true);
    }

    /// Whether the slot of `word` is set.
    pub fn may_match(&self, word: &str) -> bool {
        self.may_match_hash(hash_of(word))
    }

    /// Whether the slot of the word with this hash is set.
    pub fn may_match_hash(&self, hash: u32) -> bool {
        self.slot(self.slot_of(hash))
    }

    const fn slot_of(&self, hash: u32) -> u32 {
        if self.slots == 0 {
            0
        } else {
            slot(hash, self.slots.trailing_zeros())
        }
    }

    /// Whether this slot is set; false beyond the end.
    pub fn slot(&self, slot: u32) -> bool {
        slot < self.slots && self.words[slot as usize / 64] >> (slot % 64) & 1 == 1
    }

    /// Sets or clears a slot; ignored beyond the end.
    pub fn set_slot(&mut self, slot: u32, present: bool) {
        if slot >= self.slots || self.slot(slot) == present {
            return;
        }
        self.words[slot as usize / 64] ^= 1 << (slot % 64);
        if present {
            self.set += 1;
        } else {
            self.set -= 1;
        }
    }

    /// The set slots, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().enumerate().flat_map(|(at, &word)| {
            let mut left = word;
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros())?;
                left &= left - 1;
                Some(at as u32 * 64 + bit)
            })
        })
    }

    /// Adds what `other` has, scaled where the sizes differ: slot i of m covers the slots from i*n/m up to
    /// (i+1)*n/m, rounded outwards, so that nothing that matched before is lost.
    pub fn union(&mut self, other: &Self) {
        if self.slots == other.slots {
            for (mine, theirs) in self.words.iter_mut().zip(&other.words) {
                *mine |= theirs;
            }
            self.set = self.words.iter().map(|word| word.count_ones()).sum();
            return;
        }
        let (from, to) = (u64::from(other.slots), u64::from(self.slots));
        for slot in other.iter().map(u64::from) {
            let first = slot * to / from;
            let end = ((slot + 1) * to).div_ceil(from);
            self.set_all(first as u32, end as u32);
        }
    }

    /// Sets the slots from `first` up to `end`, a word of them at a time.
    fn set_all(&mut self, first: u32, end: u32) {
        let mut slot = first;
        while slot < end {
            let until = end.min((slot / 64 + 1) * 64);
            let mask = u64::MAX >> (64 - (until - slot)) << (slot % 64);
            let word = &mut self.words[slot as usize / 64];
            self.set += (mask & !*word).count_ones();
            *word |= mask;
            slot = until;
        }
    }
}

impl std::fmt::Debug for RouteTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RouteTable({} of {} slots)", self.set, self.slots)
    }
}

/// The messages that make a neighbour's copy, now `known`, equal to `table`: none when it is equal already, a RESET
/// first when it has no copy of this size.
pub fn update(table: &RouteTable, known: Option<&RouteTable>) -> Vec<RouteTableMessage> {
    let known = known.filter(|known| known.slots == table.slots);
    if known.is_some_and(|known| known == table) {
        return Vec::new();
    }
    let mut messages = Vec::new();
    if known.is_none() {
        messages.push(RouteTableMessage::Reset {
            slots: table.slots,
            infinity: INFINITY,
        });
        if table.is_empty() {
            return messages;
        }
    }
    let (deflated, data) = pack(&deltas(table, known));
    let pieces: Vec<Bytes> = (0..data.len())
        .step_by(PIECE)
        .map(|at| data.slice(at..data.len().min(at + PIECE)))
        .collect();
    let parts = u8::try_from(pieces.len())
        .expect("2^21 slots of 4 bits are 256 pieces at most, and they compress");
    messages.extend(
        (1..)
            .zip(pieces)
            .map(|(part, data)| RouteTableMessage::Patch {
                part,
                parts,
                deflated,
                bits: 4,
                data,
            }),
    );
    messages
}

/// One 4-bit delta a slot, high nibble first. Few slots change, so only those are looked at.
fn deltas(table: &RouteTable, known: Option<&RouteTable>) -> Vec<u8> {
    let mut deltas = vec![0; table.slots.div_ceil(2) as usize];
    for (at, &word) in table.words.iter().enumerate() {
        let mut changed = word ^ known.map_or(0, |known| known.words[at]);
        while changed != 0 {
            let bit = changed.trailing_zeros();
            changed &= changed - 1;
            let delta = if word >> bit & 1 == 1 { SET } else { CLEAR };
            let high = 4 * (1 - bit % 2);
            deltas[at * 32 + bit as usize / 2] |= delta << high;
        }
    }
    deltas
}

/// Deflates where that makes it smaller, and tells whether it did.
fn pack(plain: &[u8]) -> (bool, Bytes) {
    let mut encoder = ZlibEncoder::new(Vec::new(), EFFORT);
    let packed = encoder.write_all(plain).and_then(|()| encoder.finish());
    let packed = packed.expect("writing to a Vec cannot fail");
    if packed.len() < plain.len() {
        (true, packed.into())
    } else {
        (false, Bytes::copy_from_slice(plain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn insert_and_ask() {
        let mut table = RouteTable::new(65_536);
        assert!(table.is_empty());
        table.insert("holiday");
        assert!(table.may_match("holiday"));
        assert!(!table.may_match("workday"));
        assert_eq!(table.iter().count(), 1);
        assert!(!RouteTable::new(0).may_match("holiday"));
    }

    #[test]
    fn scaling_never_loses_a_match() {
        let mut small = RouteTable::new(1024);
        let mut large = RouteTable::new(65_536);
        for word in ["one", "two", "three", "four"] {
            small.insert(word);
            large.insert(word);
        }
        let (mut up, mut down) = (RouteTable::new(65_536), RouteTable::new(1024));
        up.union(&small);
        down.union(&large);
        for word in ["one", "two", "three", "four"] {
            assert!(up.may_match(word) && down.may_match(word), "{word}");
        }
        assert_eq!(
            down, small,
            "a hash takes the leading bits, so scaling down is exact"
        );
    }

    #[test]
    fn nothing_changed_is_nothing_sent() {
        let mut table = RouteTable::new(1024);
        table.insert("word");
        assert_eq!(update(&table, Some(&table)), []);
        assert_eq!(
            update(&RouteTable::new(64), None).len(),
            1,
            "an empty table is a RESET alone"
        );
    }
}
