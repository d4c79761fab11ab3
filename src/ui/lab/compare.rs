//! `compare`: ways of searching side by side.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;

use super::experiment::{Experiment, run, watched};
use super::picture::PictureFile;
use super::plot::plot;
use super::reality;
use super::report::Report;
use super::strategies::Strategies;
use super::write;
use crate::lab::Latency;
use crate::lab::centre::{self, MOST_COPIES};
use crate::lab::compare::{Comparison, Outcome, Progress};
use crate::lab::measure::Summary;
use crate::ui::failure::{Exit, Failure};
use crate::ui::screen::Screen;
use crate::ui::signals::Signals;

/// Compare ways of searching on the same network, with the same files and questions.
#[derive(Args, Clone, Debug)]
pub(in crate::ui) struct Compare {
    #[command(flatten)]
    experiment: Experiment,

    /// The strategies, with commas between: flood, ring, walk, dynamic, index; parameters like walk:walkers=32,check=8
    #[arg(
        long,
        value_name = "LIST",
        default_value = "flood,ring,walk,dynamic,index"
    )]
    strategies: Strategies,

    /// Have the index vanish after this part of the queries, like 25%
    #[arg(long, value_name = "PART", num_args = 0..=1, default_missing_value = "50%")]
    kill_index: Option<Part>,

    /// Run it with real servents, and a real index, on this machine as well, a process each, and say whether they agree.
    /// The laboratory's links are then all alike
    #[arg(long)]
    live: bool,

    /// Print JSON
    #[arg(long)]
    pub(in crate::ui) json: bool,

    /// Write the table to this file as well
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,

    /// Draw it into this file
    #[arg(long, value_name = "FILE.svg|png")]
    plot: Option<PictureFile>,
}

/// A part of all queries, in hundredths of a hundredth, so that no machine rounds it otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part(u32);

impl Part {
    /// The whole.
    const ALL: u32 = 10_000;

    /// This part of so many.
    fn of(self, count: u32) -> usize {
        (u64::from(count) * u64::from(self.0) / u64::from(Self::ALL)) as usize
    }
}

impl FromStr for Part {
    type Err = String;

    /// `25%` or `0.25`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (digits, scale) = match text.strip_suffix('%') {
            Some(digits) => (digits, 100.0),
            None => (text, 10_000.0),
        };
        let part: Option<f64> = digits.parse().ok().map(|part: f64| part * scale);
        match part {
            Some(part) if (0.0..=10_000.0).contains(&part) => Ok(Self(part.round() as u32)),
            _ => Err(format!("a part is from 0% to 100%, not `{text}`")),
        }
    }
}

impl Compare {
    pub(in crate::ui) async fn run(
        self,
        screen: &Screen,
        signals: &mut Signals,
    ) -> Result<Exit, Failure> {
        if self.kill_index.is_some() && self.strategies.index.is_none() {
            return Err(Failure::usage(
                "there is no index to kill: add `index` to --strategies",
            ));
        }
        let (graph, name) = self.experiment.graph(screen, signals).await?;
        let mut comparison = self
            .experiment
            .comparison(graph, self.strategies.network.clone())?;
        if self.live {
            // On one machine too no way is longer than another of as many links.
            comparison.latency = Latency::between(100, 100).expect("a latency");
            reality::is_possible(&comparison)?;
        }
        if self.strategies.index.is_some()
            && comparison.plan.copies(comparison.graph.nodes()) > MOST_COPIES
        {
            return Err(Failure::usage(format!(
                "an index takes at most {MOST_COPIES} copies here; leave `index` out of --strategies"
            )));
        }
        let settled = Arc::new(comparison.clone());
        let outcome = run(comparison, screen, signals).await?;
        let loss = { self.kill_index }.map(|part| part.of(settled.plan.queries));
        let mut report = Report::new(&settled, name, &outcome, loss);
        let mut answers = None;
        if let Some(at) = self.strategies.index
            && !outcome.cut_short
        {
            let began = Instant::now();
            let (same, all) = (Arc::clone(&settled), settled.plan.queries as usize);
            let ask = move |progress: &Progress| centre::run(&same, loss, progress);
            let told = watched(all, screen, signals, ask).await?;
            report.add_index(at, &told, began.elapsed());
            answers = Some(told);
        }
        let mut exit = match outcome.cut_short {
            true => Exit::Interrupted,
            false => Exit::Done,
        };
        if self.live && !outcome.cut_short {
            let index = answers.as_ref().map(|answers| &answers.summary);
            let live = add_reality(&mut report, &settled, &outcome, index, screen);
            let done = tokio::select! {
                agree = live => Some(agree?),
                _ = signals.next() => None,
            };
            exit = match done {
                Some(true) => Exit::Done,
                Some(false) => Exit::Failed,
                None => {
                    screen.progress("");
                    report.end_early();
                    Exit::Interrupted
                }
            };
        }
        if self.json {
            screen.json(&report.json());
        } else {
            report.show(screen);
        }
        if let Some(path) = &self.csv {
            write(path, report.csv())?;
        }
        if let Some(path) = &self.plot {
            plot(&report).save(path)?;
        }
        Ok(exit)
    }
}

/// Does all once more with real servents, and with a real index where that was simulated, too. False when they did not do
/// the same.
async fn add_reality(
    report: &mut Report<'_>,
    comparison: &Comparison,
    simulated: &Outcome,
    index: Option<&Summary>,
    screen: &Screen,
) -> Result<bool, Failure> {
    let mut agree = true;
    for (strategy, simulated) in &simulated.rows {
        let live = reality::measure(comparison, *strategy, screen).await?;
        agree &= report.add_live(*strategy, simulated, &live);
    }
    if let Some(simulated) = index {
        let (live, load) = reality::centre::measure(comparison, report.loss, screen).await?;
        agree &= report.add_live_index(simulated, &live, &load);
    }
    Ok(agree)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_of_all() {
        for (text, of_300) in [
            ("0%", 0),
            ("50%", 150),
            ("0.1", 30),
            ("1", 300),
            ("33.34%", 100),
        ] {
            assert_eq!(
                text.parse::<Part>().map(|part| part.of(300)),
                Ok(of_300),
                "{text}"
            );
        }
        for bad in ["", "x", "-1%", "101%", "1.1", "nan", "%"] {
            assert!(bad.parse::<Part>().is_err(), "{bad}");
        }
    }
}
