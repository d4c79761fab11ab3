//! Downloads from sources that are not as they should be.

mod crowd;
mod disk;
mod owned;
mod sham;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use self::sham::{Guest, Sham, digest, head, reopen};
use super::job::{Job, MOST_SOURCES};
use super::store::Ticket;
use super::table::{Entry, MAX_DOWNLOADS};
use super::*;
use crate::wire::Guid;

const BYTES: &[u8] = b"0123456789";
const NAME: &str = "a.txt";

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
async fn a_place_in_a_queue_is_kept_on_its_connection() {
    let queued = "HTTP/1.1 503 Busy\r\nX-Queue: position=3,pollMin=1,pollMax=9\r\nContent-Length: 0\r\n\r\n|";
    let right = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789";
    let answers = format!("{queued}{right}");
    let (mut sham, guest) = (Sham::telling([&answers[..]]).await, Guest::open());
    let id = guest.downloads.start(sham.wanted()).expect("it begins");
    let waits = guest.until(id, |status| status.place.is_some()).await;
    assert_eq!(
        (waits.state, waits.place),
        (DownloadState::Waiting, Some(3))
    );
    assert!(
        waits
            .why
            .is_some_and(|why| why == "place 3 in the queue of the source")
    );
    let end = guest.until(id, |status| status.state.is_final()).await;
    assert_eq!((end.state, end.place), (DownloadState::Complete, None));
    assert!(
        end.spent >= Duration::from_secs(2),
        "a second later than the first moment"
    );
    let heads = sham.asked.recv().await.expect("it was asked");
    assert_eq!(
        heads.matches("X-Queue: 0.1\r\n").count(),
        2,
        "on one connection"
    );
}

#[tokio::test]
async fn a_parq_place_is_named_when_it_is_asked_for_again() {
    let id = "0123456789abcdef0123456789abcdef";
    let queued = format!(
        "HTTP/1.1 503 Queued\r\nX-Queued: position=1; ID={id}; ETA=3\r\nRetry-After: 1\r\n\
         Content-Length: 0\r\nConnection: close\r\n\r\n"
    );
    let right = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789";
    let (mut sham, guest) = (Sham::telling([&queued[..], right]).await, Guest::open());
    assert_eq!(
        guest.get(sham.wanted()).await.state,
        DownloadState::Complete
    );
    let _first = sham.asked.recv().await.expect("it was asked");
    let second = sham.asked.recv().await.expect("it was asked");
    assert!(
        second.contains(&format!("X-Queued: ID={id}\r\n")),
        "{second}"
    );
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
async fn a_tree_that_was_being_fetched_in_a_pause_is_fetched_after_it() {
    let bytes: Vec<u8> = (0..200_000_u32).map(|n| (n / 7) as u8).collect();
    let mut hasher = crate::thex::Hasher::new(bytes.len() as u64);
    hasher.update(&bytes);
    let root = hasher.finish().expect("all came").root();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let SocketAddr::V4(addr) = listener.local_addr().expect("it has one") else {
        panic!("the loopback is IPv4");
    };
    let guest = Guest::open();
    let wanted = Wanted {
        name: NAME.to_owned(),
        size: Some(bytes.len() as u64),
        sha1: Some(digest(&bytes)),
        root: None,
        sources: vec![Source::at(addr)],
    };
    let id = guest.downloads.start(wanted).expect("it begins");
    let begun = format!(
        "HTTP/1.1 206 OK\r\nContent-Range: bytes 0-3/200000\r\nContent-Length: 4\r\n\
         X-Thex-URI: /tree;{root}\r\n\r\n"
    );
    for round in 0..2 {
        let (mut stream, _) = listener.accept().await.expect("a caller");
        let first = head(&mut stream).await;
        assert!(first.starts_with("GET /uri-res/"), "{first}");
        let answer = [begun.as_bytes(), &bytes[..4]].concat();
        stream.write_all(&answer).await.expect("it listens");
        let asked = tokio::time::timeout(Duration::from_secs(30), head(&mut stream)).await;
        let asked = asked.expect("it asks on");
        assert!(asked.starts_with("GET /tree "), "{round}: {asked}");
        guest.downloads.pause(id);
        guest
            .until(id, |status| status.state == DownloadState::Paused)
            .await;
        guest.downloads.resume(id);
    }
}

#[tokio::test]
async fn who_comes_when_a_relay_was_found_takes_its_place() {
    let guest = Guest::open();
    let mut calls = guest.downloads.push_calls().expect("nobody took them");
    let relay = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let SocketAddr::V4(addr) = relay.local_addr().expect("it has one") else {
        panic!("the loopback is IPv4");
    };
    let servent = Guid([5; 16]);
    let source = Source {
        push: Some(servent),
        relays: vec![addr],
        ..Source::at("10.1.2.3:6346".parse().expect("an address"))
    };
    let wanted = Wanted {
        sources: vec![source],
        ..Sham::telling([]).await.wanted()
    };
    let id = guest.downloads.start(wanted).expect("it begins");
    calls.recv().await.expect("it is called");
    let (mut joined, _) = relay.accept().await.expect("a caller");
    assert!(head(&mut joined).await.starts_with("GET /gnutella/relay?"));
    let switch = "HTTP/1.1 101 Switching Protocols\r\n\r\n";
    joined
        .write_all(switch.as_bytes())
        .await
        .expect("it listens");
    head(&mut joined).await;
    let mut direct = TcpStream::connect(addr).await.expect("it listens");
    let (given, _) = relay.accept().await.expect("a caller");
    assert!(guest.downloads.given(servent, given, BytesMut::new()));
    let part = "HTTP/1.1 206 OK\r\nContent-Range: bytes 0-4/10\r\nContent-Length: 5\r\n\r\n01234";
    joined.write_all(part.as_bytes()).await.expect("it listens");
    assert!(head(&mut direct).await.contains("Range: bytes=5-9\r\n"));
    let rest = "HTTP/1.1 206 OK\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 5\r\n\r\n56789";
    direct.write_all(rest.as_bytes()).await.expect("it listens");
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
        root: None,
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
            owner: None,
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
