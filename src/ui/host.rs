//! Hosts as people write them.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::time::timeout;

use super::failure::{Exit, Failure};
use crate::net::DEFAULT_PORT;

/// A name server that has not answered by then will not.
const RESOLVE_WITHIN: Duration = Duration::from_secs(3);

/// `HOST` or `HOST:PORT`, where the host is an IPv4 address or a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host {
    name: String,
    port: u16,
}

impl Host {
    /// Its address, the first IPv4 one where it has several.
    pub(super) async fn resolve(&self) -> Result<SocketAddrV4, Failure> {
        if let Ok(ip) = self.name.parse::<Ipv4Addr>() {
            return Ok(SocketAddrV4::new(ip, self.port));
        }
        let unknown = |why: String| {
            Failure::new(
                Exit::Failed,
                format!("the host `{}` is not known: {why}", self.name),
                "check its name, or give its IPv4 address",
            )
        };
        let found = timeout(RESOLVE_WITHIN, lookup_host((self.name.as_str(), self.port)))
            .await
            .map_err(|_| unknown("no name server answered".to_owned()))?
            .map_err(|error| unknown(error.to_string()))?
            .find_map(|addr| match addr {
                SocketAddr::V4(addr) => Some(addr),
                SocketAddr::V6(_) => None,
            });
        found.ok_or_else(|| unknown("it has no IPv4 address".to_owned()))
    }
}

impl std::str::FromStr for Host {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_ipv6 = |text: &str| text.parse::<Ipv6Addr>().is_ok();
        if is_ipv6(text) || text.starts_with('[') {
            return Err(format!(
                "`{text}` is no IPv4 address, and this network knows no others"
            ));
        }
        let (name, port) = match text.split_once(':') {
            Some((name, port)) => match port.parse() {
                Ok(port) if port > 0 => (name, port),
                _ => return Err(format!("`{port}` is not a port (1 to 65535)")),
            },
            None => (text, DEFAULT_PORT),
        };
        let fits = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
        if name.is_empty() || !name.chars().all(fits) {
            return Err(format!(
                "`{text}` is not a host; write NAME:PORT or ADDRESS:PORT"
            ));
        }
        Ok(Self {
            name: name.to_owned(),
            port,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_a_port_given_or_not() {
        let host = |text: &str| text.parse::<Host>().map(|host| (host.name, host.port));
        assert_eq!(host("10.0.0.1:99"), Ok(("10.0.0.1".into(), 99)));
        assert_eq!(host("example.org"), Ok(("example.org".into(), 6346)));
        for six in ["::1", "[::1]:6346", "[::1]", "2001:db8::2"] {
            assert!(host(six).is_err_and(|why| why.contains("IPv4")), "{six}");
        }
        for bad in ["", ":1", "a:0", "a:70000", "a:b:c", "a b", "a/b", "\u{1b}"] {
            assert!(host(bad).is_err(), "{bad:?}");
        }
    }
}
