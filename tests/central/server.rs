//! The index on sockets, and clients that mean it no good.

use std::time::Duration;

use bytes::{BufMut, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::yield_now;
use tokio::time::timeout;

use servent::central::{Frame, Kind, Limits};

use crate::caller::{Caller, guarded, index};

fn song(n: usize) -> String {
    format!("\"folder\\song number{n}.mp3\" 0 1000 128 44100 60")
}

#[tokio::test]
async fn an_answer_comes_in_one_piece() {
    guarded(async {
        let server = index(Limits::default()).await;
        let mut alice = Caller::log_in(server.listen(), "alice", 1).await;
        for n in 0..100 {
            alice.send(Kind::SHARE, &song(n)).await;
        }
        let mut bob = Caller::log_in(server.listen(), "bob", 1).await;
        while bob.count("song").await < 100 {
            yield_now().await;
        }
        let body = "FILENAME CONTAINS \"song\" MAX_RESULTS 20";
        bob.send(Kind::SEARCH, body).await;
        // About 1.5 KB: one write is one segment, and one read gets it.
        let mut bytes = BytesMut::with_capacity(65_536);
        bob.stream.read_buf(&mut bytes).await.expect("an answer");
        let mut frames = 0;
        while let Some(frame) = Frame::read(&mut bytes, 65_535).expect("no limit") {
            frames += 1;
            assert_eq!(frame.kind == Kind::SEARCH_END, frames == 21);
        }
        assert_eq!((frames, bytes.len()), (21, 0));
    })
    .await;
}

#[tokio::test]
async fn whoever_leaves_takes_its_files_along() {
    guarded(async {
        let server = index(Limits::default()).await;
        let mut bob = Caller::log_in(server.listen(), "bob", 1).await;
        let mut alice = Caller::log_in(server.listen(), "alice", 1).await;
        alice.send(Kind::SHARE, &song(1)).await;
        while bob.count("song").await == 0 {
            yield_now().await;
        }
        drop(alice);
        while bob.count("song").await > 0 {
            yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_no_frame_ends_the_link_and_hurts_nobody() {
    guarded(async {
        let server = index(Limits::default()).await;
        let mut bob = Caller::log_in(server.listen(), "bob", 1).await;
        for garbage in [
            &b"\xff\xff\xc8\x00"[..],
            b"GET / HTTP/1.1\r\n\r\n",
            b"\x01\x08\x02\x00",
            b"GNUTELLA CONNECT/0.6\r\n",
        ] {
            let mut caller = Caller::connect(server.listen()).await;
            caller.stream.write_all(garbage).await.expect("it is taken");
            assert!(caller.next().await.is_none(), "{garbage:?}");
        }
        // Before the login only a login will do.
        let mut caller = Caller::connect(server.listen()).await;
        caller.send(Kind::SEARCH, "FILENAME CONTAINS x").await;
        assert_eq!(caller.body(Kind::ERROR).await, "You must log in first.");
        // Then it is hung up on, and not when its time to log in is over.
        let end = timeout(Duration::from_secs(20), caller.next()).await;
        assert!(end.expect("at once").is_none());
        assert_eq!(bob.count("anything").await, 0);
    })
    .await;
}

#[tokio::test]
async fn ten_thousand_files_at_once_are_taken_up_to_the_limit() {
    guarded(async {
        let limits = Limits {
            files_per_user: 8_000,
            ..Limits::default()
        };
        let server = index(limits).await;
        let mut bob = Caller::log_in(server.listen(), "bob", 1).await;
        let mut flooder = Caller::log_in(server.listen(), "flooder", 1).await;
        let mut all = BytesMut::new();
        for n in 0..10_000 {
            Frame::new(Kind::SHARE, song(n)).write(&mut all);
        }
        Frame::new(Kind::PING_SERVER, "").write(&mut all);
        let (mut reader, mut writer) = flooder.stream.split();
        let send = writer.write_all(&all);
        let listen = async {
            let (mut input, mut refused) = (BytesMut::new(), 0);
            loop {
                reader.read_buf(&mut input).await.expect("it stays");
                while let Some(frame) = Frame::read(&mut input, 65_535).expect("no limit") {
                    match frame.kind {
                        Kind::TROUBLE => refused += 1,
                        _ => return refused,
                    }
                }
            }
        };
        let others = async {
            for _ in 0..20 {
                bob.count("number17").await;
            }
        };
        let (sent, refused, ()) = tokio::join!(send, listen, others);
        sent.expect("all is taken");
        assert_eq!(refused, 2_000);
        assert_eq!(bob.count("number7999").await, 1);
        assert_eq!(bob.count("number8000").await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_client_that_never_reads_is_cut_off() {
    guarded(async {
        let server = index(Limits::default()).await;
        let deaf = Caller::log_in(server.listen(), "deaf", 1).await;
        let mut bob = Caller::log_in(server.listen(), "bob", 1).await;
        let long = format!("deaf {}", "x".repeat(2000));
        let mut frames = BytesMut::new();
        for _ in 0..10 {
            Frame::new(Kind::TELL, long.clone()).write(&mut frames);
        }
        // What the sockets buffer, and the megabyte behind it.
        while server.count().await.expect("it runs").cut == 0 {
            bob.stream.write_all(&frames).await.expect("it reads");
        }
        bob.send(Kind::PING_SERVER, "").await;
        bob.until(Kind::PING_SERVER).await;
        bob.send(Kind::WHOIS, "deaf").await;
        assert_eq!(bob.body(Kind::TROUBLE).await, "User deaf is not on-line");
        drop(deaf);
    })
    .await;
}

#[tokio::test]
async fn frames_may_come_in_any_pieces() {
    guarded(async {
        let server = index(Limits::default()).await;
        let mut caller = Caller::connect(server.listen()).await;
        let mut bytes = BytesMut::new();
        Frame::new(Kind::LOGIN, "slow pw 1 \"test\" 9").write(&mut bytes);
        Frame::new(Kind::PING_SERVER, "").write(&mut bytes);
        bytes.put_u16_le(0);
        for byte in bytes {
            caller.stream.write_all(&[byte]).await.expect("it reads");
        }
        caller.until(Kind::PING_SERVER).await;
    })
    .await;
}
