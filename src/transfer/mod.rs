//! Files over HTTP: what we serve, what we fetch.
//!
//! The one rule: nothing from the other side is believed before it was checked, and nothing is waited for without a
//! limit. [`http`] is the pure half, bytes in and bytes out, for both directions; uploads and downloads put it on
//! sockets and disks (Gnutella 0.6, "File transfer"; HUGE 0.94).

mod browse;
mod channel;
mod credit;
mod download;
mod limit;
mod lobby;
mod session;
mod upload;

pub mod http;

pub use browse::browse;
pub use download::{
    Coming, Delivery, DownloadId, DownloadState, DownloadStatus, Downloads, Fault, Priority,
    PushCall, Source, Wanted,
};
pub(crate) use limit::Tap;
pub use limit::{Carried, Limit, Rates};
pub use lobby::{Lobby, Seat};
pub use upload::{Identity, PushWish, RelayStatus, UploadStatus, Uploads};
