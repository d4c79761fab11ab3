//! Names that want to be something else than names.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use servent::transfer::{DownloadState, Downloads, Wanted};

use crate::ends;
use crate::house::House;

/// What leads up, away, or to the root, on one system or another.
const WAYS: [&str; 22] = [
    "",
    "../",
    "../../../",
    "..\\",
    "..\\..\\",
    "/",
    "//",
    "\\",
    "\\\\host\\share\\",
    "C:",
    "C:\\",
    "./",
    "....//",
    "%2e%2e%2f",
    "..%2f",
    "..;/",
    "~/",
    "~root/",
    "file:///",
    "\\\\?\\C:\\",
    "..\0/",
    "a/../../",
];

/// What some system keeps for itself, hides, shows otherwise than it is, or cannot store.
const NAMES: [&str; 27] = [
    "passwd",
    "..",
    ".",
    "",
    ".bashrc",
    "-rf",
    "CON",
    "nul.txt",
    "Com1.tar.gz",
    "LPT¹",
    "AUX ",
    "CONIN$",
    "trailing. . .",
    "a\0b.txt",
    "line\nbreak\r.txt",
    "\u{1b}]0;owned\u{7}.txt",
    "gpj.\u{202e}exe",
    "\u{2066}x\u{2069}.mp3",
    "zero\u{200b}width.mp3",
    "e\u{301}te\u{301}.ogg",
    "\u{ff0e}\u{ff0e}\u{ff0f}full width",
    "stream.txt:hidden:$DATA",
    "what?*<>|\".mp3",
    "\u{85}\u{9b}31m.mp3",
    "\u{feff}mark.txt",
    "👩\u{200d}🚀.flac",
    "語",
];

/// Every name behind every way, and some that are too long.
fn corpus(outside: &Path) -> Vec<String> {
    let mut names: Vec<String> = WAYS
        .iter()
        .flat_map(|way| NAMES.iter().map(move |name| format!("{way}{name}")))
        .collect();
    names.extend(["x", "語", "👩\u{200d}🚀", "../", ". "].map(|piece| piece.repeat(300) + ".mp3"));
    // An absolute path to a folder that is there.
    names.push(outside.join("written").display().to_string());
    names
}

#[tokio::test]
async fn six_hundred_names_stay_in_the_downloads_folder() {
    ends(async {
        let house = House::open(10).await;
        let home = tempfile::tempdir().expect("a folder");
        let [data, finished, outside] =
            ["data", "downloads", "outside"].map(|name| home.path().join(name));
        std::fs::create_dir(&outside).expect("made");
        let downloads = Downloads::open(&data, &finished, "test/1").expect("it opens");
        let names = corpus(&outside);
        assert!(names.len() >= 500, "{}", names.len());
        let mut begun = Vec::new();
        for (number, name) in names.iter().enumerate() {
            let file = house.share(&format!("{number}"), number.to_string().as_bytes());
            let wanted = Wanted {
                name: name.clone(),
                ..house.wanted(&file)
            };
            begun.push((name, downloads.start(wanted).expect("it begins")));
        }
        let mut taken = BTreeSet::new();
        for (name, id) in begun {
            let mut status = downloads.watch(id).expect("it is known");
            let end = status.wait_for(|status| status.state.is_final()).await;
            let end = end.expect("it is watched").clone();
            assert_eq!(end.state, DownloadState::Complete, "{name:?}: {end:?}");
            let path = end.path.expect("it is somewhere");
            assert_eq!(path.parent(), Some(&*finished), "{name:?}");
            fits_every_system(&end.name);
            taken.insert(path);
        }
        assert_eq!(taken.len(), names.len(), "none was written over another");
        let there = files_below(home.path());
        let elsewhere: Vec<_> = there.difference(&taken).collect();
        assert!(elsewhere.is_empty(), "{elsewhere:?}");
        assert!(taken.is_subset(&there), "files, and no links");
    })
    .await;
}

/// What Linux, macOS and Windows together ask of a name, and a terminal.
fn fits_every_system(name: &str) {
    assert!((1..=255).contains(&name.len()), "{name:?}");
    assert!(name.encode_utf16().count() <= 255, "{name:?}");
    assert!(!name.starts_with(['.', '-', ' ']), "{name:?}");
    assert!(!name.ends_with(['.', ' ']), "{name:?}");
    let kept = |c: char| c.is_control() || "/\\:*?\"<>|".contains(c);
    assert!(!name.contains(kept), "{name:?}");
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(!name.contains(turns), "{name:?}");
    let stem = name.split(['.', ' ']).next().unwrap_or_default();
    let devices = ["con", "prn", "aux", "nul", "com1", "lpt¹", "conin$"];
    assert!(!devices.contains(&&*stem.to_lowercase()), "{name:?}");
}

/// All plain files below a folder.
fn files_below(folder: &Path) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let entry = entry.expect("an entry");
            match entry.file_type().expect("it has one") {
                kind if kind.is_dir() => folders.push(entry.path()),
                kind if kind.is_file() => drop(files.insert(entry.path())),
                _ => {}
            }
        }
    }
    files
}
