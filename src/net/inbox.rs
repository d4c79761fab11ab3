//! What reaches the actor: news from its tasks, and orders from those who hold a [`super::Servent`].
//!
//! One bounded channel for all. tokio serves its waiting senders first come, first served, so once it is full a neighbour
//! that floods us waits its turn behind every other after each descriptor: nobody starves, and its own TCP window closes.

use std::net::SocketAddrV4;

use bytes::BytesMut;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

use super::admission::Permit;
use super::link::Ending;
use super::search::Search;
use super::{PeerStatus, Status};
use crate::overlay::{Introduction, PeerId, Strategy};
use crate::transfer::PushCall;
use crate::wire::handshake::{Greeting, Vacancy};
use crate::wire::qrp::RouteTable;
use crate::wire::{Descriptor, Query};

/// How many reports may wait. All of them may be one neighbour's queries that match half the library, a millisecond
/// each, and whoever speaks next waits for them: with 256 an honest query took a quarter of a second.
pub(super) const INBOX: usize = 16;

/// The way to the actor.
pub(super) type Inbox = mpsc::Sender<Report>;

/// News from a task, or an order.
#[derive(Debug)]
pub(super) enum Report {
    /// A handshake went well: here is a new neighbour.
    Greeted(Box<Greeted>),
    /// A dial came to nothing.
    Unreachable {
        addr: SocketAddrV4,
        hosts: Vec<SocketAddrV4>,
        why: std::io::Error,
    },
    /// A neighbour sent a descriptor.
    Received {
        from: PeerId,
        descriptor: Descriptor,
    },
    /// A datagram came.
    Datagram {
        from: SocketAddrV4,
        descriptor: Descriptor,
    },
    /// Somebody connected only to see whether that can be done.
    Probed(std::net::Ipv4Addr),
    /// A link ended by itself.
    Ended { peer: PeerId, how: Ending },
    /// What we share has changed, and this is its table now.
    Shelf(RouteTable),
    /// Somebody wants something.
    Order(Order),
}

/// A socket on which the handshake is over.
#[derive(Debug)]
pub(super) struct Greeted {
    /// The socket.
    pub(super) stream: TcpStream,
    /// What was read beyond the handshake.
    pub(super) rest: BytesMut,
    /// Who is there.
    pub(super) who: Introduction,
    /// Its place among the incoming connections; none when we dialled.
    pub(super) permit: Option<Permit>,
}

/// What somebody wants of the actor. An answer whose receiver is gone is thrown away.
#[derive(Debug)]
pub(super) enum Order {
    /// Ask the network.
    Search {
        query: Query,
        by: Option<Strategy>,
        reply: oneshot::Sender<Search>,
    },
    /// The receiver of the hits of this search is gone.
    SearchDropped(crate::wire::Guid),
    /// Dial.
    Connect {
        addr: SocketAddrV4,
        reply: oneshot::Sender<std::io::Result<()>>,
    },
    /// Send a Push: ask a servent to connect to us.
    Push(PushCall),
    /// Somebody at `teller` told of these hosts.
    Hear {
        hosts: Vec<SocketAddrV4>,
        teller: std::net::Ipv4Addr,
    },
    /// Here are more UDP host caches.
    LearnCaches(Vec<SocketAddrV4>),
    /// The gateway passes this port of its own through to ours.
    Outside(u16),
    /// Hang up.
    Disconnect {
        addr: SocketAddrV4,
        reply: oneshot::Sender<bool>,
    },
    /// Who is there?
    Peers(oneshot::Sender<Vec<PeerStatus>>),
    /// How are you?
    Status(oneshot::Sender<Status>),
    /// A caller wants in: what do we say of ourselves, and is there room?
    Invite {
        from: std::net::Ipv4Addr,
        reply: oneshot::Sender<Invitation>,
    },
}

/// What a caller is answered with.
#[derive(Debug)]
pub(super) struct Invitation {
    /// Who we are.
    pub(super) greeting: Greeting,
    /// Whether there is room.
    pub(super) vacancy: Vacancy,
    /// Held until the handshake is over: while it lives, one slot counts as taken.
    pub(super) slot: Slot,
}

/// A slot promised to a caller whose handshake is not over. The actor counts how many of these are alive.
#[derive(Clone, Debug, Default)]
pub(super) struct Slot(std::sync::Arc<()>);

impl Slot {
    /// How many clones of this one there are beside it.
    pub(super) fn promised(&self) -> usize {
        std::sync::Arc::strong_count(&self.0) - 1
    }
}
