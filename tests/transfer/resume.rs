//! A downloader killed at any moment.

use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use futures_util::future::join_all;
use servent::rng::Rng;
use servent::transfer::{DownloadState, Downloads, Source, Wanted};
use servent::wire::Sha1;
use tokio::process::{Child, Command};

use crate::ends;
use crate::gate::Gate;
use crate::house::{House, noise};

/// The size of the file.
const SIZE: usize = 300 * 1024 * 1024;

/// How often the downloader is killed on its way.
const KILLS: usize = 20;

/// How many bytes of the file a kill may cost.
const LOSS: u64 = 1024 * 1024;

/// More than the head of any answer.
const HEAD: u64 = 1024;

/// The variables that tell the downloader where to work, whom to ask and what for: lists with commas.
const FOLDER: &str = "TEST_DOWNLOAD_FOLDER";
const HOSTS: &str = "TEST_DOWNLOAD_HOSTS";
const FILES: &str = "TEST_DOWNLOAD_FILES";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_downloader_killed_at_any_moment_goes_on() {
    ends(async {
        let house = House::open(10).await;
        let bytes = pattern();
        let file = house.share("big.bin", &bytes);
        let gate = Gate::closed();
        let way = gate.to(house.addr).await;
        let guest = tempfile::tempdir().expect("a folder");
        let (part, whole) = (
            guest.path().join("data/unfinished/1.part"),
            guest.path().join("downloads/big.bin"),
        );
        let files = [("big.bin".to_owned(), file.sha1.expect("hashed"), SIZE)];
        let run = || downloader_in(guest.path(), &[way], &files);
        let mut rng = Rng::seeded(20);
        let mut moments: Vec<u64> = (0..KILLS).map(|_| rng.below(SIZE) as u64).collect();
        moments.sort_unstable();
        let (mut passed, mut kept) = (0, 0);
        for moment in moments {
            let mut child = run();
            gate.open_until(moment).await;
            child.kill().await.expect("it runs");
            gate.deserted().await;
            assert!(!whole.exists() && is_empty(&guest.path().join("downloads")));
            let now = (gate.passed(), part.metadata().map_or(0, |part| part.len()));
            let (gained, grown) = (now.0 - passed, now.1 - kept);
            let heads = (gained / LOSS + 2) * HEAD;
            assert!(
                gained <= grown + LOSS + heads,
                "{gained} bytes came, {grown} were kept"
            );
            (passed, kept) = now;
        }
        gate.open();
        let end = run().wait().await.expect("it runs");
        assert!(end.success(), "{end}");
        assert!(std::fs::read(whole).expect("it is there") == bytes);
        assert!(!part.exists());
    })
    .await;
}

/// Five downloads at once, each from two houses, killed so often; of each no more than a mebibyte may come twice a kill.
async fn several_are_killed(kills: usize, size: usize) {
    let (first, second) = (House::open(50).await, House::open(50).await);
    let gate = Gate::closed();
    let ways = [gate.to(first.addr).await, gate.to(second.addr).await];
    let guest = tempfile::tempdir().expect("a folder");
    let mut files = Vec::new();
    let mut contents = Vec::new();
    for number in 0..5 {
        let (name, bytes) = (format!("{number}.bin"), noise(size + number));
        first.share_whole(&name, &bytes);
        let file = second.share_whole(&name, &bytes);
        files.push((name, file.sha1.expect("hashed"), bytes.len()));
        contents.push(bytes);
    }
    let run = || downloader_in(guest.path(), &ways, &files);
    let mut rng = Rng::seeded(kills as u64);
    // So that it never ends before the last kill: what is lost comes on top.
    let mut moments: Vec<u64> = (0..kills).map(|_| rng.below(size * 5) as u64).collect();
    moments.sort_unstable();
    let (mut passed, mut kept) = (0, 0);
    for moment in moments {
        let mut child = run();
        gate.open_until(moment).await;
        child.kill().await.expect("it runs");
        gate.deserted().await;
        let unfinished = guest.path().join("data/unfinished");
        let done = complete(&guest.path().join("downloads"), &contents);
        let now = (gate.passed(), recorded(&unfinished) + done);
        let (gained, grown) = (now.0 - passed, now.1 - kept);
        let heads = (gained / (LOSS / 4) + 100) * HEAD;
        assert!(
            gained <= grown + 5 * LOSS + heads,
            "{gained} bytes came, {grown} were kept"
        );
        (passed, kept) = now;
    }
    gate.open();
    let end = run().wait().await.expect("it runs");
    assert!(end.success(), "{end}");
    let all = complete(&guest.path().join("downloads"), &contents);
    assert_eq!(
        all,
        contents.iter().map(|bytes| bytes.len() as u64).sum::<u64>()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_downloads_killed_at_any_moment_go_on() {
    ends(several_are_killed(20, 12 * 1024 * 1024)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "two hundred kills take minutes"]
async fn five_downloads_killed_two_hundred_times_go_on() {
    several_are_killed(200, 150 * 1024 * 1024).await;
}

/// The bytes that are in the downloads folder; each file there must be whole and right.
fn complete(folder: &Path, contents: &[Vec<u8>]) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    let paths = entries.map(|entry| entry.expect("a folder").path());
    let sizes = paths.map(|path| {
        let name = path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let number: usize = name.parse().expect("a file of ours");
        assert!(
            std::fs::read(&path).expect("it is there") == contents[number],
            "{path:?}"
        );
        contents[number].len() as u64
    });
    sizes.sum()
}

/// The bytes that the journals of unfinished downloads tell of.
fn recorded(folder: &Path) -> u64 {
    let paths = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path());
    let journals = paths.filter(|path| path.extension().is_some_and(|kind| kind == "map"));
    let totals = journals.map(|path| {
        let entries = std::fs::read(path).unwrap_or_default();
        let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("eight are eight"));
        let entries = entries
            .chunks_exact(16)
            .map(|entry| number(&entry[8..]) - number(&entry[..8]));
        entries.sum::<u64>()
    });
    totals.sum()
}

/// What is killed: this program again, running only this.
#[tokio::test]
#[ignore = "started by the tests above"]
async fn downloader() {
    let [Ok(folder), Ok(hosts), Ok(files)] = [FOLDER, HOSTS, FILES].map(std::env::var) else {
        return;
    };
    let folder = PathBuf::from(folder);
    let downloads = Downloads::open(&folder.join("data"), &folder.join("downloads"), "test/1")
        .expect("it opens");
    let sources = |hosts: &str| -> Vec<Source> {
        let hosts = hosts
            .split(',')
            .map(|host| host.parse().expect("an address"));
        hosts.map(Source::at).collect()
    };
    let begin = |file: &str| {
        let [name, sha1, size] = file.split(':').collect::<Vec<_>>()[..] else {
            panic!("no file: {file}");
        };
        if folder.join("downloads").join(name).exists() {
            return None;
        }
        // From the second time on it is under way already.
        let id = downloads.start(Wanted {
            name: name.to_owned(),
            size: Some(size.parse().expect("a number")),
            sha1: Some(sha1.parse().expect("a digest")),
            root: None,
            sources: sources(&hosts),
        });
        downloads.watch(id.expect("it begins"))
    };
    let ends = files
        .split(',')
        .filter_map(begin)
        .map(|mut status| async move {
            let end = status.wait_for(|status| status.state.is_final()).await;
            let end = end.expect("it is watched").clone();
            assert_eq!((end.state, end.why), (DownloadState::Complete, None));
        });
    join_all(ends).await;
}

/// Runs the downloader; it dies with its handle.
fn downloader_in(folder: &Path, hosts: &[SocketAddrV4], files: &[(String, Sha1, usize)]) -> Child {
    let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
    let file = |(name, sha1, size): &(String, Sha1, usize)| format!("{name}:{sha1}:{size}");
    let files: Vec<String> = files.iter().map(file).collect();
    Command::new(std::env::current_exe().expect("it runs"))
        .args(["--ignored", "--exact", "resume::downloader"])
        .envs([(HOSTS, hosts.join(",")), (FILES, files.join(","))])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("it starts")
}

/// The bytes of the file: every mebibyte another.
fn pattern() -> Vec<u8> {
    let mut bytes = noise(1024 * 1024).repeat(SIZE / (1024 * 1024));
    for (number, block) in bytes.chunks_mut(1024 * 1024).enumerate() {
        block[..8].copy_from_slice(&(number as u64).to_le_bytes());
    }
    bytes
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none())
}
