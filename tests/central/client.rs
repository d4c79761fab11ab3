//! Servents that are members of an index.

use std::collections::BTreeSet;
use std::time::Duration;

use servent::central::{Kind, Limits};
use servent::wire::Query;

use crate::caller::{Caller, guarded, index};
use crate::member::{Member, names, pattern};

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
