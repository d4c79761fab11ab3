//! A house of a town: a servent while somebody is at home, and what it puts on the links.

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::Duration;

use super::Desk;
use super::streets::{Streets, What};
use crate::lab::workload::titled;
use crate::overlay::{Config, Effect, Event, Input, Outbox, Overlay, PeerId};
use crate::rng::Rng;
use crate::time::Time;
use crate::wire::{Descriptor, Guid};

/// A place where a servent lives, in one life after another.
#[derive(Debug, Default)]
pub(super) struct House {
    overlay: Option<Overlay>,
    lives: u32,
    desk: Desk,
    /// Messages read and written, in all lives.
    load: u64,
    /// Its links that are up.
    pub(super) links: Vec<u32>,
}

impl House {
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
    pub(super) fn handle(&mut self, streets: &mut Streets, node: u32, input: Input) {
        if let Input::Disconnected { peer } = &input {
            self.links.retain(|link| *link != peer.0);
        }
        let Some(mut overlay) = self.overlay.take() else {
            return;
        };
        let now = streets.now;
        let house = &mut *self;
        overlay.handle(
            now,
            input,
            &mut Door {
                house,
                streets,
                node,
            },
        );
        self.overlay = Some(overlay);
    }
}

/// Where the servent of a house puts its effects.
struct Door<'a> {
    house: &'a mut House,
    streets: &'a mut Streets,
    node: u32,
}

impl Door<'_> {
    /// Something that concerns this life alone.
    fn later(&mut self, after: Duration, input: Input) {
        let at = self.streets.now + after;
        let life = Some(self.house.lives);
        let node = self.node;
        self.streets
            .agenda
            .put(at, What::Input { node, life, input });
    }

    /// Puts a descriptor on a link when all that is to be done before has been.
    fn send(&mut self, to: PeerId, descriptor: Descriptor) {
        let link = self.streets.links[to.0 as usize];
        if !link.up {
            return;
        }
        self.streets.traffic.count(&descriptor);
        let node = link.far(self.node);
        let written = self.house.work(self.streets.now, self.streets.customs.work);
        let at = written + self.streets.way(self.node, node);
        let link = to.0;
        let comes = What::Comes {
            node,
            link,
            descriptor,
        };
        self.streets.agenda.put(at, comes);
    }

    fn close(&mut self, peer: PeerId) {
        self.house.links.retain(|link| *link != peer.0);
        self.streets.close(peer.0, self.node);
    }
}

impl Outbox for Door<'_> {
    fn push(&mut self, effect: Effect) {
        match effect {
            Effect::Send { to, descriptor } => self.send(to, descriptor),
            Effect::Lookup { guid, query } => {
                self.streets.traffic.lookups += 1;
                let object = titled(&query.text);
                self.streets.asked.push((guid, object));
            }
            Effect::Wake { after, timer } => self.later(after, Input::Woke(timer)),
            Effect::Dial(addr) => {
                let (by, life, node) = (self.node, self.house.lives, node_at(addr));
                let at = self.streets.now + self.streets.way(by, node);
                self.streets
                    .agenda
                    .put(at, What::Dialled { by, life, node });
            }
            Effect::Hangup { peer, .. } => {
                // A Bye, of which nothing more need be known.
                self.streets.traffic.upkeep += 1;
                self.close(peer);
            }
            Effect::Close { peer } => self.close(peer),
            Effect::Tell(Event::Hit {
                query, hit, hops, ..
            }) => {
                self.streets.traffic.found += hit.records.len() as u64;
                self.streets.told.push((query, hops));
            }
            // Nobody speaks by UDP here.
            _ => {}
        }
    }
}

/// Who lives at an address of this laboratory: the way back from [`super::super::faces::address`].
fn node_at(addr: SocketAddrV4) -> u32 {
    let [_, a, b, c] = addr.ip().octets();
    u32::from_be_bytes([0, a, b, c]).saturating_sub(1)
}
