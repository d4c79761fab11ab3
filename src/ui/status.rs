//! `status`: what the servent is and does.

use super::clean::clean;
use super::failure::Failure;
use super::membership;
use super::render::{bytes, counted, json, span};
use super::session::Session;
use crate::net::{GatewayStep, Status, WebCacheNews};
use crate::overlay::Tally;

/// Shows it.
pub(super) async fn show(session: &Session) -> Result<(), Failure> {
    let status = session.servent.status().await;
    let screen = &session.screen;
    if screen.json {
        let mut object = json::status(&status);
        object["index"] = membership::json(&session.servent);
        screen.json(&object);
        return Ok(());
    }
    let messages = |tally: &Tally| {
        let kinds = [
            (tally.ping, "ping"),
            (tally.pong, "pong"),
            (tally.query, "query"),
            (tally.query_hit, "hit"),
            (tally.push, "push"),
            (tally.bye, "bye"),
        ];
        kinds.map(|(count, kind)| counted(count, kind)).join(", ")
    };
    let counts = &status.counts;
    let rows = [
        ("up", span(status.uptime)),
        ("listens on", status.listen.to_string()),
        ("guid", status.guid.to_string()),
        (
            "role",
            format!("{}: {}", json::role(status.role), status.role_reason),
        ),
        (
            "neighbours",
            format!("{}, {} of them leaves", status.peers, status.leaves),
        ),
        (
            "shares",
            format!(
                "{}, {}, {} still to be hashed",
                counted(status.files, "file"),
                bytes(status.bytes),
                status.unhashed
            ),
        ),
        (
            "does",
            [
                counted(status.searches, "search"),
                counted(status.dynamic_queries, "dynamic query"),
                counted(status.downloads, "download"),
                counted(status.uploads, "upload"),
            ]
            .join(", "),
        ),
        ("index", membership::told(&session.servent)),
        ("by TCP reachable", status.reachable[0].to_string()),
        ("by UDP reachable", status.reachable[1].to_string()),
        (
            "push proxies",
            match &status.proxies[..] {
                [] => "none".to_owned(),
                proxies => {
                    let proxies: Vec<_> = proxies.iter().map(ToString::to_string).collect();
                    proxies.join(", ")
                }
            },
        ),
        ("hosts known", hosts(&status)),
        ("gateway", gateway(&status.gateway)),
        ("received", messages(&counts.received)),
        ("sent", messages(&counts.sent)),
        (
            "refused",
            format!(
                "{} seen before, {} too costly, {} malformed or without a way, {}",
                counted(counts.duplicate, "query"),
                counts.costly,
                counts.dropped - counts.costly,
                counted(status.refused, "connection"),
            ),
        ),
        (
            "lost",
            format!(
                "{} shed by full links, {}, {} nobody read",
                counted(status.shed, "descriptor"),
                counted(status.lost_datagrams, "datagram"),
                counted(status.lost_hits, "hit"),
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

/// How many hosts could be dialled, and what the web caches had to say if it came to that.
fn hosts(status: &Status) -> String {
    let known = counted(status.hosts as u64, "host");
    match &status.web_cache {
        None => known,
        Some(WebCacheNews { url, outcome }) => match outcome {
            Ok(count) => format!("{known}, {count} of them from {}", clean(url)),
            Err(why) => format!("{known}; {} was no help: {}", clean(url), clean(why)),
        },
    }
}

/// Whether the gateway lets strangers in, and how.
fn gateway(steps: &[GatewayStep]) -> String {
    let step = |step: &GatewayStep| match &step.outcome {
        Ok(port) => format!("port {port} leads here by {}", step.way),
        Err(why) => format!("{}: {}", step.way, clean(why)),
    };
    match steps {
        [] => "not asked".to_owned(),
        steps => steps.iter().map(step).collect::<Vec<_>>().join("; "),
    }
}
