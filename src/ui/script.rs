//! Commands without a terminal: line by line from stdin, each to its end before the next.

use super::command::{self, Command, Request};
use super::failure::{Exit, Failure};
use super::lines::Lines;
use super::session::Session;
use super::signals::{Signals, Told};

/// Runs the commands of stdin until its end, `quit`, a signal, or the end of whoever reads our output. Tells the exit
/// code of the last command that failed.
pub(super) async fn run(session: &Session, signals: &mut Signals) -> Exit {
    let mut lines = Lines::of_stdin();
    let mut exit = Exit::Done;
    while !session.screen.is_closed() {
        let line = tokio::select! {
            line = lines.next() => line,
            told = signals.next() => return told_exit(told),
        };
        let done = match line {
            Ok(Some(line)) => match line.and_then(|line| command::read(&line)) {
                Ok(Request::Nothing) => continue,
                Ok(Request::Do {
                    command: Command::Quit,
                    ..
                }) => break,
                Ok(Request::Show(text)) => {
                    text.lines().for_each(|line| session.screen.data(line));
                    continue;
                }
                Ok(Request::Do { command, json }) => {
                    let in_json = json.then(|| session.in_json());
                    tokio::select! {
                        done = in_json.as_ref().unwrap_or(session).run(command) => done,
                        told = signals.next() => return told_exit(told),
                    }
                }
                Err(failure) => Err(failure),
            },
            Ok(None) => break,
            Err(error) => {
                let failure = Failure::io("the commands cannot be read", &error, "");
                session.screen.fail(&failure);
                return failure.exit;
            }
        };
        if let Err(failure) = done {
            session.screen.fail(&failure);
            exit = failure.exit;
        }
    }
    if let Some(failure) = session.screen.loss() {
        session.screen.fail(&failure);
        exit = failure.exit;
    }
    exit
}

/// Being told to end is no failure; Ctrl-C in the middle of a script is.
const fn told_exit(told: Told) -> Exit {
    match told {
        Told::Interrupt => Exit::Interrupted,
        Told::Terminate => Exit::Done,
    }
}
