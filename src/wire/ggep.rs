//! GGEP, the extension block of pings, pongs, queries, hits and pushes (GGEP 0.51).

use bytes::{Bytes, BytesMut};

use super::WireError;

/// The extensions of one block, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ggep {
    entries: Vec<(String, Bytes)>,
}

impl Ggep {
    /// No extensions.
    pub const fn new() -> Self {
        Self {
            entries: Vec::new(),
        }
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
    /// The value of `id`; of duplicates the last, as in LimeWire.
    pub fn get(&self, _id: &str) -> Option<&Bytes> {
        todo!()
    }
    /// Adds an extension.
    pub fn push(&mut self, _id: &str, _value: impl Into<Bytes>) {
        todo!()
    }
    /// Reads one block from the start of `bytes` (which begins with c3) and tells how many bytes it took.
    ///
    /// # Errors
    /// [`WireError::BadGgep`], [`WireError::BadCobs`] or [`WireError::BadDeflate`]; then no part of it counts.
    pub fn decode(_bytes: &[u8]) -> Result<(Self, usize), WireError> {
        todo!()
    }
    /// Appends the block, nothing when empty. `nul_free`: COBS every value that holds a NUL (queries, hit records).
    pub fn encode(&self, _nul_free: bool, _out: &mut BytesMut) {
        todo!()
    }
}
