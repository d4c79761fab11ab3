//! Which bytes: one range, and sets of them.

use std::collections::BTreeMap;

/// Bytes of a file: the first, and the one behind the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteRange {
    /// The first byte.
    pub start: u64,
    /// The byte behind the last one; above `start` in every range that was read from a `Range` header.
    pub end: u64,
}

impl ByteRange {
    /// From `start` up to, and without, `end`.
    pub const fn new(start: u64, end: u64) -> Self {
        Self { start, end }
    }

    /// How many bytes.
    pub const fn len(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What both have; empty when that is nothing.
    #[must_use]
    pub fn shared(self, other: Self) -> Self {
        let start = self.start.max(other.start);
        Self::new(start, self.end.min(other.end).max(start))
    }
}

/// A set of bytes, as ranges that neither touch nor overlap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges {
    /// By start: the end.
    map: BTreeMap<u64, u64>,
    total: u64,
}

impl Ranges {
    /// No bytes.
    pub const fn new() -> Self {
        let map = BTreeMap::new();
        Self { map, total: 0 }
    }

    /// How many bytes.
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// The ranges, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = ByteRange> {
        self.map
            .iter()
            .map(|(&start, &end)| ByteRange::new(start, end))
    }

    /// How many ranges it takes.
    pub fn pieces(&self) -> usize {
        self.map.len()
    }

    /// Adds all bytes of a range.
    pub fn insert(&mut self, range: ByteRange) {
        if range.is_empty() {
            return;
        }
        let (mut start, mut end) = (range.start, range.end);
        while let Some((&other, &other_end)) = self.map.range(..=end).next_back() {
            if other_end < start {
                break;
            }
            (start, end) = (start.min(other), end.max(other_end));
            self.map.remove(&other);
            self.total -= other_end - other;
        }
        self.map.insert(start, end);
        self.total += end - start;
    }

    /// Takes all bytes of a range out.
    pub fn remove(&mut self, range: ByteRange) {
        while let Some((&start, &end)) = self.map.range(..range.end).next_back() {
            if end <= range.start || range.is_empty() {
                break;
            }
            self.map.remove(&start);
            self.total -= end - start;
            for rest in [(start, range.start), (range.end, end)] {
                if rest.0 < rest.1 {
                    self.map.insert(rest.0, rest.1);
                    self.total += rest.1 - rest.0;
                }
            }
        }
    }

    /// Whether all bytes of a range are in it.
    pub fn contains(&self, range: ByteRange) -> bool {
        range.is_empty()
            || self
                .around(range.start)
                .is_some_and(|own| own.end >= range.end)
    }

    /// The range in it that holds this byte.
    pub fn around(&self, byte: u64) -> Option<ByteRange> {
        let (&start, &end) = self.map.range(..=byte).next_back()?;
        (end > byte).then_some(ByteRange::new(start, end))
    }

    /// What it has of a range, in order.
    pub fn within(&self, range: ByteRange) -> impl Iterator<Item = ByteRange> {
        let before = self.map.range(..range.start).next_back();
        let from = before.map_or(range.start, |(&start, _)| start);
        self.map
            .range(from..range.end.max(from))
            .map(move |(&start, &end)| ByteRange::new(start, end).shared(range))
            .filter(|part| !part.is_empty())
    }

    /// What it lacks of a range, in order.
    pub fn lacks(&self, range: ByteRange) -> impl Iterator<Item = ByteRange> {
        let end = ByteRange::new(range.end, range.end);
        let mut at = range.start;
        self.within(range)
            .chain(std::iter::once(end))
            .map(move |own| {
                let gap = ByteRange::new(at, own.start);
                at = own.end;
                gap
            })
            .filter(|gap| !gap.is_empty())
    }
}

impl FromIterator<ByteRange> for Ranges {
    fn from_iter<I: IntoIterator<Item = ByteRange>>(ranges: I) -> Self {
        let mut set = Self::new();
        ranges.into_iter().for_each(|range| set.insert(range));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn it_is_the_set_it_is_meant_to_be() {
        const SIZE: usize = 60;
        for seed in 0..200 {
            let mut rng = Rng::seeded(seed);
            let (mut set, mut model) = (Ranges::new(), [false; SIZE]);
            for _ in 0..40 {
                let start = rng.below(SIZE);
                let end = start + rng.below(SIZE - start + 1);
                let range = ByteRange::new(start as u64, end as u64);
                let into = rng.chance(0.6);
                match into {
                    true => set.insert(range),
                    false => set.remove(range),
                }
                model[start..end].fill(into);
                let bytes = |ranges: Vec<ByteRange>| {
                    let mut own = [false; SIZE];
                    for range in ranges {
                        own[range.start as usize..range.end as usize].fill(true);
                    }
                    own
                };
                let all = ByteRange::new(0, SIZE as u64);
                assert_eq!(bytes(set.iter().collect()), model, "seed {seed}");
                assert_eq!(bytes(set.within(all).collect()), model);
                assert_eq!(bytes(set.lacks(all).collect()), model.map(|is| !is));
                assert_eq!(set.total(), model.iter().filter(|is| **is).count() as u64);
                let probe = ByteRange::new(start as u64, end as u64);
                assert_eq!(set.contains(probe), model[start..end].iter().all(|is| *is));
                let parts: u64 = set
                    .within(probe)
                    .chain(set.lacks(probe))
                    .map(|r| r.len())
                    .sum();
                assert_eq!(parts, probe.len());
            }
        }
    }
}
