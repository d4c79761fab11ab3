//! What happens to an index, and what it does about it.

use std::net::Ipv4Addr;

use bytes::Bytes;

use crate::central::frame::Frame;

/// One connection. Its number belongs to the driver and is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link(pub u32);

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Somebody connected.
    Opened {
        /// Who.
        link: Link,
        /// From where.
        addr: Ipv4Addr,
    },
    /// A frame came.
    Received {
        /// From whom.
        from: Link,
        /// It.
        frame: Frame,
    },
    /// A connection ended, by whomever.
    Closed {
        /// Which.
        link: Link,
    },
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send some frames, in one write.
    Send {
        /// To whom.
        to: Link,
        /// The frames, one behind the other.
        bytes: Bytes,
    },
    /// Hang up once all is sent. [`Input::Closed`] is to follow.
    Close {
        /// On whom.
        link: Link,
    },
}

/// Where effects go.
pub trait Outbox {
    /// Takes one.
    fn push(&mut self, effect: Effect);
}

impl Outbox for Vec<Effect> {
    fn push(&mut self, effect: Effect) {
        self.push(effect);
    }
}
