//! Starting beside another servent, and ending: by a signal, by the end of input, by nobody listening any more.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::process::{GUARD, Process, command, home};

#[test]
fn a_daemon_ends_within_two_seconds_when_told() {
    for signal in ["TERM", "INT"] {
        let home = home();
        let daemon = Process::start(home.path(), &["--daemon"]);
        daemon.said("listens on");
        let told = Instant::now();
        daemon.signal(signal);
        let ended = daemon.end();
        assert_eq!(ended.code, Some(0), "{signal}: {ended:?}");
        assert!(
            told.elapsed() < Duration::from_secs(2),
            "{:?}",
            told.elapsed()
        );
    }
}

#[test]
fn a_daemon_does_not_read() {
    let home = home();
    let mut daemon = Process::start(home.path(), &["--daemon", "--json"]);
    daemon.said("listens on");
    daemon.tell("status");
    daemon.signal("TERM");
    let ended = daemon.end();
    assert!(ended.data.is_empty(), "{ended:?}");
}

#[test]
fn ctrl_c_in_a_script_is_told_by_the_exit_code() {
    let home = home();
    let servent = Process::start(home.path(), &[]);
    servent.said("listens on");
    servent.signal("INT");
    // Its input stays open until it has ended by itself.
    assert_eq!(servent.end_by_itself().code, Some(130));
}

#[test]
fn a_line_that_is_no_text_spoils_itself_only() {
    let home = home();
    let mut servent = Process::start(home.path(), &[]);
    servent.tell_bytes(b"caf\xe9\nstatus\r\n");
    let ended = servent.end();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(!ended.data.is_empty(), "the next line was read: {ended:?}");
}

#[test]
fn one_servent_a_data_folder() {
    let home = home();
    let first = Process::start(home.path(), &["--daemon"]);
    first.said("listens on");
    let second = Process::start(home.path(), &[]).end();
    assert_eq!(second.code, Some(1), "{second:?}");
    assert!(
        second.talk[0].contains("in use by a running servent"),
        "{second:?}"
    );

    // Without a name for it each takes a folder of its own, and says so in one line.
    let beside = |_| {
        let mut command = command(home.path());
        command.args(["--listen", "127.0.0.1:0", "--daemon"]);
        Process::spawn(command)
    };
    let [usual, numbered] = [(); 2].map(beside);
    usual.said("listens on");
    numbered.said("listens on");
    let folders = home.path().join("xdg");
    assert!(folders.join("servent/lock").is_file() && folders.join("servent-2/lock").is_file());
}

#[test]
fn nobody_reading_is_no_reason_to_panic() {
    let home = home();
    let share = home.path().join("share");
    std::fs::create_dir(&share).expect("made");
    for n in 0..50 {
        std::fs::write(share.join(format!("file {n}.txt")), "x").expect("written");
    }
    let mut servent = Process::start(home.path(), &["--share", "share", "--json"]);
    servent.hashed(50);
    servent.stop_reading();
    for _ in 0..20 {
        if !servent.try_tell("library") {
            break;
        }
    }
    let ended = servent.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        !ended.talk.iter().any(|line| line.contains("panic")),
        "{ended:?}"
    );
}

#[test]
#[cfg(target_os = "linux")]
fn results_that_cannot_be_written_are_a_failure() {
    let home = home();
    let full = std::fs::File::create("/dev/full").expect("Linux has it");
    let mut servent = command(home.path());
    let ended = servent
        .args(["--data", "data", "--listen", "127.0.0.1:0"])
        .stdin(script("status"))
        .stdout(full)
        .output()
        .expect("the program was built");
    let talk = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(7), "{talk}");
    assert!(talk.contains("cannot be written"), "{talk}");
}

/// A file that holds one command.
#[cfg(target_os = "linux")]
fn script(line: &str) -> std::fs::File {
    use std::io::{Seek, Write};
    let mut file = tempfile::tempfile().expect("there is room");
    writeln!(file, "{line}")
        .and_then(|()| file.rewind())
        .expect("there is room");
    file
}

/// A running index, and where it listens.
fn index(home: &Path) -> (Process, String) {
    let mut command = command(home);
    command.args(["index", "--listen", "127.0.0.1:0", "--json"]);
    let index = Process::spawn(command);
    let listen = index.json()["listen"]
        .as_str()
        .expect("an address")
        .to_owned();
    (index, listen)
}

/// How a servent stands with its index, once that is so.
fn until(servent: &mut Process, state: &str) -> Value {
    let until = Instant::now() + GUARD;
    loop {
        servent.tell("status");
        let index = servent.json()["index"].clone();
        if index["state"] == state {
            return index;
        }
        assert!(Instant::now() < until, "{index}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn status_tells_how_it_stands_with_the_index() {
    let (at_index, at_servent) = (home(), home());
    let (index, addr) = index(at_index.path());
    let mut servent = Process::start(at_servent.path(), &["--json", "--index", &addr]);
    let present = until(&mut servent, "present");
    assert_eq!(
        (&present["host"], &present["files"]),
        (&json!(addr), &json!(0))
    );
    index.signal("KILL");
    let away = until(&mut servent, "away");
    assert!(
        away["why"].as_str().is_some_and(|why| !why.is_empty()),
        "{away}"
    );
    // The first pause is a second, more or less; it is over while it is tried.
    let next = &away["next_try_s"];
    assert!(
        next.is_null() || next.as_f64().is_some_and(|next| next <= 1.25),
        "{away}"
    );
}

#[test]
fn an_index_tells_what_it_did_and_its_members_ask_nobody_else_when_told_so() {
    let (at_index, at_servent) = (home(), home());
    let (mut index, addr) = index(at_index.path());
    let mut servent = Process::start(at_servent.path(), &["--json", "--index", &addr]);
    servent.tell("search nothing like it --by index");
    assert_eq!(servent.json()["hits"], 0);
    index.tell("?");
    let told = index.json();
    let server = &told["server"];
    assert_eq!((&told["users"], &told["files"]), (&json!(1), &json!(0)));
    assert_eq!(
        (&server["logins"], &server["searches"]),
        (&json!(1), &json!(1))
    );
    // The end of the search.
    assert_eq!(server["hits"], 1);
    index.signal("KILL");
    until(&mut servent, "away");
    servent.tell("search nothing like it --by index");
    servent.said("is away");
    servent.tell("quit");
    assert_eq!(servent.end_by_itself().code, Some(1));

    let home = home();
    let mut alone = Process::start(home.path(), &["--json"]);
    alone.tell("search nothing like it --by index");
    alone.said("--index HOST:PORT");
    alone.tell("quit");
    assert_eq!(alone.end_by_itself().code, Some(2));
}
