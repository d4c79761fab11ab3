//! Latency: how long a word takes from one servent to another.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// How long a word takes. A pure function of the two ends and a seed, the same in both directions, in whole milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    /// The shortest, in milliseconds; at least 1.
    low: u16,
    /// The longest.
    high: u16,
}

impl Latency {
    /// Between `low` and `high` milliseconds, each as likely; none unless `1 <= low <= high <= 2000`.
    pub fn between(low: u16, high: u16) -> Option<Self> {
        let sound = 1 <= low && low <= high && high <= LONGEST;
        sound.then_some(Self { low, high })
    }

    /// The shortest that a word may take.
    pub const fn least(self) -> Duration {
        Duration::from_millis(self.low as u64)
    }

    /// From `a` to `b`, or back.
    pub fn of(self, seed: u64, a: u32, b: u32) -> Duration {
        let (near, far) = (a.min(b), a.max(b));
        let spread = u64::from(self.high - self.low) + 1;
        let dice = mix(seed ^ (u64::from(near) << 32 | u64::from(far)));
        let above = ((u128::from(dice) * u128::from(spread)) >> 64) as u64;
        Duration::from_millis(u64::from(self.low) + above)
    }
}

impl Default for Latency {
    /// 20 to 180 ms: the same town to the other side of the world, one way.
    fn default() -> Self {
        Self { low: 20, high: 180 }
    }
}

impl FromStr for Latency {
    type Err = String;

    /// `80` or `20-180`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (low, high) = text.split_once('-').unwrap_or((text, text));
        let both = low.parse().ok().zip(high.parse().ok());
        both.and_then(|(low, high)| Self::between(low, high))
            .ok_or_else(|| {
                format!(
                    "a latency is milliseconds like `80` or `20-180`, up to {LONGEST}, not `{text}`"
                )
            })
    }
}

impl fmt::Display for Latency {
    /// As it is read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.high - self.low {
            0 => write!(f, "{}", self.low),
            _ => write!(f, "{}-{}", self.low, self.high),
        }
    }
}

/// The output function of SplitMix64.
const fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A satellite there and back; the wheel holds it.
const LONGEST: u16 = 2_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_same_in_both_directions_and_within_its_bounds() {
        let latency: Latency = "20-22".parse().expect("a latency");
        let mut seen = std::collections::BTreeSet::new();
        for b in 1..100 {
            let there = latency.of(7, 0, b);
            assert_eq!(there, latency.of(7, b, 0));
            seen.insert(there.as_millis());
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [20, 21, 22]);
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in ["0", "9-3", "1-2001", "x", "-", ""] {
            assert!(bad.parse::<Latency>().is_err(), "{bad}");
        }
    }
}
