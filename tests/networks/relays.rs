//! Two to whom nobody can connect, joined by an ultrapeer that said it does so.

use std::time::Duration;

use servent::net::{SearchHit, Servent};
use servent::overlay::{Config, RoleChoice};
use servent::transfer::{DownloadId, DownloadState, DownloadStatus, Source, Wanted};
use servent::wire::Query;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::network::{PATIENCE, eventually, settings};

/// How long a hit may take before another search is begun: the leaf's table may not have come yet.
const SOON: Duration = Duration::from_millis(300);

/// What the leaf shares.
const SIZE: usize = 600_000;

async fn start(network: &TempDir, name: &str, role: RoleChoice, relay: u64) -> Servent {
    let home = network.path().join(name);
    std::fs::create_dir_all(home.join("share")).expect("a folder");
    if role == RoleChoice::Leaf {
        std::fs::write(home.join("share/song.txt"), song()).expect("a file");
    }
    let overlay = Config {
        role,
        keep_alive: Duration::from_millis(200),
        grow: false,
        ..Config::default()
    };
    let mut settings = settings(&home, overlay);
    settings.relay = relay;
    Servent::start(settings).await.expect("started")
}

fn song() -> Vec<u8> {
    (0..SIZE).map(|at| (at / 7 * 31) as u8).collect()
}

/// A hub that passes on so many bytes an hour, a leaf of it behind a wall, and the seeker's hit of the leaf's file.
async fn laid_out(network: &TempDir, relay: u64) -> (Servent, Servent, Servent, SearchHit) {
    let hub = start(network, "hub", RoleChoice::Ultrapeer, relay).await;
    let leaf = start(network, "leaf", RoleChoice::Leaf, 0).await;
    let seeker = start(network, "seeker", RoleChoice::Ultrapeer, 0).await;
    leaf.connect(hub.listen()).await.expect("a link");
    seeker.connect(hub.listen()).await.expect("a link");
    let mut hashed = leaf.census();
    let hashed = hashed.wait_for(|census| census.files == 1 && census.unhashed == 0);
    drop(timeout(PATIENCE, hashed).await.expect("in time"));
    eventually("the hub passes pushes on", || async {
        hub.peers().await.iter().any(|peer| peer.push_proxy.1)
    })
    .await;
    let found = async {
        loop {
            let mut search = seeker.search(Query::words("song"), None).await;
            if let Ok(Some(found)) = timeout(SOON, search.hits.recv()).await
                && !found.hit.trailer.proxies().is_empty()
            {
                break found;
            }
        }
    };
    let found = timeout(PATIENCE, found).await.expect("it is found");
    (hub, leaf, seeker, found)
}

/// Fetches what was found, when no Push of the seeker finds its way any more.
async fn fetch(seeker: &Servent, hub: &Servent, found: &SearchHit) -> DownloadId {
    assert!(seeker.disconnect(hub.listen()).await);
    let record = &found.hit.records[0];
    let wanted = Wanted {
        name: record.name.clone(),
        size: Some(record.size),
        sha1: record.sha1(),
        sources: vec![Source {
            // Only a relay is left: who is asked for a Push could still be answered here, where there are no walls.
            proxies: Vec::new(),
            ..Source::of(&found.hit, record)
        }],
    };
    seeker.downloads().start(wanted).expect("it begins")
}

async fn until(
    seeker: &Servent,
    id: DownloadId,
    fit: impl FnMut(&DownloadStatus) -> bool,
) -> DownloadStatus {
    let mut status = seeker.downloads().watch(id).expect("it is known");
    let fit = timeout(PATIENCE, status.wait_for(fit)).await;
    fit.expect("in time").expect("it is watched").clone()
}

#[tokio::test]
async fn an_ultrapeer_that_says_so_joins_two_who_cannot_connect() {
    let network = tempfile::tempdir().expect("a folder");
    let (hub, leaf, seeker, found) = laid_out(&network, 100_000_000).await;
    assert_eq!(found.hit.trailer.relays(), [hub.listen()]);
    let id = fetch(&seeker, &hub, &found).await;
    let end = until(&seeker, id, |status| status.state.is_final()).await;
    assert_eq!((end.state, end.why), (DownloadState::Complete, None));
    assert!(std::fs::read(end.path.expect("complete")).expect("there") == song());
    let relay = hub.status().await.relay;
    assert!(relay.spent > SIZE as u64, "{relay:?}");
    for servent in [seeker, leaf, hub] {
        servent.stop().await;
    }
}

#[tokio::test]
async fn no_more_is_passed_on_than_the_owner_gives() {
    let network = tempfile::tempdir().expect("a folder");
    let given = 400_000;
    let (hub, leaf, seeker, found) = laid_out(&network, given).await;
    let id = fetch(&seeker, &hub, &found).await;
    // A pair gets a quarter of it, so the file does not come at once, but goes on.
    let part = given / 4;
    let waits = |status: &DownloadStatus| status.done > 0 && status.why.is_some();
    let status = until(&seeker, id, waits).await;
    assert!(status.done < part, "{status:?}");
    assert!(hub.status().await.relay.spent <= given);
    for servent in [seeker, leaf, hub] {
        servent.stop().await;
    }
}

#[tokio::test]
async fn who_does_not_relay_says_nothing_and_is_no_help() {
    let network = tempfile::tempdir().expect("a folder");
    let (hub, leaf, seeker, found) = laid_out(&network, 0).await;
    assert!(found.hit.trailer.relays().is_empty());
    let asked = |servent: String| {
        let path = format!("/gnutella/relay?guid={servent}");
        let addr = hub.listen();
        async move {
            let mut stream = TcpStream::connect(addr).await.expect("it listens");
            let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
            stream
                .write_all(request.as_bytes())
                .await
                .expect("it reads");
            let mut answer = String::new();
            let read = stream.read_to_string(&mut answer);
            timeout(PATIENCE, read)
                .await
                .expect("in time")
                .expect("text");
            answer
        }
    };
    let answer = asked(leaf.guid().to_string()).await;
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    for servent in [seeker, leaf, hub] {
        servent.stop().await;
    }
}

#[tokio::test]
async fn only_those_who_asked_for_it_are_told_to_come() {
    let network = tempfile::tempdir().expect("a folder");
    let hub = start(&network, "hub", RoleChoice::Ultrapeer, 1_000_000).await;
    let mut stream = TcpStream::connect(hub.listen()).await.expect("it listens");
    let request = "GET /gnutella/relay?guid=0102030405060708090a0b0c0d0e0f00 HTTP/1.1\r\n\
                   Host: a\r\nConnection: close\r\n\r\n";
    stream
        .write_all(request.as_bytes())
        .await
        .expect("it reads");
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    timeout(PATIENCE, read)
        .await
        .expect("in time")
        .expect("text");
    assert!(answer.starts_with("HTTP/1.1 410 "), "{answer}");
    assert_eq!(hub.status().await.relay.pairs, 0);
    hub.stop().await;
}
