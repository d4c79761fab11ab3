//! The central index: what a file and a user cost in memory, and what a search costs in time.
//!
//! 1,000 users with 100 files each by default; `USERS` and `FILES` change that. Words are made up and as unevenly common as
//! those of real names. opennap-ng 0.50 took 160, 130 and 85 µs of CPU for a search of one, two and three words.

mod machine;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use servent::central::server::Server;
use servent::central::{Effect, Frame, Index, Input, Kind, Limits, Link};
use servent::rng::Rng;
use servent::time::Time;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use machine::{resident, thread_time};

/// Searches a measurement.
const SEARCHES: usize = 20_000;

/// Clients that search at the same time, each waiting for its answer before it asks again.
const CLIENTS: usize = 8;

fn main() {
    // `cargo test --benches` only wants to see that it runs.
    let quick = std::env::args().any(|argument| argument == "--test");
    let number = |name: &str, usual: usize| {
        let set = std::env::var(name).ok().and_then(|text| text.parse().ok());
        set.unwrap_or(if quick { 5 } else { usual })
    };
    let (users, files) = (number("USERS", 1000), number("FILES", 100));
    let searches = if quick { 10 } else { SEARCHES };
    let mut rng = Rng::seeded(1);
    let words = Words::new(&mut rng);

    let mut index = Index::new(limits(), 1);
    let before = resident();
    for user in 0..users {
        enter(&mut index, user);
    }
    let with_users = resident();
    let began = Instant::now();
    for user in 0..users {
        for _ in 0..files {
            let name = words.name(&mut rng);
            share(&mut index, user, &name);
        }
    }
    let adding = began.elapsed();
    let with_files = resident();
    let count = index.files().max(1);
    println!("{users} users, {count} files");
    println!("{:>10} bytes a user", (with_users - before) / users.max(1));
    println!("{:>10} bytes a file", (with_files - with_users) / count);
    println!("{:>10} MB in all", (with_files - before) / 1_000_000);
    println!("{:>10.2} µs an add", micros(adding) / count as f64);
    for (length, theirs) in [(1, 160.0), (2, 130.0), (3, 85.0)] {
        let queries: Vec<Frame> = (0..searches)
            .map(|_| words.query(&mut rng, length))
            .collect();
        let mut effects = Vec::new();
        let mut bytes = 0;
        let mut times = Vec::with_capacity(searches);
        let before = thread_time();
        for frame in queries {
            let one = Instant::now();
            let from = Link(0);
            index.handle(Time::ZERO, Input::Received { from, frame }, &mut effects);
            for effect in effects.drain(..) {
                if let Effect::Send { bytes: answer, .. } = effect {
                    bytes += answer.len();
                }
            }
            times.push(one.elapsed());
        }
        let each = micros(thread_time() - before) / searches as f64;
        times.sort_unstable();
        println!(
            "{each:>10.2} µs of CPU a search of {length} words, p99 {:.1} µs, {} bytes an answer: {:.0} times opennap-ng's",
            micros(times[times.len() * 99 / 100]),
            bytes / searches,
            theirs / each,
        );
    }
    let began = Instant::now();
    let mut effects = Vec::new();
    index.handle(Time::ZERO, Input::Closed { link: Link(0) }, &mut effects);
    println!(
        "{:>10.2} µs until a user's files are gone",
        micros(began.elapsed())
    );
    on_sockets(&words, users, files, searches / CLIENTS);
    under_attack(&words, if quick { 1 } else { 5 }, searches / CLIENTS / 4);
}

/// The same searches over loopback, closed-loop.
fn on_sockets(words: &Words, users: usize, files: usize, searches: usize) {
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    runtime.block_on(async {
        let any = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
        let server = Server::start(any, limits()).await.expect("a port");
        let mut rng = Rng::seeded(1);
        let mut owners = Vec::new();
        for user in 0..users.min(1000) {
            let mut stream = TcpStream::connect(server.listen()).await.expect("it listens");
            let mut bytes = BytesMut::new();
            login(user).write(&mut bytes);
            for _ in 0..files {
                shared(&words.name(&mut rng)).write(&mut bytes);
            }
            stream.write_all(&bytes).await.expect("it reads");
            owners.push(stream);
        }
        let mut figures = server.figures();
        let all = owners.len() * files;
        figures.wait_for(|figures| figures.files >= all * 9 / 10).await.expect("it runs");
        let (cpu, began) = (cpu_time(), Instant::now());
        let mut clients = Vec::new();
        for client in 0..CLIENTS {
            let to = server.listen();
            let frames: Vec<Frame> = (0..searches)
                .map(|n| words.query(&mut rng, 1 + n % 3))
                .collect();
            clients.push(tokio::spawn(ask(to, users + client, frames)));
        }
        let mut times: Vec<Duration> = Vec::new();
        for client in clients {
            times.extend(client.await.expect("it ends"));
        }
        let (cpu, took) = (cpu_time().saturating_sub(cpu), began.elapsed());
        times.sort_unstable();
        let count = times.len();
        println!(
            "{:>10.0} searches a second on sockets, {CLIENTS} clients closed-loop; p50 {:.0} µs, p99 {:.0} µs; {:.1} µs of CPU each, server and clients",
            count as f64 / took.as_secs_f64(),
            micros(times[count / 2]),
            micros(times[count * 99 / 100]),
            micros(cpu) / count as f64,
        );
    });
}

/// Somebody who means the index no good.
#[derive(Clone, Copy, Debug)]
enum Attack {
    /// Ten thousand adds a second, of ever new names.
    Adds,
    /// Searches that are never read.
    Unread,
    /// Connection after connection of bytes that are no frames.
    Garbage,
}

/// What everybody else waits for an answer while somebody attacks, beside what they wait in peace: in turns, so that both
/// meet the same machine.
fn under_attack(words: &Words, rounds: usize, searches: usize) {
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    runtime.block_on(async {
        let any = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
        let server = Server::start(any, limits()).await.expect("a port");
        let to = server.listen();
        let mut rng = Rng::seeded(2);
        let owner_files: Vec<Frame> = (0..10_000).map(|_| shared(&words.name(&mut rng))).collect();
        let owner = flood_of(to, 0, &owner_files).await;
        let mut user = 10;
        for attack in [Attack::Adds, Attack::Unread, Attack::Garbage] {
            let (mut calm, mut hit) = (Vec::new(), Vec::new());
            for _ in 0..rounds {
                for attacked in [false, true] {
                    let attacker = attacked.then(|| tokio::spawn(strike(attack, to, user + 1)));
                    user += 2;
                    let mut clients = Vec::new();
                    for _ in 0..CLIENTS {
                        let frames = (0..searches).map(|n| words.query(&mut rng, 1 + n % 3));
                        clients.push(tokio::spawn(ask(to, user, frames.collect())));
                        user += 1;
                    }
                    for client in clients {
                        let times = client.await.expect("it ends");
                        // The first is the login.
                        let times = times.into_iter().skip(1);
                        if attacked { hit.extend(times) } else { calm.extend(times) }
                    }
                    if let Some(attacker) = attacker {
                        attacker.abort();
                        let _ = attacker.await;
                    }
                }
            }
            let [calm, hit] = [calm, hit].map(|mut times: Vec<Duration>| {
                times.sort_unstable();
                micros(times[times.len() * 99 / 100])
            });
            println!(
                "{:>10.2} times the p99 of {CLIENTS} other clients while somebody sends {attack:?}: {hit:.0} µs, {calm:.0} µs in peace",
                hit / calm
            );
        }
        drop(owner);
    });
}

/// A user who sends these, and stays.
async fn flood_of(to: SocketAddrV4, user: usize, frames: &[Frame]) -> TcpStream {
    let mut stream = TcpStream::connect(to).await.expect("it listens");
    let mut bytes = BytesMut::new();
    login(user).write(&mut bytes);
    for frame in frames {
        frame.write(&mut bytes);
    }
    stream.write_all(&bytes).await.expect("it reads");
    stream
}

/// Attacks until it is stopped.
async fn strike(attack: Attack, to: SocketAddrV4, user: usize) {
    let mut rng = Rng::seeded(user as u64);
    let garbage: Vec<u8> = (0..4096).map(|_| rng.next() as u8).collect();
    let mut number = 0;
    loop {
        // Whoever is thrown out comes again.
        let frames: Vec<Frame> = match attack {
            Attack::Garbage => Vec::new(),
            _ => vec![login(user)],
        };
        let Ok(mut stream) = TcpStream::connect(to).await else {
            continue;
        };
        let mut bytes = BytesMut::new();
        for frame in &frames {
            frame.write(&mut bytes);
        }
        let mut ticks = tokio::time::interval(Duration::from_millis(10));
        loop {
            match attack {
                Attack::Adds => {
                    ticks.tick().await;
                    for _ in 0..100 {
                        number += 1;
                        shared(&format!("attack {number}.mp3")).write(&mut bytes);
                    }
                }
                Attack::Unread => {
                    Frame::new(Kind::SEARCH, "FILENAME CONTAINS \"mp3\"").write(&mut bytes);
                }
                Attack::Garbage => {
                    bytes.extend_from_slice(&garbage);
                }
            }
            let sent = tokio::time::timeout(Duration::from_secs(1), stream.write_all(&bytes)).await;
            bytes.clear();
            if !matches!(sent, Ok(Ok(()))) {
                break;
            }
        }
    }
}

async fn ask(to: SocketAddrV4, user: usize, frames: Vec<Frame>) -> Vec<Duration> {
    let mut stream = TcpStream::connect(to).await.expect("it listens");
    stream.set_nodelay(true).expect("a socket");
    let mut input = BytesMut::new();
    let mut times = Vec::new();
    let login = login(user);
    for (frame, last) in std::iter::once((login, Kind::STATS))
        .chain(frames.into_iter().map(|frame| (frame, Kind::SEARCH_END)))
    {
        let mut bytes = BytesMut::new();
        frame.write(&mut bytes);
        let began = Instant::now();
        stream.write_all(&bytes).await.expect("it reads");
        'answer: loop {
            while let Some(frame) = Frame::read(&mut input, 65_535).expect("no limit") {
                if frame.kind == last {
                    break 'answer;
                }
            }
            stream.read_buf(&mut input).await.expect("it answers");
        }
        times.push(began.elapsed());
    }
    times
}

fn limits() -> Limits {
    Limits {
        links_per_address: usize::MAX,
        ..Limits::default()
    }
}

fn login(user: usize) -> Frame {
    Frame::new(Kind::LOGIN, format!("user{user} pw 6699 \"bench 1.0\" 9"))
}

fn shared(name: &str) -> Frame {
    let body = format!("\"{name}\" c1140f9d842cac57af8fa77d843246a5 4350000 128 44100 219");
    Frame::new(Kind::SHARE, body)
}

fn enter(index: &mut Index, user: usize) {
    let link = Link(u32::try_from(user).expect("fewer users"));
    let addr = Ipv4Addr::LOCALHOST;
    let mut out = Vec::new();
    index.handle(Time::ZERO, Input::Opened { link, addr }, &mut out);
    let frame = login(user);
    index.handle(Time::ZERO, Input::Received { from: link, frame }, &mut out);
}

fn share(index: &mut Index, user: usize, name: &str) {
    let from = Link(u32::try_from(user).expect("fewer users"));
    let frame = shared(name);
    let mut out = Vec::new();
    index.handle(Time::ZERO, Input::Received { from, frame }, &mut out);
}

/// A vocabulary.
struct Words(Vec<String>);

impl Words {
    fn new(rng: &mut Rng) -> Self {
        let letter =
            |rng: &mut Rng| char::from(b'a' + u8::try_from(rng.below(26)).expect("a letter"));
        let words = (0..40_000).map(|_| {
            let length = 3 + rng.below(7);
            (0..length).map(|_| letter(rng)).collect()
        });
        Self(words.collect())
    }

    /// A word; the first are common, the last rare (Zipf's law, near enough).
    fn word(&self, rng: &mut Rng) -> &str {
        let many = self.0.len() as f64;
        let chance = rng.below(1 << 30) as f64 / f64::from(1 << 30);
        let rank = many.powf(chance) as usize;
        &self.0[rank.min(self.0.len() - 1)]
    }

    fn name(&self, rng: &mut Rng) -> String {
        let words: Vec<&str> = (0..6).map(|_| self.word(rng)).collect();
        format!(
            "C:\\music\\{} {}\\{}.mp3",
            words[0],
            words[1],
            words[2..].join(" ")
        )
    }

    fn query(&self, rng: &mut Rng, length: usize) -> Frame {
        let words: Vec<&str> = (0..length).map(|_| self.word(rng)).collect();
        let body = format!("FILENAME CONTAINS \"{}\" MAX_RESULTS 100", words.join(" "));
        Frame::new(Kind::SEARCH, body)
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// How long this process has been on a core (Linux; zero elsewhere), in steps of 10 ms.
fn cpu_time() -> Duration {
    let spent = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = spent.rsplit(')').next().unwrap_or_default().split(' ');
    let ticks: u64 = ticks
        .skip(12)
        .take(2)
        .filter_map(|ticks| ticks.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * 10)
}
