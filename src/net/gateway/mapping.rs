//! One mapping, of TCP and of UDP, in the words of each protocol.
//!
//! The one rule: it is put where the caller finds it before the gateway is asked, so that whoever stops half-way can still
//! take back what was given; and what was refused is not taken back, for it may be somebody else's.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::num::NonZeroU16;
use std::time::Duration;

use crab_nat::{InternetProtocol, PortMapping, PortMappingOptions, TimeoutConfig};
use igd_next::aio::tokio::{Tokio, search_gateway};
use igd_next::{AddPortError, PortMappingProtocol, RequestError, SearchOptions};

/// How long a mapping is asked for, in seconds.
const LEASE: u32 = 3_600;

/// How long UPnP gateways are looked for.
const SEARCH: Duration = Duration::from_secs(5);

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

/// What a gateway gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Granted {
    /// The port of the gateway that leads to us.
    pub(super) port: u16,
    /// For how long.
    pub(super) lease: Duration,
}

/// A mapping that stands, or is being made.
#[derive(Debug)]
pub(super) enum Mapping {
    Asked(Vec<PortMapping>),
    Upnp(Box<Upnp>),
}

/// What a UPnP gateway was asked for.
#[derive(Debug)]
pub(super) struct Upnp {
    gateway: igd_next::aio::Gateway<Tokio>,
    /// Where it is to lead.
    ours: SocketAddr,
    /// Which kinds of traffic it may be passing on.
    open: Vec<PortMappingProtocol>,
}

/// Asks the gateway `at` by PCP, and by NAT-PMP if it does not know that.
///
/// # Errors
/// Why there is no mapping, as a sentence.
pub(super) async fn ask(
    at: Option<Ipv4Addr>,
    port: u16,
    standing: &mut Option<Mapping>,
) -> Result<Granted, String> {
    let at = at.ok_or("this machine has no gateway")?;
    let ours = our_side(SocketAddrV4::new(at, crab_nat::GATEWAY_PORT));
    let ours = IpAddr::V4(ours.ok_or("no way to the gateway")?);
    let inside = NonZeroU16::new(port).ok_or("no port")?;
    let options = PortMappingOptions {
        external_port: Some(inside),
        lifetime_seconds: Some(LEASE),
        timeout_config: Some(PATIENCE),
    };
    let Mapping::Asked(all) = standing.insert(Mapping::Asked(Vec::new())) else {
        return Err("no place for it".to_owned());
    };
    for (protocol, _) in PROTOCOLS {
        let mapping = PortMapping::new(at.into(), ours, protocol, inside, options).await;
        all.push(mapping.map_err(|error| format!("{at}: {error}"))?);
    }
    granted(all).ok_or_else(|| "nothing was granted".to_owned())
}

/// Looks for a gateway at the address `there`, and asks it by UPnP.
///
/// # Errors
/// Why there is no mapping, as a sentence.
pub(super) async fn ask_upnp(
    there: SocketAddrV4,
    port: u16,
    standing: &mut Option<Mapping>,
) -> Result<Granted, String> {
    let mut options = SearchOptions::default();
    options.timeout = Some(SEARCH);
    options.broadcast_address = there.into();
    if !there.ip().is_multicast() {
        // Who names one gateway means it, on loopback too.
        options.allowed_gateway_ips = vec![IpAddr::V4(*there.ip())];
    }
    let gateway = search_gateway(options).await;
    let gateway = gateway.map_err(|error| error.to_string())?;
    let SocketAddr::V4(addr) = gateway.addr else {
        return Err("it has no IPv4 address".to_owned());
    };
    let ours = our_side(addr).ok_or("no way to the gateway")?;
    let mapping = standing.insert(Mapping::Upnp(Box::new(Upnp {
        gateway,
        ours: SocketAddr::from((ours, port)),
        open: Vec::new(),
    })));
    mapping.renew(port).await
}

impl Mapping {
    /// Asks for the same again.
    ///
    /// # Errors
    /// Why it does not stand any more, as a sentence.
    pub(super) async fn renew(&mut self, port: u16) -> Result<Granted, String> {
        match self {
            Self::Asked(all) => {
                for one in &mut *all {
                    one.renew().await.map_err(|error| error.to_string())?;
                }
                granted(all).ok_or_else(|| "nothing was granted".to_owned())
            }
            Self::Upnp(upnp) => {
                for (_, protocol) in PROTOCOLS {
                    let added = upnp.add(protocol, port).await;
                    added.map_err(|error| format!("{}: {error}", upnp.gateway.addr.ip()))?;
                }
                let lease = Duration::from_secs(LEASE.into());
                Ok(Granted { port, lease })
            }
        }
    }

    /// Takes it back. Without an answer it runs out by itself.
    pub(super) async fn close(self, port: u16) {
        match self {
            Self::Asked(all) => {
                for one in all {
                    let _ = one.try_drop().await;
                }
            }
            Self::Upnp(upnp) => {
                for protocol in upnp.open {
                    let _ = upnp.gateway.remove_port(protocol, port).await;
                }
            }
        }
    }
}

/// What all of them grant: the port for TCP, which comes first, and the shortest lease.
fn granted(all: &[PortMapping]) -> Option<Granted> {
    let lease = all.iter().map(PortMapping::lifetime).min()?;
    Some(Granted {
        port: all.first()?.external_port().get(),
        lease: Duration::from_secs(lease.into()),
    })
}

impl Upnp {
    /// The same port outside as inside: hits and pongs tell of one port, and it is ours.
    async fn add(&mut self, protocol: PortMappingProtocol, port: u16) -> Result<(), AddPortError> {
        if !self.open.contains(&protocol) {
            self.open.push(protocol);
        }
        let ask = |lease| {
            let gateway = &self.gateway;
            gateway.add_port(protocol, port, self.ours, lease, "servent")
        };
        let added = match ask(LEASE).await {
            // Some know no lease but for ever; then it is we alone who take it back.
            Err(AddPortError::OnlyPermanentLeasesSupported) => ask(0).await,
            added => added,
        };
        if added.as_ref().is_err_and(is_refusal) {
            self.open.retain(|open| *open != protocol);
        }
        added
    }
}

/// Whether the gateway has answered, and said no.
const fn is_refusal(error: &AddPortError) -> bool {
    match error {
        AddPortError::RequestError(error) => matches!(error, RequestError::ErrorCode(..)),
        _ => true,
    }
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
