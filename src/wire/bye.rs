//! Bye: why a link is closed (Bye packet 0.1).

use bytes::{BufMut, Bytes, BytesMut};

use super::WireError;
use super::text::before_nul;

/// Why a link is closed: the 16-bit code of a Bye.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ByeCode(pub u16);

impl ByeCode {
    /// The servent shuts down.
    pub const SHUTDOWN: Self = Self(200);
    /// The user removed this neighbour.
    pub const USER: Self = Self(201);
    /// A message was too large.
    pub const TOO_LARGE: Self = Self(400);
    /// Too many duplicates.
    pub const DUPLICATES: Self = Self(401);
    /// Too many messages with a TTL beyond reason.
    pub const HIGH_TTL: Self = Self(403);
    /// Unknown messages.
    pub const UNKNOWN: Self = Self(404);
    /// Nothing was heard for too long.
    pub const INACTIVE: Self = Self(405);
    /// No reply to pings.
    pub const SILENT: Self = Self(406);
    /// Too many errors.
    pub const ERRORS: Self = Self(409);
    /// Damaged payload or stream.
    pub const BAD_PAYLOAD: Self = Self(411);
    /// The send queue overflowed.
    pub const QUEUE_FULL: Self = Self(502);
}

/// The payload of a Bye.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bye {
    /// The reason as a number.
    pub code: ByeCode,
    /// The reason in words, without the headers that may follow it.
    pub text: String,
}

impl Bye {
    /// The longest payload, in bytes; gtk-gnutella's limit too.
    pub const MAX_LEN: usize = 4096;

    /// Reads a payload. The text ends at a NUL, at the headers or with the payload; what is not UTF-8 in it is replaced.
    ///
    /// # Errors
    /// [`WireError::Truncated`] below 2 bytes; [`WireError::TooLarge`] above [`Bye::MAX_LEN`].
    pub fn decode(payload: &Bytes) -> Result<Self, WireError> {
        if payload.len() > Self::MAX_LEN {
            return Err(WireError::TooLarge);
        }
        let (code, text) = payload.split_first_chunk().ok_or(WireError::Truncated)?;
        let text = String::from_utf8_lossy(before_nul(text));
        let text = text.split(['\r', '\n']).next().unwrap_or_default();
        Ok(Self {
            code: ByeCode(u16::from_le_bytes(*code)),
            text: text.to_owned(),
        })
    }

    /// The payload. The text is cut at a NUL and where the payload would become too long.
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(self.text.len() + 3);
        out.put_u16_le(self.code.0);
        let text = self.text.split('\0').next().unwrap_or_default();
        let end = text.floor_char_boundary(Self::MAX_LEN - 3);
        out.put_slice(&text.as_bytes()[..end]);
        out.put_u8(0);
        out.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headers_are_not_part_of_the_reason() {
        let payload = Bytes::from_static(b"\xc8\0Shutting down\r\nServer: x\r\n\r\n\0");
        let bye = Bye::decode(&payload).expect("a bye");
        assert_eq!((bye.code, &*bye.text), (ByeCode::SHUTDOWN, "Shutting down"));
        assert_eq!(Bye::decode(&bye.encode()), Ok(bye));
    }

    #[test]
    fn a_code_alone_is_a_bye_and_less_is_not() {
        let bye = Bye::decode(&Bytes::from_static(b"\xf6\x01")).expect("a bye");
        assert_eq!((bye.code, &*bye.text), (ByeCode::QUEUE_FULL, ""));
        let half = Bytes::from_static(b"\xf6");
        assert_eq!(Bye::decode(&half), Err(WireError::Truncated));
    }

    #[test]
    fn a_novel_is_cut_and_never_read() {
        let bye = Bye {
            code: ByeCode::USER,
            text: "x".repeat(10_000),
        };
        assert_eq!(bye.encode().len(), Bye::MAX_LEN);
        let novel = Bytes::from(vec![b'x'; Bye::MAX_LEN + 1]);
        assert_eq!(Bye::decode(&novel), Err(WireError::TooLarge));
    }
}
