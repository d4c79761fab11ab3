//! `get`: fetching files, and telling how far they are.

use std::time::Duration;

use clap::Args;
use futures_util::future::join_all;
use tokio::time::{Instant, interval, timeout_at};

use super::failure::{Exit, Failure};
use super::reference::{Content, Reference};
use super::render::{Line, Style, bar, bytes, json, span};
use super::results::no_result;
use super::search::wait_for_a_peer;
use super::session::Session;
use crate::transfer::{DownloadId, DownloadState, DownloadStatus, Fault, Source, Wanted};
use crate::wire::{Query, Urn};

/// Progress is told this often at most: faster than this nobody reads.
const TELL_EVERY: Duration = Duration::from_millis(200);

/// What to fetch.
#[derive(Args, Clone, Debug)]
pub(super) struct Get {
    /// Numbers of the last results (3, 1-3), urn:sha1:…, or magnet: links
    #[arg(required = true, value_name = "REF")]
    references: Vec<Reference>,
}

impl Get {
    /// Fetches all, and returns when each is complete or has failed.
    pub(super) async fn run(&self, session: &Session) -> Result<(), Failure> {
        let downloads = self.begin(session).await?;
        let ends = join_all(downloads.iter().map(|&id| follow(session, id)));
        let ends = tokio::select! {
            ends = ends => ends,
            never = draw(session, &downloads) => match never {},
        };
        session.screen.progress("");
        ends.into_iter().rfind(Result::is_err).unwrap_or(Ok(()))
    }

    /// Begins all downloads; when one cannot begin, those before it have.
    pub(super) async fn begin(&self, session: &Session) -> Result<Vec<DownloadId>, Failure> {
        let mut begun = Vec::new();
        for reference in &self.references {
            match reference {
                Reference::Numbers(numbers) => {
                    for n in numbers.clone() {
                        begun.push(begin_result(session, n).await?);
                    }
                }
                Reference::Content(content) => {
                    let wanted = find_content(session, content).await?;
                    begun.push(begin(session, wanted)?);
                }
            }
        }
        Ok(begun)
    }
}

/// Begins to fetch result `n`.
async fn begin_result(session: &Session, n: usize) -> Result<DownloadId, Failure> {
    let (found, wanted) = {
        let results = session.results();
        let found = results.get(n).cloned().zip(results.wanted(n));
        found.ok_or_else(|| no_result(n, &results))?
    };
    let Some(source) = &found.through else {
        return begin(session, wanted);
    };
    let servent = &session.servent;
    let begun = servent.fetch_through_index(source, &found.name, found.size, found.sha1);
    begun.await.map_err(|why| {
        Failure::io(
            format!("{} was not fetched", found.name),
            &why,
            "try another of the results",
        )
    })
}

fn begin(session: &Session, wanted: Wanted) -> Result<DownloadId, Failure> {
    let begun = session.servent.downloads().start(wanted);
    begun.map_err(|error| Failure {
        exit: Exit::Disk,
        ..Failure::io(
            "the download cannot be noted",
            &error,
            "check the data folder",
        )
    })
}

/// Where a content can be had: where the link says, else at the first servent that answers a search for it.
async fn find_content(session: &Session, content: &Content) -> Result<Wanted, Failure> {
    let urn = Urn::Sha1(content.sha1);
    if let Some(addr) = content.source {
        return Ok(Wanted {
            name: content
                .name
                .clone()
                .unwrap_or_else(|| content.sha1.to_string()),
            size: content.size,
            sha1: Some(content.sha1),
            root: content.root,
            sources: vec![Source::at(addr)],
        });
    }
    wait_for_a_peer(session).await?;
    session.screen.talk(format!("Looking for {urn}."));
    let mut search = session.servent.search(Query::urn(urn), None).await;
    let until = Instant::now() + session.manner.wait;
    while let Ok(Some(found)) = timeout_at(until, search.hits.recv()).await {
        let mut records = found.hit.records.iter();
        if let Some(record) = records.find(|record| record.sha1() == Some(content.sha1)) {
            return Ok(Wanted {
                name: content.name.as_ref().unwrap_or(&record.name).clone(),
                root: content.root,
                ..Wanted::of(&found.hit, record)
            });
        }
    }
    Err(Failure::new(
        Exit::NothingFound,
        format!("nobody has {urn}"),
        "try again later, or search by name",
    ))
}

/// Tells of one download until it is complete or has failed.
pub(super) async fn follow(session: &Session, id: DownloadId) -> Result<(), Failure> {
    let screen = &session.screen;
    let cancelled = |name: &str| Failure::new(Exit::Failed, format!("{name} was cancelled"), "");
    let status = session.servent.downloads().watch(id);
    let mut status = status.ok_or_else(|| cancelled(&format!("download {}", id.0)))?;
    let (mut told, mut why) = (None::<Instant>, None);
    loop {
        let now = status.borrow_and_update().clone();
        // A full disk or a busy source may be all there is to tell for hours.
        let news = now.why != why && now.why.is_some();
        let due = news || told.is_none_or(|told| told.elapsed() >= TELL_EVERY);
        if screen.json && (due || now.state.is_final()) {
            screen.json(&json::download(&now));
            told = Some(Instant::now());
        }
        if news && now.state == DownloadState::Waiting {
            let reason = now.why.as_deref().unwrap_or_default();
            screen.talk(format!("{} waits: {reason}", now.name));
        }
        if now.why.is_some() {
            why.clone_from(&now.why);
        }
        match now.state {
            DownloadState::Complete => {
                if !screen.json {
                    screen.progress("");
                    screen.data(complete(&now));
                }
                return Ok(());
            }
            DownloadState::Failed => return Err(failed(session, &now)),
            DownloadState::Waiting
            | DownloadState::Running
            | DownloadState::Paused
            | DownloadState::Verifying => {}
        }
        let changed = status.changed().await;
        changed.map_err(|_| cancelled(&now.name))?;
    }
}

/// Returns once a download is complete or has failed.
pub(super) async fn over(session: &Session, id: DownloadId) {
    if let Some(mut status) = session.servent.downloads().watch(id) {
        // A download that is gone is over, too.
        let _ = status.wait_for(|status| status.state.is_final()).await;
    }
}

/// The downloads that are neither complete nor failed.
pub(super) fn active(session: &Session) -> Vec<DownloadStatus> {
    let mut all = session.servent.downloads().list();
    all.retain(|one| !one.state.is_final());
    all
}

/// Draws how far these downloads are, for as long as it is let.
async fn draw(session: &Session, downloads: &[DownloadId]) -> std::convert::Infallible {
    let mut tick = interval(TELL_EVERY);
    loop {
        tick.tick().await;
        if let Some(width) = session.screen.bar_columns() {
            let mut ours = active(session);
            ours.retain(|one| downloads.contains(&one.id));
            session.screen.progress(&bar(&ours, width));
        }
    }
}

fn complete(status: &DownloadStatus) -> Line {
    let path = status.path.as_ref().map(|path| path.display().to_string());
    let checked = status.why.as_deref().unwrap_or("SHA-1 checked");
    Line::styled(Style::Good, "complete ")
        .and(Style::Plain, path.unwrap_or_else(|| status.name.clone()))
        .and(
            Style::Dim,
            format!(
                "  {} in {}, {checked}",
                bytes(status.done),
                span(status.spent)
            ),
        )
}

fn failed(session: &Session, status: &DownloadStatus) -> Failure {
    let why = status.why.as_deref().unwrap_or("no reason was given");
    let (exit, next) = match status.fault {
        Some(Fault::Disk) => (Exit::Disk, "make room, or see to the disk"),
        Some(Fault::HashMismatch) => (Exit::HashMismatch, "fetch it from another host"),
        Some(Fault::Source) if session.servent.downloads().lost().contains(&status.id) => (
            Exit::Failed,
            "it is tried again while the servent runs; or try another of the results",
        ),
        Some(Fault::OtherFile) => (Exit::Failed, "search for it anew"),
        Some(Fault::Source) | None => (Exit::Failed, "try another of the results"),
    };
    Failure::new(
        exit,
        format!("{} was not fetched: {why}", status.name),
        next,
    )
}
