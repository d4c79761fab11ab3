//! Fetching: four sources that are each limited, and one that is not, held against curl in the same run:
//! `cargo bench --bench fetching`.
//!
//! The limited sources are tasks of this program; what counts is how much of their speeds together arrives. The unlimited one
//! is a process of its own, asked in turn by this program again, which checks SHA-1 and hash tree, by curl, which checks
//! nothing, and by curl with this program behind it, which reads the file and makes both in one pass. All write a file of
//! 1 GiB beside each other. CPU seconds are those the kernel counted for them.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use servent::librarian::Trees;
use servent::library::{Library, SharedFile};
use servent::thex::{Hasher, Tree};
use servent::transfer::http::{ByteRange, Request, head_end};
use servent::transfer::{Downloads, Identity, Source, Uploads, Wanted};
use servent::wire::{Guid, Sha1};
use sha1::Digest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const NAME: &str = "file.bin";

/// The file that four fetch, and how fast each of them may.
const SHARED: usize = 200_000_000;
const LIMIT: f64 = 5_000_000.0;

/// The file that one fetches, and how often.
const ALONE: usize = 1 << 30;
const ROUNDS: u32 = 5;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["serve", folder] => serve(Path::new(folder)),
        ["fetch", folder, addr, sha1] => fetch(Path::new(folder), addr, sha1),
        ["digest", file, sha1] => digest(Path::new(file), sha1),
        _ => {
            limited()?;
            unlimited()
        }
    }
}

/// Four sources of 5 MB/s each.
#[tokio::main]
async fn limited() -> io::Result<()> {
    let bytes: Arc<Vec<u8>> = Arc::new(noise(SHARED));
    let (sha1, tree) = digests(&bytes);
    let tree = Arc::new(tree);
    let mut sources = Vec::new();
    for _ in 0..4 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        sources.push(Source::at(v4(listener.local_addr()?)));
        let (bytes, tree) = (Arc::clone(&bytes), Arc::clone(&tree));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (bytes, tree) = (Arc::clone(&bytes), Arc::clone(&tree));
                tokio::spawn(async move { drip(stream, &bytes, sha1, &tree).await });
            }
        });
    }
    let folder = tempfile::tempdir()?;
    let begun = Instant::now();
    get(folder.path(), sources, SHARED, sha1).await?;
    let rate = SHARED as f64 / begun.elapsed().as_secs_f64();
    println!(
        "4 sources of 5 MB/s each: {:.2} MB/s, {:.1} % of 20 MB/s",
        rate / 1e6,
        100.0 * rate / (4.0 * LIMIT)
    );
    Ok(())
}

/// Answers requests at the limit, whatever the answers' lengths: what an idle source did not send is lost.
async fn drip(mut stream: TcpStream, bytes: &[u8], sha1: Sha1, tree: &Tree) -> io::Result<()> {
    // Else the kernel would hold the end of each answer back until what went before was acknowledged, 40 ms later.
    stream.set_nodelay(true)?;
    let mut ahead = BytesMut::new();
    loop {
        let end = loop {
            if let Ok(Some(end)) = head_end(&ahead, 0) {
                break end;
            }
            if stream.read_buf(&mut ahead).await? == 0 {
                return Ok(());
            }
        };
        let request = Request::parse(&ahead.split_to(end)).expect("our own");
        if request.path.contains("N2X") {
            let body = tree.encode(Guid([1; 16]));
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            stream.write_all(&[head.as_bytes(), &body].concat()).await?;
            continue;
        }
        let size = bytes.len() as u64;
        let range = request.headers.get("Range").unwrap_or("bytes=0-");
        let ByteRange { start, end } = ByteRange::parse(range, size).expect("our own")[0];
        let head = format!(
            "HTTP/1.1 206 OK\r\nContent-Length: {}\r\nContent-Range: bytes {start}-{}/{size}\r\n\
             X-Gnutella-Content-URN: urn:sha1:{sha1}\r\nX-Thex-URI: /uri-res/N2X?urn:sha1:{sha1};{}\r\n\r\n",
            end - start,
            end - 1,
            tree.root()
        );
        let begun = tokio::time::Instant::now();
        stream.write_all(head.as_bytes()).await?;
        let mut sent = 0;
        for piece in bytes[start as usize..end as usize].chunks(8192) {
            stream.write_all(piece).await?;
            sent += piece.len();
            let due = begun + Duration::from_secs_f64(sent as f64 / LIMIT);
            tokio::time::sleep_until(due).await;
        }
    }
}

/// One source, as fast as it can, for us and for curl.
fn unlimited() -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let bytes = noise(ALONE);
    fs::write(folder.path().join(NAME), &bytes)?;
    let (sha1, _) = digests(&bytes);
    drop(bytes);
    let mut server = Command::new(std::env::current_exe()?)
        .args([Path::new("serve"), folder.path()])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    BufReader::new(server.stdout.take().expect("it is piped")).read_line(&mut line)?;
    let addr = line.trim().to_owned();
    let (here, target) = (std::env::current_exe()?, folder.path().join("target"));
    let url = format!("http://{addr}/uri-res/N2R?urn:sha1:{sha1}");
    let ours = || {
        let mut command = Command::new(&here);
        command
            .arg("fetch")
            .arg(&target)
            .args([&addr, &sha1.to_string()]);
        command
    };
    let curl = || {
        let mut command = Command::new("curl");
        command
            .args(["-s", "--create-dirs", "-o"])
            .arg(target.join(NAME))
            .arg(&url);
        command
    };
    let checked = || {
        let script = "curl -s --create-dirs -o \"$1\" \"$2\" && \"$3\" digest \"$1\" \"$4\"";
        let mut command = Command::new("sh");
        command
            .args(["-c", script, "sh"])
            .arg(target.join(NAME))
            .arg(&url);
        command.arg(&here).arg(sha1.to_string());
        command
    };
    let mut figures = [(Duration::ZERO, Duration::ZERO); 3];
    for _ in 0..ROUNDS {
        let all = [&ours as &dyn Fn() -> Command, &curl, &checked];
        for (make, (wall, cpu)) in all.iter().zip(&mut figures) {
            let (begun, before) = (Instant::now(), children()?);
            let child: Child = make().stdout(Stdio::null()).spawn()?;
            let ended = child.wait_with_output()?.status;
            assert!(ended.success(), "{ended}");
            *wall += begun.elapsed();
            *cpu += children()? - before;
            fs::remove_dir_all(&target)?;
        }
    }
    server.kill()?;
    server.wait()?;
    println!("one source, {ALONE} bytes to a file, {ROUNDS} times each, in turn");
    let names = ["servent", "curl", "curl, then digests"];
    for (name, (wall, cpu)) in names.iter().zip(&figures) {
        let rate = ALONE as f64 * f64::from(ROUNDS) / 1e6 / wall.as_secs_f64();
        let cpu = cpu.as_secs_f64() / f64::from(ROUNDS);
        println!("{name:<20} {rate:>6.0} MB/s   {cpu:.2} CPU seconds");
    }
    let ratio = |other: usize| figures[other].0.as_secs_f64() / figures[0].0.as_secs_f64();
    println!(
        "servent / curl: throughput {:.2}; servent / curl and digests: {:.2}",
        ratio(1),
        ratio(2)
    );
    Ok(())
}

/// CPU time of the children that have ended, as the kernel counts it, in hundredths of a second.
fn children() -> io::Result<Duration> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields = stat
        .rsplit_once(')')
        .expect("a name in brackets")
        .1
        .split_whitespace();
    let ticks: u64 = fields
        .skip(13)
        .take(2)
        .map(|field| field.parse::<u64>().expect("a number"))
        .sum();
    Ok(Duration::from_millis(ticks * 10))
}

#[tokio::main]
async fn fetch(folder: &Path, addr: &str, sha1: &str) -> io::Result<()> {
    let source = Source::at(addr.parse().expect("an address"));
    get(folder, vec![source], ALONE, sha1.parse().expect("a digest")).await
}

/// Makes both digests of a file in one pass.
fn digest(file: &Path, wanted: &str) -> io::Result<()> {
    let mut file = File::open(file)?;
    let (mut sha1, mut tree) = (sha1::Sha1::new(), Hasher::new(file.metadata()?.len()));
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            count => {
                sha1.update(&buffer[..count]);
                tree.update(&buffer[..count]);
            }
        }
    }
    assert_eq!(Sha1(sha1.finalize().into()).to_string(), wanted);
    assert!(tree.finish().is_some());
    Ok(())
}

async fn get(folder: &Path, sources: Vec<Source>, size: usize, sha1: Sha1) -> io::Result<()> {
    let (data, finished) = (folder.join("data"), folder.join("downloads"));
    let downloads = Downloads::open(&data, &finished, "servent/bench")?;
    let id = downloads.start(Wanted {
        name: NAME.to_owned(),
        size: Some(size as u64),
        sha1: Some(sha1),
        root: None,
        sources,
    })?;
    let mut status = downloads.watch(id).expect("it is known");
    let end = status.wait_for(|status| status.state.is_final()).await;
    let end = end.expect("it is watched");
    assert!(end.path.is_some() && end.tree, "{end:?}");
    Ok(())
}

/// Serves the file of a folder, digests, tree and all; says where.
#[tokio::main]
async fn serve(folder: &Path) -> io::Result<()> {
    let bytes = fs::read(folder.join(NAME))?;
    let (sha1, tree) = digests(&bytes);
    let metadata = File::open(folder.join(NAME))?.metadata()?;
    let mut file = SharedFile::new(
        folder.into(),
        NAME.into(),
        metadata.len(),
        metadata.modified()?,
    );
    (file.sha1, file.tree) = (Some(sha1), Some(tree.root()));
    let (trees, mut library) = (Trees::default(), Library::new());
    trees.keep(&file, &Arc::new(tree));
    library.insert(file);
    let identity = Identity {
        guid: Guid([1; 16]),
        agent: "servent/bench".to_owned(),
    };
    let uploads = Uploads::new(Arc::new(RwLock::new(library)), identity, 10);
    let state = folder.join("state");
    uploads.serve_also(trees, Downloads::open(&state, &state, "servent/bench")?);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", listener.local_addr()?);
    io::stdout().flush()?;
    loop {
        let (stream, remote) = listener.accept().await?;
        tokio::spawn(uploads.clone().serve(stream, v4(remote), BytesMut::new()));
    }
}

fn digests(bytes: &[u8]) -> (Sha1, Tree) {
    let mut hasher = Hasher::new(bytes.len() as u64);
    hasher.update(bytes);
    let sha1 = Sha1(sha1::Sha1::digest(bytes).into());
    (sha1, hasher.finish().expect("all bytes came"))
}

fn noise(count: usize) -> Vec<u8> {
    let mut rng = servent::rng::Rng::seeded(count as u64);
    let mut bytes = vec![0; count];
    for piece in bytes.chunks_mut(8) {
        piece.copy_from_slice(&rng.next().to_le_bytes()[..piece.len()]);
    }
    bytes
}

fn v4(addr: SocketAddr) -> SocketAddrV4 {
    match addr {
        SocketAddr::V4(addr) => addr,
        SocketAddr::V6(_) => panic!("the loopback is IPv4"),
    }
}
