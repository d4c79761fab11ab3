//! Calling another servent: connect, shake hands, report.

use std::io;
use std::net::SocketAddrV4;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::greet::{Failure, converse, place};
use super::inbox::{Greeted, Inbox, Report};
use super::listen::HANDSHAKE;
use crate::overlay::{Direction, Introduction};
use crate::wire::handshake::{Caller, Greeting};

/// How long a connect may take. A host that needs longer is no good neighbour.
const CONNECT: Duration = Duration::from_secs(5);

/// Calls `addr`, and reports a new neighbour or why there is none.
pub(super) async fn dial(addr: SocketAddrV4, greeting: Greeting, inbox: Inbox) {
    let report = match call(addr, greeting).await {
        Ok(greeted) => Report::Greeted(Box::new(greeted)),
        Err(mut failure) => {
            tracing::debug!(%addr, why = %failure, "not connected");
            let hosts = failure.hosts();
            let why = failure.into();
            Report::Unreachable { addr, hosts, why }
        }
    };
    // Should the actor be gone, there is nobody to tell.
    let _ = inbox.send(report).await;
}

/// Connects to `addr` for a neighbour there who wants to know whether that can be done, and says so (as gtk-gnutella does;
/// LimeWire takes it too).
pub(super) async fn probe(addr: SocketAddrV4) {
    let knock = async {
        let mut stream = TcpStream::connect(addr).await?;
        stream.write_all(b"\n\n").await?;
        stream.shutdown().await
    };
    let outcome = timeout(CONNECT, knock).await;
    tracing::debug!(%addr, ?outcome, "called back");
}

async fn call(addr: SocketAddrV4, mut greeting: Greeting) -> Result<Greeted, Failure> {
    let late =
        |what: &str| io::Error::new(io::ErrorKind::TimedOut, format!("{what} took too long"));
    let mut stream = timeout(CONNECT, TcpStream::connect(addr))
        .await
        .map_err(|_| late("the connect"))??;
    stream.set_nodelay(true)?;
    place(&mut greeting, &stream)?;
    let (mut caller, hello) = Caller::new(greeting, addr);
    let mut rest = BytesMut::new();
    let talk = async {
        stream.write_all(hello.as_bytes()).await?;
        converse(&mut stream, &mut rest, &mut caller).await
    };
    let agreement = timeout(HANDSHAKE, talk)
        .await
        .map_err(|_| late("the handshake"))??;
    let who = Introduction {
        direction: Direction::Outgoing,
        remote: addr,
        agreement,
    };
    Ok(Greeted {
        stream,
        rest,
        who,
        permit: None,
    })
}
