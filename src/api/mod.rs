//! The control API: how a running servent is told what to do, by its owner and nobody else.
//!
//! HTTP/1.1 and JSON on loopback. A call is a command of the prompt in other clothes: [`Operation`] says which words a
//! path stands for, a [`Desk`] carries them out, and what they say goes to the caller as it is said. So whatever can be
//! typed can be called, the lines of JSON are those of a script, and the OpenAPI document is drawn from the same table.
//!
//! One rule: nothing is carried out before the `guard` has seen the token of the [`Pass`], which stands in a file only
//! the owner can read and is new at every start, and has refused whatever a browser may have been talked into.

mod client;
mod document;
mod guard;
mod operation;
mod pass;
mod server;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::mpsc;

pub use client::{Answer, Client, Events};
pub use operation::{OPERATIONS, Operation, Parameter, Place};
pub use pass::Pass;
pub use server::{Opened, Server};

/// Lines a caller may leave unread. A library of so many files fits; who reads no further is let go.
pub const MOST_WAITING: usize = 1 << 18;

/// Who carries out what callers ask for.
pub trait Desk: Send + Sync + 'static {
    /// Carries out an order, to its end, which [`Said::Exit`] tells. Dropped when the caller hangs up.
    fn carry_out(self: Arc<Self>, order: Order, said: mpsc::Sender<Said>)
    -> BoxFuture<'static, ()>;

    /// What happens from now on.
    fn news(self: Arc<Self>) -> BoxStream<'static, News>;
}

/// What is to be done, and for what kind of eyes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Order {
    /// The words of the command line: the verb, its arguments, its options.
    pub words: Vec<String>,
    /// How wide data may be; none where it goes to a file or a program.
    pub columns: Option<usize>,
    /// How wide a line that says how far things are may be; none for no such lines.
    pub bar_columns: Option<usize>,
    /// Whether data, and talk, may have styles.
    pub colour: [bool; 2],
}

/// What comes of an order, piece by piece.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// A line for stdout.
    Data(String),
    /// A line for stderr.
    Talk(String),
    /// How far things are; replaces the one before.
    Progress(String),
    /// Why it came to nothing; a line for stderr.
    Error(String),
    /// It is over, with this exit code. The last that is said.
    Exit(u8),
}

/// Something that happened: an event of the event stream.
#[derive(Clone, Debug)]
pub struct News {
    /// What kind: `status` or `query`.
    pub event: &'static str,
    /// It, as JSON.
    pub data: Value,
}
