//! Addresses in headers: who listens where, and whom a peer names to us.

use std::net::{Ipv4Addr, SocketAddrV4};

use super::Headers;

/// How many hosts of one handshake are kept. LimeWire and gtk-gnutella name ten of each sort.
const MAX_HOSTS: usize = 20;

/// How many hosts we name (LimeWire's number).
const MAX_NAMED: usize = 10;

/// Hosts in one line of a longer list: 21 characters and a comma each, LimeWire reads lines of 1,024.
pub(super) const IN_A_LINE: usize = 40;

/// The spellings of "here I listen", the common one first.
const LISTEN: [&str; 4] = ["Listen-IP", "X-My-Address", "Node", "X-Node"];

/// Where a peer listens: the port it says at the address its packets come from. A servent may not name a third party
/// as itself, or one header would turn every reader into a dialler of somebody's port.
pub(super) fn listen(headers: &Headers, remote: Ipv4Addr) -> Option<SocketAddrV4> {
    LISTEN
        .iter()
        .flat_map(|name| headers.values(name))
        .find_map(host)
        .map(|addr| SocketAddrV4::new(remote, addr.port()))
        .filter(is_possible)
}

/// Our address as the peer sees it. The header has no port; one that is there is ignored.
pub(super) fn seen_as(headers: &Headers) -> Option<Ipv4Addr> {
    let text = headers.values("Remote-IP").next()?;
    let ip = text.split(':').next()?.trim_end().parse().ok()?;
    is_possible(&SocketAddrV4::new(ip, 1)).then_some(ip)
}

/// Whom the peer names: ultrapeers first, then others. Each once, bad ones skipped.
pub(super) fn tried(headers: &Headers) -> Vec<SocketAddrV4> {
    let mut hosts = Vec::new();
    let named = ["X-Try-Ultrapeers", "X-Try"];
    let values = named.iter().flat_map(|name| headers.values(name));
    for host in values.flat_map(|value| value.split(',')).filter_map(host) {
        if hosts.len() == MAX_HOSTS {
            break;
        }
        if is_possible(&host) && !hosts.contains(&host) {
            hosts.push(host);
        }
    }
    hosts
}

/// The value of our own `X-Try-Ultrapeers`; none when there is nobody to name.
pub(super) fn named(hosts: &[SocketAddrV4]) -> Option<String> {
    (!hosts.is_empty()).then(|| list(&hosts[..hosts.len().min(MAX_NAMED)]))
}

/// These hosts as a value.
pub(super) fn list(hosts: &[SocketAddrV4]) -> String {
    let hosts: Vec<String> = hosts.iter().map(SocketAddrV4::to_string).collect();
    hosts.join(",")
}

/// `ip:port`; what follows a space (some add when they saw the host) is ignored.
fn host(text: &str) -> Option<SocketAddrV4> {
    text.split_whitespace().next()?.parse().ok()
}

/// Whether a servent can stand there at all. Whether it is one we want to dial is for the overlay to judge.
pub(super) fn is_possible(addr: &SocketAddrV4) -> bool {
    let ip = addr.ip();
    let class_e = ip.octets()[0] >= 240;
    addr.port() != 0 && !ip.is_unspecified() && !ip.is_multicast() && !class_e
}

#[cfg(test)]
mod tests {
    use super::*;

    const REMOTE: Ipv4Addr = Ipv4Addr::new(44, 1, 2, 3);

    fn headers(text: &str) -> Headers {
        Headers::parse(text.as_bytes())
    }

    #[test]
    fn only_the_port_of_a_listening_address_is_believed() {
        for (text, port) in [
            ("Listen-IP: 9.9.9.9:6346", Some(6346)),
            ("X-My-Address: 9.9.9.9:1", Some(1)),
            ("node: 9.9.9.9:2", Some(2)),
            ("X-Node: 9.9.9.9:3", Some(3)),
            ("Node: 9.9.9.9:2\nListen-IP: 9.9.9.9:4", Some(4)),
            ("Listen-IP: nonsense\nNode: 9.9.9.9:5", Some(5)),
            ("Listen-IP: 1.2.3.4", None),
            ("Listen-IP: 1.2.3.4:0", None),
            ("Listen-IP: 1.2.3.4:65536", None),
            ("Listen-IP:", None),
            ("", None),
        ] {
            let expected = port.map(|port| SocketAddrV4::new(REMOTE, port));
            assert_eq!(listen(&headers(text), REMOTE), expected, "{text}");
        }
    }

    #[test]
    fn our_own_address_is_read_with_and_without_port() {
        let own = Some(Ipv4Addr::new(5, 6, 7, 8));
        assert_eq!(seen_as(&headers("Remote-IP: 5.6.7.8")), own);
        assert_eq!(seen_as(&headers("Remote-IP: 5.6.7.8:99")), own);
        for bad in ["0.0.0.0", "255.255.255.255", "224.0.0.1", "::1", "x", ""] {
            assert_eq!(
                seen_as(&headers(&format!("Remote-IP: {bad}"))),
                None,
                "{bad}"
            );
        }
    }

    #[test]
    fn hosts_come_ultrapeers_first_each_once_and_bad_ones_not_at_all() {
        let text = "X-Try: 9.9.9.9:9, 1.1.1.1:1\n\
                    X-Try-Ultrapeers: 1.1.1.1:1,2.2.2.2:2 2026-11-20T10:00Z , 3.3.3.3,\n\
                    X-Try-Ultrapeers: host.example:6346, 4.4.4.4:0,0.0.0.0:5, 239.1.1.1:1,5.5.5.5:5\n";
        let expected = ["1.1.1.1:1", "2.2.2.2:2", "5.5.5.5:5", "9.9.9.9:9"]
            .map(|text| text.parse().expect("an address"));
        assert_eq!(tried(&headers(text)), expected);
    }

    #[test]
    fn twenty_hosts_are_read_and_ten_named() {
        let many: Vec<SocketAddrV4> = (1..=50)
            .map(|port| SocketAddrV4::new(REMOTE, port))
            .collect();
        let text = named(&many).expect("somebody to name");
        assert_eq!(text.split(',').count(), 10);
        let all: Vec<String> = many.iter().map(ToString::to_string).collect();
        let read = tried(&headers(&format!("X-Try: {}", all.join(","))));
        assert_eq!(read, many[..20]);
        assert_eq!(named(&[]), None);
    }
}
