//! Reading lines from the terminal, in a thread of its own.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use rustyline::config::{BellStyle, ColorMode, CompletionType};
use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::{Config, Editor};
use tokio::sync::mpsc;

use super::assistant::Assistant;
use super::printer::{Board, Printer};
use crate::ui::screen::{colour_wanted, is_dumb};
use crate::ui::session::Session;

/// Lines of history kept.
const HISTORY: usize = 1000;

/// What the user did.
#[derive(Debug)]
pub(super) enum Event {
    /// A line.
    Line(String),
    /// Ctrl-C on an empty line; on another it is the line that goes.
    Interrupt,
    /// Ctrl-D, or the terminal has gone.
    End,
}

/// A terminal ready to be read.
pub(super) struct Reader {
    editor: Editor<Assistant, DefaultHistory>,
    history: PathBuf,
    board: Arc<Board>,
    before: Termios,
}

/// A terminal being read.
pub(super) struct Reading {
    events: mpsc::Receiver<Event>,
    type_on: mpsc::Sender<()>,
    before: Termios,
}

impl Reader {
    /// The reader of this terminal, and what prints above its line.
    pub(super) fn open(data: &Path, board: &Arc<Board>) -> io::Result<(Self, Printer)> {
        let before = tcgetattr(io::stdin())?;
        let config = Config::builder()
            .max_history_size(HISTORY)
            .and_then(|config| config.history_ignore_dups(true))
            .map_err(io::Error::other)?
            .history_ignore_space(true)
            .completion_type(CompletionType::List)
            .bell_style(BellStyle::None)
            // Forced, because only then does it ask the assistant to draw the prompt; the assistant minds NO_COLOR.
            .color_mode(if is_dumb() {
                ColorMode::Disabled
            } else {
                ColorMode::Forced
            })
            .build();
        let mut editor = Editor::with_config(config).map_err(io::Error::other)?;
        let history = data.join("history");
        // The first run has none.
        let _ = editor.load_history(&history);
        let printer = Printer::start(editor.create_external_printer().ok(), board);
        let reader = Self {
            editor,
            history,
            board: Arc::clone(board),
            before,
        };
        Ok((reader, printer))
    }

    /// Begins to read; the session is asked for what can be completed.
    pub(super) fn start(self, session: Arc<Session>) -> Reading {
        let Self {
            mut editor,
            history,
            board,
            before,
        } = self;
        let (tell, events) = mpsc::channel(1);
        let (type_on, mut may_type) = mpsc::channel(1);
        editor.set_helper(Some(Assistant::new(
            session,
            Arc::clone(&board),
            colour_wanted(),
        )));
        thread::spawn(move || {
            loop {
                let prompt = if board.show() {
                    "\nservent> "
                } else {
                    "servent> "
                };
                let event = match editor.readline(prompt) {
                    Ok(line) => {
                        // A history that cannot be kept is no reason to stop.
                        let _ = editor.add_history_entry(&line);
                        let _ = editor.append_history(&history);
                        Event::Line(line)
                    }
                    Err(ReadlineError::Interrupted) => {
                        match editor.helper().is_some_and(Assistant::take_typed) {
                            true => Event::Line(String::new()),
                            false => Event::Interrupt,
                        }
                    }
                    Err(_) => Event::End,
                };
                if tell.blocking_send(event).is_err() || may_type.blocking_recv().is_none() {
                    break;
                }
            }
        });
        Reading {
            events,
            type_on,
            before,
        }
    }
}

impl Reading {
    /// What the user does next.
    pub(super) async fn next(&mut self) -> Event {
        self.events.recv().await.unwrap_or(Event::End)
    }

    /// Lets the user type the next line.
    pub(super) fn type_on(&self) {
        let _ = self.type_on.try_send(());
    }

    /// Leaves the terminal as it was found, also in the middle of a line.
    pub(super) fn close(self, in_line: bool) {
        /// Ends bracketed paste, which rustyline begins with each line.
        const PASTE_OFF: &str = "\u{1b}[?2004l";
        let paste = if is_dumb() { "" } else { PASTE_OFF };
        let below = if in_line { "\r\n" } else { "" };
        // A terminal that cannot be written to has gone.
        let mut stdout = io::stdout();
        let _ = write!(stdout, "{paste}{below}").and_then(|()| stdout.flush());
        let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &self.before);
    }
}
