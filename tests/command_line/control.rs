//! The control API and the verbs that talk to it: the owner gets what he asks for, nobody else gets anything.

use std::fs::Permissions;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::process::{Ended, GUARD, Process, command, home};

/// Runs a verb to its end.
fn verb(home: &Path, arguments: &[&str]) -> Ended {
    let mut command = command(home);
    command.args(arguments);
    Process::spawn(command).end()
}

/// The address and the token of the servent whose state is in `data` below `home`.
fn pass(home: &Path) -> (String, String) {
    let text = std::fs::read_to_string(home.join("data/api.json")).expect("a servent runs");
    let pass: Value = serde_json::from_str(&text).expect("it is JSON");
    let url = pass["url"].as_str().expect("an address");
    let addr = url.strip_prefix("http://").expect("an HTTP address");
    (
        addr.to_owned(),
        pass["token"].as_str().expect("a token").to_owned(),
    )
}

/// Sends a request to `addr` as it stands, by HTTP/1.0 so that the answer is not cut into chunks; the status and the body of the answer.
fn send(
    addr: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (u16, String) {
    let mut stream = TcpStream::connect(addr).expect("it listens");
    stream.set_read_timeout(Some(GUARD)).expect("a timeout");
    let mut request = format!(
        "{method} {path} HTTP/1.0\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    request += &format!("\r\n{body}");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    (status.expect("a status"), body.to_owned())
}

/// Every operation of the document served at `addr`: method and path, with something in the place of each parameter.
fn operations(addr: &str, token: &str) -> Vec<(String, String)> {
    let bearer = format!("Bearer {token}");
    let headers = [("Host", addr), ("Authorization", &bearer)];
    let (status, text) = send(addr, "GET", "/api/v1/openapi.json", &headers, "");
    assert_eq!(status, 200, "{text}");
    let document: Value = serde_json::from_str(&text).expect("JSON");
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for method in methods.as_object().expect("methods").keys() {
            let path = path.replace("{id}", "1").replace("{host}", "127.0.0.1:1");
            all.push((method.to_uppercase(), path));
        }
    }
    assert!(all.len() > 15, "{all:?}");
    all
}

#[test]
fn verbs_talk_to_the_servent_that_runs() {
    let (here, there) = (home(), home());
    std::fs::create_dir(there.path().join("songs")).expect("made");
    std::fs::write(there.path().join("songs/ace of spades.txt"), "words").expect("written");
    let mut far = Process::start(there.path(), &["--share", "songs", "--json"]);
    far.hashed(1);
    let address = far.address();
    let near = Process::start(here.path(), &["--daemon", "--connect", &address]);
    near.said("listens on");

    let verb = |arguments: &[&str]| verb(here.path(), &[arguments, &["--data", "data"]].concat());
    let found = verb(&["search", "ace", "--json"]);
    assert_eq!(found.code, Some(0), "{found:?}");
    let hit = &found.json()[0];
    assert_eq!(hit["name"], "ace of spades.txt");
    assert_eq!(found.json()[1]["done"], true);
    let shown = verb(&["results"]);
    assert!(
        shown.data[1].contains("ace of spades.txt"),
        "a later verb sees them: {shown:?}"
    );
    let got = verb(&["get", "1", "--json"]);
    assert_eq!(got.code, Some(0), "{got:?}");
    assert_eq!(got.json().last().expect("lines")["state"], "complete");
    assert!(here.path().join("downloads/ace of spades.txt").is_file());
    assert_eq!(
        verb(&["peers", "--json"]).json()[0]["host"],
        address.as_str()
    );
    assert_eq!(verb(&["status", "--json"]).json()[0]["peers"], 1);

    let set = verb(&["limit", "up", "2MB/s,messages=64KiB/s", "--json"]);
    assert_eq!(set.code, Some(0), "{set:?}");
    let limits = &verb(&["status", "--json"]).json()[0]["limits"];
    assert_eq!(limits, &set.json()[0]);
    assert_eq!(
        (&limits["upload"], &limits["messages"]["upload"]),
        (&json!(2_000_000), &json!(65_536))
    );
    assert_eq!(verb(&["limit", "down", "2MB/s,leaves=1MB/s"]).code, Some(2));

    let none = verb(&["search", "nothing such", "--wait", "0.05"]);
    assert_eq!(
        (none.code, none.data.len(), none.talk.len()),
        (Some(3), 0, 1),
        "{none:?}"
    );
    assert_eq!(verb(&["get", "99"]).code, Some(3));
    assert_eq!(verb(&["search", "x", "--wait", "-1"]).code, Some(2));
    assert_eq!(verb(&["pause", "one"]).code, Some(2));

    assert_eq!(verb(&["stop"]).code, Some(0));
    assert!(!here.path().join("data/api.json").exists());
    assert_eq!(near.end_by_itself().code, Some(0));
}

#[test]
fn without_a_servent_a_verb_says_so() {
    let home = home();
    for arguments in [
        &["status"][..],
        &["search", "x", "--data", "data"],
        &["stop", "--at", "1"],
    ] {
        let ended = verb(home.path(), arguments);
        assert_eq!(
            (ended.code, ended.data.len(), ended.talk.len()),
            (Some(4), 0, 1),
            "{ended:?}"
        );
        assert!(ended.talk[0].contains("no running servent"), "{ended:?}");
    }
    // One that was killed leaves its pass behind.
    let killed = Process::start(home.path(), &["--daemon"]);
    killed.said("listens on");
    killed.signal("KILL");
    killed.end_by_itself();
    assert!(home.path().join("data/api.json").exists());
    assert_eq!(
        verb(home.path(), &["status", "--data", "data"]).code,
        Some(4)
    );
    // Somebody else's is there, but not for us; to root nothing is closed.
    let pass = home.path().join("data/api.json");
    let allow = |mode| std::fs::set_permissions(&pass, Permissions::from_mode(mode));
    allow(0).expect("closed");
    if std::fs::read(&pass).is_err() {
        let ended = verb(home.path(), &["status", "--data", "data"]);
        assert_eq!(ended.code, Some(5), "{ended:?}");
        assert!(ended.talk[0].contains("cannot be talked to"), "{ended:?}");
    }
    allow(0o600).expect("opened");
    // And one that wants no callers has none.
    let silent = Process::start(home.path(), &["--daemon", "--api", "off"]);
    silent.said("listens on");
    assert_eq!(
        verb(home.path(), &["status", "--data", "data"]).code,
        Some(4)
    );
}

#[test]
fn of_several_servents_one_is_named() {
    let home = home();
    let start = || {
        let mut command = command(home.path());
        command.args(["--listen", "127.0.0.1:0", "--daemon"]);
        let servent = Process::spawn(command);
        servent.said("listens on");
        servent
    };
    let _both = [start(), start()];
    let asked = verb(home.path(), &["status"]);
    assert_eq!(asked.code, Some(2), "{asked:?}");
    let port = asked.talk[0].split("--at ").nth(2).expect("both are named");
    let port = port.split(' ').next().expect("a port");
    let told = verb(home.path(), &["status", "--json", "--at", port]);
    let listen = told.json()[0]["listen"]
        .as_str()
        .expect("an address")
        .to_owned();
    assert!(listen.ends_with(port), "{listen} {port}");
}

#[test]
fn rebinding_and_other_sites_are_refused_at_every_operation() {
    let home = home();
    let servent = Process::start(home.path(), &["--daemon"]);
    servent.said("listens on");
    let (addr, token) = pass(home.path());
    let port = addr.rsplit(':').next().expect("a port");
    let bearer = format!("Bearer {token}");
    let owner = ("Authorization", bearer.as_str());
    let host = ("Host", addr.as_str());
    let names = [
        format!("evil.example:{port}"),
        format!("localhost.evil.example:{port}"),
        format!("localhost.:{port}"),
        format!("xn--localhost-9za:{port}"),
        format!("[::1]:{port}"),
        "127.0.0.1:1".to_owned(),
        "127.0.0.1".to_owned(),
    ];
    let mut attempts: Vec<Vec<(&str, &str)>> = names
        .iter()
        .map(|name| vec![("Host", name.as_str()), owner])
        .collect();
    attempts.push(vec![host]);
    attempts.push(vec![host, ("Authorization", "Bearer 0000")]);
    attempts.push(vec![host, owner, ("Origin", "http://evil.example")]);
    attempts.push(vec![host, owner, ("Origin", "null")]);
    attempts.push(vec![host, owner, ("Sec-Fetch-Site", "cross-site")]);
    let operations = operations(&addr, &token);
    for (method, path) in &operations {
        for headers in &attempts {
            let (status, body) = send(&addr, method, path, headers, "");
            assert_eq!(status, 403, "{method} {path} {headers:?}: {body}");
            assert!(body.contains("\"error\":\""), "it says why: {body}");
        }
    }
    let preflight = [
        host,
        ("Origin", "http://evil.example"),
        ("Access-Control-Request-Method", "POST"),
    ];
    assert_eq!(
        send(&addr, "OPTIONS", "/api/v1/stop", &preflight, "").0,
        403
    );
    // A form of another site can send this without asking; it still runs, and nothing of all that was done.
    let form = [host, owner, ("Content-Type", "text/plain")];
    let words = json!({ "words": ["stop"] }).to_string();
    assert_eq!(
        send(&addr, "POST", "/api/v1/commands", &form, &words).0,
        400
    );
    assert_eq!(
        send(&addr, "GET", "/api/v1/status", &[host, owner], "").0,
        200
    );
}

#[test]
fn what_is_got_changes_nothing() {
    let home = home();
    let servent = Process::start(home.path(), &["--daemon"]);
    servent.said("listens on");
    let (addr, token) = pass(home.path());
    let bearer = format!("Bearer {token}");
    let headers = [("Host", addr.as_str()), ("Authorization", bearer.as_str())];
    let state = || {
        let mut all = Vec::new();
        for path in ["status", "peers", "downloads", "uploads"] {
            let (status, body) = send(&addr, "GET", &format!("/api/v1/{path}"), &headers, "");
            assert_eq!(status, 200, "{body}");
            let lines = body.lines();
            let lines = lines.map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
            all.extend(lines.map(|mut line| {
                line["uptime_s"] = Value::Null;
                line
            }));
        }
        all
    };
    let before = state();
    for (method, path) in operations(&addr, &token) {
        // The event stream has no end.
        if method == "GET" && !path.ends_with("events") {
            send(&addr, "GET", &path, &headers, "");
        }
    }
    assert_eq!(state(), before);
}

#[test]
fn who_says_nothing_or_rubbish_stops_nobody() {
    let home = home();
    let servent = Process::start(home.path(), &["--daemon"]);
    servent.said("listens on");
    let (addr, token) = pass(home.path());
    let bearer = format!("Bearer {token}");
    let headers = [
        ("Host", addr.as_str()),
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
    ];
    let _silent: Vec<TcpStream> = (0..20)
        .map(|_| TcpStream::connect(&addr).expect("it listens"))
        .collect();
    for (path, body) in [
        ("commands", "{"),
        ("commands", "[]"),
        ("commands", "{\"words\":3}"),
        ("searches", "{}"),
        ("searches", "{\"words\":\"x\",\"ttl\":99}"),
        ("downloads", "{\"refs\":\"--data\"}"),
        ("peers", "{\"host\":\"a:b\"}"),
        ("downloads/x/pause", ""),
    ] {
        let (status, said) = send(&addr, "POST", &format!("/api/v1/{path}"), &headers, body);
        assert_eq!(status, 400, "{path} {body}: {said}");
    }
    let long = format!("{{\"words\":\"{}\"}}", "x".repeat(1 << 20));
    let mut stream = TcpStream::connect(&addr).expect("it listens");
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .expect("a timeout");
    let head = format!(
        "POST /api/v1/searches HTTP/1.1\r\nHost: {addr}\r\nAuthorization: {bearer}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        long.len()
    );
    stream.write_all(head.as_bytes()).expect("it reads");
    // It may hang up in the middle.
    let _ = stream.write_all(long.as_bytes());
    let mut answer = [0; 12];
    if stream.read_exact(&mut answer).is_ok() {
        assert_eq!(&answer, b"HTTP/1.1 413");
    }
    assert_eq!(send(&addr, "GET", "/api/v1/status", &headers, "").0, 200);
}
