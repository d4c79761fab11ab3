//! `downloads` and `uploads`.

use super::failure::Failure;
use super::render::{bytes, json, rate};
use super::session::Session;
use crate::transfer::{DownloadState, DownloadStatus};

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
        ["n", "name", "done", "size", "rate", "state"],
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
                state(download),
            ]
        }),
    );
    Ok(())
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
    match &download.why {
        Some(why) => format!("{state}: {why}"),
        None => state.to_owned(),
    }
}
