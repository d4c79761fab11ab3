//! QueryHit: records, trailer, servent GUID (Gnutella 0.6, "QueryHit"; EQHD; HUGE).

use std::net::SocketAddrV4;

use bytes::Bytes;

use super::{Extensions, Ggep, Guid, Sha1, WireError};

/// The payload of a QueryHit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryHit {
    /// Where the files are.
    pub addr: SocketAddrV4,
    /// Its upstream in KiB/s, as claimed.
    pub speed: u32,
    /// The files.
    pub records: Vec<Record>,
    /// What the trailer says of the servent.
    pub trailer: Trailer,
    /// The servent's own GUID, to which a Push is addressed.
    pub servent: Guid,
}

/// One file of a hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number at the servent that shares it.
    pub index: u32,
    /// Its size in bytes (GGEP `LF` above 2^31-1).
    pub size: u64,
    /// Its name.
    pub name: String,
    /// Its URNs and extensions.
    pub extensions: Extensions,
}

/// The trailer of a hit (EQHD): what is unset is not said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trailer {
    /// Four letters: `SRVT` is ours.
    pub vendor: [u8; 4],
    /// It cannot be connected to.
    pub push: Option<bool>,
    /// All its upload slots are taken.
    pub busy: Option<bool>,
    /// It has uploaded a file to somebody.
    pub uploaded: Option<bool>,
    /// Its speed was measured.
    pub measured: Option<bool>,
    /// Its extensions: `BH` browse host, `PUSH` proxies, ...
    pub ggep: Ggep,
}

impl Record {
    /// The file's SHA-1 where the record tells it.
    pub fn sha1(&self) -> Option<Sha1> {
        self.extensions.sha1()
    }
}

impl QueryHit {
    /// The servent GUID of a hit payload: its last 16 bytes. All that a relay needs to read.
    pub fn servent_of(payload: &[u8]) -> Option<Guid> {
        payload.last_chunk().copied().map(Guid)
    }
    /// Reads a payload.
    /// # Errors
    /// [`WireError::BadHit`] and kin.
    pub fn decode(_payload: &Bytes) -> Result<Self, WireError> {
        todo!()
    }
    /// The payload.
    pub fn encode(&self) -> Bytes {
        todo!()
    }
}
