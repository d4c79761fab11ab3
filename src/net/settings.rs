//! What a servent is started with.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;

use crate::overlay;

/// What a servent is started with; the command line fills it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Folders to share.
    pub share: Vec<PathBuf>,
    /// Where finished files go.
    pub downloads: PathBuf,
    /// State: host cache, digests, unfinished downloads.
    pub data: PathBuf,
    /// Addresses to try to listen on, in order; the first free one is taken. Port 0 is any free port.
    pub listen: Vec<SocketAddrV4>,
    /// Candidates from `bootstrap.txt`.
    pub bootstrap: Vec<SocketAddrV4>,
    /// UDP host caches to ask when hosts are short.
    pub caches: Vec<SocketAddrV4>,
    /// GWebCaches to ask when there is nobody else, by their URLs.
    pub web_caches: Vec<String>,
    /// Whether to look for the public network: its host caches are asked as well.
    pub public: bool,
    /// Where to ask for our port to be passed through to us, if `public`; the gateway of the default route if nothing is
    /// said.
    pub gateway: Option<Ipv4Addr>,
    /// Dialled first.
    pub connect: Vec<SocketAddrV4>,
    /// The central index to register with and to search.
    pub index: Option<SocketAddrV4>,
    /// Uploads at once.
    pub upload_slots: usize,
    /// Whether to offer deflated links.
    pub deflate: bool,
    /// The overlay's numbers.
    pub overlay: overlay::Config,
}
