//! GIV: "you pushed, here I am".

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXUPPER;
use percent_encoding::{percent_decode_str, utf8_percent_encode};

use super::{HeadError, IN_PATH};
use crate::wire::Guid;

/// The line a servent answers a Push with, on the connection it opens to the one who pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Giv {
    /// The file asked for, as the Push has it; LimeWire and gtk-gnutella say 0 for any. Not to be matched on.
    pub index: u32,
    /// Who gives: the servent GUID the Push was addressed to.
    pub servent: Guid,
    /// The file's name; LimeWire and gtk-gnutella say `file` for any. Not to be matched on.
    pub name: String,
}

impl fmt::Display for Giv {
    /// `GIV <index>:<GUID>/<name>`, without the two LF that end it. The name is percent-encoded: it may hold a line end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let guid = HEXUPPER.encode(&self.servent.0);
        let name = utf8_percent_encode(&self.name, IN_PATH);
        write!(f, "GIV {}:{guid}/{name}", self.index)
    }
}

impl FromStr for Giv {
    type Err = HeadError;

    /// Reads the line with or without its end. A name whose encoding is wrong is kept as well as it can be.
    fn from_str(line: &str) -> Result<Self, HeadError> {
        let parse = || {
            let (index, rest) = line.strip_prefix("GIV ")?.split_once(':')?;
            let (guid, name) = rest.split_once('/')?;
            let name = percent_decode_str(name.trim_end_matches(['\r', '\n']));
            Some(Self {
                index: index.parse().ok()?,
                servent: guid.parse().ok()?,
                name: name.decode_utf8_lossy().into_owned(),
            })
        };
        parse().ok_or(HeadError::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_giv_goes_there_and_back() {
        let giv = Giv {
            index: 3,
            servent: Guid([0xab; 16]),
            name: "a\nb c.mp3".to_owned(),
        };
        let line = giv.to_string();
        assert!(
            line.starts_with("GIV 3:ABABABAB") && !line.contains('\n'),
            "{line}"
        );
        assert_eq!((line + "\n\n").parse(), Ok(giv));
    }
}
