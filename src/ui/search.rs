//! `search`: asking the network, and showing what comes back as it comes.

use std::time::Duration;

use clap::Args;
use tokio::time::{Instant, timeout, timeout_at};

use super::cli::{parse_strategy, parse_ttl};
use super::failure::{Exit, Failure};
use super::render::{HitColumns, Line, Style, counted, json, span};
use super::results::{AskedFor, Results};
use super::session::Session;
use crate::net::{self, Standing};
use crate::overlay::Strategy;
use crate::wire::Query;

/// A search given before the first neighbour is there waits this long for one.
const FIRST_PEER_WITHIN: Duration = Duration::from_secs(10);

/// A search given before we are logged in at the index waits this long for that.
const INDEX_WITHIN: Duration = Duration::from_secs(2);

/// At a prompt hits are still shown for this long: on a large network the far ones take their time.
const LISTEN_AT_PROMPT: Duration = Duration::from_secs(60);

/// Nobody knows when a flood is exhausted. It is taken to be when, after the first hit, nothing new has come for this
/// part of the time it may take: 1.5 s of the usual 5 s.
const QUIET_PART: f64 = 0.3;

/// What to look for.
#[derive(Args, Clone, Debug)]
pub(super) struct Search {
    /// Words that the name must hold, in any order
    #[arg(required = true)]
    words: Vec<String>,
    /// Cross at most this many links, 1 to 7
    #[arg(long, value_name = "N", value_parser = parse_ttl)]
    ttl: Option<u8>,
    /// How to search: flood, ring, walk or dynamic
    #[arg(long = "by", value_name = "STRATEGY", value_parser = parse_strategy, conflicts_with = "ttl")]
    by: Option<Strategy>,
}

/// How long to listen.
#[derive(Clone, Copy, Debug)]
struct Patience {
    /// In all.
    total: Duration,
    /// After a hit.
    quiet: Duration,
}

impl Patience {
    fn of(wait: Duration) -> Self {
        Self {
            total: wait,
            quiet: wait.mul_f64(QUIET_PART),
        }
    }
}

impl Search {
    pub(super) async fn run(&self, session: &Session) -> Result<(), Failure> {
        let text = self.words.join(" ");
        let by = self.by.or_else(|| self.ttl.map(Strategy::flood));
        let through_index = match session.manner.index && by.is_none() {
            true => ask_index(session, &text).await,
            false => None,
        };
        let search = match through_index {
            Some(search) => search,
            None => {
                wait_for_a_peer(session).await?;
                session.servent.search(Query::words(&text), by).await
            }
        };
        let asked = search.prospect.clone().map(|prospect| AskedFor {
            words: text.clone(),
            prospect,
        });
        *session.results() = Results::of(asked);
        let mut listening = Listening {
            session,
            search,
            began: Instant::now(),
            columns: None,
        };
        listening.listen(Patience::of(session.manner.wait)).await;
        let found = listening.report();
        if session.manner.beside {
            listening
                .listen(Patience {
                    total: LISTEN_AT_PROMPT,
                    quiet: LISTEN_AT_PROMPT,
                })
                .await;
            return Ok(());
        }
        if found {
            Ok(())
        } else {
            Err(Failure::new(
                Exit::NothingFound,
                format!("nothing was found for `{text}`"),
                "try fewer words, or a longer --wait",
            ))
        }
    }
}

/// Asks the central index; none, and said, when it is away.
async fn ask_index(session: &Session, text: &str) -> Option<net::Search> {
    let (addr, mut standing) = session.servent.index()?;
    // At the start it takes a moment to log in.
    let present = |standing: &Standing| matches!(standing, Standing::Present { .. });
    let _ = timeout(INDEX_WITHIN, standing.wait_for(present)).await;
    match session.servent.search_index(text).await {
        Ok(search) => Some(search),
        Err(why) => {
            session.screen.talk(format!(
                "The index at {addr} is away ({why}); the network is asked instead."
            ));
            None
        }
    }
}

/// Returns once there is a neighbour to ask.
pub(super) async fn wait_for_a_peer(session: &Session) -> Result<(), Failure> {
    let mut neighbours = session.servent.neighbours();
    if *neighbours.borrow() > 0 {
        return Ok(());
    }
    session.screen.talk(format!(
        "No peer yet; waiting for one, {} s at most.",
        FIRST_PEER_WITHIN.as_secs()
    ));
    match timeout(FIRST_PEER_WITHIN, neighbours.wait_for(|count| *count > 0)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(_)) => Err(Failure::new(Exit::Failed, "the servent has stopped", "")),
        Err(_) => Err(Failure::new(
            Exit::TimedOut,
            format!("no peer was found in {} s", FIRST_PEER_WITHIN.as_secs()),
            "`connect HOST:PORT` to one you know, or name some in bootstrap.txt",
        )),
    }
}

/// A search whose hits are shown.
struct Listening<'a> {
    session: &'a Session,
    search: net::Search,
    began: Instant,
    /// Settled at the first row.
    columns: Option<HitColumns>,
}

impl Listening<'_> {
    /// Shows hits until patience or room for them ends.
    async fn listen(&mut self, patience: Patience) {
        let end = self.began + patience.total;
        let mut until = end;
        while let Ok(Some(hit)) = timeout_at(until, self.search.hits.recv()).await {
            if self.show(hit) {
                until = end.min(Instant::now() + patience.quiet);
            }
            if self.session.results().is_full() {
                self.session
                    .screen
                    .talk("That is as many results as are kept.");
                break;
            }
        }
    }

    /// Shows what is new in a hit; tells whether anything is.
    fn show(&mut self, hit: net::SearchHit) -> bool {
        let screen = &self.session.screen;
        let mut results = self.session.results();
        let new = results.add(hit);
        for found in new {
            if screen.json {
                screen.json(&json::found(found));
                continue;
            }
            let columns = *self.columns.get_or_insert_with(|| {
                let columns = HitColumns::fitting(screen.columns());
                screen.data(columns.header());
                columns
            });
            screen.data(columns.row(found.row()));
        }
        !new.is_empty()
    }

    /// Sums up; tells whether anything was found.
    fn report(&self) -> bool {
        let screen = &self.session.screen;
        let messages = *self.search.messages.borrow();
        let (hits, hosts, first) = {
            let results = self.session.results();
            let first = results.get(1).map(|found| found.after);
            (results.all().len(), results.hosts(), first)
        };
        if screen.json {
            let took = self.began.elapsed();
            screen.json(&json::SearchDone::new(hits, hosts, messages, first, took));
        } else if let Some(first) = first {
            let line = Line::styled(Style::Good, counted(hits, "file")).and(
                Style::Dim,
                format!(
                    " at {}, the first after {}; {} sent",
                    counted(hosts, "host"),
                    span(first),
                    counted(messages, "query"),
                ),
            );
            screen.talk(line);
        } else if self.session.manner.beside {
            screen.talk("Nothing yet; what still comes will be shown. Fewer words find more.");
        }
        hits > 0
    }
}
