//! How fast a download is.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// How far back the rate looks.
const WINDOW: Duration = Duration::from_secs(5);

/// How close together two samples may be: so few are kept.
const STEP: Duration = Duration::from_millis(200);

/// Bytes a second over the last seconds.
#[derive(Debug)]
pub(super) struct Rate {
    /// When how many bytes were here.
    samples: VecDeque<(Instant, u64)>,
}

impl Rate {
    /// Begins with so many bytes here.
    pub(super) fn new(done: u64) -> Self {
        let samples = VecDeque::from([(Instant::now(), done)]);
        Self { samples }
    }

    /// Notes how many bytes are here now; tells bytes a second.
    pub(super) fn note(&mut self, done: u64) -> u64 {
        let now = Instant::now();
        // The oldest sample kept is the youngest one that has left the window, or the very first.
        while self
            .samples
            .get(1)
            .is_some_and(|(at, _)| now - *at > WINDOW)
        {
            self.samples.pop_front();
        }
        let (since, before) = self.samples[0];
        let span = (now - since).max(Duration::from_millis(1));
        if self.samples.back().is_some_and(|(at, _)| now - *at >= STEP) {
            self.samples.push_back((now, done));
        }
        let gained = u128::from(done.saturating_sub(before));
        u64::try_from(gained * 1000 / span.as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_rate_forgets_what_is_long_past() {
        let mut rate = Rate::new(1_000_000);
        let mut done = 1_000_000;
        for _ in 0..100 {
            tokio::time::advance(Duration::from_millis(100)).await;
            done += 100;
            rate.note(done);
        }
        assert_eq!(rate.note(done), 1_000);
        assert!(rate.samples.len() < 40);
        for _ in 0..100 {
            tokio::time::advance(Duration::from_millis(100)).await;
            done += 200;
            rate.note(done);
        }
        assert_eq!(rate.note(done), 2_000);
    }
}
