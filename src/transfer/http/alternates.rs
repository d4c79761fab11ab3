//! `X-Alt` and `X-NAlt`: other servents that have the file, or have it no more.

use std::net::{Ipv4Addr, SocketAddrV4};

/// The port meant where none is said.
const DEFAULT_PORT: u16 = 6346;

/// The most that are read from one field: LimeWire sends ten, gtk-gnutella up to sixty.
const MOST_READ: usize = 64;

/// Reads a list of addresses. The item `tls=` (LimeWire, which of them speak TLS) is none, nor is what is no address.
pub fn read_alternates(value: &str) -> Vec<SocketAddrV4> {
    let items = value.split(',').map(str::trim);
    let addresses = items.filter_map(|item| match item.parse() {
        Ok(addr) => Some(addr),
        Err(_) => {
            let ip: Ipv4Addr = item.parse().ok()?;
            Some(SocketAddrV4::new(ip, DEFAULT_PORT))
        }
    });
    addresses
        .filter(|addr| addr.port() != 0)
        .take(MOST_READ)
        .collect()
}

/// Writes such a list.
pub fn tell_alternates(addresses: &[SocketAddrV4]) -> String {
    let items: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    items.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_nothing_else() {
        let read = read_alternates("tls=A,1.2.3.4:5, 6.7.8.9 ,x,1.1.1.1:0,[::1]:5,2.2.2.2:99999");
        let told = tell_alternates(&read);
        assert_eq!(told, "1.2.3.4:5,6.7.8.9:6346");
        assert_eq!(read_alternates(&told), read);
        assert!(read_alternates("").is_empty());
        assert_eq!(read_alternates(&"1.2.3.4,".repeat(1000)).len(), MOST_READ);
    }
}
