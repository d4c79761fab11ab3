//! The forms in which graphs lie in files, told by the names of these.

use std::ffi::OsStr;
use std::path::Path;

/// A form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Two names a line.
    Edges,
    /// `{"node": ["other", …], …}`.
    Json,
    /// XML as graph programs exchange it.
    GraphMl,
}

impl Form {
    /// That of a file of this name, and whether it is gzipped.
    pub(super) fn of(path: &Path) -> (Self, bool) {
        let is = |path: &Path, ending: &str| {
            path.extension()
                .is_some_and(|own: &OsStr| own.eq_ignore_ascii_case(ending))
        };
        let packed = is(path, "gz");
        let plain = match packed {
            true => path.with_extension(""),
            false => path.to_owned(),
        };
        let form = match (is(&plain, "json"), is(&plain, "graphml")) {
            (true, _) => Self::Json,
            (_, true) => Self::GraphMl,
            _ => Self::Edges,
        };
        (form, packed)
    }

    /// Bytes that are read in this form. A line is forgotten when the next one is read; the others may be one piece, which
    /// takes some ten times as much in memory.
    pub(super) const fn most_bytes(self) -> u64 {
        match self {
            Self::Edges => 1_024 * MIB,
            Self::Json | Self::GraphMl => 128 * MIB,
        }
    }
}

/// Bytes of a mebibyte.
pub(super) const MIB: u64 = 1 << 20;
