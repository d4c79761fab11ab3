//! Push: "connect to me, I cannot connect to you" (Gnutella 0.6, "Push").

use std::net::SocketAddrV4;

use bytes::Bytes;

use super::{Ggep, Guid, WireError};

/// The payload of a Push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// The servent that is to connect.
    pub servent: Guid,
    /// The file wanted.
    pub index: u32,
    /// Where it is to connect to.
    pub addr: SocketAddrV4,
    /// Extensions.
    pub ggep: Ggep,
}

impl Push {
    /// The servent GUID of a push payload: its first 16 bytes. All that a relay needs to read.
    pub fn servent_of(payload: &[u8]) -> Option<Guid> {
        Guid::read(payload)
    }
    /// Reads a payload.
    /// # Errors
    /// [`WireError::Truncated`] below 26 bytes, [`WireError::BadAddress`].
    pub fn decode(_payload: &Bytes) -> Result<Self, WireError> {
        todo!()
    }
    /// The payload.
    pub fn encode(&self) -> Bytes {
        todo!()
    }
}
