//! What users expect of a library, as tables.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::*;
use crate::wire::{Extensions, QueryFlags, TigerRoot, Urn};

pub(super) fn file(name: &str) -> SharedFile {
    let root: Arc<Path> = Path::new("/share").into();
    SharedFile::new(root, PathBuf::from(name), 1, UNIX_EPOCH)
}

fn path(name: &str) -> PathBuf {
    Path::new("/share").join(name)
}

fn shelf(names: &[&str]) -> Library {
    let mut library = Library::new();
    for name in names {
        library.insert(file(name));
    }
    library
}

/// A query as it comes off the wire, with any text at all.
fn asking(text: &str) -> Query {
    let flags = QueryFlags(QueryFlags::IS_FLAGS);
    Query {
        flags,
        text: text.to_owned(),
        extensions: Extensions::default(),
    }
}

fn asking_urns(text: &str, urns: &[Urn]) -> Query {
    let mut query = asking(text);
    query.extensions.urns = urns.to_vec();
    query
}

fn names(library: &Library, query: &Query) -> Vec<String> {
    library
        .search(query, 100)
        .into_iter()
        .map(|file| file.name.clone())
        .collect()
}

#[test]
fn people_find_what_they_mean() {
    let shared = [
        "Metallica - Nothing Else Matters.mp3",
        "metallica_one (live).MP3",
        "Björk – Jóga.flac",
        "Don't Stop Me Now.ogg",
        "L'amour toujours.mp3",
        "東京タワーの夜.jpg",
        "京都と東.txt",
        "서울에서 부산까지.txt",
        "ความรัก.mp3",
        "party 🎉🎂 2020.png",
        "I ❤️ cats.gif",
        "U2 - With or Without You.mp3",
        "Großstraße.pdf",
        "AC-DC.Back.In.Black.mp3",
        "folder/sub folder/leaf.txt",
        "main.c",
        "ΟΔΥΣΣΕΑΣ.txt",
        "हिन्दी गीत.mp3",
    ];
    let library = shelf(&shared);
    #[rustfmt::skip]
    let expectations: &[(&str, &[usize])] = &[
        ("metallica", &[0, 1]),
        ("METALLICA", &[0, 1]),
        ("matters nothing", &[0]),
        ("nothing matters else metallica mp3", &[0]),
        ("metal", &[0, 1]),
        ("metallicas", &[]),
        ("allica", &[]),
        ("metallica one", &[1]),
        ("metallica metallica", &[0, 1]),
        ("metallica bjork", &[]),
        ("bjork joga", &[2]),
        ("BJÖRK", &[2]),
        ("bjo\u{308}rk", &[2]),
        ("don't stop", &[3]),
        ("dont stop", &[3]),
        ("don\u{2019}t stop", &[3]),
        ("amour", &[4]),
        ("l'amour", &[4]),
        ("lamour", &[4]),
        ("東京", &[5]),
        ("京", &[5, 6]),
        ("夜", &[5]),
        ("タワー", &[5]),
        ("東京タワーの夜", &[5]),
        ("東京 夜", &[5]),
        ("夜東京", &[]),
        ("ﾀﾜｰ", &[5]),
        ("서울", &[7]),
        ("부산", &[7]),
        ("산까", &[7]),
        ("รัก", &[8]),
        ("🎉", &[9]),
        ("🎂 party", &[9]),
        ("🎉🎂", &[9]),
        ("🎃", &[]),
        ("❤", &[10]),
        ("❤️", &[10]),
        ("u2", &[11]),
        ("u", &[]),
        ("GROSSSTRASSE", &[12]),
        ("großstr", &[12]),
        ("back black", &[13]),
        ("ac dc", &[13]),
        ("AC/DC", &[13]),
        ("leaf", &[14]),
        ("folder", &[]),
        ("main c", &[15]),
        ("οδυσσεας", &[16]),
        ("गीत", &[17]),
        ("हिन्दी", &[17]),
        ("2020.png", &[9]),
        ("*.mp3", &[0, 1, 4, 8, 11, 13, 17]),
        ("", &[]),
        (" ", &[]),
        ("*", &[]),
        ("\\", &[]),
        ("-", &[]),
    ];
    for (query, expected) in expectations {
        let expected: Vec<String> = expected
            .iter()
            .map(|&n| shared[n].rsplit('/').next().unwrap().to_owned())
            .collect();
        assert_eq!(
            names(&library, &asking(query)),
            expected,
            "asked for {query:?}"
        );
    }
}

#[test]
fn a_run_of_unspaced_script_is_not_found_by_its_pairs_alone() {
    let library = shelf(&["甲乙丙.txt", "甲乙 乙丙.txt"]);
    assert_eq!(names(&library, &asking("甲乙丙")), ["甲乙丙.txt"]);
    assert_eq!(names(&library, &asking("甲乙 乙丙")).len(), 2);
}

#[test]
fn a_limit_is_kept() {
    let library = shelf(&["a one", "b one", "c one"]);
    assert_eq!(library.search(&asking("one"), 2).len(), 2);
    assert_eq!(library.search(&asking("    "), 2).len(), 2);
    assert_eq!(library.search(&asking("one"), 0).len(), 0);
}

#[test]
fn urns_and_words_both_answer_and_nothing_twice() {
    let mut library = shelf(&["one", "two", "three"]);
    library.set_sha1(1, Sha1([1; 20]));
    let by_hash = Urn::Sha1(Sha1([1; 20]));
    let bitprint = Urn::Bitprint(Sha1([1; 20]), TigerRoot([0; 24]));
    let unknown = Urn::Sha1(Sha1([2; 20]));
    assert_eq!(names(&library, &asking_urns("\\", &[by_hash])), ["two"]);
    assert_eq!(names(&library, &asking_urns("", &[bitprint])), ["two"]);
    assert_eq!(
        names(&library, &asking_urns("\\", &[unknown, by_hash, bitprint])),
        ["two"]
    );
    assert_eq!(names(&library, &asking_urns("\\", &[unknown])), [""; 0]);
    assert_eq!(
        names(&library, &asking_urns("three", &[by_hash])),
        ["two", "three"]
    );
    assert_eq!(names(&library, &asking_urns("two", &[by_hash])), ["two"]);
    assert_eq!(names(&library, &asking_urns("    ", &[by_hash])), ["two"]);
    assert_eq!(
        library.search(&asking_urns("three", &[by_hash]), 1).len(),
        1
    );
}

#[test]
fn four_spaces_ask_for_everything() {
    let library = shelf(&["one", "two", "three"]);
    assert_eq!(names(&library, &asking("    ")), ["one", "two", "three"]);
    assert_eq!(names(&library, &asking("   ")), [""; 0]);
}

#[test]
fn what_is_new_is_answered_with_the_newest() {
    let mut library = Library::new();
    for (name, age) in [("old", 1), ("newest", 50), ("newer", 40), ("new", 30)] {
        let mut file = file(name);
        file.modified = UNIX_EPOCH + Duration::from_secs(age);
        library.insert(file);
    }
    let mut query = asking("WhatIsNewXOXO");
    assert_eq!(
        names(&library, &query),
        [""; 0],
        "without the extension it is a word like any"
    );
    query.extensions.ggep.push("WH", vec![1]);
    assert_eq!(names(&library, &query), ["newest", "newer", "new"]);
    assert_eq!(library.search(&query, 1).len(), 1);
    library.remove(&path("newest"));
    assert_eq!(names(&library, &query), ["newer", "new", "old"]);
}

#[test]
fn a_number_stays_with_its_path_and_is_never_given_again() {
    let mut library = shelf(&["a", "b"]);
    assert_eq!(library.insert(file("a")), 0);
    assert!(library.remove(&path("b")));
    assert!(!library.remove(&path("b")));
    assert_eq!(library.insert(file("c")), 2);
    assert_eq!(library.insert(file("b")), 3);
    assert_eq!(library.get(1), None);
    assert_eq!(library.by_path(&path("b")).unwrap().index, 3);
    let order: Vec<u32> = library.files().map(|file| file.index).collect();
    assert_eq!(order, [0, 2, 3]);
}

#[test]
fn a_changed_file_loses_its_digest_and_an_unchanged_one_does_not() {
    let mut library = shelf(&["a"]);
    library.set_sha1(0, Sha1([1; 20]));
    library.insert(file("a"));
    assert_eq!(library.get(0).unwrap().sha1, Some(Sha1([1; 20])));
    let changes: [fn(&mut SharedFile); 2] = [
        |file| file.size += 1,
        |file| file.modified = SystemTime::now(),
    ];
    for change in changes {
        library.insert(file("a"));
        library.set_sha1(0, Sha1([1; 20]));
        let mut changed = file("a");
        change(&mut changed);
        library.insert(changed);
        assert_eq!(library.get(0).unwrap().sha1, None);
        assert_eq!(library.by_sha1(Sha1([1; 20])), None);
        assert_eq!(library.unhashed(), 1);
    }
}

#[test]
fn of_two_copies_the_other_answers_when_one_goes() {
    let mut library = shelf(&["a", "b", "c"]);
    library.set_sha1(2, Sha1([1; 20]));
    library.set_sha1(0, Sha1([1; 20]));
    assert_eq!(library.by_sha1(Sha1([1; 20])).unwrap().name, "a");
    library.remove(&path("a"));
    assert_eq!(library.by_sha1(Sha1([1; 20])).unwrap().name, "c");
    library.set_sha1(2, Sha1([2; 20]));
    assert_eq!(library.by_sha1(Sha1([1; 20])), None);
    library.set_sha1(99, Sha1([1; 20]));
    assert_eq!(library.by_sha1(Sha1([1; 20])), None);
    assert_eq!(library.unhashed(), 1);
}

#[test]
fn sums_are_kept_through_every_change() {
    let mut library = shelf(&["a", "b"]);
    let mut grown = file("a");
    grown.size = 100;
    library.insert(grown);
    assert_eq!((library.len(), library.bytes()), (2, 101));
    library.remove(&path("a"));
    library.remove(&path("b"));
    assert_eq!(
        (library.len(), library.bytes(), library.is_empty()),
        (0, 0, true)
    );
    assert!(library.paths.is_empty() && library.ages.is_empty() && library.digests.is_empty());
}

#[test]
fn the_same_name_in_two_folders_is_two_files() {
    let library = shelf(&["one/song.mp3", "two/song.mp3"]);
    assert_eq!(names(&library, &asking("song")), ["song.mp3"; 2]);
    assert_eq!(library.by_path(&path("two/song.mp3")).unwrap().index, 1);
    assert_eq!(library.by_path(&path("three/song.mp3")), None);
}
