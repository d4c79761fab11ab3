//! Downloads that only a user of an index has.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use futures_util::FutureExt;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::sham::{Guest, digest};
use crate::central::IndexSource;
use crate::transfer::download::*;

fn owner() -> IndexSource {
    "tekb a tune.mp3".parse().expect("an owner")
}

impl Guest {
    /// Begins a download from the owner.
    fn receive(&self, coming: Coming) -> DownloadId {
        let begun = self.downloads.receive("tune.mp3", 5, None, owner(), coming);
        begun.expect("it begins")
    }
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_is_gone_is_tried_rarely_and_orders_are_heard() {
    let guest = Guest::open();
    let id = guest.receive(pending().boxed());
    let mut status = guest.downloads.watch(id).expect("it is known");
    let (here, away) = (guest.unfinished(""), guest.folder.path().join("away"));
    std::fs::rename(&here, &away).expect("moved");
    assert!(guest.downloads.pause(id));
    let gone =
        |status: &DownloadStatus| status.why.as_ref().is_some_and(|why| why.contains("gone"));
    status.wait_for(gone).await.expect("it waits");
    let begun = Instant::now();
    for _ in 0..5 {
        status.changed().await.expect("it is tried again");
    }
    let retry = guest.downloads.shared.timing.disk_retry;
    assert!(begun.elapsed() >= 5 * retry, "{:?}", begun.elapsed());
    assert_eq!(status.borrow().state, DownloadState::Paused);
    assert!(guest.downloads.cancel(id));
    let over = async { while status.changed().await.is_ok() {} };
    let over = tokio::time::timeout(Duration::from_secs(30), over);
    over.await.expect("it hears that it is cancelled");
}

#[tokio::test]
async fn who_hears_no_orders_any_more_removes_nothing() {
    let guest = Guest::open();
    let owned = guest.receive(pending().boxed());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let SocketAddr::V4(silent) = listener.local_addr().expect("it has one") else {
        panic!("the loopback is IPv4");
    };
    let wanted = Wanted {
        name: "a.txt".to_owned(),
        size: Some(5),
        sha1: Some(digest(b"01234")),
        root: None,
        sources: vec![Source::at(silent)],
    };
    let other = guest.downloads.start(wanted).expect("it begins");
    for id in [owned, other] {
        let mut status = guest.downloads.watch(id).expect("it is known");
        guest.downloads.shared.table().entries.remove(&id);
        let over = async { while status.changed().await.is_ok() {} };
        let over = tokio::time::timeout(Duration::from_secs(30), over);
        over.await.expect("it ends");
        let ticket = guest.unfinished(&format!("{}.json", id.0));
        assert!(ticket.exists(), "{ticket:?}");
    }
}

#[tokio::test]
async fn what_failed_goes_on_when_it_is_fetched_again() {
    let guest = Guest::open();
    let away = || async { Err(io::ErrorKind::ConnectionRefused.into()) }.boxed();
    let first = guest.receive(away());
    guest.until(first, |status| status.state.is_final()).await;
    assert_eq!(guest.downloads.lost(), [first]);
    assert_eq!(guest.receive(pending().boxed()), first, "it goes on");
    assert_eq!(guest.downloads.lost(), []);
    assert_eq!(guest.receive(pending().boxed()), first, "it is under way");
    let other = guest
        .downloads
        .receive("tune.mp3", 6, None, owner(), away());
    assert_ne!(
        other.expect("it begins"),
        first,
        "another size, another file"
    );
}

#[tokio::test]
async fn who_has_another_file_now_is_not_asked_again() {
    let (guest, mut owner) = (Guest::open(), Owner::listen().await);
    let first = guest.receive(owner.brings(6, 0).await);
    let end = guest.until(first, |status| status.state.is_final()).await;
    assert_eq!(end.fault, Some(Fault::OtherFile), "{end:?}");
    assert_eq!(guest.downloads.lost(), []);
    let second = guest.receive(owner.brings(5, 0).await);
    assert_ne!(second, first, "it is begun anew");
    owner.says(b"01234").await;
    let end = guest.until(second, |status| status.state.is_final()).await;
    assert_eq!(end.state, DownloadState::Complete, "{end:?}");
}

#[tokio::test]
async fn who_is_called_is_let_in_before_our_turn() {
    let (guest, mut owner) = (Guest::open(), Owner::listen().await);
    let hosts = &guest.downloads.shared.hosts;
    let mut turns = Vec::new();
    while let Some(turn) = hosts
        .turn(None, (Priority::High, DownloadId(9)))
        .now_or_never()
    {
        turns.push(turn);
    }
    let (let_in, mut is_in) = oneshot::channel();
    let brings = owner.brings(5, 0).await;
    let coming = async {
        let_in.send(()).expect("it is waited for");
        brings.await
    };
    let id = guest.receive(coming.boxed());
    let waited = tokio::time::timeout(Duration::from_secs(30), &mut is_in);
    waited.await.expect("it is let in").expect("it says so");
    drop(turns);
    owner.says(b"01234").await;
    let end = guest.until(id, |status| status.state.is_final()).await;
    assert_eq!(end.state, DownloadState::Complete, "{end:?}");
}

/// A user of an index, and the connection on which he brings a file.
struct Owner {
    listener: TcpListener,
    stream: Option<TcpStream>,
}

impl Owner {
    async fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let stream = None;
        Self { listener, stream }
    }

    /// Begins to bring a file of so many bytes, from one of them on.
    async fn brings(&mut self, size: u64, from: u64) -> Coming {
        let addr = self.listener.local_addr().expect("it has one");
        let stream = TcpStream::connect(addr).await.expect("it listens");
        self.stream = Some(self.listener.accept().await.expect("a caller").0);
        let ahead = BytesMut::new();
        let delivery = Delivery {
            stream,
            ahead,
            size,
            from,
        };
        async { Ok(delivery) }.boxed()
    }

    async fn says(&mut self, bytes: &[u8]) {
        let stream = self.stream.as_mut().expect("it brings something");
        stream.write_all(bytes).await.expect("somebody listens");
    }
}
