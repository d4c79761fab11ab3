//! A figure for all that happened, in order: equal runs have equal ones.

use crate::overlay::Input;
use crate::time::Time;

/// The figure. Each event turns it, so the order counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Digest(u64);

impl Digest {
    /// Of nothing yet.
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Of all that was written in.
    pub(super) const fn figure(self) -> u64 {
        self.0
    }

    /// Writes in that a node handles this.
    pub(super) fn note(&mut self, now: Time, node: u32, input: &Input) {
        let what = match input {
            Input::Received { from, descriptor } => {
                let header = &descriptor.header;
                let [a, b, c, d, ..] = header.guid.0;
                u64::from(u32::from_le_bytes([a, b, c, d])) << 32
                    | u64::from(from.0) << 16
                    | u64::from(header.ttl) << 8
                    | u64::from(header.hops)
            }
            _ => 1,
        };
        let at = now.as_micros() ^ u64::from(node) << 40;
        self.0 = (self.0.rotate_left(5) ^ at ^ what).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}
