//! GWebCache: web pages that tell servents of servents (GWebCache 1.3.1, and version 2).
//!
//! One question serves both versions: an old cache answers `hostfile`, a new one `get`. The answer says by its lines which
//! it is: bare addresses and URLs in version 1, fields behind a letter and a bar in version 2. What is none of these is
//! passed over, so that a page of some other kind says nothing.

use std::net::SocketAddrV4;

/// What a cache said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebCacheAnswer {
    /// Servents, and the age of that news in seconds where it is told.
    pub hosts: Vec<(SocketAddrV4, Option<u64>)>,
    /// Other caches, likewise.
    pub caches: Vec<(String, Option<u64>)>,
    /// The cache's name, where it was asked for.
    pub name: Option<String>,
    /// The networks it serves, where it tells.
    pub networks: Vec<String>,
    /// What became of an announcement.
    pub update: Option<Update>,
    /// What it warns of, the first time.
    pub warning: Option<String>,
}

/// What became of an announcement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// Taken.
    Taken,
    /// Not taken, or taken with a warning (version 2 does not tell these apart).
    Warned,
    /// Refused.
    Refused,
}

impl WebCacheAnswer {
    /// Reads a body; of a long one the first 2,000 lines.
    pub fn parse(body: &str) -> Self {
        let mut answer = Self::default();
        for line in body.lines().take(MAX_LINES) {
            let line = line.trim();
            match line.split_once('|') {
                Some((letter, rest)) => answer.take_field(letter, rest),
                None => answer.take_line(line),
            }
        }
        answer
    }

    /// Whether it said anything a servent can use.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// A line of version 1.
    fn take_line(&mut self, line: &str) {
        if let Ok(host) = line.parse() {
            self.add_host(host, None);
        } else if is_cache(line) {
            self.add_cache(line, None);
        } else if line.eq_ignore_ascii_case("ok") {
            self.update.get_or_insert(Update::Taken);
        } else if let Some(name) = line.strip_prefix("PONG ") {
            self.name.get_or_insert_with(|| name.to_owned());
        } else if let Some(text) = line.strip_prefix("WARNING") {
            self.warn(text.trim_start_matches(':').trim());
        } else if line.starts_with("ERROR") {
            self.update.get_or_insert(Update::Refused);
        }
    }

    /// A line of version 2: a letter, and fields between bars. Fields and letters we do not know are let be.
    fn take_field(&mut self, letter: &str, rest: &str) {
        let mut fields = rest.split('|');
        let first = fields.next().unwrap_or_default();
        let second = fields.next();
        let age = second.and_then(|age| age.parse().ok());
        match (letter, first) {
            ("H" | "h", _) => {
                if let Ok(host) = first.parse() {
                    self.add_host(host, age);
                }
            }
            ("U" | "u", url) if is_cache(url) => self.add_cache(url, age),
            ("I" | "i", "pong") => {
                self.name = second.map(str::to_owned);
                let networks = fields.next().unwrap_or_default().split('-');
                let named = networks.filter(|network| !network.is_empty());
                self.networks = named.take(MAX_NETWORKS).map(str::to_owned).collect();
            }
            ("I" | "i", "update") => {
                self.update = match second {
                    Some("OK") => Some(Update::Taken),
                    Some("WARNING") => Some(Update::Warned),
                    _ => Some(Update::Refused),
                };
                self.warn(fields.next().unwrap_or_default());
            }
            ("I" | "i", "WARNING") => self.warn(second.unwrap_or_default()),
            _ => {}
        }
    }

    fn add_host(&mut self, host: SocketAddrV4, age: Option<u64>) {
        if self.hosts.len() < MAX_HOSTS && host.port() != 0 {
            self.hosts.push((host, age));
        }
    }

    fn add_cache(&mut self, url: &str, age: Option<u64>) {
        if self.caches.len() < MAX_CACHES {
            self.caches.push((url.to_owned(), age));
        }
    }

    fn warn(&mut self, text: &str) {
        if !text.is_empty() {
            self.warning.get_or_insert_with(|| text.to_owned());
        }
    }
}

/// The part of a URL that asks a cache of either version for servents and caches of this network.
pub fn web_cache_question(vendor: &str, version: &str) -> String {
    format!("get=1&hostfile=1&urlfile=1&net=gnutella&client={vendor}&version={version}")
}

/// The part of a URL that tells a cache of either version of a servent, and asks one of version 2 for others.
pub fn web_cache_announcement(vendor: &str, version: &str, addr: SocketAddrV4) -> String {
    format!("get=1&update=1&ip={addr}&net=gnutella&client={vendor}&version={version}")
}

fn is_cache(url: &str) -> bool {
    let rest = url.strip_prefix("http://");
    rest.is_some_and(|rest| !rest.is_empty()) && url.len() <= MAX_URL
}

/// Lines read of one answer. Caches send some dozens.
const MAX_LINES: usize = 2_000;

/// Servents taken from one answer: caches tell of 20 to 50, a list of gtk-gnutella's of some hundreds.
const MAX_HOSTS: usize = 200;

/// Caches taken from one answer.
const MAX_CACHES: usize = 20;

/// Networks taken from one answer.
const MAX_NETWORKS: usize = 8;

/// The longest URL of a cache that is believed.
const MAX_URL: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_another_kind_says_nothing() {
        let page = "<!DOCTYPE html>\n<html><body>Not found|404</body></html>\n\nhttps://elsewhere.example/\n";
        assert!(WebCacheAnswer::parse(page).is_empty());
    }

    #[test]
    fn no_answer_is_too_long() {
        let long = "1.2.3.4:6346\nhttp://a.example/\nH|1.2.3.4:1|2\nU|http://b.example/|3\n";
        let answer = WebCacheAnswer::parse(&long.repeat(10_000));
        assert_eq!((answer.hosts.len(), answer.caches.len()), (200, 20));
    }

    #[test]
    fn what_is_asked_is_what_caches_read() {
        assert_eq!(
            web_cache_question("SRVT", "0.1.0"),
            "get=1&hostfile=1&urlfile=1&net=gnutella&client=SRVT&version=0.1.0"
        );
        let addr = SocketAddrV4::new([44, 1, 0, 1].into(), 6346);
        assert_eq!(
            web_cache_announcement("SRVT", "0.1.0", addr),
            "get=1&update=1&ip=44.1.0.1:6346&net=gnutella&client=SRVT&version=0.1.0"
        );
    }
}
