//! The gateway between a home and the world: asked to pass our port through, for as long as we run.
//!
//! The one rule: what is opened is closed again, and what cannot be is closed by itself: every mapping is for an hour, is
//! renewed after half of it and taken back at the end. PCP (RFC 6887) and NAT-PMP (RFC 6886) are tried first, which ask the
//! gateway alone; then UPnP IGD, which looks for one by multicast.

mod route;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::num::NonZeroU16;
use std::time::Duration;

use crab_nat::{InternetProtocol, PortMapping, PortMappingOptions, TimeoutConfig};
use igd_next::aio::tokio::{Tokio, search_gateway};
use igd_next::{PortMappingProtocol, SearchOptions};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::inbox::{Inbox, Order, Report};

/// How long a mapping is asked for, in seconds.
const LEASE: u32 = 3_600;

/// How long we wait before all is tried again after nothing helped: somebody may have changed the gateway's settings.
const AGAIN: Duration = Duration::from_secs(1_800);

/// How long IGDs are looked for.
const SEARCH: Duration = Duration::from_secs(5);

/// How long taking a mapping back may hold up our end.
const FAREWELL: Duration = Duration::from_secs(1);

/// Two questions, a quarter and half a second: a gateway is one link away.
const PATIENCE: TimeoutConfig = TimeoutConfig {
    initial_timeout: Duration::from_millis(250),
    max_retries: 1,
    max_retry_timeout: Some(Duration::from_millis(500)),
};

/// Both kinds of traffic that come to our port.
const PROTOCOLS: [(InternetProtocol, PortMappingProtocol); 2] = [
    (InternetProtocol::Tcp, PortMappingProtocol::TCP),
    (InternetProtocol::Udp, PortMappingProtocol::UDP),
];

/// A way of asking, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayStep {
    /// `NAT-PMP or PCP`, or `UPnP IGD`.
    pub way: &'static str,
    /// The port of the gateway that leads to us, or why there is none.
    pub outcome: Result<u16, String>,
}

/// Keeps our port open at the gateway.
#[derive(Debug)]
pub(super) struct Gateway {
    /// The port we listen on.
    port: u16,
    /// Where the gateway is; that of the default route if nothing is said.
    at: Option<Ipv4Addr>,
    inbox: Inbox,
    steps: watch::Sender<Vec<GatewayStep>>,
}

/// A mapping that stands, for TCP and for UDP.
#[derive(Debug)]
enum Mapping {
    Asked(Vec<PortMapping>),
    Upnp(Box<igd_next::aio::Gateway<Tokio>>, SocketAddr),
}

impl Gateway {
    /// For this port; the receiver tells what was tried, in order.
    pub(super) fn new(
        port: u16,
        at: Option<Ipv4Addr>,
        inbox: Inbox,
    ) -> (Self, watch::Receiver<Vec<GatewayStep>>) {
        let (steps, told) = watch::channel(Vec::new());
        let one = Self {
            port,
            at,
            inbox,
            steps,
        };
        (one, told)
    }

    /// Opens the port and keeps it open until `stop`; then closes it.
    pub(super) async fn run(self, stop: CancellationToken) {
        let mut standing = None;
        loop {
            let kept = stop.run_until_cancelled(self.keep(&mut standing)).await;
            let wait = match kept {
                Some(true) => Duration::from_secs(u64::from(LEASE) / 2),
                Some(false) => AGAIN,
                // What was being opened closes by itself.
                None => break,
            };
            if stop.run_until_cancelled(sleep(wait)).await.is_none() {
                break;
            }
        }
        if let Some(mapping) = standing {
            let closed = timeout(FAREWELL, mapping.close(self.port)).await;
            tracing::debug!(?closed, "port given back to the gateway");
        }
    }

    /// Renews the mapping that stands, or makes one.
    async fn keep(&self, standing: &mut Option<Mapping>) -> bool {
        if let Some(mapping) = standing
            && mapping.renew(self.port).await.is_ok()
        {
            return true;
        }
        self.steps.send_replace(Vec::new());
        *standing = match self.ask_gateway().await {
            Some(mapping) => Some(mapping),
            None => self.ask_upnp().await,
        };
        standing.is_some()
    }

    async fn ask_gateway(&self) -> Option<Mapping> {
        let opened = match self.at.or_else(route::gateway) {
            Some(at) => open(at, self.port).await,
            None => Err("this machine has no gateway".to_owned()),
        };
        let outside =
            |all: &Vec<PortMapping>| all.first().map_or(0, |one| one.external_port().get());
        let outside = opened.as_ref().map(outside);
        self.note("NAT-PMP or PCP", outside);
        if let Ok(port) = outside {
            // Should the actor be gone, so is the servent.
            let _ = self.inbox.send(Report::Order(Order::Outside(port))).await;
        }
        opened.ok().map(Mapping::Asked)
    }

    async fn ask_upnp(&self) -> Option<Mapping> {
        let opened = open_upnp(self.port).await;
        self.note("UPnP IGD", opened.as_ref().map(|_| self.port));
        let (gateway, ours) = opened.ok()?;
        Some(Mapping::Upnp(Box::new(gateway), ours))
    }

    fn note(&self, way: &'static str, outcome: Result<u16, &String>) {
        let outcome = outcome.map_err(Clone::clone);
        tracing::info!(way, ?outcome, "gateway asked to let strangers in");
        let step = GatewayStep { way, outcome };
        self.steps.send_modify(|steps| steps.push(step));
    }
}

impl Mapping {
    async fn renew(&mut self, port: u16) -> Result<(), String> {
        match self {
            Self::Asked(all) => {
                for one in all {
                    one.renew().await.map_err(|error| error.to_string())?;
                }
                Ok(())
            }
            Self::Upnp(gateway, ours) => add(gateway, *ours, port).await,
        }
    }

    async fn close(self, port: u16) {
        match self {
            Self::Asked(all) => {
                for one in all {
                    // Without an answer it runs out by itself.
                    let _ = one.try_drop().await;
                }
            }
            Self::Upnp(gateway, _) => {
                for (_, protocol) in PROTOCOLS {
                    let _ = gateway.remove_port(protocol, port).await;
                }
            }
        }
    }
}

async fn open(at: Ipv4Addr, port: u16) -> Result<Vec<PortMapping>, String> {
    let ours = our_side(SocketAddrV4::new(at, 9)).ok_or("no way to the gateway")?;
    let inside = NonZeroU16::new(port).ok_or("no port")?;
    let options = PortMappingOptions {
        external_port: Some(inside),
        lifetime_seconds: Some(LEASE),
        timeout_config: Some(PATIENCE),
    };
    let mut all = Vec::new();
    for (protocol, _) in PROTOCOLS {
        let client = IpAddr::V4(ours);
        let mapping = PortMapping::new(at.into(), client, protocol, inside, options).await;
        all.push(mapping.map_err(|error| format!("{at}: {error}"))?);
    }
    Ok(all)
}

async fn open_upnp(port: u16) -> Result<(igd_next::aio::Gateway<Tokio>, SocketAddr), String> {
    let mut options = SearchOptions::default();
    options.timeout = Some(SEARCH);
    let gateway = search_gateway(options)
        .await
        .map_err(|error| error.to_string())?;
    let SocketAddr::V4(addr) = gateway.addr else {
        return Err("it has no IPv4 address".to_owned());
    };
    let ours = our_side(addr).ok_or("no way to the gateway")?;
    let ours = SocketAddr::from((ours, port));
    add(&gateway, ours, port).await?;
    Ok((gateway, ours))
}

/// The same port outside as inside: hits and pongs tell of one port, and it is ours.
async fn add(
    gateway: &igd_next::aio::Gateway<Tokio>,
    ours: SocketAddr,
    port: u16,
) -> Result<(), String> {
    for (_, protocol) in PROTOCOLS {
        let added = gateway
            .add_port(protocol, port, ours, LEASE, "servent")
            .await;
        match added {
            Err(igd_next::AddPortError::OnlyPermanentLeasesSupported) => {
                let forever = gateway.add_port(protocol, port, ours, 0, "servent").await;
                forever.map_err(|error| error.to_string())?;
            }
            added => added.map_err(|error| error.to_string())?,
        }
    }
    Ok(())
}

/// Our address on the way to `there`. No packet is sent.
fn our_side(there: SocketAddrV4) -> Option<Ipv4Addr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect(there).ok()?;
    match socket.local_addr().ok()?.ip() {
        IpAddr::V4(ip) => Some(ip),
        IpAddr::V6(_) => None,
    }
}
