//! How many connections there is room for: each is a file to the system, and that lets a process open only so many.
//!
//! The one rule: strangers never take the last one. What we need ourselves is set aside first, half of the rest is for
//! those who come, and of these some are always neighbours less than callers may be.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::overlay::Config;

/// Raises this process's own limit on open files to the most the system allows it. For programs to call once, before
/// [`super::Servent::start`]; where it is not allowed, the limit stays as it is.
pub fn raise_limit_on_open_files() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        let raised = Rlimit {
            current: maximum,
            maximum,
        };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::debug!(%error, "the limit on open files stays as it is");
        }
    }
}

/// Files this process may have open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    files: usize,
}

impl Room {
    /// What the system says now.
    pub(super) fn now() -> Self {
        // None is no limit.
        let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        Self {
            files: usize::try_from(limit).unwrap_or(usize::MAX),
        }
    }

    /// Incoming connections at once, links and transfers together.
    pub(super) fn incoming(self) -> usize {
        (self.files.saturating_sub(OURS) / 2).min(MOST_INCOMING)
    }

    /// Of these, callers whom we wait for.
    pub(super) fn seats(self) -> usize {
        (self.incoming() / 2).max(1)
    }

    /// Lowers the slots of `config` to what there is room for; true when that was needed.
    pub(super) fn fit(self, config: &mut Config) -> bool {
        let wanted = (config.slots, config.leaves);
        let links = self.incoming() / 4 * 3;
        config.slots = config.slots.min((links / 2).max(1));
        config.leaves = config.leaves.min(links.saturating_sub(config.slots));
        config.neighbours = config.neighbours.min(config.slots);
        wanted != (config.slots, config.leaves)
    }

    /// What to set the limit to for slots as in `config`.
    pub(super) const fn needed(config: &Config) -> usize {
        let links = config.slots.saturating_add(config.leaves);
        OURS.saturating_add(links.div_ceil(3).saturating_mul(8))
    }
}

/// What a servent has open that does nothing: its port, stores, watched folders, the runtime's own; with a few to spare.
const OURS: usize = 40;

/// Enough for a thousand leaves and three thousand more.
const MOST_INCOMING: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(files: usize) -> (usize, usize, bool) {
        let mut config = Config::default();
        let lowered = Room { files }.fit(&mut config);
        (config.slots, config.leaves, lowered)
    }

    #[test]
    fn slots_follow_the_limit() {
        assert_eq!(fitted(usize::MAX), (32, 300, false));
        assert_eq!(fitted(1_024), (32, 300, false));
        assert_eq!(fitted(256), (32, 49, true));
        assert_eq!(fitted(64), (4, 5, true));
        assert_eq!(fitted(0), (1, 0, true));
    }

    #[test]
    fn what_is_said_to_be_needed_is_enough_and_hardly_more() {
        let needed = Room::needed(&Config::default());
        assert!(!fitted(needed).2, "{needed}");
        assert!(fitted(needed - 16).2, "{needed}");
    }
}
