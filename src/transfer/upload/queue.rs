//! The queue before the slots: who waits for what, in which order, and when each may ask again.
//!
//! The one rule: a free slot is kept for the place that has waited longest, and a place is kept by asking again in its
//! time. Who comes too early goes to the end, who comes too late is out. Without it a slot would go to whoever asks most
//! often. Credit, where it counts, goes before waiting: who has more is ahead of all who have less.
//!
//! Two manners of saying so are known, LimeWire's `X-Queue: 0.1` ("active queueing": the connection stays) and
//! gtk-gnutella's PARQ (`X-Queue: 1.0`, answered with `X-Queued`). Who speaks neither is told `Retry-After`, and his
//! place is kept all the same. It asks no clock.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::transfer::http::{Headers, Response, Status};

/// Places in all. Behind a hundred others nobody waits in earnest.
const LENGTH: usize = 100;

/// Places of one address: a download list's worth, and no crowd.
const PER_ADDRESS: usize = 10;

/// How soon the first in the queue may ask again; a slot that falls free stays empty for half of that on average.
const FIRST: Duration = Duration::from_secs(5);

/// How much later each place behind it may.
const EACH: Duration = Duration::from_secs(5);

/// But nobody later than this: LimeWire's shortest interval, which all programs keep to.
const LAST: Duration = Duration::from_secs(45);

/// How long after that a place is still kept (LimeWire's 120 s after 45).
const GRACE: Duration = Duration::from_secs(75);

/// Clocks and networks are not exact: who comes this much early has kept to what was said.
const LEEWAY: Duration = Duration::from_secs(1);

/// How somebody wants to be told his place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// Not at all: `Retry-After` must do.
    Silent,
    /// `X-Queue: position=2, length=7, limit=4, pollMin=10, pollMax=85` (LimeWire).
    Active,
    /// `X-Queued: position=2; length=7; lifetime=85; ID=…` (PARQ 1.0).
    Parq,
}

/// What somebody who asks says about queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asker {
    /// Where he asks from; one person, as far as we can tell.
    pub(super) address: Ipv4Addr,
    /// The number of the file he asks for.
    pub(super) file: u32,
    /// How he wants to be told.
    pub(super) manner: Manner,
    /// The place he says he has (PARQ), which holds though his address changed.
    pub(super) place: Option<Uuid>,
    /// What he has done for us, in bytes; none where that does not count.
    pub(super) credit: u64,
}

impl Asker {
    /// As `headers` say.
    pub(super) fn new(address: Ipv4Addr, file: u32, headers: &Headers) -> Self {
        let version = headers
            .get("X-Queue")
            .map(|value| value.split(['.', ' ']).next());
        let manner = match version.flatten() {
            Some("0") => Manner::Active,
            Some("1") => Manner::Parq,
            _ => Manner::Silent,
        };
        let id = |item: &str| {
            let (name, value) = item.split_once('=')?;
            let is_id = name.trim().eq_ignore_ascii_case("ID");
            is_id.then(|| Uuid::try_parse(value.trim()).ok()).flatten()
        };
        let place = headers
            .get("X-Queued")
            .and_then(|value| value.split(';').find_map(id));
        Self {
            address,
            file,
            manner,
            place,
            credit: 0,
        }
    }
}

/// What somebody who asks is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// The slot is his.
    Now,
    /// He waits.
    Wait(Ticket),
    /// There is no place for him either.
    Full,
}

/// A place in the queue, as it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    id: Uuid,
    manner: Manner,
    position: usize,
    length: usize,
    limit: usize,
    after: Duration,
}

impl Ticket {
    /// How long he may be silent on his connection without losing it.
    pub(super) fn patience(&self) -> Duration {
        self.after + GRACE
    }

    /// The response that tells him.
    pub(super) fn response(&self) -> Response {
        let Self {
            id,
            position,
            length,
            limit,
            ..
        } = self;
        let after = self.after.as_secs();
        let until = after + GRACE.as_secs();
        let response = Response::new(Status::BUSY)
            .with("Content-Length", 0)
            .with("Retry-After", after);
        match self.manner {
            Manner::Silent => response,
            Manner::Active => response.with(
                "X-Queue",
                format_args!(
                    "position={position}, length={length}, limit={limit}, pollMin={after}, pollMax={until}"
                ),
            ),
            Manner::Parq => response.with("X-Queue", "1.0").with(
                "X-Queued",
                format_args!(
                    "position={position}; length={length}; lifetime={until}; ID={}",
                    id.simple()
                ),
            ),
        }
    }
}

/// A place as it is kept.
#[derive(Debug)]
struct Place {
    id: Uuid,
    address: Ipv4Addr,
    file: u32,
    credit: u64,
    /// Before this nobody need come.
    from: Instant,
    /// After this the place is lost.
    until: Instant,
}

impl Place {
    fn is_of(&self, asker: &Asker) -> bool {
        let named = asker.place == Some(self.id);
        self.file == asker.file && (named || self.address == asker.address)
    }
}

/// Who waits: the one with the most credit first, of equals the one who has waited longest.
#[derive(Debug, Default)]
pub(super) struct Queue {
    places: Vec<Place>,
}

impl Queue {
    /// Somebody asks for a slot, of which `free` are empty now and `limit` there are in all.
    pub(super) fn ask(&mut self, now: Instant, asker: Asker, free: usize, limit: usize) -> Turn {
        self.places.retain(|place| now <= place.until);
        let at = self.places.iter().position(|place| place.is_of(&asker));
        if at.unwrap_or_else(|| self.behind_equals(asker.credit)) < free {
            at.map(|at| self.places.remove(at));
            return Turn::Now;
        }
        let mut place = match at {
            Some(at)
                if now + LEEWAY >= self.places[at].from
                    && asker.credit <= self.places[at].credit =>
            {
                return Turn::Wait(self.keep(now, at, asker.manner, limit));
            }
            // Too early, or with more credit than he had.
            Some(at) => self.places.remove(at),
            None if self.has_room_for(asker.address) => Place {
                id: Uuid::new_v4(),
                address: asker.address,
                file: asker.file,
                credit: 0,
                from: now,
                until: now,
            },
            None => return Turn::Full,
        };
        (place.address, place.credit) = (asker.address, asker.credit);
        let at = self.behind_equals(place.credit);
        self.places.insert(at, place);
        Turn::Wait(self.keep(now, at, asker.manner, limit))
    }

    /// Where a newcomer with this credit would stand.
    fn behind_equals(&self, credit: u64) -> usize {
        let ahead = self.places.iter().rposition(|place| place.credit >= credit);
        ahead.map_or(0, |last| last + 1)
    }

    /// How many wait.
    pub(super) fn len(&self, now: Instant) -> usize {
        let kept = |place: &&Place| now <= place.until;
        self.places.iter().filter(kept).count()
    }

    fn has_room_for(&self, address: Ipv4Addr) -> bool {
        let its = |place: &&Place| place.address == address;
        let of_address = self.places.iter().filter(its).count();
        self.places.len() < LENGTH && of_address < PER_ADDRESS
    }

    /// Keeps a place on, and says for how long.
    fn keep(&mut self, now: Instant, at: usize, manner: Manner, limit: usize) -> Ticket {
        let ahead = u32::try_from(at).expect("at most LENGTH");
        let after = (FIRST + EACH * ahead).min(LAST);
        let length = self.places.len();
        let place = &mut self.places[at];
        place.from = now + after;
        place.until = now + after + GRACE;
        Ticket {
            id: place.id,
            manner,
            position: at + 1,
            length,
            limit,
            after,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asker(host: u8) -> Asker {
        Asker {
            address: Ipv4Addr::new(127, 0, 0, host),
            file: 1,
            manner: Manner::Active,
            place: None,
            credit: 0,
        }
    }

    fn position(turn: Turn) -> usize {
        match turn {
            Turn::Wait(ticket) => ticket.position,
            other => panic!("{other:?} instead of a place"),
        }
    }

    #[test]
    fn slots_are_kept_for_those_who_have_waited_longest() {
        let (mut queue, start) = (Queue::default(), Instant::now());
        assert_eq!(queue.ask(start, asker(1), 1, 1), Turn::Now);
        for host in 2..5 {
            let turn = queue.ask(start, asker(host), 0, 1);
            assert_eq!(position(turn), usize::from(host) - 1);
        }
        let later = start + FIRST;
        assert_eq!(
            position(queue.ask(later, asker(9), 1, 1)),
            4,
            "not the newcomer's"
        );
        assert_eq!(queue.ask(later, asker(2), 1, 1), Turn::Now);
        assert_eq!(position(queue.ask(later + EACH, asker(3), 0, 1)), 1);
    }

    #[test]
    fn who_has_done_more_goes_first_and_equals_keep_their_order() {
        let (mut queue, start) = (Queue::default(), Instant::now());
        let with = |credit, host| Asker {
            credit,
            ..asker(host)
        };
        for (credit, host, place) in [(0, 1, 1), (5, 2, 1), (5, 3, 2), (9, 4, 1), (0, 5, 5)] {
            let turn = queue.ask(start, with(credit, host), 0, 1);
            assert_eq!(position(turn), place, "{host}");
        }
        let later = start + FIRST;
        assert_eq!(position(queue.ask(later, with(5, 6), 1, 1)), 4);
        assert_eq!(queue.ask(later, with(10, 7), 1, 1), Turn::Now);
        assert_eq!(queue.ask(later, with(9, 4), 1, 1), Turn::Now);
        assert_eq!(queue.ask(later + EACH, with(5, 2), 1, 1), Turn::Now);
    }

    #[test]
    fn who_comes_too_early_goes_to_the_end_and_who_comes_too_late_is_out() {
        let (mut queue, start) = (Queue::default(), Instant::now());
        queue.ask(start, asker(1), 0, 1);
        queue.ask(start, asker(2), 0, 1);
        let hasty = queue.ask(start + Duration::from_secs(2), asker(1), 0, 1);
        assert_eq!(position(hasty), 2);
        assert_eq!(position(queue.ask(start + FIRST + EACH, asker(2), 0, 1)), 1);
        let late = start + LAST + GRACE + GRACE;
        assert_eq!(queue.len(late), 0);
        assert_eq!(queue.ask(late, asker(3), 1, 1), Turn::Now);
    }

    #[test]
    fn an_empty_slot_is_given_even_to_the_hasty() {
        let (mut queue, start) = (Queue::default(), Instant::now());
        queue.ask(start, asker(1), 0, 1);
        assert_eq!(queue.ask(start, asker(1), 1, 1), Turn::Now);
        assert_eq!(queue.len(start), 0);
    }

    #[test]
    fn a_place_holds_though_the_address_changed() {
        let (mut queue, start) = (Queue::default(), Instant::now());
        let Turn::Wait(ticket) = queue.ask(start, asker(1), 0, 1) else {
            panic!("no slot is free")
        };
        let moved = Asker {
            place: Some(ticket.id),
            ..asker(7)
        };
        queue.ask(start, asker(2), 0, 1);
        assert_eq!(position(queue.ask(start + FIRST, moved, 0, 1)), 1);
    }

    #[test]
    fn neither_one_address_nor_all_of_them_fill_it_without_end() {
        let (mut queue, start) = (Queue::default(), Instant::now());
        let turns = (0..50).map(|file| queue.ask(start, Asker { file, ..asker(1) }, 0, 1));
        assert_eq!(
            turns.filter(|turn| *turn != Turn::Full).count(),
            PER_ADDRESS
        );
        for host in 2..=255 {
            queue.ask(start, asker(host), 0, 1);
        }
        assert_eq!(queue.len(start), LENGTH);
    }

    #[test]
    fn each_is_told_in_his_manner() {
        let said = |manner| {
            let turn = Queue::default().ask(Instant::now(), Asker { manner, ..asker(1) }, 0, 4);
            let Turn::Wait(ticket) = turn else {
                panic!("no slot is free")
            };
            ticket.response()
        };
        let active = said(Manner::Active);
        assert_eq!(
            active.headers.get("X-Queue"),
            Some("position=1, length=1, limit=4, pollMin=5, pollMax=80")
        );
        let parq = said(Manner::Parq);
        assert_eq!(parq.headers.get("X-Queue"), Some("1.0"));
        let queued = parq.headers.get("X-Queued").expect("told");
        assert!(queued.starts_with("position=1; length=1; lifetime=80; ID="));
        let silent = said(Manner::Silent);
        assert_eq!(silent.headers.get("Retry-After"), Some("5"));
        assert_eq!(silent.headers.get("X-Queue"), None);
    }

    #[test]
    fn the_manner_and_the_place_are_read_from_the_request() {
        let id = "0123456789abcdef0123456789ABCDEF";
        let asks = |queue: &str, queued: &str| {
            let mut headers = Headers::new();
            headers.push("X-Queue", queue);
            headers.push("X-Queued", queued);
            Asker::new(Ipv4Addr::LOCALHOST, 1, &headers)
        };
        let parq = asks("1.1", &format!("position=2; ID={id}"));
        assert_eq!(parq.manner, Manner::Parq);
        assert_eq!(parq.place, Uuid::try_parse(id).ok());
        let active = asks("0.1", "position=; ID=zzz;;=");
        assert_eq!((active.manner, active.place), (Manner::Active, None));
        assert_eq!(asks("", "").manner, Manner::Silent);
    }
}
