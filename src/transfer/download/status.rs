//! Downloads as others see them: what is wanted, from where, and how far it is.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;
use std::time::Duration;

use super::store::text;
use crate::overlay::is_believed;
use crate::transfer::http::Walled;
use crate::wire::{Guid, QueryHit, Record, Sha1, TigerRoot};

/// A download's number, counted from 1; it stays the same over restarts.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct DownloadId(pub u64);

/// Where a file can be had.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Source {
    /// The servent.
    pub addr: SocketAddrV4,
    /// The file's index and name there, for `/get/`; not needed where a SHA-1 is known.
    pub get: Option<(u32, String)>,
    /// Its GUID, if it cannot be connected to and has to be asked by Push to connect to us.
    #[serde(with = "text", default)]
    pub push: Option<Guid>,
    /// Who passes the Push on to it, beside those along the way of its hit.
    #[serde(default)]
    pub proxies: Vec<SocketAddrV4>,
    /// Who joins it with us where it cannot connect to us either.
    #[serde(default)]
    pub relays: Vec<SocketAddrV4>,
}

impl Source {
    /// A servent that can be connected to and knows the file by digest.
    pub const fn at(addr: SocketAddrV4) -> Self {
        Self {
            addr,
            get: None,
            push: None,
            proxies: Vec::new(),
            relays: Vec::new(),
        }
    }

    /// A servent with a file that it told of in a hit.
    pub fn of(hit: &QueryHit, record: &Record) -> Self {
        let [proxies, relays] = Self::ways(hit);
        Self {
            addr: hit.addr,
            get: Some((record.index, record.name.clone())),
            push: (hit.trailer.push == Some(true)).then_some(hit.servent),
            proxies,
            relays,
        }
    }

    /// The proxies and the relays of whoever sent a hit, as far as it can know them.
    pub fn ways(hit: &QueryHit) -> [Vec<SocketAddrV4>; 2] {
        [hit.trailer.proxies(), hit.trailer.relays()].map(|hosts| believed(hosts, *hit.addr.ip()))
    }

    /// One behind a wall, of which somebody at `teller` told; none when nobody is named by whom to reach it.
    pub(in crate::transfer) fn behind(wall: Walled, teller: Ipv4Addr) -> Option<Self> {
        let addr = wall.addr.filter(|addr| is_believed(*addr, teller))?;
        let proxies = believed(wall.proxies, teller);
        let source = Self {
            push: Some(wall.servent),
            proxies,
            ..Self::at(addr)
        };
        (!source.proxies.is_empty()).then_some(source)
    }

    /// How to tell others of one behind a wall; none where there is no wall, or no way past it.
    pub(in crate::transfer) fn walled(&self) -> Option<Walled> {
        let servent = self.push.filter(|_| !self.proxies.is_empty())?;
        Some(Walled {
            servent,
            addr: Some(self.addr),
            proxies: self.proxies.clone(),
        })
    }

    /// Whether both are the same servent.
    pub(in crate::transfer) fn is_same(&self, other: &Self) -> bool {
        match (self.push, other.push) {
            (Some(own), Some(theirs)) => own == theirs,
            (None, None) => self.addr == other.addr,
            _ => false,
        }
    }
}

/// Those of these hosts that somebody at `teller` can know.
fn believed(mut hosts: Vec<SocketAddrV4>, teller: Ipv4Addr) -> Vec<SocketAddrV4> {
    hosts.retain(|host| is_believed(*host, teller));
    hosts
}

/// A file that is to be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its name at the source: not to be trusted as a path.
    pub name: String,
    /// Its size in bytes, where known.
    pub size: Option<u64>,
    /// Its digest, where known. Without it the server's `X-Gnutella-Content-URN` is asked.
    pub sha1: Option<Sha1>,
    /// The root of its hash tree, from whoever named the file and is believed: then no other file will do, even one of the
    /// same SHA-1, which can be made.
    pub root: Option<TigerRoot>,
    /// Where to get it. Without a digest only the first is asked: nobody knows whether the others have the same file.
    pub sources: Vec<Source>,
}

impl Wanted {
    /// A file that somebody told of in a hit, from him.
    pub fn of(hit: &QueryHit, record: &Record) -> Self {
        Self {
            name: record.name.clone(),
            size: Some(record.size),
            sha1: record.sha1(),
            root: None,
            sources: vec![Source::of(hit, record)],
        }
    }
}

/// Which downloads get the connections first.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Before all others.
    High,
    /// As they come.
    #[default]
    Normal,
    /// When nobody else wants them.
    Low,
}

/// What a download does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DownloadState {
    /// Connecting, or waiting for its turn or to try again.
    Waiting,
    /// Bytes arrive.
    Running,
    /// The user wants it left alone.
    Paused,
    /// All bytes are here; the digest is being computed.
    Verifying,
    /// In the downloads folder.
    Complete,
    /// Nothing more can be done, unless another source is found; the status says why.
    Failed,
}

impl DownloadState {
    /// Whether nothing more happens by itself.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Complete | Self::Failed)
    }
}

/// What made a download fail, for those who act on it; [`DownloadStatus::why`] has the words for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The source: it refused, or failed too often.
    Source,
    /// The only source there is has another file now than the one that was begun.
    OtherFile,
    /// Our disk.
    Disk,
    /// The bytes were not those that were promised.
    HashMismatch,
}

/// A download as `downloads` shows it.
#[derive(Clone, Debug)]
pub struct DownloadStatus {
    /// Its number.
    pub id: DownloadId,
    /// The name it has or will have in the downloads folder.
    pub name: String,
    /// Its size in bytes, once known.
    pub size: Option<u64>,
    /// The bytes that are here.
    pub done: u64,
    /// What it does.
    pub state: DownloadState,
    /// How many sources it knows that were not given up.
    pub sources: usize,
    /// How many of them send at the moment.
    pub active: usize,
    /// Its place in the queue of a source, the best one.
    pub place: Option<u32>,
    /// Who comes first.
    pub priority: Priority,
    /// Why it waits or failed; of a complete one, that it could not be verified.
    pub why: Option<String>,
    /// What made it fail, if it did.
    pub fault: Option<Fault>,
    /// Sources that were wrong, and are not asked any more.
    pub liars: Vec<SocketAddrV4>,
    /// Bytes that came and were wrong.
    pub wasted: u64,
    /// Where it is, once complete.
    pub path: Option<PathBuf>,
    /// Its digest, once known.
    pub sha1: Option<Sha1>,
    /// Whether each block was held against a hash tree as well.
    pub tree: bool,
    /// Bytes a second, over the last few seconds.
    pub rate: u64,
    /// Time spent on it in this run.
    pub spent: Duration,
}

impl DownloadStatus {
    /// One of which nothing has come and nothing is known.
    pub const fn new(id: DownloadId, name: String) -> Self {
        Self {
            id,
            name,
            size: None,
            done: 0,
            state: DownloadState::Waiting,
            sources: 0,
            active: 0,
            place: None,
            priority: Priority::Normal,
            why: None,
            fault: None,
            liars: Vec::new(),
            wasted: 0,
            path: None,
            sha1: None,
            tree: false,
            rate: 0,
            spent: Duration::ZERO,
        }
    }

    /// How long it will take at this speed.
    pub fn left(&self) -> Option<Duration> {
        let missing = self.size?.saturating_sub(self.done);
        missing.checked_div(self.rate).map(Duration::from_secs)
    }
}
