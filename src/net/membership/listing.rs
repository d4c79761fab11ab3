//! What we share, as an index lists it: by name, and each name once.
//!
//! The names are those that hits tell, never the folders. Before each stands a `\`, without which TekNap shows no name, and
//! files of equal names get folders that hold no word: `\name`, `_\name`, `__\name`.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};

use crate::central::{Kind, MAX_BODY, Shared, frame};
use crate::library::{Library, SharedFile};

/// What stands where no digest is known yet.
const NO_MARK: &str = "00000000000000000000000000000000";

/// Files an index is told of: opennap-ng takes 5,000 of a user.
const MOST: usize = 5000;

/// A file's size and mark, by the name it is listed under.
pub(super) type Listing = BTreeMap<String, (u64, String)>;

/// All that `library` shares.
pub(super) fn listing(library: &Library) -> Listing {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut listing = Listing::new();
    for file in library.files().take(MOST) {
        let name = plain(file);
        let before = seen.entry(name.clone()).or_default();
        let mark = file
            .sha1
            .map_or_else(|| NO_MARK.to_owned(), |sha1| sha1.to_string());
        listing.insert(listed(&name, *before), (file.size, mark));
        *before += 1;
    }
    listing
}

/// Writes what brings an index from one listing to another.
pub(super) fn difference(old: &Listing, new: &Listing, out: &mut BytesMut) {
    for (name, was) in old {
        if new.get(name) != Some(was) {
            frame(out, Kind::UNSHARE, |body| {
                body.extend_from_slice(name.as_bytes());
            });
        }
    }
    for (name, (size, mark)) in new {
        if old
            .get(name)
            .is_none_or(|was| *was != (*size, mark.clone()))
            && name.len() < MAX_BODY / 2
        {
            frame(out, Kind::SHARE, |body| {
                shared(name, *size, mark).write(body);
            });
        }
    }
}

/// As text for whoever browses us: a file a line.
pub(in crate::net) fn list(library: &Library) -> Bytes {
    let mut out = BytesMut::new();
    for (name, (size, mark)) in listing(library) {
        shared(&name, size, &mark).write(&mut out);
        out.extend_from_slice(b"\n");
    }
    out.freeze()
}

fn shared<'a>(name: &'a str, size: u64, mark: &'a str) -> Shared<'a> {
    Shared {
        name: name.as_bytes(),
        md5: mark.as_bytes(),
        size,
        bitrate: 128,
        frequency: 44_100,
        seconds: 0,
    }
}

/// The file that is listed as `name`.
pub(in crate::net) fn find(library: &Library, name: &str) -> Option<SharedFile> {
    let (folder, plain_name) = name.rsplit_once('\\')?;
    let mut same = library.files().filter(|file| plain(file) == plain_name);
    same.nth(folder.len()).cloned()
}

/// How a file is listed when `before` others of its name are.
fn listed(name: &str, before: usize) -> String {
    format!("{}\\{name}", "_".repeat(before))
}

/// A name without what the wire cannot carry.
fn plain(file: &SharedFile) -> String {
    file.name.replace('"', "'")
}
