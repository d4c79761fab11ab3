//! One shared file.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::wire::{Extensions, Record, Sha1, TigerRoot, Urn};

/// One shared file, as the last scan saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedFile {
    /// Its number in hits and `/get/` requests; given by [`super::Library::insert`].
    pub index: u32,
    /// The shared folder it was found under.
    pub root: Arc<Path>,
    /// Its path below that folder.
    pub relative: PathBuf,
    /// Its name as told to others: [`told`] of the last part of the path.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last changed.
    pub modified: SystemTime,
    /// Its digest, once hashed.
    pub sha1: Option<Sha1>,
    /// The root of its hash tree, once hashed.
    pub tree: Option<TigerRoot>,
}

impl SharedFile {
    /// A file not yet in a library and not yet hashed.
    pub fn new(root: Arc<Path>, relative: PathBuf, size: u64, modified: SystemTime) -> Self {
        let name = told(relative.file_name().unwrap_or_default());
        Self {
            index: 0,
            root,
            relative,
            name,
            size,
            modified,
            sha1: None,
            tree: None,
        }
    }

    /// Root and relative path together.
    pub fn path(&self) -> PathBuf {
        self.root.join(&self.relative)
    }

    /// It as a record of a hit: `urn:sha1:` once hashed, and GGEP `CT`, the time askers of "what's new" sort by.
    pub fn record(&self) -> Record {
        let mut extensions = Extensions::default();
        extensions.urns.extend(self.sha1.map(Urn::Sha1));
        let seconds = self.seconds().to_le_bytes();
        let length = seconds
            .iter()
            .rposition(|&byte| byte != 0)
            .map_or(0, |last| last + 1);
        if length > 0 {
            extensions.ggep.push("CT", seconds[..length].to_vec());
        }
        Record {
            index: self.index,
            size: self.size,
            name: self.name.clone(),
            extensions,
        }
    }

    /// When it was last changed, in seconds since 1970; zero when before.
    pub(super) fn seconds(&self) -> u64 {
        self.modified
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs())
    }
}

/// The name told to others of a file that is called so on disk.
///
/// The disk allows names that a hit must not hold (LimeWire drops a hit with `/`, CR or LF in a name, a terminal obeys
/// control characters, a name may be no UTF-8 at all). The file is shared all the same, since its owner wants that,
/// under a name in which each such character is `_`: control characters, both slashes, marks that turn the direction
/// of writing around, and what is not UTF-8. The told name is never longer in bytes than the one on disk.
pub fn told(name: &OsStr) -> String {
    name.to_string_lossy()
        .chars()
        .map(|c| match c {
            '/' | '\\' | char::REPLACEMENT_CHARACTER => '_',
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '_',
            '\u{2028}' | '\u{2029}' => '_',
            c if c.is_control() => '_',
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_hostile_name_is_told_tamely() {
        for (on_disk, expected) in [
            ("plain name.txt", "plain name.txt"),
            ("été 東京 🐈.ogg", "été 東京 🐈.ogg"),
            ("two\nlines\r.txt", "two_lines_.txt"),
            ("\u{1b}[31mred", "_[31mred"),
            ("..\\..\\evil", ".._.._evil"),
            ("nul\0", "nul_"),
            ("gpj.\u{202e}exe", "gpj._exe"),
            ("c1\u{9b}", "c1_"),
        ] {
            assert_eq!(told(OsStr::new(on_disk)), expected);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_name_that_is_no_text_is_told_no_longer_than_it_is() {
        use std::os::unix::ffi::OsStrExt;
        assert_eq!(told(OsStr::from_bytes(b"a\xff\xfeb.mp3")), "a__b.mp3");
        assert_eq!(told(OsStr::from_bytes(&[0xff; 255])).len(), 255);
    }

    #[test]
    fn a_record_says_what_is_known() {
        let root: Arc<Path> = Path::new("/music").into();
        let born = UNIX_EPOCH + Duration::from_secs(0x0102_0304);
        let mut file = SharedFile::new(root, PathBuf::from("a/b c.mp3"), 5_000_000_000, born);
        file.index = 7;
        let record = file.record();
        assert_eq!((record.index, record.size), (7, 5_000_000_000));
        assert_eq!(record.name, "b c.mp3");
        assert!(record.extensions.urns.is_empty());
        assert_eq!(record.extensions.ggep.get("CT").unwrap()[..], [4, 3, 2, 1]);
        file.sha1 = Some(Sha1([9; 20]));
        file.modified = UNIX_EPOCH - Duration::from_secs(1);
        let record = file.record();
        assert_eq!(record.sha1(), Some(Sha1([9; 20])));
        assert!(record.extensions.ggep.is_empty());
    }
}
