//! Names by content: `urn:sha1:` and `urn:bitprint:` (HUGE 0.94, section 2).
//!
//! Read without regard to case and written as HUGE asks: the prefix in lower case, base32 in upper case without padding.
//! The alphabet is checked, which LimeWire leaves out, and nothing may stand before `urn:`, where LimeWire takes a space.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE32_NOPAD;

use super::WireError;

/// A SHA-1 digest; shown and read as 32 base32 characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha1(pub [u8; 20]);

/// A Tiger tree root; shown and read as 39 base32 characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TigerRoot(pub [u8; 24]);

/// A uniform resource name that Gnutella knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Urn {
    /// `urn:sha1:` and 32 characters.
    Sha1(Sha1),
    /// `urn:bitprint:`, 32 characters, a dot and 39 characters.
    Bitprint(Sha1, TigerRoot),
}

/// What a query sends to have such URNs named in hits.
const KINDS: [&str; 4] = ["urn:", "urn:sha1:", "urn:bitprint:", "urn:ttroot:"];

impl Urn {
    /// The SHA-1 it names; both kinds have one.
    pub const fn sha1(&self) -> Sha1 {
        match self {
            Self::Sha1(sha1) | Self::Bitprint(sha1, _) => *sha1,
        }
    }

    /// Whether `text` is the name of a kind of URN and not a URN: `urn:`, `urn:sha1:`.
    pub(super) fn is_kind(text: &str) -> bool {
        KINDS.iter().any(|kind| kind.eq_ignore_ascii_case(text))
    }
}

impl fmt::Display for Sha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE32_NOPAD.encode(&self.0))
    }
}

impl fmt::Debug for Sha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha1({self})")
    }
}

impl FromStr for Sha1 {
    type Err = WireError;

    /// 32 base32 characters of either case.
    fn from_str(text: &str) -> Result<Self, WireError> {
        from_base32(text).map(Self)
    }
}

impl fmt::Display for TigerRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE32_NOPAD.encode(&self.0))
    }
}

impl fmt::Debug for TigerRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TigerRoot({self})")
    }
}

impl FromStr for TigerRoot {
    type Err = WireError;

    /// 39 base32 characters of either case.
    fn from_str(text: &str) -> Result<Self, WireError> {
        from_base32(text).map(Self)
    }
}

impl fmt::Display for Urn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha1(sha1) => write!(f, "urn:sha1:{sha1}"),
            Self::Bitprint(sha1, root) => write!(f, "urn:bitprint:{sha1}.{root}"),
        }
    }
}

impl FromStr for Urn {
    type Err = WireError;

    fn from_str(text: &str) -> Result<Self, WireError> {
        if let Some(sha1) = after(text, "urn:sha1:") {
            Ok(Self::Sha1(sha1.parse()?))
        } else if let Some(bitprint) = after(text, "urn:bitprint:") {
            let (sha1, root) = bitprint.split_once('.').ok_or(WireError::BadUrn)?;
            Ok(Self::Bitprint(sha1.parse()?, root.parse()?))
        } else {
            Err(WireError::BadUrn)
        }
    }
}

/// What follows `prefix`, compared without case.
fn after<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// Exactly `N` bytes; spare bits of the last character must be zero, so that no two texts name the same content.
fn from_base32<const N: usize>(text: &str) -> Result<[u8; N], WireError> {
    if text.len() != BASE32_NOPAD.encode_len(N) {
        return Err(WireError::BadUrn);
    }
    let bytes = BASE32_NOPAD.decode(text.to_ascii_uppercase().as_bytes());
    let bytes = bytes.map_err(|_| WireError::BadUrn)?;
    bytes.try_into().map_err(|_| WireError::BadUrn)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA1: &str = "QLFYWY2RI5WZCTEP6MJKR5CAFGP7FQ5X";
    const ROOT: &str = "VEKXTRSJPTZJLY2IKG5FQ2TCXK26SECFPP4DX7I";

    #[test]
    fn both_kinds_are_read_in_any_case_and_written_in_one() {
        for text in [
            format!("urn:sha1:{SHA1}"),
            format!("urn:bitprint:{SHA1}.{ROOT}"),
        ] {
            let urn: Urn = text.to_lowercase().parse().expect("a URN");
            assert_eq!(urn.to_string(), text);
            assert_eq!(urn.sha1().to_string(), SHA1);
        }
    }

    #[test]
    fn other_alphabets_lengths_and_kinds_are_refused() {
        for text in [
            format!("urn:sha1:{}", SHA1.replace('Q', "1")),
            format!("urn:sha1:{}", &SHA1[1..]),
            format!("urn:btih:{SHA1}"),
            format!("urn:bitprint:{SHA1}"),
            format!("urn:bitprint:{SHA1}.{}", ROOT.replace("X7I", "X7J")),
            format!(" urn:sha1:{SHA1}"),
            "urn:sha1:ÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄ".into(),
            "urn:shä".into(),
        ] {
            assert_eq!(text.parse::<Urn>(), Err(WireError::BadUrn), "{text}");
        }
    }
}
