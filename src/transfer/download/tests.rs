//! Downloads from sources that are not as they should be.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use sha1::Digest;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::*;
use crate::swarm::Patience;

const BYTES: &[u8] = b"0123456789";
const NAME: &str = "a.txt";

/// A source that says what it was told to, one text a connection, whatever it is asked.
struct Sham {
    addr: SocketAddrV4,
    asked: mpsc::UnboundedReceiver<String>,
}

impl Sham {
    async fn telling<const N: usize>(answers: [&str; N]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let Ok(SocketAddr::V4(addr)) = listener.local_addr() else {
            panic!("the loopback is IPv4");
        };
        let mut answers: VecDeque<String> = answers.map(str::to_owned).into();
        let (ask, asked) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(answer) = answers.pop_front() {
                let (mut stream, _) = listener.accept().await.expect("a caller");
                let mut heads = String::new();
                // A text may answer several requests, each answer ending with a mark.
                for answer in answer.split_inclusive('|') {
                    let mut head = vec![];
                    while !head.ends_with(b"\r\n\r\n") {
                        match stream.read_u8().await {
                            Ok(byte) => head.push(byte),
                            Err(_) => return,
                        }
                    }
                    heads += std::str::from_utf8(&head).expect("a request is UTF-8");
                    let answer = answer.trim_end_matches('|');
                    stream
                        .write_all(answer.as_bytes())
                        .await
                        .expect("a listener");
                }
                let _ = ask.send(heads);
                let _ = stream.shutdown().await;
                let _ = stream.read(&mut [0; 64]).await;
            }
        });
        Self { addr, asked }
    }

    fn wanted(&self) -> Wanted {
        Wanted {
            name: NAME.to_owned(),
            size: Some(BYTES.len() as u64),
            sha1: Some(digest(BYTES)),
            sources: vec![Source::at(self.addr)],
        }
    }
}

/// A servent that fetches, and loses patience soon.
struct Guest {
    folder: TempDir,
    downloads: Downloads,
}

impl Guest {
    fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let downloads = reopen(&folder);
        Self { folder, downloads }
    }

    async fn get(&self, wanted: Wanted) -> DownloadStatus {
        let id = self.downloads.start(wanted).expect("it begins");
        self.until(id, |status| status.state.is_final()).await
    }

    async fn until(
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
    fn shows_nothing(&self) -> bool {
        let entries = std::fs::read_dir(self.folder.path().join("downloads"));
        entries.map_or(true, |mut entries| entries.next().is_none())
    }

    fn unfinished(&self, name: &str) -> PathBuf {
        self.folder.path().join("data/unfinished").join(name)
    }
}

fn reopen(folder: &TempDir) -> Downloads {
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

fn digest(bytes: &[u8]) -> Sha1 {
    Sha1(sha1::Sha1::digest(bytes).into())
}

#[tokio::test]
async fn a_broken_connection_is_mended_where_it_broke() {
    let mut sham = Sham::telling([
        "HTTP/1.1 206 OK\r\nContent-Range: bytes 0-9/10\r\nContent-Length: 10\r\n\r\n0123",
        "HTTP/1.1 206 OK\r\nContent-Range: bytes 4-9/10\r\nContent-Length: 6\r\n\r\n456789",
    ])
    .await;
    let guest = Guest::open();
    let end = guest.get(sham.wanted()).await;
    assert_eq!((end.state, end.why), (DownloadState::Complete, None));
    assert_eq!(
        std::fs::read(end.path.expect("there")).expect("there"),
        BYTES
    );
    for range in ["bytes=0-9", "bytes=4-9"] {
        let head = sham.asked.recv().await.expect("it was asked");
        assert!(head.contains(&format!("Range: {range}\r\n")), "{head}");
        assert!(head.contains("User-Agent: test/1\r\n") && head.contains("Host: 127.0.0.1:"));
    }
}

#[tokio::test]
async fn odd_but_honest_answers_are_understood() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789",
        "HTTP/1.0 200 OK\r\n\r\n0123456789",
        "HTTP 200 OK\nContent-length:10\n\n0123456789",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789",
        "HTTP/1.1 206 OK\r\nTransfer-Encoding: chunked\r\nContent-Range: bytes=0-9/*\r\n\r\n\
         4\r\n0123\r\n6\r\n456789\r\n0\r\n\r\n",
        "HTTP/1.1 206 OK\r\nContent-Length: 4\r\nContent-Range: bytes 0-3/10\r\n\r\n0123|\
         HTTP/1.1 206 OK\r\nContent-Length: 6\r\nContent-Range: bytes 4-9/10\r\n\r\n456789",
        // It does not know ranges.
        "HTTP/1.1 206 OK\r\nContent-Length: 4\r\nContent-Range: bytes 0-3/10\r\n\r\n0123|\
         HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789",
    ] {
        let (sham, guest) = (Sham::telling([answer]).await, Guest::open());
        let end = guest.get(sham.wanted()).await;
        assert_eq!(
            (end.state, end.why),
            (DownloadState::Complete, None),
            "{answer}"
        );
        assert_eq!(
            std::fs::read(end.path.expect("there")).expect("there"),
            BYTES
        );
    }
}

#[tokio::test]
async fn what_cannot_become_right_fails_at_once_and_says_why() {
    let other = digest(b"something else");
    let urn = format!("X-Gnutella-Content-URN: urn:sha1:{other}\r\n");
    for (answer, why) in [
        (
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
            "404 Not Found",
        ),
        ("HTTP/1.1 403 Go away\r\n\r\n", "403 Go away"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n",
            "11 bytes instead of 10",
        ),
        (
            &format!("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n{urn}\r\n"),
            "another file",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nContent-Encoding: deflate\r\n\r\n",
            "encoding",
        ),
        (
            "HTTP/1.1 416 No\r\nContent-Range: bytes */5\r\n\r\n",
            "416 No",
        ),
        (
            "HTTP/1.1 416 No\r\nContent-Range: bytes */0\r\n\r\n",
            "0 bytes instead of 10",
        ),
        ("HTTP/1.1 302 There\r\nLocation: /\r\n\r\n", "302 There"),
    ] {
        let (sham, guest) = (Sham::telling([answer]).await, Guest::open());
        let end = guest.get(sham.wanted()).await;
        assert_eq!(end.state, DownloadState::Failed, "{answer}");
        let said = end.why.expect("it says why");
        assert!(said.contains(why), "{said:?} names {why:?}");
        assert!(guest.shows_nothing() && guest.unfinished("1.json").exists());
    }
}

#[tokio::test]
async fn a_file_without_a_digest_is_not_complete_where_its_source_says_it_ends() {
    let begun =
        "HTTP/1.1 206 Part\r\nContent-Range: bytes 0-3/10\r\nContent-Length: 4\r\n\r\n0123|";
    let over = "HTTP/1.1 416 No\r\nContent-Range: bytes */4\r\nContent-Length: 0\r\n\r\n";
    let (sham, guest) = (
        Sham::telling([&format!("{begun}{over}")]).await,
        Guest::open(),
    );
    let mut wanted = sham.wanted();
    wanted.sha1 = None;
    wanted.sources[0].get = Some((1, NAME.to_owned()));
    let end = guest.get(wanted).await;
    assert_eq!(end.state, DownloadState::Failed, "{end:?}");
    let said = end.why.expect("it says why");
    assert!(said.contains("4 bytes instead of 10"), "{said}");
    assert!(guest.shows_nothing());
}

#[tokio::test]
async fn nonsense_is_tried_again_but_not_for_ever() {
    let lie = "HTTP/1.1 206 OK\r\nContent-Range: bytes 0-9/10\r\nContent-Length: 11\r\n\r\n";
    for (answer, why) in [
        ("what?\r\n\r\n", "malformed"),
        ("", "broke off"),
        (lie, "contradicts"),
        (
            "HTTP/1.1 206 OK\r\nContent-Length: 10\r\n\r\n",
            "which bytes",
        ),
        (
            "HTTP/1.1 206 OK\r\nContent-Range: bytes 3-9/10\r\nContent-Length: 7\r\n\r\n",
            "other bytes",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "nothing",
        ),
        ("HTTP/1.0 200 OK\r\n\r\n0123456789a", "more than"),
        ("HTTP/1.1 500 Oh\r\n\r\n", "500 Oh"),
    ] {
        let (sham, guest) = (Sham::telling([answer; 3]).await, Guest::open());
        let end = guest.get(sham.wanted()).await;
        assert_eq!(end.state, DownloadState::Failed, "{answer}");
        let said = end.why.expect("it says why");
        assert!(said.contains(why), "{said:?} names {why:?}");
    }
}

#[tokio::test]
async fn a_wrong_file_is_thrown_away() {
    let wrong = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456780";
    let right = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789";
    let (sham, guest) = (Sham::telling([wrong, right]).await, Guest::open());
    let end = guest.get(sham.wanted()).await;
    assert_eq!((end.state, end.done), (DownloadState::Failed, 0));
    assert_eq!(end.fault, Some(Fault::HashMismatch));
    assert!(end.why.is_some_and(|why| why.starts_with("hash mismatch")));
    assert!(guest.shows_nothing());
    assert!(!guest.unfinished("1.part").exists() && !guest.unfinished("1.json").exists());
    let again = guest.get(sham.wanted()).await;
    assert_eq!((again.id, again.state), (end.id, DownloadState::Complete));
    assert_eq!((again.fault, again.why), (None, None));
}

#[tokio::test]
async fn a_busy_source_is_asked_when_it_says_but_not_for_ever() {
    let busy = "HTTP/1.1 503 Queued\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n";
    let right = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789";
    let (sham, guest) = (Sham::telling([busy, right]).await, Guest::open());
    let id = guest.downloads.start(sham.wanted()).expect("it begins");
    let waits = guest.until(id, |status| status.why.is_some()).await;
    assert_eq!(waits.state, DownloadState::Waiting);
    assert!(waits.why.is_some_and(|why| why.contains("503 Queued")));
    let end = guest.until(id, |status| status.state.is_final()).await;
    assert_eq!((end.state, end.why), (DownloadState::Complete, None));
    assert!(end.spent >= Duration::from_secs(1));
    let (sham, guest) = (Sham::telling([busy; 2]).await, Guest::open());
    assert_eq!(guest.get(sham.wanted()).await.state, DownloadState::Failed);
}

#[tokio::test]
async fn a_servent_older_than_urns_is_asked_by_index() {
    let answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno!|\
                  HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789";
    let (mut sham, guest) = (Sham::telling([answer]).await, Guest::open());
    let mut wanted = sham.wanted();
    wanted.sources[0].get = Some((7, "a b.txt".to_owned()));
    assert_eq!(guest.get(wanted).await.state, DownloadState::Complete);
    let heads = sham.asked.recv().await.expect("it was asked");
    assert!(heads.starts_with("GET /uri-res/N2R?urn:sha1:"), "{heads}");
    assert!(
        heads.contains("GET /get/7/a%20b.txt HTTP/1.1\r\n"),
        "{heads}"
    );
}

#[tokio::test]
async fn a_digest_told_late_is_believed() {
    let urn = |bytes| format!("X-Gnutella-Content-URN: urn:sha1:{}\r\n", digest(bytes));
    for (told, state) in [
        (urn(BYTES), DownloadState::Complete),
        (urn(b"other"), DownloadState::Failed),
    ] {
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789|\
             HTTP/1.1 200 OK\r\nContent-Length: 10\r\n{told}\r\n"
        );
        let (sham, guest) = (Sham::telling([&answer[..]]).await, Guest::open());
        let mut wanted = sham.wanted();
        (wanted.sha1, wanted.sources[0].get) = (None, Some((1, NAME.to_owned())));
        let end = guest.get(wanted).await;
        assert_eq!(end.state, state, "{end:?}");
    }
}

#[tokio::test]
async fn a_failed_download_is_tried_again_from_another_source() {
    let partly = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234";
    let gone = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    let rest = "HTTP/1.1 206 OK\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 5\r\n\r\n56789";
    let guest = Guest::open();
    let first = guest
        .get(Sham::telling([partly, gone]).await.wanted())
        .await;
    assert_eq!((first.state, first.done), (DownloadState::Failed, 5));
    let second = guest.get(Sham::telling([rest]).await.wanted()).await;
    assert_eq!(
        (second.id, second.state),
        (first.id, DownloadState::Complete)
    );
    assert_eq!(guest.downloads.list().len(), 1);
}

#[tokio::test]
async fn a_part_longer_than_the_file_is_cut() {
    let answer =
        "HTTP/1.1 206 OK\r\nContent-Range: bytes 0-9/10\r\nContent-Length: 10\r\n\r\n0123456789";
    let (sham, guest) = (Sham::telling([answer, answer]).await, Guest::open());
    std::fs::write(guest.unfinished("1.part"), b"0123456789abcdef").expect("written");
    let end = guest.get(sham.wanted()).await;
    assert_eq!((end.state, end.done), (DownloadState::Complete, 10));
}

#[tokio::test]
async fn a_crash_after_the_move_is_noticed() {
    let guest = Guest::open();
    let ticket = Ticket {
        name: NAME.to_owned(),
        size: Some(10),
        sha1: Some(digest(BYTES)),
        root: None,
        teller: None,
        sources: vec![Source::at(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1))],
        priority: Priority::Normal,
        paused: false,
        checked: true,
    };
    let shared: &Arc<Shared> = &guest.downloads.shared;
    shared.store.save(DownloadId(1), &ticket).expect("saved");
    let after = reopen(&guest.folder);
    assert!(after.list().is_empty() && !guest.unfinished("1.json").exists());
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_full_disk_is_waited_for() {
    let right = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789";
    let (sham, guest) = (Sham::telling([right; 100]).await, Guest::open());
    // Whatever is written to this device finds no room.
    std::os::unix::fs::symlink("/dev/full", guest.unfinished("1.part")).expect("linked");
    let id = guest.downloads.start(sham.wanted()).expect("it begins");
    let waits = guest.until(id, |status| status.why.is_some()).await;
    assert_eq!(waits.state, DownloadState::Waiting);
    assert!(waits.why.is_some_and(|why| why.contains("disk is full")));
    std::fs::remove_file(guest.unfinished("1.part")).expect("removed");
    let end = guest.until(id, |status| status.state.is_final()).await;
    assert_eq!((end.state, end.why), (DownloadState::Complete, None));
}

#[tokio::test]
async fn there_is_a_limit_to_what_is_remembered() {
    let guest = Guest::open();
    let wanted = |index| Wanted {
        name: NAME.to_owned(),
        size: None,
        sha1: None,
        sources: vec![Source {
            get: Some((index, NAME.to_owned())),
            ..Source::at(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1))
        }],
    };
    let id = guest.downloads.start(wanted(0)).expect("it begins");
    let mut status = guest.until(id, |status| status.state.is_final()).await;
    let shared = &guest.downloads.shared;
    for id in (2..=MAX_DOWNLOADS as u64).map(DownloadId) {
        status.id = id;
        let entry = Entry {
            source: wanted(0).sources.pop(),
            status: watch::Sender::new(status.clone()),
            orders: mpsc::unbounded_channel().0,
            partial: Arc::default(),
        };
        shared.table().entries.insert(id, entry);
    }
    guest
        .downloads
        .start(wanted(1))
        .expect_err("all are unfinished");
    let complete = |status: &mut DownloadStatus| status.state = DownloadState::Complete;
    shared.table().entries[&DownloadId(5)]
        .status
        .send_modify(complete);
    shared.table().next = DownloadId(MAX_DOWNLOADS as u64 + 1);
    guest
        .downloads
        .start(wanted(1))
        .expect("the complete one made room");
    assert!(guest.downloads.watch(DownloadId(5)).is_none());
}
