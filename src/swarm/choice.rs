//! Who fetches what: which bytes a free source is asked for.

use std::time::Duration;

use super::places::MOST_WORKING;
use super::{ByteRange, Ranges, Source, SourceId, Standing, Swarm};
use crate::time::Time;

/// What is at risk of one file, from all sources together: should we be killed, this is fetched again. It may be a
/// mebibyte, but a source that sent slower than we read may send ahead when we are held up.
const AT_RISK: u64 = 896 * 1024;

/// What is asked of a source whose speed is not known: so that four can begin at once.
const FIRST_SLICE: u64 = AT_RISK / 4;

/// A slow source is asked for what it brings in this time, so that nobody has to wait long for its last bytes.
const SLICE_TIME: Duration = Duration::from_secs(4);

/// A source that sends slower than we read gets slices that take so long, or so many times longer than it takes to answer;
/// else much of its time would be spent waiting for our next request. Of others more would be lost with us: all that they
/// sent ahead of our reading.
const LONG: Duration = Duration::from_secs(1);
const PER_LATENCY: u32 = 50;
const LARGEST_SLICE: u64 = 8 * 1024 * 1024;

/// What is fetched from a slow source at least; less would cost more in round trips.
const SLOWEST_SLICE: u64 = 64 * 1024;

/// Of so many places the rarest is chosen; where there are more, every so many-th is looked at.
const PLACES: u64 = 4096;

/// How much sooner a second source must be done than the first to be asked for the same, beside half the time.
const GAIN: Duration = Duration::from_millis(100);

impl Swarm {
    /// What to ask a source for; none when it has nothing we need.
    pub(super) fn choose(&mut self, now: Time, id: SourceId) -> Option<ByteRange> {
        let Some(size) = self.size else {
            // Nobody else is asked before somebody told the size.
            let alone = self.sources.values().all(|source| source.work().is_none());
            return alone.then_some(ByteRange::new(0, FIRST_SLICE));
        };
        let source = self.sources.get(&id)?;
        let most = self.most(now);
        let claims = self.claims(now);
        let whole = ByteRange::new(0, size);
        let offered: Vec<ByteRange> = match &source.has {
            Some(has) if !source.grown => has.within(whole).collect(),
            _ => vec![whole],
        };
        let free: Vec<ByteRange> = offered
            .iter()
            .flat_map(|part| claims.lacks(*part))
            .collect();
        // Towards the end less at a time, so that all end together.
        let left: u64 = free.iter().map(ByteRange::len).sum();
        let slice = self
            .slice(source, most)
            .min(self.share(source, left).max(SLOWEST_SLICE));
        // Blocks that come from one source have one who answers for them.
        let next = source.last_end;
        let next = next.filter(|next| free.iter().any(|gap| gap.start == *next));
        let start = match next {
            _ if free.is_empty() => return self.double(now, id, &offered, most),
            // Others are gathering the same file: what we fetch is for them, too.
            next if self.gatherers().next().is_some() => self.rarest(&free, slice, next),
            Some(next) => next,
            None => free[0].start,
        };
        let gap = free
            .into_iter()
            .find(|gap| gap.start <= start && start < gap.end)?;
        Some(ByteRange::new(
            start,
            self.aligned(start + slice, start).min(gap.end),
        ))
    }

    /// All that is here or will come.
    fn claims(&self, now: Time) -> Ranges {
        let mut claims = self.here.clone();
        let sources = self
            .sources
            .values()
            .filter(|source| !source.is_stalled(now));
        sources
            .filter_map(Source::work)
            .for_each(|work| claims.insert(work));
        claims
    }

    /// Half of what of so many bytes would be its part, going by its speed.
    fn share(&self, source: &Source, left: u64) -> u64 {
        let working = self
            .sources
            .values()
            .filter(|source| source.work().is_some());
        let all = working.map(|source| source.speed).sum::<u64>() + source.speed;
        let part = u128::from(left) * u128::from(source.speed);
        match part.checked_div(2 * u128::from(all)) {
            Some(part) if source.speed > 0 => u64::try_from(part).unwrap_or(u64::MAX),
            _ => left / (self.working() as u64 + 1) / 2,
        }
    }

    /// Whether more can be at risk than is.
    pub(super) fn has_room(&self, now: Time) -> bool {
        self.room(now) >= SLOWEST_SLICE
    }

    fn room(&self, now: Time) -> u64 {
        let at_risk = self.sources.values().map(|source| source.at_risk(now));
        AT_RISK.saturating_sub(at_risk.sum())
    }

    /// The most a source is asked for that may send ahead of our reading: its part of what may be at risk, if all work who
    /// can.
    fn most(&self, now: Time) -> u64 {
        let able = |source: &&Source| source.work().is_some() || source.is_ready(now);
        let able = self.sources.values().filter(able).count();
        let share = AT_RISK / able.clamp(1, MOST_WORKING) as u64;
        share.min(self.room(now))
    }

    /// How much to ask a source for.
    fn slice(&self, source: &Source, most: u64) -> u64 {
        let least = SLOWEST_SLICE.min(most);
        let during = |time: Duration| {
            let bytes = u128::from(source.speed) * time.as_micros() / 1_000_000;
            u64::try_from(bytes).unwrap_or(u64::MAX)
        };
        match source.speed {
            0 => most.min(FIRST_SLICE),
            _ if source.paced => {
                let long = source.latency.saturating_mul(PER_LATENCY).max(LONG);
                during(long)
                    .clamp(most, LARGEST_SLICE)
                    .min(during(SLICE_TIME))
                    .max(least)
            }
            _ => during(SLICE_TIME).clamp(least, most),
        }
    }

    /// The end of a slice, moved to the end of a block where one ends in it.
    fn aligned(&self, end: u64, start: u64) -> u64 {
        let aligned = end - end % self.grain();
        if aligned > start { aligned } else { end }
    }

    /// Whether a block begins here.
    fn is_edge(&self, at: u64) -> bool {
        at.is_multiple_of(self.grain())
    }

    /// In what pieces the file is cut: blocks of the tree, or, without one, the least that is asked for.
    fn grain(&self) -> u64 {
        self.block.unwrap_or(SLOWEST_SLICE)
    }

    /// The place that the fewest of our sources have; the rest of a begun block if it is one of these, or else any. So whoever
    /// leaves takes little with him, and those who are not done have something for each other. A new block is never simply
    /// the next one: all who began together would go through the file in step, and none would ever have what another lacks.
    fn rarest(&mut self, free: &[ByteRange], slice: u64, next: Option<u64>) -> u64 {
        let unit = self.block.unwrap_or(slice).max(SLOWEST_SLICE);
        let total: u64 = free.iter().map(ByteRange::len).sum();
        let step = unit * (total / unit / PLACES + 1);
        let step = usize::try_from(step).unwrap_or(usize::MAX);
        let places: Vec<u64> = free
            .iter()
            .flat_map(|gap| {
                let aligned = gap.start / unit * unit + unit;
                std::iter::once(gap.start).chain((aligned..gap.end).step_by(step))
            })
            .collect();
        let counts = self.holders(&places);
        let (mut best, mut ties, mut place) = (u32::MAX, 0, free[0].start);
        for (start, count) in places.into_iter().zip(counts) {
            if count < best {
                (best, ties) = (count, 0);
            }
            if count == best {
                ties += 1;
                if self.rng.below(ties) == 0 {
                    place = start;
                }
            }
        }
        next.filter(|next| !self.is_edge(*next) && self.holders(&[*next])[0] <= best)
            .unwrap_or(place)
    }

    /// How many of those who gather the file have each of these bytes, which are in order. All pieces that any of them has are
    /// gone through once: there may be thousands, and places, too.
    pub(super) fn holders(&self, places: &[u64]) -> Vec<u32> {
        let (mut more, mut fewer) = (vec![0; places.len() + 1], vec![0; places.len() + 1]);
        let at = |byte: u64| places.partition_point(|place| *place < byte);
        for piece in self.gatherers().flat_map(Ranges::iter) {
            more[at(piece.start)] += 1;
            fewer[at(piece.end)] += 1;
        }
        let mut count = 0;
        let changes = more.into_iter().zip(fewer).take(places.len());
        changes
            .map(|(more, fewer): (u32, u32)| {
                count = count + more - fewer;
                count
            })
            .collect()
    }

    /// What each source has that has not all of it.
    fn gatherers(&self) -> impl Iterator<Item = &Ranges> {
        let here = |source: &&Source| source.standing != Standing::Gone;
        let here = self.sources.values().filter(here);
        here.filter_map(|source| source.has.as_ref())
    }

    /// The end of the game: all is asked for, but somebody will take long. Whoever is faster is asked for the same.
    fn double(
        &self,
        now: Time,
        id: SourceId,
        offered: &[ByteRange],
        most: u64,
    ) -> Option<ByteRange> {
        let own = self.sources.get(&id)?;
        let slowest = self.sources.iter().filter(|(other, source)| {
            let alone = |work: ByteRange| {
                let mut others = self.sources.iter().filter(|(third, _)| third != other);
                others.all(|(_, third)| {
                    third
                        .work()
                        .is_none_or(|theirs| work.shared(theirs).is_empty())
                })
            };
            source.work().is_some_and(alone)
        });
        let slowest = slowest.max_by_key(|(_, source)| {
            let left = source.work().map_or(0, |work| work.len());
            // Whoever has not begun yet counts as one who never will.
            source.expected(left)
        });
        let (_, slowest) = slowest?;
        let work = slowest.work()?;
        let theirs = slowest.expected(work.len());
        let silent = slowest.speed == 0 && now.since(slowest.heard) < GAIN * 10;
        if silent || own.speed == 0 || own.expected(work.len()) * 2 + GAIN >= theirs {
            return None;
        }
        let part = offered.iter().map(|part| part.shared(work));
        let part = part
            .filter(|part| !part.is_empty())
            .max_by_key(ByteRange::len)?;
        let ByteRange { start, end } = self.here.lacks(part).next()?;
        Some(ByteRange::new(start, end.min(start + most)))
    }
}
