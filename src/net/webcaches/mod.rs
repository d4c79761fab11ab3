//! GWebCaches: web pages that tell of servents, asked when nothing else has helped, and told of us when we can help others.
//!
//! The one rule: they are the last resort. As long as there is a neighbour nobody is asked; then one at a time, with a pause
//! between two and an hour between two questions to the same. Only those are asked that the user or the program names: of the
//! URLs that caches tell of anybody may be the owner, and none of them has asked to be visited by every servent.
//!
//! An ultrapeer that strangers reach, and that has been up for an hour, tells one of them each hour where it stands
//! (GWebCache 1.3.1, "Client specification"). That is a visit like a question.

mod book;
mod exchange;

use std::io;
use std::net::SocketAddrV4;
use std::pin::pin;
use std::time::{Duration, SystemTime};

use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::inbox::{Inbox, Order, Report};
use crate::overlay::{Reachable, is_believed};
use crate::wire::gwebcache::{Update, WebCacheAnswer, web_cache_announcement, web_cache_question};
use crate::wire::handshake::Role;
pub(super) use book::{Book, WebCacheNews};

/// How long we look for neighbours elsewhere before a cache is asked, and after each: a dial has that long to come to
/// something.
const PAUSE: Duration = Duration::from_secs(3);

/// Nobody's clock is set to less, and a timer of no time at all would never rest.
const SHORTEST: Duration = Duration::from_millis(1);

/// Four letters for our kind, as caches count them.
const VENDOR: &str = "SRVT";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The one who asks.
#[derive(Debug)]
pub(super) struct WebCaches {
    /// Which caches there are, and what was asked when.
    pub(super) book: Book,
    /// Who we say we are.
    pub(super) agent: String,
    pub(super) inbox: Inbox,
    pub(super) neighbours: watch::Receiver<usize>,
    /// How long we are to have been up before we tell of ourselves, and between two times.
    pub(super) announce_every: Duration,
    /// Told what came of each.
    pub(super) news: watch::Sender<Vec<WebCacheNews>>,
}

impl WebCaches {
    /// Asks whenever we have been alone for a while, and tells of us every hour.
    pub(super) async fn run(mut self) {
        self.news.send_replace(self.book.news());
        if self.book.is_empty() {
            return;
        }
        let every = self.announce_every.max(SHORTEST);
        let mut telling = interval_at(Instant::now() + every, every);
        telling.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // It goes on while we tell of ourselves, however often that is.
        let mut waiting = pin!(is_left_alone(self.neighbours.clone()));
        loop {
            let done = tokio::select! {
                alone = &mut waiting => {
                    if !alone {
                        return;
                    }
                    let done = self.ask_next().await;
                    waiting.set(is_left_alone(self.neighbours.clone()));
                    done
                }
                _ = telling.tick() => self.tell_next().await,
            };
            if let Err(error) = done {
                tracing::warn!(%error, "no web cache is asked: when cannot be written down");
                return;
            }
            self.news.send_replace(self.book.news());
        }
    }

    /// Asks one, if one may be asked.
    async fn ask_next(&mut self) -> io::Result<()> {
        let Some(url) = self.book.next(SystemTime::now())? else {
            return Ok(());
        };
        let outcome = self.ask(&url).await;
        tracing::info!(url, ?outcome, "web cache asked");
        self.book.note(&url, outcome)
    }

    /// Tells one of us, if one may be told and there is something to tell.
    async fn tell_next(&mut self) -> io::Result<()> {
        let Some(here) = self.place().await else {
            return Ok(());
        };
        for url in self.book.to_tell(SystemTime::now()) {
            // One of the world has no use for a servent of our house. It is not visited, nor is one without a place.
            let Ok(cache) = exchange::stands_at(&url).await else {
                continue;
            };
            if is_believed(here, *cache.ip()) {
                self.book.note_visit(&url, SystemTime::now())?;
                let taken = self.tell(&url, here).await;
                tracing::info!(url, %here, ?taken, "web cache told of us");
                return self.book.note_told(&url, taken);
            }
        }
        Ok(())
    }

    /// Where others may come to, if they may.
    async fn place(&self) -> Option<SocketAddrV4> {
        let (reply, status) = oneshot::channel();
        let asked = Report::Order(Order::Status(reply));
        self.inbox.send(asked).await.ok()?;
        let status = status.await.ok()?;
        let reached = matches!(status.reachable[0], Reachable::Yes(_));
        let helps = status.role == Role::Ultrapeer && reached;
        helps.then_some(status.listen)
    }

    /// Tells it of us, and says whether it takes that.
    async fn tell(&self, url: &str, here: SocketAddrV4) -> Result<bool, String> {
        let told = web_cache_announcement(VENDOR, VERSION, here);
        let answer = self.visit(url, &told).await?;
        match answer.update {
            Some(Update::Taken | Update::Warned) => Ok(true),
            Some(Update::Refused) => Err(answer.warning.unwrap_or_else(|| "refused".to_owned())),
            None => Ok(false),
        }
    }

    /// How many hosts it tells of, or why of none.
    async fn ask(&self, url: &str) -> Result<usize, String> {
        let question = web_cache_question(VENDOR, VERSION);
        let answer = self.visit(url, &question).await?;
        match answer.hosts.len() {
            0 => Err({ answer.warning }.unwrap_or_else(|| "it told of no servent".to_owned())),
            count => Ok(count),
        }
    }

    /// Visits it with these words, and hands on which servents it tells of.
    async fn visit(&self, url: &str, words: &str) -> Result<WebCacheAnswer, String> {
        let page = exchange::ask(url, words, &self.agent).await;
        let page = page.map_err(|error| error.to_string())?;
        let answer = WebCacheAnswer::parse(&page.text);
        let hosts = answer.hosts.iter().map(|(host, _)| *host).collect();
        let teller = page.from;
        // If the actor is gone, so are we.
        let _ = self
            .inbox
            .send(Report::Order(Order::Hear { hosts, teller }))
            .await;
        Ok(answer)
    }
}

/// Waits until we have been without a neighbour for a while. False when the servent is gone.
async fn is_left_alone(mut neighbours: watch::Receiver<usize>) -> bool {
    loop {
        if neighbours.wait_for(|count| *count == 0).await.is_err() {
            return false;
        }
        let company = neighbours.wait_for(|count| *count > 0);
        match timeout(PAUSE, company).await {
            Ok(Ok(_)) => {}
            Ok(Err(_)) => return false,
            Err(_) => return true,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;
    use crate::net::Status;
    use crate::wire::Guid;

    #[tokio::test]
    async fn a_cache_of_another_house_is_neither_visited_nor_booked() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("webcaches");
        let before = "http://192.0.2.1/ 1000 3 0\n";
        std::fs::write(&file, before).expect("written");
        let (inbox, mut orders) = mpsc::channel(1);
        let mut caches = WebCaches {
            book: Book::open(file.clone(), &["http://192.0.2.1/".to_owned()]),
            agent: "a test".to_owned(),
            inbox,
            neighbours: watch::channel(0).1,
            announce_every: Duration::ZERO,
            news: watch::channel(Vec::new()).0,
        };
        let actor = async {
            let Some(Report::Order(Order::Status(reply))) = orders.recv().await else {
                panic!("it asks where we stand");
            };
            let mut status =
                Status::stopped(Guid::ZERO, SocketAddrV4::new([127, 0, 0, 1].into(), 6346));
            status.role = Role::Ultrapeer;
            status.reachable[0] = Reachable::Yes("a stranger came");
            reply.send(status).expect("it waits");
        };
        let (told, ()) = tokio::join!(caches.tell_next(), actor);
        told.expect("nothing to write");
        assert_eq!(std::fs::read_to_string(&file).expect("there"), before);
        assert_eq!(caches.book.to_tell(SystemTime::now()).len(), 1);
    }
}
