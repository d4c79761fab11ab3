//! Downloads on disks that are full, vanish, or hold what a crash left.

use super::sham::{Guest, Sham};
use super::*;

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
        sources: vec![Source::at(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1))],
        checked: true,
        ..Ticket::new(NAME.to_owned(), Some(10), Some(digest(BYTES)))
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
#[cfg(target_os = "linux")]
async fn what_the_downloads_folder_does_not_take_is_not_digested_again() {
    let right = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789";
    let (sham, guest) = (Sham::telling([right]).await, Guest::open());
    // No file can be made there.
    let downloads = guest.folder.path().join("downloads");
    std::os::unix::fs::symlink("/proc", &downloads).expect("linked");
    let id = guest.downloads.start(sham.wanted()).expect("it begins");
    let mut status = guest.downloads.watch(id).expect("it is known");
    let why = |status: &DownloadStatus| status.why.clone().unwrap_or_default();
    let waits = guest.until(id, |status| why(status).contains("disk")).await;
    assert_eq!(waits.state, DownloadState::Waiting);
    for _ in 0..5 {
        status.changed().await.expect("it is tried again");
        assert_eq!(status.borrow_and_update().state, DownloadState::Waiting);
    }
    std::fs::remove_file(&downloads).expect("removed");
    let end = guest.until(id, |status| status.state.is_final()).await;
    assert_eq!((end.state, end.why), (DownloadState::Complete, None));
}

#[tokio::test]
async fn a_disk_that_vanishes_is_waited_for() {
    let partly =
        "HTTP/1.1 206 OK\r\nContent-Range: bytes 0-9/10\r\nContent-Length: 10\r\n\r\n01234";
    let rest = "HTTP/1.1 206 OK\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 5\r\n\r\n56789";
    // Then it says nothing more.
    let (sham, guest) = (Sham::telling([partly]).await, Guest::open());
    let id = guest.downloads.start(sham.wanted()).expect("it begins");
    guest.until(id, |status| status.done == 5).await;
    let (here, away) = (guest.unfinished(""), guest.folder.path().join("away"));
    std::fs::rename(&here, &away).expect("moved");
    // Where a disk was mounted an empty folder stays.
    std::fs::create_dir(&here).expect("made");
    let other = Sham::telling([rest; 20]).await;
    let source = Source::at(other.addr);
    assert!(guest.downloads.add_source(id, source));
    let mut status = guest.downloads.watch(id).expect("it is known");
    let is_gone = |status: &DownloadStatus| {
        let why = status.why.as_deref().unwrap_or_default();
        status.state == DownloadState::Waiting && why.contains("disk is gone")
    };
    for _ in 0..5 {
        let waits = status.wait_for(is_gone).await;
        drop(waits.expect("it is watched"));
        status.changed().await.expect("it is tried again");
    }
    let begun = std::fs::read_dir(&here).expect("a folder").count();
    assert_eq!(begun, 0, "nothing was begun in its place");
    std::fs::remove_dir(&here).expect("removed");
    std::fs::rename(&away, &here).expect("moved");
    let end = guest.until(id, |status| status.state.is_final()).await;
    assert_eq!((end.state, end.why), (DownloadState::Complete, None));
    let file = end.path.expect("it is somewhere");
    assert_eq!(std::fs::read(file).expect("there"), BYTES);
}
