//! Damaged messages: every prefix and 100,000 random mutations of each valid message and of each side of a handshake.
//!
//! Nothing may panic, memory stays bounded, and what is still taken is written and read again the same (see
//! `fuzz/src/lib.rs`). The dice are seeded; a failure names message, mutation and bytes.

#[path = "../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "it is the library of the fuzz crate")]
mod targets;

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::Value;
use servent::rng::Rng;
use targets::Target;

/// Mutations of each message.
const MUTATIONS: usize = 100_000;

/// What the dice begin with; each message adds its place.
const SEED: u64 = 2026;

/// What a whole run may add to the peak of memory, in KiB. The largest message is 64 KiB, what it may inflate to as
/// much again; the rest is room for the allocator and the threads.
const MAX_GROWTH_KIB: usize = 64 * 1024;

/// A valid message, and what reads it.
struct Sample {
    name: String,
    bytes: Vec<u8>,
    target: Target,
    /// Where the four bytes of the payload's length stand, if it has a header.
    has_header: bool,
}

#[test]
fn damaged_messages_are_refused_or_taken() {
    damage(&messages());
}

#[test]
fn damaged_handshakes_are_refused_or_taken() {
    damage(&handshakes());
}

#[test]
fn damaged_transfers_are_refused_or_taken() {
    damage(&transfers());
}

#[test]
fn every_kind_of_message_is_among_the_samples() {
    let kinds: Vec<u8> = messages().iter().map(|sample| sample.bytes[16]).collect();
    for kind in [0x00, 0x01, 0x02, 0x30, 0x31, 0x40, 0x80, 0x81] {
        assert!(kinds.contains(&kind), "{kind:02x}");
    }
    assert!(handshakes().len() >= 15);
}

/// All samples, each with all its prefixes and mutations, on as many threads as there are cores.
fn damage(samples: &[Sample]) {
    let before = peak_memory_kib();
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(at) =
            Some(next.fetch_add(1, Ordering::Relaxed)).filter(|&at| at < samples.len())
        {
            damage_one(at, samples);
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let growth = peak_memory_kib().saturating_sub(before);
    assert!(growth <= MAX_GROWTH_KIB, "memory grew by {growth} KiB");
}

fn damage_one(at: usize, samples: &[Sample]) {
    let sample = &samples[at];
    let run = |what: &dyn Fn() -> String, bytes: &[u8]| {
        catch_unwind(|| (sample.target)(bytes)).unwrap_or_else(|_| {
            let hex = data_encoding::HEXLOWER.encode(bytes);
            panic!("{}, {}: {hex}", sample.name, what());
        });
    };
    let mut damaged = Vec::new();
    for len in 0..=sample.bytes.len() {
        damaged.clear();
        damaged.extend_from_slice(&sample.bytes[..len]);
        run(&|| format!("its first {len} bytes"), &damaged);
        if sample.has_header && mend_length(&mut damaged) {
            run(
                &|| format!("its first {len} bytes, as long as it says"),
                &damaged,
            );
        }
    }
    let seed = SEED + at as u64;
    let mut rng = Rng::seeded(seed);
    for number in 0..MUTATIONS {
        damaged.clear();
        damaged.extend_from_slice(&sample.bytes);
        for _ in 0..=rng.below(4) {
            mutate(&mut damaged, samples, &mut rng);
        }
        if sample.has_header && rng.chance(0.75) {
            mend_length(&mut damaged);
        }
        run(&|| format!("mutation {number} of seed {seed}"), &damaged);
    }
}

/// Bytes at which something begins or ends: NUL, FS, first and last lengths and flags of GGEP, line ends.
const TELLING: [u8; 16] = [
    0x00, 0x01, 0x0a, 0x0d, 0x1c, 0x20, 0x2c, 0x3a, 0x3f, 0x40, 0x7f, 0x80, 0xa1, 0xc3, 0xe1, 0xff,
];

/// The longest piece that is put in or taken out, in bytes.
const PIECE: usize = 32;

/// Changes `bytes` in one place.
fn mutate(bytes: &mut Vec<u8>, samples: &[Sample], rng: &mut Rng) {
    let at = rng.below(bytes.len());
    let piece = at..(at + rng.below(PIECE)).min(bytes.len());
    match rng.below(7) {
        0 if !bytes.is_empty() => bytes[at] ^= 1 << rng.below(8),
        1 if !bytes.is_empty() => bytes[at] = rng.next() as u8,
        2 if !bytes.is_empty() => bytes[at] = TELLING[rng.below(TELLING.len())],
        3 => drop(bytes.drain(piece)),
        4 => bytes.extend_from_within(piece),
        5 => {
            let random = rng.next().to_le_bytes();
            bytes.splice(at..at, random.into_iter().take(rng.below(8)));
        }
        _ => {
            let other = &samples[rng.below(samples.len())].bytes;
            let from = rng.below(other.len());
            let piece = &other[from..(from + PIECE).min(other.len())];
            bytes.splice(at..at, piece.iter().copied());
        }
    }
}

/// Makes the length field true, so that the payload is read; false when there is no whole header.
fn mend_length(message: &mut [u8]) -> bool {
    let Some(len) = message.len().checked_sub(23) else {
        return false;
    };
    message[19..23].copy_from_slice(&(len as u32).to_le_bytes());
    true
}

fn target(name: &str) -> Target {
    let found = targets::TARGETS.iter().find(|(known, _)| *known == name);
    found.expect("a target").1
}

fn messages() -> Vec<Sample> {
    let mut samples = Vec::new();
    let mut add = |name: String, bytes: Vec<u8>| {
        samples.push(Sample {
            name,
            bytes,
            target: target("codec"),
            has_header: true,
        });
    };
    let captures = root().join("tests/captures");
    for client in ["gnutella-bun", "gtk-gnutella"] {
        let mut files: Vec<_> = fs::read_dir(captures.join(client))
            .expect("captures")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        files.sort();
        for file in files {
            add(
                file.display().to_string(),
                fs::read(&file).expect("a capture"),
            );
        }
    }
    for vector in vectors() {
        let group = vector["group"].as_str().expect("a group");
        if let "message_bytes" | "vendor_bytes" | "vendor_constructed" | "query_bytes"
        | "queryhit_bytes" | "bye_bytes" | "udp_hostcache" = group
        {
            let bytes = match vector["bytes"].as_str() {
                Some(bytes) => unhex(bytes),
                None => {
                    let rest = vector["bytes_from_16"].as_str().expect("bytes");
                    [vec![7; 16], unhex(rest)].concat()
                }
            };
            add(vector.to_string(), bytes);
        }
    }
    samples
}

/// Each side of each transcript that there is.
fn handshakes() -> Vec<Sample> {
    let mut samples = Vec::new();
    for vector in vectors() {
        if vector["group"] != "handshake_transcript" {
            continue;
        }
        let said = |field: &str| vector[field].as_str().unwrap_or_default();
        let called = [said("client_first"), said("client_final")].concat();
        for (side, text, target) in [
            ("caller", called.as_str(), target("answerer")),
            ("answerer", said("server"), target("caller")),
        ] {
            if !text.is_empty() {
                samples.push(Sample {
                    name: format!("the {side} of {}", vector["name"]),
                    bytes: text.into(),
                    target,
                    has_header: false,
                });
            }
        }
    }
    samples
}

/// What is said when files are asked for and sent: the seeds of its fuzzers.
fn transfers() -> Vec<Sample> {
    let mut samples = Vec::new();
    for name in ["request", "response", "chunks", "giv"] {
        let mut seeds: Vec<_> = fs::read_dir(root().join("fuzz/corpus").join(name))
            .expect("seeds")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        seeds.sort();
        samples.extend(seeds.into_iter().map(|seed| Sample {
            name: seed.display().to_string(),
            bytes: fs::read(&seed).expect("a seed"),
            target: target(name),
            has_header: false,
        }));
    }
    samples
}

fn vectors() -> Vec<Value> {
    let text = fs::read_to_string(root().join("tests/vectors/gnutella.json")).expect("vectors");
    let mut json: Value = serde_json::from_str(&text).expect("JSON");
    serde_json::from_value(json["vectors"].take()).expect("a list")
}

fn unhex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER
        .decode(text.as_bytes())
        .expect("hexadecimal")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The most memory this process ever had; zero where the system does not say.
fn peak_memory_kib() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok());
    number.unwrap_or_default()
}
