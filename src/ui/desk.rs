//! The desk of a running servent: carries out what callers of the control API ask for, as if they had typed it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use clap::Parser;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use rustix::process::{Signal, getpid, kill_process};
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use super::ask::Ask;
use super::command::Command;
use super::failure::{Exit, Failure};
use super::render;
use super::results::Results;
use super::run::wait;
use super::screen::Screen;
use super::session::{Manner, Session};
use crate::api::{self, News, Order, Said};
use crate::net::{Passing, Servent};

/// How often callers who listen are told how things stand.
const STATUS_EVERY: Duration = Duration::from_secs(1);

/// The desk.
#[derive(Debug)]
pub(super) struct Desk {
    servent: Servent,
    manner: Manner,
    /// What the last search or browse of a caller found: the next caller may fetch it by number.
    last: Mutex<Arc<Mutex<Results>>>,
}

impl Desk {
    /// One for `servent`, whose prompt or script works in `manner`.
    pub(super) fn new(servent: Servent, manner: Manner) -> Self {
        Self {
            servent,
            manner: Manner {
                prompt: false,
                beside: false,
                ..manner
            },
            last: Mutex::default(),
        }
    }

    /// Carries out an order, to its end.
    async fn do_it(&self, order: &Order, say: &mpsc::Sender<Said>) -> Exit {
        let screen = |json, quiet| Screen::for_caller(order, say.clone(), json, quiet);
        let Ask { reach, command } = match Line::try_parse_from(&order.words) {
            Ok(line) => line.ask,
            Err(error) if !error.use_stderr() => {
                let screen = screen(false, false);
                error
                    .render()
                    .to_string()
                    .lines()
                    .for_each(|line| screen.data(line));
                return Exit::Done;
            }
            Err(error) => {
                let failure = Failure::from(error);
                screen(false, false).fail(&failure);
                return failure.exit;
            }
        };
        let screen = Arc::new(screen(reach.json, reach.quiet));
        let done = match reach
            .wait
            .map_or(Ok(self.manner.wait), |seconds| wait(Some(seconds)))
        {
            Ok(wait) => {
                let manner = Manner {
                    wait,
                    ..self.manner
                };
                let session = Session::new(self.servent.clone(), Arc::clone(&screen), manner);
                let results = self.results(&command);
                let quits = matches!(command, Command::Quit);
                let done = session.with_results(results).run(command).await;
                if quits {
                    leave();
                }
                done
            }
            Err(failure) => Err(failure),
        };
        match done {
            Ok(()) => Exit::Done,
            Err(failure) => {
                screen.fail(&failure);
                failure.exit
            }
        }
    }

    /// Where a command finds its results, or puts them. Two searches at once do not mix theirs.
    fn results(&self, command: &Command) -> Arc<Mutex<Results>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(command, Command::Search(_) | Command::Browse(_)) {
            *last = Arc::default();
        }
        Arc::clone(&last)
    }
}

impl api::Desk for Desk {
    fn carry_out(
        self: Arc<Self>,
        order: Order,
        said: mpsc::Sender<Said>,
    ) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let exit = self.do_it(&order, &said).await;
            // Whoever has hung up does not want to know.
            let _ = said.send(Said::Exit(exit as u8)).await;
        })
    }

    fn news(self: Arc<Self>) -> BoxStream<'static, News> {
        let passing = self.servent.passing();
        let mut tick = interval(STATUS_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Box::pin(stream::unfold(
            (self, passing, tick),
            |mut state| async move {
                let (desk, passing, tick) = &mut state;
                let news = loop {
                    tokio::select! {
                        _ = tick.tick() => {
                            let status = desk.servent.status().await;
                            break News { event: "status", data: render::json::status(&status) };
                        }
                        passed = passing.recv() => match passed {
                            Ok(passing) => break News { event: "query", data: query(&passing) },
                            Err(RecvError::Lagged(_)) => {}
                            Err(RecvError::Closed) => return None,
                        },
                    }
                };
                Some((news, state))
            },
        ))
    }
}

/// One line of a caller.
#[derive(Debug, Parser)]
#[command(
    name = "servent",
    no_binary_name = true,
    disable_help_subcommand = true
)]
struct Line {
    #[command(subcommand)]
    ask: Ask,
}

/// A query that passes.
fn query(passing: &Passing) -> Value {
    let at = passing.at.duration_since(UNIX_EPOCH).unwrap_or_default();
    json!({
        "guid": passing.guid.to_string(),
        "from": passing.from.to_string(),
        "hops": passing.hops,
        "at_us": at.as_micros() as u64,
    })
}

/// Has this process end as if it were told to from outside: prompt, script and daemon all listen to that.
fn leave() {
    if let Err(error) = kill_process(getpid(), Signal::TERM) {
        tracing::error!(%error, "the servent cannot be told to stop");
    }
}
