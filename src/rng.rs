//! The dice of the protocol core, injected like the clock.
//!
//! Two sources behind one type. In the laboratory a SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): eight bytes of
//! state, and the same seed gives the same run in every future version. On a real network the operating system's own
//! generator, because a stranger who sees one output of SplitMix64 can tell all the others, and GUIDs and choices of
//! neighbours must not be foreseeable.

/// A source of random numbers: seeded and repeatable, or the operating system's.
#[derive(Clone, Debug)]
pub struct Rng(Source);

#[derive(Clone, Debug)]
enum Source {
    Seeded(u64),
    System,
}

impl Rng {
    /// A repeatable generator. Not for use beyond loopback.
    pub const fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(seed))
    }

    /// The operating system's generator.
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// Whether the numbers can be foretold from a seed.
    pub const fn is_seeded(&self) -> bool {
        matches!(self.0, Source::Seeded(_))
    }

    /// The next 64 bits.
    #[expect(
        clippy::should_implement_trait,
        reason = "no iterator: it has no end and gives plain numbers"
    )]
    pub fn next(&mut self) -> u64 {
        match &mut self.0 {
            Source::Seeded(state) => {
                *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mut z = *state;
                z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                z ^ (z >> 31)
            }
            Source::System => {
                // A version-4 UUID fixes six bits, all in octets 6 and 8; the last eight octets but one and the first
                // six are free. Folding the halves leaves every bit random.
                let (high, low) = uuid::Uuid::new_v4().as_u64_pair();
                high ^ low.rotate_left(29)
            }
        }
    }

    /// A number below `bound`; zero when `bound` is zero.
    pub fn below(&mut self, bound: usize) -> usize {
        // Lemire's multiply-shift; its bias is below 2^-32 for every bound used here.
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        ((self.next() >> 11) as f64) < p * (1u64 << 53) as f64
    }

    /// One of `items`, or none of an empty slice.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }

    /// Puts `items` in random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_published_sequence() {
        // First outputs of SplitMix64 for seed 1234567, as in the reference implementation by Vigna.
        let mut rng = Rng::seeded(1_234_567);
        let drawn: Vec<u64> = (0..3).map(|_| rng.next()).collect();
        assert_eq!(
            drawn,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }

    #[test]
    fn choices_stay_in_bounds() {
        let mut rng = Rng::seeded(1);
        assert!((0..1000).all(|_| rng.below(7) < 7));
        assert_eq!(rng.pick::<u8>(&[]), None);
        let mut order: Vec<u32> = (0..100).collect();
        rng.shuffle(&mut order);
        assert_ne!(order, (0..100).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn the_system_is_not_repeatable() {
        assert_ne!(Rng::system().next(), Rng::system().next());
        assert!(!Rng::system().is_seeded());
    }
}
