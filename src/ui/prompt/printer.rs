//! Printing above the line being typed.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustyline::ExternalPrinter;

/// Lines that wait to be printed. When the terminal stands still (Ctrl-S) for longer, further ones are dropped: better
/// than to stop the servent or to fill the memory.
const MOST_WAITING: usize = 16_384;

/// How long leaving waits for what is still to be printed.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// Up one row and down again: makes the reader draw its prompt anew, and leaves nothing behind.
const REDRAW: &str = "\u{1b}[A\n";

/// A way to print above the line being typed. Clones print to the same terminal.
#[derive(Clone, Debug)]
pub(in crate::ui) struct Printer {
    words: SyncSender<Word>,
    board: Arc<Board>,
}

/// What the printing thread is told.
#[derive(Debug)]
enum Word {
    /// Print this.
    Text(String),
    /// Say when all before this is printed.
    Finish(SyncSender<()>),
}

/// The row above the prompt that says how far the downloads are.
#[derive(Debug, Default)]
pub(super) struct Board {
    row: Mutex<String>,
    /// Whether the prompt being shown has such a row.
    shown: AtomicBool,
}

impl Printer {
    /// Prints through `terminal`, from a thread of its own; straight to stdout where there is none.
    pub(super) fn start(
        mut terminal: Option<impl ExternalPrinter + Send + 'static>,
        board: &Arc<Board>,
    ) -> Self {
        let (words, waiting) = sync_channel(MOST_WAITING);
        thread::spawn(move || {
            for word in waiting {
                // A terminal that cannot be written to has gone, and its SIGHUP ends us.
                match (word, &mut terminal) {
                    (Word::Text(text), Some(terminal)) => drop(terminal.print(text)),
                    (Word::Text(text), None) => drop(io::stdout().write_all(text.as_bytes())),
                    (Word::Finish(done), _) => drop(done.send(())),
                }
            }
        });
        Self {
            words,
            board: Arc::clone(board),
        }
    }

    /// Prints a line.
    pub(in crate::ui) fn print(&self, mut line: String) {
        line.push('\n');
        let _ = self.words.try_send(Word::Text(line));
    }

    /// Shows `bar` in the row above the prompt, from the next prompt on where this one has no such row.
    pub(in crate::ui) fn progress(&self, bar: &str) {
        if self.board.set(bar) && self.board.shown.load(Ordering::Relaxed) {
            let _ = self.words.try_send(Word::Text(REDRAW.to_owned()));
        }
    }

    /// Waits until what was printed is seen, but not for long.
    pub(super) fn finish(&self) {
        let (done, finished) = sync_channel(1);
        if self.words.try_send(Word::Finish(done)).is_ok() {
            let _ = finished.recv_timeout(LAST_WORDS);
        }
    }
}

impl Board {
    /// Changes the row; tells whether that was a change.
    fn set(&self, bar: &str) -> bool {
        let mut row = self
            .row
            .lock()
            .expect("nobody panics while holding the row");
        let changed = *row != bar;
        if changed {
            bar.clone_into(&mut row);
        }
        changed
    }

    /// What it says.
    pub(super) fn row(&self) -> String {
        self.row
            .lock()
            .expect("nobody panics while holding the row")
            .clone()
    }

    /// Whether the prompt about to be shown has such a row: only when there is something to say.
    pub(super) fn show(&self) -> bool {
        let shown = !self.row().is_empty();
        self.shown.store(shown, Ordering::Relaxed);
        shown
    }
}
