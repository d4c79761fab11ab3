//! Two servents: the everyday of the network.

use std::time::Duration;

use servent::net::Servent;
use servent::overlay::Config;
use servent::transfer::{DownloadState, Source, Wanted};
use servent::wire::Query;
use tokio::time::{Instant, timeout};

use crate::network::{PATIENCE, settings};
use crate::stranger::Stranger;

/// Generous, for busy machines; what is aimed at is printed beside.
const PROMPTLY: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_shares_a_file_and_the_other_finds_and_gets_it() {
    for deflate in [false, true] {
        timeout(PATIENCE, share_and_get(deflate))
            .await
            .expect("in time");
    }
}

async fn share_and_get(deflate: bool) {
    let folder = tempfile::tempdir().expect("a folder");
    let (home, away) = (folder.path().join("home"), folder.path().join("away"));
    let content: Vec<u8> = (0..1_000_000u32).flat_map(u32::to_le_bytes).collect();
    std::fs::create_dir_all(home.join("share")).expect("a folder");
    std::fs::write(home.join("share/a fine day.ogg"), &content).expect("a file");

    let mut sharing = settings(&home, Config::default());
    sharing.deflate = deflate;
    let sharer = Servent::start(sharing).await.expect("started");
    let hashed = |census: &servent::librarian::Census| census.files == 1 && census.unhashed == 0;
    sharer.census().wait_for(hashed).await.expect("a librarian");

    let began = Instant::now();
    let mut seeking = settings(&away, Config::default());
    seeking.bootstrap = vec![sharer.listen()];
    seeking.deflate = deflate;
    let seeker = Servent::start(seeking).await.expect("started");
    seeker
        .neighbours()
        .wait_for(|count| *count == 1)
        .await
        .expect("alive");
    println!("first peer after {:?} (aim: 100 ms)", began.elapsed());
    assert!(began.elapsed() < PROMPTLY);
    assert_eq!(seeker.peers().await[0].deflate, (deflate, deflate));
    assert_eq!(seeker.peers().await[0].host, sharer.listen());

    let mut search = seeker.search(Query::words("FINE day"), None).await;
    let found = search.hits.recv().await.expect("a hit");
    println!("first hit after {:?} (aim: 200 ms)", found.after);
    assert!(found.after < PROMPTLY);
    assert_eq!((found.hops, found.hit.servent), (1, sharer.guid()));
    assert_eq!(*search.messages.borrow(), 1);
    assert_eq!(seeker.status().await.searches, 1);
    drop(search);

    let record = &found.hit.records[0];
    let wanted = Wanted {
        name: record.name.clone(),
        size: Some(record.size),
        sha1: record.sha1(),
        root: None,
        sources: vec![Source {
            get: Some((record.index, record.name.clone())),
            ..Source::at(found.hit.addr)
        }],
    };
    assert_eq!(
        (record.name.as_str(), record.size),
        ("a fine day.ogg", 4_000_000)
    );
    assert!(record.sha1().is_some());
    let download = seeker.downloads().start(wanted).expect("started");
    let mut status = seeker.downloads().watch(download).expect("known");
    let over = |state| matches!(state, DownloadState::Complete | DownloadState::Failed);
    let status = status
        .wait_for(|status| over(status.state))
        .await
        .expect("alive")
        .clone();
    assert_eq!((status.state, status.why), (DownloadState::Complete, None));
    let got = std::fs::read(status.path.expect("complete")).expect("there");
    assert!(got == content, "the same bytes");

    let left = Instant::now();
    seeker.stop().await;
    sharer
        .neighbours()
        .wait_for(|count| *count == 0)
        .await
        .expect("alive");
    sharer.stop().await;
    println!("both left after {:?}", left.elapsed());
}

#[tokio::test]
async fn a_servent_says_bye_and_comes_back_as_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = Servent::start(settings(folder.path(), Config::default()))
        .await
        .expect("started");
    let guid = first.guid();
    let mut stranger = Stranger::call(first.listen(), false)
        .await
        .expect("welcome");
    assert!(stranger.agreement.bye);
    first
        .neighbours()
        .wait_for(|count| *count == 1)
        .await
        .expect("alive");
    let began = Instant::now();
    let (bye, ()) = tokio::join!(stranger.hear_out(), first.stop());
    assert_eq!(bye.expect("a Bye").code, servent::wire::ByeCode::SHUTDOWN);
    assert!(began.elapsed() < Duration::from_secs(2));
    assert!(
        first.peers().await.is_empty(),
        "a stopped servent answers, with nothing"
    );
    assert!(
        first
            .search(Query::words("anything"), None)
            .await
            .hits
            .recv()
            .await
            .is_none()
    );
    first.stop().await;
    drop(first);

    let again = Servent::start(settings(folder.path(), Config::default()))
        .await
        .expect("started");
    assert_eq!(again.guid(), guid);
    again.stop().await;
}

#[tokio::test]
async fn a_connect_says_why_it_failed() {
    let folder = tempfile::tempdir().expect("a folder");
    let servent = Servent::start(settings(folder.path(), Config::default()))
        .await
        .expect("started");
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let std::net::SocketAddr::V4(addr) = nobody.local_addr().expect("bound") else {
        unreachable!("bound to IPv4");
    };
    drop(nobody);
    let refused = servent.connect(addr).await.expect_err("nobody listens");
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    let ourselves = servent
        .connect(servent.listen())
        .await
        .expect_err("no link to oneself");
    assert!(ourselves.to_string().contains("itself"), "{ourselves}");
    servent.stop().await;
}

#[tokio::test]
async fn a_servent_takes_the_next_free_port() {
    let folder = tempfile::tempdir().expect("a folder");
    let start = |home: &str, listen: Vec<_>| {
        let mut settings = settings(&folder.path().join(home), Config::default());
        settings.listen = listen;
        Servent::start(settings)
    };
    let any = crate::network::LOOPBACK_ANY;
    let first = start("first", vec![any]).await.expect("started");
    let second = start("second", vec![first.listen(), any])
        .await
        .expect("started");
    assert_ne!(first.listen(), second.listen());
    let none = start("third", vec![first.listen()])
        .await
        .expect_err("taken");
    assert!(
        none.to_string().contains(&first.listen().to_string()),
        "{none}"
    );
    second.stop().await;
    first.stop().await;
}
