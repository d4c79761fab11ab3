//! Stamps: what tells that a file is still the one that was hashed.
//!
//! The one rule: a digest belongs to a stamp, never to a path alone. Beside size and time of change a stamp has the
//! inode's own time (`ctime`), which nobody can set back: a file replaced by another of the same size and date gives
//! itself away.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Size and times of a file, the times in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stamp {
    pub(super) size: u64,
    /// When its content was last changed, as told (`mtime`).
    pub(super) modified: i64,
    /// When anything about it was last changed (`ctime`).
    pub(super) changed: i64,
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            size: metadata.size(),
            modified: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            changed: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether a change after `now` is sure to give another stamp. Within a tick of the file system's clock it is not:
    /// the digest of a file that has just been written may be taken, but not be trusted for good (git calls such an
    /// entry "racily clean").
    pub(super) fn is_settled(self, now: SystemTime) -> bool {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(now.as_nanos()).unwrap_or(i64::MAX);
        u128::from(now.abs_diff(self.changed)) > TICK.as_nanos()
    }
}

fn nanoseconds(seconds: i64, nanoseconds: i64) -> i64 {
    seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(nanoseconds)
}

/// The coarsest clock of a file system in use: FAT counts in two seconds.
pub(super) const TICK: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_settles_when_the_clock_has_ticked() {
        let born = UNIX_EPOCH + Duration::from_secs(1_000_000);
        let stamp = Stamp {
            size: 1,
            modified: 0,
            changed: nanoseconds(1_000_000, 0),
        };
        assert!(!stamp.is_settled(born));
        assert!(!stamp.is_settled(born + TICK));
        assert!(stamp.is_settled(born + TICK + Duration::from_nanos(1)));
        assert!(
            !stamp.is_settled(born - TICK),
            "the clock was set back a little"
        );
        assert!(
            stamp.is_settled(born - 2 * TICK),
            "far from now it will never be met again"
        );
    }
}
