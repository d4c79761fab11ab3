//! What a servent remembers of its network from one run to the next: its GUID, and hosts worth calling again.
//!
//! Two small text files in the data folder, written whole or not at all. Whatever is damaged in them is skipped: they
//! save time, nothing depends on them.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};

use atomic_write_file::AtomicWriteFile;

use crate::overlay::Repute;
use crate::rng::Rng;
use crate::wire::Guid;

/// Hosts kept. A start dials a few dozen at most; the rest is for the day when most have gone.
const HOSTS: usize = 1000;

/// The most that is read of either file: 1000 addresses of at most 22 bytes with room for comments.
const MAX_FILE: u64 = 64 * 1024;

/// The two files.
#[derive(Clone, Debug)]
pub(super) struct Saved {
    guid: PathBuf,
    hosts: PathBuf,
}

impl Saved {
    /// Those in the folder `data`.
    pub(super) fn below(data: &Path) -> Self {
        Self {
            guid: data.join("guid"),
            hosts: data.join("hosts"),
        }
    }

    /// The GUID of earlier runs, or a new one, which is then saved.
    ///
    /// # Errors
    /// A new one cannot be written.
    pub(super) fn guid(&self) -> io::Result<Guid> {
        if let Some(guid) = read(&self.guid).and_then(|text| text.trim().parse().ok()) {
            return Ok(guid);
        }
        let guid = Guid::random(&mut Rng::system());
        replace(&self.guid, &format!("{guid}\n"))?;
        Ok(guid)
    }

    /// The hosts of earlier runs, best first: an address and a word for how well it was known, a line each.
    pub(super) fn hosts(&self) -> Vec<(SocketAddrV4, Repute)> {
        let text = read(&self.hosts).unwrap_or_default();
        text.lines().filter_map(known).take(HOSTS).collect()
    }

    /// Saves hosts for the next run, best first.
    ///
    /// # Errors
    /// The file cannot be written; then the old one is still whole.
    pub(super) fn save_hosts(&self, hosts: &[(SocketAddrV4, Repute)]) -> io::Result<()> {
        let lines: String = hosts
            .iter()
            .take(HOSTS)
            .map(|(host, repute)| format!("{host} {}\n", word(*repute)))
            .collect();
        replace(&self.hosts, &lines)
    }
}

/// What a line says; of a host without a word nothing is known but that somebody told of it.
fn known(line: &str) -> Option<(SocketAddrV4, Repute)> {
    let mut words = line.split_whitespace();
    let addr = words.next()?.parse().ok()?;
    let said = words.next();
    let all = [Repute::Anchor, Repute::Proven];
    let repute = all.into_iter().find(|repute| Some(word(*repute)) == said);
    Some((addr, repute.unwrap_or(Repute::Told)))
}

const fn word(repute: Repute) -> &'static str {
    match repute {
        Repute::Anchor => "anchor",
        Repute::Proven => "proven",
        Repute::Told => "told",
    }
}

/// The file as text, damaged characters replaced; none when there is none.
fn read(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(path)
        .ok()?
        .take(MAX_FILE)
        .read_to_end(&mut bytes)
        .ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    let write = || {
        let mut file = AtomicWriteFile::open(path)?;
        file.write_all(text.as_bytes())?;
        file.commit()
    };
    write().map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_is_for_life() {
        let folder = tempfile::tempdir().expect("a folder");
        let saved = Saved::below(folder.path());
        let guid = saved.guid().expect("made");
        assert_eq!(saved.guid().expect("read"), guid);
        std::fs::write(&saved.guid, "damaged").expect("written");
        let next = saved.guid().expect("made anew");
        assert_ne!(next, guid);
        assert_eq!(saved.guid().expect("read"), next);
    }

    #[test]
    fn bad_lines_are_skipped() {
        let folder = tempfile::tempdir().expect("a folder");
        let saved = Saved::below(folder.path());
        assert_eq!(saved.hosts(), []);
        let text = b"# from elsewhere\n1.2.3.4:6346 2026-11-20\n\xff\xfe\nnonsense\n5.6.7.8:99999\n127.0.0.1:6347 anchor\n\
            5.6.7.8:1 proven\n";
        std::fs::write(&saved.hosts, text).expect("written");
        let hosts = saved.hosts();
        assert_eq!(
            hosts,
            [
                ("1.2.3.4:6346", Repute::Told),
                ("127.0.0.1:6347", Repute::Anchor),
                ("5.6.7.8:1", Repute::Proven),
            ]
            .map(|(host, repute)| (host.parse().expect("good"), repute))
        );
        saved.save_hosts(&hosts[1..]).expect("saved");
        assert_eq!(saved.hosts(), hosts[1..]);
    }

    #[test]
    fn a_huge_file_is_not_read_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let saved = Saved::below(folder.path());
        std::fs::write(&saved.hosts, "1.2.3.4:6346\n".repeat(100_000)).expect("written");
        assert_eq!(saved.hosts().len(), HOSTS);
    }
}
