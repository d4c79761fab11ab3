//! The 23 bytes before every descriptor, and the kinds they name.

use super::{Guid, WireError};

/// What a descriptor is: the payload-type byte of the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// 0x00: who is there?
    Ping,
    /// 0x01: I am, or somebody I know is.
    Pong,
    /// 0x02: I close this link, and why.
    Bye,
    /// 0x30: a piece of a query route table (QRP).
    RouteTable,
    /// 0x31 and 0x32: a vendor's own message between two neighbours.
    Vendor {
        /// Whether it came as 0x32 ("standard") and not as 0x31 ("experimental").
        standard: bool,
    },
    /// 0x40: please connect to me, I cannot connect to you.
    Push,
    /// 0x80: who has this?
    Query,
    /// 0x81: I have it.
    QueryHit,
    /// Any other byte: G2's, the DHT's, HSEP's. Recognised as foreign, counted, never routed.
    Other(u8),
}

impl Kind {
    /// The kind this payload-type byte names.
    pub const fn from_byte(byte: u8) -> Self {
        match byte {
            0x00 => Self::Ping,
            0x01 => Self::Pong,
            0x02 => Self::Bye,
            0x30 => Self::RouteTable,
            0x31 => Self::Vendor { standard: false },
            0x32 => Self::Vendor { standard: true },
            0x40 => Self::Push,
            0x80 => Self::Query,
            0x81 => Self::QueryHit,
            other => Self::Other(other),
        }
    }

    /// The payload-type byte of this kind.
    pub const fn to_byte(self) -> u8 {
        match self {
            Self::Ping => 0x00,
            Self::Pong => 0x01,
            Self::Bye => 0x02,
            Self::RouteTable => 0x30,
            Self::Vendor { standard: false } => 0x31,
            Self::Vendor { standard: true } => 0x32,
            Self::Push => 0x40,
            Self::Query => 0x80,
            Self::QueryHit => 0x81,
            Self::Other(byte) => byte,
        }
    }

    /// The word for it in `status --json` and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Pong => "pong",
            Self::Bye => "bye",
            Self::RouteTable => "route_table",
            Self::Vendor { .. } => "vendor",
            Self::Push => "push",
            Self::Query => "query",
            Self::QueryHit => "query_hit",
            Self::Other(_) => "other",
        }
    }
}

/// A descriptor's header without its length, which is that of the payload beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The descriptor's own GUID; a pong and a hit carry that of the ping or query they answer.
    pub guid: Guid,
    /// What the payload is.
    pub kind: Kind,
    /// How many links it may still cross.
    pub ttl: u8,
    /// How many links it has crossed.
    pub hops: u8,
}

/// The header's length on the wire.
pub const HEADER_LEN: usize = 23;

impl Header {
    /// The 23 bytes: GUID, kind, TTL, hops, payload length as four little-endian bytes.
    pub fn encode(&self, payload_len: u32) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[..16].copy_from_slice(&self.guid.0);
        bytes[16] = self.kind.to_byte();
        bytes[17] = self.ttl;
        bytes[18] = self.hops;
        bytes[19..].copy_from_slice(&payload_len.to_le_bytes());
        bytes
    }

    /// Reads the header and the payload length that follows it, as the wire has it (unjudged).
    ///
    /// # Errors
    /// [`WireError::Truncated`] with fewer than 23 bytes.
    pub fn decode(bytes: &[u8]) -> Result<(Self, u32), WireError> {
        let bytes: &[u8; HEADER_LEN] = bytes.first_chunk().ok_or(WireError::Truncated)?;
        let [.., a, b, c, d] = *bytes;
        let mut guid = [0; 16];
        guid.copy_from_slice(&bytes[..16]);
        let header = Self {
            guid: Guid(guid),
            kind: Kind::from_byte(bytes[16]),
            ttl: bytes[17],
            hops: bytes[18],
        };
        Ok((header, u32::from_le_bytes([a, b, c, d])))
    }

    /// The header as the next servent is to see it: one hop further, one TTL less. None when it may not go on.
    pub const fn relayed(self) -> Option<Self> {
        if self.ttl <= 1 || self.hops == u8::MAX {
            return None;
        }
        Some(Self {
            ttl: self.ttl - 1,
            hops: self.hops + 1,
            ..self
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_a_kind_and_back() {
        for byte in 0..=u8::MAX {
            assert_eq!(Kind::from_byte(byte).to_byte(), byte);
        }
    }

    #[test]
    fn twenty_three_bytes_both_ways() {
        let header = Header {
            guid: Guid([7; 16]),
            kind: Kind::Query,
            ttl: 4,
            hops: 1,
        };
        let bytes = header.encode(0x0102_0304);
        assert_eq!(bytes[16..], [0x80, 4, 1, 4, 3, 2, 1]);
        assert_eq!(Header::decode(&bytes), Ok((header, 0x0102_0304)));
        assert_eq!(Header::decode(&bytes[..22]), Err(WireError::Truncated));
    }

    #[test]
    fn the_last_hop_is_not_relayed() {
        let header = Header {
            guid: Guid::ZERO,
            kind: Kind::Query,
            ttl: 2,
            hops: 0,
        };
        let next = header.relayed().expect("one link left");
        assert_eq!((next.ttl, next.hops), (1, 1));
        assert_eq!(next.relayed(), None);
        assert_eq!(Header { ttl: 0, ..header }.relayed(), None);
    }
}
