//! Reading lines from the terminal, in a thread of its own.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use rustyline::config::{BellStyle, ColorMode, CompletionType};
use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::{
    Cmd, ConditionalEventHandler, Config, Editor, EventContext, EventHandler, KeyCode, KeyEvent,
    Modifiers, RepeatCount,
};
use tokio::sync::mpsc;

use super::assistant::Assistant;
use super::printer::{Board, Printer};
use crate::ui::lines::LONGEST;
use crate::ui::screen::is_dumb;

/// Lines of history kept.
const HISTORY: usize = 1000;

/// What the user did.
#[derive(Debug)]
pub(in crate::ui) enum Event {
    /// A line.
    Line(String),
    /// Ctrl-C on an empty line; on another it is the line that goes.
    Interrupt,
    /// Ctrl-D, or the terminal has gone.
    End,
}

/// A terminal ready to be read.
pub(in crate::ui) struct Reader {
    editor: Editor<Assistant, DefaultHistory>,
    history: Option<PathBuf>,
    before: Termios,
}

/// A terminal being read.
pub(in crate::ui) struct Reading {
    events: mpsc::Receiver<Event>,
    type_on: mpsc::Sender<String>,
    before: Termios,
}

impl Reader {
    /// The reader of this terminal; what is typed is kept in the file `history`, where there is one.
    pub(in crate::ui) fn open(history: Option<PathBuf>) -> io::Result<Self> {
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
        let full = EventHandler::Conditional(Box::new(Full));
        editor.bind_sequence(rustyline::Event::Any, full);
        if let Some(history) = &history {
            // The first run has none.
            let _ = editor.load_history(history);
        }
        Ok(Self {
            editor,
            history,
            before,
        })
    }

    /// What prints above the line being typed.
    pub(super) fn printer(&mut self, board: &Arc<Board>) -> Printer {
        Printer::start(self.editor.create_external_printer().ok(), board)
    }

    /// Is ready to read, with such help; see [`Reading::type_on`].
    pub(in crate::ui) fn start(self, assistant: Assistant) -> Reading {
        let Self {
            mut editor,
            history,
            before,
        } = self;
        let (tell, events) = mpsc::channel(1);
        let (type_on, mut may_type) = mpsc::channel::<String>(1);
        editor.set_helper(Some(assistant));
        thread::spawn(move || {
            while let Some(mut prompt) = may_type.blocking_recv() {
                if editor.helper().is_some_and(Assistant::shows_row) {
                    prompt.insert(0, '\n');
                }
                let event = match editor.readline(&prompt) {
                    Ok(line) => {
                        // A history that cannot be kept is no reason to stop.
                        let _ = editor.add_history_entry(&line);
                        if let Some(history) = &history {
                            let _ = editor.append_history(history);
                        }
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
                if tell.blocking_send(event).is_err() {
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

/// A line that is too long already takes no more: to draw it again at every letter would take ever longer.
struct Full;

impl ConditionalEventHandler for Full {
    fn handle(
        &self,
        event: &rustyline::Event,
        _: RepeatCount,
        _: bool,
        context: &EventContext<'_>,
    ) -> Option<Cmd> {
        let is_letter = matches!(
            event.get(0),
            Some(KeyEvent(KeyCode::Char(_), Modifiers::NONE))
        );
        (is_letter && context.line().len() > LONGEST).then_some(Cmd::Noop)
    }
}

impl Reading {
    /// What the user does next.
    pub(in crate::ui) async fn next(&mut self) -> Event {
        self.events.recv().await.unwrap_or(Event::End)
    }

    /// Lets the user type the next line, behind this prompt.
    pub(in crate::ui) fn type_on(&self, prompt: impl Into<String>) {
        let _ = self.type_on.try_send(prompt.into());
    }

    /// Leaves the terminal as it was found, also in the middle of a line.
    pub(in crate::ui) fn close(self, in_line: bool) {
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
