//! RESET and PATCH, the two messages of type 0x30 (QRP 1.0, section 5).
//!
//! The one rule here: a message is read by itself. Whether patches follow one another and fit the table is for
//! [`super::Receiver`], which keeps the table.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::wire::WireError;

/// The payload of a route table message (0x30).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteTableMessage {
    /// A new, empty table.
    Reset {
        /// How many slots it has: a power of two.
        slots: u32,
        /// The value of an empty slot.
        infinity: u8,
    },
    /// A part of the changes to the table.
    Patch {
        /// Which part, from 1.
        part: u8,
        /// Of how many.
        parts: u8,
        /// Whether the data of all parts is one zlib stream.
        deflated: bool,
        /// Bits a slot takes: 1, 2, 4 or 8.
        bits: u8,
        /// The changes, highest bits first.
        data: Bytes,
    },
}

impl RouteTableMessage {
    /// The most slots of a table: what gtk-gnutella takes before it shrinks one.
    pub const MAX_SLOTS: u32 = 1 << 21;

    /// Reads a payload; the data is a handle on it.
    ///
    /// # Errors
    /// [`WireError::Truncated`], [`WireError::TooLarge`] for a table above [`RouteTableMessage::MAX_SLOTS`], and
    /// [`WireError::BadRouteTable`] where gtk-gnutella would close the link.
    pub fn decode(payload: &Bytes) -> Result<Self, WireError> {
        let mut rest = payload.clone();
        let mut byte = || rest.try_get_u8().map_err(|_| WireError::Truncated);
        match byte()? {
            0 => {
                let slots = u32::from_le_bytes([byte()?, byte()?, byte()?, byte()?]);
                let infinity = byte()?;
                if slots > Self::MAX_SLOTS {
                    Err(WireError::TooLarge)
                } else if !slots.is_power_of_two() || infinity == 0 {
                    Err(WireError::BadRouteTable)
                } else {
                    Ok(Self::Reset { slots, infinity })
                }
            }
            1 => {
                let (part, parts, compressor, bits) = (byte()?, byte()?, byte()?, byte()?);
                let is_sound = (1..=parts).contains(&part) && compressor <= 1;
                if !is_sound || !matches!(bits, 1 | 2 | 4 | 8) {
                    return Err(WireError::BadRouteTable);
                }
                Ok(Self::Patch {
                    part,
                    parts,
                    deflated: compressor == 1,
                    bits,
                    data: rest,
                })
            }
            _ => Err(WireError::BadRouteTable),
        }
    }

    /// The payload.
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::new();
        match self {
            Self::Reset { slots, infinity } => {
                out.put_u8(0);
                out.put_u32_le(*slots);
                out.put_u8(*infinity);
            }
            Self::Patch {
                part,
                parts,
                deflated,
                bits,
                data,
            } => {
                out.put_slice(&[1, *part, *parts, u8::from(*deflated), *bits]);
                out.put_slice(data);
            }
        }
        out.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(payload: &'static [u8]) -> Result<RouteTableMessage, WireError> {
        RouteTableMessage::decode(&Bytes::from_static(payload))
    }

    #[test]
    fn both_messages_go_there_and_back() {
        let reset = RouteTableMessage::Reset {
            slots: 65_536,
            infinity: 7,
        };
        assert_eq!(reset.encode()[..], b"\0\0\0\x01\0\x07"[..]);
        assert_eq!(decode(b"\0\0\0\x01\0\x07"), Ok(reset));
        let patch = RouteTableMessage::Patch {
            part: 3,
            parts: 255,
            deflated: false,
            bits: 2,
            data: Bytes::from_static(b"\xab\xcd"),
        };
        assert_eq!(patch.encode()[..], b"\x01\x03\xff\0\x02\xab\xcd"[..]);
        assert_eq!(decode(b"\x01\x03\xff\0\x02\xab\xcd"), Ok(patch));
    }

    #[test]
    fn what_gtk_gnutella_closes_for_is_refused() {
        for (payload, error) in [
            (&b""[..], WireError::Truncated),
            (b"\0\0\0\x01\0", WireError::Truncated),
            (b"\x01\x01\x01\0", WireError::Truncated),
            (b"\0\x03\0\0\0\x07", WireError::BadRouteTable),
            (b"\0\0\0\0\0\x07", WireError::BadRouteTable),
            (b"\0\0\0\x01\0\0", WireError::BadRouteTable),
            (b"\0\0\0\0\x80\x07", WireError::TooLarge),
            (b"\x01\0\x01\0\x04", WireError::BadRouteTable),
            (b"\x01\x02\x01\0\x04", WireError::BadRouteTable),
            (b"\x01\x01\x01\x02\x04", WireError::BadRouteTable),
            (b"\x01\x01\x01\0\x03", WireError::BadRouteTable),
            (b"\x02\0\0\0\0\0", WireError::BadRouteTable),
        ] {
            assert_eq!(decode(payload), Err(error), "{payload:?}");
        }
    }
}
