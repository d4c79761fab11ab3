//! The tokio driver: one task owns the overlay; links, timers and transfers are tasks around it.
//!
//! ```text
//!   listen ─┐ handshake            ┌─> link: queue ─> writer ─> socket
//!   dial  ──┴─> Greeted ─> actor ──┤
//!   Servent ──────> Order ─> │     └<─ inbox <─ reader <─ socket
//!                         Overlay
//! ```
//!
//! The one rule: the actor never waits for a neighbour. What it has to say goes into the bounded queue of a link, or is
//! shed and counted; what neighbours say comes through one bounded inbox, whose senders wait in a fair line.
//!
//! IPv4 only, as the classic network is: every address is a [`std::net::SocketAddrV4`].

mod actor;
mod admission;
mod beginning;
mod bootstrap;
mod datagram;
mod dial;
mod gateway;
mod greet;
mod inbox;
mod link;
mod listen;
mod membership;
mod passing;
mod public;
mod room;
mod routing;
mod saved;
mod search;
mod seeker;
mod servent;
mod settings;
mod status;
mod stores;
mod watches;
mod webcaches;
mod whereabouts;
mod word;

pub use crate::central::IndexSource;
pub use beginning::{BootstrapSource, BootstrapStep};
pub use bootstrap::{Bootstrap, Candidate, DEFAULT_PORT};
pub use gateway::{GatewayNews, GatewayStep};
pub use membership::Standing;
pub use passing::Passing;
pub use public::Public;
pub use room::raise_limit_on_open_files;
pub use search::{Search, SearchHit};
pub use servent::Servent;
pub use settings::{Settings, UPLOAD_SLOTS};
pub use status::{PeerStatus, Status};
pub use watches::{Find, Watch, Watches};
