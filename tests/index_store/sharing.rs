//! What users of several indexes see of each other.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use servent::central::{Frame, Kind, Limits};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;

use crate::caller::{Caller, guarded, index};
use crate::front::{front, share, until_found};
use crate::postgres::{Postgres, block_on};

pub(crate) fn users_find_files_at_other_indexes(postgres: &Postgres, name: &str) {
    postgres.database(name);
    block_on(guarded(async {
        let (one, two) = (front(postgres, name).await, front(postgres, name).await);
        let mut alice = Caller::log_in(one.listen(), "alice", 1).await;
        let mut bob = Caller::log_in(two.listen(), "bob", 1).await;
        let mut fastest = Duration::MAX;
        for n in 0..5 {
            let began = Instant::now();
            share(&mut alice, &format!("C:\\m\\song number{n}.mp3")).await;
            until_found(&mut bob, &format!("number{n}"), 1).await;
            fastest = fastest.min(began.elapsed());
        }
        assert!(fastest < Duration::from_secs(1), "{fastest:?}");
        bob.send(Kind::SEARCH, "FILENAME CONTAINS number3").await;
        let hit = bob.body(Kind::HIT).await;
        bob.until(Kind::SEARCH_END).await;
        assert_eq!(
            hit,
            "\"C:\\m\\song number3.mp3\" 0 1000 128 44100 60 alice 16777343 9"
        );

        alice.send(Kind::UNSHARE, "C:\\m\\song number3.mp3").await;
        until_found(&mut bob, "song", 4).await;
        assert_eq!(bob.count("number3").await, 0);
        // Bob's own come first, and are not found by bob.
        share(&mut bob, "song of bob.mp3").await;
        assert_eq!(bob.count("song").await, 4);
        until_found(&mut alice, "song", 1).await;
        // What is counted is counted together.
        loop {
            bob.send(Kind::STATS, "").await;
            if bob.body(Kind::STATS).await == "2 5 0" {
                break;
            }
        }
        drop(alice);
        until_found(&mut bob, "song", 0).await;
    }));
}

pub(crate) fn shared_or_alone_searches_find_the_same(postgres: &Postgres, name: &str) {
    const FILES: [&str; 12] = [
        "\"C:\\music\\Metallica - One (live).mp3\" 0 5000000 192 44100 300",
        "\"d\\metal work.txt\" 0 1200 0 0 0",
        "\"Été à Zürich.ogg\" 0 3000000 128 48000 200",
        "\"/home/m/東京タワー.jpg\" 0 70000 0 0 0",
        "\"don't stop.mp3\" 0 4000000 128 44100 240",
        "\"U2 - One.mp3\" 0 4500000 160 44100 250",
        "\"one-two three.mp3\" 0 1 64 22050 5",
        "\"METAL.MP3\" 0 9223372036854775807 320 44100 600",
        "\"東京.jpg\" 0 80000 0 0 0",
        "\"タワー東京.jpg\" 0 80000 0 0 0",
        "\"zurich walk\" 0 0 0 0 0",
        "\"o.MPG\" 0 100 0 0 0",
    ];
    const SEARCHES: [&str; 24] = [
        "FILENAME CONTAINS metal",
        "FILENAME CONTAINS one",
        "FILENAME CONTAINS \"one mp3\"",
        "FILENAME CONTAINS \"two one\"",
        "FILENAME CONTAINS zurich",
        "FILENAME CONTAINS ete",
        "FILENAME CONTAINS 東京",
        "FILENAME CONTAINS 東京タワー",
        "FILENAME CONTAINS タワー",
        "FILENAME CONTAINS u2",
        "FILENAME CONTAINS \"dont stop\"",
        "FILENAME CONTAINS don't",
        "FILENAME CONTAINS o",
        "FILENAME CONTAINS etal",
        "FILENAME CONTAINS music",
        "FILENAME CONTAINS mp3 FILENAME EXCLUDES metal",
        "FILENAME CONTAINS \"mp3 -one\"",
        "FILENAME CONTAINS mp3 BITRATE \"AT LEAST\" 160",
        "FILENAME CONTAINS mp3 BITRATE \"EQUAL TO\" 128 DURATION \"AT BEST\" 240",
        "FILENAME CONTAINS mp3 SIZE \"AT BEST\" 18446744073709551615 FREQ \"AT LEAST\" 44100",
        "FILENAME CONTAINS o TYPE video",
        "FILENAME CONTAINS metal TYPE txt",
        "FILENAME CONTAINS one LINESPEED \"AT LEAST\" 9",
        "FILENAME CONTAINS one LINESPEED \"AT LEAST\" 10",
    ];
    postgres.database(name);
    block_on(guarded(async {
        let alone = index(Limits::default()).await;
        let (one, two) = (front(postgres, name).await, front(postgres, name).await);
        let mut callers = Vec::new();
        for asks in [alone.listen(), two.listen()] {
            let owners = [alone.listen(), one.listen(), two.listen()];
            let owners = if asks == alone.listen() {
                [owners[0]; 2]
            } else {
                [owners[1], owners[2]]
            };
            for (at, to) in owners.into_iter().enumerate() {
                let mut owner = Caller::log_in(to, &format!("owner{at}"), 1).await;
                for file in FILES.iter().skip(at).step_by(2) {
                    owner.send(Kind::SHARE, file).await;
                }
                callers.push(owner);
            }
            let mut asker = Caller::log_in(asks, "asker", 1).await;
            until_found(&mut asker, "mp3", 5).await;
            until_found(&mut asker, "jpg", 3).await;
            until_found(&mut asker, "o", 1).await;
            until_found(&mut asker, "zurich", 2).await;
            callers.push(asker);
        }
        for search in SEARCHES {
            let mut answers = Vec::new();
            for asker in [2, 5] {
                let asker: &mut Caller = &mut callers[asker];
                asker.send(Kind::SEARCH, search).await;
                let mut hits: Vec<String> = { asker.until(Kind::SEARCH_END).await }
                    .into_iter()
                    .map(|frame| String::from_utf8(frame.body.to_vec()).expect("a test is UTF-8"))
                    .collect();
                hits.sort();
                answers.push(hits);
            }
            assert_eq!(answers[0], answers[1], "{search}");
        }
        // And no more than are asked for.
        callers[5]
            .send(Kind::SEARCH, "FILENAME CONTAINS mp3 MAX_RESULTS 4")
            .await;
        assert_eq!(callers[5].until(Kind::SEARCH_END).await.len(), 4 + 1);
    }));
}

pub(crate) fn users_of_two_indexes_meet(postgres: &Postgres, name: &str) {
    postgres.database(name);
    block_on(guarded(async {
        let (one, two) = (front(postgres, name).await, front(postgres, name).await);
        let mut alice = Caller::log_in(one.listen(), "Alice", 6699).await;
        share(&mut alice, "a song.mp3").await;
        share(&mut alice, "b song.mp3").await;
        let mut bob = Caller::log_in(two.listen(), "bob", 6700).await;
        until_found(&mut bob, "song", 2).await;

        bob.send(Kind::WHOIS, "alice").await;
        let whois = bob.body(Kind::WHOIS_IS).await;
        assert!(whois.starts_with("Alice \"User\" "), "{whois}");
        assert!(
            whois.ends_with(" \" \" \"Active\" 2 0 0 9 \"test\""),
            "{whois}"
        );
        bob.send(Kind::BROWSE, "alice").await;
        let listed = bob.until(Kind::BROWSE_END).await;
        let listed: Vec<&[u8]> = listed.iter().map(|frame| &frame.body[..]).collect();
        let song = |name: &str| format!("Alice \"{name} song.mp3\" 0 1000 128 44100 60");
        assert_eq!(
            listed,
            [
                song("a").as_bytes(),
                song("b").as_bytes(),
                b"Alice 16777343"
            ]
        );
        bob.send(Kind::BROWSE, "alice 1").await;
        assert_eq!(bob.until(Kind::BROWSE_END).await.len(), 2);
        bob.send(Kind::TELL, "alice hello there").await;
        assert_eq!(alice.body(Kind::TELL).await, "bob hello there");
        alice.send(Kind::PING, "bob").await;
        assert_eq!(bob.body(Kind::PING).await, "Alice");
        bob.send(Kind::PONG, "alice").await;
        assert_eq!(alice.body(Kind::PONG).await, "bob");

        // The signals of a download.
        bob.send(Kind::DOWNLOAD, "alice \"a song.mp3\"").await;
        assert_eq!(alice.body(Kind::UPLOAD).await, "bob \"a song.mp3\"");
        alice.send(Kind::UPLOAD_ACK, "bob \"a song.mp3\"").await;
        let meeting = bob.body(Kind::DOWNLOAD_ACK).await;
        assert_eq!(meeting, "Alice 16777343 6699 \"a song.mp3\" 0 9");
        alice.send(Kind::QUEUE_LIMIT, "bob \"a song.mp3\" 3").await;
        assert_eq!(
            bob.body(Kind::QUEUE_LIMIT_IS).await,
            "Alice \"a song.mp3\" 1000 3"
        );
        // And of one from somebody who cannot be connected to: its index is told by the one that hears so.
        bob.send(Kind::PORT_ERROR, "alice").await;
        assert_eq!(alice.body(Kind::PORT_ERROR).await, "bob");
        alice.send(Kind::NEW_PORT, "0").await;
        loop {
            bob.send(Kind::DOWNLOAD, "alice \"a song.mp3\"").await;
            let frames = tokio::time::timeout(Duration::from_millis(300), bob.next()).await;
            if let Ok(Some(frame)) = frames {
                assert_eq!(frame.kind, Kind::DOWNLOAD_ACK);
                break;
            }
        }
        bob.send(Kind::PUSH, "alice \"a song.mp3\"").await;
        loop {
            // Those of before that came late.
            let frame = alice.next().await.expect("the link");
            if frame.kind == Kind::UPLOAD {
                alice.send(Kind::UPLOAD_ACK, "bob \"a song.mp3\"").await;
                break;
            }
        }
        let brought = alice.body(Kind::PUSH_ACK).await;
        assert_eq!(brought, "bob 16777343 6700 \"a song.mp3\" 0 9");

        // Nobody is called so.
        bob.send(Kind::WHOIS, "nobody").await;
        assert_eq!(bob.body(Kind::TROUBLE).await, "User nobody is not on-line");
        bob.send(Kind::DOWNLOAD, "nobody \"x\"").await;
        assert_eq!(bob.body(Kind::DOWNLOAD_ERROR).await, "nobody \"x\"");
        // Whatever is asked at once is answered in order.
        for n in 0..10 {
            bob.send(Kind::WHOIS, &format!("nobody{n}")).await;
            bob.send(Kind::SEARCH, "FILENAME CONTAINS song").await;
        }
        for n in 0..10 {
            let said = bob.body(Kind::TROUBLE).await;
            assert_eq!(said, format!("User nobody{n} is not on-line"));
            assert_eq!(bob.until(Kind::SEARCH_END).await.len(), 3);
        }
    }));
}

pub(crate) fn a_nick_is_one_users(postgres: &Postgres, name: &str) {
    postgres.database(name);
    block_on(guarded(async {
        let (one, two) = (front(postgres, name).await, front(postgres, name).await);
        let mut alice = Caller::log_in(one.listen(), "alice", 1).await;
        share(&mut alice, "song.mp3").await;
        let mut bob = Caller::log_in(two.listen(), "bob", 1).await;
        until_found(&mut bob, "song", 1).await;
        let mut thief = from(Ipv4Addr::new(127, 0, 0, 2), two.listen(), "ALICE").await;
        let why = thief.body(Kind::ERROR).await;
        assert_eq!(why, "ALICE is already active");
        assert!(thief.next().await.is_none());
        // The other is who it was.
        bob.send(Kind::TELL, "alice hello").await;
        assert_eq!(alice.body(Kind::TELL).await, "bob hello");
        drop(alice);
        until_found(&mut bob, "song", 0).await;
        let mut heir = from(Ipv4Addr::new(127, 0, 0, 2), two.listen(), "alice").await;
        share(&mut heir, "song.mp3").await;
        until_found(&mut bob, "song", 1).await;
    }));
}

/// Somebody who comes from another address.
async fn from(addr: Ipv4Addr, to: SocketAddrV4, nick: &str) -> Caller {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket
        .bind(SocketAddr::from((addr, 0)))
        .expect("all of 127/8 is ours");
    let stream = socket.connect(to.into()).await.expect("it listens");
    let mut caller = Caller::over(stream);
    caller
        .send(Kind::LOGIN, &format!("{nick} pw 1 \"test\" 9"))
        .await;
    assert_eq!(caller.until(Kind::STATS).await[0].kind, Kind::LOGIN_ACK);
    caller
}

pub(crate) fn names_are_only_bytes(postgres: &Postgres, name: &str) {
    postgres.database(name);
    block_on(guarded(async {
        let (one, two) = (front(postgres, name).await, front(postgres, name).await);
        let mut alice = Caller::log_in(one.listen(), "a'--;drop", 1).await;
        let long = "x".repeat(400);
        let files: [&[u8]; 5] = [
            b"\"song '); DROP TABLE servent_file; --.mp3\" 0 1 2 3 4",
            b"\"song \xff\xfe\x00 \\x41 %s $1.mp3\" 0 1 2 3 4",
            b"\"song \xe9t\xe9.mp3\" NOMD5COMPUTED 1 2 3 4",
            b"\"song {1,2} NULL\" \xff 18446744073709551615 4294967295 4294967295 4294967295",
            format!("\"song {long} {long}y\" 0 1 2 3 4")
                .into_bytes()
                .leak(),
        ];
        for file in files {
            let mut bytes = BytesMut::new();
            Frame::new(Kind::SHARE, file).write(&mut bytes);
            alice.stream.write_all(&bytes).await.expect("it reads");
        }
        // The last has a longer name than is taken.
        let mut bob = Caller::log_in(two.listen(), "bob", 1).await;
        until_found(&mut bob, "song", 4).await;
        for words in ["drop table", "été", "null"] {
            assert_eq!(bob.count(words).await, 1, "{words}");
        }
        for words in ["' OR 1=1 --", "% song", "\u{0}", "song \\"] {
            let _ = bob.count(words).await;
        }
        bob.send(Kind::SEARCH, "FILENAME CONTAINS null").await;
        let hit = bob.until(Kind::HIT).await.pop().expect("a hit");
        let line = [files[3], b" a'--;drop 16777343 9"].concat();
        assert_eq!(hit.body, line);
    }));
}

pub(crate) fn whoever_leaves_leaves_nothing(postgres: &Postgres, name: &str) {
    postgres.database(name);
    block_on(guarded(async {
        let (one, two) = (front(postgres, name).await, front(postgres, name).await);
        let mut bob = Caller::log_in(two.listen(), "bob", 1).await;
        for round in 0..3 {
            let mut alice = Caller::log_in(one.listen(), "alice", 1).await;
            for n in 0..1500 {
                share(&mut alice, &format!("song {n} of round{round}.mp3")).await;
            }
            // Those of the last round may still be there.
            until_found(&mut bob, &format!("1499 round{round}"), 1).await;
            assert_eq!(bob.count("song").await, 100);
            if round == 2 {
                alice.send(Kind::UNSHARE_ALL, "").await;
                until_found(&mut bob, "song", 0).await;
            }
        }
        drop(bob);
        while postgres.rows(name) > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        one.stop().await;
        two.stop().await;
    }));
}
