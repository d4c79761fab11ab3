//! How many bytes a second may pass, over all connections of one direction together.
//!
//! The one rule: whoever waits gets a small slice in his turn, so that all get the same and nobody bursts. It is a token
//! bucket, told as a clock: not how many tokens there are is kept but when the bytes promised so far will have been paid
//! for (the generic cell rate algorithm, ITU-T I.371). Without a limit nothing is counted and nobody waits.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// What was left unused for so long may be used later: timers come late, and a reader pauses.
const CREDIT: Duration = Duration::from_millis(100);

/// A slice is what the limit lets through in this time; timers are exact to a millisecond.
const SLICE_TIME: Duration = Duration::from_millis(10);

/// The smallest slice: less would cost more in system calls than it sends.
const SMALLEST_SLICE: u64 = 512;

/// The largest: what a socket takes at a time on a fast line.
const LARGEST_SLICE: u64 = 256 * 1024;

/// The limit of one direction. Clones are handles on the same one.
#[derive(Clone, Debug, Default)]
pub struct Limit {
    bucket: Arc<Bucket>,
}

#[derive(Debug, Default)]
struct Bucket {
    /// Bytes a second; 0 for no limit.
    rate: AtomicU64,
    /// When all that was promised will have been paid for; none before the first promise at this rate.
    paid: Mutex<Option<Instant>>,
}

impl Limit {
    /// Lets so many bytes a second through from now on; 0 for all there are.
    pub fn set(&self, rate: u64) {
        self.bucket.rate.store(rate, Ordering::Relaxed);
        *self.paid() = None;
    }

    /// Bytes a second; 0 for no limit.
    pub fn rate(&self) -> u64 {
        self.bucket.rate.load(Ordering::Relaxed)
    }

    /// Counts bytes that did not wait: those of messages, which are few and go first. However many they are, they leave a
    /// tenth for files, for they hold back nobody longer than it takes to pay for ten slices.
    pub(crate) fn note(&self, count: usize) {
        let rate = self.rate();
        if rate > 0 {
            let now = Instant::now();
            let mut paid = self.paid();
            let from = paid.map_or(now, |paid| paid.max(now - CREDIT));
            let until = from + cost(count as u64, rate);
            *paid = Some(until.min(from.max(now + CREDIT)));
        }
    }

    /// Promises a slice, and tells when it may pass; none without a limit.
    fn promise(&self) -> Option<(Instant, u64)> {
        let rate = self.rate();
        if rate == 0 {
            return None;
        }
        let slice = u64::try_from(u128::from(rate) * SLICE_TIME.as_millis() / 1000)
            .unwrap_or(u64::MAX)
            .clamp(SMALLEST_SLICE, LARGEST_SLICE);
        let now = Instant::now();
        let mut paid = self.paid();
        let at = paid.map_or(now, |paid| paid.max(now - CREDIT));
        *paid = Some(at + cost(slice, rate));
        Some((at, slice))
    }

    fn paid(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        let paid = &self.bucket.paid;
        paid.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long so many bytes take at a rate.
fn cost(count: u64, rate: u64) -> Duration {
    Duration::from_nanos(count.saturating_mul(1_000_000_000) / rate)
}

/// One connection's way through a limit.
#[derive(Debug, Default)]
pub(super) struct Tap {
    limit: Limit,
    /// What may pass at once.
    open: u64,
    /// The slice promised, and when it may pass.
    promised: Option<(Instant, u64)>,
}

impl Tap {
    /// A way through this limit.
    pub(super) fn of(limit: &Limit) -> Self {
        Self {
            limit: limit.clone(),
            ..Self::default()
        }
    }

    /// What it is a way through.
    #[cfg(target_os = "linux")]
    pub(super) const fn limit(&self) -> &Limit {
        &self.limit
    }

    /// Waits for its turn; tells how many bytes may pass, `most` at most. May be dropped while it waits: the turn is kept.
    pub(super) async fn turn(&mut self, most: u64) -> u64 {
        if self.open == 0 {
            if self.promised.is_none() {
                self.promised = self.limit.promise();
            }
            let Some((at, slice)) = self.promised else {
                return most;
            };
            sleep_until(at).await;
            self.promised = None;
            self.open = slice;
        }
        self.open.min(most)
    }

    /// Notes how many did pass.
    pub(super) fn passed(&mut self, count: u64) {
        self.open = self.open.saturating_sub(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited(rate: u64) -> Limit {
        let limit = Limit::default();
        limit.set(rate);
        limit
    }

    /// Lets bytes pass for so long; tells how many did.
    async fn draw(limit: &Limit, how_long: Duration) -> u64 {
        let (mut tap, until, mut total) = (Tap::of(limit), Instant::now() + how_long, 0);
        while Instant::now() < until {
            let count = tap.turn(u64::MAX).await;
            tap.passed(count);
            total += count;
        }
        total
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_is_kept_and_shared_in_equal_parts() {
        for rate in [1_024, 50_000, 5_000_000, 800_000_000] {
            let limit = limited(rate);
            let long = Duration::from_secs(20);
            let [a, b, c] = [(); 3].map(|()| draw(&limit, long));
            let parts: [u64; 3] = tokio::join!(a, b, c).into();
            let total: u64 = parts.iter().sum();
            let wanted = rate * 20;
            let slack = wanted / 100 + 3 * SMALLEST_SLICE;
            assert!(
                total.abs_diff(wanted) <= slack,
                "{total} of {wanted} at {rate}"
            );
            for part in parts {
                assert!(part.abs_diff(wanted / 3) <= slack, "{parts:?} at {rate}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_bursts_after_a_pause() {
        let limit = limited(100_000);
        let second = Duration::from_secs(1);
        draw(&limit, second).await;
        tokio::time::advance(60 * second).await;
        let after = draw(&limit, second).await;
        assert!((100_000..=113_000).contains(&after), "{after}");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_limit_nobody_waits() {
        let (begun, limit) = (Instant::now(), Limit::default());
        let mut tap = Tap::of(&limit);
        assert_eq!(tap.turn(u64::MAX).await, u64::MAX);
        tap.passed(u64::MAX);
        limit.note(1 << 30);
        assert_eq!(Instant::now(), begun);
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_waiting_keeps_his_turn() {
        let limit = limited(1_024);
        let mut tap = Tap::of(&limit);
        for _ in 0..2 {
            let count = tap.turn(512).await;
            tap.passed(count);
        }
        let (begun, mut count) = (Instant::now(), None);
        while count.is_none() {
            let soon = Duration::from_millis(90);
            count = tokio::time::timeout(soon, tap.turn(512)).await.ok();
        }
        assert_eq!(count, Some(512));
        assert_eq!(begun.elapsed(), Duration::from_millis(500));
    }

    #[tokio::test(start_paused = true)]
    async fn messages_go_first_and_leave_something() {
        let limit = limited(100_000);
        let messages = |a_second: usize| {
            let limit = limit.clone();
            async move {
                for _ in 0..1_000 {
                    limit.note(a_second / 100);
                    tokio::time::sleep(SLICE_TIME).await;
                }
            }
        };
        let (files, ()) = tokio::join!(draw(&limit, 10 * Duration::from_secs(1)), messages(40_000));
        assert!((570_000..=630_000).contains(&files), "{files}");
        let flood = messages(1_000_000);
        let (files, ()) = tokio::join!(draw(&limit, 10 * Duration::from_secs(1)), flood);
        assert!((80_000..=150_000).contains(&files), "{files}");
    }
}
