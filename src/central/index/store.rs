//! What an index says to a store that it shares with other indexes, and what it is told from there.
//!
//! Each index keeps its own users in memory, as ever. The store holds a copy of what they share, so that the other indexes
//! find it there, and carries frames from one index to a user of another. It is soft: all that one index wrote can go at any
//! moment, and is written again from memory.

use std::net::Ipv4Addr;

use bytes::Bytes;

use super::Link;
use crate::central::search::Bound;

/// A user of some index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The index, as the store numbers them.
    pub node: u32,
    /// The user's link there.
    pub link: Link,
}

/// Which question an answer belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuestionId(pub u64);

/// What an index asks about the users of the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Which of their files are like this?
    Search(Wanted),
    /// Who is called so, in lower case?
    Who(Bytes),
    /// Who is called so, and what does that user share?
    Files {
        /// The nick, in lower case.
        nick: Bytes,
        /// So many files at most.
        most: usize,
    },
}

/// Files that are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// A file has a term in each of these spans.
    pub terms: Vec<Span>,
    /// And none in any of these.
    pub excluded: Vec<Span>,
    /// What its numbers keep to.
    pub bounds: Vec<Bound>,
    /// Its name ends in one of these, if there are any.
    pub endings: Vec<String>,
    /// Its owner can be connected to.
    pub reachable: bool,
    /// So many at most.
    pub most: usize,
}

/// Terms from one on up to, but without, another: compared byte by byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first.
    pub from: Box<[u8]>,
    /// The first that is too large.
    pub until: Box<[u8]>,
}

impl Span {
    /// Exactly this term.
    pub(super) fn whole(term: &str) -> Self {
        let from = clipped(term);
        let until = [from, &[0]].concat().into();
        let from = from.into();
        Self { from, until }
    }

    /// All terms that begin so.
    pub(super) fn beginning(term: &str) -> Self {
        let from = clipped(term);
        let mut until = from.to_vec();
        // No byte of UTF-8 is 255, so the last one can always be raised.
        if let Some(last) = until.last_mut() {
            *last = last.saturating_add(1);
        }
        let (from, until) = (from.into(), until.into());
        Self { from, until }
    }
}

/// The part of a term that a store keeps.
pub(super) fn clipped(term: &str) -> &[u8] {
    &term.as_bytes()[..term.len().min(LONGEST_TERM)]
}

/// Longer terms are cut off, for no engine indexes a value of any length.
const LONGEST_TERM: usize = 256;

/// What the store knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// These files.
    Found(Vec<Found>),
    /// This user, if there is one.
    Is(Option<Guest>),
    /// This user's files, each a line of [`Listed::line`].
    Files(Option<(Guest, Vec<Bytes>)>),
}

/// A file of another index's user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// As [`Listed::line`].
    pub line: Bytes,
    /// Its owner's nick.
    pub nick: Bytes,
    /// Where the owner is.
    pub addr: Ipv4Addr,
    /// The owner's line.
    pub speed: u8,
}

/// A user of another index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guest {
    /// Where its frames go to.
    pub place: Place,
    /// Its nick, as it was typed.
    pub nick: Bytes,
    /// Its client's name of itself.
    pub client: Bytes,
    /// Where it is.
    pub addr: Ipv4Addr,
    /// Where it takes connections; 0 when it cannot.
    pub port: u16,
    /// Its line, 0 to 10.
    pub speed: u8,
    /// For how many seconds it has been here.
    pub seconds: u64,
    /// Files it shares.
    pub files: u32,
}

/// What is to be written next, all of it or nothing. In this order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Users who have left, and all that they shared.
    pub left: Vec<Link>,
    /// Users who came, or have another port or speed.
    pub came: Vec<Registration>,
    /// Files that are no longer shared.
    pub unshared: Vec<(Link, u32)>,
    /// Files that now are.
    pub shared: Vec<Listed>,
}

impl Batch {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.left.is_empty()
            && self.came.is_empty()
            && self.unshared.is_empty()
            && self.shared.is_empty()
    }
}

/// A user, as others are to see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Its link.
    pub link: Link,
    /// Its nick, as it was typed.
    pub nick: Box<[u8]>,
    /// Its client's name of itself.
    pub client: Box<[u8]>,
    /// Where it is.
    pub addr: Ipv4Addr,
    /// Where it takes connections; 0 when it cannot.
    pub port: u16,
    /// Its line, 0 to 10.
    pub speed: u8,
}

/// A file, as others are to find it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Whose.
    pub owner: Link,
    /// Its number, which no other file of this index has.
    pub id: u32,
    /// As hits and lists tell it: `"name" md5 size bitrate frequency seconds`.
    pub line: Box<[u8]>,
    /// What is behind the last dot of its name, in lower case.
    pub ending: String,
    /// Bytes.
    pub size: u64,
    /// Kilobits a second.
    pub bitrate: u32,
    /// Samples a second.
    pub frequency: u32,
    /// Seconds.
    pub seconds: u32,
    /// What finds it; each once.
    pub terms: Vec<Box<[u8]>>,
}

/// Users and files of all other indexes together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Users.
    pub users: u64,
    /// Their files.
    pub files: u64,
    /// The size of these, in bytes.
    pub bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_hold_what_they_should() {
        let holds =
            |span: &Span, term: &str| (&span.from[..]..&span.until[..]).contains(&clipped(term));
        let whole = Span::whole("metal");
        assert!(holds(&whole, "metal"));
        for other in ["meta", "metala", "metam", "metal "] {
            assert!(!holds(&whole, other), "{other}");
        }
        for (beginning, inside, outside) in [
            ("metal", ["metal", "metallica", "metalé"], ["meta", "metam"]),
            ("\u{7f}", ["\u{7f}", "\u{7f}a", "\u{7f}é"], ["a", "é"]),
            ("é", ["é", "éa", "é東"], ["ê", "e"]),
            ("京", ["京", "京タ", "京都"], ["東", "亭"]),
        ] {
            let span = Span::beginning(beginning);
            assert!(inside.iter().all(|term| holds(&span, term)), "{beginning}");
            assert!(
                !outside.iter().any(|term| holds(&span, term)),
                "{beginning}"
            );
        }
        let long = "x".repeat(5000);
        assert!(holds(&Span::whole(&long), &long));
    }
}
