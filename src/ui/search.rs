//! `search`: asking the network, and showing what comes back as it comes.

use std::time::Duration;

use clap::Args;
use tokio::time::{Instant, timeout, timeout_at};

use super::cli::{Asked, parse_ttl};
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
    /// How to search: flood, ring, walk or dynamic; or index, to ask the central index and nobody else
    #[arg(long = "by", value_name = "STRATEGY", conflicts_with = "ttl")]
    by: Option<Asked>,
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
        let search = self.ask(session, &text).await?;
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

    /// Sends the question out. Where nobody says how, the network stands in for an index that is away.
    async fn ask(&self, session: &Session, text: &str) -> Result<net::Search, Failure> {
        let by = match (self.by, self.ttl) {
            (Some(Asked::Index), _) => return ask_index(session, text).await,
            (Some(Asked::Network(strategy)), _) => Some(strategy),
            (None, Some(ttl)) => Some(Strategy::flood(ttl)),
            (None, None) => None,
        };
        if session.manner.index && by.is_none() {
            match ask_index(session, text).await {
                Ok(search) => return Ok(search),
                Err(away) => session
                    .screen
                    .talk(format!("The network is asked instead: {}.", away.what)),
            }
        }
        wait_for_a_peer(session).await?;
        Ok(session.servent.search(Query::words(text), by).await)
    }
}

/// Asks the central index.
async fn ask_index(session: &Session, text: &str) -> Result<net::Search, Failure> {
    let Some((addr, mut standing)) = session.servent.index() else {
        return Err(Failure::usage(
            "there is no central index to ask: name one with --index HOST:PORT",
        ));
    };
    // At the start it takes a moment to log in.
    let soon = Instant::now() + INDEX_WITHIN;
    let is_settled = |standing: &Standing| match standing {
        Standing::Present { .. } => true,
        Standing::Away { next, .. } => next.is_some_and(|next| next > soon.into_std()),
    };
    let _ = timeout_at(soon, standing.wait_for(is_settled)).await;
    session.servent.search_index(text).await.map_err(|why| {
        Failure::new(
            Exit::Failed,
            format!("the index at {addr} is away ({why})"),
            "ask the network: search WORDS --by flood",
        )
    })
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
