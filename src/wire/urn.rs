//! Names by content: `urn:sha1:` and `urn:bitprint:` (HUGE 0.94, section 2).

use std::fmt;
use std::str::FromStr;

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

impl Urn {
    /// The SHA-1 it names; both kinds have one.
    pub const fn sha1(&self) -> Sha1 {
        match self {
            Self::Sha1(sha1) | Self::Bitprint(sha1, _) => *sha1,
        }
    }
}

impl fmt::Display for Sha1 {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}

impl fmt::Debug for Sha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha1({self})")
    }
}

impl fmt::Debug for TigerRoot {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}

impl FromStr for Sha1 {
    type Err = WireError;
    fn from_str(_text: &str) -> Result<Self, WireError> {
        todo!()
    }
}

impl fmt::Display for Urn {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}

impl FromStr for Urn {
    type Err = WireError;
    fn from_str(_text: &str) -> Result<Self, WireError> {
        todo!()
    }
}
