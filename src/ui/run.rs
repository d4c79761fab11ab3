//! The life of the program: read the options, start the servent, talk, stop it.

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use tokio::runtime::Builder;
use tokio::time::timeout;

use super::cli::{ApiAt, Asked, LogForm, Options, Verb};
use super::data_folder::DataFolder;
use super::desk::Desk;
use super::failure::{Exit, Failure};
use super::prompt::Prompt;
use super::render::{bytes, counted};
use super::screen::{Screen, is_dumb};
use super::session::{Manner, Session};
use super::signals::{Signals, Told};
use super::{child, config, log, script, start};
use crate::api::Opened;
use crate::net::{DEFAULT_PORT, Servent, raise_limit_on_open_files};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// How long a search in a script takes at most, where nothing is said.
const WAIT: Duration = Duration::from_secs(5);

/// The longest `--wait`: a query's routes do not live longer.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// How long the greeting waits to know what is shared.
const FIRST_SCAN: Duration = Duration::from_millis(150);

/// Stopping is done within this, or the rest is left undone.
const STOP_WITHIN: Duration = Duration::from_millis(1900);

/// Runs the program on the process's arguments.
pub fn main() -> ExitCode {
    let options = match Options::try_parse() {
        Ok(options) => options,
        Err(error) if !error.use_stderr() => {
            // Nobody is left to be told when stdout is gone.
            let _ = error.print();
            return ExitCode::SUCCESS;
        }
        Err(error) => return refuse(&Failure::from(error)),
    };
    // One of many has a core's hundredth part, and threads cost memory.
    let mut threads = match options.child_of {
        Some(_) => Builder::new_current_thread(),
        None => Builder::new_multi_thread(),
    };
    let runtime = match threads.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&Failure::io("no threads could be started", &error, "")),
    };
    let exit = runtime.block_on(run(options));
    // A thread may still wait for a line of stdin that never comes.
    runtime.shutdown_background();
    match exit {
        Ok(exit) => exit.into(),
        Err(failure) => refuse(&failure),
    }
}

fn refuse(failure: &Failure) -> ExitCode {
    Screen::new(None, false, false).fail(failure);
    failure.exit.into()
}

async fn run(mut options: Options) -> Result<Exit, Failure> {
    if let Some(verb) = options.verb.take() {
        return carry_out(verb).await;
    }
    let options = match &options.config {
        Some(path) => {
            let file = config::read(path)?;
            options.or(file)
        }
        None => options,
    };
    let manner = manner(&options)?;
    let mut signals = listen_to_signals()?;
    if let Some(parent) = options.child_of {
        child::bind_to(parent)?;
    }
    let data = match &options.data {
        Some(path) => DataFolder::named(path)?,
        None => DataFolder::usual()?,
    };
    let settings = start::settings(&options, &data).await?;
    let api = open_api(options.api).await?;
    let prompt = match manner.prompt {
        true => Some(Prompt::open(&data.path)?),
        false => None,
    };
    let printer = prompt.as_ref().map(Prompt::printer);
    let screen = Arc::new(Screen::new(printer, options.json, options.quiet));
    log::start(
        &screen,
        options.log.unwrap_or(LogForm::Text),
        options.verbose,
        options.quiet,
    );
    raise_limit_on_open_files();
    let servent = Servent::start(settings).await.map_err(|error| {
        Failure::io(
            "the servent cannot start",
            &error,
            "name another address with --listen, or other folders with --data and --downloads",
        )
    })?;
    let api = match api {
        Some(api) => {
            let desk = Arc::new(Desk::new(servent.clone(), manner));
            let serving = api.serve(&data.path, servent.listen().into(), desk);
            Some(serving.map_err(|error| {
                let next = "name another folder with --data, or say --api off";
                Failure::io("the control API cannot be offered", &error, next)
            })?)
        }
        None => None,
    };
    greet(&screen, &servent, &options, &data).await;

    let session = Arc::new(Session::new(servent.clone(), Arc::clone(&screen), manner));
    let exit = if options.child_of.is_some() {
        child::until_told(&mut signals).await;
        Exit::Done
    } else if options.daemon {
        signals.next().await;
        Exit::Done
    } else if let Some(prompt) = prompt {
        prompt.run(session, &mut signals).await
    } else {
        script::run(&session, &mut signals).await
    };
    if options.child_of.is_some() {
        // A parent's death is told once for each of its threads, so a second signal means nothing.
        let _ = timeout(STOP_WITHIN, servent.stop()).await;
    } else {
        stop(&servent, &mut signals).await;
    }
    // Only now: who has told us to stop takes its end for ours.
    drop(api);
    if let Some(parent) = options.child_of {
        child::clear(&data.path, parent);
    }
    Ok(exit)
}

/// Listens for callers where they are wanted.
async fn open_api(at: Option<ApiAt>) -> Result<Option<Opened>, Failure> {
    let ApiAt::At(addr) = at.unwrap_or_default() else {
        return Ok(None);
    };
    if !addr.ip().is_loopback() {
        tracing::warn!(%addr, "the control API is open to other machines, and its token goes to it unencrypted");
    }
    let opened = Opened::at(addr).await.map_err(|error| {
        let what = format!("the control API cannot listen at {addr}");
        Failure::io(
            what,
            &error,
            "name another address with --api, or say --api off",
        )
    })?;
    Ok(Some(opened))
}

/// What needs no servent.
async fn carry_out(verb: Verb) -> Result<Exit, Failure> {
    let mut signals = listen_to_signals()?;
    let screen = Arc::new(Screen::new(None, false, false));
    let exit = match verb {
        Verb::Compare(compare) => compare.run(&screen, &mut signals).await?,
        Verb::Lab(lab) => lab.run(&screen, &mut signals).await?,
        Verb::Index(index) => {
            log::start(&screen, LogForm::Text, 0, false);
            index.run(&screen, &mut signals).await?;
            Exit::Done
        }
        Verb::Demo(demo) => demo.run(&mut signals).await?,
        Verb::Ask(ask) => ask.run(&mut signals).await?,
    };
    screen.loss().map_or(Ok(exit), Err)
}

fn listen_to_signals() -> Result<Signals, Failure> {
    Signals::new().map_err(|error| Failure::io("the signals cannot be listened to", &error, ""))
}

/// How long a search may take.
pub(super) fn wait(seconds: Option<f64>) -> Result<Duration, Failure> {
    let Some(seconds) = seconds else {
        return Ok(WAIT);
    };
    let wait = Duration::try_from_secs_f64(seconds).ok();
    wait.filter(|wait| *wait <= LONGEST_WAIT).ok_or_else(|| {
        Failure::usage(format!(
            "--wait is a number of seconds up to {}, not {seconds}",
            LONGEST_WAIT.as_secs()
        ))
    })
}

fn manner(options: &Options) -> Result<Manner, Failure> {
    let wait = wait(options.wait)?;
    let index = options.search == Some(Asked::Index);
    if index && options.index.is_none() {
        return Err(Failure::usage(
            "--search index asks a central index: name it with --index HOST:PORT",
        ));
    }
    let at_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    let prompt = at_terminal && !options.daemon;
    Ok(Manner {
        prompt,
        beside: prompt && !is_dumb(),
        wait,
        index,
    })
}

/// Says what was started, and what differs from what one would expect.
async fn greet(screen: &Screen, servent: &Servent, options: &Options, data: &DataFolder) {
    let listen = servent.listen();
    let port = listen.port();
    match (options.listen, data.beside) {
        (None, _) if port != DEFAULT_PORT => {
            let state = if data.beside {
                format!(", and state is kept in {}", data.path.display())
            } else {
                String::new()
            };
            screen.talk(format!(
                "Port {DEFAULT_PORT} is taken, so {port} is used{state}."
            ));
        }
        (_, true) => screen.talk(format!(
            "The usual data folder is in use, so state is kept in {}.",
            data.path.display()
        )),
        _ => {}
    }
    let mut census = servent.census();
    // What is shared is known in a moment, unless it is a lot.
    let _ = timeout(FIRST_SCAN, census.wait_for(|census| census.scans > 0)).await;
    let census = *census.borrow();
    let shares = if census.scans == 0 {
        "looking through what it shares".to_owned()
    } else {
        let hashing = match census.unhashed {
            0 => String::new(),
            unhashed => format!(", {unhashed} being hashed"),
        };
        let files = counted(census.files, "file");
        format!("sharing {files} ({}{hashing})", bytes(census.bytes))
    };
    screen.talk(format!("servent {VERSION} listens on {listen}, {shares}."));
}

/// Says Bye and saves what is to be saved; a second signal ends at once.
async fn stop(servent: &Servent, signals: &mut Signals) {
    tokio::select! {
        stopped = timeout(STOP_WITHIN, servent.stop()) => {
            if stopped.is_err() {
                tracing::warn!("not everything could be stopped in time");
            }
        }
        told = signals.next() => std::process::exit(match told {
            Told::Interrupt => i32::from(Exit::Interrupted as u8),
            Told::Terminate => 143, // 128 and the number of SIGTERM, as a shell would say
        }),
    }
}
