//! What a servent is started with.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Public;
use crate::overlay;
use crate::transfer::Rates;

/// Uploads at once, where nobody says how many.
pub const UPLOAD_SLOTS: usize = 10;

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
    /// The public network, if the servent is to be part of it.
    pub public: Option<Public>,
    /// Dialled first.
    pub connect: Vec<SocketAddrV4>,
    /// The central index to register with and to search.
    pub index: Option<SocketAddrV4>,
    /// Uploads at once.
    pub upload_slots: usize,
    /// Whether those who brought us more go first in the queue for uploads.
    pub tit_for_tat: bool,
    /// How fast bytes may go out.
    pub upload_limit: Rates,
    /// How fast bytes may come in.
    pub download_limit: Rates,
    /// Bytes an hour that are passed on between pairs to whom nobody can connect; 0 for nobody's.
    pub relay: u64,
    /// How long what a link has to carry waits before it goes: zero, but where many servents on one machine are to be as far
    /// from each other as on a network, so that no long way is quicker than a short one.
    pub link_delay: Duration,
    /// Whether to offer deflated links.
    pub deflate: bool,
    /// The overlay's numbers.
    pub overlay: overlay::Config,
}

impl Settings {
    /// Those of a servent that keeps all it has below `home`, shares nothing, knows nobody, listens on any free port and has
    /// no limits.
    pub fn new(home: &Path) -> Self {
        Self {
            share: Vec::new(),
            downloads: home.join("downloads"),
            data: home.join("data"),
            listen: vec![SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0)],
            bootstrap: Vec::new(),
            caches: Vec::new(),
            public: None,
            connect: Vec::new(),
            index: None,
            upload_slots: UPLOAD_SLOTS,
            tit_for_tat: false,
            upload_limit: Rates::default(),
            download_limit: Rates::default(),
            relay: 0,
            link_delay: Duration::ZERO,
            deflate: true,
            overlay: overlay::Config::default(),
        }
    }
}
