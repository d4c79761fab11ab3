//! Descriptors in a stream of bytes: tokio-util's `Decoder` and `Encoder`, without a runtime.

use bytes::BytesMut;
use tokio_util::codec::{Decoder, Encoder};

use super::{Descriptor, Kind};

/// Cuts a stream into descriptors and puts descriptors into one.
#[derive(Debug, Default)]
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

impl Decoder for DescriptorCodec {
    type Item = Descriptor;
    type Error = CodecError;
    fn decode(&mut self, _src: &mut BytesMut) -> Result<Option<Descriptor>, CodecError> {
        todo!()
    }
}

impl Encoder<Descriptor> for DescriptorCodec {
    type Error = CodecError;
    fn encode(&mut self, _descriptor: Descriptor, _dst: &mut BytesMut) -> Result<(), CodecError> {
        todo!()
    }
}
