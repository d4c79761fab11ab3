//! Where our gateway stands: the default route of this machine.

use std::net::Ipv4Addr;

/// The gateway of the default route; none where there is none, or none we can read.
pub(super) fn gateway() -> Option<Ipv4Addr> {
    parse(&std::fs::read_to_string("/proc/net/route").ok()?)
}

/// Reads Linux's table: words in columns, addresses as hexadecimal numbers in the order of this machine's bytes.
fn parse(table: &str) -> Option<Ipv4Addr> {
    let routes = table.lines().skip(1).filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |at: usize| u32::from_str_radix(words.get(at)?, 16).ok();
        let is_default = number(1)? == 0 && number(7)? == 0;
        let gateway = number(2).filter(|gateway| is_default && *gateway != 0)?;
        let metric: u32 = words.get(6)?.parse().ok()?;
        Some((metric, Ipv4Addr::from(gateway.to_ne_bytes())))
    });
    routes.min().map(|(_, gateway)| gateway)
}

#[cfg(all(test, target_endian = "little"))]
mod tests {
    use super::*;

    #[test]
    fn the_default_route_of_the_lowest_metric_is_taken() {
        let table = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
            wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n\
            eth0\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n\
            eth0\t0000000A\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n";
        assert_eq!(parse(table), Some(Ipv4Addr::new(10, 0, 0, 1)));
        assert_eq!(parse("Iface\n"), None);
        assert_eq!(parse("Iface\nnonsense here\n"), None);
    }
}
