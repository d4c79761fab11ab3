//! The public Gnutella network: where to ask for its servents.
//!
//! The one rule: without `--public` none of this is used, not even looked up.

use std::net::SocketAddrV4;

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
pub const WEB_CACHES: [&str; 1] = ["http://ghc4.gtkgnutella.com/list4"];

/// Looks the UDP host caches up and tells the overlay of them, in the background: a resolver that is away takes its time.
pub(super) async fn name_caches(inbox: Inbox) {
    let candidates = UDP_CACHES.map(|(name, port)| Candidate::UdpCache(name.to_owned(), port));
    let bootstrap = Bootstrap {
        candidates: candidates.to_vec(),
        skipped: Vec::new(),
    };
    let caches: Vec<SocketAddrV4> = bootstrap.caches().await;
    tracing::info!(count = caches.len(), "public host caches found");
    // If the actor is gone, nobody needs them.
    let _ = inbox.send(Report::Order(Order::LearnCaches(caches))).await;
}
