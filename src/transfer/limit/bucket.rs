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

/// The most that is owed for what did not wait: this long those that do are slow once it is over.
const DEBT: Duration = Duration::from_secs(2);

/// Of ten slices those that wait get one at least, however much is owed.
const OWED_A_SLICE: u32 = 9;

/// Bytes a second, and how far they are used.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    /// Bytes a second; 0 for no limit.
    rate: AtomicU64,
    account: Mutex<Account>,
    /// What passed since the start.
    passed: AtomicU64,
}

#[derive(Debug, Default)]
struct Account {
    /// When all that was promised will have been paid for; none before the first promise at this rate.
    paid: Option<Instant>,
    /// What passed without a promise and is not paid for: the next promises pay for it too.
    owed: Duration,
}

impl Bucket {
    /// Lets so many bytes a second through from now on; 0 for all there are.
    pub(super) fn set(&self, rate: u64) {
        self.rate.store(rate, Ordering::Relaxed);
        *self.account() = Account::default();
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
        let mut account = self.account();
        let at = account.settle(Instant::now());
        let share = account.owed.min(cost * OWED_A_SLICE);
        account.owed -= share;
        account.paid = Some(at + cost + share);
        Some(at)
    }

    /// Takes bytes back that were promised and are not needed.
    pub(super) fn take_back(&self, count: u64) {
        if let Some(cost) = self.cost(count) {
            let mut account = self.account();
            account.paid = account.paid.map(|paid| paid - cost);
        }
    }

    /// Has bytes paid for that did not wait, by the time nobody used and by those that do wait. Those keep a tenth.
    pub(super) fn note(&self, count: u64) {
        if let Some(cost) = self.cost(count) {
            let mut account = self.account();
            account.settle(Instant::now());
            account.owed = account.owed.saturating_add(cost).min(DEBT);
        }
    }

    /// Whether bytes may pass that would be late if they waited.
    pub(super) fn admits(&self, count: u64) -> bool {
        let Some(cost) = self.cost(count) else {
            return true;
        };
        let now = Instant::now();
        let mut account = self.account();
        let from = { account.paid }.map_or(now - BURST, |paid| paid.max(now - BURST));
        let admitted = from <= now;
        if admitted {
            account.paid = Some(from + cost);
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

    fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    /// Pays what is owed with the time nobody used, as far as it goes; tells from when on there is time to promise.
    fn settle(&mut self, now: Instant) -> Instant {
        let paid = self.paid.unwrap_or(now);
        let unused = now.saturating_duration_since(paid).min(self.owed);
        self.owed -= unused;
        let from = (paid + unused).max(now - CREDIT);
        self.paid = Some(from);
        from
    }
}
