//! A servent that may open few files: it says so, and callers cannot use them up.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::process::{GUARD, Process, home};

#[test]
fn few_files_are_told_of_and_callers_cannot_use_them_up() {
    let home = home();
    let mut servent = Process::start_with_files(home.path(), "-n 64", &["--json"]);
    servent.said("room for 4 ultrapeers and 5 leaves only");
    let addr = servent.address();
    let callers: Vec<TcpStream> = (0..100)
        .map(|_| TcpStream::connect(&addr).expect("it listens"))
        .collect();
    let until = Instant::now() + GUARD;
    loop {
        servent.tell("status");
        // Those that are let in wait for their first word.
        if servent.json()["refused_connections"].as_u64() >= Some(80) {
            break;
        }
        assert!(Instant::now() < until, "they were not refused");
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(callers);
    while answer(&addr).is_none() {
        assert!(Instant::now() < until, "nobody is heard any more");
        std::thread::sleep(Duration::from_millis(10));
    }
    let ended = servent.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let harmed = |line: &String| line.contains("accept failed") || line.contains("panicked");
    assert!(!ended.talk.iter().any(harmed), "{ended:?}");
}

/// What somebody gets who asks for the list of files; none when he is turned away.
fn answer(addr: &str) -> Option<String> {
    let mut caller = TcpStream::connect(addr).ok()?;
    caller.set_read_timeout(Some(GUARD)).ok()?;
    caller
        .write_all(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
        .ok()?;
    let mut answer = String::new();
    caller.read_to_string(&mut answer).ok()?;
    answer.starts_with("HTTP/1.1").then_some(answer)
}

#[test]
fn a_limit_that_may_be_raised_is() {
    let home = home();
    // Where the system allows many, few are only what was asked of the shell.
    let mut servent = Process::start_with_files(home.path(), "-Sn 64", &["--json"]);
    servent.address();
    let ended = servent.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let complained = |line: &String| line.contains("so few files");
    assert!(!ended.talk.iter().any(complained), "{ended:?}");
}
