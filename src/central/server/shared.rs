//! What an index and the store it shares say to each other.

use bytes::Bytes;
use thiserror::Error;
use tokio::sync::mpsc;

use crate::central::index::{Answer, Batch, Link, Place, Question, QuestionId, Totals};

/// It is no such address.
#[derive(Debug, Error)]
#[error("a store is like postgres://user:password@host/database ({0})")]
pub struct NoStore(pub(super) String);

/// How an index stands with its store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is being looked for, for the first time.
    Looking,
    /// It is there.
    There,
    /// It is not, and is tried again and again; what went wrong.
    Away(String),
}

/// Where the index sends what is meant for the store: one set a session, so that nothing of the last one gets into the next.
#[derive(Debug)]
pub(super) struct Orders {
    /// Batches, one at a time: the next one once [`News::Written`] came.
    pub(super) batches: mpsc::Sender<Batch>,
    /// Questions.
    pub(super) questions: mpsc::Sender<(QuestionId, Question)>,
    /// Frames for users of other indexes.
    pub(super) mail: mpsc::Sender<(Place, Bytes)>,
}

/// What the store tells.
#[cfg_attr(
    not(feature = "postgres"),
    expect(dead_code, reason = "without a store nobody tells")
)]
#[derive(Debug)]
pub(super) enum News {
    /// It is there.
    Opened(Orders),
    /// The last batch is written, and somebody else had the nicks of these users first.
    Written(Vec<Link>),
    /// A question is answered, or not in time.
    Answered(QuestionId, Option<Answer>),
    /// Frames from another index for a user of ours.
    Forwarded(Link, Bytes),
    /// What the others have.
    Others(Totals),
    /// It is there no longer.
    Lost,
}
