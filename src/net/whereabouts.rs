//! Where others can reach us: the port we listen on, and the address others see us at.
//!
//! Bound to one address, that is the answer. Bound to all (`0.0.0.0`) the neighbours tell (`Remote-IP`), and where they
//! say nothing, our end of the socket does. One voice per address; a private or loopback address is believed only from
//! a neighbour that itself stands on such a one; public beats private beats loopback, then the majority, then the
//! newest voice.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddrV4};

/// Voices remembered. Enough for a majority among the neighbours, and soon forgotten after a change of address.
const VOICES: usize = 15;

/// What is known of our own address.
#[derive(Debug)]
pub(super) struct Whereabouts {
    bound: SocketAddrV4,
    /// The port of the gateway that leads to ours.
    outside: Option<u16>,
    voices: VecDeque<Voice>,
}

#[derive(Clone, Copy, Debug)]
struct Voice {
    from: Ipv4Addr,
    seen: Ipv4Addr,
}

impl Whereabouts {
    /// Listening at `bound`.
    pub(super) const fn new(bound: SocketAddrV4) -> Self {
        Self {
            bound,
            outside: None,
            voices: VecDeque::new(),
        }
    }

    /// Notes that the neighbour at `from` sees us at `seen_as`, or says nothing while our end of the socket is `local`.
    pub(super) fn hear(&mut self, from: Ipv4Addr, seen_as: Option<Ipv4Addr>, local: Ipv4Addr) {
        let seen = seen_as.filter(|seen| scope(*seen) >= scope(from));
        self.voices.retain(|voice| voice.from != from);
        if self.voices.len() == VOICES {
            self.voices.pop_front();
        }
        let seen = seen.unwrap_or(local);
        self.voices.push_back(Voice { from, seen });
    }

    /// Notes the port by which strangers reach us through the gateway.
    pub(super) const fn outside(&mut self, port: u16) {
        self.outside = Some(port);
    }

    /// Where we can be reached, as far as we know.
    pub(super) fn address(&self) -> Option<SocketAddrV4> {
        if !self.bound.ip().is_unspecified() {
            return Some(self.bound);
        }
        let votes = |seen| {
            self.voices
                .iter()
                .filter(|voice| voice.seen == seen)
                .count()
        };
        (self.voices.iter().map(|voice| voice.seen))
            .filter(|seen| scope(*seen) != Scope::Nowhere)
            .max_by_key(|seen| (scope(*seen), votes(*seen)))
            .map(|ip| {
                // Those on our own site reach us directly.
                let outside = self.outside.filter(|_| scope(ip) == Scope::Public);
                SocketAddrV4::new(ip, outside.unwrap_or_else(|| self.bound.port()))
            })
    }

    /// Whether `addr` is certainly ourselves, so that a candidate list may name us without our calling ourselves.
    pub(super) fn is_self(&self, addr: SocketAddrV4) -> bool {
        let here = self.bound.ip().is_unspecified() && addr.ip().is_loopback();
        addr.port() == self.bound.port()
            && (here || addr.ip() == self.bound.ip() || Some(addr) == self.address())
    }
}

/// How far an address reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    Nowhere,
    Loopback,
    Private,
    Public,
}

fn scope(ip: Ipv4Addr) -> Scope {
    if ip.is_unspecified() || ip.is_broadcast() || ip.is_multicast() {
        Scope::Nowhere
    } else if ip.is_loopback() {
        Scope::Loopback
    } else if ip.is_private() || ip.is_link_local() {
        Scope::Private
    } else {
        Scope::Public
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANYWHERE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 6346);
    const HOME: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 2);

    fn public(last: u8) -> Ipv4Addr {
        Ipv4Addr::new(44, 1, 0, last)
    }

    fn heard(voices: &[(Ipv4Addr, Option<Ipv4Addr>, Ipv4Addr)]) -> Option<Ipv4Addr> {
        let mut whereabouts = Whereabouts::new(ANYWHERE);
        for (from, seen_as, local) in voices {
            whereabouts.hear(*from, *seen_as, *local);
        }
        whereabouts.address().map(|addr| *addr.ip())
    }

    #[test]
    fn a_bound_address_is_not_up_for_a_vote() {
        let bound = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 6347);
        let mut whereabouts = Whereabouts::new(bound);
        whereabouts.hear(public(1), Some(public(9)), HOME);
        assert_eq!(whereabouts.address(), Some(bound));
    }

    #[test]
    fn the_majority_decides_and_one_address_has_one_voice() {
        assert_eq!(heard(&[]), None);
        let liar = (public(1), Some(public(66)), HOME);
        let honest = |from| (public(from), Some(public(9)), HOME);
        assert_eq!(
            heard(&[liar, liar, liar, honest(2), honest(3)]),
            Some(public(9))
        );
        assert_eq!(heard(&[honest(2), honest(3), liar]), Some(public(9)));
    }

    #[test]
    fn a_stranger_cannot_place_us_on_the_private_network() {
        assert_eq!(
            heard(&[(public(1), Some(HOME), public(9))]),
            Some(public(9))
        );
        assert_eq!(
            heard(&[(Ipv4Addr::new(10, 0, 0, 1), Some(HOME), HOME)]),
            Some(HOME)
        );
    }

    #[test]
    fn a_public_address_beats_neighbours_on_loopback() {
        let near = |last| (Ipv4Addr::new(127, 0, 0, last), None, Ipv4Addr::LOCALHOST);
        let far = (public(1), Some(public(9)), HOME);
        assert_eq!(heard(&[far, near(1), near(2)]), Some(public(9)));
        assert_eq!(heard(&[near(1)]), Some(Ipv4Addr::LOCALHOST));
    }

    #[test]
    fn knows_itself() {
        let whereabouts = Whereabouts::new(ANYWHERE);
        assert!(whereabouts.is_self(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 6346)));
        assert!(!whereabouts.is_self(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 6347)));
        assert!(!whereabouts.is_self(SocketAddrV4::new(HOME, 6346)));
    }
}
