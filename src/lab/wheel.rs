//! The timing wheel: what happens when, in order.
//!
//! The one rule: what was put in first comes out first, within a tick; so the same causes give the same run. A tick is a
//! millisecond, and the wheel holds the next four seconds of them, one list each; what lies further ahead waits in a tree
//! and comes onto the wheel in time. Both ends cost the same whatever the wheel holds (Varghese and Lauck, "Hashed and
//! hierarchical timing wheels", SOSP 1987).

use std::collections::BTreeMap;
use std::time::Duration;

use crate::time::Time;

/// Ticks on the wheel: above the latency of every link and below a dynamic query's patience.
const TICKS: u64 = 4_096;

/// A tick.
const TICK: Duration = Duration::from_millis(1);

/// What is to happen, each with its time.
#[derive(Debug)]
pub struct Wheel<T> {
    /// The tick that comes next, counted from the start.
    tick: u64,
    /// What happens in the tick that is being emptied, last first.
    due: Vec<T>,
    ticks: Box<[Vec<T>]>,
    /// How many lie on the wheel.
    lying: usize,
    /// What lies beyond it, by tick.
    far: BTreeMap<u64, Vec<T>>,
}

impl<T> Default for Wheel<T> {
    fn default() -> Self {
        Self {
            tick: 0,
            due: Vec::new(),
            ticks: (0..TICKS).map(|_| Vec::new()).collect(),
            lying: 0,
            far: BTreeMap::new(),
        }
    }
}

impl<T> Wheel<T> {
    /// Puts in what is to happen at `at`, to the millisecond; in the tick that runs now for a time already past.
    pub fn put(&mut self, at: Time, what: T) {
        let tick = at.as_micros() / TICK.as_micros() as u64;
        let tick = tick.max(self.tick);
        if tick - self.tick < TICKS {
            self.ticks[(tick % TICKS) as usize].push(what);
            self.lying += 1;
        } else {
            self.far.entry(tick).or_default().push(what);
        }
    }

    /// Takes out what happens next, and when; none when nothing does.
    pub fn take(&mut self) -> Option<(Time, T)> {
        loop {
            if let Some(what) = self.due.pop() {
                return Some((Time::from_millis(self.tick), what));
            }
            self.turn()?;
        }
    }

    /// What is still to happen in the tick that runs, as far as it was put in before the tick began; the last first.
    pub fn due(&self) -> &[T] {
        &self.due
    }

    /// Whether nothing is to happen.
    pub fn is_empty(&self) -> bool {
        self.due.is_empty() && self.lying == 0 && self.far.is_empty()
    }

    /// Turns to the next tick in which something happens.
    fn turn(&mut self) -> Option<()> {
        if self.lying == 0 {
            self.tick = *self.far.first_key_value()?.0;
        }
        loop {
            while let Some(entry) = self.far.first_entry()
                && *entry.key() - self.tick < TICKS
            {
                let (tick, waited) = entry.remove_entry();
                self.lying += waited.len();
                // They were put in before anything that lies there.
                let slot = &mut self.ticks[(tick % TICKS) as usize];
                let later = std::mem::replace(slot, waited);
                slot.extend(later);
            }
            let slot = &mut self.ticks[(self.tick % TICKS) as usize];
            if !slot.is_empty() {
                self.lying -= slot.len();
                std::mem::swap(slot, &mut self.due);
                self.due.reverse();
                return Some(());
            }
            self.tick += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn everything_comes_in_the_order_of_its_time_and_then_of_its_coming() {
        let mut wheel = Wheel::default();
        let mut rng = Rng::seeded(1);
        let mut expected = Vec::new();
        for number in 0..20_000 {
            let at = Time::from_millis(rng.below(30_000) as u64);
            wheel.put(at, number);
            expected.push((at, number));
        }
        expected.sort();
        let mut came = Vec::new();
        while let Some(next) = wheel.take() {
            came.push(next);
        }
        assert_eq!(came, expected);
        assert!(wheel.is_empty());
    }

    #[test]
    fn what_happens_causes_more() {
        let mut wheel = Wheel::default();
        wheel.put(Time::ZERO, 0);
        let mut last = Time::ZERO;
        while let Some((now, number)) = wheel.take() {
            assert!(now >= last);
            last = now;
            if number < 1_000 {
                wheel.put(now, number + 500);
                wheel.put(now + Duration::from_millis(number * 7), number + 1);
            }
            if (1_000..1_010).contains(&number) {
                wheel.put(now, 5_000);
            }
            if number == 400 {
                break;
            }
        }
        assert!(last > Time::ZERO);
    }
}
