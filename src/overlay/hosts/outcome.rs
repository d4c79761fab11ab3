//! What came of dialling a host, and how long it is then left alone.

use std::time::Duration;

use crate::time::Time;

/// What came of a host so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Host {
    pub(super) outcome: Outcome,
    /// When that was.
    pub(super) at: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It has not been dialled.
    Untried,
    /// It has been dialled and has not answered, so often in a row.
    Failed(u8),
    /// It lives and would not have us.
    Refused,
    /// The link to it came up.
    Linked,
    /// The link to it is gone; `brief` when it had hardly come up.
    Lost { brief: bool },
    /// We do not want it.
    Unwanted,
}

impl Host {
    /// One that nothing is known of.
    pub(super) const NEW: Self = Self {
        outcome: Outcome::Untried,
        at: Time::ZERO,
    };

    /// Whether it failed us last, or is not wanted.
    pub(super) const fn is_bad(&self) -> bool {
        matches!(self.outcome, Outcome::Failed(_) | Outcome::Unwanted)
    }
}

impl Outcome {
    /// How long after it a host is left alone. Two dials in any minute at most to a host that answers: gtk-gnutella
    /// bans an address at its third handshake in a minute, for five minutes.
    pub(super) fn wait(self, trusted: bool, lonely: bool) -> Duration {
        let seconds = match self {
            Self::Untried => 0,
            Self::Failed(times) => {
                let doublings = u32::from(times.saturating_sub(1)).min(9);
                match (trusted, lonely) {
                    (true, true) => (1 << doublings).min(10),
                    (true, false) => 4 << doublings.min(7),
                    (false, true) => (4 << doublings).min(60),
                    (false, false) => 15 << doublings.min(4),
                }
            }
            Self::Lost { brief: false } if lonely => 5,
            Self::Linked | Self::Lost { .. } => 30,
            Self::Refused => 60,
            Self::Unwanted => 600,
        };
        Duration::from_secs(seconds)
    }
}
