//! The two enums of the one door: what the world tells the overlay, and what the overlay asks of the world.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use crate::time::Time;
use crate::wire::handshake::Agreement;
use crate::wire::qrp::RouteTable;
use crate::wire::{ByeCode, Descriptor, Guid, Push, Query, QueryHit, Record};

use super::{Repute, Strategy};

/// A neighbour's number, given by the driver and never given twice. The core only compares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub u32);

/// Who opened a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The neighbour dialled us.
    Incoming,
    /// We dialled the neighbour.
    Outgoing,
}

/// A new neighbour, as the handshake left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Introduction {
    /// Who opened the link.
    pub direction: Direction,
    /// The far end of the socket: for an outgoing link, the address we dialled.
    pub remote: SocketAddrV4,
    /// What both sides agreed on.
    pub agreement: Agreement,
}

/// What happens to the overlay.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A link is up.
    Connected {
        /// The new neighbour's number.
        peer: PeerId,
        /// Who it is.
        who: Arc<Introduction>,
    },
    /// A link is gone, whoever closed it.
    Disconnected {
        /// Whose link.
        peer: PeerId,
    },
    /// A dial came to nothing: no answer, or a refusal that may name others.
    Unreachable {
        /// Who was dialled.
        addr: SocketAddrV4,
        /// Whom it named instead.
        hosts: Vec<SocketAddrV4>,
    },
    /// A neighbour sent a descriptor (header as on the wire: TTL not yet lowered, hops not yet raised).
    Received {
        /// Which neighbour.
        from: PeerId,
        /// What it sent.
        descriptor: Descriptor,
    },
    /// A datagram came (its payload inflated, the mark of that still in its TTL). Anybody may have written its sender's
    /// address.
    Datagram {
        /// Who sent it, as it says.
        from: SocketAddrV4,
        /// What it is.
        descriptor: Descriptor,
    },
    /// Somebody connected to us only to see whether that can be done.
    Probed {
        /// From where.
        by: Ipv4Addr,
    },
    /// The answer to [`Effect::Lookup`].
    Found {
        /// The GUID of the query.
        query: Guid,
        /// Our files that match; may be none.
        records: Vec<Record>,
    },
    /// The answer to [`Effect::Wake`].
    Woke(Timer),
    /// The user's, or the driver's, wish.
    Command(Command),
}

/// What the servent's owner wants of the overlay.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Begin: start the timers, dial.
    Start,
    /// Ask the network. Hits arrive as [`Event::Hit`] with this GUID.
    Search {
        /// The GUID the Query is to carry.
        guid: Guid,
        /// What is looked for.
        query: Box<Query>,
        /// How; none for the configured way.
        by: Option<Strategy>,
    },
    /// Forget a search: later hits for it are dropped.
    EndSearch(Guid),
    /// Dial this address now, slots permitting or not.
    Connect(SocketAddrV4),
    /// Close the link to this neighbour and do not dial it again for a while.
    Disconnect(PeerId),
    /// Candidates from a file or a user.
    Learn(Vec<SocketAddrV4>),
    /// Hosts of an earlier run, and how well each was known.
    Remember(Vec<(SocketAddrV4, Repute)>),
    /// Hosts that somebody told of who is no neighbour: a web cache.
    Hear {
        /// Where servents listen, as he says.
        hosts: Vec<SocketAddrV4>,
        /// Where he stands.
        teller: Ipv4Addr,
    },
    /// UDP host caches from a file or a user; forgotten without [`Command::Datagrams`] before.
    LearnCaches(Vec<SocketAddrV4>),
    /// Where we can be reached, when it becomes known or changes.
    Listening(SocketAddrV4),
    /// There is a socket for datagrams, at the port we listen on.
    Datagrams,
    /// What we share, for pongs.
    Sharing {
        /// Files.
        files: u32,
        /// Their size together, in KiB.
        kib: u32,
    },
    /// The table of the words and digests of what we share, for those who route queries to us.
    Shelf(Box<RouteTable>),
    /// Whether all upload slots are taken, for hits.
    Busy(bool),
    /// Ask a servent whose hit we saw to connect to us and offer a file (GIV), because it cannot be connected to.
    Push {
        /// The servent's GUID.
        servent: Guid,
        /// The file's index.
        index: u32,
    },
    /// Pass a push on to a leaf that asked for it: somebody has connected to us and wants it.
    PassPush {
        /// From where he connected.
        asker: Ipv4Addr,
        /// What he wants.
        push: Box<Push>,
    },
    /// Say Bye to everybody and take no new neighbours.
    Leave,
}

/// What the overlay asks of the world.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Open a link to this address; answered by [`Input::Connected`] or [`Input::Unreachable`].
    Dial(SocketAddrV4),
    /// Close a link after a Bye. The overlay has forgotten the neighbour already; a late [`Input::Disconnected`] is
    /// ignored.
    Hangup {
        /// Whose.
        peer: PeerId,
        /// The code of the Bye.
        code: ByeCode,
        /// Its words.
        why: &'static str,
    },
    /// Close a link at once and without a word: the neighbour itself said Bye (Bye 0.1: no reply).
    Close {
        /// Whose.
        peer: PeerId,
    },
    /// Put a descriptor on a link.
    Send {
        /// Whose.
        to: PeerId,
        /// What.
        descriptor: Descriptor,
    },
    /// Send a datagram. A payload whose TTL is so marked may be deflated.
    SendTo {
        /// Where.
        addr: SocketAddrV4,
        /// What.
        descriptor: Descriptor,
    },
    /// Connect there, say two line feeds and close: a neighbour there wants to know whether that can be done.
    Probe(SocketAddrV4),
    /// Ask our own library; answered by [`Input::Found`].
    Lookup {
        /// The GUID of the query.
        guid: Guid,
        /// What is looked for.
        query: Box<Query>,
    },
    /// Call back; answered by [`Input::Woke`].
    Wake {
        /// How long from now.
        after: Duration,
        /// With what.
        timer: Timer,
    },
    /// News for the owner.
    Tell(Event),
}

/// Why the overlay asked to be woken. Timers are never cancelled: one that has become pointless does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timer {
    /// Look at every link: who is silent, who must hear from us.
    KeepAlive,
    /// Are there neighbours enough?
    Grow,
    /// Is this dynamic query to go further?
    Ask(Guid),
    /// Is this expanding ring to be widened?
    Widen(Guid),
    /// A walker has rested.
    WalkOn,
}

/// News for the owner of the servent.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A neighbour joined.
    PeerUp(PeerId),
    /// A neighbour is gone.
    PeerDown(PeerId),
    /// A hit for a search of ours.
    Hit {
        /// The search.
        query: Guid,
        /// What was found.
        hit: Box<QueryHit>,
        /// How many links the hit crossed: our own neighbour's hit crossed one.
        hops: u8,
        /// When it came.
        at: Time,
    },
    /// Somebody who found a file of ours asks us to connect to it and offer the file (GIV).
    PushAsked {
        /// The file's index.
        index: u32,
        /// Where to connect to.
        addr: SocketAddrV4,
    },
    /// A neighbour said Bye.
    Bye {
        /// Who.
        peer: PeerId,
        /// Its code.
        code: ByeCode,
        /// Its words, as sent.
        text: String,
    },
}

/// Where the overlay puts its effects.
pub trait Outbox {
    /// Takes one effect. Must not call the overlay back.
    fn push(&mut self, effect: Effect);
}

impl Outbox for Vec<Effect> {
    fn push(&mut self, effect: Effect) {
        Self::push(self, effect);
    }
}
