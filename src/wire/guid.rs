//! The 16 opaque bytes that name a descriptor or a servent.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::str::FromStr;

use crate::rng::Rng;

/// A globally unique identifier: 16 bytes, compared as they are.
///
/// Byte 8 = `ff` marks a modern servent and byte 15 = `00` is reserved (Gnutella 0.6, "Message header"). We set both on
/// GUIDs we make and never look at them on GUIDs we receive: LimeWire 5 sets neither.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guid(pub [u8; 16]);

impl Guid {
    /// All zeros; no servent calls itself so.
    pub const ZERO: Self = Self([0; 16]);

    /// These bytes with the two marks set.
    pub const fn marked(mut bytes: [u8; 16]) -> Self {
        bytes[8] = 0xff;
        bytes[15] = 0;
        Self(bytes)
    }

    /// A fresh, marked GUID.
    pub fn random(rng: &mut Rng) -> Self {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&rng.next().to_le_bytes());
        bytes[8..].copy_from_slice(&rng.next().to_le_bytes());
        Self::marked(bytes)
    }

    /// This GUID with an address in bytes 0 to 3 and its port in bytes 13 and 14: that of a query whose hits are to come
    /// there by UDP ("out-of-band hits"). Both marks stay.
    pub const fn with_address(mut self, addr: SocketAddrV4) -> Self {
        [self.0[0], self.0[1], self.0[2], self.0[3]] = addr.ip().octets();
        [self.0[13], self.0[14]] = addr.port().to_le_bytes();
        self
    }

    /// The address that [`Guid::with_address`] wrote. Of any other GUID it is random bytes.
    pub const fn address(&self) -> SocketAddrV4 {
        let [a, b, c, d, .., low, high, _] = self.0;
        SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), u16::from_le_bytes([low, high]))
    }

    /// The first 16 bytes of `bytes`, or none when there are fewer.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        bytes.first_chunk().copied().map(Self)
    }
}

impl fmt::Display for Guid {
    /// 32 lower-case hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guid({self})")
    }
}

impl FromStr for Guid {
    type Err = NotAGuid;

    fn from_str(text: &str) -> Result<Self, NotAGuid> {
        let bytes = data_encoding::HEXLOWER_PERMISSIVE
            .decode(text.as_bytes())
            .map_err(|_| NotAGuid)?;
        bytes.try_into().map(Self).map_err(|_| NotAGuid)
    }
}

/// The text is not 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a GUID is 32 hexadecimal digits")]
pub struct NotAGuid;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_guid_carries_both_marks() {
        let guid = Guid::random(&mut Rng::seeded(1));
        assert_eq!((guid.0[8], guid.0[15]), (0xff, 0));
    }

    #[test]
    fn an_address_is_written_beside_the_marks() {
        let addr = SocketAddrV4::new(Ipv4Addr::new(1, 2, 3, 4), 6346);
        let guid = Guid::random(&mut Rng::seeded(1)).with_address(addr);
        assert_eq!(guid.address(), addr);
        assert_eq!((guid.0[8], guid.0[15]), (0xff, 0));
    }

    #[test]
    fn text_goes_there_and_back() {
        let guid = Guid::random(&mut Rng::seeded(2));
        assert_eq!(guid.to_string().parse(), Ok(guid));
        assert_eq!("no".parse::<Guid>(), Err(NotAGuid));
    }
}
