//! Known answers: what other programs and the published documents say that bytes mean.
//!
//! `gnutella.json` holds vectors, one a line, in groups; each group names where its answers come from. Every module here
//! is one family of groups and lists a check for each group it knows. `SERVENT_VECTORS=FILE cargo test --test vectors`
//! reads another file of the same shape. A group no module knows is named and counted, and does not fail; a vector of a
//! known group that is not met does.

mod ggep;
mod handshake;
mod hit;
mod http;
mod message;
mod overlay;
mod qrp;
mod query;
mod thex;
mod urn;
mod vector;
mod web;

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use vector::Vector;

/// Holds one vector against the code: panics, as `assert_eq!` does, when its answer is not ours.
type Check = fn(&Vector);

/// The groups of each family, by the name they have in the file.
const FAMILIES: [&[(&str, Check)]; 11] = [
    ggep::CHECKS,
    handshake::CHECKS,
    hit::CHECKS,
    http::CHECKS,
    message::CHECKS,
    overlay::CHECKS,
    qrp::CHECKS,
    query::CHECKS,
    thex::CHECKS,
    urn::CHECKS,
    web::CHECKS,
];

#[test]
fn known_answers() {
    let checks: HashMap<&str, Check> = FAMILIES.iter().copied().flatten().copied().collect();
    let mut passed: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut unknown: BTreeMap<String, usize> = BTreeMap::new();
    let mut failures = Vec::new();
    for vector in Vector::read_all(&file()) {
        let Some(check) = checks.get(vector.group()) else {
            *unknown.entry(vector.group().to_owned()).or_default() += 1;
            continue;
        };
        let (good, all) = passed.entry(vector.group().to_owned()).or_default();
        *all += 1;
        match catch_unwind(AssertUnwindSafe(|| check(&vector))) {
            Ok(()) => *good += 1,
            Err(panic) => failures.push(format!("{vector}\n    {}", words_of(&*panic))),
        }
    }
    report(&passed, &unknown, &failures);
    assert!(
        !(passed.is_empty() && unknown.is_empty()),
        "the file holds no vectors"
    );
    assert!(failures.is_empty(), "{} vectors failed", failures.len());
}

/// The file to read: `SERVENT_VECTORS`, or the copy beside this source.
fn file() -> PathBuf {
    let copy = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/gnutella.json");
    std::env::var_os("SERVENT_VECTORS").map_or_else(|| copy.into(), PathBuf::from)
}

/// Writes to the real standard output, which the test harness does not swallow when all is well.
fn report(
    passed: &BTreeMap<String, (usize, usize)>,
    unknown: &BTreeMap<String, usize>,
    failures: &[String],
) {
    let mut out = std::io::stdout().lock();
    let mut say = |line: String| writeln!(out, "{line}").expect("standard output is open");
    for (group, (good, all)) in passed {
        say(format!("{group:<28} {good:>4} of {all:>4} passed"));
    }
    for (group, count) in unknown {
        say(format!("{group:<28} {count:>4} without code yet"));
    }
    for failure in failures {
        say(format!("FAILED {failure}"));
    }
    say(format!(
        "{} of {} vectors in {} groups passed; {} vectors in {} groups have no code yet",
        passed.values().map(|(good, _)| good).sum::<usize>(),
        passed.values().map(|(_, all)| all).sum::<usize>(),
        passed.len(),
        unknown.values().sum::<usize>(),
        unknown.len(),
    ));
}

/// What a panic said.
fn words_of(panic: &(dyn std::any::Any + Send)) -> &str {
    let literal = panic.downcast_ref::<&str>().copied();
    literal
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without words")
}
