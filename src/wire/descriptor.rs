//! A descriptor: header by value, payload by handle.

use bytes::Bytes;

use super::{Guid, Header, Kind};

/// One message of the network as it stands on the wire.
///
/// The payload is a counted handle on the bytes that were read: relaying a descriptor to eight neighbours clones eight
/// handles and changes eight headers, and copies no payload. It is not looked into before somebody needs what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// GUID, kind, TTL and hops.
    pub header: Header,
    /// The bytes after the header.
    pub payload: Bytes,
}

impl Descriptor {
    /// A descriptor of our own making: hops 0.
    pub const fn new(guid: Guid, kind: Kind, ttl: u8, payload: Bytes) -> Self {
        Self {
            header: Header {
                guid,
                kind,
                ttl,
                hops: 0,
            },
            payload,
        }
    }

    /// The same payload under the header the next servent is to see; none when the TTL ends here.
    pub fn relayed(&self) -> Option<Self> {
        let header = self.header.relayed()?;
        Some(Self {
            header,
            payload: self.payload.clone(),
        })
    }
}
