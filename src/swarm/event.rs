//! What happens to a download, and what is to be done about it.

use std::time::Duration;

use super::{ByteRange, Ranges};

/// A source of one download, numbered by whoever drives the [`Swarm`](super::Swarm).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u32);

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// A source became known, or is to be tried anew after it was given up.
    Found(SourceId),
    /// Somebody told the size of the file in bytes; the first word counts.
    Size(u64),
    /// A source has these parts of the file only.
    Has {
        /// Which.
        source: SourceId,
        /// The parts.
        ranges: Ranges,
    },
    /// The head of an answer came, and this is what its body will be.
    Sending {
        /// From whom.
        source: SourceId,
        /// The bytes that will come.
        range: ByteRange,
    },
    /// Bytes nobody brought before were written to the disk.
    Arrived {
        /// From whom.
        source: SourceId,
        /// Which.
        range: ByteRange,
    },
    /// An answer has come, and it is known how.
    Paced {
        /// From whom.
        source: SourceId,
        /// Whether it came slower than we read: nothing of it waited anywhere to be lost with us.
        paced: bool,
    },
    /// An answer is at its end; the source can be asked again.
    Ended(SourceId),
    /// Asking a source came to nothing, or broke off.
    Failed {
        /// Which.
        source: SourceId,
        /// How.
        how: Failure,
    },
    /// The hash tree of the file is here, with blocks of this size.
    Tree {
        /// The size of a block in bytes.
        block: u64,
        /// Who told its root; nobody, when it was known with the SHA-1.
        teller: Option<SourceId>,
    },
    /// A block was held against the tree.
    Judged {
        /// Its bytes.
        range: ByteRange,
        /// Whether they are right.
        good: bool,
    },
    /// The whole file was held against its digest.
    Checked {
        /// Whether it is right.
        good: bool,
    },
    /// Time has passed.
    Tick,
}

/// How asking a source came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The connection failed or broke, or what came made no sense.
    Broken,
    /// It is busy, and we may ask again after this time.
    Busy(Duration),
    /// It holds a place in its queue for us, if we ask again after this time.
    Queued(Duration),
    /// It has not got the range. What it has was told by [`Input::Has`], if it told.
    Missing,
    /// It does not give us the file.
    Refused,
    /// It has another file.
    OtherFile,
}

/// Something to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Ask a source for a range; the end is none of our business while nobody knows the size.
    Ask {
        /// Whom.
        source: SourceId,
        /// For what.
        range: ByteRange,
    },
    /// Stop what a source sends, without a word back: it is too slow, or not needed, or not wanted.
    Cut(SourceId),
    /// Hold a block, all of which is here, against the tree.
    Judge(ByteRange),
    /// These bytes are wrong: they are not here any more.
    Forget(ByteRange),
    /// A source is found guilty; it is not to be asked again.
    Ban {
        /// Which.
        source: SourceId,
        /// Of what.
        crime: Crime,
    },
    /// A source was banned because of a tree that is false; it may be asked again.
    Pardon(SourceId),
    /// The tree is false: forget it, and its root.
    DropTree,
    /// All is here: hold the whole file against its digest.
    Check,
}

/// What a source is guilty of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crime {
    /// It sent bytes that are not the file's.
    FalseBytes,
    /// It told the root of a tree that is not the file's.
    FalseTree,
    /// It has another file than it said.
    OtherFile,
}

/// Takes what is to be done. A `Vec<Effect>` is one.
pub trait Outbox {
    /// Takes one.
    fn push(&mut self, effect: Effect);
}

impl Outbox for Vec<Effect> {
    fn push(&mut self, effect: Effect) {
        Self::push(self, effect);
    }
}
