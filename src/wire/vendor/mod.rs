//! Vendor messages (0x31, 0x32): vendor, selector, version, body.

use std::sync::LazyLock;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::WireError;

mod crawl;
mod meaning;

pub use crawl::{Crawl, Crawled};
pub use meaning::{Feature, Supported, VendorMeaning};

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
    /// Vendor, selector and version.
    const FIXED_LEN: usize = 8;

    /// The payload of MessagesSupported (null/0v0), naming what we understand: the same on every link, so put together
    /// once. gtk-gnutella ignores the queries of a neighbour that announced `Vendor-Message` and does not send this
    /// within its first 50 messages.
    pub fn messages_supported() -> Bytes {
        static PAYLOAD: LazyLock<Bytes> = LazyLock::new(|| {
            let all = VendorMeaning::SUPPORTED.to_vec();
            VendorMeaning::MessagesSupported(all).message().encode()
        });
        PAYLOAD.clone()
    }

    /// Reads a payload; the body is a handle on it.
    ///
    /// # Errors
    /// [`WireError::BadVendor`] below 8 bytes.
    pub fn decode(payload: &Bytes) -> Result<Self, WireError> {
        if payload.len() < Self::FIXED_LEN {
            return Err(WireError::BadVendor);
        }
        let mut rest = payload.clone();
        let mut vendor = [0; 4];
        rest.copy_to_slice(&mut vendor);
        Ok(Self {
            vendor,
            selector: rest.get_u16_le(),
            version: rest.get_u16_le(),
            body: rest,
        })
    }

    /// The payload.
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(Self::FIXED_LEN + self.body.len());
        out.put_slice(&self.vendor);
        out.put_u16_le(self.selector);
        out.put_u16_le(self.version);
        out.put_slice(&self.body);
        out.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_supported_has_the_layout_gtk_gnutella_checks() {
        let payload = VendorMessage::messages_supported();
        assert_eq!(payload[..8], [0; 8]);
        let count = usize::from(u16::from_le_bytes([payload[8], payload[9]]));
        assert_eq!(payload.len(), 8 + 2 + count * 8);
    }

    #[test]
    fn the_body_is_not_copied() {
        let payload = Bytes::from_static(b"BEAR\x04\0\x01\0\x05");
        let message = VendorMessage::decode(&payload).expect("HopsFlow");
        assert_eq!((message.selector, message.version), (4, 1));
        assert_eq!(message.body.as_ptr(), payload[8..].as_ptr());
        assert_eq!(message.encode(), payload);
        let half = payload.slice(..7);
        assert_eq!(VendorMessage::decode(&half), Err(WireError::BadVendor));
    }
}
