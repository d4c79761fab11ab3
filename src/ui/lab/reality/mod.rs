//! `compare --live`: the same network, files and questions once more, with real servents on this machine.
//!
//! The one rule: nothing is estimated. Every figure is the difference of what all servents have counted before a question
//! and once nothing moves any more after it.

pub(super) mod centre;

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use serde_json::Value;

use crate::lab::FLOOD_TTL;
use crate::lab::compare::Comparison;
use crate::lab::measure::{Measured, Summary};
use crate::lab::workload::{Asked, Workload};
use crate::live::{Counts, MOST, Plan, Village};
use crate::overlay::Strategy;
use crate::rng::Rng;
use crate::ui::failure::{Exit, Failure};
use crate::ui::screen::Screen;

/// A question is over when nobody has counted anything for so long: many times what a word takes from one process to
/// another.
const QUIET: Duration = Duration::from_millis(150);

/// Whether so many servents can be had.
///
/// # Errors
/// They are too many, or a flood goes further than one that a user may ask for.
pub(super) fn is_possible(comparison: &Comparison) -> Result<(), Failure> {
    let nodes = comparison.graph.nodes();
    if nodes > MOST {
        return Err(Failure::usage(format!(
            "{nodes} processes are more than the {MOST} that a machine is trusted with; leave --live out or take fewer --nodes"
        )));
    }
    if comparison.graph.has_leaves() {
        return Err(Failure::usage(LEAVES));
    }
    let too_far = |strategy: &&Strategy| matches!(strategy, Strategy::Flood { ttl: Some(ttl) } if *ttl > FLOOD_TTL);
    match comparison.strategies.iter().find(too_far) {
        None => Ok(()),
        Some(strategy) => Err(Failure::usage(format!(
            "a real servent lets no flood go further than {FLOOD_TTL} links, so {strategy} cannot be run --live"
        ))),
    }
}

/// Why there is no such network of processes.
pub(in crate::ui) const LEAVES: &str = "real servents choose for themselves who is a leaf, so two-tier networks are drawn in the laboratory alone";

/// What the questions of a comparison cost and bring when `strategy` asks them in reality.
///
/// # Errors
/// The servents cannot be started, or one of them ends.
pub(super) async fn measure(
    comparison: &Comparison,
    strategy: Strategy,
    screen: &Screen,
) -> Result<Summary, Failure> {
    let workload = workload(comparison);
    let mut plan = plan(comparison, &workload)?;
    if !matches!(strategy, Strategy::Flood { ttl: None }) {
        plan.search = strategy.to_string();
    }
    let village = found(plan, screen).await?;
    let mut summary = Summary::default();
    let mut before = village.settled_counts(QUIET).await.map_err(cannot)?;
    let first = before.clone();
    for (number, asked) in workload.queries().iter().enumerate() {
        screen.progress(&format!(
            "{strategy}, live: {number} of {} queries",
            comparison.plan.queries
        ));
        let (hits, exit) = ask(&village, *asked, &[]).await.map_err(cannot)?;
        if !matches!(exit, Exit::Done | Exit::NothingFound) {
            let what = format!("a search ended with exit code {}", exit as u8);
            return Err(cannot(io::Error::other(what)));
        }
        let after = village.settled_counts(QUIET).await.map_err(cannot)?;
        let mut measured = between(&before, &after, &hits);
        if !matches!(strategy, Strategy::Walk(_)) {
            // What neighbours say of themselves now and then is no part of a question.
            measured.checks = 0;
        }
        summary.add(measured);
        before = after;
    }
    let load = first
        .iter()
        .zip(&before)
        .map(|(first, last)| (received(last) - received(first)) as u32);
    summary.note_load(&load.collect::<Vec<_>>());
    screen.progress("");
    village.end().await;
    Ok(summary)
}

fn cannot(error: io::Error) -> Failure {
    Failure::io(
        "the servents cannot be asked",
        &error,
        "try fewer with --nodes",
    )
}

/// The files and questions of a comparison, the same each time.
fn workload(comparison: &Comparison) -> Workload {
    let mut rng = Rng::seeded(comparison.seed);
    Workload::draw(&comparison.plan, comparison.graph.nodes(), &mut rng)
}

/// Servents joined as the comparison says, who share what it says.
fn plan(comparison: &Comparison, workload: &Workload) -> Result<Plan, Failure> {
    Ok(Plan {
        program: std::env::current_exe().map_err(cannot)?,
        graph: comparison.graph.clone(),
        shares: shares(comparison.plan.objects, comparison.graph.nodes(), workload),
        search: Strategy::flood(FLOOD_TTL).to_string(),
        index: None,
    })
}

async fn found(plan: Plan, screen: &Screen) -> Result<Village, Failure> {
    let nodes = plan.graph.nodes();
    screen.progress(&format!("{nodes} servents are being started"));
    Village::found(plan, |_| {}).await.map_err(cannot)
}

/// The name of an object's files. As long as any other's, so that none is found by the beginning of another.
fn name(object: u32) -> String {
    format!("object number{object:09}")
}

fn shares(objects: u32, nodes: usize, workload: &Workload) -> Vec<Vec<(String, String)>> {
    let mut shares = vec![Vec::new(); nodes];
    for object in 0..objects {
        for holder in workload.holders(object) {
            let file = (format!("{}.txt", name(object)), format!("{object}\n"));
            shares[*holder as usize].push(file);
        }
    }
    shares
}

/// Has one of them ask, in this way; returns the hits, as it shows them, and how it ended.
async fn ask(village: &Village, asked: Asked, by: &[&str]) -> io::Result<(Vec<Value>, Exit)> {
    let words = name(asked.object);
    let order: Vec<&str> = ["search"]
        .into_iter()
        .chain(words.split(' '))
        .chain(["--json", "--wait", "3"])
        .chain(by.iter().copied())
        .collect();
    let (lines, exit) = village
        .tell(asked.by as usize, &order)
        .await?
        .data()
        .await?;
    let hits = lines
        .iter()
        .filter_map(|line| serde_json::from_str(line).ok());
    let hits = hits.filter(|line: &Value| line["hops"].is_u64()).collect();
    Ok((hits, Exit::of(exit)))
}

/// What one question cost and brought.
fn between(before: &[Counts], after: &[Counts], hits: &[Value]) -> Measured {
    let grown = |count: &dyn Fn(&Counts) -> u64| {
        let sum = |all: &[Counts]| all.iter().map(count).sum::<u64>();
        sum(after) - sum(before)
    };
    let sent = |kind: &str| grown(&|one| of(&one.sent, kind));
    let known = grown(&|one| one.duplicate);
    let reached = before
        .iter()
        .zip(after)
        .filter(|(before, after)| received(after) > received(before))
        .count();
    let mut measured = Measured::default();
    measured.queries = sent("query");
    measured.checks = sent("vendor");
    measured.hits_sent = sent("query_hit");
    measured.reached = reached as u64;
    measured.lookups = grown(&received) - known;
    measured.results = hits.len() as u64;
    measured.hops_first_hit = hits
        .first()
        .and_then(|hit| hit["hops"].as_u64())
        .map(|hops| hops as u32);
    measured.first_hit_after = first_after(hits);
    measured
}

/// When the first hit came.
fn first_after(hits: &[Value]) -> Option<Duration> {
    let ms = hits.first()?["ms"].as_f64()?;
    Some(Duration::from_secs_f64(ms / 1_000.0))
}

fn received(counts: &Counts) -> u64 {
    of(&counts.received, "query")
}

fn of(tally: &BTreeMap<String, u64>, kind: &str) -> u64 {
    tally.get(kind).copied().unwrap_or_default()
}
