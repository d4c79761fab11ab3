//! The gateway between a home and the world: asked to pass our port through, for as long as we run.
//!
//! The one rule: what is opened is closed again. A mapping is noted before it is asked for, is asked for an hour, renewed
//! after half of what was granted, and taken back at the end or when the other half of it is refused; where even that gets
//! lost it runs out by itself. PCP (RFC 6887) and NAT-PMP (RFC 6886) are tried first, which ask the gateway alone; then
//! UPnP IGD, which looks for one by multicast.

mod mapping;
mod route;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::inbox::{Inbox, Order, Report};
use mapping::{Granted, Mapping};

/// How long we wait before all is tried again after nothing helped: somebody may have changed the gateway's settings.
const AGAIN: Duration = Duration::from_secs(1_800);

/// The shortest wait before a renewal, whatever was granted.
const SOONEST: Duration = Duration::from_secs(1);

/// How long taking a mapping back may hold us up.
const FAREWELL: Duration = Duration::from_secs(1);

/// A way of asking, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayStep {
    /// `NAT-PMP or PCP`, or `UPnP IGD`.
    pub way: &'static str,
    /// The port of the gateway that leads to us, or why there is none.
    pub outcome: Result<u16, String>,
}

/// What came of asking the gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GatewayNews {
    /// The ways that were tried, in order; none if nobody was asked.
    pub steps: Vec<GatewayStep>,
    /// How long from now until the gateway is asked again: for the same, or for what it has refused.
    pub next: Option<Duration>,
}

/// The same, with a time that stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Mapped {
    steps: Vec<GatewayStep>,
    due: Option<Instant>,
}

/// Keeps our port open at the gateway.
#[derive(Debug)]
pub(super) struct Gateway {
    /// The port we listen on.
    pub(super) port: u16,
    /// Where the gateway is; that of the default route if nothing is said.
    pub(super) at: Option<Ipv4Addr>,
    /// Where UPnP gateways are looked for.
    pub(super) upnp: SocketAddrV4,
    pub(super) inbox: Inbox,
    /// Told what came of it.
    pub(super) news: watch::Sender<Mapped>,
}

impl Gateway {
    /// Opens the port and keeps it open until `stop`; then closes it.
    pub(super) async fn run(self, stop: CancellationToken) {
        let mut standing = None;
        let keep = async {
            loop {
                let wait = self.keep(&mut standing).await;
                let due = Some(Instant::now() + wait);
                self.news.send_modify(|news| news.due = due);
                sleep(wait).await;
            }
        };
        // There is no other end to it.
        let _: Option<()> = stop.run_until_cancelled(keep).await;
        self.give_back(&mut standing).await;
    }

    /// Renews the mapping that stands, or makes one; how long it will do.
    async fn keep(&self, standing: &mut Option<Mapping>) -> Duration {
        let renewed = match standing {
            Some(mapping) => mapping.renew(self.port).await.ok(),
            None => None,
        };
        let granted = match renewed {
            Some(granted) => Some(granted),
            None => self.make(standing).await,
        };
        let port = granted.as_ref().map(|granted| granted.port);
        // Should the actor be gone, so is the servent.
        let _ = self.inbox.send(Report::Order(Order::Outside(port))).await;
        granted.map_or(AGAIN, |granted| (granted.lease / 2).max(SOONEST))
    }

    /// Makes a mapping in the first way that leads to one.
    async fn make(&self, standing: &mut Option<Mapping>) -> Option<Granted> {
        self.give_back(standing).await;
        self.news.send_replace(Mapped::default());
        let at = self.at.or_else(route::gateway);
        let granted = mapping::ask(at, self.port, standing).await;
        if let Some(granted) = self.note("NAT-PMP or PCP", granted) {
            return Some(granted);
        }
        self.give_back(standing).await;
        let granted = mapping::ask_upnp(self.upnp, self.port, standing).await;
        if let Some(granted) = self.note("UPnP IGD", granted) {
            return Some(granted);
        }
        self.give_back(standing).await;
        None
    }

    async fn give_back(&self, standing: &mut Option<Mapping>) {
        if let Some(mapping) = standing.take() {
            let closed = timeout(FAREWELL, mapping.close(self.port)).await;
            tracing::debug!(?closed, "port given back to the gateway");
        }
    }

    fn note(&self, way: &'static str, granted: Result<Granted, String>) -> Option<Granted> {
        tracing::info!(way, ?granted, "gateway asked to let strangers in");
        let outcome = granted.as_ref().map(|granted| granted.port);
        let outcome = outcome.map_err(Clone::clone);
        let step = GatewayStep { way, outcome };
        self.news.send_modify(|news| news.steps.push(step));
        granted.ok()
    }
}

impl Mapped {
    /// As it looks now.
    pub(super) fn news(&self) -> GatewayNews {
        GatewayNews {
            steps: self.steps.clone(),
            next: self
                .due
                .map(|due| due.saturating_duration_since(Instant::now())),
        }
    }
}
