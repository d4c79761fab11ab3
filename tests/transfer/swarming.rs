//! Downloads from many sources at once, good and bad.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use servent::transfer::{
    DownloadId, DownloadState, DownloadStatus, Downloads, Priority, PushCall, Source, Wanted,
};
use servent::wire::Guid;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use crate::caller::Caller;
use crate::ends;
use crate::house::{House, digest, noise, v4};
use crate::rogue::{Manner, Rogue};

/// A servent's fetching half.
pub(crate) struct Guest {
    folder: TempDir,
    pub(crate) downloads: Downloads,
}

impl Guest {
    pub(crate) fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let downloads = open(folder.path());
        Self { folder, downloads }
    }

    pub(crate) async fn outcome(&self, id: DownloadId) -> DownloadStatus {
        self.until(id, |status| status.state.is_final()).await
    }

    async fn until(
        &self,
        id: DownloadId,
        found: impl FnMut(&DownloadStatus) -> bool,
    ) -> DownloadStatus {
        let mut status = self.downloads.watch(id).expect("it is known");
        let end = status.wait_for(found).await;
        end.expect("it is watched").clone()
    }
}

fn open(folder: &Path) -> Downloads {
    Downloads::open(&folder.join("data"), &folder.join("downloads"), "test/1").expect("it opens")
}

pub(crate) fn wanted(bytes: &[u8], sources: impl IntoIterator<Item = Source>) -> Wanted {
    Wanted {
        name: "file.bin".to_owned(),
        size: Some(bytes.len() as u64),
        sha1: Some(digest(bytes)),
        root: None,
        sources: sources.into_iter().collect(),
    }
}

async fn rogues(manners: &[Manner], bytes: &[u8]) -> Vec<Rogue> {
    let mut rogues = Vec::new();
    for manner in manners {
        rogues.push(Rogue::open(*manner, bytes).await);
    }
    rogues
}

fn sources(rogues: &[Rogue]) -> impl Iterator<Item = Source> {
    rogues.iter().map(|rogue| Source::at(rogue.addr))
}

fn is_right(end: &DownloadStatus, bytes: &[u8]) -> bool {
    let path = end.path.as_ref().expect("it is somewhere");
    std::fs::read(path).expect("it is there") == bytes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_sources_take_part_and_nothing_comes_twice() {
    ends(async {
        let (bytes, guest) = (noise(24_000_000), Guest::open());
        let rogues = rogues(&[Manner::Honest; 4], &bytes).await;
        let id = guest
            .downloads
            .start(wanted(&bytes, sources(&rogues)))
            .expect("it begins");
        let end = guest.outcome(id).await;
        assert_eq!(
            (end.state, end.why.as_deref()),
            (DownloadState::Complete, None)
        );
        assert!(is_right(&end, &bytes) && end.tree && end.liars.is_empty());
        let sent: Vec<u64> = rogues
            .iter()
            .map(|rogue| rogue.sent.load(Ordering::SeqCst))
            .collect();
        assert!(sent.iter().all(|sent| *sent > 0), "{sent:?}");
        // At the very end two may be asked for the same.
        assert!(
            sent.iter().sum::<u64>() <= 24_000_000 + 1_048_576,
            "{sent:?}"
        );
    })
    .await;
}

/// One of four sources sends one wrong block in twenty.
async fn a_liar_is_found(run: usize) {
    let (bytes, guest) = (noise(24 * 1024 * 1024 + run), Guest::open());
    let manners = [
        Manner::Lies(20),
        Manner::Honest,
        Manner::Honest,
        Manner::Honest,
    ];
    let rogues = rogues(&manners, &bytes).await;
    let id = guest
        .downloads
        .start(wanted(&bytes, sources(&rogues)))
        .expect("it begins");
    let end = guest.outcome(id).await;
    assert_eq!(
        (end.state, end.why.as_deref()),
        (DownloadState::Complete, None),
        "{end:?}"
    );
    assert!(is_right(&end, &bytes), "run {run}");
    let wrong = rogues[0].wrong.load(Ordering::SeqCst);
    assert!(end.wasted <= 2 * wrong, "{} for {wrong}", end.wasted);
    // The second wrong block names him; the last block of the file has only `run` bytes.
    if end.wasted > 65_536 {
        assert_eq!(end.liars, [rogues[0].addr], "run {run}");
    } else {
        assert!(end.liars.is_empty(), "run {run}: {end:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_liar_is_found_and_its_blocks_alone_are_fetched_again() {
    ends(async {
        for run in 0..5 {
            a_liar_is_found(run).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "fifty runs take a minute"]
async fn a_liar_is_found_fifty_times() {
    for run in 0..50 {
        a_liar_is_found(run).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_others_do_one_honest_source_is_enough() {
    ends(async {
        let bytes = noise(5_000_000);
        let run = |manner| {
            let bytes = &bytes;
            async move {
                let guest = Guest::open();
                let rogues = rogues(&[manner, Manner::Honest], bytes).await;
                let wanted = wanted(bytes, sources(&rogues));
                let id = guest.downloads.start(wanted).expect("it begins");
                let end = guest.outcome(id).await;
                assert_eq!(
                    (end.state, end.why.as_deref()),
                    (DownloadState::Complete, None),
                    "{manner:?}: {end:?}"
                );
                assert!(is_right(&end, bytes), "{manner:?}");
            }
        };
        let manners = [
            Manner::BreaksOff(100_000),
            Manner::BreaksOff(0),
            Manner::FallsSilent(100_000),
            Manner::Mute,
            Manner::Refuses,
            Manner::OtherRange,
            Manner::OtherFile,
            Manner::Half,
            Manner::Lies(2),
            Manner::FalseTree,
        ];
        futures_util::future::join_all(manners.map(run)).await;
    })
    .await;
}

#[tokio::test]
async fn what_is_right_of_an_unfinished_file_is_served() {
    ends(async {
        let bytes = noise(4 * 1024 * 1024);
        let (house, half) = (
            House::open(10).await,
            Rogue::open(Manner::Half, &bytes).await,
        );
        let downloads = &house.downloads;
        let id = downloads
            .start(wanted(&bytes, [Source::at(half.addr)]))
            .expect("it begins");
        let mut status = downloads.watch(id).expect("it is known");
        let there = bytes.len() as u64 / 2;
        let begun = status
            .wait_for(|status| status.done == there && status.tree)
            .await;
        drop(begun.expect("it is watched"));
        let path = format!("/uri-res/N2R?urn:sha1:{}", digest(&bytes));
        let mut caller = Caller::call(house.addr).await;
        // The last block may be judged a moment after it came.
        let told = loop {
            caller.get(&path, "Range: bytes=3000000-\r\n").await;
            let (refusal, _) = caller.answer().await;
            assert!(matches!(refusal.status.0, 416 | 404), "{refusal}");
            let told = refusal
                .headers
                .get("X-Available-Ranges")
                .unwrap_or_default()
                .to_owned();
            if told == format!("bytes 0-{}", there - 1) {
                break told;
            }
            tokio::task::yield_now().await;
        };
        caller.get(&path, "Range: bytes=2000000-3000000\r\n").await;
        let (part, body) = caller.answer().await;
        assert_eq!(part.status.0, 206);
        assert_eq!(part.headers.get("X-Available-Ranges"), Some(&*told));
        assert!(
            body == bytes[2_000_000..there as usize],
            "as far as it is there"
        );
        // Another downloader takes all that.
        let guest = Guest::open();
        let id = guest
            .downloads
            .start(wanted(&bytes, [Source::at(house.addr)]))
            .expect("it begins");
        let fed = guest.until(id, |status| status.done == there).await;
        assert_ne!(fed.state, DownloadState::Failed);
    })
    .await;
}

#[tokio::test]
async fn what_was_fetched_is_offered_on_but_not_listed() {
    ends(async {
        let bytes = noise(200_000);
        let house = House::open(10).await;
        let honest = Rogue::open(Manner::Honest, &bytes).await;
        let wanted = wanted(&bytes, [Source::at(honest.addr)]);
        let id = house.downloads.start(wanted).expect("it begins");
        let mut status = house.downloads.watch(id).expect("it is known");
        let end = status.wait_for(|status| status.state.is_final()).await;
        let file = end.expect("it is watched").path.clone();
        let file = file.expect("it is complete");
        let sha1 = digest(&bytes);
        let [path, tree] = ["N2R", "N2X"].map(|what| format!("/uri-res/{what}?urn:sha1:{sha1}"));
        let mut caller = Caller::call(house.addr).await;
        caller.get(&path, "Range: bytes=1000-\r\n").await;
        let (part, body) = caller.answer().await;
        assert!(part.status.0 == 206 && body == bytes[1000..], "{part}");
        assert!(part.headers.get("X-Thex-URI").is_some(), "{part}");
        assert_eq!(part.headers.get("X-Available-Ranges"), None);
        caller.get(&tree, "").await;
        let (told, _) = caller.answer().await;
        assert_eq!(told.status.0, 200);
        let mut visitor = Caller::call(house.addr).await;
        visitor.say("GET / HTTP/1.0\r\n\r\n").await;
        let page = String::from_utf8_lossy(&visitor.rest().await).into_owned();
        assert!(
            page.contains("200 OK") && !page.contains("file.bin"),
            "{page}"
        );
        // What was changed is another file, and what is forgotten is no longer ours to offer.
        let change = |bytes: &[u8]| std::fs::write(&file, bytes).expect("written");
        change(&bytes[1..]);
        caller.get(&path, "").await;
        assert_eq!(caller.answer().await.0.status.0, 404);
        assert!(house.downloads.cancel(id));
        caller.get(&tree, "").await;
        assert_eq!(caller.answer().await.0.status.0, 404);
    })
    .await;
}

#[tokio::test]
async fn addresses_are_passed_on_once_they_are_proven() {
    ends(async {
        let bytes = noise(300_000);
        let (house, other) = (House::open(10).await, House::open(10).await);
        let (file, _) = (
            house.share_whole("a", &bytes),
            other.share_whole("b", &bytes),
        );
        let path = format!("/uri-res/N2R?urn:sha1:{}", digest(&bytes));
        let mut caller = Caller::call(house.addr).await;
        let ask = |alternates: String| format!("Range: bytes=0-9\r\nX-Alt: {alternates}\r\n");
        // Nobody listens at port 1, and of another machine nobody may speak.
        caller
            .get(
                &path,
                &ask(format!("127.0.0.1:1,44.1.2.3:6346,{}", other.addr)),
            )
            .await;
        let (first, _) = caller.answer().await;
        assert_eq!(first.headers.get("X-Alt"), None);
        caller.get(&path, &ask(other.addr.to_string())).await;
        caller.answer().await;
        loop {
            caller.get(&path, "Range: bytes=0-9\r\n").await;
            let (answer, _) = caller.answer().await;
            match answer.headers.get("X-Alt") {
                Some(told) => break assert_eq!(told, other.addr.to_string()),
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
        // A downloader learns of it by itself.
        let guest = Guest::open();
        let id = guest
            .downloads
            .start(house.wanted(&file))
            .expect("it begins");
        let end = guest.outcome(id).await;
        assert!(is_right(&end, &bytes));
        assert_eq!(end.sources, 2);
        caller
            .get(
                &path,
                &format!("Range: bytes=0-9\r\nX-NAlt: {}\r\n", other.addr),
            )
            .await;
        let (last, _) = caller.answer().await;
        assert_eq!(last.headers.get("X-Alt"), None);
    })
    .await;
}

#[tokio::test]
async fn who_cannot_be_dialled_is_called_by_push() {
    ends(async {
        let bytes = noise(700_000);
        let (house, guest) = (House::open(10).await, Guest::open());
        let file = house.share_whole("a", &bytes);
        let servent = Guid([0xab; 16]);
        let mut calls = guest.downloads.push_calls().expect("nobody took them");
        let source = Source {
            // Whoever listened there would be called in vain.
            addr: "10.1.2.3:6346".parse().expect("an address"),
            push: Some(servent),
            ..house.source(&file)
        };
        let id = guest
            .downloads
            .start(wanted(&bytes, [source]))
            .expect("it begins");
        let index = file.index;
        assert_eq!(calls.recv().await, Some(PushCall { servent, index }));
        let door = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let here = v4(door.local_addr().expect("it has one"));
        tokio::spawn(house.uploads.clone().give(here, index));
        let (mut stream, _) = door.accept().await.expect("it connects");
        let mut giv = Vec::new();
        while !giv.ends_with(b"\n\n") {
            giv.push(stream.read_u8().await.expect("it speaks"));
        }
        let stranger = TcpStream::connect(here).await.expect("it listens");
        assert!(
            !guest
                .downloads
                .given(Guid([1; 16]), stranger, bytes::BytesMut::new())
        );
        assert!(
            guest
                .downloads
                .given(servent, stream, bytes::BytesMut::new())
        );
        let end = guest.outcome(id).await;
        assert_eq!(end.state, DownloadState::Complete, "{end:?}");
        assert!(
            is_right(&end, &bytes) && calls.try_recv().is_err(),
            "one call was enough"
        );
    })
    .await;
}

#[tokio::test]
async fn a_paused_download_waits_over_restarts_and_a_cancelled_one_is_gone() {
    ends(async {
        let bytes = noise(3_000_000);
        let guest = Guest::open();
        let slow = Rogue::open(Manner::FallsSilent(1_000_000), &bytes).await;
        let id = guest
            .downloads
            .start(wanted(&bytes, [Source::at(slow.addr)]))
            .expect("it begins");
        guest.until(id, |status| status.done >= 500_000).await;
        assert!(guest.downloads.prefer(id, Priority::High) && guest.downloads.pause(id));
        guest
            .until(id, |status| status.state == DownloadState::Paused)
            .await;
        guest.downloads.stop().await;
        let again = Guest {
            downloads: open(guest.folder.path()),
            folder: guest.folder,
        };
        let status = again
            .until(id, |status| status.priority == Priority::High)
            .await;
        assert_eq!(status.state, DownloadState::Paused);
        assert!(status.done >= 500_000);
        let honest = Rogue::open(Manner::Honest, &bytes).await;
        assert!(again.downloads.add_source(id, Source::at(honest.addr)));
        assert!(again.downloads.resume(id));
        let end = again.outcome(id).await;
        assert!(is_right(&end, &bytes));
        let other = noise(2_000_000);
        let slow = Rogue::open(Manner::FallsSilent(500_000), &other).await;
        let id = again
            .downloads
            .start(wanted(&other, [Source::at(slow.addr)]))
            .expect("it begins");
        again.until(id, |status| status.done > 0).await;
        assert!(again.downloads.cancel(id) && !again.downloads.cancel(id));
        assert!(again.downloads.watch(id).is_none());
        again.downloads.stop().await;
        let left = std::fs::read_dir(again.folder.path().join("data/unfinished"));
        assert_eq!(left.expect("a folder").count(), 0);
    })
    .await;
}
