//! RESET and PATCH, the two messages of type 0x30 (QRP 1.0, section 5).

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::wire::WireError;

/// How the data of a patch is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compressor {
    /// As it is.
    None,
    /// One zlib stream over all messages of the sequence.
    Zlib,
}

/// The payload of a route table message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteTableMessage {
    /// Forget the table, begin one of this size with every slot absent.
    Reset {
        /// How many slots.
        slots: u32,
        /// The value that means "absent" (LimeWire 7, gtk-gnutella 2).
        infinity: u8,
    },
    /// A piece of an update.
    Patch {
        /// Its place in the sequence, from 1.
        number: u8,
        /// How many pieces the sequence has.
        count: u8,
        /// How `data` is packed.
        compressor: Compressor,
        /// The width of an entry: 1, 2, 4 or 8 bits.
        entry_bits: u8,
        /// The piece.
        data: Bytes,
    },
}

impl RouteTableMessage {
    /// Reads a payload.
    ///
    /// # Errors
    /// [`WireError::Truncated`] when it ends early, [`WireError::BadRouteTable`] for a variant, compressor or entry
    /// width nobody defined.
    pub fn decode(payload: &Bytes) -> Result<Self, WireError> {
        let mut rest = payload.clone();
        match rest.try_get_u8().map_err(|_| WireError::Truncated)? {
            0 => {
                if rest.len() < 5 {
                    return Err(WireError::Truncated);
                }
                Ok(Self::Reset {
                    slots: rest.get_u32_le(),
                    infinity: rest.get_u8(),
                })
            }
            1 => Self::decode_patch(rest),
            _ => Err(WireError::BadRouteTable),
        }
    }

    fn decode_patch(mut rest: Bytes) -> Result<Self, WireError> {
        if rest.len() < 4 {
            return Err(WireError::Truncated);
        }
        let (number, count) = (rest.get_u8(), rest.get_u8());
        let compressor = match rest.get_u8() {
            0 => Compressor::None,
            1 => Compressor::Zlib,
            _ => return Err(WireError::BadRouteTable),
        };
        let entry_bits = rest.get_u8();
        if !matches!(entry_bits, 1 | 2 | 4 | 8) {
            return Err(WireError::BadRouteTable);
        }
        Ok(Self::Patch {
            number,
            count,
            compressor,
            entry_bits,
            data: rest,
        })
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
                number,
                count,
                compressor,
                entry_bits,
                data,
            } => {
                let packed = u8::from(*compressor == Compressor::Zlib);
                out.put_slice(&[1, *number, *count, packed, *entry_bits]);
                out.put_slice(data);
            }
        }
        out.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_variants_go_there_and_back() {
        let reset = RouteTableMessage::Reset {
            slots: 65_536,
            infinity: 7,
        };
        assert_eq!(reset.encode()[..], [0, 0, 0, 1, 0, 7]);
        let patch = RouteTableMessage::Patch {
            number: 2,
            count: 3,
            compressor: Compressor::Zlib,
            entry_bits: 4,
            data: Bytes::from_static(b"xyz"),
        };
        for message in [reset, patch] {
            assert_eq!(RouteTableMessage::decode(&message.encode()), Ok(message));
        }
    }

    #[test]
    fn what_nobody_defined_is_refused() {
        for (payload, error) in [
            (&[][..], WireError::Truncated),
            (&[0, 1, 2], WireError::Truncated),
            (&[1, 1, 1, 0], WireError::Truncated),
            (&[1, 1, 1, 2, 4], WireError::BadRouteTable),
            (&[1, 1, 1, 0, 3], WireError::BadRouteTable),
            (&[2, 0, 0, 0, 0, 0], WireError::BadRouteTable),
        ] {
            assert_eq!(
                RouteTableMessage::decode(&Bytes::copy_from_slice(payload)),
                Err(error)
            );
        }
    }
}
