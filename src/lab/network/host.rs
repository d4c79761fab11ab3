//! A host of a network: a servent while somebody is at home, and what it puts on the links.

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::Duration;

use super::Desk;
use super::net::{Net, What};
use crate::lab::workload::titled;
use crate::overlay::{Config, Effect, Event, Input, Outbox, Overlay, PeerId};
use crate::rng::Rng;
use crate::time::Time;
use crate::wire::{Descriptor, Guid};

/// A place where a servent lives, in one life after another.
#[derive(Debug, Default)]
pub(super) struct Host {
    overlay: Option<Overlay>,
    lives: u32,
    desk: Desk,
    /// Messages read and written, in all lives.
    load: u64,
    /// Its links that are up.
    pub(super) links: Vec<u32>,
}

impl Host {
    /// Begins a life.
    pub(super) fn open(&mut self, config: Arc<Config>, mut rng: Rng) {
        let guid = Guid::random(&mut rng);
        self.overlay = Some(Overlay::new(guid, config, rng));
        self.lives += 1;
        self.desk = Desk::default();
    }

    /// Ends it.
    pub(super) fn close(&mut self) {
        self.overlay = None;
    }

    /// The servent, while there is one.
    pub(super) const fn overlay(&self) -> Option<&Overlay> {
        self.overlay.as_ref()
    }

    /// How many lives have begun.
    pub(super) const fn lives(&self) -> u32 {
        self.lives
    }

    /// Whether this is the life that goes on.
    pub(super) const fn is_in(&self, life: u32) -> bool {
        self.overlay.is_some() && self.lives == life
    }

    /// Messages read and written.
    pub(super) const fn load(&self) -> u64 {
        self.load
    }

    /// Takes on the reading or writing of a message; when that is done.
    pub(super) fn work(&mut self, now: Time, work: Duration) -> Time {
        self.load += 1;
        self.desk.take_on(now, work)
    }

    /// Has the servent handle something.
    pub(super) fn handle(&mut self, net: &mut Net, node: u32, input: Input) {
        if let Input::Disconnected { peer } = &input {
            self.links.retain(|link| *link != peer.0);
        }
        let Some(mut overlay) = self.overlay.take() else {
            return;
        };
        let now = net.now;
        let host = &mut *self;
        overlay.handle(now, input, &mut Postman { host, net, node });
        self.overlay = Some(overlay);
    }
}

/// Where the servent of a host puts its effects.
struct Postman<'a> {
    host: &'a mut Host,
    net: &'a mut Net,
    node: u32,
}

impl Postman<'_> {
    /// Something that concerns this life alone.
    fn later(&mut self, after: Duration, input: Input) {
        let at = self.net.now + after;
        let life = Some(self.host.lives);
        let node = self.node;
        self.net.agenda.put(at, What::Input { node, life, input });
    }

    /// Puts a descriptor on a link when all that is to be done before has been.
    fn send(&mut self, to: PeerId, descriptor: Descriptor) {
        let link = self.net.links[to.0 as usize];
        if !link.up {
            return;
        }
        self.net.traffic.count(&descriptor);
        let node = link.far(self.node);
        let written = self.host.work(self.net.now, self.net.conditions.work);
        let at = written + self.net.way(self.node, node);
        let link = to.0;
        let comes = What::Comes {
            node,
            link,
            descriptor,
        };
        self.net.agenda.put(at, comes);
    }

    fn close(&mut self, peer: PeerId) {
        self.host.links.retain(|link| *link != peer.0);
        self.net.close(peer.0, self.node);
    }
}

impl Outbox for Postman<'_> {
    fn push(&mut self, effect: Effect) {
        match effect {
            Effect::Send { to, descriptor } => self.send(to, descriptor),
            Effect::Lookup { guid, query } => {
                self.net.traffic.lookups += 1;
                let object = titled(&query.text);
                self.net.asked.push((guid, object));
            }
            Effect::Wake { after, timer } => self.later(after, Input::Woke(timer)),
            Effect::Dial(addr) => {
                let (by, life, node) = (self.node, self.host.lives, node_at(addr));
                let at = self.net.now + self.net.way(by, node);
                self.net.agenda.put(at, What::Dialled { by, life, node });
            }
            Effect::Hangup { peer, .. } => {
                // A Bye, of which nothing more need be known.
                self.net.traffic.upkeep += 1;
                self.close(peer);
            }
            Effect::Close { peer } => self.close(peer),
            Effect::Tell(Event::Hit {
                query, hit, hops, ..
            }) => {
                self.net.traffic.found += hit.records.len() as u64;
                self.net.told.push((query, hops));
            }
            // Nobody speaks by UDP here.
            _ => {}
        }
    }
}

/// Who lives at an address of this laboratory: the way back from [`super::super::introductions::address`].
fn node_at(addr: SocketAddrV4) -> u32 {
    let [_, a, b, c] = addr.ip().octets();
    u32::from_be_bytes([0, a, b, c]).saturating_sub(1)
}
