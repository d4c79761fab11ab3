//! Bye: why a link is closed (Bye packet 0.1).

use bytes::Bytes;

use super::WireError;

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
    /// Reads a payload.
    /// # Errors
    /// [`WireError::Truncated`] below 2 bytes; [`WireError::TooLarge`] above 4096.
    pub fn decode(_payload: &Bytes) -> Result<Self, WireError> {
        todo!()
    }
    /// The payload.
    pub fn encode(&self) -> Bytes {
        todo!()
    }
}
