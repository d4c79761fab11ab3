//! `status`: what the servent is and does.

use super::failure::Failure;
use super::render::{bytes, json, span};
use super::session::Session;
use crate::overlay::Tally;

/// Shows it.
pub(super) async fn show(session: &Session) -> Result<(), Failure> {
    let status = session.servent.status().await;
    let screen = &session.screen;
    if screen.json {
        screen.json(&json::status(&status));
        return Ok(());
    }
    let messages = |tally: &Tally| {
        format!(
            "{} pings, {} pongs, {} queries, {} hits, {} pushes, {} byes",
            tally.ping, tally.pong, tally.query, tally.query_hit, tally.push, tally.bye
        )
    };
    let counts = &status.counts;
    let rows = [
        ("up", span(status.uptime)),
        ("listens on", status.listen.to_string()),
        ("guid", status.guid.to_string()),
        ("role", json::role(status.role).to_owned()),
        (
            "peers",
            format!("{}, of them {} leaves", status.peers, status.leaves),
        ),
        (
            "shares",
            format!(
                "{} files, {}, {} still to be hashed",
                status.files,
                bytes(status.bytes),
                status.unhashed
            ),
        ),
        (
            "does",
            format!(
                "{} searches, {} downloads, {} uploads",
                status.searches, status.downloads, status.uploads
            ),
        ),
        ("received", messages(&counts.received)),
        ("sent", messages(&counts.sent)),
        (
            "refused",
            format!(
                "{} duplicates, {} dropped, {} shed by full links",
                counts.duplicate, counts.dropped, status.shed
            ),
        ),
    ];
    let version = concat!("servent ", env!("CARGO_PKG_VERSION"));
    screen.table(
        ["", version],
        rows.map(|(name, value)| [name.to_owned(), value]),
    );
    Ok(())
}
