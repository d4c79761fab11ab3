//! The horizon: how far a Query, a QueryHit or a Push may travel.
//!
//! The rule is gtk-gnutella's and LimeWire's in one (Gnutella 0.6, "TTL and hops"): beyond the hard limit a descriptor
//! is refused, beyond the soft one it is trimmed. With limits 3 and 15 it decides every known case as LimeWire does.
//! Their third rule, to refuse a TTL or hops byte above 127, follows from any hard limit below 128; it is not written
//! down apart, because lessons run networks whose diameter needs the whole byte.

use crate::wire::Header;

use super::Config;

/// The two limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Horizon {
    /// TTL + hops above this is trimmed; hops alone above this is refused.
    pub soft: u8,
    /// TTL + hops above this is refused.
    pub hard: u8,
}

/// Why a descriptor goes no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooFar {
    /// TTL + hops is above the hard limit: its sender does not keep the rules.
    Claims,
    /// It has crossed more links than the soft limit allows.
    Travelled,
}

impl Horizon {
    /// The limits of `config`.
    pub const fn of(config: &Config) -> Self {
        Self {
            soft: config.max_ttl,
            hard: config.hard_ttl,
        }
    }

    /// The header as it counts from here on: TTL + hops within the soft limit. A TTL of 0 is for us, not for others.
    ///
    /// # Errors
    /// [`TooFar`]: it is not even for us.
    pub const fn admit(self, header: Header) -> Result<Header, TooFar> {
        if header.ttl as u16 + header.hops as u16 > self.hard as u16 {
            return Err(TooFar::Claims);
        }
        if header.hops > self.soft {
            return Err(TooFar::Travelled);
        }
        let left = self.soft - header.hops;
        Ok(Header {
            ttl: if header.ttl < left { header.ttl } else { left },
            ..header
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::wire::{Guid, Kind};

    use super::*;

    fn header(ttl: u8, hops: u8) -> Header {
        Header {
            guid: Guid::ZERO,
            kind: Kind::Query,
            ttl,
            hops,
        }
    }

    #[test]
    fn the_sum_is_trimmed_at_seven_and_refused_above_fifteen() {
        let horizon = Horizon { soft: 7, hard: 15 };
        let admit = |ttl, hops| horizon.admit(header(ttl, hops)).map(|header| header.ttl);
        assert_eq!(admit(7, 0), Ok(7));
        assert_eq!(admit(4, 2), Ok(4));
        assert_eq!(admit(15, 0), Ok(7));
        assert_eq!(admit(8, 7), Ok(0));
        assert_eq!(admit(0, 3), Ok(0));
        assert_eq!(admit(1, 8), Err(TooFar::Travelled));
        assert_eq!(admit(16, 0), Err(TooFar::Claims));
        assert_eq!(admit(255, 255), Err(TooFar::Claims));
    }

    #[test]
    fn nothing_lives_longer_than_the_soft_limit() {
        let horizon = Horizon { soft: 7, hard: 15 };
        let every = (0..=u8::MAX).flat_map(|ttl| (0..=u8::MAX).map(move |hops| (ttl, hops)));
        for (ttl, hops) in every {
            let (mut next, mut links) = (Some(header(ttl, hops)), 0);
            while let Some(arrived) = next {
                links += 1;
                next = horizon.admit(arrived).ok().and_then(Header::relayed);
            }
            let left = 7_u8.saturating_sub(hops).max(1);
            assert!(
                links <= left,
                "TTL {ttl} after {hops} hops crossed {links} links more"
            );
        }
    }

    #[test]
    fn a_network_of_any_diameter_can_be_crossed() {
        let horizon = Horizon {
            soft: 255,
            hard: 255,
        };
        let mut next = Some(header(255, 0));
        let mut links = 0;
        while let Some(arrived) = next {
            links += 1;
            next = horizon.admit(arrived).ok().and_then(Header::relayed);
        }
        assert_eq!(links, 255);
    }
}
