//! What the exercise leaves: a plot, and a report in Markdown.

use std::fmt::Write;

use super::row::{Row, millis};
use crate::lab::course::{Exercise, System};
use crate::ui::lab::curves::{Curve, curves};
use crate::ui::lab::figures::plain;
use crate::ui::lab::picture::Picture;

/// The plot.
pub(super) fn picture(rows: &[Row], exercise: &Exercise) -> Picture {
    let of = |system: System| {
        let own = rows.iter().filter(|row| row.system == system.name());
        let points = own.filter_map(|row| Some((f64::from(row.clients), row.ms_mean?)));
        Curve::line(system.name(), points.collect())
    };
    curves(
        &format!(
            "{} queries of each client, {} peers",
            exercise.queries, exercise.peers
        ),
        ["clients that ask at once", "mean response time (ms)"],
        &System::ALL.map(of),
    )
}

/// The report, in Markdown; of fewer than the `whole` rows where the exercise was ended early, and it says so.
pub(super) fn report(rows: &[Row], whole: usize, exercise: &Exercise) -> String {
    let Exercise {
        peers,
        queries,
        objects,
        copies,
        ttl,
        ..
    } = exercise;
    let [index, all, line] = System::ALL.map(|system| Series::of(system, rows));
    let mut out = format!(
        "# Response times of a central index and of flooding\n\n\
         {}{peers} peers share {objects} objects, {} of each. Up to {} of them ask at once: each asks {queries} \
         times for an object it does not have, and asks again when it has the first hit.\n\n\
         * **index**: all peers have told one server what they have, and ask it.\n\
         * **all-to-all**: each peer is joined with each, and a query floods with TTL {ttl}.\n\
         * **linear**: the peers stand in a line, and a query floods with TTL {ttl}.\n\n\
         ![Mean response time by the number of clients](course.svg)\n\n\
         ## Mean response time in milliseconds\n\n\
         | clients | index | all-to-all | linear |\n|--:|--:|--:|--:|\n",
        match rows.len() {
            some if some < whole => {
                format!("**Cut short**: {some} of {whole} points were measured.\n\n")
            }
            _ => String::new(),
        },
        match copies {
            1 => "one copy".to_owned(),
            more => format!("{more} copies"),
        },
        exercise.clients,
    );
    for clients in 1..=exercise.clients {
        let _ = writeln!(
            out,
            "| {clients} | {} | {} | {} |",
            index.at(clients),
            all.at(clients),
            line.at(clients)
        );
    }
    out += "\n## What is to be seen\n\n";
    for series in [&index, &all, &line] {
        let _ = writeln!(out, "* {}", series.told());
    }
    let _ = writeln!(
        out,
        "\nThe floods cost what the law says: one that reaches everybody takes `2|E| - (n-1)` queries, {} among {peers} who \
         are all joined and {} along a line, beside the hits. Told that all are joined a flood needs no TTL above 1, and {} queries. An index takes one, and \
         does all the work alone.\n\n\
         ## How it was measured\n\n\
         In virtual time. The peers are real servents without their sockets, the index is the real one; both are told what \
         time it is. A word takes {} ms over a link, one way. Everybody, the server too, does one thing after another: a message \
         read or written keeps him busy for {} ms, and what comes meanwhile waits in line. So the server has its queue, and a \
         peer has one as well. Nothing is said of how fast a particular computer is; `--work` and `--latency` set that.\n\n\
         A client that has asked all of its own goes on, uncounted, until the last is done, so as many ask at once from the \
         beginning to the end. The bound in `course.csv` is that of a closed system (Denning and Buzen, 1978): no mean is \
         below the way there and back with nobody busy, nor below the number of clients times the work that one query makes \
         for the busiest.\n\n\
         servent {}, seed {}; the same command gives the same figures.",
        System::AllToAll.law(*peers),
        System::Linear.law(*peers),
        peers - 1,
        exercise.latency,
        plain(millis(exercise.work)),
        env!("CARGO_PKG_VERSION"),
        exercise.seed,
    );
    out
}

/// The rows of one system.
struct Series<'a> {
    system: System,
    rows: Vec<&'a Row>,
}

impl<'a> Series<'a> {
    fn of(system: System, rows: &'a [Row]) -> Self {
        let own = rows.iter().filter(|row| row.system == system.name());
        let rows = own.collect();
        Self { system, rows }
    }

    fn at(&self, clients: u32) -> String {
        let row = self.rows.iter().find(|row| row.clients == clients);
        let mean = row.and_then(|row| row.ms_mean);
        mean.map_or_else(|| "-".to_owned(), |mean| format!("{mean:.1}"))
    }

    /// What there is to say about it.
    fn told(&self) -> String {
        let name = self.system.name();
        let (Some(first), Some(last)) = (self.rows.first(), self.rows.last()) else {
            return format!("**{name}** was not measured.");
        };
        let (Some(alone), Some(crowded)) = (first.ms_mean, last.ms_mean) else {
            return format!("**{name}** did not answer.");
        };
        let found = match last.success {
            1.0 => "all queries".to_owned(),
            part => format!(
                "only {:.0} % of the queries, its TTL being too small for the others,",
                part * 100.0
            ),
        };
        let busiest = match self.system {
            System::Index => "the server",
            _ => "the busiest peer",
        };
        format!(
            "**{name}** answered {found} with {} messages for each. One client waits {alone:.1} ms, {} at once wait \
             {crowded:.1} ms, {:.1} times as long; then {busiest} is busy for {:.0} % of the time, and {:.0} answers come in a \
             second.",
            plain(last.messages_per_query),
            last.clients,
            crowded / alone,
            last.utilisation * 100.0,
            last.answers_per_second,
        )
    }
}
