//! Where we are, as those see it who have the files we want.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::PoisonError;

use super::{Downloads, Shared};
use crate::overlay::is_believed;
use crate::transfer::http::Walled;

impl Downloads {
    /// Notes where we listen, so that sources can name us to others, and hear us call from that address if it is a certain
    /// one. Once; later calls change nothing.
    pub fn listen_on(&self, addr: SocketAddrV4) {
        let _ = self.shared.listen.set(addr);
    }

    /// Notes how others reach us when they cannot connect to us; none when they can.
    pub fn stand_behind(&self, wall: Option<Walled>) {
        let ours = &self.shared.wall;
        *ours.lock().unwrap_or_else(PoisonError::into_inner) = wall;
    }
}

impl Shared {
    /// Where we can be reached by whoever sees us at this address.
    pub(super) fn listening(&self, ip: Ipv4Addr) -> Option<SocketAddrV4> {
        let listen = self.listen.get()?;
        Some(SocketAddrV4::new(ip, listen.port()))
    }

    /// The address we call from; unspecified: any.
    pub(super) fn here(&self) -> Ipv4Addr {
        let listen = self.listen.get();
        listen.map_or(Ipv4Addr::UNSPECIFIED, |listen| *listen.ip())
    }

    /// How we are reached when nobody can connect to us.
    pub(super) fn wall(&self) -> Option<Walled> {
        let wall = self.wall.lock().unwrap_or_else(PoisonError::into_inner);
        wall.clone()
    }

    /// Whether to believe a source that another has the file: not when that one is a machine beside us that it cannot know.
    pub(super) fn may_be(&self, addr: SocketAddrV4, teller: SocketAddrV4) -> bool {
        let here = [self.listening(*teller.ip()), self.listen.get().copied()];
        let ourselves = here.contains(&Some(addr));
        is_believed(addr, *teller.ip()) && !ourselves
    }
}
