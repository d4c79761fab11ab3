//! The neighbours: who they are, what they are owed, what they have done.
//!
//! Some hundreds at most, so a `Vec`, in the order the links came up: the same run has the same order.

use std::net::{Ipv4Addr, SocketAddrV4};
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
#[derive(Debug)]
pub struct Peer {
    /// Its number.
    pub id: PeerId,
    /// Who it is.
    pub who: Introduction,
    /// Since when.
    pub since: Time,
    /// Descriptors received from it.
    pub received: u64,
    /// Descriptors sent to it.
    pub sent: u64,

    /// When it was last heard.
    pub(super) heard: Time,
    /// When it last heard us.
    pub(super) spoken: Time,
    /// When it was last pinged.
    pub(super) pinged: Time,
    /// When it was last asked for other hosts.
    pub(super) asked: Time,
    /// Pongs it may still send: some for each ping of ours.
    pub(super) pongs_due: u8,
    /// Pongs we send it.
    pub(super) pongs: Quota,
    /// Queries we take from it.
    pub(super) queries: Quota,
    /// What it owes for the work these made.
    pub(super) work: Debt,
    /// Queries it sent beyond that, lately.
    pub(super) excess: u32,
    /// Rules it broke.
    pub(super) faults: u8,
    /// When we last answered a query it brought.
    pub(super) answered: Option<Time>,
    /// Its route table as it arrives.
    pub(super) routing: Option<Box<Receiver>>,
    /// Ours as it has it.
    pub(super) given: Given,
    /// It takes queries with fewer hops than this (BEAR/4).
    pub(super) hops_flow: u8,
    /// We take queries from it with fewer hops than this, as it has been told.
    pub(super) flow_told: u8,
    /// What it understands.
    pub(super) skills: Skills,
    /// Whether it passes pushes on to us.
    pub(super) proxy: Proxy,
    /// The GUID under which it has us pass pushes on to it.
    pub(super) client: Option<Guid>,
}

impl Peer {
    /// A neighbour whose link has just come up.
    pub(super) const fn new(now: Time, id: PeerId, who: Introduction) -> Self {
        Self {
            id,
            who,
            since: now,
            received: 0,
            sent: 0,
            heard: now,
            spoken: now,
            pinged: now,
            asked: now,
            pongs_due: 0,
            pongs: Quota::NEW,
            queries: Quota::NEW,
            work: Debt::NONE,
            excess: 0,
            faults: 0,
            answered: None,
            routing: None,
            given: Given::NOTHING,
            hops_flow: u8::MAX,
            flow_told: u8::MAX,
            skills: Skills::NONE,
            proxy: Proxy::Unasked,
            client: None,
        }
    }

    /// Whether it is a leaf of ours.
    pub fn is_leaf(&self) -> bool {
        self.who.agreement.role == Role::Leaf
    }

    /// Its route table, once it is complete.
    pub fn table(&self) -> Option<&RouteTable> {
        self.routing.as_ref()?.table()
    }

    /// The hops below which it takes queries; none when it takes all.
    pub fn hops_flow(&self) -> Option<u8> {
        (self.hops_flow < u8::MAX).then_some(self.hops_flow)
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
