//! Why bytes from the network were refused.

/// A refusal of bytes that are not what they should be. Every one is counted; none is ever a panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum WireError {
    /// It ends before it is whole.
    #[error("the bytes end too early")]
    Truncated,
    /// A length is above the limit for its kind.
    #[error("it is longer than its kind may be")]
    TooLarge,
    /// A text is not UTF-8, or lacks the NUL that ends it.
    #[error("a text is not terminated or not UTF-8")]
    BadText,
    /// A GGEP block breaks the framing rules.
    #[error("a GGEP block is malformed")]
    BadGgep,
    /// A COBS code points outside the data.
    #[error("a COBS encoding is malformed")]
    BadCobs,
    /// Compressed data is damaged or grows past its limit.
    #[error("compressed data is damaged or too large when inflated")]
    BadDeflate,
    /// A URN has the wrong form.
    #[error("a URN is malformed")]
    BadUrn,
    /// An address nobody can be reached at: port 0, 0.0.0.0, multicast, broadcast.
    #[error("an address is not one a servent can have")]
    BadAddress,
    /// A query without words, URN or XML.
    #[error("a query asks for nothing")]
    EmptyQuery,
    /// A query hit's records or trailer do not fit the rules.
    #[error("a query hit is malformed")]
    BadHit,
    /// A vendor message's own layout is broken.
    #[error("a vendor message is malformed")]
    BadVendor,
    /// A query route table message breaks the sequence or the sizes.
    #[error("a route table message is malformed")]
    BadRouteTable,
    /// A handshake group is not what the protocol allows.
    #[error("a handshake line is malformed")]
    BadHandshake,
}
