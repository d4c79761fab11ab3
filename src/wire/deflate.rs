//! A compressed link: one zlib stream in each direction for the life of the link ("Gnutella link compression").
//!
//! The one rule: however a stream was made, reading it holds no more than was asked for and costs no more than its
//! bytes are worth. A stream never ends while its link lives; whoever packs flushes after every batch, or the peer
//! waits for what is stuck in the compressor.

use bytes::{Buf, BytesMut};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::WireError;

/// How far back a compressor looks: 2 to this power bytes.
///
/// Measured with recorded traffic of gtk-gnutella, flushed after each descriptor: 15 takes 312 KiB a link and leaves
/// 41 % of the bytes, 14 takes 248 KiB and leaves 43 %, 12 takes 200 KiB and leaves 51 %, 9 takes 188 KiB and leaves
/// more than 60 %. gtk-gnutella takes 14 for its leaves.
const WINDOW_BITS: u8 = 14;

/// How much the output buffer grows at a time. A batch of descriptors mostly fits.
const STEP: usize = 4 * 1024;

/// Bytes that may come out for each byte that goes in, in the long run.
///
/// Every descriptor begins with 16 random bytes that no compressor shortens, so even a stream of nothing but pings
/// stays below 2:1, and hits with a long list of equal files below 10:1. Deflate itself ends at 1032:1.
const RATIO: usize = 64;

/// Bytes that may come out above the ratio. The most monotonous thing a peer may honestly send at once is an empty
/// query route table that it did not compress by itself: 2^21 slots of one bit (gtk-gnutella's largest) are 256 KiB.
const ALLOWANCE: usize = 256 * 1024;

/// Compresses what goes out.
#[derive(Debug)]
pub struct Deflater {
    stream: Compress,
}

impl Deflater {
    /// A fresh stream, compressed with little effort: with a flush after every batch the higher levels take seven
    /// times as long for a tenth less.
    pub fn new() -> Self {
        Self {
            stream: Compress::new_with_window_bits(Compression::fast(), true, WINDOW_BITS),
        }
    }

    /// Compresses all of `plain` into `out` and flushes it (Z_SYNC_FLUSH), so that the peer can read it all.
    pub fn deflate(&mut self, plain: &[u8], out: &mut BytesMut) {
        if plain.is_empty() {
            // A flush with nothing to flush would still cost five bytes.
            return;
        }
        let mut rest = plain;
        loop {
            let start = out.len();
            out.resize(start + STEP, 0);
            let (read, written) = (self.stream.total_in(), self.stream.total_out());
            self.stream
                .compress(rest, &mut out[start..], FlushCompress::Sync)
                .expect("a compressor fails only after its end, and this one is never ended");
            let read = (self.stream.total_in() - read) as usize;
            let written = (self.stream.total_out() - written) as usize;
            out.truncate(start + written);
            rest = &rest[read..];
            // Room left in the output is the sign that the flush is through.
            if rest.is_empty() && written < STEP {
                return;
            }
        }
    }
}

impl Default for Deflater {
    fn default() -> Self {
        Self::new()
    }
}

/// Inflates what comes in, never more than asked for at a time, and refuses a bomb.
#[derive(Debug)]
pub struct Inflater {
    stream: Decompress,
    /// Bytes that may still come out: every byte that goes in earns [`RATIO`], up to [`ALLOWANCE`] are saved.
    credit: usize,
}

impl Inflater {
    /// A fresh stream. It reads any window.
    pub fn new() -> Self {
        Self {
            stream: Decompress::new(true),
            credit: ALLOWANCE,
        }
    }

    /// Inflates from `packed` into `out`, at most `limit` bytes a call; what was used of `packed` is gone from it.
    /// Call again while it returns bytes. After an error the stream is worth nothing.
    ///
    /// # Errors
    /// [`WireError::BadDeflate`] when the stream is damaged or ended, or a bomb: more than 64 bytes for each that came
    /// in, and that for more than 256 KiB.
    pub fn inflate(
        &mut self,
        packed: &mut impl Buf,
        out: &mut BytesMut,
        limit: usize,
    ) -> Result<usize, WireError> {
        let mut total = 0;
        while total < limit {
            let (read, written) = self.step(packed.chunk(), out, STEP.min(limit - total))?;
            packed.advance(read);
            total += written;
            self.charge(read, written)?;
            if (read, written) == (0, 0) {
                break;
            }
        }
        Ok(total)
    }

    /// One call of the decompressor: bytes read and written.
    fn step(
        &mut self,
        packed: &[u8],
        out: &mut BytesMut,
        room: usize,
    ) -> Result<(usize, usize), WireError> {
        let start = out.len();
        out.resize(start + room, 0);
        let (read, written) = (self.stream.total_in(), self.stream.total_out());
        let status = self
            .stream
            .decompress(packed, &mut out[start..], FlushDecompress::Sync);
        let read = (self.stream.total_in() - read) as usize;
        let written = (self.stream.total_out() - written) as usize;
        out.truncate(start + written);
        match status {
            Ok(Status::Ok | Status::BufError) => Ok((read, written)),
            Ok(Status::StreamEnd) | Err(_) => Err(WireError::BadDeflate),
        }
    }

    fn charge(&mut self, read: usize, written: usize) -> Result<(), WireError> {
        let earned = self.credit.saturating_add(read.saturating_mul(RATIO));
        let left = earned.checked_sub(written).ok_or(WireError::BadDeflate)?;
        self.credit = left.min(ALLOWANCE);
        Ok(())
    }
}

impl Default for Inflater {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;
    use crate::wire::HEADER_LEN;

    /// What gtk-gnutella 1.2.3 sent on a link as an ultrapeer to its leaf (window of 2^14 bytes).
    const RECORDED: &str = "\
        68815ccf5d0ac2301004e059b514dbf8d8b478025ff50655d21f54486bc0bb7b99baa4635117c29799904080df390a5e5f71\
        8fb3abc70d249ad29c1ab50dd7365d5c45b7cc192da8a5a57aebef2ea1b9de9b5d470d7bc3deb0dfb12f16e773cb6c993fef\
        97cc1573a5f97ff4c3076e335d09ba87f382675707c1307a3d6f4e4d98a670f1bde00d0000fffffa9f68c894ec693eebbfa8\
        8045c7f16fcc8c8c0c5a406da72474541818c1a6b330301c660a73760579b499d93dd4d591892934c099e9bf61934ba8230f\
        c50600000000ffff02a933643ae9fefb5491a6da2909dd06160641a0aebd0c55a949458940adc1fe0e4d01410e00000000ff\
        fffa3ccb90a9f8e9eb3f56776d2505379ff87a9691c103a88e11ea595848ec6045e5b34169510708cd0ce57340e9799e101a\
        000000ffff2a7b66c86466c0713af36dc2cad4b9fe071d588089858141c1c69089d92de8b86c4687768ed8cf4520a520179f\
        9200000000ffff420f78464646a8c79519185940220e783d2e45b10100000000ffff";

    fn unhex(text: &str) -> Vec<u8> {
        data_encoding::HEXLOWER
            .decode(text.as_bytes())
            .expect("hexadecimal")
    }

    /// All that `packed` holds, asked for `limit` bytes at a time.
    fn inflate(mut packed: &[u8], limit: usize) -> Result<Vec<u8>, WireError> {
        let mut inflater = Inflater::new();
        let mut out = BytesMut::new();
        while inflater.inflate(&mut packed, &mut out, limit)? > 0 {}
        assert!(packed.is_empty());
        Ok(out.to_vec())
    }

    /// A whole zlib stream, as well packed as can be.
    fn pack(plain: &[u8]) -> Vec<u8> {
        let mut packed = Vec::with_capacity(plain.len() + 1024);
        Compress::new(Compression::best(), true)
            .compress_vec(plain, &mut packed, FlushCompress::Sync)
            .expect("compresses");
        packed
    }

    /// Descriptors with random GUIDs and dull payloads.
    fn descriptors(count: usize, len: usize) -> Vec<u8> {
        let mut rng = Rng::seeded(7);
        let mut plain = Vec::new();
        for _ in 0..count {
            plain.extend_from_slice(&rng.next().to_le_bytes());
            plain.extend_from_slice(&rng.next().to_le_bytes());
            plain.extend_from_slice(&[0x81, 3, 0]);
            plain.extend_from_slice(&(len as u32).to_le_bytes());
            plain.resize(plain.len() + len, b'a');
        }
        plain
    }

    #[test]
    fn each_batch_can_be_read_as_soon_as_it_is_sent() {
        let (mut deflater, mut inflater) = (Deflater::new(), Inflater::new());
        let mut rng = Rng::seeded(1);
        for round in 0..200 {
            // Some compress well, some not at all; some fill many steps of the output.
            let len = rng.below(3) * rng.below(20_000) + 1;
            let span = if round % 2 == 0 { 256 } else { 3 };
            let batch: Vec<u8> = (0..len).map(|_| rng.below(span) as u8).collect();
            let (mut packed, mut plain) = (BytesMut::new(), BytesMut::new());
            deflater.deflate(&batch, &mut packed);
            while inflater
                .inflate(&mut packed, &mut plain, 1_000)
                .expect("valid")
                > 0
            {}
            assert!(packed.is_empty());
            assert!(plain == batch[..], "round {round}");
        }
    }

    #[test]
    fn a_batch_that_fills_the_output_to_the_brim_can_be_read() {
        // Around the length at which the packed bytes end exactly with a step.
        let mut rng = Rng::seeded(2);
        let noise: Vec<u8> = (0..2 * STEP).map(|_| rng.next() as u8).collect();
        let mut brim = false;
        for len in STEP - 300..STEP {
            let (mut deflater, mut packed) = (Deflater::new(), BytesMut::new());
            deflater.deflate(&noise[..len], &mut packed);
            // Exactly full, zlib cannot tell that the flush is through and repeats its five bytes: harmless.
            brim |= packed.len() == STEP + 5;
            assert!(packed.ends_with(&[0, 0, 0xff, 0xff]));
            assert_eq!(inflate(&packed, STEP).as_deref(), Ok(&noise[..len]));
            let before = packed.len();
            deflater.deflate(&[], &mut packed);
            assert_eq!(packed.len(), before, "nothing was said, nothing is sent");
        }
        assert!(brim, "the interesting case was among them");
    }

    #[test]
    fn a_recorded_stream_is_read_at_any_pace() {
        let packed = unhex(RECORDED);
        let plain = inflate(&packed, 64 * 1024).expect("valid");
        let mut kinds = Vec::new();
        let mut rest = &plain[..];
        while let Some((header, tail)) = rest.split_first_chunk::<HEADER_LEN>() {
            kinds.push(header[16]);
            rest = &tail[usize::from(header[19])..];
        }
        assert_eq!(kinds, [0x31, 0x31, 1, 1, 0x80, 0xcd, 0x40, 1, 1]);
        assert!(rest.is_empty());

        for limit in [1, 7, 100] {
            assert_eq!(inflate(&packed, limit).as_ref(), Ok(&plain));
        }
        let (mut inflater, mut trickled) = (Inflater::new(), BytesMut::new());
        for byte in &packed {
            let mut one = std::slice::from_ref(byte);
            while inflater
                .inflate(&mut one, &mut trickled, 16)
                .expect("valid")
                > 0
            {}
        }
        assert_eq!(trickled, plain);
    }

    #[test]
    fn a_stream_in_pieces_is_one_stream() {
        let packed = unhex(RECORDED);
        let (front, back) = packed.split_at(100);
        let mut packed = front.chain(back);
        let (mut inflater, mut out) = (Inflater::new(), BytesMut::new());
        assert_eq!(inflater.inflate(&mut packed, &mut out, 10_000), Ok(748));
    }

    #[test]
    fn a_call_gives_no_more_than_asked() {
        let packed = pack(&[0; 100_000]);
        let (mut inflater, mut out) = (Inflater::new(), BytesMut::new());
        let mut rest = &packed[..];
        for call in 1..=10 {
            assert_eq!(inflater.inflate(&mut rest, &mut out, 10_000), Ok(10_000));
            assert_eq!(out.len(), call * 10_000);
        }
        assert_eq!(inflater.inflate(&mut rest, &mut out, 10_000), Ok(0));
        assert_eq!(inflater.inflate(&mut rest, &mut out, 0), Ok(0));
    }

    #[test]
    fn a_bomb_goes_off_early_and_small() {
        let packed = pack(&vec![0; 64 << 20]);
        assert!(packed.len() < 70_000);
        let (mut inflater, mut out) = (Inflater::new(), BytesMut::new());
        let mut rest = &packed[..];
        let mut total = 0;
        let error = loop {
            out.clear();
            match inflater.inflate(&mut rest, &mut out, 16 * 1024) {
                Ok(0) => panic!("the whole bomb was read"),
                Ok(len) => total += len,
                Err(error) => break error,
            }
        };
        assert_eq!(error, WireError::BadDeflate);
        assert!(total < 2 * ALLOWANCE, "{total} bytes came out");
        assert!(out.capacity() <= 32 * 1024, "{} bytes held", out.capacity());
    }

    #[test]
    fn honest_monotony_is_no_bomb() {
        // The emptiest route table there is, and then dull hits and pings without end.
        let mut plain = vec![0; ALLOWANCE];
        plain.extend(descriptors(20_000, 0));
        plain.extend(descriptors(1_000, 400));
        plain.extend(vec![0; 64 * 1024]);
        assert_eq!(
            inflate(&pack(&plain), 4096).map(|all| all == plain),
            Ok(true)
        );
    }

    #[test]
    fn damage_and_an_end_are_refused() {
        let mut ended = Vec::with_capacity(100);
        Compress::new(Compression::fast(), true)
            .compress_vec(b"farewell", &mut ended, FlushCompress::Finish)
            .expect("compresses");
        let wrong = Err(WireError::BadDeflate);
        assert_eq!(inflate(&ended, 100), wrong);
        assert_eq!(inflate(b"GNUTELLA", 100), wrong);
        // A preset dictionary that nobody agreed on.
        assert_eq!(inflate(&[0x78, 0x20, 1, 2, 3, 4, 5, 6], 100), wrong);
    }

    #[test]
    fn no_damage_ever_panics_or_overfills() {
        let recorded = unhex(RECORDED);
        let mut rng = Rng::seeded(3);
        let mut refused = 0;
        for _ in 0..5_000 {
            let mut packed = recorded.clone();
            for _ in 0..=rng.below(3) {
                let at = rng.below(packed.len());
                packed[at] = rng.next() as u8;
            }
            let (mut inflater, mut out) = (Inflater::new(), BytesMut::new());
            let mut rest = &packed[..];
            refused += loop {
                let before = out.len();
                match inflater.inflate(&mut rest, &mut out, 100) {
                    Ok(0) => break 0,
                    Ok(len) => assert!(len <= 100 && out.len() == before + len),
                    Err(error) => {
                        assert_eq!(error, WireError::BadDeflate);
                        break 1;
                    }
                }
            };
        }
        assert!(refused > 1_000, "{refused} of 5000 refused");
    }
}
