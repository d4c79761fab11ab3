//! Serving one file of 1 GiB, and 10,000 files of 32 KiB over kept connections, held against nginx with sendfile in the
//! same run: `cargo bench --bench serving`, and with `-- large` or `-- small` one of them only.
//!
//! Both run as processes of their own, with one worker each (`WORKERS=2` gives ours two), and are asked in turn by the same
//! client, over the loopback, out of the page cache. What counts is the ratio: throughput as the client sees it, and CPU
//! seconds of the server as the kernel counts them. Without nginx on the PATH only our own figures are printed.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use servent::library::{Library, SharedFile};
use servent::transfer::{Identity, Uploads};
use servent::wire::Guid;

const SIZE: u64 = 1 << 30;
const NAME: &str = "file.bin";

/// How often each server is asked; CPU time is counted in hundredths of a second.
const ROUNDS: usize = 16;

/// The small files, their size, how many connections ask for them, each for the next one when it has one, and how often
/// all are asked for.
const FILES: usize = 10_000;
const SMALL: usize = 32 * 1024;
const CALLERS: usize = 8;
const SMALL_ROUNDS: usize = 6;

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some("serve") {
        return serve(Path::new(&arguments.next().expect("a folder to serve")));
    }
    let only: Vec<String> = std::env::args()
        .filter(|word| ["large", "small"].contains(&&**word))
        .collect();
    let wanted = |what: &str| only.is_empty() || only.iter().any(|word| word == what);
    let folder = tempfile::tempdir()?;
    make_file(&folder.path().join(NAME))?;
    make_small_files(folder.path())?;
    let mut servers = vec![Server::ours(folder.path())?];
    match Server::nginx(folder.path()) {
        Ok(nginx) => servers.push(nginx),
        Err(error) => println!("nginx cannot be run ({error}): no ratio"),
    }
    if wanted("large") {
        large_file(&servers)?;
    }
    if wanted("small") {
        small_files(&servers)?;
    }
    Ok(())
}

/// Asks each server for the large file in turn.
fn large_file(servers: &[Server]) -> io::Result<()> {
    for server in servers {
        server.fetch()?; // warms the page cache and the server
    }
    let mut figures = vec![Figures::default(); servers.len()];
    for _ in 0..ROUNDS {
        for (server, figures) in servers.iter().zip(&mut figures) {
            let (begun, cpu) = (Instant::now(), server.cpu()?);
            server.fetch()?;
            figures.wall += begun.elapsed();
            figures.cpu += server.cpu()? - cpu;
        }
    }
    println!("serving {SIZE} bytes over the loopback, {ROUNDS} times each, in turn");
    for (server, figures) in servers.iter().zip(&figures) {
        println!(
            "{:<8} {:>6.0} MB/s   {:.3} CPU seconds per GiB",
            server.name,
            figures.rate(),
            figures.cpu.as_secs_f64() / ROUNDS as f64
        );
    }
    if let [ours, nginx] = &figures[..] {
        let cpu = ours.cpu.as_secs_f64() / nginx.cpu.as_secs_f64();
        println!(
            "servent / nginx: throughput {:.2}, CPU {cpu:.2}",
            ours.rate() / nginx.rate()
        );
    }
    Ok(())
}

/// Asks each server for all small files in turn.
fn small_files(servers: &[Server]) -> io::Result<()> {
    let mut figures = vec![Figures::default(); servers.len()];
    for round in 0..=SMALL_ROUNDS {
        for (server, figures) in servers.iter().zip(&mut figures) {
            let (begun, cpu) = (Instant::now(), server.cpu()?);
            server.fetch_small()?;
            if round > 0 {
                figures.wall += begun.elapsed();
                figures.cpu += server.cpu()? - cpu;
            }
        }
    }
    println!(
        "serving {FILES} files of {SMALL} bytes over {CALLERS} connections, {SMALL_ROUNDS} times each, in turn"
    );
    let requests = (FILES * SMALL_ROUNDS) as f64;
    let rates = figures.iter().map(|figures| {
        let [wall, cpu] = [figures.wall, figures.cpu].map(|time| requests / time.as_secs_f64());
        (wall, cpu)
    });
    let rates: Vec<(f64, f64)> = rates.collect();
    for (server, (wall, cpu)) in servers.iter().zip(&rates) {
        println!(
            "{:<8} {wall:>6.0} requests/s   {cpu:>6.0} a CPU second",
            server.name
        );
    }
    if let [ours, nginx] = rates[..] {
        let (wall, cpu) = (ours.0 / nginx.0, ours.1 / nginx.1);
        println!("servent / nginx: requests/s {wall:.2}, requests a CPU second {cpu:.2}");
    }
    Ok(())
}

/// What a server needed for all rounds.
#[derive(Clone, Debug, Default)]
struct Figures {
    wall: Duration,
    cpu: Duration,
}

impl Figures {
    /// MB/s.
    fn rate(&self) -> f64 {
        SIZE as f64 * ROUNDS as f64 / 1e6 / self.wall.as_secs_f64()
    }
}

/// A server process; it ends when dropped.
struct Server {
    name: &'static str,
    process: Child,
    addr: SocketAddr,
    path: String,
    /// Where the small file of a number is.
    small: fn(usize) -> String,
}

impl Server {
    /// This program again, serving.
    fn ours(folder: &Path) -> io::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args([Path::new("serve"), folder])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("it is piped")).read_line(&mut line)?;
        let (addr, index) = line
            .trim()
            .split_once(' ')
            .expect("it tells its address and the index");
        Ok(Self {
            name: "servent",
            process,
            addr: addr.parse().expect("it is an address"),
            path: format!("/get/{index}/{NAME}"),
            // They are numbered behind the large one.
            small: |number| format!("/get/{}/{number}.bin", number + 1),
        })
    }

    fn nginx(folder: &Path) -> io::Result<Self> {
        let addr = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let home = folder.display();
        let settings = format!(
            "daemon off; master_process off; worker_processes 1; pid {home}/nginx.pid; error_log stderr crit;
            events {{ worker_connections 64; }}
            http {{
                access_log off; keepalive_requests 1000000; sendfile on; tcp_nopush on;
                client_body_temp_path {home}/a; proxy_temp_path {home}/b; fastcgi_temp_path {home}/c;
                uwsgi_temp_path {home}/d; scgi_temp_path {home}/e;
                server {{ listen {addr}; root {home}; }}
            }}"
        );
        let file = folder.join("nginx.conf");
        fs::write(&file, settings)?;
        let process = Command::new("nginx")
            .arg("-c")
            .arg(file)
            .arg("-p")
            .arg(folder)
            .spawn()?;
        let server = Self {
            name: "nginx",
            process,
            addr,
            path: format!("/{NAME}"),
            small: |number| format!("/{number}.bin"),
        };
        let begun = Instant::now();
        while TcpStream::connect(addr).is_err() {
            if begun.elapsed() > Duration::from_secs(5) {
                return Err(io::Error::other("it does not listen"));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(server)
    }

    /// Fetches the file and drops it.
    fn fetch(&self) -> io::Result<()> {
        let mut stream = TcpStream::connect(self.addr)?;
        let Self { path, addr, .. } = self;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        let mut buffer = vec![0; 1 << 20];
        let mut total = 0;
        loop {
            match stream.read(&mut buffer)? {
                0 => break,
                read => total += read as u64,
            }
        }
        assert!(
            (SIZE..SIZE + 4096).contains(&total),
            "{} sent {total} bytes",
            self.name
        );
        Ok(())
    }

    /// Fetches all small files over some connections at once, and drops them.
    fn fetch_small(&self) -> io::Result<()> {
        let call = |caller: usize| {
            let stream = TcpStream::connect(self.addr)?;
            stream.set_nodelay(true)?;
            let (mut reader, mut stream) = (
                BufReader::with_capacity(SMALL * 2, stream.try_clone()?),
                stream,
            );
            let mut body = vec![0; SMALL];
            for number in (caller..FILES).step_by(CALLERS) {
                let path = (self.small)(number);
                let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.addr);
                stream.write_all(request.as_bytes())?;
                let mut line = String::new();
                reader.read_line(&mut line)?;
                assert!(line.starts_with("HTTP/1.1 200 "), "{}: {line}", self.name);
                while line.trim_end() != "" {
                    line.clear();
                    reader.read_line(&mut line)?;
                }
                reader.read_exact(&mut body)?;
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let callers: Vec<_> = (0..CALLERS)
                .map(|caller| scope.spawn(move || call(caller)))
                .collect();
            callers
                .into_iter()
                .try_for_each(|caller| caller.join().expect("it asserts nothing false"))
        })
    }

    /// The CPU time it has used so far, in user mode and in the kernel.
    fn cpu(&self) -> io::Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        // The name, in parentheses, may hold anything; 11 fields behind it come both times, in hundredths of a second.
        let fields = stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split_whitespace();
        let ticks: u64 = fields
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<u64>().ok())
            .sum();
        Ok(Duration::from_millis(ticks * 10))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Fills a file with bytes that are no hole.
fn make_file(path: &Path) -> io::Result<()> {
    let block: Vec<u8> = (0..1 << 20).map(|at| (at % 251) as u8).collect();
    let mut file = File::create(path)?;
    for _ in 0..SIZE / block.len() as u64 {
        file.write_all(&block)?;
    }
    // Writing back must not go on while the figures are taken.
    file.sync_all()
}

fn make_small_files(folder: &Path) -> io::Result<()> {
    let bytes: Vec<u8> = (0..SMALL).map(|at| (at % 251) as u8).collect();
    (0..FILES).try_for_each(|number| fs::write(folder.join(format!("{number}.bin")), &bytes))
}

/// How many threads serve: one, as nginx has one process here, unless the variable `WORKERS` says another number.
fn workers() -> io::Result<usize> {
    match std::env::var("WORKERS") {
        Ok(text) => text.parse().map_err(io::Error::other),
        Err(_) => Ok(1),
    }
}

/// Serves the files until killed; tells its address and the file's index first.
fn serve(folder: &Path) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers()?)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut library = Library::new();
        let mut share = |name: &str| -> io::Result<u32> {
            let metadata = fs::metadata(folder.join(name))?;
            Ok(library.insert(SharedFile {
                index: 0,
                root: Arc::from(folder),
                relative: name.into(),
                name: name.to_owned(),
                size: metadata.len(),
                modified: metadata.modified()?,
                sha1: None,
                tree: None,
            }))
        };
        let index = share(NAME)?;
        for number in 0..FILES {
            assert_eq!(share(&format!("{number}.bin"))? as usize, number + 1);
        }
        let identity = Identity {
            guid: Guid::ZERO,
            agent: "servent/bench".to_owned(),
        };
        let uploads = Uploads::new(Arc::new(RwLock::new(library)), identity, 10);
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        println!("{} {index}", listener.local_addr()?);
        // One address has few slots: each connection is taken for another's.
        for number in 0.. {
            let (stream, _) = listener.accept().await?;
            let remote = SocketAddrV4::new(Ipv4Addr::from_bits(0x7f00_0001 + number % 0x1_0000), 0);
            tokio::spawn(uploads.clone().serve(stream, remote, BytesMut::new()));
        }
        Ok(())
    })
}
