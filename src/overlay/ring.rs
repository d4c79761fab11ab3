//! The expanding ring: floods of growing TTL, until there is an answer (Lv and others, "Search and replication in
//! unstructured peer-to-peer networks", 2002, section 4).
//!
//! The one rule: every flood is a query of its own, with a GUID of its own, for servents pass no GUID on twice. Hits for
//! any of them are hits for the search.

use std::time::Duration;

use bytes::Bytes;

use crate::time::Time;
use crate::wire::{Descriptor, Guid, Kind, Query};

use super::routes::Way;
use super::strategy::Ring;
use super::{Effect, Outbox, Overlay, Timer};

/// What a ring still has to do.
#[derive(Clone, Debug)]
pub(super) struct Widening {
    query: Box<Query>,
    payload: Bytes,
    ring: Ring,
    /// The next round.
    round: usize,
}

impl Overlay {
    /// Begins with the smallest flood.
    pub(super) fn ask_in_rings(
        &mut self,
        now: Time,
        guid: Guid,
        query: Query,
        ring: Ring,
        out: &mut impl Outbox,
    ) {
        let payload = query.encode();
        if let Some(search) = self.searches.iter_mut().find(|search| search.guid == guid) {
            search.widening = Some(Widening {
                query: Box::new(query),
                payload,
                ring,
                round: 0,
            });
            self.widen(now, guid, out);
        }
    }

    /// The next flood of a ring, if it is still to be answered.
    pub(super) fn widen(&mut self, now: Time, guid: Guid, out: &mut impl Outbox) {
        let Some(search) = self.searches.iter_mut().find(|search| search.guid == guid) else {
            return;
        };
        let answered = search.hits > 0;
        let Some(widening) = search.widening.as_mut().filter(|_| !answered) else {
            return;
        };
        let round = widening.round;
        widening.round += 1;
        let Some(&ttl) = widening.ring.ttls().get(round) else {
            search.widening = None;
            return;
        };
        let (query, payload) = (widening.query.clone(), widening.payload.clone());
        let asked_as = if round == 0 {
            guid
        } else {
            let fresh = Guid::random(&mut self.rng);
            search.also.push(fresh);
            self.queries.learn(now, &fresh, Way::OURS);
            fresh
        };
        let demand = self.demand(&query);
        let what = Descriptor::new(asked_as, Kind::Query, ttl, payload);
        if round == 0 {
            self.send_to_leaves(now, None, &what, demand.as_ref(), out);
        }
        self.flood(now, None, &what, demand.as_ref(), out);
        out.push(Effect::Wake {
            after: PER_HOP * u32::from(ttl),
            timer: Timer::Widen(guid),
        });
    }
}

/// How long a round waits for each link there and back: what is usual in the world, 100 to 200 ms a link, and some.
const PER_HOP: Duration = Duration::from_millis(400);
