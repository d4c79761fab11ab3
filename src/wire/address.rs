//! Addresses as they stand in payloads: IPv4 in network order, the port little-endian behind it.

use std::net::{Ipv4Addr, SocketAddrV4};

/// Bytes of a packed address.
const PACKED_LEN: usize = 6;

/// Whether a servent can be reached there at all: a port, and neither this host (0/8), nor multicast, nor beyond (224/3).
///
/// Private and loopback addresses pass: whom to believe those from is for the overlay to say.
pub fn is_possible(addr: SocketAddrV4) -> bool {
    let first = addr.ip().octets()[0];
    addr.port() != 0 && first != 0 && first < 224
}

/// Appends the six bytes of `addr`.
pub fn pack(addr: SocketAddrV4, out: &mut Vec<u8>) {
    out.extend_from_slice(&addr.ip().octets());
    out.extend_from_slice(&addr.port().to_le_bytes());
}

/// The addresses packed one behind the other (GGEP `IPP`, `ALT`, `PUSH`); none when the length is not theirs.
pub fn unpack(bytes: &[u8]) -> Option<Vec<SocketAddrV4>> {
    let (chunks, []) = bytes.as_chunks::<PACKED_LEN>() else {
        return None;
    };
    Some(chunks.iter().map(unpack_one).collect())
}

fn unpack_one(&[a, b, c, d, low, high]: &[u8; PACKED_LEN]) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), u16::from_le_bytes([low, high]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_addresses_come_back() {
        let addrs: [SocketAddrV4; 2] =
            ["1.2.3.4:6346", "5.6.7.8:256"].map(|addr| addr.parse().expect("an address"));
        let mut bytes = Vec::new();
        for addr in addrs {
            pack(addr, &mut bytes);
        }
        assert_eq!(bytes, [1, 2, 3, 4, 0xca, 0x18, 5, 6, 7, 8, 0, 1]);
        assert_eq!(unpack(&bytes), Some(addrs.to_vec()));
        assert_eq!(unpack(&bytes[..11]), None);
    }

    #[test]
    fn nobody_lives_at_port_zero_or_on_multicast() {
        let possible = |addr: &str| is_possible(addr.parse().expect("an address"));
        assert!(
            possible("127.0.0.1:1")
                && possible("10.0.0.1:6346")
                && possible("223.255.255.255:65535")
        );
        for nowhere in [
            "1.2.3.4:0",
            "0.0.0.0:6346",
            "0.1.2.3:6346",
            "224.0.0.1:6346",
            "255.255.255.255:6346",
        ] {
            assert!(!possible(nowhere), "{nowhere}");
        }
    }
}
