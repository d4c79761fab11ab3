//! zlib streams inside a message, inflated under one budget for the whole message.

use std::io::Read;

use bytes::Bytes;
use flate2::bufread::ZlibDecoder;

use super::WireError;

/// What all zlib streams of one message may inflate to: the most that a message could say uncompressed, since no payload
/// is longer than 65,535 bytes.
pub(super) const INFLATE_LIMIT: usize = 64 * 1024;

/// What a stream costs at least, so that thousands of tiny streams run out of budget as well: setting up an inflater
/// takes about as long as inflating this many bytes.
const STREAM_COST: usize = 1024;

/// What the streams of one message may still inflate to, in bytes.
#[derive(Debug)]
pub(super) struct Budget(usize);

impl Budget {
    /// All of [`INFLATE_LIMIT`].
    pub(super) const fn new() -> Self {
        Self(INFLATE_LIMIT)
    }

    /// Inflates one whole stream (RFC 1950); bytes behind its end are ignored. A stream that is refused has its price too,
    /// or one message could have the same bomb inflated a thousand times.
    ///
    /// # Errors
    /// [`WireError::BadDeflate`] when it is damaged, ends early or asks for more than is left.
    pub(super) fn inflate(&mut self, packed: &[u8]) -> Result<Bytes, WireError> {
        let left = self.0;
        if left < STREAM_COST {
            return Err(WireError::BadDeflate);
        }
        let mut plain = Vec::new();
        // One byte more than allowed tells a stream that is too long from one that just fits.
        let read = ZlibDecoder::new(packed)
            .take(left as u64 + 1)
            .read_to_end(&mut plain);
        self.0 = left.saturating_sub(plain.len().max(STREAM_COST));
        match read {
            Ok(len) if len <= left => Ok(plain.into()),
            _ => Err(WireError::BadDeflate),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;

    use super::*;

    fn packed(plain: &[u8]) -> Vec<u8> {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
        zlib.write_all(plain).expect("a Vec takes everything");
        zlib.finish().expect("a Vec takes everything")
    }

    #[test]
    fn the_limit_is_reached_and_not_passed() {
        let fits = vec![7; INFLATE_LIMIT];
        assert_eq!(Budget::new().inflate(&packed(&fits)), Ok(fits.into()));
        let bomb = packed(&vec![7; INFLATE_LIMIT + 1]);
        assert_eq!(Budget::new().inflate(&bomb), Err(WireError::BadDeflate));
    }

    #[test]
    fn many_streams_share_one_budget() {
        let mut budget = Budget::new();
        let tiny = packed(b"x");
        let inflated = (0..1000).filter(|_| budget.inflate(&tiny).is_ok()).count();
        assert_eq!(inflated, INFLATE_LIMIT / STREAM_COST);
    }

    #[test]
    fn a_bomb_is_inflated_once() {
        let mut budget = Budget::new();
        let bomb = packed(&vec![7; 1 << 20]);
        assert_eq!(budget.inflate(&bomb), Err(WireError::BadDeflate));
        assert_eq!(budget.inflate(&packed(b"x")), Err(WireError::BadDeflate));
    }

    #[test]
    fn a_stream_that_ends_early_is_refused() {
        let whole = packed(b"the end is missing");
        let cut = &whole[..whole.len() - 5];
        assert_eq!(Budget::new().inflate(cut), Err(WireError::BadDeflate));
    }
}
