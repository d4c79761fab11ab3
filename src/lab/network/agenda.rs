//! What is to happen, to the microsecond, and who is busy until when.
//!
//! The one rule is the wheel's: of two things of one moment the one that was put in first comes first. A heap holds them:
//! slower than the [`super::super::Wheel`], which knows only milliseconds.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::time::Time;

/// What is to happen, each with its time.
#[derive(Debug)]
pub struct Agenda<T> {
    entries: BinaryHeap<Reverse<Entry<T>>>,
    /// How many were ever put in.
    caused: u64,
}

impl<T> Default for Agenda<T> {
    fn default() -> Self {
        Self {
            entries: BinaryHeap::new(),
            caused: 0,
        }
    }
}

impl<T> Agenda<T> {
    /// Puts in what is to happen at `at`.
    pub fn put(&mut self, at: Time, what: T) {
        self.caused += 1;
        let place = (at, self.caused);
        self.entries.push(Reverse(Entry { place, what }));
    }

    /// Takes out what happens next, and when; none when nothing does.
    pub fn take(&mut self) -> Option<(Time, T)> {
        let Reverse(entry) = self.entries.pop()?;
        Some((entry.place.0, entry.what))
    }

    /// When something happens next.
    pub fn next(&self) -> Option<Time> {
        self.entries.peek().map(|Reverse(entry)| entry.place.0)
    }
}

/// Ordered by its place alone.
#[derive(Debug)]
struct Entry<T> {
    /// Its time, and its number among all.
    place: (Time, u64),
    what: T,
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place.cmp(&other.place)
    }
}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.place == other.place
    }
}

impl<T> Eq for Entry<T> {}

/// Somebody who does one thing after another, in the order in which they come to him.
#[derive(Clone, Copy, Debug, Default)]
pub struct Desk {
    free: Time,
}

impl Desk {
    /// Takes on a thing that comes `now` and needs so much time; when it will be done.
    pub fn take_on(&mut self, now: Time, work: Duration) -> Time {
        self.free = self.free.max(now) + work;
        self.free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_in_first_comes_first_in_its_moment() {
        let mut agenda = Agenda::default();
        for (at, what) in [(3, 'c'), (1, 'a'), (3, 'd'), (2, 'b')] {
            agenda.put(Time::from_micros(at), what);
        }
        assert_eq!(agenda.next(), Some(Time::from_micros(1)));
        let came: String = std::iter::from_fn(|| agenda.take())
            .map(|(_, what)| what)
            .collect();
        assert_eq!(came, "abcd");
    }

    #[test]
    fn one_thing_is_done_after_another() {
        let mut desk = Desk::default();
        let work = Duration::from_millis(2);
        assert_eq!(
            desk.take_on(Time::from_millis(1), work),
            Time::from_millis(3)
        );
        assert_eq!(
            desk.take_on(Time::from_millis(2), work),
            Time::from_millis(5)
        );
        assert_eq!(
            desk.take_on(Time::from_millis(9), work),
            Time::from_millis(11)
        );
    }
}
