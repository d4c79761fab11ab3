//! Ping and Pong: who is there, and is this link alive (Gnutella 0.6, "Ping", "Pong", "Pong caching").
//!
//! The one rule: a ping is never passed on. A TTL of 1 asks for ourselves, anything above for others too, and these come
//! from the cache.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::time::Time;
use crate::wire::{ByeCode, Descriptor, Ggep, Guid, Kind, Ping, Pong};

use super::pongs::Sighting;
use super::reach::is_believed;
use super::{Effect, Outbox, Overlay, Peer, PeerId, Tally, Timer, deliver};

impl Overlay {
    /// A ping: one pong about ourselves; if it asks further, some about others. Only so many a second to one neighbour.
    pub(super) fn on_ping(
        &mut self,
        now: Time,
        from: PeerId,
        what: &Descriptor,
        out: &mut impl Outbox,
    ) {
        if Ping::decode(&what.payload).is_err() {
            self.counts.dropped += 1;
            return;
        }
        let Some(peer) = self.peers.get(from) else {
            return;
        };
        let mut answers = Vec::new();
        if let Some(addr) = self.address_for(peer) {
            let pong = Pong {
                addr,
                files: self.sharing.files,
                kib: self.kib_told(),
                ggep: self.credentials(),
            };
            answers.push((0, pong));
        }
        if what.header.ttl > 1 && !self.is_leaf() {
            let stands = *peer.who.remote.ip();
            let itself = peer.listening();
            let others = self.pongs.choose(
                now,
                from,
                what.header.ttl,
                PONGS_PER_SECOND as usize - 1,
                &mut self.rng,
            );
            let fit = |seen: &Sighting| Some(seen.addr) != itself && is_believed(seen.addr, stands);
            answers.extend(others.into_iter().filter(fit).map(|seen| {
                let pong = Pong {
                    addr: seen.addr,
                    files: seen.files,
                    kib: seen.kib,
                    ggep: Ggep::new(),
                };
                (seen.distance, pong)
            }));
        }
        // It need not go further than the ping has come.
        let ttl = what.header.hops.saturating_add(1);
        for (hops, pong) in answers {
            let Some(peer) = self.peers.get_mut(from) else {
                return;
            };
            if !peer
                .pongs
                .take(now, PONGS_PER_SECOND, Duration::from_secs(1))
            {
                self.counts.dropped += 1;
                return;
            }
            let mut pong = Descriptor::new(what.header.guid, Kind::Pong, ttl, pong.encode());
            pong.header.hops = hops;
            deliver(now, peer, &mut self.counts.sent, pong, out);
        }
    }

    /// A pong: a host to dial some day, and one to tell of. As many as our pings asked for; nobody fills the caches
    /// unasked.
    pub(super) fn on_pong(
        &mut self,
        now: Time,
        from: PeerId,
        what: &Descriptor,
        out: &mut impl Outbox,
    ) {
        let decoded = Pong::decode(&what.payload);
        let (Some(peer), Ok(pong)) = (self.peers.get_mut(from), decoded) else {
            self.counts.dropped += 1;
            return;
        };
        let (stands, leaf) = (*peer.who.remote.ip(), peer.is_leaf());
        if peer.pongs_due == 0 || !is_believed(pong.addr, stands) {
            self.counts.dropped += 1;
            return;
        }
        peer.pongs_due -= 1;
        if what.header.hops == 0 && *pong.addr.ip() == stands {
            // Its own: an incoming neighbour that did not say in the handshake where it listens says it here.
            let who = Arc::make_mut(&mut peer.who);
            who.agreement.listen.get_or_insert(pong.addr);
        }
        if leaf || self.is_ourselves(pong.addr) {
            // Nobody dials a leaf.
            return;
        }
        self.hosts.hear(now, pong.addr, stands);
        self.pongs.learn(Sighting {
            addr: pong.addr,
            files: pong.files,
            kib: pong.kib,
            distance: what.header.hops.saturating_add(1),
            from,
            at: now,
        });
        self.grow(now, out);
    }

    /// The first words on a new link.
    pub(super) fn ping_new(&mut self, now: Time, peer: PeerId, out: &mut impl Outbox) {
        if let Some(peer) = self.peers.get_mut(peer) {
            let guid = Guid::random(&mut self.rng);
            let ttl = if peer.is_leaf() {
                1
            } else {
                self.config.ttl.max(2)
            };
            ping(now, peer, guid, ttl, &mut self.counts.sent, out);
        }
    }

    /// Has us woken for the next look at the links.
    pub(super) fn plan_rounds(&mut self, now: Time, out: &mut impl Outbox) {
        let after = self.round();
        self.rounds_due = Some(now + after);
        out.push(Effect::Wake {
            after,
            timer: Timer::KeepAlive,
        });
    }

    /// Looks at every link: who is silent is gone; who has heard nothing from us, or told us nothing, is pinged; who has
    /// not been asked for others for a while is asked.
    ///
    /// We must be heard even on a link that only brings (gtk-gnutella says Bye 406 to whoever is silent on an ultrapeer
    /// link, its own pings notwithstanding).
    pub(super) fn make_rounds(&mut self, now: Time, out: &mut impl Outbox) {
        if self.rounds_due.is_none_or(|due| now < due) {
            return;
        }
        let (idle, silence) = (self.round() * 3, self.config.silence);
        let curious = if self.hosts.len() < FEW_HOSTS {
            idle
        } else {
            REFRESH
        };
        let wide = self.config.ttl.max(2);
        let mut silent = Vec::new();
        for peer in self.peers.iter_mut() {
            peer.excess /= 2;
            if now.since(peer.heard) >= silence {
                silent.push(peer.id);
                continue;
            }
            let unheard = now.since(peer.spoken) >= idle;
            let unsure = now.since(peer.heard.max(peer.pinged)) >= idle;
            // A ping that asks for others need not be answered: gtk-gnutella as a leaf, or with all its slots taken, does so
            // only once on a link. Whether somebody lives, a TTL of 1 tells, to which everybody answers.
            let unanswered = peer.heard < peer.pinged;
            let ttl = if now.since(peer.asked) >= curious && !unanswered && !peer.is_leaf() {
                wide
            } else if unheard || unsure {
                1
            } else {
                continue;
            };
            let guid = Guid::random(&mut self.rng);
            ping(now, peer, guid, ttl, &mut self.counts.sent, out);
        }
        for peer in silent {
            self.on_silent(now, peer, out);
        }
        self.share_tables(now, out);
        self.reconsider_role(now, out);
        self.test_reach(now, out);
        self.seek_proxies(now, out);
        self.tell_flow(now, out);
        self.tend_offers(now, out);
        self.plan_rounds(now, out);
        self.grow(now, out);
    }

    fn on_silent(&mut self, now: Time, peer: PeerId, out: &mut impl Outbox) {
        if let Some(addr) = self.peers.get(peer).and_then(Peer::listening) {
            self.hosts.failed(now, addr, false);
        }
        self.hang_up(peer, ByeCode::SILENT, "No reply to pings", out);
    }

    /// The time between two looks at the links; four of them are the longest we leave a neighbour without a word.
    fn round(&self) -> Duration {
        (self.config.keep_alive / 4).max(SHORTEST_ROUND)
    }

    /// What our own pong tells besides: vendor and version (VC), free slots for leaves and for ultrapeers (UP).
    pub(super) fn credentials(&self) -> Ggep {
        let mut ggep = Ggep::new();
        ggep.push("VC", Bytes::from_static(b"SRVT\x01"));
        if !self.is_leaf() {
            let free = self.config.slots.saturating_sub(self.peers.ultrapeers());
            let free = [self.free_for_leaves(), free].map(|slots| slots.min(255) as u8);
            ggep.push("UP", Bytes::copy_from_slice(&[0, free[0], free[1]]));
        }
        ggep
    }

    /// The KiB shared as our role has us write them: a power of two marks an ultrapeer.
    pub(super) fn kib_told(&self) -> u32 {
        let kib = self.sharing.kib;
        match self.is_leaf() {
            true if kib.is_power_of_two() && kib >= 8 => kib + 1,
            true => kib,
            false => marked(kib),
        }
    }
}

/// Pings a neighbour and expects the pongs that a ping of this TTL brings.
fn ping(now: Time, peer: &mut Peer, guid: Guid, ttl: u8, sent: &mut Tally, out: &mut impl Outbox) {
    peer.pinged = now;
    if ttl > 1 {
        peer.asked = now;
        peer.pongs_due = PONGS_FOR_WIDE;
    } else {
        peer.pongs_due = peer.pongs_due.saturating_add(1).min(PONGS_FOR_WIDE);
    }
    let payload = Ping::default().encode();
    deliver(
        now,
        peer,
        sent,
        Descriptor::new(guid, Kind::Ping, ttl, payload),
        out,
    );
}

/// The KiB shared as an ultrapeer writes them: the nearest power of two, 8 at least (below 12 it is 8, below 24 it
/// is 16, and so on).
fn marked(kib: u32) -> u32 {
    let doubled = u64::from(kib) * 2;
    let mut mark = 8;
    while mark * 3 <= doubled && mark < 1 << 31 {
        mark *= 2;
    }
    mark as u32
}

/// Pongs to one neighbour in a second, however often it asks: ours and nine others' answer one ping in full.
const PONGS_PER_SECOND: u32 = 10;

/// Pongs taken in answer to one ping that asks for others: gtk-gnutella sends ten and its own; some to spare.
const PONGS_FOR_WIDE: u8 = 16;

/// However short the keep-alive is: no busy loop.
const SHORTEST_ROUND: Duration = Duration::from_millis(10);

/// How often every neighbour is asked for others, so that the caches know who lives now.
const REFRESH: Duration = Duration::from_secs(60);

/// Below this number of hosts known, every ping asks for others, as long as they are answered.
const FEW_HOSTS: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_kib_are_marked_with_the_nearest_power_of_two() {
        let marks = [0, 8, 11, 12, 23, 24, 47, 48, 1 << 20, u32::MAX].map(marked);
        assert_eq!(marks, [8, 8, 8, 16, 16, 32, 32, 64, 1 << 20, 1 << 31]);
    }
}
