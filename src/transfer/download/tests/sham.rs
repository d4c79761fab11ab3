//! Sources that say what they were told to, and a servent that fetches from them.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use sha1::Digest;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::{BYTES, NAME};
use crate::swarm::Patience;
use crate::transfer::download::*;

/// A source that says what it was told to, one text a connection, whatever it is asked.
pub(super) struct Sham {
    pub(super) addr: SocketAddrV4,
    pub(super) asked: mpsc::UnboundedReceiver<String>,
}

impl Sham {
    pub(super) async fn telling<const N: usize>(answers: [&str; N]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let Ok(SocketAddr::V4(addr)) = listener.local_addr() else {
            panic!("the loopback is IPv4");
        };
        let mut answers: VecDeque<String> = answers.map(str::to_owned).into();
        let (ask, asked) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            'callers: while let Some(answer) = answers.pop_front() {
                let (mut stream, _) = listener.accept().await.expect("a caller");
                let mut heads = String::new();
                // A text may answer several requests, each answer ending with a mark.
                for text in answer.split_inclusive('|') {
                    let head = head(&mut stream).await;
                    if head.is_empty() && heads.is_empty() {
                        // Whoever was cut before he asked comes again.
                        answers.push_front(answer);
                        continue 'callers;
                    }
                    if head.is_empty() {
                        return;
                    }
                    heads += &head;
                    let text = text.trim_end_matches('|');
                    stream.write_all(text.as_bytes()).await.expect("a listener");
                }
                let _ = ask.send(heads);
                let _ = stream.shutdown().await;
                let _ = stream.read(&mut [0; 64]).await;
            }
        });
        Self { addr, asked }
    }

    pub(super) fn wanted(&self) -> Wanted {
        Wanted {
            name: NAME.to_owned(),
            size: Some(BYTES.len() as u64),
            sha1: Some(digest(BYTES)),
            root: None,
            sources: vec![Source::at(self.addr)],
        }
    }
}

/// A servent that fetches, and loses patience soon.
pub(super) struct Guest {
    pub(super) folder: TempDir,
    pub(super) downloads: Downloads,
}

impl Guest {
    pub(super) fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let downloads = reopen(&folder);
        Self { folder, downloads }
    }

    pub(super) async fn get(&self, wanted: Wanted) -> DownloadStatus {
        let id = self.downloads.start(wanted).expect("it begins");
        self.until(id, |status| status.state.is_final()).await
    }

    pub(super) async fn until(
        &self,
        id: DownloadId,
        found: impl FnMut(&DownloadStatus) -> bool,
    ) -> DownloadStatus {
        let mut status = self.downloads.watch(id).expect("it is known");
        let limit = Duration::from_secs(30);
        let waited = tokio::time::timeout(limit, status.wait_for(found)).await;
        waited
            .expect("the test hangs")
            .expect("it is watched")
            .clone()
    }

    /// Whether nothing is to be seen among the finished files.
    pub(super) fn shows_nothing(&self) -> bool {
        let entries = std::fs::read_dir(self.folder.path().join("downloads"));
        entries.map_or(true, |mut entries| entries.next().is_none())
    }

    pub(super) fn unfinished(&self, name: &str) -> PathBuf {
        self.folder.path().join("data/unfinished").join(name)
    }
}

/// The next head of a request; empty when there is none.
pub(super) async fn head(stream: &mut TcpStream) -> String {
    let mut head = vec![];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return String::new(),
        }
    }
    String::from_utf8(head).expect("a request is UTF-8")
}

pub(super) fn reopen(folder: &TempDir) -> Downloads {
    let timing = Timing {
        patience: Patience {
            first_retry: Duration::from_millis(1),
            tries: 3,
            busy_answers: 2,
        },
        disk_retry: Duration::from_millis(10),
    };
    let folder = folder.path();
    let (data, finished) = (folder.join("data"), folder.join("downloads"));
    Downloads::open_with(&data, &finished, "test/1", timing).expect("it opens")
}

pub(super) fn digest(bytes: &[u8]) -> Sha1 {
    Sha1(sha1::Sha1::digest(bytes).into())
}
