//! The greeting of two servents: three groups of header lines (Gnutella 0.6, "Handshake"), and 0.4's single line.
//!
//! ```text
//! caller    GNUTELLA CONNECT/0.6   + headers + blank line        group 1
//! answerer  GNUTELLA/0.6 200 OK    + headers + blank line        group 2
//! caller    GNUTELLA/0.6 200 OK    + what changed + blank line   group 3, only after a 200
//! ```
//!
//! The one rule here: text in, text out. [`Caller`] and [`Answerer`] eat what the peer sent, in pieces of any size, and
//! say what to send back; sockets and deadlines are the driver's. The byte after a group's blank line is the first of
//! the link and stays in the buffer.
//!
//! Links are between two ultrapeers, or between an ultrapeer and a leaf; a leaf answers callers with whom to try instead.
//! An ultrapeer that needs no more of its kind says so in group 2 (`X-Ultrapeer-Needed: False`), and a caller that may
//! follow this guidance becomes its leaf in group 3 (`X-Ultrapeer: False`). A servent that names no tier, as 0.4 and
//! teaching programs do, relays for others and so counts as an ultrapeer.

mod address;
mod agreement;
mod answerer;
mod caller;
mod greeting;
mod group;
mod headers;
#[cfg(test)]
mod tests;

pub use agreement::{Abilities, Agreement};
pub use answerer::{Answerer, Vacancy};
pub use caller::Caller;
pub use greeting::{Greeting, WELCOME_DEGREE, WELCOME_TTL};
pub use group::{MAX_GROUP, MAX_LINE, MAX_LINES};
pub use headers::Headers;

use std::net::SocketAddrV4;

/// The tier a servent stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Relays for others.
    Ultrapeer,
    /// Hangs on ultrapeers.
    Leaf,
}

/// A refusal, ours or theirs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code} {reason}")]
pub struct Refusal {
    /// The three digits.
    pub code: u16,
    /// The words behind them; when the peer's, controls and all: sanitise before showing.
    pub reason: String,
    /// Whom it names instead.
    pub hosts: Vec<SocketAddrV4>,
}

impl Refusal {
    /// A refusal of ours that names nobody.
    fn ours(code: u16, reason: &str) -> Self {
        Self {
            code,
            reason: reason.to_owned(),
            hosts: Vec::new(),
        }
    }
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
