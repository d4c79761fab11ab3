//! How fast it may go, how slow it must not be. The clock is stopped: it jumps to where something happens next, so that
//! minutes pass in no time, and what is measured does not depend on the machine.

use std::time::Duration;

use servent::transfer::{DownloadState, Downloads};
use tokio::io::AsyncReadExt;
use tokio::time::{Instant, sleep};

use crate::caller::Caller;
use crate::house::{House, noise};

/// Bytes a second.
const RATE: u64 = 1_000_000;

#[tokio::test(start_paused = true)]
async fn uploads_together_keep_to_the_limit_and_share_it() {
    let house = House::open(10).await;
    house.uploads.limit().set(RATE);
    let file = house.share("a", &noise(2_000_000));
    let begun = Instant::now();
    let fetch = || async {
        let mut caller = Caller::call(house.addr).await;
        caller.get(&format!("/get/{}/a", file.index), "").await;
        let (_, body) = caller.answer().await;
        (body.len(), begun.elapsed())
    };
    let ends = tokio::join!(fetch(), fetch(), fetch());
    for (length, took) in [ends.0, ends.1, ends.2] {
        assert_eq!(length, 2_000_000);
        let millis = took.as_millis();
        assert!((5_700..=6_400).contains(&millis), "{millis} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn a_download_keeps_to_the_limit() {
    let (house, folder) = (
        House::open(10).await,
        tempfile::tempdir().expect("a folder"),
    );
    let file = house.share("a", &noise(3_000_000));
    let [data, finished] = ["data", "finished"].map(|name| folder.path().join(name));
    let downloads = Downloads::open(&data, &finished, "test/1").expect("it opens");
    downloads.limit().set(RATE);
    let begun = Instant::now();
    let id = downloads.start(house.wanted(&file)).expect("it begins");
    let mut status = downloads.watch(id).expect("it is known");
    let end = status.wait_for(|status| status.state.is_final()).await;
    assert_eq!(end.expect("watched").state, DownloadState::Complete);
    let millis = begun.elapsed().as_millis();
    assert!((2_800..=4_000).contains(&millis), "{millis} ms");
}

#[tokio::test(start_paused = true)]
async fn who_reads_a_few_bytes_a_second_loses_his_slot() {
    let house = House::open(1).await;
    let big = house.share_zeros("big", 64 * 1024 * 1024);
    let mut caller = Caller::call(house.addr).await;
    caller.get(&format!("/get/{}/big", big.index), "").await;
    caller.head().await;
    let begun = Instant::now();
    while house.uploads.busy() {
        let mut few = [0; 64];
        caller.stream.read_exact(&mut few).await.expect("it speaks");
        sleep(Duration::from_secs(1)).await;
        assert!(begun.elapsed() <= Duration::from_secs(180), "he keeps it");
    }
}
