//! The public Gnutella network: where to ask for its servents, and whom to ask to let them in.
//!
//! The one rule: a servent that was not started with a [`Public`] contacts none of this, nor looks a name up.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use super::bootstrap::{Bootstrap, Candidate};
use super::inbox::{Inbox, Order, Report};

/// The UDP host caches that gtk-gnutella comes with.
const UDP_CACHES: [(&str, u16); 4] = [
    ("useast.gnutella.dyslexicfish.net", 3558),
    ("uswest.gnutella.dyslexicfish.net", 3558),
    ("uk.gnutella.dyslexicfish.net", 3558),
    ("au.gnutella.dyslexicfish.net", 3558),
];

/// Its list of servents on the web: addresses, one a line, as from a GWebCache.
const WEB_CACHES: [&str; 1] = ["http://ghc4.gtkgnutella.com/list4"];

/// Who has been there for an hour is likely to stay (GWebCache 1.3.1), and no cache is to be told more often.
const HOUR: Duration = Duration::from_secs(3_600);

/// Where UPnP gateways listen to all (UPnP Device Architecture 1.1, section 1.3.2).
const UPNP: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(239, 255, 255, 250), 1900);

/// What a servent contacts to become part of the public network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Public {
    /// UDP host caches: name or address, and port.
    pub udp_caches: Vec<(String, u16)>,
    /// GWebCaches, by their URLs, to be asked when there is nobody else.
    pub web_caches: Vec<String>,
    /// How long an ultrapeer that strangers reach has been up before it tells one of these of itself, and between two times.
    pub announce_every: Duration,
    /// Who is asked by NAT-PMP and PCP to pass our port through; the gateway of the default route if nothing is said.
    pub gateway: Option<Ipv4Addr>,
    /// Where UPnP gateways are looked for.
    pub upnp: SocketAddrV4,
}

impl Public {
    /// The network as everybody knows it.
    pub fn shipped() -> Self {
        Self {
            udp_caches: UDP_CACHES
                .map(|(name, port)| (name.to_owned(), port))
                .into(),
            web_caches: WEB_CACHES.map(str::to_owned).into(),
            announce_every: HOUR,
            gateway: None,
            upnp: UPNP,
        }
    }
}

/// Looks UDP host caches up and tells the overlay of them, in the background: a resolver that is away takes its time.
pub(super) async fn name_caches(caches: Vec<(String, u16)>, inbox: Inbox) {
    let candidates = caches.into_iter();
    let bootstrap = Bootstrap {
        candidates: candidates
            .map(|(name, port)| Candidate::UdpCache(name, port))
            .collect(),
        skipped: Vec::new(),
    };
    let caches: Vec<SocketAddrV4> = bootstrap.caches().await;
    tracing::info!(count = caches.len(), "public host caches found");
    // If the actor is gone, nobody needs them.
    let _ = inbox.send(Report::Order(Order::LearnCaches(caches))).await;
}
