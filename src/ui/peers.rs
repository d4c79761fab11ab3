//! `peers`, `connect`, `disconnect`.

use serde_json::json;

use super::failure::{Exit, Failure};
use super::host::Host;
use super::render::{json as shape, span};
use super::session::Session;
use crate::net::PeerStatus;

/// On a screen narrower than this only the first columns of the neighbours have room.
const NARROW: usize = 72;

/// On a screen narrower than this all but one have, with any address.
const WIDE: usize = 92;

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
    if screen.columns().is_some_and(|width| width < NARROW) {
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
    let row = |peer: &PeerStatus| {
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
    };
    if screen.columns().is_some_and(|width| width < WIDE) {
        let most = |[host, role, table, vendor, link, _, up, received, sent]: [String; 9]| {
            [host, role, table, vendor, link, up, received, sent]
        };
        screen.table(
            ["host", "role", "table", "vendor", "link", "up", "in", "out"],
            peers.iter().map(|peer| most(row(peer))),
        );
    } else {
        screen.table(
            [
                "host", "role", "table", "vendor", "link", "deflate", "up", "in", "out",
            ],
            peers.iter().map(row),
        );
    }
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
