//! GWebCaches: web pages that tell of servents, asked when nothing else has helped.
//!
//! The one rule: they are the last resort. As long as there is a neighbour nobody is asked; then one at a time, with a pause
//! between two and an hour between two questions to the same. Only those are asked that the user or the program names: of the
//! URLs that caches tell of anybody may be the owner, and none of them has asked to be visited by every servent.

mod book;
mod exchange;

use std::path::Path;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::time::timeout;

use super::inbox::{Inbox, Order, Report};
use crate::wire::gwebcache::{WebCacheAnswer, web_cache_question};
use book::Book;

/// How long we look for neighbours elsewhere before a cache is asked, and after each: a dial has that long to come to
/// something.
const PAUSE: Duration = Duration::from_secs(3);

/// What became of the last question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebCacheNews {
    /// The cache.
    pub url: String,
    /// How many servents it told of, or why it told of none.
    pub outcome: Result<usize, String>,
}

/// The one who asks.
#[derive(Debug)]
pub(super) struct WebCaches {
    inbox: Inbox,
    neighbours: watch::Receiver<usize>,
    book: Book,
    agent: String,
    news: watch::Sender<Option<WebCacheNews>>,
}

impl WebCaches {
    /// Of these caches; what was asked when stands in the folder `data`. The receiver tells what became of it.
    pub(super) fn new(
        caches: &[String],
        data: &Path,
        agent: &str,
        inbox: Inbox,
        neighbours: watch::Receiver<usize>,
    ) -> (Self, watch::Receiver<Option<WebCacheNews>>) {
        let (news, told) = watch::channel(None);
        let one = Self {
            inbox,
            neighbours,
            book: Book::open(data.join("webcaches"), caches),
            agent: agent.to_owned(),
            news,
        };
        (one, told)
    }

    /// Asks whenever we have been alone for a while.
    pub(super) async fn run(mut self) {
        if self.book.is_empty() {
            return;
        }
        while self.is_left_alone().await {
            match self.book.next(SystemTime::now()) {
                Ok(Some(url)) => self.ask(url).await,
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(%error, "no web cache is asked: when cannot be written down");
                    return;
                }
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

    async fn ask(&mut self, url: String) {
        let question = web_cache_question("SRVT", env!("CARGO_PKG_VERSION"));
        let outcome = match exchange::ask(&url, &question, &self.agent).await {
            Ok(page) => {
                let answer = WebCacheAnswer::parse(&page.text);
                let hosts: Vec<_> = answer.hosts.iter().map(|(host, _)| *host).collect();
                let count = hosts.len();
                let teller = page.from;
                let told = Report::Order(Order::Hear { hosts, teller });
                // If the actor is gone, so are we.
                let _ = self.inbox.send(told).await;
                match (count, answer.warning) {
                    (0, Some(why)) => Err(why),
                    (0, None) => Err("it told of no servent".to_owned()),
                    (count, _) => Ok(count),
                }
            }
            Err(error) => Err(error.to_string()),
        };
        self.book.note(&url, outcome.is_ok());
        tracing::info!(url, ?outcome, "web cache asked");
        let _ = self.news.send(Some(WebCacheNews { url, outcome }));
    }
}
