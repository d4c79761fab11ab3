//! What the last search or browse found, by number.

use std::collections::HashSet;
use std::net::SocketAddrV4;
use std::time::Duration;

use clap::Args;

use super::failure::{Exit, Failure};
use super::reference::Content;
use super::render::{HitColumns, HitRow, bytes, json, span};
use super::session::Session;
use crate::net::{IndexSource, SearchHit};
use crate::overlay::Prospect;
use crate::transfer::{Source, Wanted};
use crate::wire::{Guid, Sha1};

/// A search is not listened to beyond this: nobody reads more, and strangers decide how many they send.
const MOST_RESULTS: usize = 10_000;

/// One file at one servent.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// Its number, from 1.
    pub(super) n: usize,
    /// Its name, as sent.
    pub(super) name: String,
    /// Its size in bytes.
    pub(super) size: u64,
    /// Its digest, where told.
    pub(super) sha1: Option<Sha1>,
    /// Where it is.
    pub(super) host: SocketAddrV4,
    /// Its number there.
    pub(super) index: u32,
    /// Whose servent that is.
    pub(super) servent: Guid,
    /// The vendor's four letters.
    pub(super) vendor: String,
    /// Links the hit crossed.
    pub(super) hops: u8,
    /// The servent says that it cannot be connected to.
    pub(super) push: bool,
    /// Who passes a Push on to it, and who joins it with us.
    pub(super) proxies: Vec<SocketAddrV4>,
    pub(super) relays: Vec<SocketAddrV4>,
    /// How long after the search began it came.
    pub(super) after: Duration,
    /// How it was found: `flood`, `dynamic`, `index`, `browse`.
    pub(super) strategy: &'static str,
    /// Whom the central index names for it.
    pub(super) through: Option<IndexSource>,
}

impl Found {
    /// Where it is.
    fn source(&self) -> Source {
        Source {
            addr: self.host,
            get: Some((self.index, self.name.clone())),
            push: self.push.then_some(self.servent),
            proxies: self.proxies.clone(),
            relays: self.relays.clone(),
        }
    }

    /// What it is, for a link; none without a digest.
    pub(super) fn content(&self) -> Option<Content> {
        let direct = !self.push && self.through.is_none();
        Some(Content {
            sha1: self.sha1?,
            root: None,
            name: Some(self.name.clone()),
            size: Some(self.size),
            source: direct.then_some(self.host),
        })
    }

    /// All that is known of it.
    fn facts(&self) -> Vec<[String; 2]> {
        let facts = [
            ("name", self.name.clone()),
            (
                "size",
                format!("{} ({} bytes)", bytes(self.size), self.size),
            ),
            (
                "urn",
                self.sha1.map_or_else(|| "not told".to_owned(), json::urn),
            ),
            ("host", self.place()),
            ("servent", self.servent.to_string()),
            ("vendor", self.vendor.clone()),
            ("hops", self.hops.to_string()),
            ("came after", span(self.after)),
            (
                "can be connected to",
                if self.push { "no" } else { "yes" }.to_owned(),
            ),
        ];
        facts.map(|(name, value)| [name.to_owned(), value]).into()
    }

    /// It, as a row of the table.
    pub(super) fn row(&self) -> HitRow<'_> {
        HitRow {
            n: self.n,
            name: &self.name,
            size: self.size,
            host: self.place(),
            hops: self.hops,
        }
    }

    /// Where it is: an address, or a user of the index, whose port is told only when something is fetched.
    pub(super) fn place(&self) -> String {
        match &self.through {
            Some(source) => format!("{}@{}", source.nick(), self.host.ip()),
            None => self.host.to_string(),
        }
    }
}

/// The results of one search.
#[derive(Debug, Default)]
pub(super) struct Results {
    list: Vec<Found>,
    /// The same hit can come twice, by two ways. The address alone names nobody: behind walls many have the same one.
    seen: HashSet<(Guid, SocketAddrV4, u32)>,
    hosts: HashSet<SocketAddrV4>,
    asked: Option<AskedFor>,
}

/// What was asked of the network, and what could be expected of it.
#[derive(Clone, Debug)]
pub(super) struct AskedFor {
    /// The words.
    pub(super) words: String,
    /// How far it could come.
    pub(super) prospect: Box<Prospect>,
}

impl Results {
    /// None yet, of a search.
    pub(super) fn of(asked: Option<AskedFor>) -> Self {
        Self {
            asked,
            ..Self::default()
        }
    }

    /// What was asked of the network; none where it was somebody else who was asked.
    pub(super) const fn asked(&self) -> Option<&AskedFor> {
        self.asked.as_ref()
    }

    /// The links that the farthest hit crossed.
    pub(super) fn farthest(&self) -> Option<u8> {
        self.list.iter().map(|found| found.hops).max()
    }

    /// Takes the files of a hit that are new, and returns them with their numbers.
    pub(super) fn add(&mut self, hit: SearchHit) -> &[Found] {
        let SearchHit {
            hit,
            hops,
            after,
            strategy,
            through,
        } = hit;
        let before = self.list.len();
        let [proxies, relays] = Source::ways(&hit);
        for record in hit.records {
            let same = (hit.servent, hit.addr, record.index);
            if self.is_full() || !self.seen.insert(same) {
                continue;
            }
            self.hosts.insert(hit.addr);
            self.list.push(Found {
                n: self.list.len() + 1,
                sha1: record.sha1(),
                name: record.name,
                size: record.size,
                host: hit.addr,
                index: record.index,
                servent: hit.servent,
                vendor: String::from_utf8_lossy(&hit.trailer.vendor).into_owned(),
                hops,
                push: hit.trailer.push == Some(true),
                proxies: proxies.clone(),
                relays: relays.clone(),
                after,
                strategy,
                through: through.clone(),
            });
        }
        &self.list[before..]
    }

    /// Whether no more are taken.
    pub(super) fn is_full(&self) -> bool {
        self.list.len() >= MOST_RESULTS
    }

    /// Result `n`, counted from 1.
    pub(super) fn get(&self, n: usize) -> Option<&Found> {
        n.checked_sub(1).and_then(|at| self.list.get(at))
    }

    /// All, by number.
    pub(super) fn all(&self) -> &[Found] {
        &self.list
    }

    /// Result `n`, as something to fetch: from all who have the same content.
    pub(super) fn wanted(&self, n: usize) -> Option<Wanted> {
        let found = self.get(n)?;
        let others = self.list.iter().filter(|other| {
            let same = other.sha1 == found.sha1 && other.size == found.size;
            found.sha1.is_some() && same && other.n != n
        });
        Some(Wanted {
            name: found.name.clone(),
            size: Some(found.size),
            sha1: found.sha1,
            root: None,
            sources: std::iter::once(found)
                .chain(others)
                .map(Found::source)
                .collect(),
        })
    }

    /// How many servents they are at.
    pub(super) fn hosts(&self) -> usize {
        self.hosts.len()
    }
}

/// `results`: the last ones again.
#[derive(Args, Clone, Debug)]
pub(super) struct ShowResults {
    /// The number of one, to see all that is known of it
    n: Option<usize>,
}

impl ShowResults {
    pub(super) fn run(&self, session: &Session) -> Result<(), Failure> {
        let screen = &session.screen;
        let results = session.results();
        match self.n {
            Some(n) => {
                let found = results.get(n).ok_or_else(|| no_result(n, &results))?;
                if screen.json {
                    screen.json(&json::found(found));
                } else {
                    screen.table(["result", &n.to_string()], found.facts());
                }
            }
            None if results.all().is_empty() => return Err(no_result(1, &results)),
            None if screen.json => {
                for found in results.all() {
                    screen.json(&json::found(found));
                }
            }
            None => {
                let columns = HitColumns::fitting(screen.columns());
                screen.data(columns.header());
                for found in results.all() {
                    screen.data(columns.row(found.row()));
                }
            }
        }
        Ok(())
    }
}

/// Why there is no result `n`.
pub(super) fn no_result(n: usize, results: &Results) -> Failure {
    match results.all().len() {
        0 => Failure::new(
            Exit::NothingFound,
            "there are no results",
            "search for something first",
        ),
        last => Failure::usage(format!(
            "there is no result {n}; the last search found 1 to {last}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{QueryHit, Record, Trailer};

    fn hit(port: u16, indices: &[u32]) -> SearchHit {
        SearchHit {
            hit: QueryHit {
                addr: SocketAddrV4::new([127, 0, 0, 1].into(), port),
                speed: 0,
                records: indices
                    .iter()
                    .map(|&index| Record {
                        index,
                        size: 1,
                        name: format!("file {index}"),
                        extensions: Default::default(),
                    })
                    .collect(),
                trailer: Trailer::default(),
                servent: Guid::ZERO,
            },
            hops: 1,
            after: Duration::from_millis(3),
            strategy: "flood",
            through: None,
        }
    }

    #[test]
    fn numbers_go_up_and_repeats_are_left_out() {
        let mut results = Results::default();
        assert_eq!(results.add(hit(1, &[5, 6])).len(), 2);
        assert_eq!(results.add(hit(1, &[6, 7])).len(), 1);
        let added = results.add(hit(2, &[5]));
        assert_eq!((added[0].n, added[0].name.as_str()), (4, "file 5"));
        assert_eq!((results.hosts(), results.all().len()), (2, 4));
        assert!(results.get(0).is_none() && results.get(5).is_none());
        assert_eq!(results.get(3).map(|found| found.index), Some(7));
    }

    #[test]
    fn two_servents_may_have_the_same_address_behind_two_walls() {
        let mut results = Results::default();
        for servent in [1, 2, 1] {
            let mut hit = hit(1, &[0]);
            hit.hit.servent = Guid([servent; 16]);
            results.add(hit);
        }
        assert_eq!(results.all().len(), 2);
    }

    #[test]
    fn a_flood_of_hits_is_cut_off() {
        let mut results = Results::default();
        for port in 1..=20 {
            let indices: Vec<u32> = (0..1000).collect();
            results.add(hit(port, &indices));
        }
        assert!(results.is_full());
        assert_eq!(results.all().len(), MOST_RESULTS);
    }
}
