//! What came of it all: delays, and whether each query went where it should.

use std::collections::HashSet;

use servent::wire::Query;
use servent::wire::qrp::Demand;

use crate::light::Receipt;
use crate::taste::Leaf;

/// How long queries were under way.
#[derive(Default)]
pub(crate) struct Delays(Vec<u32>);

impl Delays {
    pub(crate) fn add(&mut self, receipts: &[Receipt]) {
        self.0.extend(receipts.iter().map(|receipt| receipt.after));
    }

    pub(crate) fn print(&mut self, what: &str) {
        self.0.sort_unstable();
        let count = self.0.len();
        let Some(longest) = self.0.last() else {
            return println!("  nothing went {what}");
        };
        println!(
            "  {count} went {what}: p50 {:.2} ms, p99 {:.2} ms, longest {:.2} ms",
            millis(self.0[count / 2]),
            millis(self.0[count * 99 / 100]),
            millis(*longest),
        );
    }
}

fn millis(micros: u32) -> f64 {
    f64::from(micros) / 1000.0
}

/// Queries and leaves, pair by pair.
#[derive(Default)]
pub(crate) struct Judgement {
    /// Pairs in which the leaf has not all words.
    strangers: u64,
    /// Queries that reached a leaf.
    passed: u64,
    /// That should not have: the table says no.
    astray: u64,
    /// That should have and did not.
    missing: u64,
    /// That passed though the leaf has not all words: the hash's fault.
    hashed: u64,
    /// That passed since the leaf has all words, but in no one file.
    scattered: u64,
}

impl Judgement {
    pub(crate) fn judge(&mut self, leaf: &Leaf, asked: &[Query], receipts: &[Receipt]) {
        let received: HashSet<u32> = receipts.iter().map(|receipt| receipt.number).collect();
        self.passed += received.len() as u64;
        for (number, query) in (0..).zip(asked) {
            let has_all = query.text.split(' ').all(|word| leaf.words.contains(word));
            let may = Demand::of(query).is_met_by(&leaf.table);
            let did = received.contains(&number);
            self.strangers += u64::from(!has_all);
            self.astray += u64::from(did && !may);
            self.missing += u64::from(may && !did);
            self.hashed += u64::from(did && !has_all);
            let answers = did && has_all && !leaf.library.search(query, 1).is_empty();
            self.scattered += u64::from(did && has_all && !answers);
        }
    }

    pub(crate) fn print(&self) {
        let share = |part: u64, of: u64| part as f64 * 100.0 / of.max(1) as f64;
        println!(
            "  {} queries reached leaves: {} that the leaf's table does not match; {} that it matches did not come",
            self.passed, self.astray, self.missing,
        );
        println!(
            "  false positives of the hash: {} ({:.3} % of queries for what a leaf has not, {:.2} % of those that came); \
             all words, but not in one file: {:.2} %",
            self.hashed,
            share(self.hashed, self.strangers),
            share(self.hashed, self.passed),
            share(self.scattered, self.passed),
        );
    }
}
