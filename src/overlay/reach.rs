//! How far an address reaches, and whose word on it we take.
//!
//! The one rule: an address that means something only here or on this site is believed only when it comes from
//! somebody who stands here or on this site. So a public network never makes us dial the machines beside us.

use std::net::{Ipv4Addr, SocketAddrV4};

/// From where an address can be reached, the nearest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// From this machine: 127/8.
    Machine,
    /// From this site: the private, link-local, carrier and benchmark ranges.
    Site,
    /// From everywhere.
    World,
}

/// The reach of an address; none when no servent can stand there.
pub(super) const fn reach(ip: Ipv4Addr) -> Option<Reach> {
    match ip.octets() {
        [0 | 224..=255, ..] => None,
        [127, ..] => Some(Reach::Machine),
        [10, ..]
        | [172, 16..=31, ..]
        | [192, 168, ..]
        | [169, 254, ..]
        | [100, 64..=127, ..]
        | [198, 18 | 19, ..] => Some(Reach::Site),
        _ => Some(Reach::World),
    }
}

/// Whether a servent can listen at `addr` at all.
pub(super) fn is_possible(addr: SocketAddrV4) -> bool {
    addr.port() != 0 && reach(*addr.ip()).is_some()
}

/// Whether to believe `teller` that a servent listens at `addr`.
pub fn is_believed(addr: SocketAddrV4, teller: Ipv4Addr) -> bool {
    addr.port() != 0
        && match (reach(*addr.ip()), reach(teller)) {
            (Some(Reach::World), _) => true,
            (Some(told), Some(stands)) => stands <= told,
            _ => false,
        }
}

/// The neighbourhood an address is counted in where diversity matters: its /16, but each single address where the
/// whole network stands on one machine or site.
pub(super) fn neighbourhood(addr: SocketAddrV4) -> u64 {
    let [a, b, c, d] = addr.ip().octets();
    match reach(*addr.ip()) {
        Some(Reach::World) => u64::from(u16::from_be_bytes([a, b])),
        _ => u64::from(u32::from_be_bytes([a, b, c, d])) << 16 | u64::from(addr.port()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(text: &str) -> SocketAddrV4 {
        text.parse().expect("an address")
    }

    #[test]
    fn private_addresses_are_believed_only_from_private_neighbours() {
        let (world, site, machine) = (
            Ipv4Addr::new(44, 1, 0, 1),
            Ipv4Addr::new(192, 168, 0, 9),
            Ipv4Addr::LOCALHOST,
        );
        for (told, from_world, from_site, from_machine) in [
            ("44.2.0.1:6346", true, true, true),
            ("10.0.0.1:6346", false, true, true),
            ("192.168.7.7:6346", false, true, true),
            ("172.31.0.1:80", false, true, true),
            ("169.254.1.1:6346", false, true, true),
            ("127.0.0.1:6346", false, false, true),
            ("44.2.0.1:0", false, false, false),
            ("0.0.0.0:6346", false, false, false),
            ("224.0.0.1:6346", false, false, false),
            ("255.255.255.255:6346", false, false, false),
        ] {
            let believed = [world, site, machine].map(|teller| is_believed(addr(told), teller));
            assert_eq!(believed, [from_world, from_site, from_machine], "{told}");
        }
    }

    #[test]
    fn hosts_of_one_sixteenth_are_one_neighbourhood_unless_they_are_local() {
        let same = |a, b| neighbourhood(addr(a)) == neighbourhood(addr(b));
        assert!(same("44.1.0.1:1", "44.1.200.7:2"));
        assert!(!same("44.1.0.1:1", "44.2.0.1:1"));
        assert!(!same("127.0.0.1:1", "127.0.0.1:2"));
    }
}
