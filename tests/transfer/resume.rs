//! A downloader killed at any moment.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use futures_util::future::join_all;
use servent::library::SharedFile;
use servent::rng::Rng;
use servent::swarm::{ByteRange, Ranges};
use servent::transfer::{DownloadState, Downloads, Source, Wanted};
use servent::wire::Sha1;
use tokio::process::Command;

use crate::ends;
use crate::gate::{Gate, Way};
use crate::house::{House, noise};

/// The size of the file.
const SIZE: usize = 300 * 1024 * 1024;

/// How often the downloader is killed on its way.
const KILLS: usize = 20;

/// How many bytes of a file a kill may cost.
const LOSS: u64 = 1024 * 1024;

/// The variables that tell the downloader where to work, and what for: of each file its name, digest, size and sources.
const FOLDER: &str = "TEST_DOWNLOAD_FOLDER";
const FILES: &str = "TEST_DOWNLOAD_FILES";

/// Names `libfaketimeMT.so.1` of libfaketime, which has a program see another clock.
const CLOCK: &str = "TEST_CLOCK";

/// How far the clock may be off, from one look to the next.
const CLOCKS: [&str; 5] = ["-30y", "+15y", "-1d", "+3600", "+0"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_downloader_killed_at_any_moment_goes_on() {
    ends(async {
        let house = House::open(10).await;
        let file = Lot::of("big.bin", pattern(), |name, bytes| house.share(name, bytes));
        are_killed(vec![file], &[&house], 1, KILLS).await;
    })
    .await;
}

/// Five downloads at once, each by so many ways to two houses.
async fn several_are_killed(kills: usize, size: usize, ways: usize) {
    let (houses, lots) = five(size).await;
    are_killed(lots, &[&houses[0], &houses[1]], ways, kills).await;
}

/// Two houses that share five files.
async fn five(size: usize) -> ([House; 2], Vec<Lot>) {
    let (first, second) = (House::open(50).await, House::open(50).await);
    let lots = (0..5).map(|number| {
        Lot::of(
            &format!("{number}.bin"),
            noise(size + number),
            |name, bytes| {
                first.share_whole(name, bytes);
                second.share_whole(name, bytes)
            },
        )
    });
    let lots = lots.collect();
    ([first, second], lots)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_downloads_killed_at_any_moment_go_on() {
    ends(several_are_killed(20, 12 * 1024 * 1024, 1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "two hundred kills take minutes"]
async fn five_downloads_killed_two_hundred_times_go_on() {
    several_are_killed(200, 150 * 1024 * 1024, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "two hundred kills take minutes"]
async fn downloads_from_eight_sources_each_killed_two_hundred_times_go_on() {
    several_are_killed(200, 150 * 1024 * 1024, 4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs libfaketime: TEST_CLOCK=LIBRARY"]
async fn whatever_the_clock_says_downloads_go_on() {
    let library = std::env::var(CLOCK).expect("TEST_CLOCK names the library");
    let (houses, lots) = five(12 * 1024 * 1024).await;
    let houses = [&houses[0], &houses[1]];
    ends(are_killed_by(Some(&library), lots, &houses, 1, KILLS)).await;
}

/// A file that is fetched.
struct Lot {
    name: String,
    bytes: Vec<u8>,
    sha1: Sha1,
}

impl Lot {
    fn of(name: &str, bytes: Vec<u8>, share: impl FnOnce(&str, &[u8]) -> SharedFile) -> Self {
        let sha1 = share(name, &bytes).sha1.expect("hashed");
        let name = name.to_owned();
        Self { name, bytes, sha1 }
    }

    /// How much of it a downloader that works in `folder` will not ask for again. In the downloads folder it must be right.
    fn kept(&self, folder: &Path) -> u64 {
        match std::fs::read(folder.join("downloads").join(&self.name)) {
            Ok(bytes) => {
                assert!(bytes == self.bytes, "{} is wrong", self.name);
                bytes.len() as u64
            }
            Err(_) => recorded(&folder.join("data/unfinished"), &self.name),
        }
    }
}

/// Fetches files at once, each by so many ways to every house, by a downloader that is killed so often; a kill may cost a
/// mebibyte of each file, and no more of any.
async fn are_killed(lots: Vec<Lot>, houses: &[&House], ways: usize, kills: usize) {
    are_killed_by(None, lots, houses, ways, kills).await;
}

/// The same; where a library is named that plays a clock, that one jumps twice in each of the downloader's lives.
async fn are_killed_by(
    clock: Option<&str>,
    lots: Vec<Lot>,
    houses: &[&House],
    ways: usize,
    kills: usize,
) {
    let gate = Gate::closed();
    let mut paths: Vec<Vec<Way>> = Vec::new();
    for _ in &lots {
        let houses = houses.iter().flat_map(|house| vec![house.addr; ways]);
        paths.push(join_all(houses.map(|house| gate.to(house))).await);
    }
    let guest = tempfile::tempdir().expect("a folder");
    let told = guest.path().join("clock");
    let set = |clock: &str| std::fs::write(&told, clock).expect("written");
    let run = || {
        let mut downloader = downloader_in(guest.path(), &lots, &paths);
        if let Some(library) = clock {
            downloader
                .env("LD_PRELOAD", library)
                .env("FAKETIME_TIMESTAMP_FILE", &told)
                .envs(
                    ["FAKETIME_NO_CACHE", "FAKETIME_DONT_FAKE_MONOTONIC"].map(|name| (name, "1")),
                );
        }
        downloader.spawn().expect("it starts")
    };
    let mut rng = Rng::seeded(kills as u64);
    // So that it never ends before the last kill: what is lost comes on top.
    let all: usize = lots.iter().map(|lot| lot.bytes.len()).sum();
    let mut moments: Vec<u64> = (0..kills).map(|_| rng.below(all) as u64).collect();
    moments.sort_unstable();
    let mut before = vec![(0, 0); lots.len()];
    let (mut last, mut worst) = (0, 0);
    for moment in moments {
        set(CLOCKS[rng.below(CLOCKS.len())]);
        let mut child = run();
        gate.open_until((last + moment) / 2).await;
        set(CLOCKS[rng.below(CLOCKS.len())]);
        gate.open_until(moment).await;
        last = moment;
        child.kill().await.expect("it runs");
        gate.clear();
        for ((lot, ways), before) in lots.iter().zip(&paths).zip(&mut before) {
            let came: u64 = ways.iter().map(Way::came).sum();
            let now = (came, lot.kept(guest.path()));
            let (gained, grown) = (now.0 - before.0, now.1 - before.1);
            assert!(
                gained <= grown + LOSS,
                "{}: {gained} bytes came, {grown} were kept",
                lot.name
            );
            worst = worst.max(gained.saturating_sub(grown));
            *before = now;
        }
    }
    println!("of one file one kill cost {worst} bytes at most");
    gate.open();
    let end = run().wait().await.expect("it runs");
    assert!(end.success(), "{end}");
    for lot in &lots {
        assert_eq!(lot.kept(guest.path()), lot.bytes.len() as u64);
    }
    let left = std::fs::read_dir(guest.path().join("data/unfinished"));
    assert_eq!(left.expect("a folder").count(), 0);
}

/// The bytes that the journal of an unfinished download of this name tells of.
fn recorded(folder: &Path, name: &str) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut tickets = paths.filter(|path| path.extension().is_some_and(|kind| kind == "json"));
    let of_it = tickets.find(|path| {
        let ticket = std::fs::read(path).unwrap_or_default();
        let ticket: serde_json::Value = serde_json::from_slice(&ticket).unwrap_or_default();
        ticket["name"] == name
    });
    let Some(journal) = of_it.map(|ticket| ticket.with_extension("map")) else {
        return 0;
    };
    let entries = std::fs::read(journal).unwrap_or_default();
    let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("eight are eight"));
    let mut here = Ranges::new();
    for entry in entries.chunks_exact(16) {
        here.insert(ByteRange::new(number(&entry[..8]), number(&entry[8..])));
    }
    here.total()
}

/// What is killed: this program again, running only this.
#[tokio::test]
#[ignore = "started by the tests above"]
async fn downloader() {
    let [Ok(folder), Ok(files)] = [FOLDER, FILES].map(std::env::var) else {
        return;
    };
    let folder = PathBuf::from(folder);
    let downloads = Downloads::open(&folder.join("data"), &folder.join("downloads"), "test/1")
        .expect("it opens");
    let begin = |file: &str| {
        let [name, sha1, size, ref hosts @ ..] = file.split(' ').collect::<Vec<_>>()[..] else {
            panic!("no file: {file}");
        };
        let hosts = hosts.iter().map(|host| host.parse().expect("an address"));
        if folder.join("downloads").join(name).exists() {
            return None;
        }
        // From the second time on it is under way already.
        let id = downloads.start(Wanted {
            name: name.to_owned(),
            size: Some(size.parse().expect("a number")),
            sha1: Some(sha1.parse().expect("a digest")),
            root: None,
            sources: hosts.map(Source::at).collect(),
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

/// How to run the downloader; it dies with its handle.
fn downloader_in(folder: &Path, lots: &[Lot], paths: &[Vec<Way>]) -> Command {
    let file = |(lot, ways): (&Lot, &Vec<Way>)| {
        let hosts = ways.iter().map(|way| way.addr.to_string());
        let hosts = hosts.collect::<Vec<_>>().join(" ");
        format!("{} {} {} {hosts}", lot.name, lot.sha1, lot.bytes.len())
    };
    let files: Vec<String> = lots.iter().zip(paths).map(file).collect();
    let mut downloader = Command::new(std::env::current_exe().expect("it runs"));
    downloader
        .args(["--ignored", "--exact", "resume::downloader"])
        .env(FILES, files.join(","))
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .kill_on_drop(true);
    downloader
}

/// The bytes of the file: every mebibyte another.
fn pattern() -> Vec<u8> {
    let mut bytes = noise(1024 * 1024).repeat(SIZE / (1024 * 1024));
    for (number, block) in bytes.chunks_mut(1024 * 1024).enumerate() {
        block[..8].copy_from_slice(&(number as u64).to_le_bytes());
    }
    bytes
}
