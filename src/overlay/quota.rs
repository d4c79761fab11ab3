//! A quota: at most so many in a span of time. Every rate the overlay limits is one of these. And a debt: where what
//! something costs is known only when it has been done.

use std::time::Duration;

use crate::time::Time;

/// The span of most of them.
pub(super) const MINUTE: Duration = Duration::from_secs(60);

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

/// What somebody owes for work he has caused, which time pays off.
#[derive(Clone, Copy, Debug)]
pub(super) struct Debt {
    /// In millionths of a unit: so much is paid in a microsecond for each unit a second.
    owed: u64,
    at: Time,
}

impl Debt {
    /// Nothing owed.
    pub(super) const NONE: Self = Self {
        owed: 0,
        at: Time::ZERO,
    };

    /// Adds the cost of something.
    pub(super) const fn add(&mut self, units: u64) {
        self.owed = self.owed.saturating_add(units.saturating_mul(MILLION));
    }

    /// Whether no more than `most` units are owed, `rate` of them having been paid in every second.
    pub(super) fn is_within(&mut self, now: Time, rate: u64, most: u64) -> bool {
        let micros = now.since(self.at).as_micros();
        let paid = u64::try_from(micros)
            .unwrap_or(u64::MAX)
            .saturating_mul(rate);
        self.owed = self.owed.saturating_sub(paid);
        self.at = now;
        self.owed <= most.saturating_mul(MILLION)
    }
}

const MILLION: u64 = 1_000_000;

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

    #[test]
    fn a_debt_is_paid_by_time() {
        let mut debt = Debt::NONE;
        assert!(debt.is_within(Time::from_secs(5), 10, 0));
        debt.add(25);
        assert!(debt.is_within(Time::from_secs(5), 10, 25));
        assert!(!debt.is_within(Time::from_secs(6), 10, 14));
        assert!(debt.is_within(Time::from_secs(6), 10, 15));
        assert!(debt.is_within(Time::from_millis(7_500), 10, 0));
        debt.add(u64::MAX);
        debt.add(u64::MAX);
        assert!(!debt.is_within(Time::from_secs(1_000_000), 10, u64::MAX / MILLION / 2));
    }
}
