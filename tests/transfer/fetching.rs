//! Downloads from a house.

use std::path::Path;

use servent::transfer::{DownloadId, DownloadState, DownloadStatus, Downloads, Wanted};
use tempfile::TempDir;

use crate::ends;
use crate::house::{House, digest, noise};

/// A servent's fetching half.
struct Guest {
    folder: TempDir,
    downloads: Downloads,
}

impl Guest {
    fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let downloads = open(folder.path());
        Self { folder, downloads }
    }

    async fn get(&self, wanted: Wanted) -> DownloadStatus {
        let id = self.downloads.start(wanted).expect("it begins");
        outcome(&self.downloads, id).await
    }
}

fn open(folder: &Path) -> Downloads {
    Downloads::open(&folder.join("data"), &folder.join("downloads"), "test/1").expect("it opens")
}

/// The status a download ends with.
async fn outcome(downloads: &Downloads, id: DownloadId) -> DownloadStatus {
    let mut status = downloads.watch(id).expect("it is known");
    let end = status.wait_for(|status| status.state.is_final()).await;
    end.expect("it is watched").clone()
}

#[tokio::test]
async fn files_of_all_sizes_arrive() {
    ends(async {
        let (house, guest) = (House::open(10).await, Guest::open());
        for size in [0, 1, 262_144, 1_048_576, 1_048_577, 5_000_000] {
            let bytes = noise(size);
            let file = house.share(&format!("{size} é 語 🎵.bin"), &bytes);
            let end = guest.get(house.wanted(&file)).await;
            assert_eq!(
                (end.state, end.why),
                (DownloadState::Complete, None),
                "{size}"
            );
            assert_eq!((end.done, end.sha1), (size as u64, Some(digest(&bytes))));
            let path = end.path.expect("it is somewhere");
            assert_eq!(path, guest.folder.path().join("downloads").join(&file.name));
            assert!(std::fs::read(path).expect("it is there") == bytes, "{size}");
        }
        let left = std::fs::read_dir(guest.folder.path().join("data/unfinished"));
        assert_eq!(left.expect("a folder").count(), 0);
        assert_eq!(guest.downloads.list().len(), 6);
    })
    .await;
}

#[tokio::test]
async fn a_magnet_needs_no_more_than_a_digest() {
    ends(async {
        let (house, guest) = (House::open(10).await, Guest::open());
        for bytes in [noise(3_000_000), Vec::new()] {
            let file = house.share("a", &bytes);
            let mut wanted = house.wanted(&file);
            (wanted.size, wanted.sources[0].get) = (None, None);
            let end = guest.get(wanted).await;
            assert_eq!((end.state, end.why), (DownloadState::Complete, None));
            assert!(std::fs::read(end.path.expect("there")).expect("there") == bytes);
        }
    })
    .await;
}

#[tokio::test]
async fn the_digest_a_source_tells_is_enough() {
    ends(async {
        let (house, guest) = (House::open(10).await, Guest::open());
        let file = house.share("a", b"alpha");
        let mut wanted = house.wanted(&file);
        wanted.sha1 = None;
        let end = guest.get(wanted).await;
        assert_eq!((end.state, end.why), (DownloadState::Complete, None));
        assert_eq!(end.sha1, file.sha1);
    })
    .await;
}

#[tokio::test]
async fn a_file_without_any_digest_is_called_unverified() {
    ends(async {
        let (house, guest) = (House::open(10).await, Guest::open());
        let file = house.share_zeros("a", 2_000_000);
        let end = guest.get(house.wanted(&file)).await;
        assert_eq!(end.state, DownloadState::Complete);
        assert!(end.why.is_some_and(|why| why.contains("unverified")));
        let mut anonymous = house.wanted(&file);
        anonymous.sources[0].get = None;
        guest
            .downloads
            .start(anonymous)
            .expect_err("nothing names the file");
    })
    .await;
}

#[tokio::test]
async fn nothing_is_overwritten_and_no_name_is_trusted() {
    ends(async {
        let (house, guest) = (House::open(10).await, Guest::open());
        let file = house.share("a.txt", b"alpha");
        for (name, expected) in [
            ("a.txt", "a.txt"),
            ("a.txt", "a (2).txt"),
            ("../../a.txt", "a (3).txt"),
            ("/etc/passwd", "passwd"),
            ("..", "download"),
            ("\u{202e}\n", "download (2)"),
        ] {
            let mut wanted = house.wanted(&file);
            wanted.name = name.to_owned();
            let end = guest.get(wanted).await;
            let path = guest.folder.path().join("downloads").join(expected);
            assert_eq!((end.path.as_deref(), &*end.name), (Some(&*path), expected));
        }
    })
    .await;
}

#[tokio::test]
async fn a_file_wanted_twice_is_fetched_once() {
    ends(async {
        let (house, guest) = (House::open(10).await, Guest::open());
        let file = house.share("a", &noise(1_000_000));
        let first = guest
            .downloads
            .start(house.wanted(&file))
            .expect("it begins");
        let second = guest
            .downloads
            .start(house.wanted(&file))
            .expect("it begins");
        assert_eq!(first, second);
        outcome(&guest.downloads, first).await;
        assert_eq!(house.uploads.completed(), 1);
    })
    .await;
}

#[tokio::test]
async fn many_at_once_share_few_connections() {
    ends(async {
        let (house, guest) = (House::open(10).await, Guest::open());
        let mut ids = Vec::new();
        for n in 0..20 {
            let file = house.share(&n.to_string(), &noise(n + 1));
            ids.push(
                guest
                    .downloads
                    .start(house.wanted(&file))
                    .expect("it begins"),
            );
        }
        for id in ids {
            assert_eq!(
                outcome(&guest.downloads, id).await.state,
                DownloadState::Complete
            );
        }
        // The list has an entry for every connection; six within a minute are too many for gtk-gnutella.
        assert!(
            house.uploads.list().len() <= 4,
            "{:?}",
            house.uploads.list()
        );
    })
    .await;
}

#[tokio::test]
async fn what_was_stopped_goes_on_at_the_next_start() {
    ends(async {
        let (house, guest) = (House::open(10).await, Guest::open());
        let bytes = noise(30_000_000);
        let file = house.share("a", &bytes);
        let id = guest
            .downloads
            .start(house.wanted(&file))
            .expect("it begins");
        let mut status = guest.downloads.watch(id).expect("it is known");
        let begun = status.wait_for(|status| status.done > 0).await;
        drop(begun.expect("it is watched"));
        guest.downloads.stop().await;
        guest
            .downloads
            .start(house.wanted(&file))
            .expect_err("it is stopped");
        let before = status.borrow().clone();
        let again = open(guest.folder.path());
        let [resumed] = &again.list()[..] else {
            panic!("one is unfinished: {:?}", again.list());
        };
        assert_eq!(
            (resumed.id, &resumed.name, resumed.size),
            (id, &before.name, before.size)
        );
        assert!(resumed.done >= before.done);
        let end = outcome(&again, id).await;
        assert_eq!((end.state, end.why), (DownloadState::Complete, None));
        assert!(std::fs::read(end.path.expect("there")).expect("there") == bytes);
    })
    .await;
}
