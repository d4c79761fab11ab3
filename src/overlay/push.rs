//! Push: "connect to me, I cannot connect to you", sent to a servent by the way its hits came (Gnutella 0.6, "Push").
//!
//! The one rule: nobody can make us dial a third party at will. We follow a Push only if its neighbour took a hit of ours
//! lately, only to addresses that neighbour may speak of and to ports where servents
//! stand, and not often.

use std::net::SocketAddrV4;
use std::time::Duration;

use crate::time::Time;
use crate::wire::{Descriptor, Guid, Kind, Push};

use super::ledger::holder;
use super::offer::LOWEST_PORT;
use super::quota::MINUTE;
use super::reach::is_believed;
use super::routes::Way;
use super::{Effect, Event, Outbox, Overlay, Peer, PeerId};

impl Overlay {
    /// A Push: for us, or for a servent whose hits came by another neighbour.
    pub(super) fn on_push(
        &mut self,
        now: Time,
        from: PeerId,
        what: Descriptor,
        out: &mut impl Outbox,
    ) {
        // Its GUID takes the place of a query's among the routes, so a flood of them is no better than one of queries.
        if !self.may_ask(now, from, out) {
            return;
        }
        let Some(header) = self.admit(now, from, what.header, out) else {
            return;
        };
        // A Push that runs in a circle meets itself here.
        let fresh = self.queries.learn(now, &header.guid, SEEN).is_none();
        let servent = Push::servent_of(&what.payload).filter(|_| fresh);
        if servent == Some(self.guid) {
            return self.on_push_to_us(now, from, &what, out);
        }
        let client = servent.and_then(|servent| self.client(&servent));
        let to = client.or_else(|| self.servents.find(now, &servent?)?.to);
        let to = to.filter(|to| *to != from && self.peers.get(*to).is_some());
        let payload = what.payload;
        match (header.relayed(), to) {
            (Some(header), Some(to)) if payload.len() >= SHORTEST => {
                self.send(now, to, Descriptor { header, payload }, out);
            }
            _ => self.counts.dropped += 1,
        }
    }

    fn on_push_to_us(&mut self, now: Time, from: PeerId, what: &Descriptor, out: &mut impl Outbox) {
        let asked = Push::decode(&what.payload).ok().filter(|push| {
            self.peers.get(from).is_some_and(|peer| {
                self.is_answered(now, peer) && is_believed(push.addr, *peer.who.remote.ip())
            }) && push.addr.port() >= LOWEST_PORT
                && !self.is_ourselves(push.addr)
                && self.reachable.may_push(now, holder(push.addr))
        });
        match asked {
            Some(push) => out.push(Effect::Tell(Event::PushAsked {
                index: push.index,
                addr: push.addr,
            })),
            None => self.counts.dropped += 1,
        }
    }

    /// Whether a push that this neighbour brings can be the answer to a hit of ours: it took one lately, or it passes
    /// pushes on to us and some neighbour took one.
    fn is_answered(&self, now: Time, peer: &Peer) -> bool {
        let lately = |peer: &Peer| {
            let answered = peer.answered;
            answered.is_some_and(|at| now.since(at) < ANSWERED_LATELY)
        };
        lately(peer) || (peer.is_proxy() && self.peers.iter().any(lately))
    }

    /// Asks a servent to connect to us: one that has us pass pushes on to it, or else one whose hits were seen.
    pub(super) fn ask_push(&mut self, now: Time, servent: Guid, index: u32, out: &mut impl Outbox) {
        let neighbour = self.client(&servent).map(|to| (to, 1));
        let way = neighbour.or_else(|| {
            let way = self.servents.find(now, &servent)?;
            Some((way.to?, way.hops.saturating_add(2)))
        });
        let way = way.and_then(|(to, ttl)| Some((to, ttl, self.address_told(to)?)));
        let Some((to, ttl, addr)) = way else {
            if !self.push_by_udp(now, servent, index, out) {
                self.counts.dropped += 1;
            }
            return;
        };
        let push = Push::new(servent, index, addr);
        let guid = Guid::random(&mut self.rng);
        self.queries.learn(now, &guid, SEEN);
        let push = Descriptor::new(guid, Kind::Push, ttl, push.encode());
        self.send(now, to, push, out);
    }

    /// Asks a servent whose hits came by UDP at the very address from which they came; false when there is none such.
    fn push_by_udp(&mut self, now: Time, servent: Guid, index: u32, out: &mut impl Outbox) -> bool {
        let udp = self.datagrams.as_deref();
        let to = udp.and_then(|udp| udp.claims.pushed(&servent));
        let here = self.listening.filter(|addr| !addr.ip().is_unspecified());
        let (Some(to), Some(addr)) = (to, here) else {
            return false;
        };
        let push = Push::new(servent, index, addr);
        let guid = Guid::random(&mut self.rng);
        let push = Descriptor::new(guid, Kind::Push, 1, push.encode());
        self.reply(now, to, push, out)
    }
}

/// The dials that pushes made us ask for in the last minute.
#[derive(Debug, Default)]
pub(super) struct PushLimits {
    recent: Vec<(Time, SocketAddrV4)>,
}

impl PushLimits {
    /// Whether `addr` may be dialled once more.
    pub(super) fn take(&mut self, now: Time, addr: SocketAddrV4) -> bool {
        self.recent.retain(|(at, _)| now.since(*at) < MINUTE);
        let known = self.recent.iter().any(|(_, recent)| *recent == addr);
        let granted = !known && self.recent.len() < PER_MINUTE;
        if granted {
            self.recent.push((now, addr));
        }
        granted
    }
}

/// The GUID of a Push: known from now on, and no hit follows it.
pub(super) const SEEN: Way = Way {
    to: None,
    hops: 0,
    probe: false,
    walk: false,
};

/// The shortest payload of a Push.
const SHORTEST: usize = 26;

/// A Push follows a hit; so long after the last one it is no answer to it.
const ANSWERED_LATELY: Duration = Duration::from_secs(600);

/// Dials a minute for pushes in all: more than a servent has upload slots.
const PER_MINUTE: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(port: u16) -> SocketAddrV4 {
        SocketAddrV4::new([44, 1, 0, 1].into(), port)
    }

    #[test]
    fn one_target_is_dialled_once_a_minute() {
        let mut limits = PushLimits::default();
        let granted = (0..600)
            .filter(|second| limits.take(Time::from_secs(*second), addr(1)))
            .count();
        assert_eq!(granted, 10);
    }

    #[test]
    fn twenty_a_minute_in_all() {
        let mut limits = PushLimits::default();
        let granted = (0..10_000)
            .filter(|number| limits.take(Time::from_millis(u64::from(*number) * 6), addr(*number)))
            .count();
        assert_eq!(granted, 20);
    }
}
