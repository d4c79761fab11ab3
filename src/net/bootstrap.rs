//! `bootstrap.txt`: candidates for the first neighbours, one a line.
//!
//! `host:port` names a servent, `uhc:host:port` a UDP host cache, which is asked while neighbours are short, and
//! `gwc:http://...` a GWebCache. `#` begins a comment. The host files of LimeWire and gtk-gnutella can be read too. What is
//! none of these is skipped and named.

use std::io;
use std::net::{SocketAddr, SocketAddrV4};
use std::path::Path;
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::time::timeout;

/// The port of a host that names none: Gnutella's own.
pub const DEFAULT_PORT: u16 = 6346;

/// Lines read; the rest is ignored.
const MAX_LINES: usize = 1000;

/// How long a name may take to resolve.
const RESOLVE: Duration = Duration::from_secs(3);

/// What a bootstrap file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bootstrap {
    /// Its candidates, in order.
    pub candidates: Vec<Candidate>,
    /// The numbers of lines that say nothing we understand, counted from 1.
    pub skipped: Vec<usize>,
}

/// One line of a bootstrap file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Candidate {
    /// A servent: name or address, and port.
    Host(String, u16),
    /// A UDP host cache: name or address, and port.
    UdpCache(String, u16),
    /// A GWebCache: its URL.
    WebCache(String),
}

impl Bootstrap {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read; the text names it.
    pub fn read(path: &Path) -> io::Result<Self> {
        std::fs::read(path)
            .map(|bytes| Self::parse(&String::from_utf8_lossy(&bytes)))
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
    }

    /// Reads the text of a file.
    pub fn parse(text: &str) -> Self {
        let mut bootstrap = Self::default();
        for (number, line) in (1..=MAX_LINES).zip(text.lines()) {
            let line = line.split('#').next().unwrap_or_default().trim();
            let line = own_words(line);
            if line.is_empty() {
                continue;
            }
            match Candidate::parse(line) {
                Some(candidate) => bootstrap.candidates.push(candidate),
                None => bootstrap.skipped.push(number),
            }
        }
        bootstrap
    }

    /// The addresses of the servents among the candidates. Names that do not resolve are left out.
    pub async fn hosts(&self) -> Vec<SocketAddrV4> {
        resolve(self.candidates.iter().filter_map(|one| match one {
            Candidate::Host(name, port) => Some((name.as_str(), *port)),
            _ => None,
        }))
        .await
    }

    /// The URLs of the GWebCaches among them.
    pub fn web_caches(&self) -> Vec<String> {
        let urls = self.candidates.iter().filter_map(|one| match one {
            Candidate::WebCache(url) => Some(url.clone()),
            _ => None,
        });
        urls.collect()
    }

    /// The addresses of the UDP host caches among them.
    pub async fn caches(&self) -> Vec<SocketAddrV4> {
        resolve(self.candidates.iter().filter_map(|one| match one {
            Candidate::UdpCache(name, port) => Some((name.as_str(), *port)),
            _ => None,
        }))
        .await
    }
}

impl Candidate {
    fn parse(line: &str) -> Option<Self> {
        if let Some(url) = line.strip_prefix("gwc:") {
            let http = url.starts_with("http://") || url.starts_with("https://");
            return http.then(|| Self::WebCache(url.to_owned()));
        }
        if let Some(cache) = line.strip_prefix("uhc:") {
            return host_and_port(cache).map(|(host, port)| Self::UdpCache(host, port));
        }
        host_and_port(line).map(|(host, port)| Self::Host(host, port))
    }
}

/// Of a line from the host file of another servent the address: LimeWire's `gnutella.net` has commas behind it,
/// gtk-gnutella's `hosts` a date.
fn own_words(line: &str) -> &str {
    let is_between = |c: char| c == ',' || c.is_whitespace();
    let first = line.split(is_between).next().unwrap_or_default();
    match first.parse::<SocketAddrV4>() {
        Ok(_) => first,
        Err(_) => line,
    }
}

async fn resolve(names: impl Iterator<Item = (&str, u16)>) -> Vec<SocketAddrV4> {
    let mut addrs = Vec::new();
    for (name, port) in names {
        match timeout(RESOLVE, lookup_host((name, port))).await {
            Ok(Ok(found)) => addrs.extend(found.filter_map(|addr| match addr {
                SocketAddr::V4(addr) => Some(addr),
                SocketAddr::V6(_) => None,
            })),
            Ok(Err(error)) => tracing::warn!(name, %error, "cannot resolve a candidate"),
            Err(_) => tracing::warn!(name, "resolving a candidate took too long"),
        }
    }
    addrs.dedup();
    addrs
}

fn host_and_port(text: &str) -> Option<(String, u16)> {
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (text, DEFAULT_PORT),
    };
    let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let good = !host.is_empty() && host.len() <= 253 && host.chars().all(name) && port != 0;
    good.then(|| (host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line() {
        let text = "# ours\n\n  127.0.0.1:6346  # a friend\nlocalhost\r\nuhc:cache.example:3558\n\
                    gwc:http://cache.example/gwc.php\ngwc:ftp://no\nhttp://no\nhost:0\nhost:70000\n[::1]:6346\n";
        let host = |name: &str, port| Candidate::Host(name.to_owned(), port);
        let bootstrap = Bootstrap::parse(text);
        assert_eq!(
            bootstrap.candidates,
            [
                host("127.0.0.1", 6346),
                host("localhost", DEFAULT_PORT),
                Candidate::UdpCache("cache.example".to_owned(), 3558),
                Candidate::WebCache("http://cache.example/gwc.php".to_owned()),
            ]
        );
        assert_eq!(bootstrap.skipped, [7, 8, 9, 10, 11]);
    }

    #[test]
    fn the_shipped_file_names_loopback_only() {
        let shipped = Bootstrap::parse(include_str!("../../bootstrap.txt"));
        assert!(shipped.skipped.is_empty());
        let ports = 6346..=6355;
        let expected = ports.map(|port| Candidate::Host("127.0.0.1".to_owned(), port));
        assert_eq!(shipped.candidates, expected.collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn names_are_resolved_servents_and_caches_apart() {
        let bootstrap = Bootstrap::parse("localhost:7000\nuhc:127.0.0.1:3558\n");
        let localhost = SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 7000);
        assert_eq!(bootstrap.hosts().await, [localhost]);
        let cache = SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 3558);
        assert_eq!(bootstrap.caches().await, [cache]);
    }
}
