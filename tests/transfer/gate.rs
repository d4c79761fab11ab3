//! A gate before houses: counts what of files comes out of them, and holds it back once there was enough.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use servent::transfer::http::{Framing, Response, Status, head_end};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::house::v4;

/// The size of the gate's buffers, in bytes: what waits in them has not come out.
const SMALL: usize = 64 * 1024;

/// A gate. What it lets out of all houses together is limited.
pub(crate) struct Gate {
    passed: Arc<AtomicU64>,
    limit: watch::Sender<u64>,
    reached: watch::Sender<u64>,
    /// Changes when all connections are closed.
    cleared: watch::Sender<()>,
}

/// A way through a gate to a house. Clones are the same way.
#[derive(Clone)]
pub(crate) struct Way {
    pub(crate) addr: SocketAddrV4,
    came: Arc<AtomicU64>,
}

impl Gate {
    /// A gate that is closed.
    pub(crate) fn closed() -> Self {
        Self {
            passed: Arc::default(),
            limit: watch::Sender::new(0),
            reached: watch::Sender::new(0),
            cleared: watch::Sender::new(()),
        }
    }

    /// A way through it to a house.
    pub(crate) async fn to(&self, house: SocketAddrV4) -> Way {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let addr = v4(listener.local_addr().expect("it has one"));
        let came = Arc::<AtomicU64>::default();
        let passage = Passage {
            passed: self.passed.clone(),
            came: came.clone(),
            limit: self.limit.subscribe(),
            reached: self.reached.clone(),
        };
        let cleared = self.cleared.clone();
        tokio::spawn(async move {
            while let Ok((outside, _)) = listener.accept().await {
                let small = socket2::SockRef::from(&outside).set_send_buffer_size(SMALL);
                small.expect("a socket of its own");
                let inside = TcpStream::connect(house).await.expect("it listens");
                let (passage, mut cleared) = (passage.clone(), cleared.subscribe());
                tokio::spawn(async move {
                    tokio::select! {
                        // Before the gate lets anything out again.
                        biased;
                        _ = cleared.changed() => {}
                        _ = passage.pass(outside, inside) => {}
                    }
                });
            }
        });
        Way { addr, came }
    }

    /// Lets bytes out until this many came in all, and returns then.
    pub(crate) async fn open_until(&self, limit: u64) {
        self.limit.send_replace(limit);
        let mut reached = self.reached.subscribe();
        let reached = reached.wait_for(|&reached| reached >= limit).await;
        reached.expect("the gate stands");
    }

    /// Closes all connections: what a dead caller still had to get would be counted for the next one.
    pub(crate) fn clear(&self) {
        self.cleared.send_replace(());
    }

    /// Lets all out.
    pub(crate) fn open(&self) {
        self.limit.send_replace(u64::MAX);
    }
}

impl Way {
    /// How many bytes of files came this way: not the heads of answers, nor hash trees.
    pub(crate) fn came(&self) -> u64 {
        self.came.load(Ordering::SeqCst)
    }
}

/// What the connections on a way have in common.
#[derive(Clone)]
struct Passage {
    passed: Arc<AtomicU64>,
    came: Arc<AtomicU64>,
    limit: watch::Receiver<u64>,
    reached: watch::Sender<u64>,
}

impl Passage {
    /// Lets a connection through the gate.
    async fn pass(self, outside: TcpStream, inside: TcpStream) -> std::io::Result<()> {
        let (mut asking, answered) = outside.into_split();
        let (answering, mut asked) = inside.into_split();
        let questions = async { tokio::io::copy(&mut asking, &mut asked).await.map(|_| ()) };
        let answers = self.let_out(answering, answered);
        // Whichever side closes, both are closed.
        tokio::select! {
            closed = questions => closed,
            closed = answers => closed,
        }
    }

    async fn let_out(
        mut self,
        mut answering: tokio::net::tcp::OwnedReadHalf,
        answered: tokio::net::tcp::OwnedWriteHalf,
    ) -> std::io::Result<()> {
        let (mut buffer, mut meter) = (vec![0; SMALL], Meter::default());
        loop {
            let read = answering.read(&mut buffer).await?;
            if read == 0 {
                return Ok(());
            }
            let mut waiting = &buffer[..read];
            while !waiting.is_empty() {
                answered.writable().await?;
                let passed = self.passed.load(Ordering::SeqCst);
                self.reached.send_replace(passed);
                let until = *self
                    .limit
                    .wait_for(|&limit| limit > passed)
                    .await
                    .expect("the gate stands");
                let room = usize::try_from(until - passed).unwrap_or(usize::MAX);
                let next = &waiting[..room.min(waiting.len())];
                let written = match answered.try_write(next) {
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
                    written => written?,
                };
                self.passed.fetch_add(written as u64, Ordering::SeqCst);
                let came = meter.measure(&waiting[..written]);
                self.came.fetch_add(came, Ordering::SeqCst);
                waiting = &waiting[written..];
            }
        }
    }
}

/// Tells the bytes of a file from all else in a row of answers.
#[derive(Default)]
struct Meter {
    head: Vec<u8>,
    /// How much is to come of the body, and whether it is of the file.
    body: u64,
    is_file: bool,
}

impl Meter {
    /// How many of the next bytes are of the file.
    fn measure(&mut self, mut bytes: &[u8]) -> u64 {
        let mut came = 0;
        while !bytes.is_empty() {
            if self.body > 0 {
                let count = (bytes.len() as u64).min(self.body);
                self.body -= count;
                came += if self.is_file { count } else { 0 };
                bytes = &bytes[count as usize..];
                continue;
            }
            self.head.push(bytes[0]);
            bytes = &bytes[1..];
            let seen = self.head.len().saturating_sub(4);
            if head_end(&self.head, seen)
                .expect("houses keep it short")
                .is_some()
            {
                let answer = Response::parse(&self.head).expect("houses speak HTTP");
                self.head.clear();
                // A file is always asked for in ranges.
                self.is_file = answer.status == Status::PARTIAL;
                let Ok(Framing::Length(body)) = answer.framing() else {
                    panic!("houses tell the length: {answer}");
                };
                self.body = body;
            }
        }
        came
    }
}
