//! Push proxies: ultrapeers that pass pushes on to a servent to whom nobody can connect (section "Vendor messages",
//! LIME/21 and LIME/22; over HTTP and UDP, "push proxy").
//!
//! The one rule for us behind the wall: a proxy is named in our hits by the address its link comes from, whatever it
//! says of itself; else a third party would be named there.
//!
//! The one rule as a proxy: only for leaves that asked for it, and only toward the very address that asks for the push,
//! which has proved that it stands there: by a connection, or by sending back a ping of ours.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use crate::time::Time;
use crate::wire::{Descriptor, Ggep, Guid, Kind, Push, VendorMeaning};

use super::datagram::packed;
use super::ledger::Pending;
use super::offer::LOWEST_PORT;
use super::push::SEEN;
use super::reach::is_possible;
use super::{Outbox, Overlay, PeerId};

/// Whether a neighbour passes pushes on to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proxy {
    /// It has not been asked.
    Unasked,
    /// It has not answered since.
    Asked(Time),
    /// It does, for those who come to it here.
    Serves(SocketAddrV4),
}

impl Proxy {
    /// Whether it does, or may still say that it will.
    fn is_hoped_for(self, now: Time) -> bool {
        match self {
            Self::Unasked => false,
            Self::Asked(at) => now.since(at) < ANSWER_WITHIN,
            Self::Serves(_) => true,
        }
    }
}

impl Overlay {
    /// Where those who cannot connect to us have us told to connect to them; empty while we need nobody for that.
    pub fn proxies(&self) -> Vec<SocketAddrV4> {
        let needed = self.peers.iter().filter(|_| self.needs_proxies());
        let serving = needed.filter_map(|peer| match peer.proxy {
            Proxy::Serves(addr) => Some(addr),
            Proxy::Unasked | Proxy::Asked(_) => None,
        });
        serving.collect()
    }

    /// Whether we pass pushes on to the servent of this GUID.
    pub fn is_proxy_of(&self, servent: &Guid) -> bool {
        self.client(servent).is_some()
    }

    /// The neighbour to whom pushes for this GUID are passed on. The first to claim it keeps it.
    pub(super) fn client(&self, servent: &Guid) -> Option<PeerId> {
        let same = |peer: &&super::Peer| peer.client.as_ref() == Some(servent);
        self.peers.iter().find(same).map(|peer| peer.id)
    }

    /// Who cannot be connected to needs them, and a leaf as long as it does not know.
    fn needs_proxies(&self) -> bool {
        let unsure = self.is_leaf() && !self.reachable.by_tcp();
        unsure || self.reachable.not_by_tcp()
    }

    /// Asks neighbours to pass pushes on to us, if we need it, and others where those keep silent: many do for leaves only,
    /// and say nothing to anybody else. Each is asked once.
    pub(super) fn seek_proxies(&mut self, now: Time, out: &mut impl Outbox) {
        if !self.needs_proxies() {
            return;
        }
        let all = self.peers.iter();
        let hoped_for = all.filter(|peer| peer.proxy.is_hoped_for(now)).count();
        let open = self
            .peers
            .iter_mut()
            .filter(|peer| !peer.is_leaf() && peer.skills.proxy && peer.proxy == Proxy::Unasked);
        let mut chosen = Vec::new();
        for peer in open.take(PROXIES.saturating_sub(hoped_for)) {
            peer.proxy = Proxy::Asked(now);
            chosen.push(peer.id);
        }
        for to in chosen {
            self.say(now, to, self.guid, &VendorMeaning::PushProxyRequest, out);
        }
    }

    /// A neighbour that was asked agrees, and says on which port.
    pub(super) fn take_proxy(&mut self, from: PeerId, guid: Guid, addr: SocketAddrV4) {
        let ours = guid == self.guid;
        let peer = self.peers.get_mut(from);
        let peer = peer.filter(|peer| ours && peer.proxy != Proxy::Unasked);
        match peer {
            Some(peer) if addr.port() != 0 => {
                let addr = SocketAddrV4::new(*peer.who.remote.ip(), addr.port());
                peer.proxy = Proxy::Serves(addr);
            }
            _ => self.counts.dropped += 1,
        }
    }

    /// Whether our hits ask for pushes: when nobody can connect to us, and while we do not know but have proxies, as
    /// LimeWire holds it. Whoever tried to connect in vain would have to wait until he gives up.
    pub(super) fn wants_pushes(&self) -> bool {
        self.reachable.not_by_tcp() || !self.proxies().is_empty()
    }

    /// What our hits say of them: who passes pushes on (GGEP `PUSH`), and who of these also joins us with somebody to whom
    /// we cannot connect (GGEP `RELAY`, our own).
    pub(super) fn name_proxies(&self, ggep: &mut Ggep) {
        let proxies = self.proxies();
        if !proxies.is_empty() {
            ggep.push("PUSH", packed(&proxies));
        }
        let relays = |addr: &SocketAddrV4| {
            let mut peers = self.peers.iter();
            peers.any(|peer| {
                peer.proxy == Proxy::Serves(*addr) && peer.who.agreement.abilities.relays
            })
        };
        let relays: Vec<SocketAddrV4> = proxies.into_iter().filter(relays).collect();
        if !relays.is_empty() {
            ggep.push("RELAY", packed(&relays));
        }
    }

    /// A leaf wants pushes for its GUID to come by us.
    pub(super) fn become_proxy(
        &mut self,
        now: Time,
        from: PeerId,
        guid: Guid,
        out: &mut impl Outbox,
    ) {
        let taken = self.client(&guid).is_some_and(|other| other != from);
        let peer = self.peers.get(from).filter(|peer| peer.is_leaf());
        let addr = peer.and_then(|peer| {
            let itself = peer.who.agreement.guid.is_none_or(|known| known == guid);
            let fit = itself && !taken && guid != self.guid && guid != Guid::ZERO;
            self.address_for(peer).filter(|_| fit)
        });
        let (Some(addr), Some(peer)) = (addr, self.peers.get_mut(from)) else {
            self.counts.dropped += 1;
            return;
        };
        peer.client = Some(guid);
        self.say(now, from, guid, &VendorMeaning::PushProxyAck(addr), out);
    }

    /// Somebody at `asker`, who stands there, wants `servent` to connect to `addr`. Whether it may be passed on is for
    /// [`Overlay::is_proxy_of`] to say first.
    pub(super) fn pass_push(
        &mut self,
        now: Time,
        asker: Ipv4Addr,
        push: Push,
        out: &mut impl Outbox,
    ) {
        let itself = *push.addr.ip() == asker && push.addr.port() >= LOWEST_PORT;
        let to = self.client(&push.servent);
        let fit = itself && is_possible(push.addr) && !self.is_ourselves(push.addr);
        let may = fit && self.reachable.may_pass_push(now);
        let (Some(to), true) = (to, may) else {
            self.counts.dropped += 1;
            return;
        };
        let guid = Guid::random(&mut self.rng);
        self.queries.learn(now, &guid, SEEN);
        let push = Descriptor::new(guid, Kind::Push, 1, push.encode());
        self.send(now, to, push, out);
    }

    /// The same by UDP: anybody may have written the sender's address, so it waits until that has proved itself.
    pub(super) fn on_push_by_udp(
        &mut self,
        now: Time,
        from: SocketAddrV4,
        what: &Descriptor,
        out: &mut impl Outbox,
    ) {
        let push = Push::decode(&what.payload)
            .ok()
            .filter(|push| self.is_proxy_of(&push.servent) && push.addr.ip() == from.ip());
        let Some(push) = push else {
            self.counts.dropped += 1;
            return;
        };
        let (servent, index, addr) = (push.servent, push.index, push.addr);
        if self.is_proven(now, from) {
            // It may carry anything behind; what is passed on says what is known, and no more.
            self.pass_push(now, *from.ip(), Push::new(servent, index, addr), out);
        } else if let Some(udp) = &mut self.datagrams {
            let waiting = Pending::Push {
                servent,
                index,
                addr,
            };
            udp.ledger.open(now, from).pending = Some(waiting);
            self.challenge(now, from, out);
        }
    }
}

/// Proxies asked for (LimeWire and gtk-gnutella name four at most).
const PROXIES: usize = 4;

/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
