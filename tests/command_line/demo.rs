//! `servent demo`: many processes, and none left, whatever the end.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::process::{GUARD, Process, command, home};

/// A demo whose village lies below `home`.
fn demo(home: &Path, arguments: &[&str]) -> Process {
    let folder = home.join("temporary");
    fs::create_dir_all(&folder).expect("made");
    let mut command = command(home);
    command.env("TMPDIR", folder).arg("demo").args(arguments);
    Process::spawn(command)
}

/// The processes that `parent` started as its servents, read from /proc: they are to be found when nobody is their parent
/// any more, too.
fn children(parent: u32) -> Vec<String> {
    let mark = format!("--child-of\0{parent}\0");
    let processes = fs::read_dir("/proc").expect("Linux has it").flatten();
    let processes = processes.map(|process| process.path().join("cmdline"));
    processes
        .filter_map(|path| fs::read(path).ok())
        .map(|words| String::from_utf8_lossy(&words).into_owned())
        .filter(|words| words.contains(&mark))
        .collect()
}

/// Waits until none is left of what `parent` started.
fn gone(parent: u32, home: &Path) {
    let until = Instant::now() + GUARD;
    let villages = || {
        fs::read_dir(home.join("temporary"))
            .expect("it is there")
            .count()
    };
    while !children(parent).is_empty() || villages() > 0 {
        assert!(
            Instant::now() < until,
            "{:?}, {} folders",
            children(parent),
            villages()
        );
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_query_spreads_through_a_village() {
    let home = home();
    let mut demo = demo(
        home.path(),
        &["--nodes", "5", "--topology", "line", "--json"],
    );
    // It searches once by itself; along a line every link brings the query to one servent more.
    for links in 1..5 {
        let step = demo.json();
        assert_eq!(step["links"], links, "{step}");
        assert_eq!(
            (&step["queries"], &step["servents"][0]),
            (&1.into(), &(links + 1).into())
        );
    }
    let hit = demo.json();
    assert_eq!(hit["n"], 1, "{hit}");
    while demo.json()["done"] != true {}
    demo.tell("@5 search anchor --ttl 1");
    let step = demo.json();
    assert_eq!(
        (&step["links"], &step["servents"][0]),
        (&1.into(), &4.into()),
        "{step}"
    );
    while demo.json()["done"] != true {}
    demo.tell("@3 status");
    assert_eq!(demo.json()["peers"], 2);
    demo.tell("@6 status");
    demo.said("@1 to @5");
    let id = demo.id();
    assert_eq!(demo.end().code, Some(2), "the last command failed");
    gone(id, home.path());
}

#[cfg(target_os = "linux")]
#[test]
fn no_process_is_left_after_a_violent_end() {
    let home = home();
    // Killed while it is founded, and when it stands; told to end; asked to.
    for (signal, after) in [
        ("KILL", 0),
        ("KILL", 1),
        ("TERM", 1),
        ("INT", 0),
        ("HUP", 1),
    ] {
        let demo = demo(home.path(), &["--nodes", "4"]);
        let id = demo.id();
        let until = Instant::now() + GUARD;
        while children(id).is_empty() {
            assert!(Instant::now() < until, "it starts nobody");
            thread::sleep(Duration::from_millis(1));
        }
        if after > 0 {
            demo.said("up in");
        }
        demo.signal(signal);
        demo.end_by_itself();
        // Who is killed in the middle of founding leaves files that nobody knew of yet.
        if (signal, after) == ("KILL", 0) {
            let until = Instant::now() + GUARD;
            while !children(id).is_empty() {
                assert!(Instant::now() < until, "{:?}", children(id));
                thread::sleep(Duration::from_millis(1));
            }
            fs::remove_dir_all(home.path().join("temporary")).expect("removed");
        } else {
            gone(id, home.path());
        }
    }
}

#[test]
fn an_impossible_village_is_refused() {
    let home = home();
    for arguments in [
        &["--nodes", "1"][..],
        &["--nodes", "100000"],
        &["--topology", "regular", "--nodes", "11", "--degree", "3"],
        &["--search", "fly"],
        &["--pace", "0"],
    ] {
        let ended = demo(home.path(), arguments).end();
        assert_eq!(
            (ended.code, ended.talk.len()),
            (Some(2), 1),
            "{arguments:?}: {ended:?}"
        );
    }
}

/// What `compare --live` tells of a small network.
fn compared(arguments: &[&str]) -> Value {
    let home = home();
    let folder = home.path().join("temporary");
    fs::create_dir_all(&folder).expect("made");
    let mut command = command(home.path());
    let network = ["--nodes", "8", "--degree", "3", "--queries", "3"];
    let files = ["--objects", "4", "--replication", "2"];
    command.env("TMPDIR", folder);
    command.args(["compare", "--live", "--json"]);
    command.args(network).args(files).args(arguments);
    let ended = Process::spawn(command).end_by_itself();
    ended.json().remove(0)
}

#[test]
fn real_servents_do_what_the_laboratory_says() {
    let report = compared(&["--strategies", "flood"]);
    // A busy machine may let a long way be quicker than a short one once; the laws hold whatever the way.
    let rows = report["rows"].as_array().expect("two rows");
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[1]["live"], true);
    for figure in [
        "messages_per_query",
        "duplicates_per_query",
        "nodes_reached_mean",
        "hits_mean",
    ] {
        assert_eq!(rows[0][figure], rows[1][figure], "{figure}");
    }
    assert_eq!(report["agreements"][0]["queries"], 3);
}

#[test]
fn a_real_index_does_what_the_laboratory_says_and_its_loss_ends_all_searching() {
    let report = compared(&["--strategies", "index", "--kill-index", "67%"]);
    let rows = report["rows"].as_array().expect("two rows");
    assert_eq!(rows.len(), 2);
    for figure in [
        "success",
        "success_before_loss",
        "success_after_loss",
        "messages_per_query",
        "hits_mean",
        "hops_first_hit",
    ] {
        assert_eq!(rows[0][figure], rows[1][figure], "{figure}");
    }
    assert_eq!(rows[1]["success_before_loss"], 1.0);
    assert_eq!(rows[1]["success_after_loss"], 0.0);
    for message in ["logins", "searches"] {
        let [simulated, live] = [0, 1].map(|row: usize| &rows[row]["server"][message]);
        assert_eq!(simulated, live, "{message}");
    }
    assert_eq!(report["agreements"][0]["equal"], 3);
}
