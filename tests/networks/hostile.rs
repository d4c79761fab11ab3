//! Neighbours and callers who do not behave.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use servent::net::Servent;
use servent::overlay::{Config, Strategy};
use servent::rng::Rng;
use servent::wire::deflate::Deflater;
use servent::wire::{ByeCode, Descriptor, Ggep, Guid, HEADER_LEN, Header, Kind, Pong, Query};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::network::{EVERYWHERE, Network, PATIENCE, by_hand, eventually, settings};
use crate::stranger::Stranger;

/// Slow callers are gone by then.
const REAPED: Duration = Duration::from_secs(10);

async fn start(config: Config) -> (Servent, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let servent = Servent::start(settings(folder.path(), config))
        .await
        .expect("started");
    (servent, folder)
}

/// Whose neighbours may ask as fast as they can.
fn patient() -> Config {
    Config {
        query_rate: u32::MAX,
        ..by_hand()
    }
}

/// What a caller who sends `words` gets until he is hung up on.
async fn answer_to(servent: &Servent, words: &[u8]) -> Vec<u8> {
    let mut caller = TcpStream::connect(servent.listen())
        .await
        .expect("it listens");
    caller.write_all(words).await.expect("it reads");
    let mut answer = Vec::new();
    // Closing with unread bytes makes a reset of it.
    let _ = timeout(PATIENCE, caller.read_to_end(&mut answer))
        .await
        .expect("closed in time");
    answer
}

#[tokio::test]
async fn junk_is_closed_unanswered_and_counted() {
    let (servent, _folder) = start(by_hand()).await;
    let junk: [&[u8]; 5] = [
        b"\x16\x03\x01\x02\x00",
        b"SSH-2.0-x\r\n",
        b"GNUTELLA\n",
        b"PUT / HTTP/1.1\r\n\r\n",
        b"GIV 1:00000000000000000000000000000000/x\n\n",
    ];
    for words in junk {
        assert_eq!(answer_to(&servent, words).await, b"", "to {words:?}");
    }
    for probe in [&b"\n\n"[..], b"CONNECT BACK\r\n\r\n"] {
        assert_eq!(answer_to(&servent, probe).await, b"");
    }
    assert_eq!(
        servent.status().await.refused,
        junk.len() as u64,
        "a probe is no junk"
    );
    servent.stop().await;
}

#[tokio::test]
async fn slow_callers_are_reaped() {
    let (servent, _folder) = start(by_hand()).await;
    // From here on time passes only when all wait for it.
    tokio::time::pause();
    let drip = |first: &'static [u8]| {
        let addr = servent.listen();
        async move {
            let began = Instant::now();
            let mut caller = TcpStream::connect(addr).await.expect("it listens");
            caller.write_all(first).await.expect("it reads");
            let mut byte = [0];
            loop {
                tokio::select! {
                    read = caller.read(&mut byte) => match read {
                        Ok(1..) => continue,
                        _ => break began.elapsed(),
                    },
                    () = sleep(Duration::from_secs(1)) => {
                        if caller.write_all(b"a").await.is_err() {
                            break began.elapsed();
                        }
                    }
                }
            }
        }
    };
    let silent = drip(b"").await;
    let slow = drip(b"GNUTELLA CONNECT/0.6\r\nX-Slow: ").await;
    assert!(silent <= REAPED, "no word: {silent:?}");
    assert!(slow <= REAPED, "an endless header: {slow:?}");
    eventually("both are counted", || async {
        servent.status().await.refused == 2
    })
    .await;
}

#[tokio::test]
async fn lines_may_end_in_either_way_and_come_in_any_pieces() {
    let (servent, _folder) = start(by_hand()).await;
    for hello in [
        "GNUTELLA CONNECT/0.6\r\nX-Ultrapeer: True\r\n\r\n",
        "GNUTELLA CONNECT/0.6\nX-Ultrapeer: True\n\n",
        "GNUTELLA CONNECT/0.6\nX-Ultrapeer: True\n\r\n",
        "GNUTELLA CONNECT/0.6\r\nX-Ultrapeer: True\r\n\n",
    ] {
        for piece in [1, hello.len()] {
            let mut caller = TcpStream::connect(servent.listen())
                .await
                .expect("it listens");
            caller.set_nodelay(true).expect("a socket");
            for bytes in hello.as_bytes().chunks(piece) {
                caller.write_all(bytes).await.expect("it reads");
            }
            let mut answer = [0; 16];
            let answered = timeout(PATIENCE, caller.read_exact(&mut answer)).await;
            answered.expect("in time").expect("an answer");
            assert_eq!(&answer, b"GNUTELLA/0.6 200", "{hello:?}");
        }
    }
    servent.stop().await;
}

#[tokio::test]
async fn a_neighbour_is_known_by_the_address_that_is_shown_of_it() {
    let (servent, _folder) = start(by_hand()).await;
    let mut stranger = Stranger::call(servent.listen(), false).await.expect("room");
    // It tells only in a pong where it listens, as old and simple programs do.
    let listening = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 4_242);
    let ping = loop {
        let heard = stranger.hear().await.expect("a link");
        if heard.header.kind == Kind::Ping {
            break heard;
        }
    };
    let pong = Pong {
        addr: listening,
        files: 0,
        kib: 0,
        ggep: Ggep::new(),
    };
    let pong = Descriptor::new(ping.header.guid, Kind::Pong, 1, pong.encode());
    let head = pong.header.encode(pong.payload.len() as u32);
    let bytes = [&head[..], &pong.payload].concat();
    stranger.socket.write_all(&bytes).await.expect("it reads");
    eventually("its address is shown", || async {
        servent.peers().await[0].host == listening
    })
    .await;
    servent.connect(listening).await.expect("it is one already");
    assert!(servent.disconnect(listening).await);
    servent.stop().await;
}

#[tokio::test]
async fn an_endless_header_is_cut_off() {
    let (servent, _folder) = start(by_hand()).await;
    let mut caller = TcpStream::connect(servent.listen())
        .await
        .expect("it listens");
    let line = [b"X-More: ", [b'x'; 500].as_slice(), b"\r\n"].concat();
    let flood = async {
        caller.write_all(b"GNUTELLA CONNECT/0.6\r\n").await?;
        for _ in 0..10_000 {
            caller.write_all(&line).await?;
        }
        Ok::<_, std::io::Error>(())
    };
    assert!(
        timeout(PATIENCE, flood).await.expect("in time").is_err(),
        "all 5 MB were taken"
    );
    assert_eq!(servent.status().await.refused, 1);
    servent.stop().await;
}

#[tokio::test]
async fn an_oversized_descriptor_is_answered_with_bye_400() {
    let (servent, _folder) = start(by_hand()).await;
    for kind in [Kind::Query, Kind::QueryHit, Kind::Ping] {
        let mut stranger = Stranger::call(servent.listen(), false)
            .await
            .expect("welcome");
        let guid = Guid::random(&mut Rng::system());
        let header = Header {
            guid,
            kind,
            ttl: 1,
            hops: 0,
        };
        stranger
            .socket
            .write_all(&header.encode(70_000))
            .await
            .expect("it reads");
        let bye = timeout(PATIENCE, stranger.hear_out())
            .await
            .expect("in time");
        assert_eq!(
            bye.expect("a Bye").code,
            ByeCode::TOO_LARGE,
            "{}",
            kind.name()
        );
    }
    eventually("the links are gone", || async {
        servent.status().await.peers == 0
    })
    .await;
    servent.stop().await;
}

#[tokio::test]
async fn a_compressed_bomb_is_answered_with_bye_411() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut settings = settings(folder.path(), by_hand());
    settings.deflate = true;
    let servent = Servent::start(settings).await.expect("started");
    let mut stranger = Stranger::call(servent.listen(), true)
        .await
        .expect("welcome");
    assert!(stranger.agreement.deflate_out, "it inflates");
    // Long payloads of nothing: valid descriptors, every one of them.
    let header = Header {
        guid: Guid::ZERO,
        kind: Kind::Other(0xcd),
        ttl: 1,
        hops: 0,
    };
    let plain = [header.encode(30_000).as_slice(), &[0; 30_000]]
        .concat()
        .repeat(100);
    let mut packed = BytesMut::new();
    Deflater::new().deflate(&plain, &mut packed);
    assert!(packed.len() * 100 < plain.len());
    stranger.socket.write_all(&packed).await.expect("it reads");
    let bye = timeout(PATIENCE, stranger.hear_out())
        .await
        .expect("in time");
    assert_eq!(bye.expect("a Bye").code, ByeCode::BAD_PAYLOAD);
    servent.stop().await;
}

#[tokio::test]
async fn a_full_servent_refuses_and_says_so() {
    let config = Config {
        slots: 1,
        leaves: 0,
        ..by_hand()
    };
    let (servent, _folder) = start(config).await;
    let _first = Stranger::call(servent.listen(), false)
        .await
        .expect("welcome");
    let mut neighbours = servent.neighbours();
    neighbours
        .wait_for(|count| *count == 1)
        .await
        .expect("alive");
    let refusal = Stranger::call(servent.listen(), false)
        .await
        .err()
        .expect("no room");
    assert_eq!(refusal.code, 503);
    servent.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_neighbour_who_never_reads_loses_queries_and_harms_nobody() {
    let mut network = Network::empty();
    network.add(by_hand(), &[]).await;
    network.add(patient(), &[]).await;
    let [asker, other] = &network.servents[..] else {
        unreachable!("two were added");
    };
    asker.connect(other.listen()).await.expect("a link");
    let deaf = Stranger::call(asker.listen(), false)
        .await
        .expect("welcome");
    asker
        .neighbours()
        .wait_for(|count| *count == 2)
        .await
        .expect("alive");
    // As much as it takes to fill the sockets between us and then the queue.
    let flood = async {
        while asker.status().await.shed == 0 {
            for _ in 0..500 {
                drop(
                    asker
                        .search(
                            Query::words(&"no such thing ".repeat(15)),
                            Some(Strategy::flood(1)),
                        )
                        .await,
                );
            }
        }
    };
    timeout(PATIENCE * 3, flood)
        .await
        .expect("the queue is bounded");
    let mut search = asker.search(Query::words(EVERYWHERE), None).await;
    let hit = timeout(PATIENCE, search.hits.recv())
        .await
        .expect("in time");
    assert_eq!(hit.expect("a hit").hit.servent, other.guid());
    drop(deaf);
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flooding_neighbour_does_not_starve_the_others() {
    let mut network = Network::empty();
    network.add(by_hand(), &[]).await;
    // Only the driver's fairness is to stand between the flooder and the others.
    network.add(patient(), &[]).await;
    let [asker, flooded] = &network.servents[..] else {
        unreachable!("two were added");
    };
    asker.connect(flooded.listen()).await.expect("a link");
    let mut flooder = Stranger::call(flooded.listen(), false)
        .await
        .expect("welcome");
    let flood = tokio::spawn(async move {
        let mut rng = Rng::seeded(1);
        let payload = Query::words("no such thing").encode();
        loop {
            let mut batch = BytesMut::new();
            for _ in 0..1000 {
                let guid = Guid::random(&mut rng);
                let query = Descriptor::new(guid, Kind::Query, 1, payload.clone());
                let len = u32::try_from(payload.len()).expect("short");
                batch.extend_from_slice(&query.header.encode(len));
                batch.extend_from_slice(&query.payload);
            }
            if flooder.socket.write_all(&batch).await.is_err() {
                return;
            }
        }
    });
    eventually("the flood has come", || async {
        flooded.status().await.counts.received.query > 1000
    })
    .await;
    let mut slowest = Duration::ZERO;
    for _ in 0..20 {
        let mut search = asker.search(Query::words(EVERYWHERE), None).await;
        let hit = timeout(PATIENCE, search.hits.recv())
            .await
            .expect("in time");
        slowest = slowest.max(hit.expect("a hit").after);
    }
    println!("slowest of 20 hits beside a flood: {slowest:?}");
    assert!(slowest < Duration::from_secs(2));
    flood.abort();
    network.stop().await;
}

#[tokio::test]
async fn a_shared_folder_that_vanishes_is_no_longer_offered() {
    let mut network = Network::empty();
    network.add(by_hand(), &[]).await;
    network.add(by_hand(), &[]).await;
    let [asker, other] = &network.servents[..] else {
        unreachable!("two were added");
    };
    asker.connect(other.listen()).await.expect("a link");
    std::fs::remove_dir_all(network.home(1).join("share")).expect("removed");
    other.rescan();
    let mut census = other.census();
    let gone = census.wait_for(|census| census.files == 0);
    timeout(PATIENCE, gone)
        .await
        .expect("in time")
        .expect("a librarian");
    let mut search = asker.search(Query::words(EVERYWHERE), None).await;
    network.settle().await;
    assert!(search.hits.try_recv().is_err(), "nothing is offered");
    assert_eq!(other.status().await.files, 0);
    network.stop().await;
}

#[tokio::test]
async fn garbage_after_a_good_handshake_harms_nobody() {
    let (servent, _folder) = start(by_hand()).await;
    let mut rng = Rng::seeded(7);
    for round in 0..50 {
        let mut stranger = Stranger::call(servent.listen(), round % 2 == 0)
            .await
            .expect("welcome");
        for _ in 0..20 {
            let kinds = [0x00, 0x01, 0x02, 0x30, 0x31, 0x32, 0x40, 0x80, 0x81, 0xcd];
            let kind = Kind::from_byte(*rng.pick(&kinds).expect("some"));
            let payload: Vec<u8> = (0..rng.below(100)).map(|_| rng.next() as u8).collect();
            let guid = Guid::random(&mut rng);
            let mut descriptor =
                Descriptor::new(guid, kind, rng.next() as u8, Bytes::from(payload));
            descriptor.header.hops = rng.next() as u8;
            let len = u32::try_from(descriptor.payload.len()).expect("short");
            let bytes = [&descriptor.header.encode(len)[..], &descriptor.payload[..]].concat();
            assert!(bytes.len() >= HEADER_LEN);
            if stranger.socket.write_all(&bytes).await.is_err() {
                break;
            }
        }
    }
    eventually("all of them are gone", || async {
        servent.status().await.peers == 0
    })
    .await;
    assert!(servent.status().await.counts.dropped > 0);
    servent.stop().await;
}
