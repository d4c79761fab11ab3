//! The JSON that other programs rely on: the names of its fields are fixed, more may be added.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use crate::net::{BootstrapSource, BootstrapStep, PeerStatus, Status, Watch};
use crate::overlay::{Direction, Reachable, Tally};
use crate::transfer::{DownloadState, DownloadStatus, Rates, UploadStatus};
use crate::ui::results::{AskedFor, Found, Results};
use crate::wire::handshake::Role;
use crate::wire::{Sha1, Urn};

/// `status`.
pub(in crate::ui) fn status(status: &Status) -> Value {
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "guid": status.guid.to_string(),
        "listen": status.listen.to_string(),
        "role": role(status.role),
        "role_reason": status.role_reason.to_string(),
        "peers": status.peers,
        "leaves": status.leaves,
        "library": { "files": status.files, "bytes": status.bytes, "unhashed": status.unhashed },
        "searches": status.searches,
        "dynamic_queries": status.dynamic_queries,
        "downloads": status.downloads,
        "uploads": status.uploads,
        "limits": limits(&status.limits),
        "carried": {
            "files": both_ways(status.carried.map(|carried| carried.files)),
            "messages": both_ways(status.carried.map(|carried| carried.messages)),
        },
        "relay": {
            "hourly": status.relay.hourly,
            "spent": status.relay.spent,
            "pairs": status.relay.pairs,
        },
        "messages": {
            "in": tally(&status.counts.received),
            "out": tally(&status.counts.sent),
            "duplicate": status.counts.duplicate,
            "dropped": status.counts.dropped,
            "costly": status.counts.costly,
            "shed": status.shed,
            "lost_hits": status.lost_hits,
        },
        "reachable": { "tcp": reachable(status.reachable[0]), "udp": reachable(status.reachable[1]) },
        "push_proxies": status.proxies.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "hosts": status.hosts,
        "bootstrap": status.bootstrap.iter().map(bootstrap_step).collect::<Vec<_>>(),
        "gateway": status.gateway.steps.iter().map(|step| json!({
            "way": step.way,
            "port": step.outcome.as_ref().ok(),
            "why": step.outcome.as_ref().err(),
        })).collect::<Vec<_>>(),
        "gateway_next_s": status.gateway.next.map(seconds),
        "lost_datagrams": status.lost_datagrams,
        "refused_connections": status.refused,
        "uptime_s": seconds(status.uptime),
    })
}

/// How fast bytes may go out and come in: all of them, and those of each class.
pub(in crate::ui) fn limits(limits: &[Rates; 2]) -> Value {
    let of = |rate: fn(&Rates) -> u64| both_ways(limits.each_ref().map(|rates| limit(rate(rates))));
    let mut object = of(|rates| rates.whole);
    object["files"] = of(|rates| rates.files);
    object["messages"] = of(|rates| rates.messages);
    object
}

fn both_ways<T: Serialize>([upload, download]: [T; 2]) -> Value {
    json!({ "upload": upload, "download": download })
}

/// Bytes a second; null without a limit.
fn limit(bytes_a_second: u64) -> Value {
    match bytes_a_second {
        0 => Value::Null,
        limited => limited.into(),
    }
}

/// `at` names the cache; what is read once, at the start, has no `next_s`.
fn bootstrap_step(step: &BootstrapStep) -> Value {
    let (source, at) = match &step.source {
        BootstrapSource::Saved => ("saved", None),
        BootstrapSource::Named => ("connect", None),
        BootstrapSource::File => ("file", None),
        BootstrapSource::UdpCache(addr) => ("udp_cache", Some(addr.to_string())),
        BootstrapSource::WebCache(url) => ("web_cache", Some(url.clone())),
    };
    let outcome = step.outcome.as_ref();
    json!({
        "source": source,
        "at": at,
        "hosts": outcome.and_then(|outcome| outcome.as_ref().ok()),
        "why": outcome.and_then(|outcome| outcome.as_ref().err()),
        "next_s": step.next.map(seconds),
    })
}

fn reachable(reachable: Reachable) -> Value {
    json!({ "is": reachable.word(), "why": reachable.reason() })
}

/// A line of `watch`.
pub(in crate::ui) fn watch(watch: &Watch) -> Value {
    json!({
        "n": watch.id,
        "words": watch.words,
        "get": watch.fetch,
        "found": watch.found(),
    })
}

/// A line of `search`, `results` and `browse`.
pub(in crate::ui) fn found(found: &Found) -> Value {
    json!({
        "n": found.n,
        "name": found.name,
        "size": found.size,
        "urn": found.sha1.map(urn),
        "host": found.place(),
        "servent_guid": found.servent.to_string(),
        "vendor": found.vendor,
        "hops": found.hops,
        "push": found.push,
        "strategy": found.strategy,
        "ms": millis(found.after),
    })
}

/// The answer to `why`.
pub(in crate::ui) fn why(asked: &AskedFor, results: &Results) -> Value {
    let prospect = &asked.prospect;
    let reach = (1..).zip(&prospect.reach);
    json!({
        "search": asked.words,
        "strategy": prospect.way.to_string(),
        "ttl": prospect.ttl,
        "as_leaf": prospect.for_us,
        "ultrapeers": prospect.ultrapeers,
        "ultrapeers_closed": prospect.closed,
        "ultrapeers_without_it": prospect.barren,
        "leaves": prospect.leaves,
        "leaves_asked": prospect.leaves_asked,
        "hosts_known": prospect.hosts,
        "at_most": reach
            .map(|(ttl, reach): (u8, &u64)| json!({ "ttl": ttl, "servents": reach, "queries": reach }))
            .collect::<Vec<_>>(),
        "hits": results.all().len(),
        "hosts": results.hosts(),
        "hops_farthest": results.farthest(),
    })
}

/// The last line of `search`.
#[derive(Clone, Copy, Debug, Serialize)]
pub(in crate::ui) struct SearchDone {
    done: bool,
    hits: usize,
    hosts: usize,
    messages: u64,
    ms_first_hit: Option<f64>,
    ms: f64,
}

impl SearchDone {
    /// A search that caused `messages` Query descriptors and ended after `took`.
    pub(in crate::ui) fn new(
        hits: usize,
        hosts: usize,
        messages: u64,
        first: Option<Duration>,
        took: Duration,
    ) -> Self {
        Self {
            done: true,
            hits,
            hosts,
            messages,
            ms_first_hit: first.map(millis),
            ms: millis(took),
        }
    }
}

/// A line of `get` and `downloads`.
pub(in crate::ui) fn download(status: &DownloadStatus) -> Value {
    let mut line = json!({
        "id": status.id,
        "name": status.name,
        "size": status.size,
        "done_bytes": status.done,
        "sources": status.sources,
        "state": status.state,
        "rate": status.rate,
        "left_s": status.left().map(seconds),
        "active": status.active,
        "place": status.place,
        "priority": status.priority,
        "tree": status.tree,
        "liars": status.liars.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "wasted_bytes": status.wasted,
        "why": status.why,
    });
    match status.state {
        DownloadState::Complete => {
            line["path"] = json!(status.path.as_ref().map(|path| path.display().to_string()));
            line["sha1"] = json!(status.sha1.map(|sha1| sha1.to_string()));
            line["seconds"] = json!(seconds(status.spent));
        }
        DownloadState::Failed => line["error"] = json!(status.why),
        DownloadState::Waiting
        | DownloadState::Running
        | DownloadState::Paused
        | DownloadState::Verifying => {}
    }
    line
}

/// A line of `uploads`.
pub(in crate::ui) fn upload(upload: &UploadStatus) -> Value {
    json!({
        "name": upload.name,
        "host": upload.to.to_string(),
        "vendor": upload.agent,
        "size": upload.length,
        "sent_bytes": upload.sent,
        "running": upload.running,
    })
}

/// A line of `peers`.
pub(in crate::ui) fn peer(peer: &PeerStatus) -> Value {
    let (deflate_out, deflate_in) = peer.deflate;
    json!({
        "host": peer.host.to_string(),
        "role": role(peer.role),
        "direction": direction(peer.direction),
        "vendor": peer.vendor,
        "handshake": format!("{}.{}", peer.handshake.0, peer.handshake.1),
        "deflate": { "in": deflate_in, "out": deflate_out },
        "table": peer.table.map(|(slots, fill)| json!({ "slots": slots, "fill": fill })),
        "hops_flow": peer.hops_flow,
        "push_proxy": { "ours": peer.push_proxy.0, "theirs": peer.push_proxy.1 },
        "uptime_s": seconds(peer.uptime),
        "in": peer.received,
        "out": peer.sent,
    })
}

/// `ultrapeer` or `leaf`.
pub(in crate::ui) const fn role(role: Role) -> &'static str {
    match role {
        Role::Ultrapeer => "ultrapeer",
        Role::Leaf => "leaf",
    }
}

/// `incoming` or `outgoing`.
pub(in crate::ui) const fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Incoming => "incoming",
        Direction::Outgoing => "outgoing",
    }
}

/// `urn:sha1:…`.
pub(in crate::ui) fn urn(sha1: Sha1) -> String {
    Urn::Sha1(sha1).to_string()
}

fn tally(tally: &Tally) -> Value {
    json!({
        "ping": tally.ping,
        "pong": tally.pong,
        "query": tally.query,
        "query_hit": tally.query_hit,
        "push": tally.push,
        "bye": tally.bye,
        "route_table": tally.route_table,
        "vendor": tally.vendor,
        "other": tally.other,
    })
}

/// To the microsecond: on one machine a hit takes less than a millisecond.
fn millis(span: Duration) -> f64 {
    span.as_micros() as f64 / 1e3
}

/// To the millisecond.
fn seconds(span: Duration) -> f64 {
    span.as_millis() as f64 / 1e3
}
