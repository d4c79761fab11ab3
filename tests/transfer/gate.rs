//! A gate before houses: counts what comes out of them, and holds it back once there was enough.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::house::v4;

/// The size of the gate's buffers, in bytes.
const SMALL: usize = 256 * 1024;

/// A gate.
pub(crate) struct Gate {
    passed: Arc<AtomicU64>,
    limit: watch::Sender<u64>,
    reached: watch::Sender<u64>,
    /// How many connections pass through it.
    busy: watch::Sender<usize>,
}

impl Gate {
    /// A gate that is closed.
    pub(crate) fn closed() -> Self {
        Self {
            passed: Arc::default(),
            limit: watch::Sender::new(0),
            reached: watch::Sender::new(0),
            busy: watch::Sender::new(0),
        }
    }

    /// A way through it to a house.
    pub(crate) async fn to(&self, house: SocketAddrV4) -> SocketAddrV4 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let addr = v4(listener.local_addr().expect("it has one"));
        let (counter, reach) = (self.passed.clone(), self.reached.clone());
        let (limited, come_and_go) = (self.limit.subscribe(), self.busy.clone());
        tokio::spawn(async move {
            while let Ok((outside, _)) = listener.accept().await {
                // What waits in the gate's own buffer has not come out.
                let small = socket2::SockRef::from(&outside).set_send_buffer_size(SMALL);
                small.expect("a socket of its own");
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
        addr
    }

    /// Lets bytes out until this many came in all, and returns then.
    pub(crate) async fn open_until(&self, limit: u64) {
        self.limit.send_replace(limit);
        let mut reached = self.reached.subscribe();
        let reached = reached.wait_for(|&reached| reached >= limit).await;
        reached.expect("the gate stands");
    }

    /// Waits until nobody is there: what a dead caller still had to get would be counted for the next one.
    pub(crate) async fn deserted(&self) {
        let mut busy = self.busy.subscribe();
        busy.wait_for(|&busy| busy == 0)
            .await
            .expect("the gate stands");
    }

    /// Lets all out.
    pub(crate) fn open(&self) {
        self.limit.send_replace(u64::MAX);
    }

    pub(crate) fn passed(&self) -> u64 {
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
            // Another connection may have taken what was left.
            let left = until.saturating_sub(counter.load(Ordering::SeqCst)).max(1);
            let room = usize::try_from(left)
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
