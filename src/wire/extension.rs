//! The extension area of queries and hit records (HUGE 0.94): URNs, plain text and GGEP, separated by FS (1c).

use super::{Ggep, Sha1, Urn};

/// What an extension area holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// Complete URNs: what a query asks for, what a record is.
    pub urns: Vec<Urn>,
    /// Kinds of URN asked for, as sent: `urn:`, `urn:sha1:`.
    pub wanted: Vec<String>,
    /// Anything else that is text: XML, `192 kbps 44 kHz 3:23`.
    pub texts: Vec<String>,
    /// The GGEP blocks, merged.
    pub ggep: Ggep,
}

impl Extensions {
    /// The SHA-1 of the first URN that has one, or of GGEP `H`.
    pub fn sha1(&self) -> Option<Sha1> {
        todo!()
    }
}
