//! Who waits for which host. Pure.
//!
//! The one rule: each host has one line, and only its first is looked at. Thousands may wait for a host that is busy, or for
//! thousands of hosts: whoever is next is found among as many as are busy, and no more.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;

use super::hosts::Rank;

/// A host, unless only an index can name it.
pub(super) type Host = Option<SocketAddrV4>;

/// A place in a line: of equal rank who came first goes first.
pub(super) type Place = (Rank, u64);

/// The lines.
#[derive(Debug)]
pub(super) struct Lines<T> {
    lines: BTreeMap<Host, BTreeMap<Place, T>>,
    /// The first of each line.
    firsts: BTreeMap<Place, Host>,
}

impl<T> Default for Lines<T> {
    fn default() -> Self {
        Self {
            lines: BTreeMap::new(),
            firsts: BTreeMap::new(),
        }
    }
}

impl<T> Lines<T> {
    /// Puts somebody in the line for a host.
    pub(super) fn join(&mut self, host: Host, place: Place, who: T) {
        let line = self.lines.entry(host).or_default();
        if let Some((first, _)) = line.first_key_value() {
            self.firsts.remove(first);
        }
        line.insert(place, who);
        self.look(host);
    }

    /// Takes somebody out of a line; none when he is not in it any more.
    pub(super) fn leave(&mut self, host: Host, place: Place) -> Option<T> {
        self.firsts.remove(&place);
        let who = self.lines.get_mut(&host)?.remove(&place);
        self.look(host);
        who
    }

    /// Who is first of all who wait for hosts that are free.
    pub(super) fn first(&self, is_free: impl Fn(Host) -> bool) -> Option<(Host, Place)> {
        let mut firsts = self.firsts.iter();
        let (place, host) = firsts.find(|(_, host)| is_free(**host))?;
        Some((*host, *place))
    }

    /// Notes who is first in a line, or that it is empty.
    fn look(&mut self, host: Host) {
        let first = { self.lines.get(&host) }.and_then(BTreeMap::first_key_value);
        match first {
            Some((first, _)) => drop(self.firsts.insert(*first, host)),
            None => drop(self.lines.remove(&host)),
        }
    }

    /// Whether nobody waits.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.firsts.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::rng::Rng;
    use crate::transfer::download::{DownloadId, Priority};

    #[test]
    fn the_first_is_who_a_look_at_all_finds() {
        let mut rng = Rng::seeded(7);
        let host = |number| Some(SocketAddrV4::new(Ipv4Addr::LOCALHOST, number));
        let (mut lines, mut all) = (Lines::default(), Vec::new());
        for came in 0..5_000 {
            let (at, id) = (host(rng.below(9) as u16), rng.below(5) as u64);
            let place = ((Priority::Normal, DownloadId(id)), came);
            lines.join(at, place, came);
            all.push((place, at));
            for _ in 0..rng.below(3) {
                let busy = [rng.below(9), rng.below(9)].map(|number| host(number as u16));
                let is_free = |host| !busy.contains(&host);
                let model = all.iter().filter(|(_, host)| is_free(*host)).min();
                let model = model.map(|(place, host)| (*host, *place));
                let first = lines.first(is_free);
                assert_eq!(first, model);
                // Some are called, some go away by themselves.
                let goes = first.or_else(|| all.first().map(|(place, host)| (*host, *place)));
                let Some((host, place)) = goes.filter(|_| rng.chance(0.9)) else {
                    continue;
                };
                assert_eq!(lines.leave(host, place), Some(place.1));
                assert_eq!(lines.leave(host, place), None);
                all.retain(|(known, _)| *known != place);
            }
        }
        for (place, host) in all {
            lines.leave(host, place);
        }
        assert!(lines.is_empty());
    }
}
