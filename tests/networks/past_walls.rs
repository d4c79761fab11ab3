//! Servents to whom nobody can connect: joined by an ultrapeer that said it does so, and named to others by their proxies.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use servent::net::{SearchHit, Servent, Settings};
use servent::overlay::RoleChoice;
use servent::transfer::http::{Response, Walled, head_end};
use servent::transfer::{DownloadId, DownloadState, DownloadStatus, Source, Wanted};
use servent::wire::{Query, Sha1, Urn};
use sha1::Digest;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::network::{PATIENCE, called, eventually};

/// How long a hit may take before another search is begun: the leaf's table may not have come yet.
const SOON: Duration = Duration::from_millis(300);

/// What the leaf shares.
const SIZE: usize = 600_000;

/// A servent that passes on so many bytes an hour for others. Those behind walls have something to share.
async fn start(network: &TempDir, name: &str, role: RoleChoice, relay: u64) -> Servent {
    let song = matches!(name, "leaf" | "other").then(song);
    let settings = Settings {
        relay,
        ..called(network, name, role, song.as_deref())
    };
    Servent::start(settings).await.expect("started")
}

/// A wall between a servent and a hub: what goes out through it seems to stand somewhere else, and nobody comes in there.
/// The way out is at the port of the hub, which is all the hub says of where it stands.
async fn wall(hub: SocketAddrV4) -> SocketAddrV4 {
    const INSIDE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 8);
    const OUTSIDE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, 9), 0);
    let inside = SocketAddrV4::new(INSIDE, hub.port());
    let listener = TcpListener::bind(inside).await.expect("a port");
    tokio::spawn(async move {
        while let Ok((mut inside, _)) = listener.accept().await {
            let socket = TcpSocket::new_v4().expect("a socket");
            socket.bind(OUTSIDE.into()).expect("an address");
            tokio::spawn(async move {
                let mut outside = socket.connect(hub.into()).await?;
                copy_bidirectional(&mut inside, &mut outside).await
            });
        }
    });
    inside
}

fn song() -> Vec<u8> {
    (0..SIZE).map(|at| (at / 7 * 31) as u8).collect()
}

/// A hub that passes on so many bytes an hour, a leaf of it behind a wall, and the seeker's hit of the leaf's file.
async fn laid_out(network: &TempDir, relay: u64) -> (Servent, Servent, Servent, SearchHit) {
    let hub = start(network, "hub", RoleChoice::Ultrapeer, relay).await;
    let leaf = start(network, "leaf", RoleChoice::Leaf, 0).await;
    let seeker = start(network, "seeker", RoleChoice::Ultrapeer, 0).await;
    let way_out = wall(hub.listen()).await;
    leaf.connect(way_out).await.expect("a link");
    seeker.connect(hub.listen()).await.expect("a link");
    let mut hashed = leaf.census();
    let hashed = hashed.wait_for(|census| census.files == 1 && census.unhashed == 0);
    drop(timeout(PATIENCE, hashed).await.expect("in time"));
    eventually("the hub serves the leaf", || async {
        let peers = hub.peers().await;
        let filled = |(_, fill)| fill > 0.0;
        let mut peers = peers.iter();
        peers.any(|peer| peer.push_proxy.1 && peer.table.is_some_and(filled))
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
        root: None,
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
    assert_eq!(found.hit.trailer.relays(), found.hit.trailer.proxies());
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
    let answer = join_to(&leaf.guid().to_string(), &hub).await;
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    for servent in [seeker, leaf, hub] {
        servent.stop().await;
    }
}

#[tokio::test]
async fn only_those_who_asked_for_it_are_told_to_come() {
    let network = tempfile::tempdir().expect("a folder");
    let hub = start(&network, "hub", RoleChoice::Ultrapeer, 1_000_000).await;
    let answer = join_to("0102030405060708090a0b0c0d0e0f00", &hub).await;
    assert!(answer.starts_with("HTTP/1.1 410 "), "{answer}");
    assert_eq!(hub.status().await.relay.pairs, 0);
    hub.stop().await;
}

/// Asks a hub to join us to this servent; what it answers.
async fn join_to(guid: &str, hub: &Servent) -> String {
    let mut stream = TcpStream::connect(hub.listen()).await.expect("it listens");
    let request =
        format!("GET /gnutella/relay?guid={guid} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let said = stream.write_all(request.as_bytes()).await;
    said.expect("it reads");
    let mut answer = String::new();
    let read = timeout(PATIENCE, stream.read_to_string(&mut answer)).await;
    read.expect("in time").expect("text");
    answer
}

/// Asks for the first bytes of the song at `from`, with these further lines; what it answers.
async fn song_of(from: &Servent, lines: &str) -> Response {
    let mut stream = TcpStream::connect(from.listen()).await.expect("it listens");
    let urn = Urn::Sha1(Sha1(sha1::Sha1::digest(song()).into()));
    let request = format!(
        "GET /uri-res/N2R?{urn} HTTP/1.1\r\nHost: a\r\nRange: bytes=0-9\r\n{lines}Connection: close\r\n\r\n"
    );
    stream
        .write_all(request.as_bytes())
        .await
        .expect("it reads");
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    timeout(PATIENCE, read)
        .await
        .expect("in time")
        .expect("an answer");
    let end = head_end(&answer, 0).expect("a short head").expect("a head");
    Response::parse(&answer[..end]).expect("a head")
}

#[tokio::test]
async fn who_cannot_be_connected_to_is_named_once_it_has_come() {
    let network = tempfile::tempdir().expect("a folder");
    let (hub, leaf, seeker, found) = laid_out(&network, 0).await;
    let other = start(&network, "other", RoleChoice::Ultrapeer, 0).await;
    let mut hashed = other.census();
    let hashed = hashed.wait_for(|census| census.files == 1 && census.unhashed == 0);
    drop(timeout(PATIENCE, hashed).await.expect("in time"));

    // The hub knows no such servent, and one elsewhere nobody may speak of.
    let (guid, port) = (leaf.guid(), leaf.listen().port());
    let nobody = "00112233445566778899aabbccddee00";
    for (servent, place) in [
        (nobody, format!("{port}:127.0.0.1")),
        (&*guid.to_string(), "6346:44.1.2.3".to_owned()),
    ] {
        let falt = format!("X-Falt: {servent};{place};{}\r\n", hub.listen());
        song_of(&other, &falt).await;
    }
    let reads = "X-Features: fwalt/0.1\r\n";
    let itself = Walled {
        servent: guid,
        addr: Some(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port - 1)),
        proxies: vec![hub.listen()],
    };
    assert_eq!(song_of(&other, reads).await.headers.get("X-Falt"), None);
    song_of(&other, &format!("X-Falt: {itself}\r\n")).await;
    eventually("it came, and is named", || async {
        let answer = song_of(&other, reads).await;
        answer.headers.get("X-Falt") == Some(&*itself.to_string())
    })
    .await;
    assert_eq!(
        song_of(&other, "").await.headers.get("X-Falt"),
        None,
        "not to all"
    );

    // A downloader that knows the other alone learns of it.
    let record = &found.hit.records[0];
    let wanted = Wanted {
        name: record.name.clone(),
        size: Some(record.size),
        sha1: record.sha1(),
        root: None,
        sources: vec![Source::at(other.listen())],
    };
    let id = seeker.downloads().start(wanted).expect("it begins");
    let end = until(&seeker, id, |status| status.state.is_final()).await;
    assert_eq!((end.state, end.sources), (DownloadState::Complete, 2));
    for servent in [seeker, leaf, hub, other] {
        servent.stop().await;
    }
}
