//! What those who hold a servent ask of its actor.

use std::io;
use std::net::SocketAddrV4;
use std::sync::atomic::Ordering::Relaxed;

use tokio::sync::oneshot;

use super::Actor;
use crate::net::datagram::Datagrams;
use crate::net::inbox::{Order, Report};
use crate::net::{BootstrapStep, GatewayNews, PeerStatus, Search, Status};
use crate::overlay::{Command, Input, Peer, Strategy};
use crate::time::Time;
use crate::transfer::{DownloadState, DownloadStatus, Limit, PushCall};
use crate::wire::Query;
use crate::wire::handshake::Role;

impl Actor {
    pub(super) fn obey(&mut self, order: Order) {
        // Throughout: who has dropped the receiver needs no answer.
        match order {
            Order::Search { query, by, reply } => {
                let _ = reply.send(self.search(query, by));
            }
            Order::SearchDropped(guid) => {
                self.searches.end(guid);
                self.take(Input::Command(Command::EndSearch(guid)));
            }
            Order::Push(PushCall { servent, index }) => {
                self.take(Input::Command(Command::Push { servent, index }));
            }
            Order::Hear { hosts, teller } => {
                self.take(Input::Command(Command::Hear { hosts, teller }));
            }
            Order::Outside(port) => {
                self.whereabouts.set_outside(port);
                if let Some(here) = self.whereabouts.address() {
                    self.take(Input::Command(Command::Listening(here)));
                }
            }
            Order::LearnCaches(caches) => self.take(Input::Command(Command::LearnCaches(caches))),
            Order::Connect { addr, reply } => self.connect(addr, reply),
            Order::Disconnect { addr, reply } => {
                let peer = self.peer_at(addr);
                if let Some(peer) = peer {
                    self.take(Input::Command(Command::Disconnect(peer)));
                }
                let _ = reply.send(peer.is_some());
            }
            Order::Peers(reply) => {
                let now = self.now();
                let peers = self
                    .overlay
                    .peers()
                    .iter()
                    .map(|peer| peer_status(peer, now));
                let _ = reply.send(peers.collect());
            }
            Order::Status(reply) => {
                let _ = reply.send(self.status());
            }
            Order::Invite { from, reply } => {
                let _ = reply.send(self.invitation(from));
            }
        }
    }

    fn search(&mut self, query: Query, by: Option<Strategy>) -> Search {
        let guid = self.overlay.search_guid();
        let prospect = self.overlay.prospect(&query, by);
        let strategy = prospect.way.name();
        let (search, hits) = self.searches.begin(guid, self.now(), strategy, prospect);
        let inbox = self.parts.inbox.clone();
        self.errands.spawn(async move {
            hits.closed().await;
            // Should the actor be gone, so is the search.
            let _ = inbox.send(Report::Order(Order::SearchDropped(guid))).await;
        });
        let query = Box::new(query);
        self.take(Input::Command(Command::Search { guid, query, by }));
        search
    }

    fn connect(&mut self, addr: SocketAddrV4, reply: oneshot::Sender<io::Result<()>>) {
        if self.peer_at(addr).is_some() {
            let _ = reply.send(Ok(()));
            return;
        }
        self.take(Input::Command(Command::Connect(addr)));
        match self.dials.get_mut(&addr) {
            Some(waiting) => waiting.push(reply),
            None => {
                let why = if self.whereabouts.is_self(addr) {
                    "that is this servent itself"
                } else {
                    "not dialled: no servent can be there, or too many dials are under way"
                };
                let _ = reply.send(Err(io::Error::new(io::ErrorKind::InvalidInput, why)));
            }
        }
    }

    fn status(&self) -> Status {
        let census = *self.parts.census.borrow();
        let peers = self.overlay.peers();
        let leaf = |peer: &&Peer| peer.who.agreement.role == Role::Leaf;
        let caches = self.overlay.udp_caches(self.now());
        let caches = caches.into_iter().map(BootstrapStep::from);
        let (downloads, uploads) = (self.parts.downloads.list(), self.parts.uploads.list());
        let limits = [self.parts.uploads.limit(), self.parts.downloads.limit()];
        let unfinished = |download: &&DownloadStatus| {
            !matches!(
                download.state,
                DownloadState::Complete | DownloadState::Failed
            )
        };
        Status {
            guid: self.parts.guid,
            listen: self.whereabouts.address().unwrap_or(self.parts.listen),
            role: self.overlay.role(),
            role_reason: self.overlay.role_reason(),
            peers: peers.len(),
            leaves: peers.iter().filter(leaf).count(),
            files: census.files,
            bytes: census.bytes,
            unhashed: census.unhashed,
            searches: self.searches.len(),
            dynamic_queries: self.overlay.dynamic_queries(),
            downloads: downloads.iter().filter(unfinished).count(),
            uploads: uploads.iter().filter(|upload| upload.running).count(),
            limits: limits.map(Limit::rates),
            carried: limits.map(Limit::carried),
            relay: self.parts.uploads.relay_status(),
            counts: *self.overlay.counts(),
            shed: self.shed.load(Relaxed),
            lost_hits: self.searches.lost(),
            refused: self.parts.refused.load(Relaxed),
            reachable: [
                self.overlay.reachable_by_tcp(),
                self.overlay.reachable_by_udp(),
            ],
            proxies: self.overlay.proxies(),
            hosts: self.overlay.known_hosts(),
            bootstrap: self.begun_with.iter().cloned().chain(caches).collect(),
            gateway: GatewayNews::default(),
            lost_datagrams: self.parts.datagrams.as_ref().map_or(0, Datagrams::lost),
            uptime: self.began.elapsed(),
        }
    }
}

fn peer_status(peer: &Peer, now: Time) -> PeerStatus {
    let agreement = &peer.who.agreement;
    PeerStatus {
        host: agreement.listen.unwrap_or(peer.who.remote),
        role: agreement.role,
        table: peer.table().map(|table| (table.slots(), table.fill())),
        hops_flow: peer.hops_flow(),
        push_proxy: (peer.is_proxy(), peer.is_client()),
        direction: peer.who.direction,
        vendor: agreement.agent.clone(),
        handshake: agreement.version,
        deflate: (agreement.deflate_out, agreement.deflate_in),
        uptime: now.since(peer.since),
        received: peer.received,
        sent: peer.sent,
    }
}
