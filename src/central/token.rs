//! Two numbers in disguise: addresses, and the content's mark that the protocol calls an MD5.

use std::net::Ipv4Addr;

use crate::wire::Sha1;

use super::fields::{self, Malformed};

/// An address as the protocol writes it: its four octets read as a little-endian number. 127.0.0.1 is 16777343.
pub const fn number(addr: Ipv4Addr) -> u32 {
    u32::from_le_bytes(addr.octets())
}

/// The address that such a number stands for.
///
/// # Errors
/// It is no number of 32 bits.
pub fn address(digits: &[u8]) -> Result<Ipv4Addr, Malformed> {
    let number: u32 = fields::number(digits)?;
    Ok(Ipv4Addr::from(number.to_le_bytes()))
}

/// The digest that a mark holds, if one of us made it.
///
/// Every client fills the field with what it likes: the MD5 of the first 299,008 bytes, of the first 300,000,
/// `NOMD5COMPUTED`, zeros. Ours is the SHA-1 in base 32, which is 32 characters too; a letter behind `f` tells it from an MD5
/// (one SHA-1 in 40 million million has none).
pub fn token(mark: &[u8]) -> Option<Sha1> {
    let text = std::str::from_utf8(mark).ok()?;
    let beyond_hex = |c: char| matches!(c.to_ascii_lowercase(), 'g'..='z');
    (text.len() == 32 && text.contains(beyond_hex))
        .then(|| text.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_backwards() {
        for (addr, written) in [
            ([127, 0, 0, 1], 16_777_343),
            ([10, 1, 2, 3], 50_462_986),
            ([192, 168, 0, 7], 117_483_712),
        ] {
            assert_eq!(number(addr.into()), written);
            assert_eq!(address(written.to_string().as_bytes()), Ok(addr.into()));
        }
        assert_eq!(address(b"4294967296"), Err(Malformed));
    }

    #[test]
    fn only_our_marks_are_digests() {
        let sha1 = Sha1([7; 20]);
        assert_eq!(token(sha1.to_string().as_bytes()), Some(sha1));
        let lower = sha1.to_string().to_lowercase();
        assert_eq!(
            token(lower.as_bytes()),
            Some(sha1),
            "some servers make it lower-case"
        );
        for other in [
            "b92870e0d41bc8e698cf2f0a1ddfeac7",
            "00000000000000000000000000000000",
            "NOMD5COMPUTED",
            "abcdefabcdefabcdefabcdefabcdefab",
        ] {
            assert_eq!(token(other.as_bytes()), None);
        }
    }
}
