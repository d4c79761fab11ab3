//! Files over HTTP: what we serve, what we fetch.

mod browse;
mod download;
mod upload;

pub use browse::browse;
pub use download::{DownloadId, DownloadState, DownloadStatus, Downloads, Source, Wanted};
pub use upload::{Identity, UploadStatus, Uploads};
