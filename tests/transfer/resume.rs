//! A downloader killed at any moment.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use servent::rng::Rng;
use servent::transfer::{DownloadState, Downloads, Source, Wanted};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use crate::ends;
use crate::house::{House, noise, v4};

/// The size of the file.
const SIZE: usize = 300 * 1024 * 1024;

/// How often the downloader is killed on its way.
const KILLS: usize = 20;

/// How many bytes of the file a kill may cost.
const LOSS: u64 = 1024 * 1024;

/// More than the head of any answer.
const HEAD: u64 = 1024;

/// The variables that tell the downloader where to work, whom to ask and what for.
const FOLDER: &str = "TEST_DOWNLOAD_FOLDER";
const HOST: &str = "TEST_DOWNLOAD_HOST";
const URN: &str = "TEST_DOWNLOAD_SHA1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_downloader_killed_at_any_moment_goes_on() {
    ends(async {
        let house = House::open(10).await;
        let bytes = pattern();
        let file = house.share("big.bin", &bytes);
        let gate = Gate::before(house.addr).await;
        let guest = tempfile::tempdir().expect("a folder");
        let (part, whole) = (
            guest.path().join("data/unfinished/1.part"),
            guest.path().join("downloads/big.bin"),
        );
        let run = || {
            downloader_in(
                guest.path(),
                gate.addr,
                &file.sha1.expect("hashed").to_string(),
            )
        };
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

/// What is killed: this program again, running only this.
#[tokio::test]
#[ignore = "started by the test above"]
async fn downloader() {
    let [Ok(folder), Ok(host), Ok(sha1)] = [FOLDER, HOST, URN].map(std::env::var) else {
        return;
    };
    let folder = PathBuf::from(folder);
    let downloads = Downloads::open(&folder.join("data"), &folder.join("downloads"), "test/1")
        .expect("it opens");
    // The second time it is under way already.
    let id = downloads.start(Wanted {
        name: "big.bin".to_owned(),
        size: Some(SIZE as u64),
        sha1: Some(sha1.parse().expect("a digest")),
        sources: vec![Source::at(host.parse().expect("an address"))],
    });
    let mut status = downloads
        .watch(id.expect("it begins"))
        .expect("it is known");
    let end = status.wait_for(|status| status.state.is_final()).await;
    let end = end.expect("it is watched").clone();
    assert_eq!((end.state, end.why), (DownloadState::Complete, None));
}

/// Runs the downloader; it dies with its handle.
fn downloader_in(folder: &Path, host: SocketAddrV4, sha1: &str) -> Child {
    Command::new(std::env::current_exe().expect("it runs"))
        .args(["--ignored", "--exact", "resume::downloader"])
        .envs([(HOST, host.to_string()), (URN, sha1.to_owned())])
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

/// A gate before a house: counts what comes out, and holds it back once there was enough.
struct Gate {
    addr: SocketAddrV4,
    passed: Arc<AtomicU64>,
    limit: watch::Sender<u64>,
    reached: watch::Receiver<u64>,
    /// How many connections pass through it.
    busy: watch::Receiver<usize>,
}

impl Gate {
    /// A gate that is closed.
    async fn before(house: SocketAddrV4) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let addr = v4(listener.local_addr().expect("it has one"));
        let passed = Arc::new(AtomicU64::new(0));
        let (limit, limited) = watch::channel(0);
        let (reach, reached) = watch::channel(0);
        let (come_and_go, busy) = watch::channel(0);
        let counter = passed.clone();
        tokio::spawn(async move {
            while let Ok((outside, _)) = listener.accept().await {
                let inside = TcpStream::connect(house).await.expect("it listens");
                let (counter, limited, reach) = (counter.clone(), limited.clone(), reach.clone());
                let come_and_go = come_and_go.clone();
                come_and_go.send_modify(|busy| *busy += 1);
                tokio::spawn(async move {
                    let _ = pass(outside, inside, &counter, limited, reach).await;
                    come_and_go.send_modify(|busy| *busy -= 1);
                });
            }
        });
        Self {
            addr,
            passed,
            limit,
            reached,
            busy,
        }
    }

    /// Lets bytes out until this many came in all, and returns then.
    async fn open_until(&self, limit: u64) {
        let _ = self.limit.send(limit);
        let mut reached = self.reached.clone();
        let reached = reached.wait_for(|&reached| reached >= limit).await;
        reached.expect("the gate stands");
    }

    /// Waits until nobody is there: what a dead caller still had to get would be counted for the next one.
    async fn deserted(&self) {
        let mut busy = self.busy.clone();
        busy.wait_for(|&busy| busy == 0)
            .await
            .expect("the gate stands");
    }

    /// Lets all out.
    fn open(&self) {
        let _ = self.limit.send(u64::MAX);
    }

    fn passed(&self) -> u64 {
        self.passed.load(Ordering::SeqCst)
    }
}

/// Lets a connection through the gate.
async fn pass(
    outside: TcpStream,
    inside: TcpStream,
    counter: &AtomicU64,
    mut limit: watch::Receiver<u64>,
    reach: watch::Sender<u64>,
) -> std::io::Result<()> {
    let (mut asking, mut answered) = outside.into_split();
    let (mut answering, mut asked) = inside.into_split();
    let questions = async { tokio::io::copy(&mut asking, &mut asked).await.map(|_| ()) };
    let answers = async {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let passed = counter.load(Ordering::SeqCst);
            reach.send_replace(passed);
            let until = *limit
                .wait_for(|&limit| limit > passed)
                .await
                .expect("the gate stands");
            let room = usize::try_from(until - passed)
                .unwrap_or(usize::MAX)
                .min(buffer.len());
            let read = answering.read(&mut buffer[..room]).await?;
            if read == 0 {
                return Ok(());
            }
            counter.fetch_add(read as u64, Ordering::SeqCst);
            answered.write_all(&buffer[..read]).await?;
        }
    };
    // Whichever side closes, both are closed.
    tokio::select! {
        closed = questions => closed,
        closed = answers => closed,
    }
}
