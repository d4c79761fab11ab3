//! The hash every servent must compute alike (QRP 1.0, section 4).

/// 2^32 times (sqrt(5) - 1) / 4: the multiplier all programs agreed on.
const MULTIPLIER: u32 = 0x4F1B_BCDC;

/// The slot of `word` in a table of 2^`bits` slots (`bits` from 1 to 32; 0 gives slot 0).
pub fn slot_of(word: &str, bits: u32) -> u32 {
    slot(hash_of(word), bits)
}

/// The slot of a hash in a table of 2^`bits` slots: its leading bits.
pub(super) const fn slot(hash: u32, bits: u32) -> u32 {
    if bits == 0 { 0 } else { hash >> (32 - bits) }
}

/// What places `word` in tables of any size.
///
/// Only the low byte of each UTF-16 unit counts, a surrogate pair as two units: what Java's `char` made of it in 2002 is
/// the protocol today. LimeWire folds case inside the hash, gtk-gnutella before it. Folding is the caller's here, since
/// words reach this place in the library's canonical lower case; URNs are hashed as they are, upper case.
pub fn hash_of(word: &str) -> u32 {
    let mut mixed = 0u32;
    let mut shift = 0;
    for unit in word.encode_utf16() {
        mixed ^= u32::from(unit & 0xff) << shift;
        shift = (shift + 8) & 24;
    }
    mixed.wrapping_mul(MULTIPLIER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_list() {
        // From the list printed in QRP 1.0, appendix A, identical in LimeWire and gtk-gnutella.
        for (word, slot) in [("", 0), ("eb", 6791), ("ebc", 7082)] {
            assert_eq!(slot_of(word, 13), slot, "{word}");
        }
    }

    #[test]
    fn only_the_low_byte_of_each_unit_counts() {
        assert_eq!(slot_of("\u{30a2}\u{30cb}\u{30e1}", 10), 46);
        assert_eq!(slot_of("\u{10400}", 10), 316);
    }
}
