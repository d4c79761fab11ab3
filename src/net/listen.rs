//! The one port: accepts, hears the first word, and hands the socket to whom it concerns.
//!
//! Nothing is answered before a word is known, and junk never: it is closed and counted. Who does not come to the point
//! within [`FIRST_WORD`], or does not end a handshake within [`HANDSHAKE`], is closed too.

use std::io;
use std::net::{SocketAddr, SocketAddrV4};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::admission::{Admission, Permit};
use super::greet::{Failure, converse, place, whole_group};
use super::inbox::{Greeted, Inbox, Order, Report};
use super::membership::{Membership, find, list, send_list};
use super::word::{BRING, BRING_LIST, FETCH, LONGEST, Word};
use crate::librarian::Shelf;
use crate::overlay::{Direction, Introduction};
use crate::transfer::http::Giv;
use crate::transfer::{Downloads, Seat, Uploads};
use crate::wire::handshake::Answerer;

/// How long a caller may take for its first word.
const FIRST_WORD: Duration = Duration::from_secs(4);

/// So long a silence means one of Napster's peers, the only callers who wait to be greeted. Asked of only while we are
/// registered at an index.
const NAPSTER_WAITS: Duration = Duration::from_millis(1500);

/// How long a caller may take from its connect to the end of the handshake, and whom we call for his part of it.
pub(super) const HANDSHAKE: Duration = Duration::from_secs(9);

/// The longest GIV with its two line ends; the name in it may be long.
const LONGEST_GIV: usize = 1024;

/// How long to leave the port alone when the system has no socket left for us.
const OUT_OF_SOCKETS: Duration = Duration::from_millis(100);

/// The open port.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) inbox: Inbox,
    pub(super) uploads: Arc<Uploads>,
    pub(super) downloads: Downloads,
    pub(super) refused: Arc<AtomicU64>,
    /// Connections it has room for.
    pub(super) most: usize,
    /// For Napster's peers, if we are registered at an index.
    pub(super) napster: Option<Napster>,
}

/// What Napster's peers come for.
#[derive(Debug)]
pub(super) struct Napster {
    /// What we share.
    pub(super) shelf: Shelf,
    /// What we are at the index.
    pub(super) membership: Membership,
}

/// Takes the first free address of `candidates`.
///
/// # Errors
/// None is free; the text names the last one.
pub(super) async fn bind(candidates: &[SocketAddrV4]) -> io::Result<(TcpListener, SocketAddrV4)> {
    let mut last = io::Error::new(io::ErrorKind::InvalidInput, "no address to listen on");
    for addr in candidates {
        match TcpListener::bind(addr).await {
            Ok(listener) => {
                let port = listener.local_addr()?.port();
                return Ok((listener, SocketAddrV4::new(*addr.ip(), port)));
            }
            Err(error) => last = io::Error::new(error.kind(), format!("listen on {addr}: {error}")),
        }
    }
    Err(last)
}

impl Door {
    /// Accepts for ever.
    pub(super) async fn run(self, listener: TcpListener) {
        let door = Arc::new(self);
        let admission = Admission::new(door.most);
        let mut callers = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, SocketAddr::V4(remote))) => match admission.admit(*remote.ip()) {
                        Some(permit) => {
                            let seat = door.uploads.lobby().enter();
                            callers.spawn(door.clone().receive(stream, remote, permit, seat));
                        }
                        None => door.refuse(remote, "too many connections"),
                    },
                    Ok((_, SocketAddr::V6(_))) => {}
                    Err(error) => {
                        tracing::warn!(%error, "accept failed");
                        sleep(OUT_OF_SOCKETS).await;
                    }
                },
                Some(ended) = callers.join_next(), if !callers.is_empty() => {
                    if let Err(error) = ended && error.is_panic() {
                        tracing::error!(%error, "a connection's task panicked");
                    }
                }
            }
        }
    }

    /// Hears the first word of a caller and hands it on.
    async fn receive(
        self: Arc<Self>,
        mut stream: TcpStream,
        remote: SocketAddrV4,
        permit: Permit,
        seat: Seat,
    ) {
        let mut input = BytesMut::new();
        let deadline = Instant::now() + HANDSHAKE;
        let mut greeted = false;
        let word = async {
            if self.napster.is_some() {
                let word = timeout(NAPSTER_WAITS, first_word(&mut stream, &mut input)).await;
                if let Ok(word) = word {
                    return word;
                }
                stream.write_all(b"1").await?;
                greeted = true;
            }
            first_word(&mut stream, &mut input).await
        };
        let word = tokio::select! {
            word = timeout(FIRST_WORD, word) => word,
            () = seat.shown_out() => return self.refuse(remote, "silent while others waited"),
        };
        match word {
            Ok(Ok(Word::Link)) => {
                let answered = tokio::select! {
                    answered = timeout_at(deadline, self.answer(stream, input, remote, permit)) => answered,
                    () = seat.shown_out() => return self.refuse(remote, "slow while others waited"),
                };
                match answered {
                    Ok(Ok(())) => {}
                    Ok(Err(failure)) => self.refuse(remote, &failure.to_string()),
                    Err(_) => self.refuse(remote, "slow handshake"),
                }
            }
            Ok(Ok(Word::Http)) => {
                drop(seat);
                self.uploads.clone().serve(stream, remote, input).await;
                drop(permit);
            }
            Ok(Ok(Word::Probe)) => {
                tracing::debug!(%remote, "probed");
                // Should the actor be gone, there is nobody to tell.
                let _ = self.inbox.send(Report::Probed(*remote.ip())).await;
            }
            Ok(Ok(Word::Fetch)) => match &self.napster {
                Some(Napster { shelf, .. }) => {
                    drop(seat);
                    input.advance(FETCH.len());
                    let find = |name: &str| {
                        find(&shelf.read().unwrap_or_else(PoisonError::into_inner), name)
                    };
                    let uploads = &self.uploads;
                    uploads
                        .hand_over(stream, remote, input, !greeted, find)
                        .await;
                    drop(permit);
                }
                None => self.refuse(remote, "unknown first word"),
            },
            Ok(Ok(Word::Bring)) => match &self.napster {
                Some(Napster { membership, .. }) => {
                    drop(seat);
                    input.advance(BRING.len());
                    let expected = membership.expected();
                    let welcome = expected.welcome(stream, remote, input, !greeted);
                    if let Err(error) = welcome.await {
                        self.refuse(remote, &error.to_string());
                    }
                }
                None => self.refuse(remote, "unknown first word"),
            },
            Ok(Ok(Word::List)) => match &self.napster {
                Some(Napster { shelf, membership }) => {
                    drop(seat);
                    let list = list(&shelf.read().unwrap_or_else(PoisonError::into_inner));
                    if let Err(error) = send_list(stream, !greeted, &membership.nick(), list).await
                    {
                        tracing::debug!(%remote, %error, "our list was not taken");
                    }
                }
                None => self.refuse(remote, "unknown first word"),
            },
            Ok(Ok(Word::Listed)) => match &self.napster {
                Some(Napster { membership, .. }) => {
                    drop(seat);
                    input.advance(BRING_LIST.len());
                    let expected = membership.expected();
                    let welcome = expected.welcome_list(stream, remote, input);
                    if let Err(error) = welcome.await {
                        self.refuse(remote, &error.to_string());
                    }
                }
                None => self.refuse(remote, "unknown first word"),
            },
            Ok(Ok(Word::Giv)) => {
                let taken = tokio::select! {
                    taken = timeout_at(deadline, self.take(stream, input)) => taken,
                    () = seat.shown_out() => return self.refuse(remote, "slow while others waited"),
                };
                match taken {
                    Ok(Ok(true)) => drop(permit),
                    Ok(Ok(false)) => self.refuse(remote, "GIV, but we asked for none"),
                    Ok(Err(error)) => self.refuse(remote, &error.to_string()),
                    Err(_) => self.refuse(remote, "slow GIV"),
                }
            }
            Ok(Ok(Word::Junk)) => self.refuse(remote, "unknown first word"),
            Ok(Err(error)) => self.refuse(remote, &error.to_string()),
            Err(_) => self.refuse(remote, "no first word"),
        }
    }

    /// Hands the connection of a servent we sent a Push to over to the download that waits for it; whether one does.
    async fn take(&self, mut stream: TcpStream, mut input: BytesMut) -> io::Result<bool> {
        let end = loop {
            let line = input.iter().position(|byte| *byte == b'\n');
            // The line is followed by an empty one.
            let rest = line.map(|at| (at, &input[at + 1..]));
            match rest {
                Some((at, [b'\n', ..])) => break at + 2,
                Some((at, [b'\r', b'\n', ..])) => break at + 3,
                _ if input.len() > LONGEST_GIV => return Err(io::ErrorKind::InvalidData.into()),
                _ => {}
            }
            input.reserve(LONGEST);
            if stream.read_buf(&mut input).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        let line = input.split_to(end);
        let line = String::from_utf8_lossy(&line);
        let giv: Giv = line.parse().map_err(io::Error::other)?;
        Ok(self.downloads.given(giv.servent, stream, input))
    }

    /// The answering side of a handshake.
    async fn answer(
        &self,
        mut stream: TcpStream,
        mut input: BytesMut,
        remote: SocketAddrV4,
        permit: Permit,
    ) -> Result<(), Failure> {
        stream.set_nodelay(true)?;
        // Asked only now, so that a caller who never ends its first group holds no slot.
        whole_group(&mut stream, &mut input).await?;
        let (reply, invitation) = oneshot::channel();
        let closed = |_| io::Error::from(io::ErrorKind::ConnectionAborted);
        let invite = Report::Order(Order::Invite {
            from: *remote.ip(),
            reply,
        });
        self.inbox.send(invite).await.map_err(|_| closed(()))?;
        let invitation = invitation.await.map_err(|_| closed(()))?;
        let mut greeting = invitation.greeting;
        place(&mut greeting, &stream)?;
        let mut answerer = Answerer::new(greeting, remote, invitation.vacancy);
        let agreement = converse(&mut stream, &mut input, &mut answerer).await?;
        let greeted = Greeted {
            stream,
            rest: input,
            who: Introduction {
                direction: Direction::Incoming,
                remote,
                agreement,
            },
            permit: Some(permit),
        };
        let report = Report::Greeted(Box::new(greeted));
        self.inbox.send(report).await.map_err(|_| closed(()))?;
        drop(invitation.slot);
        Ok(())
    }

    fn refuse(&self, remote: SocketAddrV4, why: &str) {
        self.refused.fetch_add(1, Relaxed);
        tracing::debug!(%remote, why, "refused");
    }
}

async fn first_word(stream: &mut TcpStream, input: &mut BytesMut) -> io::Result<Word> {
    loop {
        if let Some(word) = Word::read(input) {
            return Ok(word);
        }
        input.reserve(LONGEST);
        if stream.read_buf(input).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}
