//! The central index: Napster's way of searching, on the OpenNap wire.
//!
//! Peers tell one server what they have, the server answers every search, and files go from peer to peer. It is the
//! contrast to flooding: two messages a search instead of thousands, and one machine whose loss ends all searching.
//!
//! The one rule: [`Index`] decides and knows no socket. A link opened, a frame came, a link closed ([`Input`]); send these
//! bytes, close that link ([`Effect`]). [`server`] is its driver on tokio, a simulator may be another. What a [`Frame`] holds
//! follows `napster.txt` (the OpenNap protocol specification, drscholl), and where that is silent, opennap-ng 0.50.

mod answer;
mod fields;
mod frame;
mod index;
mod peer;
mod search;
mod share;
mod token;

pub mod server;

pub use answer::{Hit, Meeting};
pub use fields::{Fields, Malformed};
pub use frame::{Frame, FrameError, Kind, MAX_BODY, frame};
pub use index::{
    Answer, Batch, Effect, Found, Guest, Index, Input, Limits, Link, Listed, Load, Outbox, Place,
    Question, QuestionId, Registration, Span, Totals, Wanted,
};
pub use peer::{IndexSource, Offered, Requested};
pub use search::{Bound, Measure, Search};
pub use share::{Shared, batch};
pub use token::{address, number, token};
