//! The prompt: commands from a terminal, their results above the line being typed.
//!
//! rustyline blocks, so it has a thread of its own; so has its printer, because printing waits for the reader. The
//! session is told each line and lets the next be typed as soon as the command is done. Searches and downloads do not
//! make it wait: they go on beside it, and Ctrl-C ends the search first.

mod assistant;
mod printer;
mod reader;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval, timeout};

pub(super) use assistant::Assistant;
use assistant::OfSession;
use printer::Board;
pub(super) use printer::Printer;
pub(super) use reader::{Event, Reader, Reading};

use super::command::{self, Command, Request};
use super::failure::{Exit, Failure};
use super::get;
use super::lines::bounded;
use super::render::bar;
use super::session::Session;
use super::signals::{Signals, Told};
use super::watch;
use crate::transfer::{DownloadId, DownloadState};

/// What a line is typed behind.
const PROMPT: &str = "servent> ";

/// How often the progress line is redrawn. Every redraw makes the cursor flicker on slow terminals.
const REDRAW_EVERY: Duration = Duration::from_millis(250);

/// A file that is here within this time needs no progress row: the next prompt waits for it.
const SMALL_FILE: Duration = Duration::from_millis(250);

/// A prompt, made before there is a servent so that what is said while starting goes through it.
pub(super) struct Prompt {
    reader: Reader,
    printer: Printer,
    board: Arc<Board>,
}

impl Prompt {
    /// A prompt on this terminal, whose history is kept in `data`.
    pub(super) fn open(data: &Path) -> Result<Self, Failure> {
        let mut reader = Reader::open(Some(data.join("history"))).map_err(|error| {
            Failure::new(
                Exit::Failed,
                format!("the terminal cannot be used: {error}"),
                "pipe the commands in, or run with --daemon",
            )
        })?;
        let board = Arc::new(Board::default());
        let printer = reader.printer(&board);
        Ok(Self {
            reader,
            printer,
            board,
        })
    }

    /// What prints above the line being typed.
    pub(super) fn printer(&self) -> Printer {
        self.printer.clone()
    }

    /// Carries out what is typed, until `quit`, Ctrl-D, Ctrl-C twice, or a signal.
    pub(super) async fn run(self, session: Arc<Session>, signals: &mut Signals) -> Exit {
        let mut conversation = Conversation {
            session: Arc::clone(&session),
            printer: self.printer.clone(),
            search: None,
            tasks: JoinSet::new(),
            leaving: false,
        };
        conversation.go_on();
        session
            .screen
            .talk("Type `help` to see what can be typed here.");
        let mut neighbours = session.servent.neighbours();
        neighbours.mark_changed();
        let mut lonely = true;
        let mut finds = session.servent.watches().finds();
        let arguments = Box::new(OfSession::new(Arc::clone(&session)));
        let mut reader = self.reader.start(Assistant::new(arguments, self.board));
        reader.type_on(PROMPT);
        let mut redraw = interval(REDRAW_EVERY);
        redraw.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let in_line = loop {
            tokio::select! {
                event = reader.next() => {
                    if !conversation.on(event, signals).await {
                        break false;
                    }
                    conversation.draw();
                    reader.type_on(PROMPT);
                }
                told = signals.next() => match told {
                    // While a line is being typed Ctrl-C is a key; this came from elsewhere.
                    Told::Interrupt if conversation.interrupt() => {}
                    _ => break true,
                },
                Ok(find) = finds.recv() => session.screen.talk(watch::line(&find)),
                _ = redraw.tick() => conversation.draw(),
                Ok(()) = neighbours.changed() => {
                    let count = *neighbours.borrow_and_update();
                    if lonely != (count == 0) {
                        lonely = count == 0;
                        session.screen.talk(if lonely {
                            "The last neighbour is gone; looking for others."
                        } else {
                            "Connected: searches reach others now."
                        });
                    }
                }
                Some(_) = conversation.tasks.join_next() => {}
            }
        };
        conversation.tasks.abort_all();
        conversation.take_leave();
        self.printer.finish();
        reader.close(in_line);
        Exit::Done
    }
}

/// What goes on between a user and the session.
struct Conversation {
    session: Arc<Session>,
    printer: Printer,
    /// The search under way.
    search: Option<AbortHandle>,
    /// It, and the downloads being followed.
    tasks: JoinSet<()>,
    /// Ctrl-C was the last thing typed: the next one leaves.
    leaving: bool,
}

impl Conversation {
    /// Follows the downloads that an earlier run left.
    fn go_on(&mut self) {
        for download in get::active(&self.session) {
            let (name, number) = (&download.name, download.id.0);
            self.session.screen.talk(match download.state {
                DownloadState::Paused => format!("{name} is paused; `resume {number}` goes on."),
                _ => format!("Going on with {name}."),
            });
            self.follow(download.id);
        }
    }

    /// Takes what was typed; tells whether to go on.
    async fn on(&mut self, event: Event, signals: &mut Signals) -> bool {
        let line = match event {
            Event::Line(line) => line,
            Event::Interrupt => return self.interrupt(),
            Event::End => return false,
        };
        self.leaving = false;
        let done = match bounded(&line).and_then(command::read) {
            Ok(Request::Nothing) => Ok(()),
            Ok(Request::Show(text)) => {
                text.lines().for_each(|line| self.session.screen.data(line));
                Ok(())
            }
            Ok(Request::Do {
                command: Command::Quit,
                ..
            }) => return false,
            Ok(Request::Do { command, json }) => {
                let session = match json {
                    true => Arc::new(self.session.in_json()),
                    false => Arc::clone(&self.session),
                };
                tokio::select! {
                    done = self.run(&session, command) => done,
                    told = signals.next() => match told {
                        Told::Interrupt => Err(Failure::new(Exit::Interrupted, "stopped", "")),
                        Told::Terminate => return false,
                    },
                }
            }
            Err(failure) => Err(failure),
        };
        if let Err(failure) = done {
            self.session.screen.fail(&failure);
        }
        true
    }

    async fn run(&mut self, session: &Arc<Session>, command: Command) -> Result<(), Failure> {
        match command {
            command if !session.manner.beside => session.run(command).await,
            Command::Search(search) => {
                self.end_search();
                let session = Arc::clone(session);
                let task = async move {
                    if let Err(failure) = search.run(&session).await {
                        session.screen.fail(&failure);
                    }
                };
                self.search = Some(self.tasks.spawn(task));
                Ok(())
            }
            Command::Get(get) => {
                let begun = get.begin(session).await?;
                for &id in &begun {
                    self.follow(id);
                }
                let over = join_all(begun.into_iter().map(|id| get::over(session, id)));
                // Those that are longer under way get a row above the next prompt.
                let _ = timeout(SMALL_FILE, over).await;
                Ok(())
            }
            other => session.run(other).await,
        }
    }

    fn follow(&mut self, id: DownloadId) {
        let session = Arc::clone(&self.session);
        self.tasks.spawn(async move {
            // Of one that is not known any more its end was told to whoever cancelled it.
            if let Err(failure) = get::follow(&session, id).await
                && session.servent.downloads().watch(id).is_some()
            {
                session.screen.fail(&failure);
            }
        });
    }

    /// Ends the search; tells whether there was one.
    fn end_search(&mut self) -> bool {
        match self.search.take() {
            Some(search) if !search.is_finished() => {
                search.abort();
                true
            }
            _ => false,
        }
    }

    /// Ctrl-C: stops the action first, then leaves. Tells whether to go on.
    fn interrupt(&mut self) -> bool {
        let screen = &Arc::clone(&self.session).screen;
        if self.end_search() {
            screen.talk("The search has ended; `results` shows what it found.");
            return true;
        }
        if self.leaving {
            return false;
        }
        self.leaving = true;
        screen.talk("Ctrl-C again leaves; so do Ctrl-D and `quit`.");
        true
    }

    /// The last words.
    fn take_leave(&self) {
        let unfinished = get::active(&self.session).len();
        self.session.screen.talk(match unfinished {
            0 => "Bye.".to_owned(),
            1 => "Bye. The unfinished download goes on at the next start.".to_owned(),
            several => format!("Bye. The {several} unfinished downloads go on at the next start."),
        });
    }

    /// Shows how far the downloads are.
    fn draw(&mut self) {
        if let Some(width) = self.session.screen.bar_columns() {
            let downloads = get::active(&self.session);
            self.printer.progress(&bar(&downloads, width));
        }
    }
}
