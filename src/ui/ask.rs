//! The verbs that talk to a running servent: the commands of the prompt after `servent`, and whom to tell them.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Subcommand};
use tokio::time::{Instant, sleep, timeout};

use super::cli::Options;
use super::command::{self, Command, Help};
use super::data_folder::DataFolder;
use super::failure::{Exit, Failure};
use super::screen::Screen;
use super::signals::{Signals, Told};
use crate::api::{Client, Pass, Said};

/// Whether a servent still runs it says within this.
const ALIVE_WITHIN: Duration = Duration::from_secs(3);

/// A servent that was told to stop is gone within this.
const GONE_WITHIN: Duration = Duration::from_secs(5);

/// How often is looked whether it is.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A command for a running servent. Both ends read it by this one definition: what is sent are the words.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    /// What it is to do.
    pub(super) command: Command,
    /// Which servent, and how to show what comes of it.
    pub(super) reach: Reach,
}

// No doc comment: clap would take it for what each verb does.
#[derive(Args, Clone, Debug)]
pub(super) struct Reach {
    /// The servent that keeps its state here [default: one that uses the platform's data folder]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// The servent whose control API is here, as http://127.0.0.1:PORT
    #[arg(long, value_name = "URL")]
    api: Option<String>,

    /// The servent that listens on this port, where several run
    #[arg(long, value_name = "PORT")]
    at: Option<u16>,

    /// Print JSON: an object or a line an item
    #[arg(long)]
    pub(super) json: bool,

    /// Say nothing but data and errors
    #[arg(short, long)]
    pub(super) quiet: bool,

    /// End a search after this many seconds, sooner once hits have come and no more do
    #[arg(long, value_name = "SECONDS")]
    pub(super) wait: Option<f64>,
}

impl Ask {
    /// Has a running servent carry it out.
    pub(super) async fn run(self, signals: &mut Signals) -> Result<Exit, Failure> {
        let screen = Screen::new(None, self.reach.json, self.reach.quiet);
        if let Command::Help(Help { command }) = &self.command {
            let text = match command {
                Some(name) => command::explain(name)?,
                None => Options::command().render_help().to_string(),
            };
            text.lines().for_each(|line| screen.data(line));
            return screen.loss().map_or(Ok(Exit::Done), Err);
        }
        let told = async {
            let neighbour = self.reach.find().await?;
            let exit = tell(&neighbour, &screen).await?;
            if matches!(self.command, Command::Quit) && exit == Exit::Done {
                neighbour.see_off().await?;
            }
            Ok(exit)
        };
        let exit = tokio::select! {
            exit = told => exit,
            told = signals.next() => Ok(match told {
                Told::Interrupt => Exit::Interrupted,
                Told::Terminate => Exit::Failed,
            }),
        };
        screen.progress("");
        screen.loss().map_or(exit, Err)
    }
}

/// A servent that runs.
#[derive(Debug)]
struct Running {
    data: PathBuf,
    listen: SocketAddr,
    client: Client,
}

impl Running {
    /// Returns once it is gone.
    async fn see_off(&self) -> Result<(), Failure> {
        let until = Instant::now() + GONE_WITHIN;
        while Pass::read(&self.data).is_ok() {
            if Instant::now() > until {
                let what = format!("the servent at {} does not end", self.listen);
                return Err(Failure::new(Exit::TimedOut, what, "end its process"));
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }
}

impl Reach {
    /// The servent that is meant.
    async fn find(&self) -> Result<Running, Failure> {
        let folders = match &self.data {
            Some(data) => vec![data.clone()],
            None => DataFolder::all_usual(),
        };
        let mut running = Vec::new();
        for data in folders {
            let pass = match Pass::read(&data) {
                Ok(pass) => pass,
                // Somebody else's, who alone may control it: that no servent runs would be wrong.
                Err(error)
                    if self.data.is_some() && error.kind() == io::ErrorKind::PermissionDenied =>
                {
                    return Err(Failure::io(
                        format_args!(
                            "the servent that keeps its state in {} cannot be talked to",
                            data.display()
                        ),
                        &error,
                        "do it as the user who started it",
                    ));
                }
                Err(_) => continue,
            };
            let meant = self.at.is_none_or(|port| port == pass.listen.port())
                && self
                    .api
                    .as_ref()
                    .is_none_or(|api| *api.trim_end_matches('/') == pass.url);
            if !meant {
                continue;
            }
            let listen = pass.listen;
            let client = Client::new(pass);
            // A servent that was killed leaves its pass behind.
            if matches!(timeout(ALIVE_WITHIN, client.status()).await, Ok(Ok(_))) {
                running.push(Running {
                    data,
                    listen,
                    client,
                });
            }
        }
        match running.len() {
            0 => Err(Failure::new(
                Exit::NoServent,
                self.nobody(),
                "start one: servent",
            )),
            1 => Ok(running.remove(0)),
            _ => {
                let all: Vec<_> = running
                    .iter()
                    .map(|one| format!("--at {} ({})", one.listen.port(), one.data.display()))
                    .collect();
                let all = all.join(" or ");
                Err(Failure::usage(format!(
                    "several servents run; say which: {all}"
                )))
            }
        }
    }

    /// Who was looked for in vain.
    fn nobody(&self) -> String {
        let mut who = "there is no running servent to talk to".to_owned();
        if let Some(data) = &self.data {
            who += &format!(" that keeps its state in {}", data.display());
        }
        if let Some(api) = &self.api {
            who += &format!(" at {api}");
        }
        if let Some(port) = self.at {
            who += &format!(" that listens on port {port}");
        }
        who
    }
}

/// Tells it the words of our own command line, and shows what it says.
async fn tell(running: &Running, screen: &Screen) -> Result<Exit, Failure> {
    let cannot = |error| {
        let what = format!("the servent at {} gives no answer", running.listen);
        Failure::io(what, &error, "see whether it still runs")
    };
    let words = std::env::args_os().skip(1);
    let words = words
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let order = screen.as_order(words);
    let mut answer = running.client.order(&order).await.map_err(cannot)?;
    while !screen.is_closed() {
        match answer.next().await.map_err(cannot)? {
            Some(Said::Exit(code)) => return Ok(Exit::of(code)),
            Some(said) => screen.repeat(said),
            None => {
                let what = format!("the servent at {} went away", running.listen);
                return Err(Failure::new(Exit::Failed, what, ""));
            }
        }
    }
    Ok(Exit::Done)
}

impl FromArgMatches for Ask {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let (_, inner) = matches
            .subcommand()
            .ok_or_else(|| clap::Error::new(ErrorKind::MissingSubcommand))?;
        Ok(Self {
            reach: Reach::from_arg_matches(inner)?,
            command: Command::from_arg_matches(matches)?,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Subcommand for Ask {
    /// The commands of the prompt, each with the options of [`Reach`] beside its own.
    fn augment_subcommands(verbs: clap::Command) -> clap::Command {
        let prompt = Command::augment_subcommands(clap::Command::new("prompt"));
        let asked = prompt.get_subcommands().cloned();
        verbs.subcommands(asked.map(Reach::augment_args))
    }

    fn augment_subcommands_for_update(verbs: clap::Command) -> clap::Command {
        Self::augment_subcommands(verbs)
    }

    fn has_subcommand(name: &str) -> bool {
        Command::has_subcommand(name)
    }
}
