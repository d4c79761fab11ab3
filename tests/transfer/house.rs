//! A servent's serving half: a folder, a library of it, and a port.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use bytes::BytesMut;
use servent::librarian::{Shelf, Trees};
use servent::library::{Library, SharedFile};
use servent::thex::{Hasher, Tree};
use servent::transfer::{Downloads, Identity, Source, Uploads, Wanted};
use servent::wire::{Guid, Sha1};
use sha1::Digest;
use tempfile::TempDir;
use tokio::net::TcpListener;

/// A house that shares what is brought into it.
pub(crate) struct House {
    folder: TempDir,
    shelf: Shelf,
    trees: Trees,
    pub(crate) downloads: Downloads,
    pub(crate) uploads: Arc<Uploads>,
    pub(crate) addr: SocketAddrV4,
}

impl House {
    /// Opens one with so many slots. It serves until the test ends.
    pub(crate) async fn open(slots: usize) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let addr = v4(listener.local_addr().expect("it has one"));
        let shelf = Arc::new(RwLock::new(Library::new()));
        let identity = Identity {
            guid: Guid([0xab; 16]),
            agent: "servent/test".to_owned(),
        };
        let uploads = Uploads::new(shelf.clone(), identity, slots);
        let (folder, trees) = (tempfile::tempdir().expect("a folder"), Trees::default());
        let [data, finished] = ["data", "finished"].map(|name| folder.path().join(name));
        let downloads = Downloads::open(&data, &finished, "servent/test").expect("it opens");
        uploads.serve_also(trees.clone(), downloads.clone());
        downloads.listen_on(addr);
        let serving = uploads.clone();
        tokio::spawn(async move {
            while let Ok((stream, remote)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream, v4(remote), BytesMut::new()));
            }
        });
        Self {
            folder,
            shelf,
            trees,
            downloads,
            uploads,
            addr,
        }
    }

    /// Shares a file of these bytes, hashed.
    pub(crate) fn share(&self, name: &str, bytes: &[u8]) -> SharedFile {
        std::fs::write(self.path(name), bytes).expect("written");
        self.enter(name, Some(digest(bytes)))
    }

    /// Shares a file of these bytes, hashed, with its tree.
    pub(crate) fn share_whole(&self, name: &str, bytes: &[u8]) -> SharedFile {
        let mut file = self.share(name, bytes);
        let tree = Arc::new(tree(bytes));
        self.trees.keep(&file, &tree);
        file.tree = Some(tree.root());
        let mut library = self.shelf.write().expect("whole");
        library.set_tree(file.index, tree.root());
        file
    }

    /// Shares a file of so many zeros, not hashed, that takes no room on the disk.
    pub(crate) fn share_zeros(&self, name: &str, size: u64) -> SharedFile {
        let file = File::create(self.path(name)).expect("created");
        file.set_len(size).expect("made long");
        self.enter(name, None)
    }

    /// Where a file is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What somebody wants who saw the file in a hit.
    pub(crate) fn wanted(&self, file: &SharedFile) -> Wanted {
        Wanted {
            name: file.name.clone(),
            size: Some(file.size),
            sha1: file.sha1,
            root: None,
            sources: vec![self.source(file)],
        }
    }

    /// Where it is to be had.
    pub(crate) fn source(&self, file: &SharedFile) -> Source {
        Source {
            get: Some((file.index, file.name.clone())),
            ..Source::at(self.addr)
        }
    }

    fn enter(&self, name: &str, sha1: Option<Sha1>) -> SharedFile {
        let metadata = self.path(name).metadata().expect("it is there");
        let mut file = SharedFile {
            index: 0,
            root: Arc::<Path>::from(self.folder.path()),
            relative: name.into(),
            name: name.to_owned(),
            size: metadata.len(),
            modified: metadata.modified().expect("it has a time"),
            sha1,
            tree: None,
        };
        file.index = self.shelf.write().expect("whole").insert(file.clone());
        file
    }
}

/// The digest of some bytes.
pub(crate) fn digest(bytes: &[u8]) -> Sha1 {
    Sha1(sha1::Sha1::digest(bytes).into())
}

/// The hash tree of some bytes.
pub(crate) fn tree(bytes: &[u8]) -> Tree {
    let mut hasher = Hasher::new(bytes.len() as u64);
    hasher.update(bytes);
    hasher.finish().expect("all bytes came")
}

/// So many bytes that do not repeat soon.
pub(crate) fn noise(count: usize) -> Vec<u8> {
    let mut rng = servent::rng::Rng::seeded(count as u64);
    std::iter::repeat_with(|| rng.next().to_le_bytes())
        .flatten()
        .take(count)
        .collect()
}

pub(crate) fn v4(addr: SocketAddr) -> SocketAddrV4 {
    match addr {
        SocketAddr::V4(addr) => addr,
        SocketAddr::V6(_) => panic!("the loopback is IPv4"),
    }
}
