//! The librarian against a real disk: what it shares, what it must not, and how it follows changes.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use rustix::fs::{CWD, FileType, Mode};
use servent::librarian::{Census, Librarian};
use servent::wire::{Extensions, Query, QueryFlags, Sha1};
use sha1::{Digest, Sha1 as Sha1Hasher};
use tempfile::TempDir;

/// A shared folder, a data folder, and what runs on them.
struct Place {
    home: TempDir,
}

impl Place {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("share")).unwrap();
        Self { home }
    }

    fn share(&self) -> PathBuf {
        self.home.path().canonicalize().unwrap().join("share")
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    fn write(&self, relative: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.share().join(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    fn start(&self) -> Librarian {
        Librarian::start(vec![self.share()], &self.data(), Vec::new()).unwrap()
    }
}

/// Waits for the census to be so; a minute is far beyond anything a test needs.
fn until(librarian: &Librarian, what: impl FnMut(&Census) -> bool) -> Census {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let mut census = librarian.census();
    let waited = runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(60), census.wait_for(what))
            .await
            .map(|seen| *seen.unwrap())
    });
    waited.unwrap_or_else(|_| panic!("it stays at {:?}", *census.borrow()))
}

fn settled(librarian: &Librarian) -> Census {
    until(librarian, |census| census.scans > 0 && census.unhashed == 0)
}

/// Asks for a walk and waits for its end.
fn rescan(librarian: &Librarian) -> Census {
    let before = librarian.census().borrow().scans;
    librarian.rescan();
    until(librarian, |census| {
        census.scans > before && census.unhashed == 0
    })
}

fn names(librarian: &Librarian) -> Vec<String> {
    let shelf = librarian.shelf();
    let library = shelf.read().unwrap();
    let mut names: Vec<String> = library.files().map(|file| file.name.clone()).collect();
    names.sort();
    names
}

fn sha1_of(content: impl AsRef<[u8]>) -> Sha1 {
    Sha1(Sha1Hasher::digest(content.as_ref()).into())
}

fn shared_sha1(librarian: &Librarian, path: &Path) -> Option<Sha1> {
    librarian
        .shelf()
        .read()
        .unwrap()
        .by_path(path)
        .and_then(|file| file.sha1)
}

fn found(librarian: &Librarian, text: &str) -> usize {
    let flags = QueryFlags(QueryFlags::IS_FLAGS);
    let query = Query {
        flags,
        text: text.to_owned(),
        extensions: Extensions::default(),
    };
    librarian.shelf().read().unwrap().search(&query, 1000).len()
}

#[test]
fn every_kind_of_name_is_shared_and_hashed() {
    let place = Place::new();
    let shared = [
        "two words.txt",
        "Café.txt",
        "東京.txt",
        "🐈.txt",
        "deep/er/file",
        "empty",
        "a\nb",
    ];
    for name in shared {
        place.write(name, if name == "empty" { "" } else { name });
    }
    let librarian = place.start();
    let census = settled(&librarian);
    assert_eq!((census.files, census.hashed, census.skipped), (7, 7, 0));
    assert_eq!(
        census.bytes,
        shared.iter().map(|name| name.len() as u64).sum::<u64>() - 5
    );
    for name in shared {
        let content = if name == "empty" { "" } else { name };
        assert_eq!(
            shared_sha1(&librarian, &place.share().join(name)),
            Some(sha1_of(content)),
            "{name}"
        );
    }
    assert_eq!(
        found(&librarian, "cafe") + found(&librarian, "京") + found(&librarian, "🐈"),
        3
    );
    assert!(names(&librarian).contains(&"a_b".to_owned()));
}

#[test]
fn nothing_hidden_special_or_outside_is_shared() {
    let place = Place::new();
    let outside = place.home.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret"), "secret").unwrap();
    place.write("open", "open");
    place.write(".hidden", "hidden");
    place.write(".folder/in", "hidden");
    place.write("sub/.git/config", "hidden");
    let share = place.share();
    symlink(outside.join("secret"), share.join("link")).unwrap();
    symlink(&outside, share.join("way out")).unwrap();
    symlink("open", share.join("inner link")).unwrap();
    symlink(".", share.join("round")).unwrap();
    symlink("nowhere", share.join("dangling")).unwrap();
    rustix::fs::mknodat(CWD, share.join("pipe"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    let _socket = UnixListener::bind(share.join("socket")).unwrap();
    let librarian = place.start();
    settled(&librarian);
    assert_eq!(names(&librarian), ["open"]);
    // The same by way of a watch, which names each path by itself.
    symlink(&outside, share.join("another way out")).unwrap();
    place.write(".later", "hidden");
    place.write("later", "open");
    until(&librarian, |census| census.files == 2);
    rescan(&librarian);
    assert_eq!(names(&librarian), ["later", "open"]);
}

#[test]
fn own_folders_are_never_shared_and_overlapping_ones_once() {
    let place = Place::new();
    let share = place.share();
    place.write("one", "1");
    place.write("inner/two", "2");
    place.write("inner/.dot/three", "3");
    place.write("data/hashes", "own");
    place.write("unfinished/half", "own");
    let alias = place.home.path().join("alias");
    symlink(&share, &alias).unwrap();
    let folders = [
        share.clone(),
        share.join("inner"),
        share.clone(),
        alias,
        share.join("inner/.dot"),
    ];
    let never = vec![share.join("unfinished")];
    let librarian = Librarian::start(folders.to_vec(), &share.join("data"), never).unwrap();
    settled(&librarian);
    assert_eq!(names(&librarian), ["one", "three", "two"]);
    let shelf = librarian.shelf();
    let root = |path: &str| {
        shelf
            .read()
            .unwrap()
            .by_path(&share.join(path))
            .unwrap()
            .root
            .clone()
    };
    assert_eq!(*root("inner/two"), share.join("inner"));
    // A change in the outer folder must not strike out the inner one's files.
    place.write("four", "4");
    until(&librarian, |census| census.files == 4);
    fs::set_permissions(&share, fs::Permissions::from_mode(0o755)).unwrap();
    place.write("inner/five", "5");
    until(&librarian, |census| census.files == 5);
    assert_eq!(names(&librarian), ["five", "four", "one", "three", "two"]);
    fs::remove_dir_all(share.join("inner")).unwrap();
    until(&librarian, |census| census.files == 2);
    assert_eq!(names(&librarian), ["four", "one"]);
}

#[test]
fn changes_are_followed_without_asking() {
    let place = Place::new();
    let share = place.share();
    let first = place.write("first", "1");
    let librarian = place.start();
    settled(&librarian);
    let index = librarian
        .shelf()
        .read()
        .unwrap()
        .by_path(&first)
        .unwrap()
        .index;

    place.write("new/folder/second", "2");
    until(&librarian, |census| census.files == 2);
    place.write("new/folder/third", "3");
    until(&librarian, |census| {
        census.files == 3 && census.unhashed == 0
    });
    fs::write(&first, "changed").unwrap();
    until(&librarian, |census| {
        census.bytes == 9 && census.unhashed == 0
    });
    assert_eq!(shared_sha1(&librarian, &first), Some(sha1_of("changed")));
    assert_eq!(
        librarian
            .shelf()
            .read()
            .unwrap()
            .by_path(&first)
            .unwrap()
            .index,
        index
    );
    fs::rename(share.join("new"), share.join("old")).unwrap();
    let moved = share.join("old/folder/third");
    until(&librarian, |_| {
        let shelf = librarian.shelf();
        let library = shelf.read().unwrap();
        library.len() == 3 && library.by_path(&moved).is_some()
    });
    place.write("old/folder/fourth", "4");
    until(&librarian, |census| census.files == 4);
    fs::remove_dir_all(share.join("old")).unwrap();
    until(&librarian, |census| census.files == 1);
    fs::rename(&first, share.join(".first")).unwrap();
    until(&librarian, |census| census.files == 0 && census.bytes == 0);
    assert_eq!(found(&librarian, "first"), 0);
}

#[test]
fn a_file_in_the_place_of_a_folder_takes_its_place_and_back() {
    let place = Place::new();
    let (album, away) = (place.share().join("album"), place.home.path().join("away"));
    place.write("album/one/song", "la");
    place.write("album/two/song", "la la");
    let librarian = place.start();
    settled(&librarian);
    fs::rename(&album, &away).unwrap();
    fs::write(&album, "no album").unwrap();
    until(&librarian, |census| census.bytes == 8);
    assert_eq!(names(&librarian), ["album"]);
    fs::remove_file(&album).unwrap();
    fs::rename(&away, &album).unwrap();
    until(&librarian, |census| census.bytes == 7);
    assert_eq!(names(&librarian), ["song", "song"]);
    fs::rename(&album, &away).unwrap();
    until(&librarian, |census| census.files == 0);
}

#[test]
fn a_folder_that_vanishes_takes_its_files_along_and_brings_them_back() {
    let place = Place::new();
    let (share, away) = (place.share(), place.home.path().join("away"));
    place.write("song", "la");
    let librarian = place.start();
    settled(&librarian);
    fs::rename(&share, &away).unwrap();
    until(&librarian, |census| census.files == 0);
    assert_eq!(found(&librarian, "song"), 0);
    fs::rename(&away, &share).unwrap();
    until(&librarian, |census| {
        census.files == 1 && census.unhashed == 0
    });
    place.write("second song", "la la");
    until(&librarian, |census| census.files == 2);
    fs::remove_dir_all(&share).unwrap();
    until(&librarian, |census| census.files == 0);
}

#[test]
fn a_link_put_in_the_place_of_a_folder_leads_nowhere() {
    let place = Place::new();
    let (share, away) = (place.share(), place.home.path().join("away"));
    let elsewhere = place.home.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("secret"), "not to be shared").unwrap();
    place.write("song", "la");
    let librarian = place.start();
    settled(&librarian);
    fs::rename(&share, &away).unwrap();
    symlink(&elsewhere, &share).unwrap();
    until(&librarian, |census| census.files == 0);
    rescan(&librarian);
    assert_eq!(names(&librarian), Vec::<String>::new());
    fs::remove_file(&share).unwrap();
    fs::rename(&away, &share).unwrap();
    until(&librarian, |census| census.files == 1);
    assert_eq!(names(&librarian), ["song"]);
}

#[test]
fn a_folder_may_come_later() {
    let place = Place::new();
    fs::remove_dir(place.share()).unwrap();
    let librarian = place.start();
    assert_eq!(settled(&librarian).files, 0);
    place.write("song", "la");
    until(&librarian, |census| {
        census.files == 1 && census.unhashed == 0
    });
}

#[test]
fn a_change_within_one_tick_of_the_clock_is_noticed() {
    let place = Place::new();
    let path = place.write("song", "aaaa");
    let time = SystemTime::now();
    File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(time)
        .unwrap();
    let librarian = place.start();
    settled(&librarian);
    assert_eq!(shared_sha1(&librarian, &path), Some(sha1_of("aaaa")));
    fs::write(&path, "bbbb").unwrap();
    File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(time)
        .unwrap();
    until(&librarian, |_| {
        shared_sha1(&librarian, &path) == Some(sha1_of("bbbb"))
    });
}

#[test]
fn digests_survive_a_restart_and_changed_files_are_hashed_again() {
    let place = Place::new();
    for n in 0..50 {
        place.write(&format!("song {n}"), format!("content {n}"));
    }
    let librarian = place.start();
    // Fresh files are hashed, and once more when the clock of the disk has ticked; only then they are remembered.
    until(&librarian, |census| census.hashed == 100);
    drop(librarian);

    let librarian = place.start();
    let census = settled(&librarian);
    assert_eq!((census.files, census.hashed), (50, 0));
    let path = place.share().join("song 7");
    assert_eq!(shared_sha1(&librarian, &path), Some(sha1_of("content 7")));
    drop(librarian);

    let time = fs::metadata(&path).unwrap().modified().unwrap();
    fs::write(&path, "another").unwrap();
    let other = place.write("song 8", "content X");
    File::options()
        .write(true)
        .open(&other)
        .unwrap()
        .set_modified(time)
        .unwrap();
    let librarian = place.start();
    let census = settled(&librarian);
    assert_eq!((census.files, census.hashed), (50, 2));
    assert_eq!(shared_sha1(&librarian, &path), Some(sha1_of("another")));
    assert_eq!(shared_sha1(&librarian, &other), Some(sha1_of("content X")));
}

#[test]
fn a_damaged_cache_is_no_obstacle() {
    let place = Place::new();
    place.write("song", "la");
    fs::create_dir(place.data()).unwrap();
    fs::write(place.data().join("hashes.redb"), "rubbish").unwrap();
    assert_eq!(settled(&place.start()).hashed, 1);
}

#[test]
fn a_data_folder_serves_one_librarian_at_a_time() {
    let place = Place::new();
    let first = place.start();
    let second = Librarian::start(Vec::new(), &place.data(), Vec::new());
    assert_eq!(second.unwrap_err().kind(), std::io::ErrorKind::ResourceBusy);
    drop(first);
    place.start();
}

#[test]
fn what_cannot_be_read_is_passed_over_and_counted() {
    let place = Place::new();
    place.write("readable", "1");
    // Deeper than a path can be long, so unreadable even to root.
    let mut folder =
        rustix::fs::openat(CWD, place.share(), rustix::fs::OFlags::PATH, Mode::empty()).unwrap();
    for _ in 0..20 {
        let name = "n".repeat(250);
        rustix::fs::mkdirat(&folder, &name, Mode::RWXU).unwrap();
        folder =
            rustix::fs::openat(&folder, &name, rustix::fs::OFlags::PATH, Mode::empty()).unwrap();
    }
    let librarian = place.start();
    let census = settled(&librarian);
    assert_eq!((census.files, census.skipped), (1, 1));

    let locked = place.write("locked/file", "2");
    let closed = place.write("closed", "3");
    fs::set_permissions(locked.parent().unwrap(), fs::Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    // Root reads them all the same.
    let unreadable = if File::open(&closed).is_ok() { 0 } else { 2 };
    let census = rescan(&librarian);
    assert_eq!(
        (census.files, census.skipped),
        (3 - unreadable, 1 + unreadable)
    );
    fs::set_permissions(locked.parent().unwrap(), fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn dropping_it_ends_it_at_once_even_while_it_hashes() {
    let place = Place::new();
    // A hole of a terabyte takes a quarter of an hour to hash.
    File::create(place.share().join("huge"))
        .unwrap()
        .set_len(1 << 40)
        .unwrap();
    let librarian = place.start();
    until(&librarian, |census| census.files == 1);
    let begun = Instant::now();
    drop(librarian);
    assert!(
        begun.elapsed() < Duration::from_millis(900),
        "took {:?}",
        begun.elapsed()
    );
    // And the cache is free.
    fs::remove_file(place.share().join("huge")).unwrap();
    settled(&place.start());
}

#[test]
fn a_file_being_written_gets_no_digest_until_it_rests() {
    let place = Place::new();
    let path = place.share().join("growing");
    let mut file = File::create(&path).unwrap();
    let librarian = place.start();
    let mut whole = Vec::new();
    for round in 0..200_u32 {
        let piece = round.to_le_bytes().repeat(10_000);
        file.write_all(&piece).unwrap();
        whole.extend(piece);
        let shelf = librarian.shelf();
        let library = shelf.read().unwrap();
        if let Some((size, Some(sha1))) = library.by_path(&path).map(|file| (file.size, file.sha1))
        {
            assert_eq!(
                sha1,
                sha1_of(&whole[..size as usize]),
                "the digest of another state"
            );
        }
    }
    drop(file);
    until(&librarian, |_| {
        shared_sha1(&librarian, &path) == Some(sha1_of(&whole))
    });
}

#[test]
fn a_rescan_begins_after_it_was_asked_for() {
    let place = Place::new();
    for n in 0..300 {
        place.write(&format!("{n}"), "");
    }
    let librarian = place.start();
    for n in 300..330 {
        // Right into a running walk, which may have passed this place already.
        place.write(&format!("{n}"), "");
        let census = rescan(&librarian);
        assert_eq!(census.files, n + 1);
    }
}
