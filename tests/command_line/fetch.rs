//! Two servents: one shares, the other searches and fetches, driven by lines on its input alone.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde_json::Value;

use crate::process::{Process, home};

const FILES: usize = 200;

/// The size of the largest file; its bytes are mostly a hole.
const LARGE: u64 = 300_000_000;

/// The files that are fetched: each kind of name, the empty one, the large one.
const CHOSEN: [usize; 10] = [0, 1, 2, 3, 4, 5, 6, 7, 100, 199];

#[test]
fn what_one_shares_the_other_finds_and_fetches() {
    let (here, there) = (home(), home());
    let share = there.path().join("share");
    let names = fill(&share);

    let mut sharer = Process::start(there.path(), &["--share", "share", "--json"]);
    sharer.hashed(FILES as u64);
    let address = sharer.address();

    // A shorter wait makes a shorter pause after each hit, during which others could still come.
    let arguments = ["--connect", &address, "--json", "--wait", "2"];
    let mut seeker = Process::start(here.path(), &arguments);
    for n in CHOSEN {
        seeker.tell(&format!("search track{n:03}"));
        seeker.tell("get 1");
    }
    seeker.tell("peers");
    seeker.tell("quit");
    let ended = seeker.end();
    assert_eq!(ended.code, Some(0), "{:?}", ended.talk);

    let lines = ended.json();
    let complete: Vec<&Value> = lines
        .iter()
        .filter(|line| line["state"] == "complete")
        .collect();
    assert_eq!(complete.len(), CHOSEN.len());
    for (n, line) in CHOSEN.into_iter().zip(complete) {
        has(
            line,
            &[
                "name",
                "size",
                "done_bytes",
                "sources",
                "state",
                "path",
                "sha1",
                "seconds",
            ],
        );
        let fetched = here.path().join(line["path"].as_str().expect("a path"));
        assert!(same_bytes(&share.join(&names[n]), &fetched), "{line}");
    }
    let hits: Vec<&Value> = lines
        .iter()
        .filter(|line| line["urn"].is_string())
        .collect();
    assert_eq!(hits.len(), CHOSEN.len());
    for (n, hit) in CHOSEN.into_iter().zip(hits) {
        let fields = [
            "n",
            "name",
            "size",
            "urn",
            "host",
            "servent_guid",
            "vendor",
            "hops",
            "push",
            "strategy",
            "ms",
        ];
        has(hit, &fields);
        assert_eq!(hit["name"], names[n].as_str());
        assert_eq!(hit["host"], address.as_str());
    }
    let ends: Vec<&Value> = lines.iter().filter(|line| line["done"] == true).collect();
    assert_eq!(ends.len(), CHOSEN.len());
    for end in &ends {
        has(
            end,
            &["done", "hits", "hosts", "messages", "ms_first_hit", "ms"],
        );
        assert_eq!(end["hits"], 1);
    }
    let fastest = ends
        .iter()
        .filter_map(|end| end["ms_first_hit"].as_f64())
        .fold(f64::MAX, f64::min);
    assert!(fastest < 200.0, "the fastest first hit took {fastest} ms");
    let peer = lines.last().expect("peers is the last command");
    let fields = [
        "host",
        "role",
        "direction",
        "vendor",
        "handshake",
        "deflate",
        "uptime_s",
        "in",
        "out",
    ];
    has(peer, &fields);
    assert_eq!(peer["host"], address.as_str());
    assert!(there.path().join("data").is_dir() && !here.path().join("share").exists());
}

#[test]
fn why_a_download_waits_is_said() {
    let (here, there) = (home(), home());
    let share = there.path().join("share");
    fs::create_dir_all(&share).expect("made");
    fs::write(share.join("track.txt"), "la").expect("written");
    let arguments = ["--share", "share", "--json", "--upload-slots", "0"];
    let mut sharer = Process::start(there.path(), &arguments);
    sharer.hashed(1);
    let address = sharer.address();

    let arguments = ["--connect", &address, "--wait", "2"];
    let mut seeker = Process::start(here.path(), &arguments);
    seeker.tell("search track");
    seeker.tell("get 1");
    let said = seeker.said("track.txt waits:");
    assert!(said.contains("place 1 in the queue"), "{said}");
    seeker.signal("INT");
    assert_eq!(seeker.end_by_itself().code, Some(130));
}

#[test]
fn a_script_finds_by_any_word_and_fails_by_exit_code() {
    let (here, there) = (home(), home());
    fill_small(&there.path().join("share"));
    let mut sharer = Process::start(there.path(), &["--share", "share", "--json"]);
    sharer.hashed(3);
    let address = sharer.address();

    let search = |line: &str| {
        let arguments = ["--connect", &address, "--json", "--wait", "1"];
        let mut seeker = Process::start(here.path(), &arguments);
        seeker.tell(line);
        seeker.end()
    };
    for words in ["cafe", "CAFÉ noir", "noir café", "日本語"] {
        let ended = search(&format!("search {words}"));
        assert_eq!(
            (ended.code, ended.data.len()),
            (Some(0), 2),
            "{words}: {ended:?}"
        );
    }
    let ended = search("search nobody-has-this");
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert_eq!(ended.json()[0]["hits"], 0, "{ended:?}");
    assert_eq!(ended.json()[0]["ms_first_hit"], Value::Null);

    let browsed = search(&format!("browse {address}"));
    assert_eq!(
        (browsed.code, browsed.data.len()),
        (Some(0), 3),
        "{browsed:?}"
    );
    let urn = browsed.json()[0]["urn"]
        .as_str()
        .expect("it is hashed")
        .to_owned();
    let fetched = search(&format!("get {urn}"));
    assert_eq!(fetched.code, Some(0), "{fetched:?}");
    assert_eq!(
        fetched.json().last().expect("a last line")["state"],
        "complete"
    );
    let unknown = search("get urn:sha1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    assert_eq!(unknown.code, Some(3), "{unknown:?}");
}

#[test]
fn a_hostile_name_does_not_reach_the_terminal() {
    let (here, there) = (home(), home());
    let share = there.path().join("share");
    fs::create_dir(&share).expect("made");
    fs::write(share.join("evil \u{1b}]0;owned\u{7} \u{202e}3pm.txt"), "x").expect("written");
    let mut sharer = Process::start(there.path(), &["--share", "share", "--json"]);
    sharer.hashed(1);
    let address = sharer.address();
    for json in [&["--json"][..], &[]] {
        let mut arguments = vec!["--connect", &address, "-vv"];
        arguments.extend(json);
        let mut seeker = Process::start(here.path(), &arguments);
        for line in ["search evil", "results 1", "get 1", "downloads"] {
            seeker.tell(line);
        }
        let ended = seeker.end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(
            ended.data.iter().any(|line| line.contains("evil")),
            "{ended:?}"
        );
        for line in ended.data.iter().chain(&ended.talk) {
            let acts = |c: char| c.is_control() || c == '\u{202e}';
            assert!(!line.contains(acts), "{line:?}");
        }
    }
}

/// Makes the folder of 200 files; returns their names by number.
fn fill(share: &Path) -> Vec<String> {
    fs::create_dir(share).expect("made");
    (0..FILES)
        .map(|n| {
            let name = match n % 5 {
                0 => format!("track{n:03} with  some spaces.mp3"),
                1 => format!("track{n:03} Motörhead – Žluťoučký kůň.ogg"),
                2 => format!("track{n:03} 日本語のファイル 한국어.txt"),
                3 => format!("track{n:03} 🎵👩‍🚀 emoji.flac"),
                _ => format!("track{n:03}_plain.dat"),
            };
            let path = share.join(&name);
            match n {
                4 => File::create(path).map(drop),
                5 => large(&path),
                _ => fs::write(path, pattern(n)),
            }
            .expect("written");
            name
        })
        .collect()
}

fn fill_small(share: &Path) {
    fs::create_dir(share).expect("made");
    for name in ["Café Noir.mp3", "日本語.txt", "third.txt"] {
        fs::write(share.join(name), name).expect("written");
    }
}

/// Some bytes that differ from file to file, a few KiB of them.
fn pattern(n: usize) -> Vec<u8> {
    (0..n * 37 + 1).map(|at| (at * 31 + n * 7) as u8).collect()
}

fn large(path: &Path) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.set_len(LARGE)?;
    for at in [0, LARGE / 3, LARGE - 16] {
        file.seek(SeekFrom::Start(at))?;
        file.write_all(b"not only zeros!!")?;
    }
    Ok(())
}

fn same_bytes(one: &Path, other: &Path) -> bool {
    let open = |path: &Path| File::open(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let (mut one, mut other) = (open(one), open(other));
    let (mut here, mut there) = (Vec::new(), Vec::new());
    loop {
        here.clear();
        there.clear();
        let part = |file: &mut File, bytes: &mut Vec<u8>| {
            Read::take(file, 1 << 20)
                .read_to_end(bytes)
                .expect("readable")
        };
        let read = part(&mut one, &mut here);
        part(&mut other, &mut there);
        if here != there {
            return false;
        }
        if read == 0 {
            return true;
        }
    }
}

fn has(line: &Value, fields: &[&str]) {
    for field in fields {
        assert!(line.get(field).is_some(), "no {field}: {line}");
    }
}
