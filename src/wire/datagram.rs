//! A datagram: exactly one descriptor, nothing before it and nothing behind ("deflated UDP" of gtk-gnutella).
//!
//! Two bits of the TTL, which nothing on UDP counts down, speak of compression: whoever sets [`TAKES_DEFLATED`] can read
//! an answer whose payload is a zlib stream, and such an answer says so with [`DEFLATED`]. LimeWire drops a TTL above 7f,
//! so only those who asked get one.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::codec::limit_of;
use super::inflate::Budget;
use super::{Descriptor, HEADER_LEN, Header, WireError};

/// TTL bit of a request: the answer may be deflated.
pub const TAKES_DEFLATED: u8 = 0x08;

/// TTL bit of an answer: its payload is deflated. It stays set when the payload has been inflated, so that nobody takes
/// the inflated length for what was sent.
pub const DEFLATED: u8 = 0x80;

/// Reads a datagram. The payload of a deflated one is inflated, the rest of the descriptor is as sent.
///
/// # Errors
/// [`WireError::Truncated`] when the header's length is not that of the datagram to the byte (gtk-gnutella drops it
/// too), [`WireError::TooLarge`] above the limit of the kind, [`WireError::BadDeflate`].
pub fn read(bytes: &[u8]) -> Result<Descriptor, WireError> {
    let (header, len) = Header::decode(bytes)?;
    let payload = &bytes[HEADER_LEN..];
    if usize::try_from(len) != Ok(payload.len()) {
        return Err(WireError::Truncated);
    }
    let payload = match header.ttl & DEFLATED {
        0 => Bytes::copy_from_slice(payload),
        _ => Budget::new().inflate(payload)?,
    };
    if payload.len() > limit_of(header.kind) as usize {
        return Err(WireError::TooLarge);
    }
    Ok(Descriptor { header, payload })
}

/// The datagram of a descriptor. Where its TTL says [`DEFLATED`] the payload is deflated if that makes it shorter, and
/// the bit taken away if it does not: it is never longer than header and payload together.
pub fn write(descriptor: &Descriptor) -> Vec<u8> {
    let Descriptor { header, payload } = descriptor;
    let mut header = *header;
    let deflated = (header.ttl & DEFLATED != 0)
        .then(|| deflate(payload))
        .filter(|deflated| deflated.len() < payload.len());
    if deflated.is_none() {
        header.ttl &= !DEFLATED;
    }
    let payload: &[u8] = deflated.as_deref().unwrap_or(payload);
    // What no datagram can carry is refused by the socket, whatever stands here.
    let len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    [&header.encode(len), payload].concat()
}

fn deflate(payload: &[u8]) -> Vec<u8> {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
    zlib.write_all(payload)
        .and_then(|()| zlib.finish())
        .expect("a Vec takes everything")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Guid, Kind};

    fn descriptor(ttl: u8, payload: Vec<u8>) -> Descriptor {
        Descriptor::new(Guid([7; 16]), Kind::QueryHit, ttl, payload.into())
    }

    #[test]
    fn a_datagram_is_one_descriptor_to_the_byte() {
        let sent = descriptor(1, vec![9; 100]);
        let bytes = write(&sent);
        assert_eq!(read(&bytes), Ok(sent));
        for len in 0..bytes.len() {
            assert_eq!(read(&bytes[..len]), Err(WireError::Truncated));
        }
        assert_eq!(
            read(&[&bytes[..], &[0]].concat()),
            Err(WireError::Truncated)
        );
    }

    #[test]
    fn what_shrinks_is_deflated_and_what_does_not_is_sent_as_it_is() {
        let long = descriptor(1 | DEFLATED, vec![9; 1_000]);
        let bytes = write(&long);
        assert!(bytes.len() < 100);
        assert_eq!(read(&bytes), Ok(long));
        let short = write(&descriptor(1 | DEFLATED, vec![1, 2, 3]));
        assert_eq!(read(&short), Ok(descriptor(1, vec![1, 2, 3])));
    }

    #[test]
    fn a_bomb_is_refused() {
        let zeros = deflate(&vec![0; 1 << 20]);
        assert!(zeros.len() < 2_000);
        let mut header = descriptor(1 | DEFLATED, Vec::new()).header;
        let bytes = [&header.encode(zeros.len() as u32), &zeros[..]].concat();
        assert_eq!(read(&bytes), Err(WireError::BadDeflate));
        header.kind = Kind::Ping;
        let zeros = deflate(&[0; 5_000]);
        let bytes = [&header.encode(zeros.len() as u32), &zeros[..]].concat();
        assert_eq!(read(&bytes), Err(WireError::TooLarge));
    }
}
