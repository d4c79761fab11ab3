//! A disk that is full, at every moment at which something is written.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use servent::transfer::{DownloadState, Downloads, Source, Wanted};

use crate::ends;
use crate::house::{digest, noise};
use crate::rogue::{Manner, Rogue};

/// Names a folder on a file system of its own with some 8 MiB, as `mount -t tmpfs -o size=8m none FOLDER` makes one.
const SMALL_DISK: &str = "TEST_SMALL_DISK";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a small file system: TEST_SMALL_DISK=FOLDER"]
async fn wherever_the_disk_is_full_the_cause_is_told_and_all_goes_on_when_it_is_not() {
    let Some(disk) = std::env::var_os(SMALL_DISK).map(PathBuf::from) else {
        return;
    };
    let bytes = noise(2_000_000);
    let mut waited = 0;
    // A page more each time, at first; then what the file itself takes.
    let rooms = (0..40)
        .map(|pages| pages * 4096)
        .chain((200_000..2_400_000).step_by(100_000));
    for room in rooms {
        for (data, finished) in [("disk", "disk"), ("disk", "other"), ("other", "disk")] {
            ends(async {
                let other = tempfile::tempdir().expect("a folder");
                let place = |name: &str, which: &str| match which {
                    "disk" => disk.join(name),
                    _ => other.path().join(name),
                };
                let (data, finished) = (place("data", data), place("downloads", finished));
                let source = Rogue::open(Manner::Honest, &bytes).await;
                let downloads = Downloads::open(&data, &finished, "test/1").expect("it opens");
                let filler = fill(&disk, room);
                let wanted = Wanted {
                    name: "file.bin".to_owned(),
                    size: Some(bytes.len() as u64),
                    sha1: Some(digest(&bytes)),
                    root: None,
                    sources: vec![Source::at(source.addr)],
                };
                let id = match downloads.start(wanted.clone()) {
                    Ok(id) => id,
                    Err(error) => {
                        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull, "{error}");
                        std::fs::remove_file(&filler).expect("removed");
                        downloads.start(wanted).expect("there is room")
                    }
                };
                let mut status = downloads.watch(id).expect("it is known");
                let end = status.wait_for(|status| status.state.is_final() || status.why.is_some());
                let first = end.await.expect("it is watched").clone();
                if first.state != DownloadState::Complete {
                    let why = first.why.clone().unwrap_or_default();
                    assert!(why.contains("the disk is full"), "room {room}: {first:?}");
                    assert_eq!(first.state, DownloadState::Waiting);
                    assert!(!finished.join("file.bin").exists());
                    waited += 1;
                    std::fs::remove_file(&filler).expect("removed");
                    // The disk is looked at again after ten seconds; a new start does not wait.
                    downloads.stop().await;
                    let downloads = Downloads::open(&data, &finished, "test/1").expect("it opens");
                    let mut status = downloads.watch(id).expect("it is known");
                    let end = status.wait_for(|status| status.state.is_final()).await;
                    assert_eq!(end.expect("it is watched").state, DownloadState::Complete);
                }
                assert!(std::fs::read(finished.join("file.bin")).expect("there") == bytes);
                for left in [data, finished, filler] {
                    let _ = std::fs::remove_dir_all(&left);
                    let _ = std::fs::remove_file(&left);
                }
            })
            .await;
        }
    }
    println!("the disk was full {waited} times");
    assert!(waited > 40);
}

/// Fills a disk but for so many bytes.
fn fill(disk: &Path, room: usize) -> PathBuf {
    let path = disk.join("filler");
    let mut file = File::create(&path).expect("created");
    while file.write_all(&[0; 4096]).is_ok() {}
    let full = file.metadata().expect("there").len();
    file.set_len(full.saturating_sub(room as u64)).expect("cut");
    path
}
