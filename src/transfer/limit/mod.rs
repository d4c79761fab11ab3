//! How many bytes a second may pass: over all connections of one direction together, and over those of a class alone.
//!
//! The one rule: whoever waits gets a small slice in his turn, so that all get the same and nobody bursts. Files wait for
//! their class and for the whole servent. Messages wait for their class alone: for the whole servent they go first, and
//! files have what they leave.

mod bucket;
mod tap;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use bucket::Bucket;
pub(crate) use tap::Tap;

/// A slice is what the limit lets through in this time; timers are exact to a millisecond.
const SLICE_TIME: Duration = Duration::from_millis(10);

/// The smallest slice: less would cost more in system calls than it sends.
const SMALLEST_SLICE: u64 = 512;

/// The largest: what a socket takes at a time on a fast line.
const LARGEST_SLICE: u64 = 256 * 1024;

/// Bytes a second of one direction; 0 for no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Of files and messages together.
    pub whole: u64,
    /// Of the bodies of files, those that are passed on for others among them.
    pub files: u64,
    /// Of links, datagrams, and the link to an index.
    pub messages: u64,
}

impl From<u64> for Rates {
    /// One rate for all there is.
    fn from(whole: u64) -> Self {
        Self {
            whole,
            ..Self::default()
        }
    }
}

/// Bytes of one direction that passed since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// Of the bodies of files.
    pub files: u64,
    /// Of messages.
    pub messages: u64,
}

/// The limit of one direction. Clones are handles on the same one.
#[derive(Clone, Debug, Default)]
pub struct Limit {
    buckets: Arc<Buckets>,
}

#[derive(Debug, Default)]
struct Buckets {
    whole: Bucket,
    files: Bucket,
    messages: Bucket,
    /// The part of messages that cannot wait.
    datagrams: Bucket,
}

/// What waits, and for what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Class {
    #[default]
    Files,
    Messages,
}

impl Limit {
    /// Lets so many bytes a second through from now on.
    pub fn set(&self, rates: impl Into<Rates>) {
        let rates = rates.into();
        let buckets = &self.buckets;
        buckets.whole.set(rates.whole);
        buckets.files.set(rates.files);
        buckets.messages.set(rates.messages);
        buckets.datagrams.set(rates.messages.div_ceil(2));
    }

    /// What it lets through.
    pub fn rates(&self) -> Rates {
        Rates {
            whole: self.buckets.whole.rate(),
            files: self.buckets.files.rate(),
            messages: self.buckets.messages.rate(),
        }
    }

    /// What passed.
    pub fn carried(&self) -> Carried {
        Carried {
            files: self.buckets.files.passed(),
            messages: self.buckets.messages.passed(),
        }
    }

    /// A connection's way for the bodies of files.
    pub(crate) fn files(&self) -> Tap {
        Tap::new(self.clone(), Class::Files)
    }

    /// A connection's way for messages.
    pub(crate) fn messages(&self) -> Tap {
        Tap::new(self.clone(), Class::Messages)
    }

    /// Whether files may have to wait.
    #[cfg(target_os = "linux")]
    pub(crate) fn holds_files(&self) -> bool {
        self.holds(Class::Files)
    }

    fn holds(&self, class: Class) -> bool {
        self.buckets.of(class).any(|bucket| bucket.rate() > 0)
    }

    /// Whether a datagram may pass. All of them have half of what messages have, a second of it at once; what is more is
    /// lost, as it would be on a line that is full.
    pub(crate) fn admits_datagram(&self, count: usize) -> bool {
        let (count, buckets) = (count as u64, &self.buckets);
        let admitted = buckets.datagrams.admits(count);
        if admitted {
            buckets.messages.note(count);
            self.count(Class::Messages, count);
        }
        admitted
    }

    /// Promises a slice, `most` bytes at most, and tells when it may pass; none without a limit.
    fn promise(&self, class: Class, most: u64) -> Option<(Instant, u64)> {
        let rates = self.buckets.of(class).map(Bucket::rate);
        let slowest = rates.filter(|rate| *rate > 0).min()?;
        let slice = u64::try_from(u128::from(slowest) * SLICE_TIME.as_millis() / 1000)
            .unwrap_or(u64::MAX)
            .clamp(SMALLEST_SLICE, LARGEST_SLICE)
            .min(most.max(1));
        let turns = self.buckets.of(class);
        let last = turns.filter_map(|bucket| bucket.promise(slice)).max()?;
        Some((last, slice))
    }

    /// Takes the rest of a slice back.
    fn take_back(&self, class: Class, count: u64) {
        self.buckets
            .of(class)
            .for_each(|bucket| bucket.take_back(count));
    }

    /// Counts what passed, and has it paid for where it did not wait.
    fn count(&self, class: Class, count: u64) {
        match class {
            Class::Files => self.buckets.files.count(count),
            Class::Messages => {
                self.buckets.messages.count(count);
                self.buckets.whole.note(count);
            }
        }
    }
}

impl Buckets {
    /// What a class waits for.
    fn of(&self, class: Class) -> impl Iterator<Item = &Bucket> {
        match class {
            Class::Files => [Some(&self.files), Some(&self.whole)],
            Class::Messages => [Some(&self.messages), None],
        }
        .into_iter()
        .flatten()
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;
    use tokio::time::timeout_at;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limited(rates: impl Into<Rates>) -> Limit {
        let limit = Limit::default();
        limit.set(rates);
        limit
    }

    /// Lets bytes pass for so long; tells how many did.
    async fn draw(mut tap: Tap, how_long: Duration) -> u64 {
        let (until, mut total) = (Instant::now() + how_long, 0);
        while let Ok(count) = timeout_at(until, tap.turn(1 << 30)).await {
            tap.passed(count);
            total += count;
        }
        total
    }

    /// Lets bytes pass through many taps for so long; tells how many did.
    async fn draw_all(taps: [Tap; 20], how_long: Duration) -> u64 {
        let drawn: JoinSet<u64> = taps.into_iter().map(|tap| draw(tap, how_long)).collect();
        drawn.join_all().await.iter().sum()
    }

    fn all(tap: impl Fn() -> Tap) -> [Tap; 20] {
        std::array::from_fn(|_| tap())
    }

    /// Has so many bytes of messages pass in each second, for ten.
    async fn talk(limit: &Limit, a_second: u64) {
        let mut tap = limit.messages();
        for _ in 0..1_000 {
            tap.passed(a_second / 100);
            tokio::time::sleep(SLICE_TIME).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_is_kept_and_shared_in_equal_parts() {
        for rate in [1_024, 50_000, 5_000_000, 800_000_000] {
            let limit = limited(rate);
            let [a, b, c] = [(); 3].map(|()| draw(limit.files(), 20 * SECOND));
            let parts: [u64; 3] = tokio::join!(a, b, c).into();
            let total: u64 = parts.iter().sum();
            let wanted = rate * 20;
            let slack = wanted / 100 + 3 * SMALLEST_SLICE;
            assert!(
                total.abs_diff(wanted) <= slack,
                "{total} of {wanted} at {rate}"
            );
            for part in parts {
                assert!(part.abs_diff(wanted / 3) <= slack, "{parts:?} at {rate}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_bursts_after_a_pause() {
        let limit = limited(100_000);
        draw(limit.files(), SECOND).await;
        tokio::time::advance(60 * SECOND).await;
        let after = draw(limit.files(), SECOND).await;
        assert!((100_000..=113_000).contains(&after), "{after}");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_limit_nobody_waits() {
        let (begun, limit) = (Instant::now(), Limit::default());
        for mut tap in [limit.files(), limit.messages()] {
            assert_eq!(tap.turn(u64::MAX).await, u64::MAX);
            tap.passed(u64::MAX);
        }
        assert!(limit.admits_datagram(1 << 30));
        assert_eq!(Instant::now(), begun);
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_waiting_keeps_his_turn() {
        let limit = limited(1_024);
        let mut tap = limit.files();
        for _ in 0..2 {
            let count = tap.turn(512).await;
            tap.passed(count);
        }
        let (begun, mut count) = (Instant::now(), None);
        while count.is_none() {
            let soon = Duration::from_millis(90);
            count = tokio::time::timeout(soon, tap.turn(512)).await.ok();
        }
        assert_eq!(count, Some(512));
        assert_eq!(begun.elapsed(), Duration::from_millis(500));
    }

    #[tokio::test(start_paused = true)]
    async fn messages_go_first_and_leave_something() {
        let limit = limited(100_000);
        let drawing = draw(limit.files(), 10 * SECOND);
        let (files, ()) = tokio::join!(drawing, talk(&limit, 40_000));
        assert!((570_000..=630_000).contains(&files), "{files}");
        let drawing = draw(limit.files(), 10 * SECOND);
        let (files, ()) = tokio::join!(drawing, talk(&limit, 1_000_000));
        assert!((80_000..=150_000).contains(&files), "{files}");
    }

    #[tokio::test(start_paused = true)]
    async fn messages_are_paid_for_where_many_files_wait() {
        for (said, wanted) in [(40_000, 570_000..=630_000), (1_000_000, 80_000..=150_000)] {
            let limit = limited(100_000);
            let drawing = draw_all(all(|| limit.files()), 10 * SECOND);
            let (files, ()) = tokio::join!(drawing, talk(&limit, said));
            assert!(wanted.contains(&files), "{files} beside {said}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_left_of_a_turn_lapses_or_is_given_back() {
        let limit = limited(10_000);
        let mut taps = all(|| limit.files());
        for tap in &mut taps {
            tap.turn(512).await;
            tap.passed(1);
        }
        let spare = draw(limit.files(), SECOND).await;
        assert!(spare <= 11_100, "{spare}");
        let hoard = draw_all(taps, SECOND).await;
        assert!(hoard <= 11_100, "{hoard}");

        let (begun, mut tap) = (Instant::now(), limit.files());
        for _ in 0..100 {
            tap.turn(512).await;
            tap.passed(1);
            tap.rest();
        }
        assert!(begun.elapsed() < 3 * SECOND, "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn each_class_keeps_to_its_rate_and_files_to_that_of_all_too() {
        for (whole, files, messages, wanted) in [
            (0, 50_000, 0, 50_000),
            (0, 50_000, 20_000, 50_000),
            (100_000, 80_000, 0, 80_000),
            (100_000, 80_000, 50_000, 50_000),
            (100_000, 0, 20_000, 80_000),
        ] {
            let limit = limited(Rates {
                whole,
                files,
                messages,
            });
            let seconds = 10 * SECOND;
            let files = draw_all(all(|| limit.files()), seconds);
            let said = async {
                match messages {
                    0 => 0,
                    _ => draw_all(all(|| limit.messages()), seconds).await,
                }
            };
            let (files, said) = tokio::join!(files, said);
            let near = |got: u64, rate: u64| got.abs_diff(10 * rate) <= rate / 2;
            let rates = limit.rates();
            assert!(near(files, wanted), "{files} of files at {rates:?}");
            assert!(near(said, messages), "{said} of messages at {rates:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn datagrams_have_half_of_what_messages_have_and_never_wait() {
        let flood = async |limit: &Limit| {
            let mut admitted = 0;
            for _ in 0..10_000 {
                admitted += 500 * u64::from(limit.admits_datagram(500));
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            admitted
        };
        let talking = || {
            limited(Rates {
                messages: 100_000,
                ..Rates::default()
            })
        };
        let (one, many) = (talking(), talking());
        let few = draw(one.messages(), 10 * SECOND);
        let few = tokio::join!(few, flood(&one));
        let lots = draw_all(all(|| many.messages()), 10 * SECOND);
        let lots = tokio::join!(lots, flood(&many));
        for (links, datagrams) in [few, lots] {
            // Half of ten seconds, and the second that may come at once.
            assert!((500_000..=560_000).contains(&datagrams), "{datagrams}");
            assert!((430_000..=520_000).contains(&links), "{links}");
        }
    }

    #[test]
    fn the_smallest_rate_of_messages_holds_datagrams_too() {
        let limit = limited(Rates {
            messages: 1,
            ..Rates::default()
        });
        let admitted = (0..10).filter(|_| limit.admits_datagram(500)).count();
        assert_eq!(admitted, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_that_changes_holds_from_then_on() {
        let limit = limited(10_000);
        let drawing = draw(limit.files(), 20 * SECOND);
        let changing = async {
            tokio::time::sleep(10 * SECOND).await;
            limit.set(Rates {
                files: 30_000,
                ..Rates::default()
            });
        };
        let (total, ()) = tokio::join!(drawing, changing);
        assert!(total.abs_diff(400_000) <= 10_000, "{total}");
    }
}
