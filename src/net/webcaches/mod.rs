//! GWebCaches: web pages that tell of servents, asked when nothing else has helped.
//!
//! The one rule: they are the last resort. As long as there is a neighbour nobody is asked; then one at a time, with a pause
//! between two and an hour between two questions to the same. Only those are asked that the user or the program names: of the
//! URLs that caches tell of anybody may be the owner, and none of them has asked to be visited by every servent.

mod book;
mod exchange;

use std::io;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::time::timeout;

use super::inbox::{Inbox, Order, Report};
use crate::wire::gwebcache::{WebCacheAnswer, web_cache_question};
pub(super) use book::{Book, WebCacheNews};

/// How long we look for neighbours elsewhere before a cache is asked, and after each: a dial has that long to come to
/// something.
const PAUSE: Duration = Duration::from_secs(3);

/// The one who asks.
#[derive(Debug)]
pub(super) struct WebCaches {
    /// Which caches there are, and what was asked when.
    pub(super) book: Book,
    /// Who we say we are.
    pub(super) agent: String,
    pub(super) inbox: Inbox,
    pub(super) neighbours: watch::Receiver<usize>,
    /// Told what came of each.
    pub(super) news: watch::Sender<Vec<WebCacheNews>>,
}

impl WebCaches {
    /// Asks whenever we have been alone for a while.
    pub(super) async fn run(mut self) {
        self.news.send_replace(self.book.news());
        if self.book.is_empty() {
            return;
        }
        while self.is_left_alone().await {
            if let Err(error) = self.ask_next().await {
                tracing::warn!(%error, "no web cache is asked: when cannot be written down");
                return;
            }
        }
    }

    /// Waits until we have been without a neighbour for a while. False when the servent is gone.
    async fn is_left_alone(&mut self) -> bool {
        loop {
            if self.neighbours.wait_for(|count| *count == 0).await.is_err() {
                return false;
            }
            let company = self.neighbours.wait_for(|count| *count > 0);
            match timeout(PAUSE, company).await {
                Ok(Ok(_)) => {}
                Ok(Err(_)) => return false,
                Err(_) => return true,
            }
        }
    }

    /// Asks one, if one may be asked.
    async fn ask_next(&mut self) -> io::Result<()> {
        let Some(url) = self.book.next(SystemTime::now())? else {
            return Ok(());
        };
        let outcome = self.ask(&url).await;
        tracing::info!(url, ?outcome, "web cache asked");
        self.book.note(&url, outcome)?;
        self.news.send_replace(self.book.news());
        Ok(())
    }

    /// How many hosts it tells of, or why of none.
    async fn ask(&self, url: &str) -> Result<usize, String> {
        let question = web_cache_question("SRVT", env!("CARGO_PKG_VERSION"));
        let page = exchange::ask(url, &question, &self.agent).await;
        let page = page.map_err(|error| error.to_string())?;
        let answer = WebCacheAnswer::parse(&page.text);
        let hosts: Vec<_> = answer.hosts.iter().map(|(host, _)| *host).collect();
        let count = hosts.len();
        let teller = page.from;
        let told = Report::Order(Order::Hear { hosts, teller });
        // If the actor is gone, so are we.
        let _ = self.inbox.send(told).await;
        let nobody = || {
            let silent = || "it told of no servent".to_owned();
            answer.warning.unwrap_or_else(silent)
        };
        if count == 0 { Err(nobody()) } else { Ok(count) }
    }
}
