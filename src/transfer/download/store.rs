//! What a download needs to go on after a crash: `<id>.json` says what is wanted, `<id>.part` holds what came, `<id>.map`
//! which bytes of it those are, and `<id>.tree` tells right blocks from wrong ones.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};

use atomic_write_file::AtomicWriteFile;
use serde::{Deserialize, Serialize};

use super::name::safe_name;
use super::{DownloadId, Priority, Source};
use crate::central::IndexSource;
use crate::thex::Tree;
use crate::wire::{Guid, Sha1, TigerRoot};

/// What is wanted, and who has it. Which bytes are at hand is not told here but by the part's journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ticket {
    /// The name it will have: safe already.
    pub(super) name: String,
    /// The size in bytes, once known.
    pub(super) size: Option<u64>,
    /// The digest, once known.
    #[serde(with = "text")]
    pub(super) sha1: Option<Sha1>,
    /// The root of the hash tree that the file must have.
    #[serde(with = "text", default)]
    pub(super) promised: Option<TigerRoot>,
    /// The root of the hash tree, once that was fetched.
    #[serde(with = "text", default)]
    pub(super) root: Option<TigerRoot>,
    /// Who told that root.
    #[serde(default)]
    pub(super) teller: Option<SocketAddrV4>,
    /// Where to get it.
    pub(super) sources: Vec<Source>,
    /// Whom only an index can name, where that is who has it.
    #[serde(with = "text", default)]
    pub(super) owner: Option<IndexSource>,
    /// Who comes first.
    #[serde(default)]
    pub(super) priority: Priority,
    /// The user wants it left alone.
    #[serde(default)]
    pub(super) paused: bool,
    /// All is here and was checked: what remains is the move to the downloads folder. A ticket that says so and has no
    /// part is one whose file was moved.
    pub(super) checked: bool,
}

impl Ticket {
    /// Of a file that nobody is known to have.
    pub(super) const fn new(name: String, size: Option<u64>, sha1: Option<Sha1>) -> Self {
        Self {
            name,
            size,
            sha1,
            promised: None,
            root: None,
            teller: None,
            sources: Vec::new(),
            owner: None,
            priority: Priority::Normal,
            paused: false,
            checked: false,
        }
    }
}

/// The folder of tickets and parts.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
}

impl Store {
    /// Opens the folder below `data`, or makes it.
    ///
    /// # Errors
    /// It cannot be made; the text says which.
    pub(super) fn open(data: &Path) -> io::Result<Self> {
        let folder = data.join("unfinished");
        std::fs::create_dir_all(&folder).map_err(|error| at(&folder, &error))?;
        Ok(Self { folder })
    }

    /// All tickets, and the first number that was never used here. What a crash left of writing them is removed: only while
    /// nobody writes any.
    ///
    /// A ticket that cannot be read is moved aside with its part; the others are not to suffer.
    ///
    /// # Errors
    /// The folder cannot be read; the text says which.
    pub(super) fn load(&self) -> io::Result<(BTreeMap<DownloadId, Ticket>, DownloadId)> {
        let (mut tickets, mut next) = (BTreeMap::new(), DownloadId(1));
        let entries = std::fs::read_dir(&self.folder).map_err(|error| at(&self.folder, &error))?;
        for entry in entries {
            let path = entry.map_err(|error| at(&self.folder, &error))?.path();
            let Some(id) = number(&path) else {
                if is_remnant(&path) {
                    let _ = std::fs::remove_file(&path);
                }
                continue;
            };
            next = next.max(DownloadId(id.0.saturating_add(1)));
            if path.extension() != Some(OsStr::new("json")) {
                continue;
            }
            match read(&path) {
                Ok(ticket) => {
                    tickets.insert(id, ticket);
                }
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "a download's ticket is damaged: put aside");
                    let _ = std::fs::rename(&path, path.with_extension("damaged"));
                }
            }
        }
        Ok((tickets, next))
    }

    /// One ticket.
    ///
    /// # Errors
    /// There is none, or it cannot be read; the text says which.
    pub(super) fn ticket(&self, id: DownloadId) -> io::Result<Ticket> {
        let path = self.path(id, "json");
        read(&path).map_err(|error| at(&path, &error))
    }

    /// Writes a ticket, whole or not at all.
    ///
    /// # Errors
    /// It cannot be written; the text says which.
    pub(super) fn save(&self, id: DownloadId, ticket: &Ticket) -> io::Result<()> {
        let path = self.path(id, "json");
        let write = || {
            let mut file = AtomicWriteFile::open(&path)?;
            file.write_all(&text_of(ticket)?)?;
            file.commit()
        };
        write().map_err(|error| at(&path, &error))
    }

    /// Writes a ticket in the place of the one there is, unless that is the same: thousands begin at once at a start, and
    /// each writing waits for the disk. Where there is none the disk is gone, and nothing is to be begun in its place.
    ///
    /// # Errors
    /// As [`Self::save`]; `NotFound`.
    pub(super) fn renew(&self, id: DownloadId, ticket: &Ticket) -> io::Result<()> {
        let path = self.path(id, "json");
        let before = std::fs::read(&path).map_err(|error| at(&path, &error))?;
        match before == text_of(ticket)? {
            true => Ok(()),
            false => self.save(id, ticket),
        }
    }

    /// Where a download's bytes are gathered.
    pub(super) fn part(&self, id: DownloadId) -> PathBuf {
        self.path(id, "part")
    }

    /// Where it is told which of them are here.
    pub(super) fn journal(&self, id: DownloadId) -> PathBuf {
        self.path(id, "map")
    }

    /// Keeps the hash tree of a download.
    ///
    /// # Errors
    /// It cannot be written; the text says which.
    pub(super) fn save_tree(&self, id: DownloadId, tree: &Tree) -> io::Result<()> {
        let path = self.path(id, "tree");
        let write = || {
            let mut file = AtomicWriteFile::open(&path)?;
            file.write_all(&tree.encode(Guid::ZERO))?;
            file.commit()
        };
        write().map_err(|error| at(&path, &error))
    }

    /// The hash tree that was kept, if it still is the ticket's.
    pub(super) fn tree(&self, id: DownloadId, ticket: &Ticket) -> Option<Tree> {
        let (size, root) = (ticket.size?, ticket.root?);
        let bytes = std::fs::read(self.path(id, "tree")).ok()?;
        Tree::decode(&bytes, size, root).ok()
    }

    /// Forgets a download: its bytes, then what is known of them, then its ticket.
    pub(super) fn remove(&self, id: DownloadId) {
        for extension in ["part", "map", "tree", "json"] {
            let path = self.path(id, extension);
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(path = %path.display(), %error, "cannot be removed");
                }
                _ => {}
            }
        }
    }

    fn path(&self, id: DownloadId, extension: &str) -> PathBuf {
        self.folder.join(format!("{}.{extension}", id.0))
    }
}

/// The error, with the path it is about.
pub(super) fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// The number in a file's name.
fn number(path: &Path) -> Option<DownloadId> {
    path.file_stem()?.to_str()?.parse().ok().map(DownloadId)
}

/// Whether a file is what a crash left of writing a ticket: those are hidden until they are whole.
fn is_remnant(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// A ticket as it is kept.
fn text_of(ticket: &Ticket) -> io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(ticket)?;
    text.push(b'\n');
    Ok(text)
}

fn read(path: &Path) -> io::Result<Ticket> {
    let ticket: Ticket = serde_json::from_slice(&std::fs::read(path)?)?;
    // A damaged name is no way out of the downloads folder.
    let name = safe_name(&ticket.name);
    Ok(Ticket { name, ..ticket })
}

/// Digests and GUIDs as people know them.
pub(super) mod text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(in super::super) fn serialize<T: Display, S: Serializer>(
        value: &Option<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let text = value.as_ref().map(ToString::to_string);
        text.serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<T>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| text.parse().map_err(D::Error::custom))
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn ticket() -> Ticket {
        Ticket {
            name: "été.mp3".to_owned(),
            size: Some(7),
            sha1: Some(Sha1([7; 20])),
            promised: Some(TigerRoot([3; 24])),
            root: Some(TigerRoot([3; 24])),
            teller: None,
            sources: vec![Source {
                get: Some((3, "été.mp3".to_owned())),
                push: Some(Guid([5; 16])),
                proxies: vec![SocketAddrV4::new([1, 2, 3, 4].into(), 5)],
                ..Source::at(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 6346))
            }],
            owner: "tekb \\m\\a tune.mp3".parse().ok(),
            priority: Priority::High,
            paused: true,
            checked: false,
        }
    }

    #[test]
    fn tickets_come_back_and_numbers_go_on() {
        let data = tempfile::tempdir().expect("a folder");
        let store = Store::open(data.path()).expect("it is made");
        assert_eq!(store.load().expect("empty").1, DownloadId(1));
        let unknown = Ticket {
            sha1: None,
            size: None,
            ..ticket()
        };
        store.save(DownloadId(3), &ticket()).expect("saved");
        store.save(DownloadId(5), &unknown).expect("saved");
        let (tickets, next) = Store::open(data.path())
            .and_then(|store| store.load())
            .expect("read");
        assert_eq!(tickets[&DownloadId(3)], ticket());
        assert_eq!(tickets[&DownloadId(5)], unknown);
        assert_eq!(next, DownloadId(6));
        let written = store.folder.join(".5.json.x7");
        std::fs::write(&written, b"{").expect("written");
        assert_eq!(store.ticket(DownloadId(5)).expect("read"), unknown);
        assert!(written.exists(), "somebody may be writing it");
        store.remove(DownloadId(3));
        store.remove(DownloadId(3));
        store.ticket(DownloadId(3)).expect_err("it was removed");
        assert_eq!(store.load().expect("read").0.len(), 1);
    }

    #[test]
    fn a_name_in_a_ticket_is_no_path() {
        let data = tempfile::tempdir().expect("a folder");
        let store = Store::open(data.path()).expect("it is made");
        let tampered = Ticket {
            name: "../../.bashrc".to_owned(),
            ..ticket()
        };
        store.save(DownloadId(1), &tampered).expect("saved");
        let (tickets, _) = store.load().expect("read");
        assert_eq!(tickets[&DownloadId(1)].name, "bashrc");
    }

    #[test]
    fn a_damaged_ticket_harms_no_other() {
        let data = tempfile::tempdir().expect("a folder");
        let store = Store::open(data.path()).expect("it is made");
        store.save(DownloadId(1), &ticket()).expect("saved");
        std::fs::write(store.path(DownloadId(2), "json"), b"{\"name\":").expect("written");
        std::fs::write(store.part(DownloadId(2)), b"bytes").expect("written");
        let remnant = store.folder.join(".1.json.x7");
        std::fs::write(&remnant, b"{").expect("written");
        let (tickets, next) = store.load().expect("read");
        assert_eq!(tickets.len(), 1);
        assert_eq!(next, DownloadId(3));
        assert!(!remnant.exists());
        assert!(store.path(DownloadId(2), "damaged").exists());
        assert!(store.part(DownloadId(2)).exists());
    }
}
