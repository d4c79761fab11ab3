//! `peers`, `connect`, `disconnect`.

use serde_json::json;

use super::failure::{Exit, Failure};
use super::host::Host;
use super::render::{json as shape, span};
use super::session::Session;

/// On a screen narrower than this not every column of the neighbours has room.
const WIDE: usize = 72;

/// Shows the neighbours.
pub(super) async fn list(session: &Session) -> Result<(), Failure> {
    let peers = session.servent.peers().await;
    let screen = &session.screen;
    if screen.json {
        for peer in &peers {
            screen.json(&shape::peer(peer));
        }
        return Ok(());
    }
    if peers.is_empty() {
        screen.talk("No neighbours yet. `connect HOST:PORT` dials one.");
        return Ok(());
    }
    if screen.columns().is_some_and(|width| width < WIDE) {
        screen.table(
            ["host", "vendor", "up"],
            peers.iter().map(|peer| {
                [
                    peer.host.to_string(),
                    peer.vendor.clone(),
                    span(peer.uptime),
                ]
            }),
        );
        return Ok(());
    }
    screen.table(
        [
            "host", "role", "table", "vendor", "link", "deflate", "up", "in", "out",
        ],
        peers.iter().map(|peer| {
            [
                peer.host.to_string(),
                shape::role(peer.role).to_owned(),
                peer.table.map_or_else(
                    || "none".to_owned(),
                    |(_, fill)| format!("{:.1} %", fill * 100.0),
                ),
                peer.vendor.clone(),
                shape::direction(peer.direction).to_owned(),
                match peer.deflate {
                    (true, true) => "both ways",
                    (true, false) => "out",
                    (false, true) => "in",
                    (false, false) => "no",
                }
                .to_owned(),
                span(peer.uptime),
                peer.received.to_string(),
                peer.sent.to_string(),
            ]
        }),
    );
    Ok(())
}

/// Dials, and waits for the link.
pub(super) async fn connect(session: &Session, host: &Host) -> Result<(), Failure> {
    let addr = host.resolve().await?;
    session.servent.connect(addr).await.map_err(|error| {
        Failure::io(
            format_args!("{addr} did not become a neighbour"),
            &error,
            "check the address, and that a servent runs there",
        )
    })?;
    if session.screen.json {
        session
            .screen
            .json(&json!({ "host": addr.to_string(), "connected": true }));
    } else {
        session.screen.talk(format!("{addr} is a neighbour now."));
    }
    Ok(())
}

/// Hangs up.
pub(super) async fn disconnect(session: &Session, host: &Host) -> Result<(), Failure> {
    let addr = host.resolve().await?;
    if !session.servent.disconnect(addr).await {
        return Err(Failure::new(
            Exit::NothingFound,
            format!("{addr} is not a neighbour"),
            "`peers` shows them",
        ));
    }
    if session.screen.json {
        session
            .screen
            .json(&json!({ "host": addr.to_string(), "connected": false }));
    } else {
        session
            .screen
            .talk(format!("{addr} is no neighbour any more."));
    }
    Ok(())
}
