//! Keeps the house in order: who may import whom, what pure code must not touch, how long a file may get.
//!
//! Reads the sources as text. That is crude, and enough: code that hides an import from it would not pass a review.

use std::fs;
use std::path::{Path, PathBuf};

/// Each module, and the ones it may import. Arrows only go down.
const LAYERS: [(&str, &[&str]); 15] = [
    ("api", &[]),
    ("live", &["api", "lab", "central"]),
    ("time", &[]),
    ("rng", &[]),
    ("wire", &["time", "rng"]),
    ("overlay", &["wire", "time", "rng"]),
    ("thex", &["wire", "rng"]),
    ("swarm", &["thex", "wire", "time", "rng"]),
    ("library", &["wire", "time", "rng"]),
    ("lab", &["central", "overlay", "wire", "time", "rng"]),
    ("central", &["library", "wire", "time", "rng"]),
    ("librarian", &["library", "thex", "wire", "time", "rng"]),
    (
        "transfer",
        &[
            "librarian",
            "central",
            "library",
            "overlay",
            "swarm",
            "thex",
            "wire",
            "time",
            "rng",
        ],
    ),
    (
        "net",
        &[
            "transfer",
            "librarian",
            "central",
            "library",
            "overlay",
            "wire",
            "time",
            "rng",
        ],
    ),
    (
        "ui",
        &[
            "api",
            "live",
            "net",
            "lab",
            "transfer",
            "librarian",
            "central",
            "library",
            "overlay",
            "wire",
            "time",
            "rng",
        ],
    ),
];

/// Modules that know no clock, socket, disk or thread: the same inputs give the same outputs, in a simulator too.
const PURE: [&str; 8] = [
    "time", "rng", "wire", "overlay", "library", "central", "thex", "swarm",
];

/// The drivers that live with the pure code they drive.
const DRIVERS: [&str; 1] = ["central/server"];

/// What pure code must not name, tests aside.
const IMPURE: [&str; 13] = [
    "tokio::",
    "tokio_util::",
    "thread::",
    "Instant",
    "SystemTime::now",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "fs::",
    "env::",
    "process::",
    "println!",
    "uuid::",
];

/// The exceptions: codec traits without a runtime, and the operating system's dice behind their one door.
const ALLOWED: [(&str, &str); 2] = [("wire", "tokio_util::codec"), ("rng", "uuid::Uuid")];

/// Past this a file holds more than one noun.
const MOST_LINES: usize = 450;

#[test]
fn arrows_only_go_down() {
    report(check(|module, file| arrows_up(module, &file.code)));
}

#[test]
fn pure_modules_touch_no_clock_socket_disk_or_thread() {
    report(check(|module, file| match file.drives {
        true => Vec::new(),
        false => impurities(module, file.without_tests()),
    }));
}

#[test]
fn nothing_unwraps_outside_of_tests() {
    report(check(|_, file| unwraps(file.without_tests())));
}

#[test]
fn no_file_is_too_long() {
    report(check(|_, file| {
        let long = file.lines > MOST_LINES;
        long.then(|| format!("{} lines, more than {MOST_LINES}", file.lines))
            .into_iter()
            .collect()
    }));
}

#[test]
fn every_module_has_a_layer() {
    let map = fs::read_to_string(source().join("lib.rs")).expect("the crate has a root");
    let mut declared: Vec<&str> = map
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    let mut layered: Vec<&str> = LAYERS.iter().map(|(module, _)| *module).collect();
    declared.sort_unstable();
    layered.sort_unstable();
    assert_eq!(declared, layered);
}

#[test]
fn the_checks_see_what_they_are_for() {
    let up = "use crate::net::Servent;\nfn f() { crate::ui::main(); }";
    assert_eq!(arrows_up("wire", up).len(), 2);
    assert_eq!(arrows_up("ui", up).len(), 0);
    assert_eq!(
        arrows_up("overlay", "use crate::{wire::Guid, library::Library};").len(),
        1
    );
    assert_eq!(
        arrows_up(
            "overlay",
            "use crate::{\n    time::Time,\n    net::{Servent, Status},\n};"
        )
        .len(),
        1
    );
    assert_eq!(arrows_up("time", "use crate::rng::Rng;").len(), 1);

    assert_eq!(impurities("overlay", "let now = Instant::now();").len(), 1);
    assert_eq!(
        impurities("wire", "use tokio_util::codec::Decoder;").len(),
        0
    );
    assert_eq!(
        impurities("overlay", "use tokio_util::codec::Decoder;").len(),
        1
    );
    assert_eq!(impurities("net", "use tokio::net::TcpStream;").len(), 0);

    assert_eq!(unwraps("let x = y.unwrap();").len(), 1);
    assert_eq!(unwraps("let x = y.unwrap_or(1);").len(), 0);

    let file = SourceFile::new(
        "// crate::net in a comment\n//! [`crate::ui`]\nfn f() {} // tokio::\n#[cfg(test)]\nmod tests {\n    use std::fs::File;\n}\n",
    );
    assert!(arrows_up("wire", &file.code).is_empty());
    assert!(impurities("wire", file.without_tests()).is_empty());
    assert_eq!(impurities("wire", &file.code).len(), 1);
    let declared = SourceFile::new("#[cfg(test)]\nmod tests;\nfn f() { fs::read(\"x\"); }\n");
    assert_eq!(impurities("wire", declared.without_tests()).len(), 1);
}

/// A source file without its comments.
struct SourceFile {
    code: String,
    lines: usize,
    /// Whether it is part of one of the [`DRIVERS`].
    drives: bool,
}

impl SourceFile {
    fn new(text: &str) -> Self {
        let code = text
            .lines()
            .map(|line| line.split("//").next().unwrap_or_default())
            .collect::<Vec<_>>()
            .join("\n");
        Self {
            code,
            lines: text.lines().count(),
            drives: false,
        }
    }

    /// What stands before the test module, which is last in its file.
    fn without_tests(&self) -> &str {
        for (at, attribute) in self.code.match_indices("#[cfg(test)]\n") {
            let rest = &self.code[at + attribute.len()..];
            let next = rest.lines().next().unwrap_or_default();
            if next.contains("mod ") && next.trim_end().ends_with('{') {
                return &self.code[..at];
            }
        }
        &self.code
    }
}

/// The modules that code in `module` imports but may not.
fn arrows_up(module: &str, code: &str) -> Vec<String> {
    let (_, below) = LAYERS
        .iter()
        .find(|(name, _)| *name == module)
        .unwrap_or_else(|| panic!("`{module}` has no layer"));
    let mut named = Vec::new();
    for (at, path) in code.match_indices("crate::") {
        let rest = &code[at + path.len()..];
        match rest.strip_prefix('{') {
            Some(group) => named.extend(heads(group)),
            None => named.push(identifier(rest)),
        }
    }
    named
        .into_iter()
        .filter(|name| *name != module && !below.contains(name))
        .map(|name| format!("`{module}` must not know `{name}`"))
        .collect()
}

/// The first names of the paths in a `use crate::{…}` group, given what follows its brace.
fn heads(group: &str) -> Vec<&str> {
    let mut depth = 0;
    let mut begin = 0;
    let mut heads = Vec::new();
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            ',' | '}' if depth == 0 => {
                heads.push(identifier(group[begin..at].trim_start()));
                begin = at + 1;
                if c == '}' {
                    break;
                }
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    heads.retain(|head| !head.is_empty());
    heads
}

fn identifier(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
}

/// What pure code names and must not.
fn impurities(module: &str, code: &str) -> Vec<String> {
    if !PURE.contains(&module) {
        return Vec::new();
    }
    let mut code = code.to_owned();
    for (_, allowed) in ALLOWED.iter().filter(|(name, _)| *name == module) {
        code = code.replace(allowed, "");
    }
    IMPURE
        .iter()
        .filter(|impure| code.contains(*impure))
        .map(|impure| format!("`{module}` is pure and must not name `{impure}`"))
        .collect()
}

fn unwraps(code: &str) -> Vec<String> {
    let count = code.matches(".unwrap()").count();
    (count > 0)
        .then(|| format!("{count} times unwrap(); say with expect() why it cannot happen"))
        .into_iter()
        .collect()
}

/// What `faults` finds in each file of each module.
fn check(faults: impl Fn(&str, &SourceFile) -> Vec<String>) -> Vec<String> {
    let mut found = Vec::new();
    let mut checked = 0;
    for path in files(&source()) {
        let below = path.strip_prefix(source()).expect("it was found there");
        let first = below.components().next().expect("it has a name");
        let first = Path::new(&first).with_extension("");
        let module = first.to_str().expect("our names are ASCII");
        // Test modules in files of their own, and the two roots, which belong to no layer.
        let is_test = below.components().any(|part| {
            let name = part.as_os_str();
            name == "tests" || name == "tests.rs"
        });
        if is_test || ["lib", "main"].contains(&module) {
            continue;
        }
        let text = fs::read_to_string(&path).expect("sources are UTF-8");
        checked += 1;
        let mut file = SourceFile::new(&text);
        file.drives = DRIVERS.iter().any(|driver| below.starts_with(driver));
        let faults = faults(module, &file);
        found.extend(
            faults
                .into_iter()
                .map(|fault| format!("{}: {fault}", below.display())),
        );
    }
    assert!(checked > 30, "the sources are looked at: {checked} files");
    found
}

fn report(faults: Vec<String>) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// All Rust files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    walkdir::WalkDir::new(folder)
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.expect("our sources can be read").into_path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs"))
        .collect()
}
