//! Rumours: hosts that others told of and that nobody has tried.
//!
//! The one rule: who tells cannot choose what his words push out. A host's place follows, by a key of our own, from the
//! neighbourhood of who told of it first and from its own; what one neighbourhood tells fits into 16 of 256 shelves,
//! however much it is. And a place that is taken by a host which has not failed us stays taken until that is old news
//! (Bitcoin Core's address manager, against eclipses: Heilman and others, "Eclipse attacks on Bitcoin's peer-to-peer
//! network", 2015).

use std::collections::{BTreeMap, HashMap};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use foldhash::fast::RandomState;

use crate::rng::Rng;
use crate::time::Time;

use super::super::reach::neighbourhood;
use super::outcome::Host;

/// Hosts heard of, each at the one place it can have.
#[derive(Debug)]
pub(super) struct Rumours {
    key: u64,
    places: BTreeMap<u16, Rumour>,
    whereabouts: HashMap<SocketAddrV4, u16, RandomState>,
}

/// One of them.
#[derive(Clone, Copy, Debug)]
struct Rumour {
    addr: SocketAddrV4,
    host: Host,
    /// When it was last told of.
    told: Time,
}

impl Rumours {
    /// None, to be placed by this key.
    pub(super) fn new(key: u64) -> Self {
        Self {
            key,
            places: BTreeMap::new(),
            whereabouts: HashMap::default(),
        }
    }

    /// Takes in what `teller` told, if there is a place for it.
    pub(super) fn hear(&mut self, now: Time, addr: SocketAddrV4, teller: Ipv4Addr) {
        if let Some(known) = self.whereabouts.get(&addr).copied() {
            if let Some(rumour) = self.places.get_mut(&known) {
                rumour.told = now;
            }
            return;
        }
        if let Some(place) = self.free_place(now, addr, teller) {
            self.put(now, place, addr, Host::NEW);
        }
    }

    /// Takes in a host that has been better known; where no place is free, who stands in its own has to go.
    pub(super) fn take_back(&mut self, now: Time, addr: SocketAddrV4, host: Host) {
        let teller = *addr.ip();
        let own = || self.places_for(addr, teller).next();
        let place = self.free_place(now, addr, teller).or_else(own);
        if let Some(place) = place {
            self.put(now, place, addr, host);
        }
    }

    pub(super) fn remove(&mut self, addr: SocketAddrV4) -> Option<Host> {
        let place = self.whereabouts.remove(&addr)?;
        self.places.remove(&place).map(|rumour| rumour.host)
    }

    pub(super) fn get(&self, addr: SocketAddrV4) -> Option<&Host> {
        let place = self.whereabouts.get(&addr)?;
        self.places.get(place).map(|rumour| &rumour.host)
    }

    pub(super) fn get_mut(&mut self, addr: SocketAddrV4) -> Option<&mut Host> {
        let place = self.whereabouts.get(&addr)?;
        self.places.get_mut(place).map(|rumour| &mut rumour.host)
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// All, in an order that nobody but us can foretell.
    pub(super) fn iter(&self) -> impl Iterator<Item = (SocketAddrV4, &Host)> {
        self.places
            .values()
            .map(|rumour| (rumour.addr, &rumour.host))
    }

    fn put(&mut self, now: Time, place: u16, addr: SocketAddrV4, host: Host) {
        self.remove(addr);
        let rumour = Rumour {
            addr,
            host,
            told: now,
        };
        if let Some(before) = self.places.insert(place, rumour) {
            self.whereabouts.remove(&before.addr);
        }
        self.whereabouts.insert(addr, place);
    }

    /// The first of its places that nobody has, or somebody who failed us last or of whom nobody has told for long.
    fn free_place(&self, now: Time, addr: SocketAddrV4, teller: Ipv4Addr) -> Option<u16> {
        let is_free = |place: &u16| {
            self.places
                .get(place)
                .is_none_or(|other| other.host.is_bad() || now.since(other.told) >= OLD_NEWS)
        };
        self.places_for(addr, teller).find(is_free)
    }

    /// Where a host may stand that `teller` told of first: anywhere on one shelf, its own place first.
    fn places_for(
        &self,
        addr: SocketAddrV4,
        teller: Ipv4Addr,
    ) -> impl Iterator<Item = u16> + use<> {
        let source = neighbourhood(SocketAddrV4::new(teller, 0));
        let shelf_of_source = self.mix([1, source, neighbourhood(addr)]) % SHELVES_A_SOURCE;
        let shelf = self.mix([2, source, shelf_of_source]) % SHELVES;
        let number = u64::from(u32::from(*addr.ip())) << 16 | u64::from(addr.port());
        let at = self.mix([3, shelf, number]) % PLACES_A_SHELF;
        let begin = shelf * PLACES_A_SHELF;
        (0..PLACES_A_SHELF).map(move |step| (begin + (at + step) % PLACES_A_SHELF) as u16)
    }

    fn mix(&self, parts: [u64; 3]) -> u64 {
        parts
            .iter()
            .fold(self.key, |sum, part| Rng::seeded(sum ^ part).next())
    }
}

/// Shelves in all; with [`PLACES_A_SHELF`] they hold eight thousand hosts, a third of a megabyte.
const SHELVES: u64 = 256;

/// Places on one.
const PLACES_A_SHELF: u64 = 32;

/// Shelves on which the words of one neighbourhood may stand: a sixteenth.
const SHELVES_A_SOURCE: u64 = 16;

/// News so old that any other is better: nearly half of all servents leave within three hours (Stutzbach and Rejaie,
/// "Understanding churn in peer-to-peer networks", 2006).
const OLD_NEWS: Duration = Duration::from_secs(3 * 60 * 60);

/// The most hosts heard of.
pub(super) const MAX_RUMOURS: usize = (SHELVES * PLACES_A_SHELF) as usize;
