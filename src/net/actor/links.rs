//! The actor's side of its links: who is dialled, welcomed, and parted from.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::task::JoinError;

use super::Actor;
use crate::net::dial::dial;
use crate::net::inbox::{Greeted, Invitation};
use crate::net::link::{Ending, Link, Start};
use crate::overlay::{Command, Direction, Input, PeerId};
use crate::wire::handshake::Greeting;
use crate::wire::{ByeCode, Descriptor, Guid, Kind};

/// Dials under way at once. The overlay asks for a few; this bounds what a user's script may ask for.
const DIALS: usize = 64;

impl Actor {
    pub(super) fn dial(&mut self, addr: SocketAddrV4) {
        if self.dials.contains_key(&addr) {
            return;
        }
        if self.dials.len() >= DIALS || self.whereabouts.is_self(addr) {
            let hosts = Vec::new();
            return self.inputs.push_back(Input::Unreachable { addr, hosts });
        }
        self.dials.insert(addr, Vec::new());
        let errand = dial(addr, self.greeting(), self.parts.inbox.clone());
        self.errands.spawn(errand);
    }

    pub(super) fn hang_up(&mut self, peer: PeerId, code: ByeCode, why: &str) {
        if let Some(link) = self.links.remove(&peer) {
            tracing::debug!(peer = peer.0, remote = %link.remote, code = code.0, why, "hung up");
            link.hang_up(Guid::random(&mut self.rng), code, why);
            self.inputs.push_back(Input::Disconnected { peer });
        }
    }

    /// Closes a link without a word: the neighbour has said Bye.
    pub(super) fn close(&mut self, peer: PeerId) {
        self.links.remove(&peer);
    }

    pub(super) fn send(&mut self, to: PeerId, descriptor: Descriptor) {
        let Some(link) = self.links.get(&to) else {
            return;
        };
        let header = descriptor.header;
        if link.send(descriptor) && header.kind == Kind::Query {
            self.searches.sent(header.guid);
        }
    }

    /// A handshake went well: a new neighbour, if the overlay keeps it.
    pub(super) fn welcome(&mut self, greeted: Greeted) {
        let peer = PeerId(self.next_peer);
        self.next_peer += 1;
        let who = greeted.who;
        self.locate(&greeted.stream, who.remote, who.agreement.seen_as);
        let start = Start {
            peer,
            stream: greeted.stream,
            rest: greeted.rest,
            remote: who.remote,
            agreement: &who.agreement,
            permit: greeted.permit,
            delay: self.parts.link_delay,
            limits: [self.parts.uploads.limit(), self.parts.downloads.limit()],
            shed: self.shed.clone(),
        };
        let link = Link::start(start, &self.parts.inbox, &mut self.link_tasks);
        self.links.insert(peer, link);
        let (direction, remote) = (who.direction, who.remote);
        let who = Arc::new(who);
        self.take(Input::Connected { peer, who });
        if direction == Direction::Outgoing {
            // The overlay keeps one link to each servent; should they have called us first, theirs will do.
            let linked = self.links.contains_key(&peer) || self.peer_at(remote).is_some();
            let outcome = linked.then_some(()).ok_or_else(|| {
                let why = "the overlay does not want this link";
                io::Error::new(io::ErrorKind::ConnectionAborted, why)
            });
            self.answer_dial(remote, &outcome);
        }
    }

    /// Learns from a new link where we are.
    fn locate(&mut self, stream: &TcpStream, remote: SocketAddrV4, seen_as: Option<Ipv4Addr>) {
        let Ok(SocketAddr::V4(local)) = stream.local_addr() else {
            return;
        };
        let before = self.whereabouts.address();
        self.whereabouts.hear(*remote.ip(), seen_as, *local.ip());
        if let Some(addr) = self.whereabouts.address()
            && before != Some(addr)
        {
            self.take(Input::Command(Command::Listening(addr)));
        }
    }

    /// Tells those who wait for a dial how it went.
    pub(super) fn answer_dial(&mut self, addr: SocketAddrV4, outcome: &io::Result<()>) {
        for reply in self.dials.remove(&addr).unwrap_or_default() {
            let outcome = match outcome {
                Ok(()) => Ok(()),
                Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
            };
            // Who has stopped waiting needs no answer.
            let _ = reply.send(outcome);
        }
    }

    /// A link ended by itself.
    pub(super) fn part(&mut self, peer: PeerId, how: &Ending) {
        let Some(link) = self.links.remove(&peer) else {
            return;
        };
        if let Some((code, why)) = how.bye() {
            tracing::info!(peer = peer.0, remote = %link.remote, code = code.0, why = %how, "hung up");
            link.hang_up(Guid::random(&mut self.rng), code, why);
        }
        self.take(Input::Disconnected { peer });
    }

    /// A task of a link panicked: a mistake of ours, but only this link's end.
    pub(super) fn bury(&mut self, error: &JoinError) {
        if !error.is_panic() {
            return;
        }
        tracing::error!(%error, "a link's task panicked");
        let owner = (self.links.iter())
            .find(|(_, link)| link.owns(error.id()))
            .map(|(peer, _)| *peer);
        if let Some(peer) = owner {
            self.part(peer, &Ending::Closed);
        }
    }

    pub(super) fn invitation(&self, newcomer: Ipv4Addr) -> Invitation {
        let mut vacancy = self.overlay.vacancy_for(self.now(), newcomer);
        // Which kind of slot each will take is not known yet.
        let promised = self.slot.promised();
        vacancy.free = vacancy.free.saturating_sub(promised);
        vacancy.leaves = vacancy.leaves.saturating_sub(promised);
        Invitation {
            greeting: self.greeting(),
            vacancy,
            slot: self.slot.clone(),
        }
    }

    /// What we say of ourselves. Where our address is not known yet it is `0.0.0.0`, for the socket to fill in.
    fn greeting(&self) -> Greeting {
        let config = &self.parts.config;
        let slots = u32::try_from(config.slots).unwrap_or(u32::MAX);
        Greeting {
            agent: self.parts.agent.clone(),
            guid: self.parts.guid,
            role: self.overlay.role(),
            guidable: self.overlay.is_guidable(),
            listen: self.whereabouts.address().or(Some(self.parts.listen)),
            degree: config.degree.unwrap_or(slots),
            max_ttl: config.ttl,
            deflate: self.parts.deflate,
            relays: config.relays,
        }
    }

    pub(super) fn peer_at(&self, addr: SocketAddrV4) -> Option<PeerId> {
        let mut peers = self.overlay.peers().iter();
        peers
            .find(|peer| peer.is_known_as(addr))
            .map(|peer| peer.id)
    }
}
