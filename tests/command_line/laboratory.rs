//! The experiments of the laboratory, from the command line: what they print, what they write, and that a seed repeats it.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::process::{Ended, GUARD, Process, command, home};

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

#[test]
fn the_square_root_needs_the_fewest_probes() {
    let home = home();
    let line = "lab replicate --nodes 300 --queries 20 --probes 3000 --csv table.csv --json";
    let told = json(&lab(home.path(), line));
    let rows = told["rows"].as_array().expect("rows");
    let ratios: Vec<f64> = rows
        .iter()
        .filter_map(|row| row["ratio"].as_f64())
        .collect();
    let [uniform, proportional, root] = ratios[..] else {
        panic!("three rows: {told}");
    };
    assert_eq!(uniform, 1.0);
    assert!((0.9..1.1).contains(&proportional), "{told}");
    assert!((0.55..0.75).contains(&root), "{told}");
    assert_eq!(rows[1]["ratio_law"], 1.0);
    assert!(home.path().join("table.csv").exists());
}

#[test]
fn one_way_of_searching_is_measured_in_full() {
    let home = home();
    let line = "lab search flood:ttl=9 --topology ring --nodes 12 --queries 6 --objects 3 --replication 1 --csv each.csv --json";
    let told = json(&lab(home.path(), line));
    let messages = &told["distribution"][0];
    // A ring of twelve: two for each link, one less for all but the asker.
    let law = 2 * 12 - 11;
    assert_eq!(told["rows"][0]["bound_messages"], law);
    for figure in ["least", "p50", "p95", "most"] {
        assert_eq!(messages[figure], law, "{figure} of {told}");
    }
    assert_eq!(told["bound_search_size"], 6.0);
    let table = fs::read_to_string(home.path().join("each.csv")).expect("a table");
    assert_eq!(table.lines().count(), 7);
}

#[test]
fn a_comparison_is_drawn_in_the_form_that_the_name_of_the_file_tells() {
    let home = home();
    for (name, begins) in [("plot.svg", &b"<svg "[..]), ("plot.png", b"\x89PNG\r\n")] {
        let line = format!(
            "compare --nodes 20 --degree 4 --queries 2 --replication 2 --json --plot {name}"
        );
        json(&lab(home.path(), &line));
        let drawn = fs::read(home.path().join(name)).expect("a picture");
        assert!(drawn.starts_with(begins) && drawn.len() > 2_000, "{name}");
    }
}

#[test]
fn a_network_goes_through_every_form_of_file_and_stays_itself() {
    let home = home();
    let drawn = "lab graph --topology small-world --nodes 60 --degree 6 --json --out net.txt";
    let first = json(&lab(home.path(), drawn));
    assert_eq!(first["topology"]["edges"], 180);
    assert!(
        first["path_mean"]
            .as_f64()
            .is_some_and(|mean| (2.0..4.0).contains(&mean))
    );
    let mut from = "net.txt".to_owned();
    for to in [
        "net.json",
        "net.graphml.gz",
        "net.txt.gz",
        "net.graphml",
        "net.json.gz",
    ] {
        let line = format!("lab graph --topology file:{from} --json --out {to}");
        let again = json(&lab(home.path(), &line));
        for figure in [
            "path_mean",
            "path_most",
            "degree_least",
            "degree_most",
            "paths_within",
        ] {
            assert_eq!(again[figure], first[figure], "{figure} of {to}");
        }
        from = to.to_owned();
    }
}

#[test]
fn ctrl_c_ends_an_experiment_with_what_is_done_so_far() {
    let home = home();
    for experiment in ["compare --strategies walk", "lab search walk"] {
        let line = format!("{experiment} --nodes 500 --degree 2 --queries 200000 --json");
        let mut command = command(home.path());
        command.args(line.split(' '));
        let running = Process::spawn(command);
        // So sparse a network falls apart, which is said when all is about to begin.
        running.said("are left out");
        running.signal("INT");
        let ended = running.end_by_itself();
        assert_eq!(ended.code, Some(130), "{ended:?}");
        let told = ended.json();
        assert_eq!(told.len(), 1, "{ended:?}");
        assert_eq!(told[0]["cut_short"], true);
    }
}

#[test]
fn an_exercise_cut_short_leaves_a_report_that_says_so() {
    let home = home();
    let mut command = command(home.path());
    // The first points take a moment each, all of them would take minutes.
    let line = "lab course cs550 --nodes 60 --queries 30 --out half --json";
    command.args(line.split(' '));
    let running = Process::spawn(command);
    let until = Instant::now() + GUARD;
    while !home.path().join("half").exists() {
        assert!(Instant::now() < until, "it does not begin");
        thread::sleep(Duration::from_millis(1));
    }
    running.signal("INT");
    let ended = running.end_by_itself();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    let told = &ended.json()[0];
    assert_eq!(told["cut_short"], true);
    let done = told["rows"].as_array().expect("rows").len();
    let report = fs::read_to_string(home.path().join("half/report.md"));
    assert_eq!(report.is_ok(), done > 0, "{ended:?}");
    let marked = |report: String| report.contains(&format!("**Cut short**: {done} of 180 points"));
    assert!(report.map_or(true, marked));
}
