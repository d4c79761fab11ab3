//! A token bucket, told as a clock: not how many tokens there are is kept but when the bytes promised so far will have been
//! paid for (the generic cell rate algorithm, ITU-T I.371). Without a rate nobody waits.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What was left unused for so long may be used later: timers come late, and a reader pauses.
pub(super) const CREDIT: Duration = Duration::from_millis(100);

/// The same for what cannot wait: an answer to a search is some ten datagrams at once.
const BURST: Duration = Duration::from_secs(1);

/// Bytes a second, and how far they are used.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    /// Bytes a second; 0 for no limit.
    rate: AtomicU64,
    /// When all that was promised will have been paid for; none before the first promise at this rate.
    paid: Mutex<Option<Instant>>,
    /// What passed since the start.
    passed: AtomicU64,
}

impl Bucket {
    /// Lets so many bytes a second through from now on; 0 for all there are.
    pub(super) fn set(&self, rate: u64) {
        self.rate.store(rate, Ordering::Relaxed);
        *self.paid() = None;
    }

    /// Bytes a second; 0 for no limit.
    pub(super) fn rate(&self) -> u64 {
        self.rate.load(Ordering::Relaxed)
    }

    /// Counts what passed.
    pub(super) fn count(&self, count: u64) {
        self.passed.fetch_add(count, Ordering::Relaxed);
    }

    /// Bytes that passed since the start.
    pub(super) fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }

    /// Promises some bytes, and tells when they may pass; none without a limit.
    pub(super) fn promise(&self, count: u64) -> Option<Instant> {
        let cost = self.cost(count)?;
        let now = Instant::now();
        let mut paid = self.paid();
        let at = paid.map_or(now, |paid| paid.max(now - CREDIT));
        *paid = Some(at + cost);
        Some(at)
    }

    /// Has bytes paid for that did not wait. However many they are, they leave a tenth for those that do, for they hold back
    /// nobody longer than it takes to pay for ten slices.
    pub(super) fn note(&self, count: u64) {
        if let Some(cost) = self.cost(count) {
            let now = Instant::now();
            let mut paid = self.paid();
            let from = paid.map_or(now, |paid| paid.max(now - CREDIT));
            *paid = Some((from + cost).min(from.max(now + CREDIT)));
        }
    }

    /// Whether bytes may pass that would be late if they waited.
    pub(super) fn admits(&self, count: u64) -> bool {
        let Some(cost) = self.cost(count) else {
            return true;
        };
        let now = Instant::now();
        let mut paid = self.paid();
        let from = paid.map_or(now - BURST, |paid| paid.max(now - BURST));
        let admitted = from <= now;
        if admitted {
            *paid = Some(from + cost);
        }
        admitted
    }

    /// How long so many bytes take; none without a limit.
    fn cost(&self, count: u64) -> Option<Duration> {
        let nanos = count
            .saturating_mul(1_000_000_000)
            .checked_div(self.rate())?;
        Some(Duration::from_nanos(nanos))
    }

    fn paid(&self) -> MutexGuard<'_, Option<Instant>> {
        self.paid.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
