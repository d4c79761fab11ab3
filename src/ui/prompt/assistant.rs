//! Help while typing: completion, hints, a coloured prompt with the progress row above it.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustyline::completion::{Completer, Pair};
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::{Context, Helper, Validator};
use tokio::runtime::Handle;

use super::printer::Board;
use crate::ui::clean::clean;
use crate::ui::command;
use crate::ui::render::{Style, shorten};
use crate::ui::screen::colour_wanted;
use crate::ui::session::Session;

/// Completions shown of a long list of results.
const MOST_SHOWN: usize = 50;

/// The width of a name among completions.
const NAME_WIDTH: usize = 60;

/// What can stand behind the name of a command. Asked on the reader's thread, which may wait for a servent.
pub(in crate::ui) trait Arguments: Send {
    /// All that can, as far as it is known.
    fn of(&self, command: &str) -> Vec<Pair>;
}

/// Of commands of whose objects nothing is known here.
impl Arguments for () {
    fn of(&self, _: &str) -> Vec<Pair> {
        Vec::new()
    }
}

/// What rustyline asks while a line is typed.
#[derive(Helper, Validator)]
pub(in crate::ui) struct Assistant {
    arguments: Box<dyn Arguments>,
    board: Arc<Board>,
    colour: bool,
    commands: Vec<String>,
    /// Whether there is anything on the line; set whenever it changes.
    typed: AtomicBool,
}

impl Assistant {
    /// One that shows the row of `board`.
    pub(super) fn new(arguments: Box<dyn Arguments>, board: Arc<Board>) -> Self {
        Self {
            arguments,
            board,
            colour: colour_wanted(),
            commands: command::names(),
            typed: AtomicBool::new(false),
        }
    }

    /// One that knows the commands and nothing else.
    pub(in crate::ui) fn of_commands() -> Self {
        Self::new(Box::new(()), Arc::default())
    }

    /// Whether the prompt about to be shown has a row above it.
    pub(super) fn shows_row(&self) -> bool {
        self.board.show()
    }

    /// Whether there was anything on the line, the last time it changed. Asking forgets it.
    pub(super) fn take_typed(&self) -> bool {
        self.typed.swap(false, Ordering::Relaxed)
    }

    /// What can stand behind `command`.
    fn arguments(&self, command: &str) -> Vec<Pair> {
        match command {
            "help" => self.commands.iter().map(|name| pair(name, name)).collect(),
            other => self.arguments.of(other),
        }
    }
}

/// What is known of the objects of commands in a session.
pub(super) struct OfSession {
    session: Arc<Session>,
    runtime: Handle,
}

impl OfSession {
    /// To be made on the runtime.
    pub(super) fn new(session: Arc<Session>) -> Self {
        let runtime = Handle::current();
        Self { session, runtime }
    }

    fn results(&self) -> Vec<Pair> {
        let results = self.session.results();
        let shown = results.all().iter().take(MOST_SHOWN);
        shown
            .map(|found| {
                let n = found.n.to_string();
                let name = shorten(&clean(&found.name), NAME_WIDTH);
                pair(&n, &format!("{n}  {name}"))
            })
            .collect()
    }

    fn peers(&self) -> Vec<Pair> {
        let peers = self.runtime.block_on(self.session.servent.peers());
        peers
            .iter()
            .map(|peer| {
                let host = peer.host.to_string();
                pair(&host, &format!("{host}  {}", peer.vendor))
            })
            .collect()
    }
}

impl Arguments for OfSession {
    fn of(&self, command: &str) -> Vec<Pair> {
        match command {
            "get" | "results" => self.results(),
            "disconnect" | "browse" => self.peers(),
            _ => Vec::new(),
        }
    }
}

/// A line without whom it is for: `search x` of `@7 search x`.
fn unaddressed(line: &str) -> &str {
    match line.split_once(' ') {
        Some((whom, rest)) if whom.starts_with('@') => rest,
        _ => line,
    }
}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let typed = &line[..at];
        let start = typed
            .rfind(char::is_whitespace)
            .map_or(0, |space| space + 1);
        let before = unaddressed(&typed[..start]);
        let mut candidates = match before.split_whitespace().next() {
            None => {
                let names = self.commands.iter();
                names.map(|name| pair(&format!("{name} "), name)).collect()
            }
            Some(command) => self.arguments(command),
        };
        candidates.retain(|candidate| candidate.replacement.starts_with(&typed[start..]));
        Ok((start, candidates))
    }
}

impl Hinter for Assistant {
    type Hint = String;

    /// After a command's name: what may follow it.
    fn hint(&self, line: &str, at: usize, _: &Context<'_>) -> Option<String> {
        self.typed.store(!line.is_empty(), Ordering::Relaxed);
        let name = unaddressed(line).strip_suffix(' ')?;
        if at < line.len() || !self.commands.iter().any(|command| command == name) {
            return None;
        }
        command::usage(name).filter(|usage| !usage.is_empty())
    }
}

impl Highlighter for Assistant {
    /// Draws the prompt, and above it the row that tells of downloads, anew each time.
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        match prompt.strip_prefix('\n') {
            Some(prompt) => {
                let row = Style::Dim.paint(&self.board.row(), self.colour);
                Cow::Owned(format!("{row}\n{}", Style::Bold.paint(prompt, self.colour)))
            }
            None => Cow::Owned(Style::Bold.paint(prompt, self.colour)),
        }
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(Style::Dim.paint(hint, self.colour))
    }

    /// A command that exists looks like one.
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        let order = unaddressed(line);
        let whom = &line[..line.len() - order.len()];
        let end = order.find(char::is_whitespace).unwrap_or(order.len());
        let (name, rest) = order.split_at(end);
        if !self.colour || !self.commands.iter().any(|command| command == name) {
            return Cow::Borrowed(line);
        }
        Cow::Owned(format!("{whom}{}{rest}", Style::Good.paint(name, true)))
    }

    fn highlight_char(&self, line: &str, at: usize, _: CmdKind) -> bool {
        self.colour && !unaddressed(&line[..at.min(line.len())]).contains(' ')
    }
}

/// A completion. What it looks like is cleaned; names come from strangers.
fn pair(replacement: &str, display: &str) -> Pair {
    Pair {
        display: clean(display).into_owned(),
        replacement: replacement.to_owned(),
    }
}
