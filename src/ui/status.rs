//! `status`: what the servent is and does.

use super::clean::clean;
use super::failure::Failure;
use super::limit::too_slow;
use super::membership;
use super::render::{bytes, counted, json, rate, span};
use super::session::Session;
use crate::net::{BootstrapSource, BootstrapStep, GatewayNews, GatewayStep};
use crate::overlay::Tally;
use crate::transfer::{Carried, Rates, RelayStatus};

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
        ("limits", limits(&status.limits)),
        ("carried", carried(&status.carried)),
        ("relays", relay(&status.relay)),
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
        ("hosts known", counted(status.hosts as u64, "host")),
        ("they came from", sources(&status.bootstrap)),
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
    if let Some(warning) = too_slow(&status.limits, status.peers) {
        screen.talk(warning);
    }
    Ok(())
}

/// What is passed on for others.
fn relay(relay: &RelayStatus) -> String {
    match relay.hourly {
        0 => "for nobody".to_owned(),
        hourly => format!(
            "{}, {} of {} this hour",
            counted(relay.pairs as u64, "pair"),
            bytes(relay.spent),
            bytes(hourly)
        ),
    }
}

/// Where hosts come from, how many came, and when more may.
fn sources(steps: &[BootstrapStep]) -> String {
    let told = |step: &BootstrapStep| {
        let told = match &step.outcome {
            None => "not asked yet".to_owned(),
            Some(Ok(count)) => counted(*count as u64, "host"),
            Some(Err(why)) => clean(why).into_owned(),
        };
        let next = match step.next {
            Some(wait) if step.outcome.is_some() && !wait.is_zero() => {
                format!(" (not asked again for {})", span(wait))
            }
            _ => String::new(),
        };
        format!("{}: {told}{next}", source(&step.source))
    };
    steps.iter().map(told).collect::<Vec<_>>().join("; ")
}

fn source(source: &BootstrapSource) -> String {
    match source {
        BootstrapSource::Saved => "earlier runs".to_owned(),
        BootstrapSource::Named => "--connect".to_owned(),
        BootstrapSource::File => "bootstrap file".to_owned(),
        BootstrapSource::UdpCache(addr) => format!("host cache {addr}"),
        BootstrapSource::WebCache(url) => format!("web cache {}", clean(url)),
    }
}

/// Whether the gateway lets strangers in, and how.
fn gateway(news: &GatewayNews) -> String {
    let step = |step: &GatewayStep| match &step.outcome {
        Ok(port) => format!("port {port} leads here by {}", step.way),
        Err(why) => format!("{}: {}", step.way, clean(why)),
    };
    let mut steps: Vec<_> = news.steps.iter().map(step).collect();
    if steps.is_empty() {
        return "not asked".to_owned();
    }
    steps.extend(
        news.next
            .map(|next| format!("next asked in {}", span(next))),
    );
    steps.join("; ")
}

/// How fast bytes may go out and come in: all of them, and those of each class that has a limit of its own.
pub(super) fn limits([up, down]: &[Rates; 2]) -> String {
    let classes = |rates: &Rates| {
        let classes = [(rates.files, "files"), (rates.messages, "messages")];
        let limited = classes.iter().filter(|(limit, _)| *limit > 0);
        let parts: Vec<_> = limited
            .map(|(limit, class)| format!("{class} {}", rate(*limit)))
            .collect();
        match &parts[..] {
            [] => String::new(),
            parts => format!(" ({})", parts.join(", ")),
        }
    };
    format!(
        "{} up{}, {} down{}",
        limit(up.whole),
        classes(up),
        limit(down.whole),
        classes(down)
    )
}

/// What went out and came in.
fn carried([up, down]: &[Carried; 2]) -> String {
    let both = |way: &Carried| {
        let (files, messages) = (bytes(way.files), bytes(way.messages));
        format!("{files} of files and {messages} of messages")
    };
    format!("{} up, {} down", both(up), both(down))
}

/// A limit in words.
fn limit(bytes_a_second: u64) -> String {
    match bytes_a_second {
        0 => "none".to_owned(),
        limited => rate(limited),
    }
}
