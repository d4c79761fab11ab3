//! `library` and `rescan`: what we share.

use std::time::Duration;

use clap::Args;
use serde_json::json;
use tokio::time::timeout;

use super::failure::{Exit, Failure};
use super::reference::Content;
use super::render::{bytes, counted, json as shape};
use super::session::Session;
use crate::library::SharedFile;
use crate::wire::{Query, Sha1};

/// As many of our own files as a person or a script may ask for at once.
const MOST_SHOWN: usize = 1_000_000;

/// A scan of a large disk takes long; beyond this it goes on unwatched.
const RESCAN_WITHIN: Duration = Duration::from_secs(60);

/// Which files.
#[derive(Args, Clone, Debug)]
pub(super) struct ShowLibrary {
    /// Words that the name must hold, in any order
    words: Vec<String>,
}

impl ShowLibrary {
    pub(super) fn run(&self, session: &Session) -> Result<(), Failure> {
        let shelf = session.servent.shelf();
        let files: Vec<SharedFile> = {
            let library = shelf
                .read()
                .expect("nobody panics while holding the library");
            if self.words.is_empty() {
                library.files().take(MOST_SHOWN).cloned().collect()
            } else {
                let query = Query::words(&self.words.join(" "));
                library
                    .search(&query, MOST_SHOWN)
                    .into_iter()
                    .cloned()
                    .collect()
            }
        };
        let screen = &session.screen;
        if files.is_empty() {
            return Err(match self.words.as_slice() {
                [] => Failure::new(
                    Exit::NothingFound,
                    "we share nothing",
                    "start with --share FOLDER to share one",
                ),
                words => Failure::new(
                    Exit::NothingFound,
                    format!("we share nothing called `{}`", words.join(" ")),
                    "try fewer words",
                ),
            });
        }
        if screen.json {
            for file in &files {
                screen.json(&json!({
                    "index": file.index,
                    "name": file.name,
                    "size": file.size,
                    "urn": file.sha1.map(shape::urn),
                    "magnet": file.sha1.map(|sha1| magnet(file, sha1)),
                    "path": file.path().display().to_string(),
                }));
            }
            return Ok(());
        }
        screen.table(
            ["name", "size", "urn"],
            files.into_iter().map(|file| {
                let urn = file
                    .sha1
                    .map_or_else(|| "not hashed yet".to_owned(), shape::urn);
                [file.name, bytes(file.size), urn]
            }),
        );
        Ok(())
    }
}

/// A link to one of our files. Where we are strangers cannot know; they look for it.
fn magnet(file: &SharedFile, sha1: Sha1) -> String {
    let content = Content {
        sha1,
        root: file.tree,
        name: Some(file.name.clone()),
        size: Some(file.size),
        source: None,
    };
    content.to_string()
}

/// Walks the shared folders again, and waits for the walk.
pub(super) async fn rescan(session: &Session) -> Result<(), Failure> {
    let mut census = session.servent.census();
    let before = census.borrow_and_update().scans;
    session.servent.rescan();
    let walked = timeout(
        RESCAN_WITHIN,
        census.wait_for(|census| census.scans > before),
    )
    .await;
    let census = match walked {
        Ok(Ok(census)) => *census,
        Ok(Err(_)) => return Err(Failure::new(Exit::Failed, "the librarian has stopped", "")),
        Err(_) => {
            session
                .screen
                .talk("The scan takes long and goes on; `status` shows the files.");
            return Ok(());
        }
    };
    if session.screen.json {
        session.screen.json(&json!({
            "files": census.files,
            "bytes": census.bytes,
            "unhashed": census.unhashed,
        }));
    } else {
        session.screen.talk(format!(
            "{}, {}, {} still to be hashed.",
            counted(census.files, "file"),
            bytes(census.bytes),
            census.unhashed
        ));
    }
    Ok(())
}
