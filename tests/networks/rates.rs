//! How fast messages and files may pass, both ways, on real sockets.

use std::time::Duration;

use bytes::BytesMut;
use servent::net::{Servent, Settings};
use servent::overlay::Config;
use servent::rng::Rng;
use servent::transfer::{Carried, Rates, Source, Wanted};
use servent::wire::{Descriptor, DescriptorCodec, Guid, Kind, Query};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, timeout};
use tokio_util::codec::Encoder;

use crate::network::{PATIENCE, by_hand, settings, within};
use crate::stranger::Stranger;

/// As many bytes of each class have to pass as may in this time.
const LONG: Duration = Duration::from_secs(2);

/// What may pass at once before a rate is felt.
const AT_ONCE: Duration = Duration::from_millis(200);

const UP: Rates = Rates {
    whole: 0,
    files: 1_000_000,
    messages: 16_000,
};

const DOWN: Rates = Rates {
    whole: 0,
    files: 2_000_000,
    messages: 32_000,
};

/// Whose neighbours may ask as fast as they can.
fn patient() -> Config {
    Config {
        query_rate: u32::MAX,
        ..by_hand()
    }
}

/// A servent that shares a file of so many bytes, once it knows its digest.
async fn sharer(size: u64, with: impl FnOnce(&mut Settings)) -> (Servent, Wanted, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let share = folder.path().join("share");
    std::fs::create_dir_all(&share).expect("a folder");
    let file = std::fs::File::create(share.join("zeros.bin")).expect("a file");
    file.set_len(size).expect("made so long");
    let mut settings = settings(folder.path(), patient());
    with(&mut settings);
    let servent = Servent::start(settings).await.expect("started");
    let hashed = |census: &servent::librarian::Census| census.files == 1 && census.unhashed == 0;
    let mut census = servent.census();
    let known = timeout(PATIENCE, census.wait_for(hashed)).await;
    known.expect("in time").expect("a librarian");
    let sha1 = {
        let shelf = servent.shelf();
        let library = shelf.read().expect("nobody panicked");
        library.files().find_map(|file| file.sha1)
    };
    let wanted = Wanted {
        name: "zeros.bin".to_owned(),
        size: Some(size),
        sha1,
        root: None,
        sources: vec![Source::at(servent.listen())],
    };
    (servent, wanted, folder)
}

/// Asks as fast as it is heard.
async fn flood(mut flooder: Stranger) {
    let mut rng = Rng::seeded(1);
    loop {
        let mut batch = BytesMut::new();
        for _ in 0..100 {
            let query = Query::words("nobody has this").encode();
            let descriptor = Descriptor::new(Guid::random(&mut rng), Kind::Query, 3, query);
            let encoded = DescriptorCodec.encode(descriptor, &mut batch);
            encoded.expect("it is short");
        }
        if flooder.socket.write_all(&batch).await.is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_and_files_keep_to_the_rates_of_their_classes() {
    let (limited, ours, _here) = sharer(6_000_000, |settings| {
        (settings.upload_limit, settings.download_limit) = (UP, DOWN);
    })
    .await;
    let (other, theirs, _there) = sharer(9_000_000, |_| {}).await;
    let call = || async {
        let stranger = Stranger::call(limited.listen(), false).await;
        stranger.expect("there is room")
    };
    let (flooder, mut listener) = (call().await, call().await);
    let mut status = limited.status().await;
    let before = status.carried;

    let begun = Instant::now();
    let flooding = tokio::spawn(flood(flooder));
    let listening = tokio::spawn(async move { listener.hear_out().await });
    limited.downloads().start(theirs).expect("it begins");
    other.downloads().start(ours).expect("it begins");

    let rates: [fn(&Rates) -> u64; 2] = [|rates| rates.files, |rates| rates.messages];
    let counts: [fn(&Carried) -> u64; 2] = [|carried| carried.files, |carried| carried.messages];
    for (rate, count) in rates.into_iter().zip(counts) {
        for (way, limits) in [UP, DOWN].iter().enumerate() {
            let wanted = rate(limits) * LONG.as_secs();
            let what = format!("{wanted} bytes of {limits:?}");
            within(PATIENCE, &what, || async {
                count(&limited.status().await.carried[way]) - count(&before[way]) >= wanted
            })
            .await;
        }
    }
    // Read in this order no machine is too slow: what has passed by now had all this time.
    status = limited.status().await;
    let took = begun.elapsed() + AT_ONCE;
    for (rate, count) in rates.into_iter().zip(counts) {
        for (way, limits) in [UP, DOWN].iter().enumerate() {
            let passed = count(&status.carried[way]) - count(&before[way]);
            let allowed = rate(limits) * u64::try_from(took.as_millis()).expect("short") / 1000;
            assert!(passed <= allowed, "{passed} of {allowed} in {took:?}");
        }
    }
    assert_eq!(status.peers, 2, "nobody has hung up");
    flooding.abort();
    limited.stop().await;
    // Behind all that waited its turn.
    let bye = timeout(PATIENCE, listening).await.expect("in time");
    assert!(bye.expect("no panic").is_some(), "a Bye does not wait");
    other.stop().await;
}
