//! Fetching files.

use std::io;
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::watch;

use crate::wire::Sha1;

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
    /// Where to get it.
    pub source: Source,
}

/// What a download does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DownloadState {
    /// Connecting, or waiting to try again.
    Waiting,
    /// Bytes arrive.
    Running,
    /// All bytes are here; the digest is being computed.
    Verifying,
    /// In the downloads folder.
    Complete,
    /// Given up; the status says why.
    Failed,
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
    /// How many sources it knows.
    pub sources: usize,
    /// Why it waits or failed.
    pub why: Option<String>,
    /// Where it is, once complete.
    pub path: Option<PathBuf>,
    /// Its digest, once known.
    pub sha1: Option<Sha1>,
    /// Bytes a second, over the last few seconds.
    pub rate: u64,
    /// Time spent on it in this run.
    pub spent: Duration,
}

/// The downloads of a servent.
#[derive(Clone, Debug)]
pub struct Downloads {}

impl Downloads {
    /// Opens the store below `data`, and goes on with what was unfinished. Complete files go to `folder`.
    ///
    /// # Errors
    /// The store cannot be made or read; the text says which path.
    pub fn open(_data: &Path, _folder: &Path, _agent: &str) -> io::Result<Self> {
        todo!()
    }
    /// Begins (or joins, when the same file is already under way) a download.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn start(&self, _wanted: Wanted) -> io::Result<DownloadId> {
        todo!()
    }
    /// All downloads of this run and the unfinished ones of earlier runs.
    pub fn list(&self) -> Vec<DownloadStatus> {
        todo!()
    }
    /// One download's status, now and as it changes.
    pub fn watch(&self, _id: DownloadId) -> Option<watch::Receiver<DownloadStatus>> {
        todo!()
    }
    /// Stops all, keeping what is unfinished for the next start.
    pub async fn stop(&self) {
        todo!()
    }
}
