//! `downloads` and `uploads`.

use clap::Args;

use super::failure::{Exit, Failure};
use super::render::{bytes, json, rate, span};
use super::session::Session;
use crate::transfer::{DownloadId, DownloadState, DownloadStatus, Priority};

/// Shows the downloads.
pub(super) fn downloads(session: &Session) -> Result<(), Failure> {
    let downloads = session.servent.downloads().list();
    let screen = &session.screen;
    if screen.json {
        for download in &downloads {
            screen.json(&json::download(download));
        }
        return Ok(());
    }
    if downloads.is_empty() {
        screen.talk("No downloads. `get N` fetches result N of the last search.");
        return Ok(());
    }
    screen.table(
        [
            "n", "name", "done", "size", "rate", "left", "sources", "state",
        ],
        downloads.iter().map(|download| {
            [
                download.id.0.to_string(),
                download.name.clone(),
                percent(download),
                download.size.map_or_else(|| "?".to_owned(), bytes),
                match download.state {
                    DownloadState::Running => rate(download.rate),
                    _ => String::new(),
                },
                match (download.state, download.left()) {
                    (DownloadState::Running, Some(left)) => span(left),
                    _ => String::new(),
                },
                format!("{} of {}", download.active, download.sources),
                state(download),
            ]
        }),
    );
    Ok(())
}

/// Some downloads.
#[derive(Args, Clone, Debug)]
pub(super) struct Which {
    /// Their numbers, as `downloads` shows them
    #[arg(required = true, value_name = "N", value_parser = parse_number)]
    numbers: Vec<u64>,
}

impl Which {
    pub(super) fn pause(&self, session: &Session) -> Result<(), Failure> {
        self.each(
            "paused",
            |id| session.servent.downloads().pause(id),
            session,
        )
    }

    pub(super) fn resume(&self, session: &Session) -> Result<(), Failure> {
        self.each(
            "resumed",
            |id| session.servent.downloads().resume(id),
            session,
        )
    }

    pub(super) fn cancel(&self, session: &Session) -> Result<(), Failure> {
        self.each(
            "cancelled",
            |id| session.servent.downloads().cancel(id),
            session,
        )
    }

    /// Does something with each, and says so; stops at the first with which it cannot be done.
    fn each(
        &self,
        done: &str,
        act: impl Fn(DownloadId) -> bool,
        session: &Session,
    ) -> Result<(), Failure> {
        for &number in &self.numbers {
            let id = DownloadId(number);
            let status = session.servent.downloads().watch(id);
            let name = status.map(|status| status.borrow().name.clone());
            match name.filter(|_| act(id)) {
                Some(name) => session.screen.talk(format!("{name} is {done}.")),
                None => return Err(no_download(number)),
            }
        }
        Ok(())
    }
}

/// Which download comes first.
#[derive(Args, Clone, Debug)]
pub(super) struct SetPriority {
    /// Its number, as `downloads` shows it
    #[arg(value_name = "N", value_parser = parse_number)]
    number: u64,
    /// Before all others, as they come, or when nobody else wants the connections
    #[arg(value_parser = parse_priority, value_name = "high|normal|low")]
    priority: Priority,
}

impl SetPriority {
    pub(super) fn run(&self, session: &Session) -> Result<(), Failure> {
        let downloads = session.servent.downloads();
        let id = DownloadId(self.number);
        let status = downloads.watch(id);
        let name = status.map(|status| status.borrow().name.clone());
        let name = name.filter(|_| downloads.prefer(id, self.priority));
        let name = name.ok_or_else(|| no_download(self.number))?;
        session.screen.talk(match self.priority {
            Priority::High => format!("{name} comes before all others."),
            Priority::Normal => format!("{name} comes in its turn."),
            Priority::Low => format!("{name} comes when no other wants the connections."),
        });
        Ok(())
    }
}

fn parse_number(text: &str) -> Result<u64, String> {
    let why = |_| "`downloads` shows the numbers".to_owned();
    text.parse().map_err(why)
}

fn parse_priority(text: &str) -> Result<Priority, String> {
    match text {
        "high" => Ok(Priority::High),
        "normal" => Ok(Priority::Normal),
        "low" => Ok(Priority::Low),
        _ => Err(format!("`{text}` is not high, normal or low")),
    }
}

fn no_download(number: u64) -> Failure {
    Failure::new(
        Exit::NothingFound,
        format!("there is no unfinished download {number}"),
        "`downloads` shows their numbers",
    )
}

/// Shows the uploads.
pub(super) fn uploads(session: &Session) -> Result<(), Failure> {
    let uploads = session.servent.uploads();
    let screen = &session.screen;
    if screen.json {
        for upload in uploads.list() {
            screen.json(&json::upload(&upload));
        }
        return Ok(());
    }
    if !uploads.list().is_empty() {
        screen.table(
            ["name", "to", "vendor", "sent", "of"],
            uploads.list().into_iter().map(|upload| {
                [
                    upload.name,
                    upload.to.to_string(),
                    upload.agent,
                    bytes(upload.sent),
                    bytes(upload.length),
                ]
            }),
        );
    }
    screen.talk(format!(
        "{} running, {} completed since the start.",
        uploads
            .list()
            .iter()
            .filter(|upload| upload.running)
            .count(),
        uploads.completed()
    ));
    Ok(())
}

fn percent(download: &DownloadStatus) -> String {
    match (download.done * 100).checked_div(download.size.unwrap_or(0)) {
        Some(percent) => format!("{percent} %"),
        None => bytes(download.done),
    }
}

fn state(download: &DownloadStatus) -> String {
    let state = match download.state {
        DownloadState::Waiting => "waiting",
        DownloadState::Running => "running",
        DownloadState::Paused => "paused",
        DownloadState::Verifying => "verifying",
        DownloadState::Complete => {
            let path = download.path.as_ref();
            return path.map_or_else(|| "complete".to_owned(), |path| path.display().to_string());
        }
        DownloadState::Failed => "failed",
    };
    let rank = match download.priority {
        _ if download.state.is_final() => "",
        Priority::High => ", first",
        Priority::Normal => "",
        Priority::Low => ", last",
    };
    match &download.why {
        Some(why) => format!("{state}{rank}: {why}"),
        None => format!("{state}{rank}"),
    }
}
