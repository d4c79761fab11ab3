//! `lab course`: an exercise of a university course, done, with its report in a folder.

mod paper;
mod row;

use std::fs;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::json;

use paper::{picture, report};
use row::{Row, millis};

use super::experiment::{NOTHING, watched};
use super::figures::sheet;
use super::write;
use crate::lab::Latency;
use crate::lab::course::{Exercise, Point, System};
use crate::ui::failure::{Exit, Failure};
use crate::ui::screen::Screen;
use crate::ui::signals::Signals;

/// A course whose exercise can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Name {
    /// Advanced Operating Systems, Illinois Institute of Technology: an index against floods, response times
    Cs550,
}

/// Do the exercise of a university course: response times of 1 to N clients who ask at once, from a central index, and by
/// flooding among peers who are all joined or stand in a line.
#[derive(Args, Clone, Debug)]
pub(in crate::ui) struct Course {
    /// Which
    name: Name,

    /// So many peers
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(2..=MOST_PEERS))]
    nodes: u32,

    /// Up to so many of them ask at once [default: all]
    #[arg(long, value_name = "N")]
    clients: Option<u32>,

    /// Queries of each client, one after another
    #[arg(long, value_name = "Q", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=MOST_QUERIES))]
    queries: u32,

    /// Different objects
    #[arg(long, value_name = "M", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=MOST_OBJECTS))]
    objects: u32,

    /// Copies of each
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    copies: u32,

    /// The TTL of floods [default: enough to reach everybody on a line]
    #[arg(long, value_name = "TTL", value_parser = clap::value_parser!(u8).range(1..))]
    ttl: Option<u8>,

    /// One way of a word over a link, in milliseconds: 1 is a network of one house
    #[arg(long, value_name = "MS", default_value = "1")]
    latency: Latency,

    /// How long a peer or the server is busy with a message it reads or writes, in milliseconds
    #[arg(long, value_name = "MS", default_value = "1")]
    work: Work,

    /// The seed of all dice: equal seeds give equal figures
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,

    /// Put table, plot and report into this folder [default: the name of the course]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// How long a message keeps somebody busy.
#[derive(Clone, Copy, Debug)]
struct Work(Duration);

impl FromStr for Work {
    type Err = String;

    /// Milliseconds, like `1` or `0.05`.
    fn from_str(text: &str) -> Result<Self, String> {
        let millis = text.parse::<f64>().ok();
        let sound = millis.filter(|millis| (0.0..=1_000.0).contains(millis));
        let micros = sound.map(|millis| Duration::from_micros((millis * 1e3).round() as u64));
        micros.map(Self).ok_or_else(|| {
            format!("work is milliseconds like `1` or `0.05`, up to 1000, not `{text}`")
        })
    }
}

impl Course {
    pub(in crate::ui) async fn run(
        self,
        screen: &Screen,
        signals: &mut Signals,
    ) -> Result<Exit, Failure> {
        let exercise = self.exercise()?;
        let folder = self.folder()?;
        let same = exercise.clone();
        let all = exercise.queries();
        let points = watched(all, screen, signals, move |progress| same.run(progress)).await?;
        let whole = System::ALL.len() * exercise.clients as usize;
        let cut_short = points.len() < whole;
        let rows: Vec<Row> = { points.iter() }
            .map(|point| Row::new(point, &exercise))
            .collect();
        let files = [
            ("course.csv", sheet(&rows)),
            ("course.svg", picture(&rows, &exercise).svg()),
            ("report.md", report(&rows, whole, &exercise)),
        ];
        if self.json {
            screen.json(&json!({
                "version": env!("CARGO_PKG_VERSION"),
                "seed": exercise.seed,
                "course": "cs550",
                "nodes": exercise.peers,
                "workload": {
                    "objects": exercise.objects,
                    "copies": exercise.copies,
                    "queries": exercise.queries,
                },
                "ttl": exercise.ttl,
                "latency": self.latency.to_string(),
                "work_ms": millis(exercise.work),
                "rows": rows,
                "digest": format!("{:016x}", digest(&points)),
                "cut_short": cut_short,
            }));
        } else if rows.is_empty() {
            screen.talk(NOTHING);
        } else {
            screen.table(
                [
                    "system",
                    "clients",
                    "found",
                    "ms",
                    "95 %",
                    "bound",
                    "answers/s",
                    "messages",
                    "busy",
                ],
                rows.iter().map(Row::cells),
            );
            screen.talk(
                "ms is how long a query waited for its first hit, on average and for 95 % of them at most; bound what that \
                 mean cannot be below; busy how much of the time the busiest read or wrote."
                    .to_owned(),
            );
        }
        if !rows.is_empty() {
            for (name, text) in files {
                write(&folder.join(name), &text)?;
            }
            screen.talk(format!(
                "{} holds report.md, course.svg and course.csv{}.",
                folder.display(),
                if cut_short { " of what was done" } else { "" },
            ));
        }
        Ok(match cut_short {
            true => Exit::Interrupted,
            false => Exit::Done,
        })
    }

    fn exercise(&self) -> Result<Exercise, Failure> {
        let clients = self.clients.unwrap_or(self.nodes);
        if clients == 0 || clients > self.nodes {
            return Err(Failure::usage(format!(
                "of {} peers 1 to {} can ask at once, not {clients}",
                self.nodes, self.nodes
            )));
        }
        if self.copies >= self.nodes {
            return Err(Failure::usage(format!(
                "{} copies among {} peers leave nobody to ask",
                self.copies, self.nodes
            )));
        }
        let exercise = Exercise {
            peers: self.nodes,
            clients,
            queries: self.queries,
            objects: self.objects,
            copies: self.copies,
            ttl: self.ttl.unwrap_or_else(|| across(self.nodes)),
            latency: self.latency,
            work: self.work.0,
            seed: self.seed,
        };
        let floods = exercise.queries() as u64 * System::AllToAll.law(self.nodes);
        if floods > MOST_MESSAGES {
            return Err(Failure::usage(format!(
                "that would be {floods} messages; take fewer --nodes, --clients or --queries"
            )));
        }
        Ok(exercise)
    }

    /// The folder for the files, there already when the work begins.
    fn folder(&self) -> Result<PathBuf, Failure> {
        let folder = self.out.clone().unwrap_or_else(|| "cs550".into());
        fs::create_dir_all(&folder).map_err(|error| {
            let shown = folder.display();
            Failure::io(
                format!("{shown} cannot be made"),
                &error,
                "name another folder with --out",
            )
        })?;
        Ok(folder)
    }
}

/// The TTL that brings a flood from one end of a line to the other, as far as there is one.
fn across(peers: u32) -> u8 {
    u8::try_from(peers - 1).unwrap_or(u8::MAX)
}

fn digest(points: &[Point]) -> u64 {
    points.iter().fold(0, |sum: u64, point| {
        sum.rotate_left(7).wrapping_add(point.digest)
    })
}

/// Peers: a full graph of more costs 40,000 messages a query.
const MOST_PEERS: i64 = 200;

/// Queries of a client.
const MOST_QUERIES: i64 = 100_000;

/// Objects, each on the list of each peer that lacks it.
const MOST_OBJECTS: i64 = 100_000;

/// Messages in all: a quarter of an hour.
const MOST_MESSAGES: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_told_in_milliseconds() {
        for (text, micros) in [("1", 1_000), ("0.05", 50), ("0", 0), ("1000", 1_000_000)] {
            let work: Work = text.parse().expect(text);
            assert_eq!(work.0, Duration::from_micros(micros));
        }
        for bad in ["", "-1", "x", "1001", "nan"] {
            assert!(bad.parse::<Work>().is_err(), "{bad}");
        }
    }
}
