//! Servents that are members of an index.

use std::collections::BTreeSet;
use std::net::SocketAddrV4;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use servent::central::{Kind, Limits};
use servent::net::{Search, SearchHit, Servent, Settings, Standing};
use servent::overlay;
use servent::transfer::{DownloadId, DownloadState};
use servent::wire::Query;

use crate::caller::{ANYWHERE, Caller, guarded, index};

struct Member {
    servent: Servent,
    home: TempDir,
}

impl Member {
    async fn start(index: SocketAddrV4, files: &[(&str, &[u8])], connect: &[&Self]) -> Self {
        let home = TempDir::new().expect("a folder");
        let share = home.path().join("share");
        std::fs::create_dir(&share).expect("made");
        for (name, bytes) in files {
            std::fs::write(share.join(name), bytes).expect("written");
        }
        let settings = Settings {
            share: vec![share],
            downloads: home.path().join("downloads"),
            data: home.path().join("data"),
            listen: vec![ANYWHERE],
            bootstrap: Vec::new(),
            caches: Vec::new(),
            public: None,
            connect: connect
                .iter()
                .map(|member| member.servent.listen())
                .collect(),
            index: Some(index),
            upload_slots: 4,
            tit_for_tat: false,
            upload_limit: 0,
            relay: 0,
            download_limit: 0,
            deflate: false,
            link_delay: Duration::ZERO,
            overlay: overlay::Config {
                grow: false,
                udp: false,
                ..overlay::Config::default()
            },
        };
        let servent = Servent::start(settings).await.expect("it starts");
        let mut census = servent.census();
        let ready = |census: &servent::librarian::Census| census.scans > 0 && census.unhashed == 0;
        census.wait_for(ready).await.expect("a librarian");
        let member = Self { servent, home };
        member.present(true).await;
        member
    }

    async fn present(&self, wanted: bool) {
        let (_, mut standing) = self.servent.index().expect("a member");
        let present = |standing: &Standing| matches!(standing, Standing::Present { .. }) == wanted;
        standing.wait_for(present).await.expect("a membership");
    }

    fn add(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.home.path().join("share").join(name), bytes).expect("written");
        self.servent.rescan();
    }

    /// What the index finds, once it finds something with a digest.
    async fn find(&self, words: &str) -> SearchHit {
        loop {
            let mut search = self.servent.search_index(words).await.expect("it is there");
            if let Some(hit) = search.hits.recv().await
                && hit.hit.records[0].sha1().is_some()
            {
                return hit;
            }
        }
    }

    /// Fetches a hit; what then is on the disk.
    async fn fetch(&self, hit: &SearchHit) -> Result<Vec<u8>, String> {
        let record = &hit.hit.records[0];
        let source = hit.through.as_ref().expect("the index found it");
        let id = { &self.servent }
            .fetch_through_index(source, &record.name, record.size, record.sha1())
            .await
            .map_err(|why| why.to_string())?;
        self.finished(id).await
    }

    async fn finished(&self, id: DownloadId) -> Result<Vec<u8>, String> {
        let mut status = self.servent.downloads().watch(id).expect("it was begun");
        let over = { status.wait_for(|status| status.state.is_final()) }
            .await
            .expect("it ends")
            .clone();
        match over.state {
            DownloadState::Complete => Ok(std::fs::read(over.path.expect("a path")).expect("it")),
            _ => Err(over.why.unwrap_or_default()),
        }
    }
}

async fn names(mut search: Search) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    while let Some(hit) = search.hits.recv().await {
        names.extend(hit.hit.records.into_iter().map(|record| record.name));
    }
    names
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * 7 + n / 251) as u8).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn members_find_each_other_and_fetch_over_http() {
    guarded(async {
        let server = index(Limits::default()).await;
        let bytes = pattern(300_000);
        let owner = Member::start(server.listen(), &[("A \"tune\".ogg", &bytes)], &[]).await;
        let asker = Member::start(server.listen(), &[], &[]).await;
        let hit = asker.find("tune").await;
        assert_eq!((hit.strategy, hit.hops), ("index", 0));
        assert_eq!(hit.hit.records[0].name, "A 'tune'.ogg");
        assert_eq!(asker.fetch(&hit).await.expect("fetched"), bytes);
        // What is added later is found, too; what goes is not.
        owner.add("another tune.ogg", b"more");
        assert_eq!(asker.find("another").await.hit.records[0].size, 4);
        std::fs::remove_file(owner.home.path().join("share/another tune.ogg")).expect("gone");
        owner.servent.rescan();
        let another = || async { asker.servent.search_index("another").await.expect("there") };
        while !names(another().await).await.is_empty() {}
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_cannot_be_reached_brings_its_file() {
    guarded(async {
        let server = index(Limits::default()).await;
        let bytes = pattern(100_000);
        let owner = Member::start(server.listen(), &[("walled.bin", &bytes)], &[]).await;
        let asker = Member::start(server.listen(), &[], &[]).await;
        let hit = asker.find("walled").await;
        let nick = hit.through.as_ref().expect("a user").nick();
        let mut stranger = Caller::log_in(server.listen(), "stranger", 1).await;
        stranger.send(Kind::PORT_ERROR, &nick).await;
        // Until the index knows that its port is 0, it answers with an address.
        loop {
            let ask = format!("{nick} \"\\walled.bin\"");
            stranger.send(Kind::DOWNLOAD, &ask).await;
            let answer = stranger.body(Kind::DOWNLOAD_ACK).await;
            if answer.starts_with(&format!("{nick} 16777343 0 ")) {
                break;
            }
        }
        assert_eq!(asker.fetch(&hit).await.expect("brought"), bytes);
        drop(owner);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_fetch_from_us() {
    guarded(async {
        let server = index(Limits::default()).await;
        let bytes = pattern(70_000);
        let owner = Member::start(server.listen(), &[("for all.bin", &bytes)], &[]).await;
        let mut stranger = Caller::log_in(server.listen(), "stranger", 1).await;
        while stranger.count("all bin").await == 0 {}
        stranger.send(Kind::SEARCH, "FILENAME CONTAINS all").await;
        let hit = stranger.body(Kind::HIT).await;
        let nick = hit.split(' ').rev().nth(2).expect("a nick").to_owned();
        let ask = format!("{nick} \"\\for all.bin\"");
        stranger.send(Kind::DOWNLOAD, &ask).await;
        let port = owner.servent.listen().port();
        let answer = stranger.body(Kind::DOWNLOAD_ACK).await;
        assert!(
            answer.starts_with(&format!("{nick} 16777343 {port} ")),
            "{answer}"
        );

        // One that speaks at once, and one that waits to be greeted.
        for waits in [false, true] {
            let mut peer = TcpStream::connect(owner.servent.listen())
                .await
                .expect("open");
            if waits {
                assert_eq!(peer.read_u8().await.expect("hello"), b'1');
            }
            peer.write_all(b"GET").await.expect("taken");
            peer.write_all(b"stranger \"\\for all.bin\" 1000")
                .await
                .expect("taken");
            let mut got = Vec::new();
            peer.read_to_end(&mut got).await.expect("to its end");
            let head: &[u8] = if waits { b"70000" } else { b"170000" };
            assert_eq!(&got[..head.len()], head);
            assert_eq!(&got[head.len()..], &bytes[1000..]);
        }
        for (asked, answer) in [
            ("GETstranger \"no such\" 0", &b"1FILE NOT SHARED"[..]),
            ("GETstranger \"\\for all.bin\" 70001", b"1INVALID REQUEST"),
        ] {
            let mut peer = TcpStream::connect(owner.servent.listen())
                .await
                .expect("open");
            peer.write_all(asked.as_bytes()).await.expect("taken");
            let mut got = Vec::new();
            peer.read_to_end(&mut got).await.expect("to its end");
            assert_eq!(got, answer);
        }

        // One that cannot be connected to by us is what we are to it: it lets us bring the file.
        let door = TcpListener::bind(ANYWHERE).await.expect("a port");
        let port = door.local_addr().expect("bound").port();
        stranger.send(Kind::PORT_ERROR, &nick).await;
        stranger.send(Kind::NEW_PORT, &port.to_string()).await;
        loop {
            stranger.send(Kind::PUSH, &ask).await;
            stranger.send(Kind::PING_SERVER, "").await;
            let frames = stranger.until(Kind::PING_SERVER).await;
            if frames.iter().all(|frame| frame.kind != Kind::TROUBLE) {
                break;
            }
        }
        let (mut peer, _) = door.accept().await.expect("it comes");
        peer.write_all(b"1").await.expect("taken");
        let offer = format!(
            "SEND{}",
            "stranger \"\\for all.bin\" 70000".replace("stranger", &nick)
        );
        let mut said = vec![0; offer.len()];
        peer.read_exact(&mut said).await.expect("an offer");
        let said = String::from_utf8(said).expect("text");
        assert!(
            said.starts_with("SEND") && said.contains("\"\\for all.bin\" 70000"),
            "{said}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn we_fetch_from_strangers() {
    guarded(async {
        let server = index(Limits::default()).await;
        let door = TcpListener::bind(ANYWHERE).await.expect("a port");
        let port = door.local_addr().expect("bound").port();
        let mut stranger = Caller::log_in(server.listen(), "stranger", port).await;
        stranger
            .send(
                Kind::SHARE,
                "\"C:\\m\\9 lives.mp3\" NOMD5COMPUTED 5 128 44100 1",
            )
            .await;
        let asker = Member::start(server.listen(), &[], &[]).await;
        let mut search = asker.servent.search_index("lives").await.expect("there");
        let hit = search.hits.recv().await.expect("found");
        assert_eq!(hit.hit.records[0].name, "9 lives.mp3");

        let answer = |answer: &'static [u8]| {
            let door = &door;
            async move {
                let (mut peer, _) = door.accept().await.expect("it comes");
                peer.write_all(b"1").await.expect("taken");
                let mut asked = [0; 64];
                let mut length = 0;
                while !asked[..length].ends_with(b"\" 0") {
                    length += peer.read(&mut asked[length..]).await.expect("it asks");
                }
                peer.write_all(answer).await.expect("taken");
                String::from_utf8(asked[..length].to_vec()).expect("text")
            }
        };
        let allow = async {
            let ask = stranger.body(Kind::UPLOAD).await;
            stranger.send(Kind::UPLOAD_ACK, &ask).await;
        };
        // The bytes begin with a digit, right behind the size.
        let (fetched, asked, ()) = tokio::join!(asker.fetch(&hit), answer(b"512345"), allow);
        assert_eq!(fetched.expect("fetched"), b"12345");
        assert!(asked.starts_with("GETservent-") && asked.ends_with(" \"C:\\m\\9 lives.mp3\" 0"));

        for (said, why) in [
            (&b"FILE NOT FOUND"[..], "FILE NOT FOUND"),
            (b"5123", "broke off"),
        ] {
            let allow = async {
                let ask = stranger.body(Kind::UPLOAD).await;
                stranger.send(Kind::UPLOAD_ACK, &ask).await;
            };
            let (fetched, _, ()) = tokio::join!(asker.fetch(&hit), answer(said), allow);
            let failed = fetched.expect_err("it was not sent");
            assert!(failed.contains(why), "{failed}");
        }
        // Its owner leaves.
        drop(stranger);
        let lives = || async { asker.servent.search_index("lives").await.expect("there") };
        while !names(lives().await).await.is_empty() {}
        let failed = asker.fetch(&hit).await.expect_err("nobody is there");
        assert!(failed.contains("has left"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_was_away_is_joined_again() {
    guarded(async {
        let server = index(Limits::default()).await;
        let listen = server.listen();
        let owner = Member::start(listen, &[("still here.txt", b"x")], &[]).await;
        server.stop().await;
        owner.present(false).await;
        let why = owner.servent.search_index("x").await.expect_err("away");
        assert!(!why.to_string().is_empty());
        let server = loop {
            // The port may be in use for a moment.
            match servent::central::server::Server::start(listen, Limits::default()).await {
                Ok(server) => break server,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
        owner.present(true).await;
        let mut caller = Caller::log_in(server.listen(), "caller", 1).await;
        while caller.count("still here").await == 0 {}
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn index_and_flood_find_the_same() {
    guarded(async {
        let server = index(Limits::default()).await;
        let first: [(&str, &[u8]); 5] = [
            ("Metallica - One (live).mp3", b"1"),
            ("metal work.txt", b"2"),
            ("Été à Zürich.ogg", b"3"),
            ("東京タワー.jpg", b"4"),
            ("don't stop.mp3", b"5"),
        ];
        let second: [(&str, &[u8]); 5] = [
            ("U2 - One.mp3", b"6"),
            ("one-two three.mp3", b"7"),
            ("METAL.MP3", b"8"),
            ("東京.jpg", b"9"),
            ("zurich walk.mp3", b"10"),
        ];
        let one = Member::start(server.listen(), &first, &[]).await;
        let two = Member::start(server.listen(), &second, &[&one]).await;
        let asker = Member::start(server.listen(), &[], &[&one, &two]).await;
        let mut neighbours = asker.servent.neighbours();
        neighbours
            .wait_for(|count| *count == 2)
            .await
            .expect("both");
        let (_, mut standing) = asker.servent.index().expect("a member");
        // All is registered when the newest of both is found.
        for words in ["don't stop", "zurich walk"] {
            asker.find(words).await;
        }
        standing.mark_unchanged();
        for words in [
            "metal",
            "one",
            "one mp3",
            "mp3",
            "zurich",
            "ete",
            "東京",
            "東京タワー",
            "u2",
            "dont stop",
            "don't",
            "one-two",
            "two one",
            "jpg 東京",
            "nothing here",
            "o",
            "live metallica",
            "etal",
        ] {
            let search = asker.servent.search_index(words).await.expect("there");
            let by_index = names(search).await;
            let mut search = asker
                .servent
                .search(
                    Query::words(words),
                    Some(servent::overlay::Strategy::flood(1)),
                )
                .await;
            let mut by_flood = BTreeSet::new();
            while by_flood.len() < by_index.len() {
                let hit = search.hits.recv().await.expect("as many");
                by_flood.extend(hit.hit.records.into_iter().map(|record| record.name));
            }
            // A flood has no end: what the shelves themselves find is all there is to come.
            let mut shelves = BTreeSet::new();
            for member in [&one, &two] {
                let shelf = member.servent.shelf();
                let shelf = shelf.read().expect("nobody panicked");
                let found = shelf.search(&Query::words(words), 100);
                shelves.extend(found.into_iter().map(|file| file.name.clone()));
            }
            assert_eq!(by_index, by_flood, "{words}");
            assert_eq!(by_index, shelves, "{words}");
        }
    })
    .await;
}
