//! What a query cost and brought, and what many did together.

use std::time::Duration;

/// What one query cost and brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// Query descriptors sent, by anybody.
    pub queries: u64,
    /// Words of the asker to his walkers to stop, each link counted.
    pub checks: u64,
    /// QueryHit descriptors sent, each link counted.
    pub hits_sent: u64,
    /// Bytes of all these, without those of TCP and IP.
    pub bytes: u64,
    /// Distinct nodes whose library was asked, the asker not counted.
    pub reached: u64,
    /// Libraries asked: in several rounds a node is asked several times.
    pub lookups: u64,
    /// Files found, as the asker was told.
    pub results: u64,
    /// Rounds (of a ring) before the one that is under way, their TTLs together.
    waited_hops: u32,
    /// The TTL of the round that is under way.
    round_ttl: u32,
    /// The steps of the first walker that came to a holder.
    steps: Option<u32>,
    /// Links the first hit crossed, all rounds before added; or the steps of the walker that found it.
    pub hops_first_hit: Option<u32>,
    /// How long after the asking the first hit came.
    pub first_hit_after: Option<Duration>,
}

impl Measured {
    /// Query descriptors that came where the query was known.
    pub const fn duplicates(&self) -> u64 {
        self.queries.saturating_sub(self.lookups)
    }

    pub(super) fn round_ttl(&mut self, ttl: u8) {
        self.round_ttl = ttl.into();
    }

    pub(super) fn next_round(&mut self) {
        self.waited_hops += self.round_ttl;
    }

    pub(super) fn found_after(&mut self, steps: Option<u32>) {
        self.steps = self.steps.or(steps);
    }

    pub(super) fn hit(&mut self, files: u64, hops: u32, after: Duration) {
        self.results += files;
        if self.first_hit_after.is_none() {
            self.first_hit_after = Some(after);
            self.hops_first_hit = Some(self.steps.unwrap_or(self.waited_hops + hops));
        }
    }
}

/// What many queries did together.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    all: Vec<Measured>,
    max_node_messages: u64,
}

impl Summary {
    /// Adds one.
    pub fn add(&mut self, one: Measured) {
        self.all.push(one);
    }

    /// Adds what others measured, and the load of the node that had most of it.
    pub fn join(&mut self, other: Self) {
        self.all.extend(other.all);
        self.max_node_messages = self.max_node_messages.max(other.max_node_messages);
    }

    /// Notes the Query descriptors that nodes received.
    pub fn note_load(&mut self, load: &[u32]) {
        let most = load.iter().copied().max().unwrap_or_default();
        self.max_node_messages = self.max_node_messages.max(most.into());
    }

    /// Notes what a node received that is no servent.
    pub fn note_most(&mut self, messages: u64) {
        self.max_node_messages = self.max_node_messages.max(messages);
    }

    /// The part of the first `count` queries that was answered, and that of the others; none where there are none.
    pub fn success_around(&self, count: usize) -> (Option<f64>, Option<f64>) {
        let (before, after) = self.all.split_at(count.min(self.all.len()));
        let part = |queries: &[Measured]| {
            let answered = queries.iter().filter(|one| one.results > 0).count();
            (!queries.is_empty()).then(|| answered as f64 / queries.len() as f64)
        };
        (part(before), part(after))
    }

    /// Each of them, in order.
    pub fn each(&self) -> &[Measured] {
        &self.all
    }

    /// How many queries.
    pub fn queries(&self) -> usize {
        self.all.len()
    }

    /// The part that was answered.
    pub fn success(&self) -> f64 {
        self.mean(|one| u64::from(one.results > 0))
    }

    /// A figure of each query, on average.
    pub fn mean(&self, figure: impl Fn(&Measured) -> u64) -> f64 {
        let sum: u64 = self.all.iter().map(figure).sum();
        sum as f64 / self.all.len().max(1) as f64
    }

    /// What a figure of this part of the queries does not exceed, over those that have it.
    pub fn within(&self, part: f64, figure: impl Fn(&Measured) -> Option<u64>) -> Option<u64> {
        let mut figures: Vec<u64> = self.all.iter().filter_map(figure).collect();
        figures.sort_unstable();
        quantile(&figures, part)
    }

    /// Hops to the first hit, on average over the queries that were answered.
    pub fn hops_first_hit(&self) -> Option<f64> {
        let hops: Vec<u32> = self
            .all
            .iter()
            .filter_map(|one| one.hops_first_hit)
            .collect();
        let sum: u64 = hops.iter().copied().map(u64::from).sum();
        (!hops.is_empty()).then(|| sum as f64 / hops.len() as f64)
    }

    /// How many first hits came over each number of hops, from 0.
    pub fn hop_histogram(&self) -> Vec<u64> {
        let mut histogram = Vec::new();
        for hops in self.all.iter().filter_map(|one| one.hops_first_hit) {
            let hops = hops as usize;
            if histogram.len() <= hops {
                histogram.resize(hops + 1, 0);
            }
            histogram[hops] += 1;
        }
        histogram
    }

    /// The time in milliseconds by which this part of the answered queries had their first hit.
    pub fn ms_first_hit(&self, part: f64) -> Option<f64> {
        let micros = |one: &Measured| Some(one.first_hit_after?.as_micros() as u64);
        Some(self.within(part, micros)? as f64 / 1_000.0)
    }

    /// The most Query descriptors that one node received, of all queries of one run together.
    pub const fn max_node_messages(&self) -> u64 {
        self.max_node_messages
    }
}

/// What this part of some ascending figures does not exceed; none of none.
pub(super) fn quantile<T: Copy>(ascending: &[T], part: f64) -> Option<T> {
    let last = ascending.len().checked_sub(1)?;
    let at = (last as f64 * part).round() as usize;
    ascending.get(at.min(last)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hops_of_rounds_before_are_added() {
        let mut one = Measured::default();
        one.round_ttl(1);
        one.next_round();
        one.round_ttl(3);
        one.hit(1, 2, Duration::from_millis(70));
        one.hit(5, 1, Duration::from_millis(90));
        assert_eq!((one.results, one.hops_first_hit), (6, Some(3)));
        assert_eq!(one.first_hit_after, Some(Duration::from_millis(70)));
    }

    #[test]
    fn a_summary_counts_the_unanswered_too() {
        let mut summary = Summary::default();
        for (queries, hops) in [(10, Some(2)), (20, None), (30, Some(4))] {
            let mut one = Measured {
                queries,
                ..Measured::default()
            };
            if let Some(hops) = hops {
                one.hit(1, hops, Duration::from_millis(u64::from(hops) * 10));
            }
            summary.add(one);
        }
        assert!((summary.success() - 2.0 / 3.0).abs() < 1e-9);
        assert_eq!(summary.mean(|one| one.queries), 20.0);
        assert_eq!(summary.hops_first_hit(), Some(3.0));
        assert_eq!(summary.hop_histogram(), [0, 0, 1, 0, 1]);
        assert_eq!(summary.ms_first_hit(0.95), Some(40.0));
        assert_eq!(Summary::default().ms_first_hit(0.5), None);
    }
}
