//! The library under the load of a great collection: 100,000 names indexed, then searched for two words at a time.
//!
//! Names have three to nine words drawn from a vocabulary of 50,000 by Zipf's law (the word of rank r as often as 1/r),
//! which is how words are spread in real file names; the words searched for are drawn from the same law, so common
//! words are asked for most. All dice come from one seed. A figure is printed with what it was measured on.

mod machine;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use servent::library::{Library, SharedFile};
use servent::rng::Rng;
use servent::wire::{Extensions, Query, QueryFlags};

use machine::{resident, thread_time};

const SEED: u64 = 20_261_120;
const NAMES: usize = 100_000;
const VOCABULARY: usize = 50_000;
const SEARCHES: usize = 20_000;
const ROUNDS: usize = 5;
/// More hits than a servent puts into its answers to one query.
const LIMIT: usize = 100;

fn main() {
    let mut rng = Rng::seeded(SEED);
    let words = Words::new(&mut rng);
    let before = resident();
    let files: Vec<SharedFile> = (0..NAMES).map(|n| file(n, &words, &mut rng)).collect();
    let weight_of_files = resident().saturating_sub(before);
    let names: usize = files.iter().map(|file| file.name.len()).sum();
    println!(
        "library: {NAMES} names of {} bytes on average, {VOCABULARY} words, seed {SEED}",
        names / NAMES
    );

    let (begun, on_cpu) = (Instant::now(), thread_time());
    let mut library = Library::new();
    for file in files {
        library.insert(file);
    }
    let (took, worked) = (begun.elapsed(), thread_time() - on_cpu);
    let weight = resident().saturating_sub(before);
    println!(
        "  time to index     {:>9.1} ms, of them {:.1} on a core ({:.2} us a name)",
        millis(took),
        millis(worked),
        millis(worked) * 1e3 / NAMES as f64
    );
    println!(
        "  memory            {weight:>9} bytes ({} a name; the bare list of files {weight_of_files})",
        weight / NAMES
    );

    for (kind, asked) in [("one word", 1), ("two words", 2), ("three words", 3)] {
        measure(kind, &library, || {
            (0..asked)
                .map(|_| words.draw(&mut rng))
                .collect::<Vec<_>>()
                .join(" ")
        });
    }
    measure("two beginnings", &library, || {
        let beginning = |word: &str| word.chars().take(4).collect::<String>();
        beginning(words.draw(&mut rng)) + " " + &beginning(words.draw(&mut rng))
    });
}

/// Prints how long searches take and how many find something. All are made [`ROUNDS`] times over and each counts with its
/// best time, so that it is the search that is measured and not what else the machine has to do.
fn measure(kind: &str, library: &Library, mut text: impl FnMut() -> String) {
    let flags = QueryFlags(QueryFlags::IS_FLAGS);
    let query = |text| Query {
        flags,
        text,
        extensions: Extensions::default(),
    };
    let queries: Vec<Query> = (0..SEARCHES).map(|_| query(text())).collect();
    let mut times = vec![Duration::MAX; SEARCHES];
    let mut found = 0;
    for _ in 0..ROUNDS {
        found = 0;
        for (query, best) in queries.iter().zip(&mut times) {
            let begun = Instant::now();
            let hits = std::hint::black_box(library.search(query, LIMIT)).len();
            *best = begun.elapsed().min(*best);
            found += usize::from(hits > 0);
        }
    }
    times.sort_unstable();
    let at = |share: f64| millis(times[((SEARCHES - 1) as f64 * share) as usize]) * 1e3;
    println!(
        "  search {kind:<14} p50 {:>6.1} us, p99 {:>6.1} us, most {:>6.1} us; {} % find something",
        at(0.5),
        at(0.99),
        at(1.0),
        100 * found / SEARCHES
    );
}

/// A vocabulary and how often its words occur.
struct Words {
    words: Vec<String>,
    /// The sum of the weights up to each word.
    sums: Vec<f64>,
}

impl Words {
    /// Words of two to five syllables; the commonest are the shortest, as in life.
    fn new(rng: &mut Rng) -> Self {
        let syllable = |rng: &mut Rng| {
            let consonant = rng.pick(b"bcdfghjklmnprstvwz").copied().unwrap_or(b'x');
            let vowel = rng.pick(b"aeiouy").copied().unwrap_or(b'y');
            [char::from(consonant), char::from(vowel)]
        };
        let mut sum = 0.0;
        let mut sums = Vec::with_capacity(VOCABULARY);
        let words = (1..=VOCABULARY)
            .map(|rank| {
                sum += 1.0 / rank as f64;
                sums.push(sum);
                let syllables = 1 + rank.ilog10() as usize + rng.below(2);
                (0..syllables).flat_map(|_| syllable(rng)).collect()
            })
            .collect();
        Self { words, sums }
    }

    fn draw(&self, rng: &mut Rng) -> &str {
        let total = self.sums[VOCABULARY - 1];
        let point = rng.below(1 << 53) as f64 / (1_u64 << 53) as f64 * total;
        &self.words[self
            .sums
            .partition_point(|&sum| sum <= point)
            .min(VOCABULARY - 1)]
    }
}

/// A song in a folder of its own.
fn file(n: usize, words: &Words, rng: &mut Rng) -> SharedFile {
    thread_local!(static ROOT: Arc<Path> = Path::new("/home/ann/Music").into());
    let count = 3 + rng.below(7);
    let name: Vec<&str> = (0..count).map(|_| words.draw(rng)).collect();
    let path = PathBuf::from(format!("folder {n}/{}.mp3", name.join(" ")));
    let modified = UNIX_EPOCH + Duration::from_secs(1_500_000_000 + rng.below(200_000_000) as u64);
    SharedFile::new(ROOT.with(Arc::clone), path, rng.next() >> 40, modified)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
