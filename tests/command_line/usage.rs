//! Bad input is answered by one sentence and the right exit code.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use crate::process::{Process, command, home};

#[test]
fn a_bad_command_line_is_told_in_one_sentence() {
    let home = home();
    std::fs::write(home.path().join("bad.toml"), "uplaod-slots = 3\n").expect("written");
    std::fs::write(home.path().join("words.txt"), "one two\nthree\n").expect("written");
    std::fs::write(home.path().join("empty.txt"), "# nothing\n").expect("written");
    std::fs::write(home.path().join("bad.json"), "[1, 2]").expect("written");
    std::fs::write(
        home.path().join("bad.graphml"),
        "<graphml><edge/></graphml>",
    )
    .expect("written");
    // A hole in the disk, as large as a list that nobody has time for.
    let huge = std::fs::File::create(home.path().join("huge.txt")).expect("made");
    huge.set_len(1 << 40).expect("a hole");
    for (arguments, part) in [
        (&["--serach", "flood"][..], "--search"),
        (&["--search", "fly"], "no way of searching"),
        (
            &["--upload-limit", "5MB/s,leaves=1MB/s"],
            "`files` and `messages`",
        ),
        (&["--download-limit", "messages=15KB/s"], "16KiB/s"),
        (&["compare", "--nodes", "0"], "at least 2"),
        (
            &["compare", "--strategies", "flood,fly"],
            "no way of searching",
        ),
        (&["compare", "--strategies", "flood:ttl=0"], "1 to 255"),
        (
            &["compare", "--topology", "file:missing.txt"],
            "missing.txt",
        ),
        (
            &["compare", "--topology", "file:words.txt"],
            "line 2 is not",
        ),
        (&["compare", "--topology", "file:empty.txt"], "no edges"),
        (
            &["compare", "--topology", "file:bad.json"],
            "adjacency JSON",
        ),
        (&["compare", "--topology", "file:bad.graphml"], "GraphML"),
        (&["compare", "--topology", "file:huge.txt"], "1024 MiB"),
        (&["compare", "--topology", "file:."], "gives no graph"),
        (&["lab", "graph", "--nodes", "1"], "at least 2"),
        (&["compare", "--topology", "moebius"], "moebius"),
        (
            &[
                "compare",
                "--topology",
                "regular",
                "--nodes",
                "11",
                "--degree",
                "3",
            ],
            "even",
        ),
        (&["compare", "--degree", "900"], "impossible"),
        (&["compare", "--queries", "0"], "at least one"),
        (
            &["compare", "--plot", "plot.jpg"],
            "a file.svg or a file.png",
        ),
        (&["lab", "flood", "--ttl", "0"], "0"),
        (&["lab", "search", "fly"], "no way of searching"),
        (&["lab"], "requires a subcommand"),
        (
            &["compare", "--topology", "two-tier", "--nodes", "50"],
            "impossible among 5 ultrapeers",
        ),
        (
            &[
                "compare",
                "--topology",
                "two-tier:leaves=2,hubs=1",
                "--nodes",
                "60",
                "--live",
            ],
            "laboratory alone",
        ),
        (&["lab", "search", "flood:ttl=0"], "1 to 255"),
        (&["lab", "replicate", "--copies", "1000"], "nobody to ask"),
        (&["lab", "churn", "--shape", "0"], "0.2 to 5"),
        (&["lab", "churn", "--session", "0"], "minutes"),
        (
            &["lab", "churn", "--strategies", "fly"],
            "no way of searching",
        ),
        (&["lab", "course", "cs551"], "cs550"),
        (&["lab", "course", "cs550", "--nodes", "1"], "2"),
        (&["lab", "course", "cs550", "--clients", "11"], "1 to 10"),
        (
            &["lab", "course", "cs550", "--copies", "10"],
            "nobody to ask",
        ),
        (
            &["lab", "course", "cs550", "--work", "1001"],
            "milliseconds",
        ),
        (&["--search", "flood:ttl=99"], "1 to 7"),
        (&["--listen", "nowhere"], "--listen"),
        (&["--upload-slots", "many"], "many"),
        (&["--wait", "-1"], "-1"),
        (&["--wait", "1e9"], "--wait"),
        (&["--share", "missing"], "no such folder"),
        (&["--connect", "host:0"], "port"),
        (&["--bootstrap", "missing.txt"], "missing.txt"),
        (&["--config", "missing.toml"], "missing.toml"),
        (&["--config", "bad.toml"], "did you mean `upload-slots`?"),
        (&["serch", "words"], "search"),
        (&["--api", "nowhere"], "--api"),
    ] {
        let mut command = command(home.path());
        command.args(arguments);
        let ended = Process::spawn(command).end();
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert_eq!(ended.talk.len(), 1, "{arguments:?}: {ended:?}");
        assert!(ended.talk[0].starts_with("error: "), "{ended:?}");
        assert!(ended.talk[0].contains(part), "{arguments:?}: {ended:?}");
        assert!(ended.data.is_empty(), "{ended:?}");
    }
}

#[test]
fn a_bad_command_is_told_in_one_sentence_and_the_next_one_runs() {
    let home = home();
    for (line, code) in [
        ("serch words", 2),
        ("zzz", 2),
        ("get", 2),
        ("get 0", 2),
        ("get 1", 3),
        ("results", 3),
        ("connect host:0", 2),
        ("disconnect 127.0.0.1:9", 3),
        ("library", 3),
    ] {
        let mut servent = Process::start(home.path(), &["--quiet", "--json"]);
        servent.tell(line);
        servent.tell("status");
        let ended = servent.end();
        assert_eq!(ended.code, Some(code), "{line}: {ended:?}");
        assert_eq!(ended.talk.len(), 1, "{line}: {ended:?}");
        assert_eq!(ended.json().len(), 1, "status still ran: {ended:?}");
    }
}

#[test]
fn help_and_version_are_data() {
    let home = home();
    for (argument, part) in [("--help", "--share <DIR>"), ("--version", "servent 0.")] {
        let mut command = command(home.path());
        command.arg(argument);
        let ended = Process::spawn(command).end();
        assert_eq!(ended.code, Some(0));
        assert!(
            ended.data.iter().any(|line| line.contains(part)),
            "{ended:?}"
        );
        assert!(ended.talk.is_empty(), "{ended:?}");
    }
    let mut servent = Process::start(home.path(), &["--quiet"]);
    servent.tell("# a comment");
    servent.tell("help");
    servent.tell("help get");
    let ended = servent.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.data.iter().any(|line| line.contains("magnet")),
        "{ended:?}"
    );
}

#[test]
fn sharing_a_home_folder_needs_a_yes() {
    let home = home();
    let ended = Process::start(home.path(), &["--share", "."]).end();
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert_eq!(ended.talk.len(), 1, "{ended:?}");
    assert!(ended.talk[0].contains("--share-anyway"), "{ended:?}");
    let ended = Process::start(home.path(), &["--share", ".", "--share-anyway"]).end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn a_folder_that_cannot_be_read_is_not_shared_in_silence() {
    let home = home();
    let folder = home.path().join("closed");
    std::fs::create_dir(&folder).expect("made");
    std::fs::set_permissions(&folder, Permissions::from_mode(0o000)).expect("closed");
    // To root nothing is closed.
    let open = std::fs::read_dir(&folder).is_ok();
    let ended = Process::start(home.path(), &["--share", "closed"]).end();
    std::fs::set_permissions(&folder, Permissions::from_mode(0o700)).expect("opened");
    if open {
        return;
    }
    assert_eq!((ended.code, ended.talk.len()), (Some(5), 1), "{ended:?}");
    assert!(ended.talk[0].contains("cannot be shared"), "{ended:?}");
}
