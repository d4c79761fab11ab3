//! Strangers at the door of a servent: what they call themselves, and how many of them come.

use std::io::{Read, Write};
use std::net::{SocketAddr, SocketAddrV4, TcpStream};
use std::time::{Duration, Instant};

use crate::process::{GUARD, Process, home};

/// What a terminal would obey: C1 controls, which are letters in UTF-8, and marks that turn text around.
const OBEYED: &str = "\u{9b}31mred\u{9d}0;owned\u{9c}\u{202e}gpj.exe\u{2066}\u{feff}";

#[test]
fn what_strangers_call_themselves_does_not_reach_the_terminal() {
    for json in [&["--json"][..], &[]] {
        let home = home();
        std::fs::create_dir(home.path().join("share")).expect("made");
        std::fs::write(home.path().join("share/song.txt"), "la").expect("written");
        let mut arguments = vec!["--share", "share", "-vvv"];
        arguments.extend(json);
        let mut servent = Process::start(home.path(), &arguments);
        let said = servent.said("listens on ");
        let mut words = said.split([' ', ',']);
        let addr = words.find_map(|word| word.parse().ok());
        let addr = addr.expect("it says where it listens");
        let link = link(addr);
        let mut reader = TcpStream::connect(addr).expect("it listens");
        let request = format!("GET /{OBEYED} HTTP/1.1\r\nHost: a\r\nUser-Agent: {OBEYED}\r\n\r\n");
        reader.write_all(request.as_bytes()).expect("it reads");
        let mut answer = [0; 12];
        reader.read_exact(&mut answer).expect("it answers");
        for line in [
            "peers",
            "uploads",
            "status",
            OBEYED,
            "get urn:sha1:\u{9b}31m",
            "browse \u{202e}",
        ] {
            servent.tell(line);
        }
        let ended = servent.end();
        let all: Vec<&String> = ended.data.iter().chain(&ended.talk).collect();
        assert!(all.iter().any(|line| line.contains("gpj.exe")), "{all:?}");
        for line in all {
            let obeyed = |c: char| c.is_control() || OBEYED.contains(c) && !c.is_ascii();
            assert!(!line.contains(obeyed), "{line:?}");
        }
        drop(link);
    }
}

/// A neighbour of that name.
fn link(addr: SocketAddr) -> TcpStream {
    let mut link = TcpStream::connect(addr).expect("it listens");
    link.set_read_timeout(Some(GUARD)).expect("it may");
    let hello = format!(
        "GNUTELLA CONNECT/0.6\r\nUser-Agent: {OBEYED}\r\nX-Ultrapeer: True\r\n\
         X-Query-Routing: 0.1\r\nX-Ultrapeer-Query-Routing: 0.1\r\n\r\n"
    );
    link.write_all(hello.as_bytes()).expect("it reads");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        link.read_exact(&mut byte).expect("it answers");
        answer.push(byte[0]);
    }
    link.write_all(b"GNUTELLA/0.6 200 OK\r\n\r\n")
        .expect("it reads");
    // Its first message tells that we are a neighbour now.
    link.read_exact(&mut [0]).expect("it speaks");
    link
}

/// Callers that come at once, and in all; twenty thousand in all make no difference but in time.
const WAVE: u16 = 500;
const CALLERS: u16 = 3_000;

#[test]
fn a_crowd_of_callers_pushes_nobody_out() {
    let (here, there) = (home(), home());
    let mut servent = Process::start_with_files(here.path(), "-n 256", &["--json"]);
    let addr: SocketAddrV4 = servent.address().parse().expect("an address");
    let neighbour = Process::start(there.path(), &["--connect", &addr.to_string()]);
    until(|| peers(&mut servent) == 1);
    for wave in 0..CALLERS / WAVE {
        let mut callers: Vec<TcpStream> = Vec::new();
        for _ in 0..WAVE {
            // Some say nothing, some begin a request, some a handshake.
            let mut caller = TcpStream::connect(addr).expect("it listens");
            let words = ["", "GET / HT", "GNUTELLA CONNECT/0.6\r\nX-Slow: "];
            let word = words[usize::from(wave) % words.len()];
            let _ = caller.write_all(word.as_bytes());
            callers.push(caller);
        }
        assert_eq!(peers(&mut servent), 1, "the neighbour stays");
    }
    until(|| answers(addr));
    assert_eq!(peers(&mut servent), 1, "the neighbour stays");
    assert_eq!(neighbour.end().code, Some(0));
    let ended = servent.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let harmed = |line: &String| line.contains("accept failed") || line.contains("panicked");
    assert!(!ended.talk.iter().any(harmed), "{ended:?}");
}

fn until(mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + GUARD;
    while !holds() {
        assert!(Instant::now() < end, "it never came to that");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// How many neighbours a servent has.
fn peers(servent: &mut Process) -> u64 {
    servent.tell("status");
    servent.json()["peers"].as_u64().expect("a number")
}

/// Whether somebody who asks for the list of files is answered.
fn answers(addr: SocketAddrV4) -> bool {
    let ask = || {
        let mut caller = TcpStream::connect(addr)?;
        caller.set_read_timeout(Some(GUARD))?;
        caller.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        caller.read_to_string(&mut answer)?;
        std::io::Result::Ok(answer.starts_with("HTTP/1.1 200"))
    };
    ask().unwrap_or(false)
}
