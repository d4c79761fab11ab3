//! What is served, byte by byte and head by head.

use std::fs::OpenOptions;
use std::time::Duration;

use servent::transfer::DownloadState;
use servent::transfer::http::{CONTENT_URN, Status};
use tokio::time::{Instant, sleep};

use crate::caller::Caller;
use crate::ends;
use crate::house::{House, noise};

/// More than all the buffers of a connection hold.
const BIG: u64 = 64 * 1024 * 1024;

#[tokio::test]
async fn a_file_is_served_by_digest_and_by_index() {
    ends(async {
        let house = House::open(10).await;
        let bytes = noise(300_000);
        let file = house.share("Çafé 100% [live].mp3", &bytes);
        let sha1 = file.sha1.expect("hashed");
        let root = "A".repeat(39);
        let mut caller = Caller::call(house.addr).await;
        for path in [
            format!("/uri-res/N2R?urn:sha1:{sha1}"),
            format!("/URI-RES/n2r?URN:SHA1:{}", sha1.to_string().to_lowercase()),
            format!("/uri-res/N2R?urn:bitprint:{sha1}.{root}"),
            format!(
                "/get/{}/%C3%87af%C3%A9%20100%25%20%5Blive%5D.mp3",
                file.index
            ),
            format!("/get/{}/Çafé 100% [live].mp3", file.index),
        ] {
            caller.get(&path, "").await;
            let (head, body) = caller.answer().await;
            assert_eq!(head.status, Status::OK, "{path}");
            assert_eq!(body, bytes, "{path}");
            let urn = format!("urn:sha1:{sha1}");
            assert_eq!(head.headers.get(CONTENT_URN), Some(&*urn));
            assert_eq!(head.headers.get("Server"), Some("servent/test"));
        }
        assert_eq!(house.uploads.completed(), 5);
    })
    .await;
}

#[tokio::test]
async fn ranges_are_the_same_bytes() {
    ends(async {
        let house = House::open(10).await;
        let bytes = noise(700_000);
        let file = house.share("a", &bytes);
        let path = format!("/get/{}/a", file.index);
        let mut caller = Caller::call(house.addr).await;
        for (range, start, end) in [
            ("bytes=0-", 0, 700_000),
            ("bytes=0-0", 0, 1),
            ("bytes=262143-262145", 262_143, 262_146),
            ("bytes=-5", 699_995, 700_000),
            ("bytes 100-", 100, 700_000),
            ("bytes=1-2,5-9", 1, 3),
            ("bytes=699999-9999999", 699_999, 700_000),
        ] {
            caller.get(&path, &format!("Range: {range}\r\n")).await;
            let (head, body) = caller.answer().await;
            assert_eq!(head.status, Status::PARTIAL, "{range}");
            let said = format!("bytes {start}-{}/700000", end - 1);
            assert_eq!(head.headers.get("Content-Range"), Some(&*said));
            assert!(body == bytes[start..end], "{range}");
        }
        caller.get(&path, "Range: bytes=700000-\r\n").await;
        let (head, _) = caller.answer().await;
        assert_eq!(head.status, Status::RANGE_NOT_SATISFIABLE);
        assert_eq!(head.headers.get("Content-Range"), Some("bytes */700000"));
        caller.get(&path, "Range: nonsense\r\n").await;
        assert_eq!(caller.answer().await.0.status, Status::BAD_REQUEST);
        caller.get(&path, "").await;
        assert_eq!(
            caller.answer().await.1,
            bytes,
            "the connection outlives refusals"
        );
    })
    .await;
}

#[tokio::test]
async fn one_connection_takes_many_requests_at_once() {
    ends(async {
        let house = House::open(10).await;
        let files = [
            house.share("a", b"alpha"),
            house.share("b", b""),
            house.share("c", b"gamma"),
        ];
        let mut caller = Caller::call(house.addr).await;
        let ask = |method: &str, at: usize| {
            let (index, name) = (files[at].index, &files[at].name);
            format!("{method} /get/{index}/{name} HTTP/1.1\nHost: a\n\n")
        };
        let all = [
            ask("GET", 0),
            ask("HEAD", 0),
            "\r\n".to_owned(),
            ask("GET", 1),
            ask("GET", 2),
        ];
        caller.say(&all.concat()).await;
        assert_eq!(caller.answer().await.1, b"alpha");
        let head = caller.head().await;
        assert_eq!(head.headers.get("Content-Length"), Some("5"));
        assert_eq!(caller.answer().await.1, b"");
        assert_eq!(caller.answer().await.1, b"gamma");
        caller
            .say("GET /nowhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            .await;
        assert_eq!(caller.answer().await.0.status, Status::NOT_FOUND);
        assert_eq!(caller.rest().await, b"");
    })
    .await;
}

#[tokio::test]
async fn features_are_told_once_a_connection() {
    ends(async {
        let house = House::open(10).await;
        let mut caller = Caller::call(house.addr).await;
        for told in [Some("browse/1.0, fwalt/0.1"), None] {
            caller.get("/nowhere", "").await;
            assert_eq!(caller.answer().await.0.headers.get("X-Features"), told);
        }
    })
    .await;
}

#[tokio::test]
async fn http_1_0_ends_with_the_body() {
    ends(async {
        let house = House::open(10).await;
        let file = house.share("a b", b"alpha");
        let mut caller = Caller::call(house.addr).await;
        caller
            .say(&format!("GET /get/{}/a b/ HTTP/1.0\n\n", file.index))
            .await;
        assert_eq!(caller.answer().await.1, b"alpha");
        assert_eq!(caller.rest().await, b"");
    })
    .await;
}

#[tokio::test]
async fn what_is_not_for_us_is_refused_and_ends_the_connection() {
    ends(async {
        let house = House::open(10).await;
        let long = format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "b".repeat(20_000));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(101));
        for (words, status) in [
            ("GET / HTTP/1.1\r\n\r\n", 400),
            ("GET /\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400),
            (
                "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
                400,
            ),
            ("PUT /get/1/a HTTP/1.1\r\nHost: a\r\n\r\n", 501),
            (&long, 431),
            (&many, 431),
        ] {
            let mut caller = Caller::call(house.addr).await;
            caller.say(words).await;
            assert_eq!(caller.answer().await.0.status.0, status, "{words:.60}");
            assert_eq!(caller.rest().await, b"");
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_not_shared_is_not_found() {
    ends(async {
        let house = House::open(10).await;
        let file = house.share("a", b"alpha");
        let gone = house.share("gone", b"gone");
        std::fs::remove_file(house.path("gone")).expect("removed");
        let changed = house.share("changed", b"before");
        std::fs::write(house.path("changed"), b"afterwards").expect("written");
        let mut caller = Caller::call(house.addr).await;
        let unknown = "A".repeat(32);
        for (path, status) in [
            (format!("/get/{}/b", file.index), 404),
            (format!("/get/{}/a", file.index + 100), 404),
            (format!("/get/{}/gone", gone.index), 404),
            (format!("/get/{}/changed", changed.index), 404),
            (format!("/uri-res/N2R?urn:sha1:{unknown}"), 404),
            (
                format!("/uri-res/N2X?urn:sha1:{}", file.sha1.expect("hashed")),
                404,
            ),
            ("/../etc/passwd".to_owned(), 404),
            ("/uri-res/N2R?urn:sha1:short".to_owned(), 400),
            ("/get/x/a".to_owned(), 400),
        ] {
            caller.get(&path, "").await;
            assert_eq!(caller.answer().await.0.status.0, status, "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_empty_file_does_not_end_gtk_gnutella() {
    ends(async {
        let house = House::open(10).await;
        let empty = house.share("empty", b"");
        let path = format!("/uri-res/N2R?urn:sha1:{}", empty.sha1.expect("hashed"));
        for (agent, status) in [("User-Agent: gtk-gnutella/1.2.3\r\n", 404), ("", 200)] {
            let mut caller = Caller::call(house.addr).await;
            caller.get(&path, agent).await;
            assert_eq!(caller.answer().await.0.status.0, status, "{agent}");
        }
    })
    .await;
}

#[tokio::test]
async fn full_slots_are_told_and_come_back() {
    ends(async {
        let house = House::open(1).await;
        let big = house.share_zeros("big", BIG);
        let small = house.share("small", b"alpha");
        let small = format!("/get/{}/small", small.index);
        let mut greedy = Caller::call(house.addr).await;
        greedy
            .get(&format!("/get/{}/big", big.index), "User-Agent: greedy\r\n")
            .await;
        greedy.head().await;
        assert!(house.uploads.busy());
        let running = &house.uploads.list()[0];
        assert_eq!(
            (&*running.name, &*running.agent, running.length),
            ("big", "greedy", BIG)
        );
        let mut caller = Caller::call(house.addr).await;
        caller.get(&small, "").await;
        let (head, _) = caller.answer().await;
        assert_eq!(head.status, Status::BUSY);
        assert!(head.headers.get("Retry-After").is_some());
        caller
            .say(&format!("HEAD {small} HTTP/1.1\r\nHost: a\r\n\r\n"))
            .await;
        assert_eq!(
            caller.head().await.status,
            Status::OK,
            "a head needs no slot"
        );
        assert_eq!(house.uploads.waiting(), 1);
        drop(greedy);
        while house.uploads.list().iter().any(|upload| upload.running) {
            tokio::task::yield_now().await;
        }
        let mut newcomer = Caller::call(house.addr).await;
        let large = format!("/get/{}/big", big.index);
        newcomer.get(&large, "X-Queue: 0.1\r\n").await;
        let (head, _) = newcomer.answer().await;
        assert_eq!(head.status, Status::BUSY, "the slot is kept for who waits");
        let told = head.headers.get("X-Queue").expect("told his place");
        assert!(
            told.starts_with("position=2, length=2, limit=1, pollMin="),
            "{told}"
        );
        caller.get(&small, "").await;
        assert_eq!(caller.answer().await.1, b"alpha");
        assert_eq!(house.uploads.waiting(), 1);
    })
    .await;
}

#[tokio::test]
async fn who_brought_us_something_goes_first_where_that_is_wanted() {
    ends(async {
        for (wanted, place) in [(false, "position=2,"), (true, "position=1,")] {
            let (giver, house) = (House::open(1).await, House::open(1).await);
            house.uploads.repay(wanted);
            let gift = giver.share("gift", b"a gift");
            let id = house.downloads.start(giver.wanted(&gift)).expect("begun");
            let mut status = house.downloads.watch(id).expect("it is known");
            let fetched = status.wait_for(|status| status.state.is_final()).await;
            assert_eq!(
                fetched.expect("watched").state,
                DownloadState::Complete,
                "the giver, 127.0.0.1, brought us a file"
            );
            let big = house.share_zeros("big", BIG);
            let path = format!("/get/{}/big", big.index);
            let mut callers = Vec::new();
            for last in [2, 3, 1] {
                let mut caller = Caller::call_from(last, house.addr).await;
                caller.get(&path, "X-Queue: 0.1\r\n").await;
                callers.push((caller.head().await, caller));
            }
            let told = callers[2]
                .0
                .headers
                .get("X-Queue")
                .expect("no slot is free");
            assert!(told.starts_with(place), "{told}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_large_file_comes_right_to_the_quick_and_to_who_pauses() {
    ends(async {
        let house = House::open(2).await;
        let bytes = noise(24 * 1024 * 1024);
        let file = house.share("large", &bytes);
        for pause in [Duration::ZERO, Duration::from_millis(100)] {
            let mut caller = Caller::call(house.addr).await;
            for from in [0, 5_000_001] {
                let range = format!("Range: bytes={from}-\r\n");
                let path = format!("/get/{}/large", file.index);
                caller.get(&path, &range).await;
                assert_eq!(caller.head().await.status, Status::PARTIAL);
                for part in bytes[from..].chunks(6 * 1024 * 1024) {
                    sleep(pause).await;
                    assert!(caller.body(part.len()).await == part, "{pause:?}");
                }
            }
        }
        assert_eq!(house.uploads.completed(), 4);
    })
    .await;
}

#[tokio::test]
async fn a_file_that_shrinks_ends_the_connection() {
    ends(async {
        let house = House::open(1).await;
        let big = house.share_zeros("big", BIG);
        let mut caller = Caller::call(house.addr).await;
        caller.get(&format!("/get/{}/big", big.index), "").await;
        caller.head().await;
        let file = OpenOptions::new()
            .write(true)
            .open(house.path("big"))
            .expect("it is there");
        file.set_len(BIG / 2).expect("shortened");
        let came = caller.rest().await.len() as u64;
        assert!(came < BIG, "{came}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn slow_heads_are_reaped() {
    let house = House::open(1).await;
    let mut callers = Vec::new();
    for words in ["", "GET / HTTP/1.1\r\n", "\r\n"] {
        let mut caller = Caller::call(house.addr).await;
        caller.say(words).await;
        callers.push(caller);
    }
    let begun = Instant::now();
    for mut caller in callers {
        assert_eq!(caller.rest().await, b"");
    }
    let took = begun.elapsed();
    assert!(took <= Duration::from_secs(6), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_stalls_loses_its_slot() {
    let house = House::open(1).await;
    let big = house.share_zeros("big", BIG);
    let mut caller = Caller::call(house.addr).await;
    caller.get(&format!("/get/{}/big", big.index), "").await;
    while !house.uploads.busy() {
        tokio::task::yield_now().await;
    }
    let begun = Instant::now();
    while house.uploads.busy() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let took = begun.elapsed().as_secs();
    assert!((25..=125).contains(&took), "{took} s");
}

#[tokio::test]
async fn silent_connections_cost_little() {
    let house = House::open(1).await;
    let caller = Caller::call(house.addr).await;
    let remote = house.addr;
    let serving = house
        .uploads
        .clone()
        .serve(caller.stream, remote, Default::default());
    let size = size_of_val(&serving);
    assert!(
        size <= 2 * 1024,
        "{size} bytes, before the kilobyte that is read into"
    );
}

#[tokio::test]
async fn who_only_holds_a_connection_makes_room_for_others() {
    ends(async {
        let house = House::open(1).await;
        let mut idle = Caller::call(house.addr).await;
        idle.get("/get/9/none", "").await;
        idle.answer().await;
        let mut halfway = Caller::call(house.addr).await;
        halfway.say("GET / HTTP/1.1\r\nX-Slow: ").await;
        // Both would be heard for seconds yet, were it not for the crowd.
        let began = Instant::now();
        let crowd = async {
            let mut seats = Vec::new();
            loop {
                seats.push(house.uploads.lobby().enter());
                tokio::task::yield_now().await;
            }
        };
        let gone = async { tokio::join!(idle.rest(), halfway.rest()) };
        tokio::select! {
            _ = gone => {}
            () = crowd => {}
        }
        assert!(began.elapsed() < Duration::from_secs(3));
    })
    .await;
}
