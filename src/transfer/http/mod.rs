//! HTTP as servents speak it: heads, ranges and body framing, as bytes in and bytes out.
//!
//! The one rule: nothing here knows a socket, a file or a clock, and whatever arrives is judged before it is used. The
//! dialect is RFC 9112 with the habits of old servents: lines that end in LF, raw spaces in `/get/` requests,
//! `Range: bytes 0-`, status lines without a version (Gnutella 0.6, "File transfer"; HUGE 0.94, section 3).

mod alternates;
mod framing;
mod giv;
mod head;
mod push_proxy;
mod queue;
mod range;
mod request;
mod response;
mod target;
mod walled;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};

pub use crate::swarm::ByteRange;
pub use alternates::{read_alternates, tell_alternates};
pub use framing::{Chunked, Framing};
pub use giv::Giv;
pub use head::{HeadError, Headers, MAX_HEAD, MAX_LINES, Version, head_end};
pub use push_proxy::ProxyTarget;
pub use queue::Place;
pub use range::{ContentRange, RangeError, available, tell_available};
pub use request::{Method, Request};
pub use response::{Response, Status};
pub use target::Target;
pub use walled::{READS_WALLED, Walled, read_walled, tell_walled};

/// What a file name has percent-encoded in a path: all but the characters RFC 3986 leaves unreserved.
pub(crate) const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The media type of a body that is a row of QueryHits.
pub const PACKETS: &str = "application/x-gnutella-packets";

/// What two who talk by way of a relay call that (RFC 9110, section 7.8).
pub(crate) const RELAY: &str = "gnutella-relay/0.1";

/// Names the digest of the file a response carries (HUGE 0.94, section 3.3).
pub const CONTENT_URN: &str = "X-Gnutella-Content-URN";

/// Names the path of the hash tree of the file a response carries, and behind `;` its root.
pub const THEX_URI: &str = "X-Thex-URI";
