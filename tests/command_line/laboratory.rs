//! The experiments of the laboratory, from the command line: what they print, what they write, and that a seed repeats it.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::process::{Ended, Process, command, home};

fn lab(home: &Path, arguments: &str) -> Ended {
    let mut command = command(home);
    command.args(arguments.split(' '));
    Process::spawn(command).end()
}

/// The one JSON object that an experiment prints.
fn json(ended: &Ended) -> Value {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let [object] = ended.json().try_into().expect("one object");
    object
}

#[test]
fn the_exercise_of_the_course_leaves_a_report_a_plot_and_a_table() {
    let home = home();
    let line = "lab course cs550 --nodes 5 --queries 20 --objects 20 --out done --json";
    let first = json(&lab(home.path(), line));
    let rows = first["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 3 * 5);
    assert!(rows.iter().all(|row| row["success"] == 1.0), "{first}");
    let report = fs::read_to_string(home.path().join("done/report.md")).expect("a report");
    assert!(
        report.contains("](course.svg)") && report.contains("| 5 | "),
        "{report}"
    );
    let table = fs::read_to_string(home.path().join("done/course.csv")).expect("a table");
    assert_eq!(table.lines().count(), 1 + 3 * 5);
    let plot = fs::read_to_string(home.path().join("done/course.svg")).expect("a plot");
    assert!(plot.contains("all-to-all") && plot.ends_with("</svg>\n"));
    assert_eq!(json(&lab(home.path(), line))["digest"], first["digest"]);
}

#[test]
fn churn_is_the_same_for_every_strategy_and_a_seed_repeats_it() {
    let home = home();
    let line = "lab churn --nodes 40 --minutes 3 --session 2 --away 2 --queries 5 --replication 5 --strategies flood,index \
                --csv table.csv --json";
    let first = json(&lab(home.path(), line));
    let [flood, index] = first["rows"].as_array().expect("rows").as_slice() else {
        panic!("two rows: {first}");
    };
    assert_eq!(flood["queries"], index["queries"]);
    assert_eq!(flood["available"], index["available"]);
    assert_eq!(index["success"], 1.0, "{first}");
    assert!(
        first["bound_available"]
            .as_f64()
            .is_some_and(|bound| bound > 0.9),
        "{first}"
    );
    let table = fs::read_to_string(home.path().join("table.csv")).expect("a table");
    assert_eq!(table.lines().count(), 3);
    assert_eq!(json(&lab(home.path(), line))["digest"], first["digest"]);
}
