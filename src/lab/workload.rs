//! Who shares what, and who asks for what.
//!
//! Objects are numbers. How many copies each has is its replication, how often it is asked for its popularity: a Zipf law, or
//! the same for all. Copies lie on distinct nodes drawn at random, and whoever asks is never a holder (Lv and others 2002;
//! Cohen and Shenker, "Replication strategies in unstructured peer-to-peer networks", 2002).

use std::fmt;
use std::str::FromStr;

use crate::rng::Rng;

/// How many copies each object has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Replication {
    /// On this part of all nodes.
    Part(f64),
    /// This many.
    Copies(u32),
    /// In proportion to the square root of its popularity; on average this many.
    SquareRoot(f64),
    /// In proportion to its popularity; on average this many.
    Proportional(f64),
}

impl Default for Replication {
    fn default() -> Self {
        Self::Part(0.01)
    }
}

impl FromStr for Replication {
    type Err = String;

    /// `1%`, `20`, `sqrt`, `sqrt:10`, `proportional:10`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "a replication is like `1%`, `20`, `sqrt:10` or `proportional:10`, not `{text}`"
            )
        };
        let (name, mean) = text.split_once(':').unwrap_or((text, "10"));
        let mean: f64 = mean
            .parse()
            .ok()
            .filter(|mean| *mean >= 1.0 && *mean < 1e9)
            .ok_or_else(wrong)?;
        match (name, text.strip_suffix('%')) {
            ("sqrt", _) => Ok(Self::SquareRoot(mean)),
            ("proportional", _) => Ok(Self::Proportional(mean)),
            (_, Some(part)) => {
                let part: f64 = part.parse().map_err(|_| wrong())?;
                (part > 0.0 && part <= 100.0)
                    .then_some(Self::Part(part / 100.0))
                    .ok_or_else(wrong)
            }
            _ => text
                .parse()
                .ok()
                .filter(|copies| *copies > 0)
                .map(Self::Copies)
                .ok_or_else(wrong),
        }
    }
}

impl fmt::Display for Replication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Part(part) => write!(f, "{}%", part * 100.0),
            Self::Copies(copies) => write!(f, "{copies}"),
            Self::SquareRoot(mean) => write!(f, "sqrt:{mean}"),
            Self::Proportional(mean) => write!(f, "proportional:{mean}"),
        }
    }
}

/// The numbers of a workload.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// Distinct objects.
    pub objects: u32,
    /// Copies of each.
    pub replication: Replication,
    /// The exponent of the Zipf law of queries; 0 asks for all alike.
    pub zipf: f64,
    /// How many queries.
    pub queries: u32,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            objects: 100,
            replication: Replication::default(),
            zipf: 0.0,
            queries: 100,
        }
    }
}

impl Plan {
    /// Copies of all objects together, on a network of so many nodes.
    pub fn copies(&self, nodes: usize) -> usize {
        copies(self, &self.popularity(), nodes).into_iter().sum()
    }

    /// Of each object, which part of the queries asks for it, and how many copies it has on a network of so many nodes.
    pub fn copies_each(&self, nodes: usize) -> impl Iterator<Item = (f64, f64)> {
        let popularity = self.popularity();
        let copies = copies(self, &popularity, nodes);
        let whole: f64 = popularity.iter().sum();
        let parts = popularity.into_iter().map(move |own| own / whole);
        parts.zip(copies.into_iter().map(|count| count as f64))
    }

    /// How often each object is asked for, in proportion.
    pub(super) fn popularity(&self) -> Vec<f64> {
        let ranks = 1..=self.objects;
        ranks.map(|rank| f64::from(rank).powf(-self.zipf)).collect()
    }
}

/// A query: who asks for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The node that asks.
    pub by: u32,
    /// The object it asks for.
    pub object: u32,
}

/// What an object is called, and by what it is asked for. Its number has three digits at least: shorter words stand in no
/// route table.
pub fn title(object: u32) -> String {
    format!("object {object:03}")
}

/// The object of this title.
pub fn titled(title: &str) -> Option<u32> {
    title.strip_prefix("object ")?.parse().ok()
}

/// Copies laid and queries drawn.
#[derive(Clone, Debug)]
pub struct Workload {
    holders: Vec<Vec<u32>>,
    queries: Vec<Asked>,
}

impl Workload {
    /// Draws one for a network of `nodes`.
    pub fn draw(plan: &Plan, nodes: usize, rng: &mut Rng) -> Self {
        let popularity = plan.popularity();
        let copies = copies(plan, &popularity, nodes);
        let holders: Vec<Vec<u32>> = copies
            .into_iter()
            .map(|count| sample(nodes, count, rng))
            .collect();
        let law = Cumulative::of(&popularity);
        let queries = (0..plan.queries)
            .map(|_| {
                let object = law.draw(rng);
                let held = &holders[object as usize];
                loop {
                    let by = rng.below(nodes) as u32;
                    if held.len() >= nodes || held.binary_search(&by).is_err() {
                        return Asked { by, object };
                    }
                }
            })
            .collect();
        Self { holders, queries }
    }

    /// Who holds an object, in ascending order.
    pub fn holders(&self, object: u32) -> &[u32] {
        &self.holders[object as usize]
    }

    /// Whether a node holds an object.
    pub fn holds(&self, node: u32, object: u32) -> bool {
        self.holders(object).binary_search(&node).is_ok()
    }

    /// What each of so many nodes holds, in ascending order.
    pub fn shelves(&self, nodes: usize) -> Vec<Vec<u32>> {
        let mut shelves = vec![Vec::new(); nodes];
        for (object, holders) in (0..).zip(&self.holders) {
            for holder in holders {
                shelves[*holder as usize].push(object);
            }
        }
        shelves
    }

    /// The queries, in their order.
    pub fn queries(&self) -> &[Asked] {
        &self.queries
    }
}

/// How many copies each object has: at least one, and never on all nodes, for somebody must ask.
fn copies(plan: &Plan, popularity: &[f64], nodes: usize) -> Vec<usize> {
    let most = (nodes - 1).max(1);
    let shared = |mean: f64, weight: &dyn Fn(f64) -> f64| {
        let sum: f64 = popularity.iter().map(|own| weight(*own)).sum();
        let budget = mean * popularity.len() as f64;
        let count = |own: &f64| (budget * weight(*own) / sum).round() as usize;
        popularity
            .iter()
            .map(count)
            .map(|count| count.clamp(1, most))
            .collect()
    };
    match plan.replication {
        Replication::Part(part) => {
            let count = (nodes as f64 * part).round() as usize;
            vec![count.clamp(1, most); popularity.len()]
        }
        Replication::Copies(count) => vec![(count as usize).min(most); popularity.len()],
        Replication::SquareRoot(mean) => shared(mean, &f64::sqrt),
        Replication::Proportional(mean) => shared(mean, &|own| own),
    }
}

/// `count` distinct nodes, in ascending order (Floyd's sampling).
fn sample(nodes: usize, count: usize, rng: &mut Rng) -> Vec<u32> {
    let mut chosen = std::collections::BTreeSet::new();
    for last in nodes - count..nodes {
        let drawn = rng.below(last + 1) as u32;
        if !chosen.insert(drawn) {
            chosen.insert(last as u32);
        }
    }
    chosen.into_iter().collect()
}

/// A law to draw by.
struct Cumulative(Vec<f64>);

impl Cumulative {
    fn of(weights: &[f64]) -> Self {
        let mut sum = 0.0;
        Self(
            weights
                .iter()
                .map(|weight| {
                    sum += weight;
                    sum
                })
                .collect(),
        )
    }

    fn draw(&self, rng: &mut Rng) -> u32 {
        let whole = self.0.last().copied().unwrap_or_default();
        let at = (rng.next() >> 11) as f64 / (1_u64 << 53) as f64 * whole;
        self.0
            .partition_point(|sum| *sum <= at)
            .min(self.0.len() - 1) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_as_many_as_planned_and_nobody_asks_for_his_own() {
        for (replication, first, last) in [
            ("1%", 10, 10),
            ("7", 7, 7),
            ("sqrt:10", 54, 5),
            ("proportional:10", 193, 2),
        ] {
            let plan = Plan {
                objects: 100,
                replication: replication.parse().expect(replication),
                zipf: 1.0,
                queries: 1_000,
            };
            let workload = Workload::draw(&plan, 1_000, &mut Rng::seeded(1));
            let held = |object| workload.holders(object).len();
            assert!(
                held(0).abs_diff(first) <= first / 5 + 1,
                "{replication}: {}",
                held(0)
            );
            assert!(held(99).abs_diff(last) <= 1, "{replication}: {}", held(99));
            assert!(
                workload
                    .queries()
                    .iter()
                    .all(|asked| !workload.holds(asked.by, asked.object))
            );
        }
    }

    #[test]
    fn queries_follow_the_law() {
        let plan = Plan {
            objects: 10,
            zipf: 1.0,
            queries: 20_000,
            ..Plan::default()
        };
        let workload = Workload::draw(&plan, 500, &mut Rng::seeded(4));
        let of = |object| {
            workload
                .queries()
                .iter()
                .filter(|asked| asked.object == object)
                .count() as f64
        };
        assert!((of(0) / of(1) - 2.0).abs() < 0.2);
        assert!((of(0) / of(9) - 10.0).abs() < 1.5);
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in ["0%", "101%", "x", "0", "-1", "sqrt:0", "%"] {
            assert!(bad.parse::<Replication>().is_err(), "{bad}");
        }
    }
}
