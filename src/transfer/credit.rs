//! What others brought us, by address: what tit-for-tat repays.
//!
//! The one rule: only bytes count. Words of sharing cost nothing, and whoever sent wrong bytes loses all he had.

use std::net::Ipv4Addr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;

/// How many addresses are remembered: those of a day of downloads, and some 100 KiB.
const MOST: NonZeroUsize = NonZeroUsize::new(1000).expect("not zero");

/// The credit of all. Clones are handles on the same.
#[derive(Clone, Debug)]
pub(super) struct Credit(Arc<Mutex<LruCache<Ipv4Addr, u64>>>);

impl Default for Credit {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(LruCache::new(MOST))))
    }
}

impl Credit {
    /// Notes bytes that came.
    pub(super) fn note(&self, from: Ipv4Addr, bytes: u64) {
        *self.table().get_or_insert_mut(from, || 0) += bytes;
    }

    /// Notes that what came was wrong.
    pub(super) fn forfeit(&self, from: Ipv4Addr) {
        self.table().pop(&from);
    }

    /// The bytes somebody brought since the start.
    pub(super) fn of(&self, whom: Ipv4Addr) -> u64 {
        self.table().peek(&whom).copied().unwrap_or(0)
    }

    fn table(&self) -> MutexGuard<'_, LruCache<Ipv4Addr, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_add_up_until_they_are_wrong() {
        let (credit, whom) = (Credit::default(), Ipv4Addr::LOCALHOST);
        credit.note(whom, 3);
        credit.note(whom, 4);
        assert_eq!((credit.of(whom), credit.of(Ipv4Addr::BROADCAST)), (7, 0));
        credit.forfeit(whom);
        assert_eq!(credit.of(whom), 0);
    }
}
