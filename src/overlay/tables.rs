//! Route tables: ours to those who route by it, and theirs as they arrive (QRP 1.0).
//!
//! The one rule: nobody gets a table twice. Each neighbour is sent what has changed since the last time, and that at most
//! once a minute; the first change sooner, since the first table rarely holds all digests.
//!
//! A leaf tells its ultrapeers what it shares itself, an ultrapeer tells other ultrapeers what it and its leaves share,
//! and never what it heard from ultrapeers: a table speaks of the last link of a query and no further.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::time::Time;
use crate::wire::qrp::{RouteTable, RouteTableMessage, update};
use crate::wire::{ByeCode, Descriptor, Guid, Kind, WireError};

use super::quota::MINUTE;
use super::shield::is_greedy;
use super::{Outbox, Overlay, Peer, PeerId};

/// Our own table, and that of us and our leaves together.
#[derive(Debug, Default)]
pub(super) struct Tables {
    /// What we share; none before it is known.
    shelf: Option<Arc<RouteTable>>,
    /// What we and our leaves share, as it was put together last.
    whole: Option<(Time, Arc<RouteTable>)>,
    /// Something has changed since then.
    stale: bool,
}

impl Tables {
    /// A leaf's table has changed, or has gone with it.
    pub(super) const fn changed(&mut self) {
        self.stale = true;
    }
}

/// What a neighbour knows of our table.
#[derive(Clone, Debug)]
pub(super) struct Given {
    table: Option<Arc<RouteTable>>,
    at: Time,
    updates: u32,
}

impl Given {
    /// Nothing yet.
    pub(super) const NOTHING: Self = Self {
        table: None,
        at: Time::ZERO,
        updates: 0,
    };

    fn is_due(&self, now: Time) -> bool {
        let pause = match self.updates {
            0 => return true,
            1 => FIRST_CHANGE,
            _ => CHANGE,
        };
        now.since(self.at) >= pause
    }
}

impl Overlay {
    /// What we share has changed.
    pub(super) fn on_shelf(&mut self, now: Time, table: RouteTable, out: &mut impl Outbox) {
        self.tables = Tables {
            shelf: Some(Arc::new(table)),
            ..Tables::default()
        };
        self.share_tables(now, out);
    }

    /// Tells everybody who is to know our table and does not, or not any more.
    pub(super) fn share_tables(&mut self, now: Time, out: &mut impl Outbox) {
        let reads = |peer: &&Peer| !peer.is_leaf() && self.reads_our_table(peer);
        let due = |peer: &Peer| peer.given.is_due(now).then_some(peer.id);
        let due: Vec<PeerId> = self.peers.iter().filter(reads).filter_map(due).collect();
        if due.is_empty() {
            return;
        }
        let Some(table) = self.table_to_give(now) else {
            return;
        };
        // Most know the same of it, and what has changed since need not be worked out for each.
        let mut changes = Changes::default();
        for to in due {
            self.give(now, to, &table, &mut changes, out);
        }
    }

    fn reads_our_table(&self, ultrapeer: &Peer) -> bool {
        let abilities = ultrapeer.who.agreement.abilities;
        if self.is_leaf() {
            abilities.query_routing
        } else {
            abilities.last_hop_routing && self.config.last_hop_tables
        }
    }

    fn give(
        &mut self,
        now: Time,
        to: PeerId,
        table: &Arc<RouteTable>,
        changes: &mut Changes,
        out: &mut impl Outbox,
    ) {
        let Some(peer) = self.peers.get_mut(to) else {
            return;
        };
        let given = &mut peer.given;
        let known = given.table.replace(Arc::clone(table));
        if known
            .as_ref()
            .is_some_and(|known| Arc::ptr_eq(known, table))
        {
            return;
        }
        let payloads = changes.since(known, table);
        if !payloads.is_empty() {
            given.at = now;
            given.updates = given.updates.saturating_add(1);
        }
        for payload in payloads {
            let guid = Guid::random(&mut self.rng);
            let message = Descriptor::new(guid, Kind::RouteTable, 1, payload.clone());
            self.send(now, to, message, out);
        }
    }

    /// The table that speaks for us; none before we know what we share.
    fn table_to_give(&mut self, now: Time) -> Option<Arc<RouteTable>> {
        let shelf = self.tables.shelf.as_ref()?;
        if self.is_leaf() {
            return Some(Arc::clone(shelf));
        }
        if let Some((at, whole)) = &self.tables.whole
            && (!self.tables.stale || now.since(*at) < FIRST_CHANGE)
        {
            return Some(Arc::clone(whole));
        }
        let mut whole = RouteTable::new(MOST_SLOTS);
        whole.union(shelf);
        let leaves = self.peers.iter().filter(|peer| peer.is_leaf());
        // One that asks for everything would have us ask for everything, too.
        leaves
            .filter_map(Peer::table)
            .filter(|table| !is_greedy(table))
            .for_each(|table| whole.union(table));
        let whole = Arc::new(narrowed(whole, shelf.slots().max(WHOLE_SLOTS)));
        self.tables.whole = Some((now, Arc::clone(&whole)));
        self.tables.stale = false;
        Some(whole)
    }

    /// A piece of a neighbour's table. One that breaks the rules costs the link, as with gtk-gnutella: what stands in
    /// the table is wrong from there on.
    pub(super) fn on_route_table(
        &mut self,
        now: Time,
        from: PeerId,
        what: &Descriptor,
        out: &mut impl Outbox,
    ) {
        let Some(peer) = self.peers.get(from) else {
            return;
        };
        let announced = peer.is_leaf() || peer.who.agreement.abilities.last_hop_routing;
        let direct = what.header.ttl <= 1 && what.header.hops == 0;
        if !(announced && direct) || self.is_leaf() {
            self.counts.dropped += 1;
            return;
        }
        match self.take_table(now, from, what) {
            Ok(true) => {
                self.tables.changed();
                self.share_tables(now, out);
            }
            Ok(false) => {}
            Err(error) => {
                self.counts.dropped += 1;
                let why = match error {
                    WireError::TooLarge => "Query routing table too large",
                    _ => "Bad query routing table",
                };
                self.hang_up(from, BAD_TABLE, why, out);
            }
        }
    }

    /// Whether its table is complete with this.
    fn take_table(
        &mut self,
        now: Time,
        from: PeerId,
        what: &Descriptor,
    ) -> Result<bool, WireError> {
        let message = RouteTableMessage::decode(&what.payload)?;
        if let RouteTableMessage::Reset { slots, .. } = message {
            let others = self.peers.iter().filter(|peer| peer.id != from);
            let held: u64 = others.map(Peer::slots_held).sum();
            if held + u64::from(slots) > SLOTS_HELD {
                return Err(WireError::TooLarge);
            }
        }
        let Some(peer) = self.peers.get_mut(from) else {
            return Ok(false);
        };
        if begins(&message) && !peer.updates.take(now, UPDATES_TAKEN, MINUTE) {
            return Err(WireError::BadRouteTable);
        }
        peer.routing.get_or_insert_default().apply(&message)
    }
}

/// Whether a message begins something that costs as much as the table is large, however short it is itself.
const fn begins(message: &RouteTableMessage) -> bool {
    matches!(
        message,
        RouteTableMessage::Reset { .. } | RouteTableMessage::Patch { part: 1, .. }
    )
}

/// What has changed in our table, for each state of it that somebody knows.
#[derive(Default)]
struct Changes(Vec<(Option<Arc<RouteTable>>, Vec<Bytes>)>);

impl Changes {
    /// The messages that tell whoever knows `known` of `table`, which is the same table in every call.
    fn since(&mut self, known: Option<Arc<RouteTable>>, table: &RouteTable) -> &[Bytes] {
        let same = |other: &Option<Arc<RouteTable>>| match (other, &known) {
            (Some(other), Some(known)) => Arc::ptr_eq(other, known),
            (None, None) => true,
            _ => false,
        };
        let place = self.0.iter().position(|(other, _)| same(other));
        let place = place.unwrap_or_else(|| {
            let messages = update(table, known.as_deref());
            let payloads = messages.iter().map(RouteTableMessage::encode).collect();
            self.0.push((known, payloads));
            self.0.len() - 1
        });
        &self.0[place].1
    }
}

/// A wide table in the fewest slots, from `slots` on, in which it is not too full. A hash takes the leading bits, so it
/// is exactly what it would have been.
fn narrowed(wide: RouteTable, mut slots: u32) -> RouteTable {
    while slots < wide.slots() {
        // A table of so many slots cannot be less full than that.
        if f64::from(wide.len()) <= f64::from(slots) * FULL * f64::from(wide.slots() / slots) {
            let mut table = RouteTable::new(slots);
            table.union(&wide);
            if table.fill() <= FULL {
                return table;
            }
        }
        slots *= 2;
    }
    wide
}

impl Peer {
    fn slots_held(&self) -> u64 {
        let slots = self.routing.as_ref().map(|routing| routing.slots());
        slots.unwrap_or(0).into()
    }
}

/// After the first table, the first change is told this soon.
const FIRST_CHANGE: Duration = Duration::from_secs(5);

/// A change is told at most this often (LimeWire between ultrapeers).
const CHANGE: Duration = Duration::from_secs(60);

/// Resets and updates taken from one neighbour in a minute. Honest ones come once a minute, a few at the start. The
/// costliest has us go through two million slots, and can be said in a thousand bytes.
const UPDATES_TAKEN: u32 = 30;

/// The slots of the table an ultrapeer gives, at least (LimeWire and gtk-gnutella between ultrapeers).
const WHOLE_SLOTS: u32 = 1 << 17;

/// And at most.
const MOST_SLOTS: u32 = 1 << 20;

/// A table fuller than this is made larger: a query of two words then passes a fuller one in one case of twenty-five.
const FULL: f64 = 0.2;

/// Slots of all neighbours' tables together: 64 MiB, a table of full size for each of 256 leaves. Honest tables are a half
/// of that at most.
const SLOTS_HELD: u64 = 64 * 8 * 1024 * 1024;

/// A route table or its sequence is wrong (gtk-gnutella's number).
const BAD_TABLE: ByeCode = ByeCode(413);
