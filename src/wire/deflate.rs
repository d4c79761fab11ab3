//! A compressed link: one zlib stream in each direction for the life of the link ("Gnutella link compression").

use bytes::{Buf, BytesMut};

use super::WireError;

/// Compresses what goes out.
#[derive(Debug)]
pub struct Deflater {}

/// Inflates what comes in, never more than asked for at a time.
#[derive(Debug)]
pub struct Inflater {}

impl Deflater {
    /// A fresh stream.
    pub fn new() -> Self {
        todo!()
    }
    /// Compresses all of `plain` into `out` and flushes it (Z_SYNC_FLUSH), so that the peer can read it all.
    pub fn deflate(&mut self, _plain: &[u8], _out: &mut BytesMut) {
        todo!()
    }
}

impl Inflater {
    /// A fresh stream.
    pub fn new() -> Self {
        todo!()
    }
    /// Inflates from `packed` into `out`, at most `limit` bytes a call; what was used of `packed` is gone from it.
    /// Call again while it returns bytes.
    /// # Errors
    /// [`WireError::BadDeflate`] when the stream is damaged or ended.
    pub fn inflate(
        &mut self,
        _packed: &mut impl Buf,
        _out: &mut BytesMut,
        _limit: usize,
    ) -> Result<usize, WireError> {
        todo!()
    }
}
