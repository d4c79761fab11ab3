//! A quota: at most so many in a span of time. Every rate the overlay limits is one of these.

use std::time::Duration;

use crate::time::Time;

/// How much of an allowance has been used. The span begins with the first use and not with the clock, so that a
/// burst gets its whole allowance and no more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quota {
    since: Time,
    used: u32,
}

impl Quota {
    /// Nothing used.
    pub(super) const NEW: Self = Self {
        since: Time::ZERO,
        used: 0,
    };

    /// Uses one of `limit` in every `span`; false when none is left.
    pub(super) fn take(&mut self, now: Time, limit: u32, span: Duration) -> bool {
        if now.since(self.since) >= span {
            *self = Self {
                since: now,
                used: 0,
            };
        }
        let granted = self.used < limit;
        self.used += u32::from(granted);
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_burst_gets_its_allowance_and_waits_for_the_next_span() {
        let mut quota = Quota::NEW;
        let start = Time::from_millis(5_300);
        assert_eq!((0..10).filter(|_| quota.take(start, 3, SECOND)).count(), 3);
        assert!(!quota.take(Time::from_millis(6_299), 3, SECOND));
        assert!(quota.take(Time::from_millis(6_300), 3, SECOND));
    }

    #[test]
    fn a_flood_gets_the_rate_and_not_more() {
        let mut quota = Quota::NEW;
        let granted = (0..10_000)
            .filter(|milli| quota.take(Time::from_millis(*milli), 10, SECOND))
            .count();
        assert_eq!(granted, 100);
    }
}
