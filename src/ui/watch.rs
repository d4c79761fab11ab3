//! `watch`: words that are asked for again and again.

use clap::{Args, Subcommand};

use super::failure::{Exit, Failure};
use super::render::{Line, Style, bytes, counted, json};
use super::session::Session;
use crate::net::Find;

/// What to wait for; nothing said: show what is waited for.
#[derive(Args, Clone, Debug)]
pub(super) struct Watch {
    #[command(subcommand)]
    change: Option<Change>,
}

#[derive(Clone, Debug, Subcommand)]
enum Change {
    /// Look for these words, now and later, ever more rarely; over restarts, too
    Add {
        /// Words that the name must hold, in any order
        #[arg(required = true)]
        words: Vec<String>,
        /// Fetch what is found, each content once
        #[arg(long)]
        get: bool,
    },
    /// Look for something no more
    Remove {
        /// Its number, as `watch` shows it
        #[arg(value_name = "N")]
        number: u32,
    },
    /// Show what is looked for
    List,
}

impl Watch {
    pub(super) fn run(&self, session: &Session) -> Result<(), Failure> {
        let (watches, screen) = (session.servent.watches(), &session.screen);
        match &self.change {
            Some(Change::Add { words, get }) => {
                let words = words.join(" ");
                let number = watches.add(&words, *get).map_err(|why| {
                    let what = format!("`{words}` is not watched");
                    Failure::io(what, &why, "`watch remove N` makes room")
                })?;
                let then = if *get {
                    " What is found is fetched."
                } else {
                    ""
                };
                screen.talk(format!("Watch {number} looks for `{words}`.{then}"));
                Ok(())
            }
            Some(Change::Remove { number }) => {
                let cannot = |error| Failure::io("that is not noted", &error, "see to the disk");
                match watches.remove(*number).map_err(cannot)? {
                    true => Ok(()),
                    false => Err(Failure::new(
                        Exit::NothingFound,
                        format!("there is no watch {number}"),
                        "`watch` shows their numbers",
                    )),
                }
            }
            Some(Change::List) | None => {
                list(session);
                Ok(())
            }
        }
    }
}

fn list(session: &Session) {
    let (all, screen) = (session.servent.watches().all(), &session.screen);
    if screen.json {
        all.iter()
            .for_each(|watch| screen.json(&json::watch(watch)));
    } else if all.is_empty() {
        screen.talk("Nothing is watched. `watch add WORDS` keeps looking for them.");
    } else {
        let row = |watch: &crate::net::Watch| {
            [
                watch.id.to_string(),
                watch.words.clone(),
                counted(watch.found(), "file"),
                if watch.fetch { "yes" } else { "no" }.to_owned(),
            ]
        };
        screen.table(["n", "words", "found", "get"], all.iter().map(row));
    }
}

/// A find, in a line.
pub(super) fn line(find: &Find) -> Line {
    let then = match find.download {
        Some(id) => format!("  download {}", id.0),
        None => format!("  urn:sha1:{}", find.sha1),
    };
    Line::styled(Style::Good, "found ")
        .and(Style::Plain, find.name.clone())
        .and(
            Style::Dim,
            format!("  {} for `{}`{then}", bytes(find.size), find.words),
        )
}
