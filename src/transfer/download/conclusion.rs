//! The end of a download, however its bytes came: held against what was promised, moved to the downloads folder, told.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::Shared;
use super::finished::looked_at;
use super::job::{End, on_disk};
use super::publish::publish;
use super::status::{DownloadId, DownloadState, DownloadStatus};
use super::store::Ticket;
use crate::thex::Tree;
use crate::wire::{Sha1, TigerRoot};

/// A file that is where it belongs.
pub(super) struct Concluded {
    path: PathBuf,
    sha1: Sha1,
    /// Nobody had told a digest beforehand.
    unverified: bool,
}

impl Shared {
    /// Moves a checked file of this digest to the downloads folder, and offers it from there.
    pub(super) async fn conclude(
        self: &Arc<Self>,
        id: DownloadId,
        ticket: &Ticket,
        sha1: Sha1,
        tree: Option<Arc<Tree>>,
    ) -> Result<Concluded, End> {
        let unverified = ticket.sha1.is_none();
        let ticket = Ticket {
            checked: true,
            ..ticket.clone()
        };
        let shared = Arc::clone(self);
        let publish = move || -> io::Result<PathBuf> {
            let folder = shared.destination.folder()?;
            shared.store.renew(id, &ticket)?;
            let path = publish(&shared.store.part(id), id, folder, &ticket.name)?;
            shared.store.remove(id);
            if let Ok(file) = looked_at(&path, sha1, tree.as_deref()) {
                shared.finished.note(id, sha1, file, tree);
            }
            Ok(path)
        };
        let path = on_disk(publish).await?;
        Ok(Concluded {
            path,
            sha1,
            unverified,
        })
    }
}

impl Concluded {
    /// Tells it.
    pub(super) fn show(self, status: &mut DownloadStatus) {
        if let Some(name) = self.path.file_name() {
            status.name = name.to_string_lossy().into_owned();
        }
        status.state = DownloadState::Complete;
        (status.path, status.sha1) = (Some(self.path), Some(self.sha1));
        status.active = 0;
        status.why = self
            .unverified
            .then(|| "unverified: the source told no SHA-1".to_owned());
    }
}

/// What is wrong with a file of this digest, and of this root where that was made; none if it is the one that was promised.
pub(super) fn mismatch(ticket: &Ticket, found: Sha1, root: Option<TigerRoot>) -> Option<String> {
    match (ticket.sha1, ticket.promised, root) {
        (Some(wanted), ..) if wanted != found => Some(format!(
            "hash mismatch: {wanted} was promised, {found} came"
        )),
        (_, Some(wanted), Some(root)) if wanted != root => Some(format!(
            "hash mismatch: the hash tree {wanted} was promised, {root} came"
        )),
        _ => None,
    }
}
