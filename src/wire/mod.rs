//! Bytes to descriptors and back: everything Gnutella puts on a socket, and nothing about sockets.
//!
//! The one rule here: a function takes bytes or text and returns values, or the other way round. No peer, no clock, no
//! task. Multi-byte numbers are little-endian, IPv4 addresses are in network order with a little-endian port behind
//! them (Gnutella 0.6 draft, "Message header").

mod bye;
mod codec;
mod descriptor;
mod error;
mod extension;
mod ggep;
mod guid;
mod header;
mod hit;
mod inflate;
mod ping;
mod push;
mod query;
mod text;
mod trailer;
mod urn;
mod vendor;
mod walk;

pub mod address;
pub mod cobs;
pub mod datagram;
pub mod deflate;
pub mod gwebcache;
pub mod handshake;
pub mod qrp;
pub(crate) mod words;

pub use bye::{Bye, ByeCode};
pub use codec::{CodecError, DescriptorCodec};
pub use descriptor::Descriptor;
pub use error::WireError;
pub use extension::Extensions;
pub use ggep::Ggep;
pub use guid::{Guid, NotAGuid};
pub use header::{HEADER_LEN, Header, Kind};
pub use hit::{QueryHit, Record};
pub use ping::{Ping, Pong};
pub use push::Push;
pub use qrp::RouteTableMessage;
pub use query::{Query, QueryFlags};
pub use trailer::Trailer;
pub use urn::{Sha1, TigerRoot, Urn};
pub use vendor::{Crawl, Crawled, Feature, Supported, VendorMeaning, VendorMessage};
pub use walk::WalkStep;
