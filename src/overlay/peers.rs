//! The neighbours: who they are, what they are owed, what they have done.
//!
//! Some hundreds at most, so a `Vec`, in the order the links came up: the same run has the same order.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use crate::time::Time;
use crate::wire::Guid;
use crate::wire::handshake::Role;
use crate::wire::qrp::{Receiver, RouteTable};

use super::proxies::Proxy;
use super::quota::{Debt, Quota};
use super::skills::Skills;
use super::tables::Given;
use super::{Direction, Introduction, PeerId};

/// A neighbour: in public what `peers` shows of it.
///
/// What every descriptor looks at stands first, within two cache lines, and stays there: a servent has hundreds of
/// neighbours, a simulated network millions, and fetching them from memory is most of what passing a query on costs.
#[derive(Debug)]
#[repr(C)]
pub struct Peer {
    /// Its number.
    pub id: PeerId,
    /// Queries and pushes it sent beyond its quota, lately.
    pub(super) excess: u32,
    /// Whether it is a leaf of ours.
    leaf: bool,
    /// It takes queries with fewer hops than this (BEAR/4).
    pub(super) hops_flow: u8,
    /// We take queries from it with fewer hops than this, as it has been told.
    pub(super) flow_told: u8,
    /// Pongs it may still send: some for each ping of ours.
    pub(super) pongs_due: u8,
    /// Rules it broke.
    pub(super) faults: u8,
    /// Descriptors received from it.
    pub received: u64,
    /// Descriptors sent to it.
    pub sent: u64,
    /// When it was last heard.
    pub(super) heard: Time,
    /// When it last heard us.
    pub(super) spoken: Time,
    /// Queries and pushes we take from it.
    pub(super) queries: Quota,
    /// What it owes for the work these made.
    pub(super) work: Debt,
    /// Its route table as it arrives.
    pub(super) routing: Option<Box<Receiver>>,

    /// Who it is.
    pub who: Arc<Introduction>,
    /// Since when.
    pub since: Time,
    /// When it was last pinged.
    pub(super) pinged: Time,
    /// When it was last asked for other hosts.
    pub(super) asked: Time,
    /// Pongs we send it.
    pub(super) pongs: Quota,
    /// When we last answered a query it brought.
    pub(super) answered: Option<Time>,
    /// Servents it was the first to bring a hit of.
    pub(super) servents: Quota,
    /// Updates of its route table.
    pub(super) updates: Quota,
    /// Ours as it has it.
    pub(super) given: Given,
    /// What it understands.
    pub(super) skills: Skills,
    /// Whether it passes pushes on to us.
    pub(super) proxy: Proxy,
    /// The GUID under which it has us pass pushes on to it.
    pub(super) client: Option<Guid>,
}

impl Peer {
    /// A neighbour whose link has just come up.
    pub(super) fn new(now: Time, id: PeerId, who: Arc<Introduction>) -> Self {
        Self {
            id,
            excess: 0,
            leaf: matches!(who.agreement.role, Role::Leaf),
            hops_flow: u8::MAX,
            flow_told: u8::MAX,
            pongs_due: 0,
            faults: 0,
            received: 0,
            sent: 0,
            heard: now,
            spoken: now,
            queries: Quota::NEW,
            work: Debt::NONE,
            routing: None,
            who,
            since: now,
            pinged: now,
            asked: now,
            pongs: Quota::NEW,
            answered: None,
            servents: Quota::NEW,
            updates: Quota::NEW,
            given: Given::NOTHING,
            skills: Skills::NONE,
            proxy: Proxy::Unasked,
            client: None,
        }
    }

    /// Whether it is a leaf of ours.
    pub const fn is_leaf(&self) -> bool {
        self.leaf
    }

    /// Its route table, once it is complete.
    pub fn table(&self) -> Option<&RouteTable> {
        self.routing.as_ref()?.table()
    }

    /// The hops below which it takes queries; none when it takes all.
    pub fn hops_flow(&self) -> Option<u8> {
        (self.hops_flow < u8::MAX).then_some(self.hops_flow)
    }

    /// Whether it is known under this address: the far end of its link, or where it listens.
    pub fn is_known_as(&self, addr: SocketAddrV4) -> bool {
        self.who.remote == addr || self.who.agreement.listen == Some(addr)
    }

    /// Whether it passes pushes on to us.
    pub const fn is_proxy(&self) -> bool {
        matches!(self.proxy, Proxy::Serves(_))
    }

    /// Whether we pass pushes on to it.
    pub const fn is_client(&self) -> bool {
        self.client.is_some()
    }

    /// Where it listens, as far as we know.
    pub(super) fn listening(&self) -> Option<SocketAddrV4> {
        self.who.listening()
    }
}

impl Introduction {
    /// Where the servent listens: what it says, else where we dialled it.
    pub(super) fn listening(&self) -> Option<SocketAddrV4> {
        let dialled = (self.direction == Direction::Outgoing).then_some(self.remote);
        self.agreement.listen.or(dialled)
    }

    /// Whether a servent that can be dialled at `addr` is at the far end.
    fn is_at(&self, addr: SocketAddrV4) -> bool {
        self.agreement.listen == Some(addr)
            || (self.direction == Direction::Outgoing && self.remote == addr)
    }
}

/// What to do about a second link to the same servent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Twin {
    /// There is none.
    None,
    /// The new link goes.
    CloseNew,
    /// The link of this neighbour goes.
    CloseOld(PeerId),
}

/// The neighbours, oldest link first.
#[derive(Debug, Default)]
pub(super) struct Peers {
    list: Vec<Peer>,
    /// Their numbers once more, in the same order: a thousand of these lie closer together than ten neighbours, and every
    /// descriptor looks for a few.
    ids: Vec<PeerId>,
}

impl Peers {
    pub(super) fn as_slice(&self) -> &[Peer] {
        &self.list
    }

    /// How many of them are leaves.
    pub(super) fn leaves(&self) -> usize {
        self.list.iter().filter(|peer| peer.is_leaf()).count()
    }

    /// How many are not.
    pub(super) fn ultrapeers(&self) -> usize {
        self.list.len() - self.leaves()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn get(&self, id: PeerId) -> Option<&Peer> {
        self.list.get(self.place(id)?)
    }

    pub(super) fn get_mut(&mut self, id: PeerId) -> Option<&mut Peer> {
        let place = self.place(id)?;
        self.list.get_mut(place)
    }

    /// See [`super::Overlay::glance`]. The numbers of links that never broke are also their places.
    pub(super) fn glance(&self, id: PeerId) -> u64 {
        let number = self.ids.first().map_or(0, |id| u64::from(id.0));
        let peer = self.list.get(id.0 as usize);
        number ^ peer.map_or(0, |peer| peer.received ^ u64::from(peer.routing.is_some()))
    }

    fn place(&self, id: PeerId) -> Option<usize> {
        self.ids.iter().position(|other| *other == id)
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Peer> {
        self.list.iter()
    }

    pub(super) fn iter_mut(&mut self) -> std::slice::IterMut<'_, Peer> {
        self.list.iter_mut()
    }

    pub(super) fn add(&mut self, peer: Peer) {
        self.ids.push(peer.id);
        if self.list.len() == self.list.capacity() {
            // Room for as many again would be most of what a servent of few neighbours takes.
            self.list.reserve_exact(self.list.len() / 4 + 1);
        }
        self.list.push(peer);
    }

    pub(super) fn remove(&mut self, id: PeerId) -> Option<Peer> {
        let place = self.place(id)?;
        self.ids.remove(place);
        Some(self.list.remove(place))
    }

    /// How many links to ultrapeers we dialled ourselves.
    pub(super) fn outgoing(&self) -> usize {
        let ours = |peer: &&Peer| peer.who.direction == Direction::Outgoing && !peer.is_leaf();
        self.list.iter().filter(ours).count()
    }

    /// How many links were opened to us from `ip`.
    pub(super) fn incoming_from(&self, ip: Ipv4Addr) -> usize {
        let theirs =
            |peer: &&Peer| peer.who.direction == Direction::Incoming && *peer.who.remote.ip() == ip;
        self.list.iter().filter(theirs).count()
    }

    /// Whether one of them listens at `addr`.
    pub(super) fn are_at(&self, addr: SocketAddrV4) -> bool {
        self.list.iter().any(|peer| peer.who.is_at(addr))
    }

    /// Which link goes when `who` is a neighbour already.
    ///
    /// The one that has stood stays. But when two servents dial each other at the same moment, either would keep its
    /// own and close the other's, and both links would be gone: of two young links in opposite directions the one
    /// that the servent with the smaller GUID dialled stays, which both ends know.
    pub(super) fn twin(&self, now: Time, who: &Introduction, ours: Guid) -> Twin {
        let Some(old) = self.list.iter().find(|peer| peer.who.is_same(who)) else {
            return Twin::None;
        };
        let crossed = old.who.direction != who.direction && now.since(old.since) < CROSSING;
        let Some(theirs) = who.agreement.guid.filter(|_| crossed) else {
            return Twin::CloseNew;
        };
        let dialled_by_smaller = match who.direction {
            Direction::Outgoing => ours < theirs,
            Direction::Incoming => theirs < ours,
        };
        if dialled_by_smaller {
            Twin::CloseOld(old.id)
        } else {
            Twin::CloseNew
        }
    }
}

impl Introduction {
    /// Whether the same servent is at both far ends: by GUID and host where both tell theirs, else by where it listens.
    /// A GUID alone proves nothing: it stands in every hit, and whoever claimed it first would shut its owner out.
    fn is_same(&self, other: &Self) -> bool {
        match (self.agreement.guid, other.agreement.guid) {
            (Some(a), Some(b)) => a == b && self.remote.ip() == other.remote.ip(),
            _ => other.listening().is_some_and(|addr| self.is_at(addr)),
        }
    }
}

/// How long after a link came up a second one may still have been dialled without knowing of it.
const CROSSING: Duration = Duration::from_secs(10);
