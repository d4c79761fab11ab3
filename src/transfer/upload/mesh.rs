//! Who else has what we serve: the mesh of a file, told to whoever fetches it.
//!
//! The one rule: nobody is named to others on a stranger's word. An address is named once we have asked it for the file's
//! digest ourselves and it had it, and only an address from which it was told; so we are no lever to send a crowd at
//! somebody. Who cannot be connected to proves itself by coming when its push proxies call it.

use std::net::SocketAddrV4;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lru::LruCache;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::transfer::download::{Downloads, Source};
use crate::transfer::http::{CONTENT_URN, Method, Request, Status};
use crate::wire::{Sha1, Urn};

/// How many files' meshes are kept, and how many addresses of each.
const FILES: NonZeroUsize = NonZeroUsize::new(1000).expect("not zero");
const PER_FILE: usize = 32;

/// How many are told at once, as LimeWire does.
const TOLD: usize = 10;

/// How many addresses are tried at once; further ones will be told again.
const TRIALS: usize = 4;

/// How long an address is left alone after it was tried. gtk-gnutella bans whoever connects six times in a minute.
const RETRY: Duration = Duration::from_secs(60);

/// The meshes of all files.
#[derive(Debug)]
pub(super) struct Mesh {
    files: Mutex<LruCache<Sha1, Vec<Source>>>,
    /// When which address was tried last.
    tried: Mutex<LruCache<SocketAddrV4, Instant>>,
    trials: Arc<Semaphore>,
}

impl Default for Mesh {
    fn default() -> Self {
        Self {
            files: Mutex::new(LruCache::new(FILES)),
            tried: Mutex::new(LruCache::new(FILES)),
            trials: Arc::new(Semaphore::new(TRIALS)),
        }
    }
}

impl Mesh {
    /// Whom to name to one who is at these places, the ones proven last first.
    pub(super) fn others(&self, sha1: Sha1, own: &[Source]) -> Vec<Source> {
        let mut files = self.files();
        let known = files.get(&sha1).into_iter().flatten().rev();
        known
            .filter(|source| !own.iter().any(|own| own.is_same(source)))
            .take(TOLD)
            .cloned()
            .collect()
    }

    /// Somebody says that one is no good: it is named no more until it is proven again. A lie costs it only that.
    pub(super) fn doubt(&self, sha1: Sha1, is_meant: impl Fn(&Source) -> bool) {
        if let Some(known) = self.files().get_mut(&sha1) {
            known.retain(|source| !is_meant(source));
        }
    }

    /// Tries whether a place has the file, and names it from then on if so.
    pub(super) fn prove(
        mesh: &Arc<Self>,
        sha1: Sha1,
        source: Source,
        downloads: &Downloads,
        agent: String,
    ) {
        let is_it = |known: &Source| known.is_same(&source);
        let known = mesh
            .files()
            .get(&sha1)
            .is_some_and(|known| known.iter().any(is_it));
        if known {
            return;
        }
        let Ok(permit) = Arc::clone(&mesh.trials).try_acquire_owned() else {
            return;
        };
        if !mesh.may_try(source.addr) {
            return;
        }
        let (mesh, downloads) = (Arc::clone(mesh), downloads.clone());
        tokio::spawn(async move {
            let _permit = permit;
            if has(&source, sha1, &downloads, &agent).await {
                let mut files = mesh.files();
                let known = files.get_or_insert_mut(sha1, Vec::new);
                known.retain(|other| !other.is_same(&source));
                if known.len() == PER_FILE {
                    known.remove(0);
                }
                known.push(source);
            }
        });
    }

    /// Whether an address was left alone long enough.
    fn may_try(&self, addr: SocketAddrV4) -> bool {
        let mut tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let lately = tried.get(&addr).is_some_and(|at| now - *at < RETRY);
        if !lately {
            tried.put(addr, now);
        }
        !lately
    }

    fn files(&self) -> MutexGuard<'_, LruCache<Sha1, Vec<Source>>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a servent has a file, or parts of it.
async fn has(source: &Source, sha1: Sha1, downloads: &Downloads, agent: &str) -> bool {
    let Ok(mut session) = downloads.visit(source).await else {
        return false;
    };
    let request = Request {
        method: Method::Head,
        ..Request::get(format!("/uri-res/N2R?urn:sha1:{sha1}"))
    };
    let Ok(response) = session.ask(request, agent).await else {
        return false;
    };
    let there = [
        Status::OK,
        Status::PARTIAL,
        Status::RANGE_NOT_SATISFIABLE,
        Status::BUSY,
    ];
    let told = response
        .headers
        .get(CONTENT_URN)
        .and_then(|urn| urn.parse::<Urn>().ok());
    there.contains(&response.status) && told.is_some_and(|urn| urn.sha1() == sha1)
}
