//! When servents are there and when they are away.
//!
//! Both spans follow a Weibull law, as sessions in real networks do (Stutzbach and Rejaie, "Understanding churn in
//! peer-to-peer networks", 2006, found shapes from 0.34 to 0.59: many stay for a moment and some for days). With one shape
//! for both, the part of its life for which a servent is there is the ratio of the medians.

use std::time::Duration;

use crate::rng::Rng;
use crate::time::Time;

/// The laws of coming and going.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lives {
    /// How long a servent stays, the median; not zero.
    pub session: Duration,
    /// How long it stays away, the median; not zero.
    pub away: Duration,
    /// The shape of both laws: 1 is exponential, less has a longer tail; from 0.2 to 5.
    pub shape: f64,
}

impl Lives {
    /// The part of the servents that is there, in the long run.
    pub fn availability(&self) -> f64 {
        let (here, away) = (self.session.as_secs_f64(), self.away.as_secs_f64());
        here / (here + away)
    }

    /// Whether a servent is there at the beginning, and when that changes up to `end`. Its life is drawn from long before,
    /// so the beginning is a moment like any other.
    pub(super) fn draw(&self, end: Duration, dice: &mut Rng) -> (bool, Vec<Time>) {
        let before = (self.session + self.away).as_secs_f64() * BEFORE;
        let (mut here, mut now) = (dice.chance(self.availability()), -before);
        let mut began = here;
        let mut changes = Vec::new();
        loop {
            let median = if here { self.session } else { self.away };
            now += weibull(median.as_secs_f64(), self.shape, dice);
            if now >= end.as_secs_f64() {
                return (began, changes);
            }
            here = !here;
            if now < 0.0 {
                began = here;
            } else {
                changes.push(Time::ZERO + Duration::from_secs_f64(now));
            }
        }
    }
}

/// A span in seconds by the Weibull law of this median and shape; a moment at the least.
fn weibull(median: f64, shape: f64, dice: &mut Rng) -> f64 {
    // Above 0 and up to 1.
    let rest = ((dice.next() >> 11) + 1) as f64 / (1_u64 << 53) as f64;
    let spans = (-rest.ln() / std::f64::consts::LN_2).powf(1.0 / shape);
    (median * spans).max(SHORTEST)
}

/// How long before the beginning lives are drawn from, in medians: enough for the longest to have begun at any point.
const BEFORE: f64 = 200.0;

/// The shortest span: whoever starts a program does not end it sooner.
const SHORTEST: f64 = 1.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_all_spans_are_below_the_median_whatever_the_shape() {
        let mut dice = Rng::seeded(1);
        for shape in [0.34, 0.59, 1.0, 3.0] {
            let spans: Vec<f64> = (0..10_000)
                .map(|_| weibull(600.0, shape, &mut dice))
                .collect();
            let below = spans.iter().filter(|span| **span < 600.0).count();
            assert!(below.abs_diff(5_000) < 200, "{shape}: {below}");
        }
        let spans = (0..40_000).map(|_| weibull(600.0, 1.0, &mut dice));
        let mean = spans.sum::<f64>() / 40_000.0;
        assert!(
            (mean / (600.0 / std::f64::consts::LN_2) - 1.0).abs() < 0.03,
            "{mean}"
        );
    }

    #[test]
    fn as_many_are_there_as_the_medians_say_at_the_beginning_and_at_the_end() {
        let minutes = |count: u64| Duration::from_secs(60 * count);
        for (session, away, shape) in [(30, 30, 0.5), (10, 30, 0.7), (60, 20, 1.0)] {
            let (session, away) = (minutes(session), minutes(away));
            let lives = Lives {
                session,
                away,
                shape,
            };
            let mut dice = Rng::seeded(2);
            let all: Vec<_> = (0..4_000)
                .map(|_| lives.draw(minutes(60), &mut dice))
                .collect();
            let began = all.iter().filter(|(here, _)| *here).count() as f64 / 4_000.0;
            let at_end = |(here, changes): &&(bool, Vec<Time>)| *here ^ (changes.len() % 2 == 1);
            let ended = all.iter().filter(at_end).count() as f64 / 4_000.0;
            for part in [began, ended] {
                assert!(
                    (part - lives.availability()).abs() < 0.04,
                    "{lives:?}: {part}"
                );
            }
        }
    }
}
