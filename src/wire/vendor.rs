//! Vendor messages (0x31, 0x32): vendor, selector, version, body.

use bytes::Bytes;

use super::WireError;

/// A vendor message whose body is left as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VendorMessage {
    /// Whose numbering the selector is of: `BEAR`, `LIME`, `GTKG`, or four zero bytes.
    pub vendor: [u8; 4],
    /// Which message.
    pub selector: u16,
    /// Which version of it.
    pub version: u16,
    /// The rest.
    pub body: Bytes,
}

impl VendorMessage {
    /// MessagesSupported (null/0v0) naming what we understand. gtk-gnutella ignores the queries of a neighbour that
    /// announced `Vendor-Message` and does not send this within its first 50 messages.
    pub fn messages_supported() -> Self {
        todo!()
    }
    /// Reads a payload.
    /// # Errors
    /// [`WireError::BadVendor`] below 8 bytes.
    pub fn decode(_payload: &Bytes) -> Result<Self, WireError> {
        todo!()
    }
    /// The payload.
    pub fn encode(&self) -> Bytes {
        todo!()
    }
}
