//! Datagrams: the one door through which each comes in and leaves (section "UDP").
//!
//! The one rule: nobody is sent more than he sent until he has proved that he stands where his datagrams say, by sending
//! back a ping of ours. What does not fit waits for that proof. The [`Ledger`] keeps the sums.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use bytes::Bytes;

use crate::rng::Rng;
use crate::time::Time;
use crate::wire::datagram::{DEFLATED, TAKES_DEFLATED};
use crate::wire::{
    Descriptor, Ggep, HEADER_LEN, Kind, Ping, Pong, Push, VendorMeaning, VendorMessage, address,
};

mod ping;

use super::caches::Caches;
use super::claim::Claims;
use super::ledger::{Ledger, Pending};
use super::offer::Offers;
use super::reach::{Reach, is_believed, is_possible, reach};
use super::secret::Secret;
use super::{Direction, Effect, Outbox, Overlay};

/// All that a servent with a socket for datagrams knows more than one without.
#[derive(Debug)]
pub(super) struct Datagrams {
    pub(super) ledger: Ledger,
    pub(super) secret: Secret,
    pub(super) caches: Caches,
    pub(super) offers: Offers,
    pub(super) claims: Claims,
}

impl Datagrams {
    pub(super) fn new(now: Time, rng: &mut Rng) -> Self {
        Self {
            ledger: Ledger::new(),
            secret: Secret::new(now, rng),
            caches: Caches::default(),
            offers: Offers::default(),
            claims: Claims::default(),
        }
    }
}

impl Overlay {
    /// A datagram, whoever says that he sent it.
    pub(super) fn on_datagram(
        &mut self,
        now: Time,
        from: SocketAddrV4,
        what: Descriptor,
        out: &mut impl Outbox,
    ) {
        let strange = !is_possible(from) || self.is_ourselves(from) || self.has_left();
        let Some(udp) = self.datagrams.as_deref_mut().filter(|_| !strange) else {
            self.counts.dropped += 1;
            return;
        };
        self.counts.received.count(what.header.kind);
        udp.secret.turn(now, &mut self.rng);
        // Nobody gains by a stream that grows in our hands.
        let payload = match what.header.ttl & DEFLATED {
            0 => what.payload.len(),
            _ => 0,
        };
        let spoken = udp.ledger.spoken(from);
        udp.ledger.received(now, from, HEADER_LEN + payload);
        self.note_datagram(now, from, spoken);
        match what.header.kind {
            Kind::Ping => self.on_ping_by_udp(now, from, &what, out),
            Kind::Pong => self.on_pong_by_udp(now, from, &what, out),
            Kind::Vendor { .. } => self.on_vendor_by_udp(now, from, &what, out),
            Kind::QueryHit => self.on_hit_by_udp(now, from, &what, out),
            Kind::Push => self.on_push_by_udp(now, from, &what, out),
            // Queries by UDP need a key that we give to nobody, the rest belongs to other networks.
            _ => self.counts.dropped += 1,
        }
    }

    /// Whether whoever speaks from `addr` stands there: it has sent back a ping of ours, the user named it, or a link
    /// leads there, which no forged address can hold up.
    pub(super) fn is_proven(&self, now: Time, addr: SocketAddrV4) -> bool {
        let Some(udp) = &self.datagrams else {
            return false;
        };
        let world = reach(*addr.ip()) == Some(Reach::World);
        let linked = self.peers.iter().any(|peer| {
            let remote = peer.who.remote;
            let dialled = peer.who.direction == Direction::Outgoing && remote == addr;
            dialled || (world && remote.ip() == addr.ip())
        });
        linked || udp.caches.holds(addr) || udp.ledger.is_proven(now, addr)
    }

    /// How many bytes may go to `addr`.
    pub(super) fn allowance(&self, now: Time, addr: SocketAddrV4) -> usize {
        let proven = self.is_proven(now, addr);
        let udp = self.datagrams.as_deref();
        udp.map_or(0, |udp| udp.ledger.allowance(now, addr, proven))
    }

    /// Sends a datagram as far as the ledger lets it; false when it does not.
    pub(super) fn reply(
        &mut self,
        now: Time,
        addr: SocketAddrV4,
        descriptor: Descriptor,
        out: &mut impl Outbox,
    ) -> bool {
        let bytes = HEADER_LEN + descriptor.payload.len();
        if bytes > self.allowance(now, addr) {
            return false;
        }
        let Some(udp) = &mut self.datagrams else {
            return false;
        };
        udp.ledger.sent(now, addr, bytes);
        self.counts.sent.count(descriptor.header.kind);
        out.push(Effect::SendTo { addr, descriptor });
        true
    }

    /// Pings an address to see whether it answers; true when the ping is on its way, now or since a moment ago. As large
    /// as a pong if the ledger lets it, so that one like us may answer it at once.
    pub(super) fn challenge(
        &mut self,
        now: Time,
        addr: SocketAddrV4,
        out: &mut impl Outbox,
    ) -> bool {
        let room = self.allowance(now, addr).saturating_sub(HEADER_LEN);
        let Some(udp) = &mut self.datagrams else {
            return false;
        };
        let challenged = udp.ledger.open(now, addr).challenged;
        if challenged.is_some_and(|at| now.since(at) < CHALLENGE) {
            return true;
        }
        let guid = udp.secret.challenge(addr, &mut self.rng);
        let ping = Descriptor::new(guid, Kind::Ping, 1, filler(room.min(Pong::FIXED_LEN)));
        let sent = self.reply(now, addr, ping, out);
        if let Some(udp) = self.datagrams.as_deref_mut().filter(|_| sent) {
            udp.ledger.open(now, addr).challenged = Some(now);
        }
        sent
    }

    /// A pong: only one to a ping of ours counts, and it proves where its sender stands.
    fn on_pong_by_udp(
        &mut self,
        now: Time,
        from: SocketAddrV4,
        what: &Descriptor,
        out: &mut impl Outbox,
    ) {
        let ours = (self.datagrams.as_deref())
            .is_some_and(|udp| udp.secret.knows_challenge(from, &what.header.guid));
        let (true, Ok(pong)) = (ours, Pong::decode(&what.payload)) else {
            self.counts.dropped += 1;
            return;
        };
        let Some(udp) = &mut self.datagrams else {
            return;
        };
        udp.ledger.prove(now, from);
        let pending = udp.ledger.open(now, from).pending.take();
        if udp.caches.answered(now, from) {
            self.hear_cache(now, from, &pong, out);
        }
        match pending {
            Some(Pending::Pong(question)) => self.answer(now, from, question, out),
            Some(Pending::Crawl(guid, crawl)) => self.answer_crawl(now, from, guid, crawl, out),
            Some(Pending::Push {
                servent,
                index,
                addr,
            }) => {
                self.pass_push(now, *from.ip(), Push::new(servent, index, addr), out);
            }
            None => {}
        }
        self.claim_proven(now, from, out);
        self.deliver_proven(now, from, out);
    }

    fn on_vendor_by_udp(
        &mut self,
        now: Time,
        from: SocketAddrV4,
        what: &Descriptor,
        out: &mut impl Outbox,
    ) {
        let guid = what.header.guid;
        let message = VendorMessage::decode(&what.payload);
        let meaning = message.and_then(|message| {
            let version = message.version;
            VendorMeaning::read(&message).map(|meaning| (meaning, version))
        });
        match meaning {
            Ok((Some(VendorMeaning::OobOffer { hits, .. }), version)) => {
                self.on_offer(now, from, guid, hits, version >= SECURE, out);
            }
            Ok((Some(VendorMeaning::OobClaim { hits, token }), _)) => {
                let deflated = what.header.ttl & TAKES_DEFLATED != 0;
                self.on_claim(now, from, guid, (hits, token, deflated), out);
            }
            Ok((Some(VendorMeaning::Crawl(crawl)), _)) => {
                self.on_crawl(now, from, guid, crawl, out);
            }
            _ => self.counts.dropped += 1,
        }
    }

    /// Where `asker` can reach us.
    pub(super) fn address_at(&self, asker: Ipv4Addr) -> Option<SocketAddrV4> {
        let listening = self.listening?;
        let ip = match listening.ip().is_unspecified() {
            true => asker.is_loopback().then_some(Ipv4Addr::LOCALHOST)?,
            false => *listening.ip(),
        };
        let addr = SocketAddrV4::new(ip, listening.port());
        is_believed(addr, asker).then_some(addr)
    }
}

/// These hosts, six bytes each.
pub(super) fn packed(hosts: &[SocketAddrV4]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(hosts.len() * 6);
    hosts
        .iter()
        .for_each(|host| address::pack(*host, &mut bytes));
    bytes
}

/// The payload of a ping that is `len` bytes long, or empty where no block is as short.
fn filler(len: usize) -> Bytes {
    let mut ggep = Ggep::new();
    if let Some(filling) = len.checked_sub(SHORTEST_BLOCK) {
        ggep.push("F", vec![0; filling]);
    }
    Ping { ggep }.encode()
}

/// Magic, flags, an id of one letter, and the length of a value shorter than 64 bytes.
const SHORTEST_BLOCK: usize = 4;

/// How long a ping of ours may take to come back before another follows.
const CHALLENGE: Duration = Duration::from_secs(10);

/// The version of the out-of-band messages from which on hits bear a token.
pub(super) const SECURE: u16 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ping_is_filled_to_the_byte_where_a_block_can_be() {
        for len in 0..60 {
            let expected = if len < SHORTEST_BLOCK { 0 } else { len };
            assert_eq!(filler(len).len(), expected);
            assert!(Ping::decode(&filler(len)).is_ok());
        }
    }
}
