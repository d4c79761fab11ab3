//! `why`: what the last search could reach, and what kept it from reaching more.

use super::failure::{Exit, Failure};
use super::render::{counted, json};
use super::session::Session;
use crate::overlay::{Prospect, Strategy};

/// Explains the last search.
pub(super) fn show(session: &Session) -> Result<(), Failure> {
    let results = session.results();
    let Some(asked) = results.asked() else {
        return Err(Failure::new(
            Exit::Failed,
            "there is nothing to explain yet",
            "`search WORDS` first",
        ));
    };
    let prospect = &asked.prospect;
    let screen = &session.screen;
    if screen.json {
        screen.json(&json::why(asked, &results));
        return Ok(());
    }
    screen.data(whom(&asked.words, prospect));
    for cut in cuts(prospect) {
        screen.data(format!("  {cut}"));
    }
    screen.data(found(
        results.all().len(),
        results.hosts(),
        results.farthest(),
    ));
    if prospect.reaches() {
        let known = counted(prospect.hosts as u64, "other host");
        screen.data(format!(
            "With another TTL, if all keep as many links as our neighbours say ({known} known to us):"
        ));
        let rows = (1..).zip(&prospect.reach).map(|(ttl, reach): (u8, &u64)| {
            let here = if ttl == prospect.ttl {
                "this search"
            } else {
                ""
            };
            [
                format!("--ttl {ttl}"),
                format!("at most {}", counted(*reach, "servent")),
                format!("and {}", counted(*reach, "query")),
                here.to_owned(),
            ]
        });
        screen.table(["", "", "", ""], rows);
    }
    Ok(())
}

/// Whom it went to.
fn whom(words: &str, prospect: &Prospect) -> String {
    let asked = prospect.ultrapeers - prospect.closed - prospect.barren;
    let of = format!(
        "{asked} of {}",
        counted(prospect.ultrapeers as u64, "neighbouring ultrapeer")
    );
    let ttl = prospect.ttl;
    match prospect.way {
        _ if prospect.for_us => format!(
            "`{words}` went to {of}; we are a leaf, so they ask others for us, one link after the other."
        ),
        Strategy::Dynamic | Strategy::Auto => format!(
            "`{words}` went out link by link, over up to {of}, each with a TTL of {ttl} at most, until there were results enough."
        ),
        Strategy::Flood { .. } => format!("`{words}` went to {of} at once, with a TTL of {ttl}."),
        Strategy::Ring(ring) => format!(
            "`{words}` went to {of} in up to {}, the widest with a TTL of {ttl}, until there was an answer.",
            counted(ring.ttls().len() as u64, "round"),
        ),
        Strategy::Walk(walk) => format!(
            "`{words}` went to {of} with {}, who take up to {ttl} steps each and stop at the first answer.",
            counted(walk.walkers, "walker"),
        ),
    }
}

/// What kept it from somebody.
fn cuts(prospect: &Prospect) -> Vec<String> {
    let mut cuts = Vec::new();
    if prospect.ultrapeers == 0 {
        cuts.push("There was nobody to ask: `connect HOST:PORT` to somebody.".to_owned());
    }
    if prospect.closed > 0 {
        cuts.push(format!(
            "{} no queries now: too busy.",
            takes(prospect.closed)
        ));
    }
    if prospect.barren > 0 {
        cuts.push(format!(
            "{} not asked, being the last on the way: by the route table there is no such file.",
            was(prospect.barren)
        ));
    }
    if prospect.leaves > 0 {
        cuts.push(format!(
            "Of our {} leaves {} asked; the route tables of the others have no such words.",
            prospect.leaves,
            was(prospect.leaves_asked),
        ));
    }
    cuts
}

fn takes(count: usize) -> String {
    format!("{count} {}", if count == 1 { "takes" } else { "take" })
}

fn was(count: usize) -> String {
    format!("{count} {}", if count == 1 { "was" } else { "were" })
}

fn found(files: usize, hosts: usize, farthest: Option<u8>) -> String {
    match farthest {
        None => "Nothing has been found.".to_owned(),
        Some(farthest) => format!(
            "{} found at {}, the farthest {} away.",
            counted(files as u64, "file"),
            counted(hosts as u64, "host"),
            counted(farthest, "link"),
        ),
    }
}
