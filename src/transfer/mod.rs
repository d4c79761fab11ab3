//! Files over HTTP: what we serve, what we fetch.

mod browse;
mod channel;
mod download;
mod session;
mod upload;

pub mod http;

pub use browse::browse;
pub use download::{DownloadId, DownloadState, DownloadStatus, Downloads, Fault, Source, Wanted};
pub use upload::{Identity, UploadStatus, Uploads};
