//! How a servent gets into a network: each source of hosts, and what came of it.
//!
//! The sources stand in the order in which they are used: hosts of earlier runs, those named by the user, those of the
//! bootstrap file, UDP host caches while hosts are short, web caches when there is no neighbour at all.

use std::net::SocketAddrV4;
use std::time::{Duration, SystemTime};

use super::actor::Acquaintances;
use super::webcaches::WebCacheNews;
use crate::overlay::UdpCacheNews;

/// A source of hosts, and what it gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootstrapStep {
    /// The source.
    pub source: BootstrapSource,
    /// How many hosts it told of, or why of none; none before it was asked.
    pub outcome: Option<Result<usize, String>>,
    /// How long it is let alone from now on; none for a source that is read once, at the start.
    pub next: Option<Duration>,
}

/// Where hosts come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BootstrapSource {
    /// Earlier runs.
    Saved,
    /// The user, who named them at the start.
    Named,
    /// The file of candidates.
    File,
    /// A UDP host cache.
    UdpCache(SocketAddrV4),
    /// A GWebCache, by its URL.
    WebCache(String),
}

impl BootstrapStep {
    /// What a servent begins with.
    pub(super) fn at_the_start(known: &Acquaintances) -> Vec<Self> {
        let sources = [
            (BootstrapSource::Saved, known.remembered.len()),
            (BootstrapSource::Named, known.first.len()),
            (BootstrapSource::File, known.candidates.len()),
        ];
        let step = |(source, count)| Self {
            source,
            outcome: Some(Ok(count)),
            next: None,
        };
        sources.map(step).into()
    }
}

impl From<UdpCacheNews> for BootstrapStep {
    fn from(news: UdpCacheNews) -> Self {
        let silence = match news.unanswered {
            0 => None,
            1 => Some("no answer".to_owned()),
            times => Some(format!("no answer, {times} times in a row")),
        };
        Self {
            source: BootstrapSource::UdpCache(news.addr),
            outcome: silence.map(Err).or_else(|| news.told.map(Ok)),
            next: Some(news.wait),
        }
    }
}

impl From<&WebCacheNews> for BootstrapStep {
    fn from(news: &WebCacheNews) -> Self {
        let wait = news.due.duration_since(SystemTime::now());
        Self {
            source: BootstrapSource::WebCache(news.url.clone()),
            outcome: news.outcome.clone(),
            // An error is a time that has passed.
            next: Some(wait.unwrap_or_default()),
        }
    }
}
