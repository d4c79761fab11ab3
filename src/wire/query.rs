//! Query: flags, search words, extensions (Gnutella 0.6, "Query"; HUGE; minimum-speed flags).

use bytes::Bytes;

use super::{Extensions, Urn, WireError};

/// The flags in the old minimum-speed field, read BIG-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryFlags(pub u16);

impl QueryFlags {
    /// The field holds flags, not a speed. gtk-gnutella drops queries without it.
    pub const IS_FLAGS: u16 = 0x8000;
    /// The asker is firewalled.
    pub const FIREWALLED: u16 = 0x4000;
    /// The asker wants XML metadata.
    pub const XML: u16 = 0x2000;
    /// The asker reads GGEP `H` in hits.
    pub const GGEP_H: u16 = 0x0800;
    /// Whether this flag is set and the field holds flags at all.
    pub const fn has(self, flag: u16) -> bool {
        self.0 & Self::IS_FLAGS != 0 && self.0 & flag != 0
    }
}

/// The payload of a Query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// What the asker can and wants.
    pub flags: QueryFlags,
    /// The words looked for (GGEP `XQ` instead of the field, where present).
    pub text: String,
    /// URNs looked for, and the rest.
    pub extensions: Extensions,
}

impl Query {
    /// A search for words. Characters that other servents refuse in queries become spaces.
    pub fn words(_text: &str) -> Self {
        todo!()
    }
    /// A search for one content. The text is `\`, the sign of a query by hash only.
    pub fn urn(_urn: Urn) -> Self {
        todo!()
    }
    /// Reads a payload.
    /// # Errors
    /// [`WireError::Truncated`], [`WireError::BadText`].
    pub fn decode(_payload: &Bytes) -> Result<Self, WireError> {
        todo!()
    }
    /// The payload.
    pub fn encode(&self) -> Bytes {
        todo!()
    }
}
