//! Where all output goes: data to stdout, talk to stderr, and both above the line being typed where there is a prompt.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, OnceLock};

use serde::Serialize;
use tokio::sync::mpsc;

use super::clean::{clean, clean_json};
use super::failure::Failure;
use super::prompt::Printer;
use super::render::{Line, Style, fold, table};
use crate::api::{Order, Said};

/// The output of the program. Clones write to the same place.
#[derive(Clone, Debug)]
pub(super) struct Screen {
    /// The printer of the prompt, where there is one.
    printer: Option<Printer>,
    /// Who called, where all is said to a caller of the control API.
    caller: Option<Caller>,
    /// Whether commands print JSON.
    pub(super) json: bool,
    quiet: bool,
    colour_out: bool,
    colour_err: bool,
    /// Why stdout takes nothing any more, once it does not.
    closed: Arc<OnceLock<io::ErrorKind>>,
}

impl Screen {
    /// A screen for the two streams, or for the prompt of `printer`.
    pub(super) fn new(printer: Option<Printer>, json: bool, quiet: bool) -> Self {
        let wanted = colour_wanted();
        Self {
            printer,
            caller: None,
            json,
            quiet,
            colour_out: wanted && io::stdout().is_terminal(),
            colour_err: wanted && io::stderr().is_terminal(),
            closed: Arc::default(),
        }
    }

    /// A screen that says everything to a caller, whose terminal is as `order` tells.
    pub(super) fn for_caller(
        order: &Order,
        say: mpsc::Sender<Said>,
        json: bool,
        quiet: bool,
    ) -> Self {
        let [colour_out, colour_err] = order.colour;
        Self {
            printer: None,
            caller: Some(Caller {
                say,
                columns: order.columns,
                bar_columns: order.bar_columns.filter(|_| !json),
            }),
            json,
            quiet,
            colour_out,
            colour_err,
            closed: Arc::default(),
        }
    }

    /// The same, for commands that are to print JSON.
    pub(super) fn in_json(&self) -> Self {
        Self {
            json: true,
            ..self.clone()
        }
    }

    /// What a running servent has to know of this terminal to write for it.
    pub(super) fn as_order(&self, words: Vec<String>) -> Order {
        Order {
            words,
            columns: self.columns(),
            bar_columns: self.bar_columns(),
            colour: [self.colour_out, self.colour_err],
        }
    }

    /// Shows what a running servent said, which has cleaned it and styled it for this terminal.
    pub(super) fn repeat(&self, said: Said) {
        match said {
            Said::Data(line) => self.out(line),
            Said::Talk(line) => self.err(self.folded(line)),
            Said::Error(text) => self.err(self.folded(self.error_text(&text))),
            Said::Progress(bar) => self.progress(&bar),
            Said::Exit(_) => {}
        }
    }

    /// Shows a line of data.
    pub(super) fn data(&self, line: impl Into<Line>) {
        self.out(line.into().to_text(self.colour_out));
    }

    /// Shows a line of JSON.
    pub(super) fn json(&self, value: &impl Serialize) {
        let text = serde_json::to_string(value).expect("its keys are strings");
        self.out(clean_json(&text).into_owned());
    }

    /// Shows a table.
    pub(super) fn table<const N: usize>(
        &self,
        header: [&str; N],
        rows: impl IntoIterator<Item = [String; N]>,
    ) {
        let mut style = Style::Dim;
        for line in table(header, rows, self.columns()) {
            self.data(Line::styled(style, line));
            style = Style::Plain;
        }
    }

    /// Says something to a person, unless told to be quiet.
    pub(super) fn talk(&self, line: impl Into<Line>) {
        if !self.quiet {
            self.err(self.folded(line.into().to_text(self.colour_err)));
        }
    }

    /// Says why something failed.
    pub(super) fn fail(&self, failure: &Failure) {
        let text = failure.to_string();
        match &self.caller {
            Some(caller) => self.say(caller, Said::Error(clean(&text).into_owned())),
            None => self.err(self.folded(self.error_text(&text))),
        }
    }

    /// Talk in rows that end between words, where it goes to a terminal.
    fn folded(&self, text: String) -> String {
        // A caller has its own terminal, and folds what it is told.
        match self.bar_columns().filter(|_| self.caller.is_none()) {
            Some(width) => fold(&text, width),
            None => text,
        }
    }

    fn error_text(&self, text: &str) -> String {
        let line = Line::styled(Style::Bad, "error: ").and(Style::Plain, text);
        line.to_text(self.colour_err)
    }

    /// Writes a line of the log.
    pub(super) fn log(&self, line: &str, json: bool) {
        let text = if json { clean_json(line) } else { clean(line) };
        self.err(text.into_owned());
    }

    /// Redraws the line that says how far things are; an empty one takes it away. Only on a terminal.
    pub(super) fn progress(&self, bar: &str) {
        if self.quiet {
            return;
        }
        if let Some(caller) = &self.caller {
            if caller.bar_columns.is_some() {
                self.say(caller, Said::Progress(bar.to_owned()));
            }
        } else if let Some(printer) = &self.printer {
            printer.progress(bar);
        } else if self.bar_columns().is_some() {
            let mut stderr = io::stderr().lock();
            // Nobody is left to be told when stderr is gone.
            let _ = write!(stderr, "\r\u{1b}[K{}", clean(bar));
            let _ = stderr.flush();
        }
    }

    /// Draws lines on the terminal, over the `above` lines that were drawn last.
    pub(super) fn redraw(&self, lines: &[Line], above: usize) {
        let mut text = match above {
            0 => String::new(),
            rows => format!("\u{1b}[{rows}A"),
        };
        for line in lines {
            text += &format!("\r\u{1b}[K{}\n", line.to_text(self.colour_out));
        }
        let mut stdout = io::stdout().lock();
        let drawn = stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush());
        if let Err(error) = drawn {
            self.closed.get_or_init(|| error.kind());
        }
    }

    /// Asks for a line to be typed; only where stdin is a terminal.
    pub(super) fn ask(&self, prompt: &str) {
        if io::stdin().is_terminal() {
            let mut stderr = io::stderr().lock();
            // Nobody is left to be asked when stderr is gone.
            let _ = write!(stderr, "{}", Style::Bold.paint(prompt, self.colour_err));
            let _ = stderr.flush();
        }
    }

    /// How wide a progress line may be; none where there is to be none.
    pub(super) fn bar_columns(&self) -> Option<usize> {
        if let Some(caller) = &self.caller {
            return caller.bar_columns;
        }
        let drawn = io::stderr().is_terminal() && !self.json && !is_dumb();
        drawn.then(|| columns(&io::stderr())).flatten()
    }

    /// How wide the data may be; none where it goes to a file or a program.
    pub(super) fn columns(&self) -> Option<usize> {
        if let Some(caller) = &self.caller {
            return caller.columns;
        }
        io::stdout()
            .is_terminal()
            .then(|| columns(&io::stdout()))
            .flatten()
    }

    /// Whether stdout takes nothing any more, as after `| head`.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.get().is_some()
    }

    /// What was lost on stdout: nothing where its reader has simply gone, but a full disk is no reader's choice.
    pub(super) fn loss(&self) -> Option<Failure> {
        let kind = *self
            .closed
            .get()
            .filter(|kind| **kind != io::ErrorKind::BrokenPipe)?;
        let next = "see to the file or device that stdout goes to";
        Some(Failure::io(
            "the results cannot be written",
            &kind.into(),
            next,
        ))
    }

    /// Says it to a caller. One who reads nothing any more, or falls behind by more than anybody waits for, is let go.
    fn say(&self, caller: &Caller, said: Said) {
        if caller.say.try_send(said).is_err() {
            self.closed.get_or_init(|| io::ErrorKind::BrokenPipe);
        }
    }

    fn out(&self, text: String) {
        if let Some(caller) = &self.caller {
            return self.say(caller, Said::Data(text));
        }
        if let Some(printer) = &self.printer {
            printer.print(text);
            return;
        }
        let mut stdout = io::stdout().lock();
        // stdout is flushed at each newline only on a terminal; a program that reads us waits for this line.
        let written = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
        if let Err(error) = written {
            self.closed.get_or_init(|| error.kind());
        }
    }

    fn err(&self, text: String) {
        if let Some(caller) = &self.caller {
            return self.say(caller, Said::Talk(text));
        }
        if let Some(printer) = &self.printer {
            printer.print(text);
            return;
        }
        // Nobody is left to be told when stderr is gone.
        let _ = writeln!(io::stderr().lock(), "{text}");
    }
}

/// A caller of the control API, and the terminal he writes to.
#[derive(Clone, Debug)]
struct Caller {
    say: mpsc::Sender<Said>,
    columns: Option<usize>,
    bar_columns: Option<usize>,
}

/// Whether styles are welcome (<https://no-color.org>).
pub(super) fn colour_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && !is_dumb()
}

/// Whether the terminal can only print.
pub(super) fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

fn columns(terminal: &impl std::os::fd::AsFd) -> Option<usize> {
    /// What a terminal that does not know its own size is taken for.
    const USUAL: usize = 80;
    let size = rustix::termios::tcgetwinsize(terminal).ok()?;
    Some(match size.ws_col {
        0 => USUAL,
        columns => usize::from(columns),
    })
}
