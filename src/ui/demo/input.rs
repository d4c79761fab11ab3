//! What is typed to a village: on a terminal with a line editor and what was typed before, else line by line.

use std::io::{self, IsTerminal};

use tokio::io::{BufReader, Stdin};

use crate::ui::failure::{Exit, Failure};
use crate::ui::lines::{Lines, bounded};
use crate::ui::prompt::{Assistant, Event, Reader, Reading};
use crate::ui::screen::Screen;

/// Where lines come from.
pub(super) enum Input {
    /// A terminal.
    Typed(Reading),
    /// A pipe, a file, or a terminal that nothing else can be done with.
    Piped(Lines<BufReader<Stdin>>),
}

impl Input {
    /// Stdin.
    pub(super) fn open() -> Self {
        let at_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
        let reader = at_terminal.then(|| Reader::open(None).ok()).flatten();
        match reader {
            Some(reader) => Self::Typed(reader.start(Assistant::of_commands())),
            None => Self::Piped(Lines::of_stdin()),
        }
    }

    /// The next line, typed behind `prompt`, or why it is none.
    ///
    /// # Errors
    /// There is no further one: with what to leave then, where that says more than that the input is over.
    pub(super) async fn next(
        &mut self,
        prompt: String,
        screen: &Screen,
    ) -> Result<Result<String, Failure>, Option<Exit>> {
        match self {
            Self::Typed(reading) => {
                reading.type_on(prompt);
                match reading.next().await {
                    Event::Line(line) => Ok(bounded(&line).map(str::to_owned)),
                    Event::Interrupt => Err(Some(Exit::Interrupted)),
                    Event::End => Err(None),
                }
            }
            Self::Piped(lines) => {
                screen.ask(&prompt);
                match lines.next().await {
                    Ok(Some(line)) => Ok(line),
                    Ok(None) | Err(_) => Err(None),
                }
            }
        }
    }

    /// Leaves the terminal as it was found, also in the middle of a line.
    pub(super) fn close(self, in_line: bool) {
        if let Self::Typed(reading) = self {
            reading.close(in_line);
        }
    }
}
