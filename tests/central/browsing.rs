//! Lists to and from clients of other makes, the way of Napster's peers.

use std::net::SocketAddrV4;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use servent::central::{Kind, Limits};
use servent::net::SearchHit;

use crate::caller::{ANYWHERE, Caller, guarded, index};
use crate::member::Member;

/// A list as TekNap sends it.
const LIST: &[u8] = b"SENDLIST\nstranger\n\"\\m\\one.mp3\" NOMD5COMPUTED 5 128 44100 1\n\
    \"\\m\\two.mp3\" NOMD5COMPUTED 7 128 44100 1\n\n";

fn names(hits: Vec<SearchHit>) -> Vec<(String, u64)> {
    let records = hits.into_iter().flat_map(|hit| hit.hit.records);
    records.map(|record| (record.name, record.size)).collect()
}

fn both() -> Vec<(String, u64)> {
    vec![("one.mp3".to_owned(), 5), ("two.mp3".to_owned(), 7)]
}

/// What our servent is called, as the hit for its file says.
async fn nick(stranger: &mut Caller) -> String {
    while stranger.count("mine").await == 0 {}
    stranger.send(Kind::SEARCH, "FILENAME CONTAINS mine").await;
    let hit = stranger.body(Kind::HIT).await;
    hit.split(' ').rev().nth(2).expect("a nick").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_browse_us_whoever_connects() {
    guarded(async {
        let server = index(Limits::default()).await;
        let owner = Member::start(server.listen(), &[("mine.txt", b"12345")], &[]).await;
        let door = TcpListener::bind(ANYWHERE).await.expect("a port");
        let port = door.local_addr().expect("bound").port();
        let mut stranger = Caller::log_in(server.listen(), "stranger", port).await;
        let nick = nick(&mut stranger).await;
        let expected = |text: &str| {
            let lines: Vec<&str> = text.split('\n').collect();
            assert_eq!(lines.len(), 4, "{text}");
            assert!(
                lines[1].starts_with("\"\\mine.txt\" ") && lines[1].ends_with(" 5 128 44100 0")
            );
            assert_eq!((lines[2], lines[3]), ("", ""));
            lines[0].to_owned()
        };
        for waits in [true, false] {
            stranger.send(Kind::BROWSE_DIRECT, &nick).await;
            let said = stranger.body(Kind::BROWSE_DIRECT_ACK).await;
            let listen = owner.servent.listen();
            assert_eq!(said, format!("{nick} 16777343 {}", listen.port()));
            let mut peer = TcpStream::connect(listen).await.expect("it listens");
            if waits {
                assert_eq!(peer.read_u8().await.expect("hello"), b'1');
            }
            // With a line's end as TekNap does, or without as it is written.
            let ask: &[u8] = if waits { b"GETLIST\n" } else { b"GETLIST" };
            peer.write_all(ask).await.expect("taken");
            let mut text = String::new();
            peer.read_to_string(&mut text).await.expect("to its end");
            let hello = if waits { "" } else { "1" };
            assert_eq!(expected(&text), format!("{hello}{nick}"));
        }
        // Nobody gets through to us any more: we bring it.
        stranger.send(Kind::PORT_ERROR, &nick).await;
        let mut peer = loop {
            stranger.send(Kind::BROWSE_DIRECT, &nick).await;
            let said = stranger.body(Kind::BROWSE_DIRECT_ACK).await;
            if said.ends_with(" 0") {
                break door.accept().await.expect("it comes").0;
            }
        };
        let mut text = String::new();
        peer.read_to_string(&mut text).await.expect("to its end");
        assert_eq!(expected(&text), format!("SENDLIST {nick}"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn we_browse_strangers_whoever_connects() {
    guarded(async {
        let server = index(Limits::default()).await;
        let door = TcpListener::bind(ANYWHERE).await.expect("a port");
        let port = door.local_addr().expect("bound").port();
        let mut stranger = Caller::log_in(server.listen(), "stranger", port).await;
        for file in ["\"\\m\\one.mp3\" 0 5 1 1 1", "\"\\m\\two.mp3\" 0 7 1 1 1"] {
            stranger.send(Kind::SHARE, file).await;
        }
        stranger.send(Kind::PING_SERVER, "").await;
        stranger.until(Kind::PING_SERVER).await;
        let asker = Member::start(server.listen(), &[], &[]).await;

        let allow = async {
            let who = stranger.body(Kind::BROWSE_DIRECT).await;
            stranger.send(Kind::BROWSE_DIRECT_ACK, &who).await;
            let (mut peer, _) = door.accept().await.expect("it comes");
            peer.write_all(b"1").await.expect("taken");
            let mut asked = [0; 20];
            let count = peer.read(&mut asked).await.expect("it asks");
            assert_eq!(&asked[..count], b"GETLIST");
            peer.write_all(LIST).await.expect("taken");
        };
        let (hits, ()) = tokio::join!(asker.servent.browse_user("Stranger"), allow);
        assert_eq!(names(hits.expect("a list")), both());

        // It does not want that, or says so and cannot be reached: the index lists it.
        for declines in [true, false] {
            let answer = async {
                let who = stranger.body(Kind::BROWSE_DIRECT).await;
                if declines {
                    let no = format!("{who} \"no\"");
                    stranger.send(Kind::BROWSE_DIRECT_ERROR, &no).await;
                } else {
                    stranger.send(Kind::BROWSE_DIRECT_ACK, &who).await;
                    drop(door.accept().await.expect("it comes"));
                }
            };
            let (hits, ()) = tokio::join!(asker.servent.browse_user("stranger"), answer);
            assert_eq!(names(hits.expect("a list")), both());
        }

        // It cannot be connected to: it brings it.
        stranger.send(Kind::NEW_PORT, "0").await;
        stranger.send(Kind::PING_SERVER, "").await;
        stranger.until(Kind::PING_SERVER).await;
        let bring = async {
            let asked = stranger.body(Kind::BROWSE_DIRECT).await;
            let fields: Vec<&str> = asked.split(' ').collect();
            stranger.send(Kind::BROWSE_DIRECT_ACK, fields[0]).await;
            let to = SocketAddrV4::new(*ANYWHERE.ip(), fields[2].parse().expect("a port"));
            let mut peer = TcpStream::connect(to).await.expect("it listens");
            peer.write_all(LIST).await.expect("taken");
        };
        let (hits, ()) = tokio::join!(asker.servent.browse_user("stranger"), bring);
        assert_eq!(names(hits.expect("a list")), both());

        // Nobody is called so.
        let hits = asker.servent.browse_user("nobody").await;
        assert_eq!(names(hits.expect("an empty list")), []);
    })
    .await;
}
