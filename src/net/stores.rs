//! What a servent keeps on the disk, opened as it starts.

use std::io;
use std::net::SocketAddrV4;
use std::path::PathBuf;

use super::saved::Saved;
use super::watches::Watches;
use crate::librarian::Librarian;
use crate::overlay::Repute;
use crate::transfer::Downloads;
use crate::wire::Guid;

/// All that start-up reads from the disk.
pub(super) struct Stores {
    pub(super) guid: Guid,
    pub(super) saved: Saved,
    pub(super) hosts: Vec<(SocketAddrV4, Repute)>,
    pub(super) librarian: Librarian,
    pub(super) downloads: Downloads,
    pub(super) watches: Watches,
}

impl Stores {
    /// Opens those in the folder `data`, which is made if it is not there.
    ///
    /// # Errors
    /// One of them cannot be read or made.
    pub(super) fn open(
        share: Vec<PathBuf>,
        data: PathBuf,
        downloads: PathBuf,
        agent: &'static str,
    ) -> io::Result<Self> {
        std::fs::create_dir_all(&data).map_err(|error| {
            io::Error::new(error.kind(), format!("{}: {error}", data.display()))
        })?;
        let saved = Saved::below(&data);
        Ok(Self {
            guid: saved.guid()?,
            hosts: saved.hosts(),
            librarian: Librarian::start(share, &data, vec![data.clone()])?,
            downloads: Downloads::open(&data, &downloads, agent)?,
            watches: Watches::below(&data),
            saved,
        })
    }
}
