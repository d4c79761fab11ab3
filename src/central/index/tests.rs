//! The index by itself: what goes in, what comes out.

use std::net::Ipv4Addr;

use bytes::{Bytes, BytesMut};

use super::*;

/// An index and who talks to it.
struct Room {
    index: Index,
    opened: u32,
    /// What the store was asked last.
    asked: Option<(QuestionId, Question)>,
}

impl Room {
    fn new(limits: Limits) -> Self {
        let index = Index::new(limits, 1);
        Self {
            index,
            opened: 0,
            asked: None,
        }
    }

    fn open(&mut self) -> Link {
        self.opened += 1;
        let link = Link(self.opened);
        let addr = Ipv4Addr::LOCALHOST;
        let mut out = Vec::new();
        let input = Input::Opened { link, addr };
        self.index.handle(Time::ZERO, input, &mut out);
        assert_eq!(out, []);
        link
    }

    fn enter(&mut self, nick: &str, port: u16) -> Link {
        let link = self.open();
        let said = self.say(link, 2, &format!("{nick} pw {port} \"test 1\" 9"));
        assert!(said[0].ends_with("anon@servent"), "{said:?}");
        link
    }

    /// Sends a frame; what comes back, and where to, as `1: 202 `.
    fn say(&mut self, from: Link, kind: u16, body: &str) -> Vec<String> {
        self.say_bytes(from, kind, body.as_bytes())
    }

    fn say_bytes(&mut self, from: Link, kind: u16, body: &[u8]) -> Vec<String> {
        let frame = Frame::new(Kind(kind), Bytes::copy_from_slice(body));
        self.take(Input::Received { from, frame })
    }

    fn take(&mut self, input: Input) -> Vec<String> {
        let mut out = Vec::new();
        self.index.handle(Time::ZERO, input, &mut out);
        let mut said = Vec::new();
        for effect in out {
            match effect {
                Effect::Send { to, bytes } => {
                    let mut bytes = BytesMut::from(&bytes[..]);
                    while let Some(frame) = Frame::read(&mut bytes, 65_535).unwrap() {
                        let body = String::from_utf8_lossy(&frame.body).into_owned();
                        said.push(format!("{}: {} {body}", to.0, frame.kind.0));
                    }
                    assert!(bytes.is_empty());
                }
                Effect::Close { link } => said.push(format!("{}: closed", link.0)),
                Effect::Ask { id, question } => {
                    said.push("asked".to_owned());
                    self.asked = Some((id, question));
                }
                Effect::Forward { to, bytes } => {
                    said.push(format!("{}/{}: {} bytes", to.node, to.link.0, bytes.len()));
                }
            }
        }
        said
    }

    /// The store answers what it was asked last.
    fn hears(&mut self, answer: Option<Answer>) -> Vec<String> {
        let (id, _) = self.asked.take().expect("it was asked");
        self.take(Input::Answered { id, answer })
    }

    fn found(&mut self, from: Link, clauses: &str) -> Vec<String> {
        let mut said = self.say(from, 200, clauses);
        assert_eq!(said.pop(), Some(format!("{}: 202 ", from.0)));
        let name = |hit: &String| hit.split('"').nth(1).unwrap_or(hit).to_owned();
        said.iter().map(name).collect()
    }
}

#[test]
fn numbers_that_are_used_up_begin_anew() {
    let mut room = Room::new(Limits::default());
    let (alice, bob) = (room.enter("alice", 1), room.enter("bob", 1));
    let file = |n: usize| format!("\"song number{n}.mp3\" 0 1 2 3 4");
    for n in 0..5 {
        room.say(alice, 100, &file(n));
    }
    room.say(alice, 102, "song number2.mp3");
    room.index.files.skip_to(u32::MAX - 2);
    for n in 5..10 {
        assert_eq!(room.say(alice, 100, &file(n)), [""; 0]);
    }
    let found = room.found(bob, "FILENAME CONTAINS \"song\"");
    let expected: Vec<String> = [9, 8, 7, 6, 5, 4, 3, 1, 0]
        .iter()
        .map(|n| format!("song number{n}.mp3"))
        .collect();
    assert_eq!(found, expected, "newest first");
    assert_eq!(room.say(alice, 102, "song number9.mp3"), [""; 0]);
    assert_eq!(room.found(bob, "FILENAME CONTAINS number9"), [""; 0]);
    assert_eq!(room.found(bob, "FILENAME CONTAINS number3").len(), 1);
}

#[test]
fn what_a_user_had_goes_at_once_and_leaves_nothing() {
    let mut room = Room::new(Limits::default());
    let bob = room.enter("bob", 1);
    for _ in 0..3 {
        let alice = room.enter("alice", 1);
        for n in 0..200 {
            room.say(alice, 100, &format!("\"dir\\song {n}.mp3\" 0 1 2 3 4"));
        }
        assert_eq!(room.found(bob, "FILENAME CONTAINS song").len(), 100);
        room.take(Input::Closed { link: alice });
        assert_eq!(room.found(bob, "FILENAME CONTAINS song"), [""; 0]);
        assert_eq!((room.index.files(), room.index.files.bytes()), (0, 0));
    }
    for _ in 0..20 {
        room.say(bob, 750, "");
    }
    assert!(room.index.files.is_clean());
}

#[test]
fn bounds_are_kept() {
    let limits = Limits {
        users: 2,
        files_per_user: 3,
        files: 5,
        links_per_address: 4,
        results: 2,
        accounts: 1,
        watched: 1,
        ..Limits::default()
    };
    let mut room = Room::new(limits);
    let alice = room.open();
    let said = room.say(alice, 6, "alice pw 1 \"test\" 9 a@example.invalid");
    assert!(said.len() > 2);
    let bob = room.open();
    let said = room.say(bob, 6, "bob pw 1 \"test\" 9 b@example.invalid");
    assert_eq!(said, ["2: 0 No more nicks can be registered.", "2: closed"]);
    room.say(bob, 2, "bob pw 1 \"test\" 9");
    let carol = room.open();
    let said = room.say(carol, 2, "carol pw 1 \"test\" 9");
    assert_eq!(said, ["3: 0 The server is full.", "3: closed"]);

    let folder =
        "\"d\" \"song1\" 0 1 2 3 4 \"song2\" 0 1 2 3 4 \"song3\" 0 1 2 3 4 \"song4\" 0 1 2 3 4";
    assert_eq!(
        room.say(alice, 870, folder),
        ["1: 404 you share too many files"]
    );
    assert_eq!(room.say(bob, 870, folder), ["2: 404 the server is full"]);
    assert_eq!(room.found(bob, "FILENAME CONTAINS song").len(), 2);
    let long = format!("\"{}\" 0 1 2 3 4", "x".repeat(513));
    assert_eq!(room.say(bob, 100, &long), ["2: 404 no file is called so"]);

    assert_eq!(
        room.say(alice, 207, &"x".repeat(2_000)),
        ["1: 404 nobody can be called so"]
    );
    assert_eq!(room.say(alice, 207, "bob")[0], "1: 301 bob");
    assert_eq!(
        room.say(alice, 207, "dave"),
        ["1: 404 you watch too many users"]
    );
    let fourth = Link(9);
    let addr = Ipv4Addr::LOCALHOST;
    room.take(Input::Opened { link: fourth, addr });
    let fifth = Input::Opened {
        link: Link(10),
        addr,
    };
    assert_eq!(
        room.take(fifth),
        ["10: 0 too many connections from your address", "10: closed"]
    );
}

#[test]
fn no_mark_says_more_than_a_mark() {
    let mut room = Room::new(Limits::default());
    let bob = room.enter("bob", 6699);
    let alice = room.enter("alice", 6699);
    // Were it told on as it is, the hit would be another user's, and at an address of the sender's choice.
    for (name, mark) in [
        ("forged", "\"m 1 2 3 4 carol 134744072 9\""),
        ("empty", "\"\""),
        ("blank", "\" \""),
    ] {
        room.say(bob, 100, &format!("\"{name}.mp3\" {mark} 5 128 44100 60"));
        let said = room.say(alice, 200, &format!("FILENAME CONTAINS \"{name}\""));
        let hit = said[0].strip_prefix("2: 201 ").expect("a hit");
        let hit = crate::central::Hit::parse(hit.as_bytes()).expect("sound");
        let told = (hit.nick, hit.addr, hit.file.size, hit.file.seconds);
        assert_eq!(told, (&b"bob"[..], Ipv4Addr::LOCALHOST, 5, 60), "{said:?}");
    }
}

#[test]
fn whoever_lost_its_link_may_come_back_and_nobody_else() {
    let mut room = Room::new(Limits::default());
    let alice = room.enter("alice", 1);
    room.say(alice, 100, "song 0 1 2 3 4");
    let thief = room.open();
    let said = room.say(thief, 2, "ALICE other 1 \"test\" 9");
    assert_eq!(said, ["2: 0 ALICE is already active", "2: closed"]);
    let again = room.open();
    let said = room.say(again, 2, "alice pw 1 \"test\" 9");
    assert_eq!(said[..3], ["1: 748 ", "1: closed", "3: 3 anon@servent"]);
    assert_eq!(room.index.files(), 0);
    room.take(Input::Closed { link: alice });
    assert!(room.index.is_user(again));
}

#[test]
fn no_bytes_do_any_harm() {
    let mut rng = crate::rng::Rng::seeded(5);
    let mut room = Room::new(Limits::default());
    let links = [room.enter("alice", 1), room.enter("bob", 0), room.open()];
    let pieces: [&[u8]; 12] = [
        b"alice",
        b"bob",
        b"\"",
        b"\"a song.mp3\"",
        b" ",
        b" 1 2 3 4 5",
        b"FILENAME CONTAINS ",
        b"\xff\xfe",
        b"99999999999999999999",
        b"\0",
        b"SIZE \"AT LEAST\" ",
        b"\\",
    ];
    let kinds: Vec<u16> = (0..1000).filter(|&n| Kind(n).name().is_some()).collect();
    for _ in 0..20_000 {
        let body: Vec<u8> = (0..rng.below(6))
            .flat_map(|_| pieces[rng.below(pieces.len())].to_vec())
            .collect();
        let kind = kinds[rng.below(kinds.len())];
        for said in room.say_bytes(links[rng.below(links.len())], kind, &body) {
            assert!(said.len() < 8192);
        }
    }
    // The stranger may have hit upon a login.
    assert!(room.index.users() >= 2);
    assert_eq!(room.say(links[0], 750, ""), ["1: 750 "]);
}

fn guest() -> Guest {
    Guest {
        place: Place {
            node: 7,
            link: Link(9),
        },
        nick: "Far".into(),
        client: "test 2".into(),
        addr: Ipv4Addr::new(10, 1, 2, 3),
        port: 6699,
        speed: 3,
        seconds: 60,
        files: 5,
    }
}

#[test]
fn what_concerns_others_waits_for_the_store_in_its_order() {
    let mut room = Room::new(Limits::default());
    let bob = room.enter("bob", 1);
    let none = room.say(bob, 603, "far");
    assert_eq!(none, ["1: 404 User far is not on-line"], "without a store");
    room.take(Input::StoreOpened);
    assert_eq!(room.say(bob, 603, "FAR"), ["asked"]);
    let asked = room.asked.as_ref().map(|(_, question)| question.clone());
    assert_eq!(asked, Some(Question::Who("far".into())));
    // What comes behind waits, but not what is bob's own business.
    assert_eq!(room.say(bob, 200, "FILENAME CONTAINS song"), [""; 0]);
    assert_eq!(room.say(bob, 205, "far hello"), [""; 0]);
    assert_eq!(room.say(bob, 100, "\"song.mp3\" 0 1 2 3 4"), [""; 0]);
    assert_eq!(room.say(bob, 750, ""), ["1: 750 "]);
    let said = room.hears(Some(Answer::Is(Some(guest()))));
    assert!(said[0].starts_with("1: 604 Far \"User\""), "{said:?}");
    assert!(said[0].contains(" 5 0 0 3 \"test 2\""), "{said:?}");
    assert_eq!(said[1..], ["asked"]);
    let found = Found {
        line: "\"song\" 0 1 2 3 4".into(),
        nick: "Far".into(),
        addr: Ipv4Addr::LOCALHOST,
        speed: 3,
    };
    let said = room.hears(Some(Answer::Found(vec![found])));
    let hit = "1: 201 \"song\" 0 1 2 3 4 Far 16777343 3";
    assert_eq!(said, [hit, "1: 202 ", "asked"]);
    let said = room.hears(Some(Answer::Is(Some(guest()))));
    assert_eq!(said, ["7/9: 13 bytes"]);
    // The guest has gone again, and an answer that comes twice is none.
    assert_eq!(room.index.users(), 1);
    assert_eq!(room.say(bob, 205, "far hello"), ["asked"]);
    let twice = room.asked.clone();
    assert_eq!(room.hears(None), ["1: 404 User far is not on-line"]);
    room.asked = twice;
    assert_eq!(room.hears(Some(Answer::Is(Some(guest())))), [""; 0]);
}

#[test]
fn nobody_waits_for_a_store_that_is_lost_nor_makes_it_work_without_end() {
    let mut room = Room::new(Limits::default());
    let (bob, carol) = (room.enter("bob", 1), room.enter("carol", 1));
    room.take(Input::StoreOpened);
    assert_eq!(room.say(carol, 200, "FILENAME CONTAINS x"), ["asked"]);
    assert_eq!(room.say(bob, 205, "far hello"), ["asked"]);
    let held: Vec<String> = (0..50).flat_map(|_| room.say(bob, 751, "far")).collect();
    assert_eq!(held.len(), 50 - 32);
    assert_eq!(held[0], "1: 404 You ask faster than others answer.");
    let said = room.take(Input::StoreLost);
    assert_eq!(said.iter().filter(|line| **line == "2: 202 ").count(), 1);
    let away = said
        .iter()
        .filter(|line| line.ends_with("far is not on-line"));
    assert_eq!(away.count(), 1 + 32);
    assert_eq!(room.index.take_batch(), None);
    // Who leaves while it waits is forgotten.
    room.take(Input::StoreOpened);
    assert_eq!(room.say(bob, 205, "far hello"), ["asked"]);
    room.take(Input::Closed { link: bob });
    assert_eq!(room.hears(None), [""; 0]);
}

#[test]
fn a_store_is_told_all_once_and_all_again_when_it_is_new() {
    let mut room = Room::new(Limits::default());
    let (alice, bob) = (room.enter("alice", 1), room.enter("bob", 1));
    let song = |n: usize| format!("\"song {n}.mp3\" 0 1 2 3 4");
    for n in 0..300 {
        room.say(alice, 100, &song(n));
    }
    assert_eq!(room.index.take_batch(), None, "there is no store");
    for _ in 0..2 {
        room.take(Input::StoreOpened);
        let mut told = Batch::default();
        while let Some(batch) = room.index.take_batch() {
            assert!(batch.shared.len() <= 1000);
            told.came.extend(batch.came);
            told.shared.extend(batch.shared);
        }
        let came: Vec<Link> = told.came.iter().map(|user| user.link).collect();
        assert_eq!(came, [alice, bob]);
        assert_eq!(told.shared.len(), 300);
        assert!(told.shared.is_sorted_by_key(|file| file.id));
        assert_eq!(told.shared[5].ending, "mp3");
    }
    // A change is told, one that was undone is not, and who leaves takes all along.
    room.say(alice, 102, "song 7.mp3");
    room.say(alice, 100, &song(300));
    room.say(alice, 102, "song 300.mp3");
    let batch = room.index.take_batch().expect("a change");
    assert_eq!((batch.unshared.len(), batch.shared.len()), (1, 0));
    assert_eq!(batch.unshared, [(alice, 7)]);
    room.say(bob, 703, "0");
    room.say(alice, 100, &song(301));
    room.take(Input::Closed { link: alice });
    let batch = room.index.take_batch().expect("a change");
    assert_eq!((&batch.left[..], batch.shared.len()), (&[alice][..], 0));
    assert_eq!((batch.came[0].link, batch.came[0].port), (bob, 0));
    assert_eq!(room.index.take_batch(), None);
    let carol = room.enter("carol", 1);
    room.take(Input::Closed { link: carol });
    assert_eq!(room.index.take_batch(), None, "it never heard of her");
    // New numbers are all told anew.
    room.say(bob, 100, &song(1));
    while room.index.take_batch().is_some() {}
    room.index.files.skip_to(u32::MAX);
    room.say(bob, 100, &song(2));
    let batch = room.index.take_batch().expect("all");
    assert_eq!((&batch.left[..], batch.came.len()), (&[bob][..], 1));
    assert_eq!(batch.shared.len(), 2);
}
