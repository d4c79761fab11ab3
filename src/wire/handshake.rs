//! The greeting of two servents: three groups of header lines (Gnutella 0.6, "Handshake"), and 0.4's single line.

use std::net::{Ipv4Addr, SocketAddrV4};

use bytes::BytesMut;

use super::{Guid, WireError};

/// The most bytes one group may take (gtk-gnutella's limit too).
pub const MAX_GROUP: usize = 16 * 1024;

/// Header lines in order; names compare without case, repeated names join by comma.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    lines: Vec<(String, String)>,
}

impl Headers {
    /// The value of `name`, joined by `, ` where the name stands repeatedly.
    pub fn get(&self, _name: &str) -> Option<String> {
        todo!()
    }
}

/// The tier a servent stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Relays for others.
    Ultrapeer,
    /// Hangs on ultrapeers.
    Leaf,
}

/// What we say of ourselves in every handshake.
#[derive(Clone, Debug)]
pub struct Greeting {
    /// `User-Agent`.
    pub agent: String,
    /// Our servent GUID.
    pub guid: Guid,
    /// `X-Ultrapeer`.
    pub role: Role,
    /// `Listen-IP`: where we listen, once known.
    pub listen: Option<SocketAddrV4>,
    /// `X-Degree`: neighbours we keep in our tier.
    pub degree: u32,
    /// `X-Max-TTL`.
    pub max_ttl: u8,
    /// Whether we offer and take deflated links.
    pub deflate: bool,
}

/// What a finished handshake agreed on, and what the peer said of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// `0.6`, `0.4`.
    pub version: (u8, u8),
    /// The peer's tier.
    pub role: Role,
    /// Its `User-Agent`, controls and all: sanitise before showing.
    pub agent: String,
    /// Where it says it listens, the address replaced by the one its packets come from.
    pub listen: Option<SocketAddrV4>,
    /// `Remote-IP`: our address as it sees us.
    pub seen_as: Option<Ipv4Addr>,
    /// `GUID` header.
    pub guid: Option<Guid>,
    /// It inflates: we may send deflated, and we announced it.
    pub deflate_out: bool,
    /// It deflates what it sends.
    pub deflate_in: bool,
    /// It wants vendor messages.
    pub vendor_messages: bool,
    /// It reads Bye.
    pub bye: bool,
    /// `X-Max-TTL`, 4 when it says nothing.
    pub max_ttl: u8,
    /// `X-Degree`, 6 when it says nothing.
    pub degree: u32,
    /// `X-Try-Ultrapeers` and `X-Try`.
    pub hosts: Vec<SocketAddrV4>,
}

/// A refusal, ours or theirs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code} {reason}")]
pub struct Refusal {
    /// The three digits.
    pub code: u16,
    /// The words behind them.
    pub reason: String,
    /// Whom it names instead.
    pub hosts: Vec<SocketAddrV4>,
}

/// What a handshake wants next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// More bytes from the peer.
    More,
    /// Send these bytes, then feed again.
    Say(String),
    /// Send these bytes (may be empty); the link is up. What is left in the buffer belongs to the link.
    Agreed(String, Box<Agreement>),
    /// Send these bytes (may be empty) and close.
    Refused(String, Refusal),
}

/// The dialling side.
#[derive(Debug)]
pub struct Caller {}

/// The answering side.
#[derive(Debug)]
pub struct Answerer {}

impl Caller {
    /// Begins; the text is group 1.
    pub fn new(_greeting: Greeting, _remote: SocketAddrV4) -> (Self, String) {
        todo!()
    }
    /// Eats what the peer sent so far, from the front of `input`.
    /// # Errors
    /// [`WireError::BadHandshake`], or [`WireError::TooLarge`] above [`MAX_GROUP`].
    pub fn feed(&mut self, _input: &mut BytesMut) -> Result<Step, WireError> {
        todo!()
    }
}

/// What the listening servent has to offer a newcomer at this moment.
#[derive(Clone, Debug, Default)]
pub struct Vacancy {
    /// Free slots for neighbours; without one the newcomer is refused with 503 and `hosts`.
    pub free: usize,
    /// For X-Try-Ultrapeers.
    pub hosts: Vec<SocketAddrV4>,
}

impl Answerer {
    /// Begins.
    pub fn new(_greeting: Greeting, _remote: SocketAddrV4, _vacancy: Vacancy) -> Self {
        todo!()
    }
    /// Eats what the peer sent so far, from the front of `input`.
    /// # Errors
    /// [`WireError::BadHandshake`], or [`WireError::TooLarge`] above [`MAX_GROUP`].
    pub fn feed(&mut self, _input: &mut BytesMut) -> Result<Step, WireError> {
        todo!()
    }
}
