//! What happens to an index, and what it does about it.

use std::net::Ipv4Addr;

use bytes::Bytes;

use super::store::{Answer, Place, Question, QuestionId, Totals};
use crate::central::frame::Frame;

/// One connection. Its number belongs to the driver and is never used again; the largest is nobody's.
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
    /// A shared store is there, and has nothing of ours: [`Index::take_batch`](super::Index::take_batch) says what to write.
    StoreOpened,
    /// It is no longer: what was asked will not be answered.
    StoreLost,
    /// It answered, or took too long.
    Answered {
        /// Which question.
        id: QuestionId,
        /// What it knows.
        answer: Option<Answer>,
    },
    /// Another index sends frames to one of our users.
    Forwarded {
        /// To whom.
        to: Link,
        /// The frames.
        bytes: Bytes,
    },
    /// Users of ours have a nick that somebody at another index has longer.
    Taken {
        /// Who.
        links: Vec<Link>,
    },
    /// What the other indexes have.
    Others(Totals),
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
    /// Ask the store. [`Input::Answered`] is to follow, or [`Input::StoreLost`].
    Ask {
        /// Which question this is.
        id: QuestionId,
        /// It.
        question: Question,
    },
    /// Have another index send these frames to a user of its own.
    Forward {
        /// To whom.
        to: Place,
        /// The frames.
        bytes: Bytes,
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
