//! `lab distribute --live`: the same with real servents, each a process of its own with an address of its own on the
//! loopback, held to its rates by its own limits.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use std::{fs, io};

use futures_util::future::try_join_all;
use serde_json::Value;
use sha1::Digest;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{sleep, timeout};

use crate::lab::distribute::Plan;
use crate::rng::Rng;
use crate::wire::Sha1;

/// The file's name.
const NAME: &str = "file.bin";

/// More processes than this a desk does not bear, and the loopback's addresses are counted from the second on.
pub(super) const MOST_LIVE: usize = 100;

/// How long the server may take to hash the file and to be ready, beside a second for every 20 MB.
const READY: Duration = Duration::from_secs(20);

/// How much longer than the bound it may take before it is given up.
const PATIENCE: u32 = 10;

/// Spreads a file over so many processes; seconds until each of them has it, from the moment all are told to fetch it.
///
/// # Errors
/// A process cannot be run, ends early, or is not done in time.
pub(super) async fn spread(plan: &Plan) -> io::Result<Vec<f64>> {
    let folder = Folder::new()?;
    let (server, peers) = cast(&folder.0, plan)?;
    let sha1 = make(&folder.0.join("0/share").join(NAME), plan)?;
    // As in the simulation nobody is turned away, by the server or by a peer. Who hangs up and calls again holds two slots
    // until the first is noticed to be his no more.
    let slots = (2 * plan.peers).to_string();
    let _server = server.run(&[
        "--daemon",
        "--upload-limit",
        &rate(plan.server_up),
        "--upload-slots",
        &slots,
    ])?;
    let limit = READY + Duration::from_secs(plan.size / 20_000_000);
    let ready = timeout(limit, serves(server.addr, sha1));
    ready.await.map_err(|_| late("the server is not ready"))?;
    let (up, down) = (rate(plan.peer_up), rate(plan.peer_down));
    let options = [
        "--json",
        "--upload-limit",
        &up,
        "--download-limit",
        &down,
        "--upload-slots",
        &slots,
    ];
    let running: io::Result<Vec<Child>> = peers.iter().map(|peer| peer.run(&options)).collect();
    let mut running = running?;
    let link = format!(
        "get magnet:?xt=urn:sha1:{sha1}&dn={NAME}&xl={}&xs=http://{}/uri-res/N2R\n",
        plan.size, server.addr
    );
    let begun = Instant::now();
    let fetched = pipes(&mut running)
        .into_iter()
        .map(|pipes| fetch(pipes, &link, begun));
    let bound = Duration::from_secs_f64(plan.swarm_bound());
    let all = timeout(READY + bound * PATIENCE, try_join_all(fetched)).await;
    let all = all.map_err(|_| late("the peers are not done"))??;
    Ok(all.into_iter().map(|(seconds, _)| seconds).collect())
}

type Pipes = (ChildStdin, ChildStdout);

fn pipes(running: &mut [Child]) -> Vec<Pipes> {
    let pipes = |child: &mut Child| child.stdin.take().zip(child.stdout.take());
    running.iter_mut().filter_map(pipes).collect()
}

/// Has a peer fetch the file; when it was whole there. Its input stays open, so that it goes on serving.
async fn fetch(
    (mut input, output): Pipes,
    link: &str,
    begun: Instant,
) -> io::Result<(f64, ChildStdin)> {
    input.write_all(link.as_bytes()).await?;
    let mut lines = BufReader::new(output).lines();
    while let Some(line) = lines.next_line().await? {
        let line: Value = serde_json::from_str(&line).unwrap_or_default();
        match line["state"].as_str() {
            Some("complete") => {
                let seconds = begun.elapsed().as_secs_f64();
                // Its lines are to have somewhere to go.
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return Ok((seconds, input));
            }
            Some("failed") => return Err(io::Error::other(line["error"].to_string())),
            _ => {}
        }
    }
    Err(io::Error::other("a peer ended before it had the file"))
}

/// One who takes part.
struct Part {
    home: PathBuf,
    addr: SocketAddrV4,
    server: SocketAddrV4,
}

impl Part {
    /// Runs it; it ends with its handle.
    fn run(&self, options: &[&str]) -> io::Result<Child> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg("--quiet")
            .arg("--share")
            .arg(self.home.join("share"))
            .arg("--downloads")
            .arg(self.home.join("downloads"))
            .arg("--data")
            .arg(self.home.join("data"))
            .arg("--bootstrap")
            .arg(self.home.join("bootstrap.txt"))
            .args(["--listen", &self.addr.to_string()])
            .args(options);
        if self.addr != self.server {
            command.args(["--connect", &self.server.to_string()]);
        }
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
    }
}

/// The server and the peers, with their folders.
fn cast(folder: &Path, plan: &Plan) -> io::Result<(Part, Vec<Part>)> {
    let mut parts = Vec::new();
    let mut server = None;
    for number in 0..=plan.peers {
        let home = folder.join(number.to_string());
        fs::create_dir_all(home.join("share"))?;
        fs::write(home.join("bootstrap.txt"), "")?;
        let ip = Ipv4Addr::from_bits(Ipv4Addr::LOCALHOST.to_bits() + 1 + number as u32);
        let free = TcpListener::bind((ip, 0))?.local_addr()?.port();
        let addr = SocketAddrV4::new(ip, free);
        let server = *server.get_or_insert(addr);
        parts.push(Part { home, addr, server });
    }
    let peers = parts.split_off(1);
    Ok((parts.remove(0), peers))
}

/// Writes the file; its digest.
fn make(path: &Path, plan: &Plan) -> io::Result<Sha1> {
    let (mut rng, mut hasher) = (Rng::seeded(plan.seed), sha1::Sha1::new());
    let mut file = io::BufWriter::new(fs::File::create(path)?);
    let mut left = plan.size;
    while left > 0 {
        let bytes = rng.next().to_le_bytes();
        let count = usize::try_from(left).unwrap_or(8).min(8);
        hasher.update(&bytes[..count]);
        file.write_all(&bytes[..count])?;
        left -= count as u64;
    }
    file.flush()?;
    Ok(Sha1(hasher.finalize().into()))
}

/// Returns once a servent serves a content.
async fn serves(addr: SocketAddrV4, sha1: Sha1) {
    let request = format!("HEAD /uri-res/N2R?urn:sha1:{sha1} HTTP/1.0\r\n\r\n");
    loop {
        let ask = async {
            let mut stream = TcpStream::connect(addr).await?;
            stream.write_all(request.as_bytes()).await?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await?;
            io::Result::Ok(answer)
        };
        if ask
            .await
            .is_ok_and(|answer| answer.windows(5).any(|part| part == b" 200 "))
        {
            return;
        }
        sleep(Duration::from_millis(100)).await;
    }
}

fn rate(bytes_a_second: u64) -> String {
    format!("{bytes_a_second}B/s")
}

fn late(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("{what} in time"))
}

/// A folder that goes when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> io::Result<Self> {
        let name = format!("servent-live-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(folder = ?self.0, %error, "the folder stays");
        }
    }
}
