//! Descriptors in a stream of bytes: tokio-util's `Decoder` and `Encoder`, without a runtime.
//!
//! A descriptor is cut out of the read buffer as it stands: its payload is a handle on that buffer, and nothing is
//! copied. Lengths are judged before room is made for them.

use bytes::{Buf, BufMut, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use super::{Bye, Descriptor, HEADER_LEN, Header, Kind};

/// Cuts a stream into descriptors and puts descriptors into one.
#[derive(Clone, Copy, Debug, Default)]
pub struct DescriptorCodec;

/// Why a stream of descriptors cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// A payload length above the limit of its kind: either too large or no header at all.
    #[error("a {} descriptor of {len} bytes is above the limit of {limit}", kind.name())]
    TooLarge {
        /// What it claims to be.
        kind: Kind,
        /// How long it claims to be.
        len: u32,
        /// How long it may be.
        limit: u32,
    },
    /// The socket failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// The longest payload of any kind, in bytes: what the low half of the length field can tell.
const MAX_PAYLOAD: u32 = 0xffff;

/// The longest payload of a kind, in bytes; a longer one ends the link. The figures are those above which gtk-gnutella
/// closes it, except for the kinds without a figure there: those have the 4 KiB that Gnutella 0.6 advises for anything.
pub(super) const fn limit_of(kind: Kind) -> u32 {
    match kind {
        Kind::Ping | Kind::Pong | Kind::Push => 4096,
        Kind::Bye => Bye::MAX_LEN as u32,
        Kind::Query => 1024,
        Kind::QueryHit => MAX_PAYLOAD,
        Kind::RouteTable | Kind::Vendor { .. } | Kind::Other(_) => 40_960,
    }
}

/// Length field, bit 31: bits 16 to 30 are flags and not part of the length (gtk-gnutella, "size field flags").
const HAS_FLAGS: u32 = 1 << 31;

impl Decoder for DescriptorCodec {
    type Item = Descriptor;
    type Error = CodecError;

    fn decode(&mut self, src: &mut BytesMut) -> Result<Option<Descriptor>, CodecError> {
        let Ok((mut header, field)) = Header::decode(src) else {
            return Ok(None);
        };
        let mut len = field;
        if field & HAS_FLAGS != 0 {
            len &= MAX_PAYLOAD;
            // Flags change what the payload is and nobody has defined one. gtk-gnutella routes such a descriptor without
            // looking into it; we would lose the flags on the way, so it is foreign here.
            if field & !(HAS_FLAGS | MAX_PAYLOAD) != 0 {
                header.kind = Kind::Other(header.kind.to_byte());
            }
        }
        let limit = limit_of(header.kind);
        if len > limit {
            let kind = header.kind;
            return Err(CodecError::TooLarge { kind, len, limit });
        }
        let len = len as usize;
        let missing = (HEADER_LEN + len).saturating_sub(src.len());
        if missing > 0 {
            src.reserve(missing);
            return Ok(None);
        }
        src.advance(HEADER_LEN);
        let payload = src.split_to(len).freeze();
        Ok(Some(Descriptor { header, payload }))
    }
}

impl Encoder<Descriptor> for DescriptorCodec {
    type Error = CodecError;

    /// Refuses a payload that the length field cannot tell; no payload that was read is one.
    fn encode(&mut self, descriptor: Descriptor, dst: &mut BytesMut) -> Result<(), CodecError> {
        let Descriptor { header, payload } = descriptor;
        let len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        if len > MAX_PAYLOAD {
            let (kind, limit) = (header.kind, MAX_PAYLOAD);
            return Err(CodecError::TooLarge { kind, len, limit });
        }
        dst.reserve(HEADER_LEN + payload.len());
        dst.put_slice(&header.encode(len));
        dst.put_slice(&payload);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::wire::Guid;

    fn descriptor(kind: Kind, len: usize) -> Descriptor {
        Descriptor::new(Guid([7; 16]), kind, 4, vec![9; len].into())
    }

    fn encoded(descriptors: impl IntoIterator<Item = Descriptor>) -> BytesMut {
        let mut bytes = BytesMut::new();
        for descriptor in descriptors {
            DescriptorCodec
                .encode(descriptor, &mut bytes)
                .expect("it fits");
        }
        bytes
    }

    #[test]
    fn a_stream_comes_back_however_it_is_cut() {
        let sent = [
            descriptor(Kind::Ping, 0),
            descriptor(Kind::QueryHit, 300),
            descriptor(Kind::Query, 9),
        ];
        let stream = encoded(sent.clone());
        for size in 1..stream.len() {
            let mut buffer = BytesMut::new();
            let mut received = Vec::new();
            for piece in stream.chunks(size) {
                buffer.extend_from_slice(piece);
                while let Some(descriptor) = DescriptorCodec.decode(&mut buffer).expect("sound") {
                    received.push(descriptor);
                }
            }
            assert_eq!(received, sent);
        }
    }

    #[test]
    fn the_payload_is_where_it_was_read() {
        let mut stream = encoded([descriptor(Kind::QueryHit, 2000)]);
        let read_at = stream[HEADER_LEN..].as_ptr();
        let read = DescriptorCodec.decode(&mut stream).expect("sound");
        assert_eq!(read.map(|d| d.payload.as_ptr()), Some(read_at));
    }

    #[test]
    fn a_length_above_the_limit_is_refused_before_room_is_made() {
        for (kind, limit) in [
            (Kind::Ping, 4096),
            (Kind::Bye, 4096),
            (Kind::Query, 1024),
            (Kind::QueryHit, 65_535),
            (Kind::RouteTable, 40_960),
            (Kind::Other(0x44), 40_960),
        ] {
            let header = descriptor(kind, 0).header;
            let mut fits = BytesMut::from(&header.encode(limit)[..]);
            assert!(matches!(DescriptorCodec.decode(&mut fits), Ok(None)));
            for len in [limit + 1, 0x7fff_ffff] {
                let mut large = BytesMut::from(&header.encode(len)[..]);
                let room = large.capacity();
                let refused = DescriptorCodec.decode(&mut large);
                assert!(
                    matches!(refused, Err(CodecError::TooLarge { .. })),
                    "{kind:?}"
                );
                assert_eq!(large.capacity(), room);
            }
        }
    }

    #[test]
    fn a_length_with_flags_is_read_and_its_meaning_is_not_guessed() {
        let header = descriptor(Kind::Query, 0).header;
        let read = |field| {
            let mut stream = BytesMut::from(&header.encode(field)[..]);
            stream.put_slice(b"abc");
            let read = DescriptorCodec.decode(&mut stream).expect("sound");
            read.map(|d| (d.header.kind, d.payload))
        };
        let payload = Bytes::from_static(b"abc");
        assert_eq!(read(0x8000_0003), Some((Kind::Query, payload.clone())));
        assert_eq!(read(0x8001_0003), Some((Kind::Other(0x80), payload)));
    }

    #[test]
    fn a_payload_the_field_cannot_tell_is_not_sent() {
        let mut bytes = BytesMut::new();
        let refused = DescriptorCodec.encode(descriptor(Kind::QueryHit, 65_536), &mut bytes);
        assert!(refused.is_err() && bytes.is_empty());
    }
}
