//! Ping and Pong (Gnutella 0.6, "Ping", "Pong"; pong caching).

use std::net::SocketAddrV4;

use bytes::Bytes;

use super::{Ggep, WireError};

/// The payload of a Ping: nothing, or one GGEP block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ping {
    /// Its extensions.
    pub ggep: Ggep,
}

/// The payload of a Pong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pong {
    /// Where the servent listens.
    pub addr: SocketAddrV4,
    /// How many files it shares.
    pub files: u32,
    /// How many KiB it shares, as sent (ultrapeers round to powers of two).
    pub kib: u32,
    /// Its extensions.
    pub ggep: Ggep,
}

impl Ping {
    /// Reads a payload.
    /// # Errors
    /// [`WireError::BadGgep`] and kin: extra bytes are not a GGEP block.
    pub fn decode(_payload: &Bytes) -> Result<Self, WireError> {
        todo!()
    }
    /// The payload.
    pub fn encode(&self) -> Bytes {
        todo!()
    }
}

impl Pong {
    /// Reads a payload.
    /// # Errors
    /// [`WireError::Truncated`] below 14 bytes, [`WireError::BadAddress`] for an address nobody has.
    pub fn decode(_payload: &Bytes) -> Result<Self, WireError> {
        todo!()
    }
    /// The payload.
    pub fn encode(&self) -> Bytes {
        todo!()
    }
}
