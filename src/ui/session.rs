//! One servent and what its user asked of it: the place where every command is carried out.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::net::Servent;

use super::command::{self, Command};
use super::failure::Failure;
use super::results::Results;
use super::screen::Screen;
use super::{library, peers, status, transfers, why};

/// The session of one user with one servent.
#[derive(Debug)]
pub(super) struct Session {
    /// The servent.
    pub(super) servent: Servent,
    /// Where to show things.
    pub(super) screen: Arc<Screen>,
    /// How commands are carried out.
    pub(super) manner: Manner,
    results: Arc<Mutex<Results>>,
}

/// How commands are carried out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// Whether there is a prompt.
    pub(super) prompt: bool,
    /// Whether what takes long goes on beside the prompt. Not on a terminal that can only print: there it would write
    /// into the line being typed.
    pub(super) beside: bool,
    /// How long a search in a script may take.
    pub(super) wait: Duration,
    /// Whether searches go to the central index while that is there.
    pub(super) index: bool,
}

impl Session {
    pub(super) fn new(servent: Servent, screen: Arc<Screen>, manner: Manner) -> Self {
        Self {
            servent,
            screen,
            manner,
            results: Arc::default(),
        }
    }

    /// The same, but what is found comes into `results`, and numbers are those of `results`.
    pub(super) fn with_results(self, results: Arc<Mutex<Results>>) -> Self {
        Self { results, ..self }
    }

    /// The same, for a command that is to print JSON.
    pub(super) fn in_json(&self) -> Self {
        Self {
            servent: self.servent.clone(),
            screen: Arc::new(self.screen.in_json()),
            manner: self.manner,
            results: Arc::clone(&self.results),
        }
    }

    /// Carries out a command, to its end.
    pub(super) async fn run(&self, command: Command) -> Result<(), Failure> {
        match command {
            Command::Search(search) => search.run(self).await,
            Command::Results(which) => which.run(self),
            Command::Get(get) => get.run(self).await,
            Command::Magnet(magnet) => magnet.run(self),
            Command::Browse(browse) => browse.run(self).await,
            Command::Peers => peers::list(self).await,
            Command::Connect(at) => peers::connect(self, &at.host).await,
            Command::Disconnect(at) => peers::disconnect(self, &at.host).await,
            Command::Downloads => transfers::downloads(self),
            Command::Pause(which) => which.pause(self),
            Command::Resume(which) => which.resume(self),
            Command::Cancel(which) => which.cancel(self),
            Command::Priority(set) => set.run(self),
            Command::Watch(watch) => watch.run(self),
            Command::Uploads => transfers::uploads(self),
            Command::Limit(limit) => limit.run(self),
            Command::Library(which) => which.run(self),
            Command::Rescan => library::rescan(self).await,
            Command::Status => status::show(self).await,
            Command::Why => why::show(self),
            Command::Help(_) => {
                self.help();
                Ok(())
            }
            // The end of the prompt and of the script, which see to it.
            Command::Quit => Ok(()),
        }
    }

    /// Says what can be typed.
    fn help(&self) {
        /// Below this width what may follow a command is left to `help COMMAND`.
        const WIDE: usize = 64;
        let narrow = self.screen.columns().is_some_and(|width| width < WIDE);
        let rows = command::overview()
            .into_iter()
            .map(|[name, arguments, about]| {
                if narrow {
                    [name, about]
                } else {
                    [format!("{name} {arguments}"), about]
                }
            });
        self.screen.table(["command", "what it does"], rows);
        self.screen
            .talk("Try: search some words, then get 1. `help get` says more about get; `--json` behind any has it print JSON.");
    }

    /// The results of the last search or browse. Not to be held across an await.
    pub(super) fn results(&self) -> MutexGuard<'_, Results> {
        self.results
            .lock()
            .expect("nobody panics while holding the results")
    }
}
