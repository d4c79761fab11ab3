//! `compare`: ways of searching side by side.

use std::path::PathBuf;

use clap::Args;

use super::experiment::{Experiment, run};
use super::plot;
use super::report::Report;
use super::write;
use crate::overlay::Strategy;
use crate::ui::failure::{Exit, Failure};
use crate::ui::screen::Screen;
use crate::ui::signals::Signals;

/// Compare ways of searching on the same network, with the same files and questions.
#[derive(Args, Clone, Debug)]
pub(in crate::ui) struct Compare {
    #[command(flatten)]
    experiment: Experiment,

    /// The strategies, with commas between: flood, ring, walk, dynamic; parameters like walk:walkers=32,check=8
    #[arg(long, value_name = "LIST", default_value = "flood,ring,walk,dynamic")]
    strategies: Strategies,

    /// Print JSON
    #[arg(long)]
    pub(in crate::ui) json: bool,

    /// Write the table to this file as well
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,

    /// Draw it into this file
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

/// Strategies with commas between; a comma before `key=value` belongs to the strategy before it.
#[derive(Clone, Debug)]
struct Strategies(Vec<Strategy>);

impl std::str::FromStr for Strategies {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut texts: Vec<String> = Vec::new();
        for part in text.split(',') {
            let goes_on = part.contains('=') && !part.contains(':');
            match texts.last_mut().filter(|_| goes_on) {
                Some(last) => {
                    last.push(',');
                    last.push_str(part);
                }
                None => texts.push(part.to_owned()),
            }
        }
        let strategies: Result<Vec<Strategy>, String> =
            texts.iter().map(|text| text.parse()).collect();
        strategies.map(Self)
    }
}

impl Compare {
    pub(in crate::ui) async fn run(
        self,
        screen: &Screen,
        signals: &mut Signals,
    ) -> Result<Exit, Failure> {
        let (graph, name) = self.experiment.graph(screen)?;
        let comparison = self
            .experiment
            .comparison(graph, self.strategies.0.clone())?;
        let settled = comparison.clone();
        let outcome = run(comparison, screen, signals).await?;
        let report = Report::new(&settled, name, &outcome);
        if self.json {
            screen.json(&report.json());
        } else {
            report.show(screen);
        }
        if let Some(path) = &self.csv {
            write(path, &report.csv())?;
        }
        if let Some(path) = &self.plot {
            write(path, &plot::svg(&report))?;
        }
        Ok(if outcome.cut_short {
            Exit::Interrupted
        } else {
            Exit::Done
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_part_strategies_and_their_parameters() {
        let Strategies(list) = "flood:ttl=3,walk:walkers=8,check=2,ring"
            .parse()
            .expect("strategies");
        let written: Vec<String> = list.iter().map(Strategy::to_string).collect();
        assert_eq!(
            written,
            [
                "flood:ttl=3",
                "walk:walkers=8,ttl=255,check=2",
                "ring:ttls=1-3-5-7"
            ]
        );
        assert!("flood,,walk".parse::<Strategies>().is_err());
        assert!("".parse::<Strategies>().is_err());
    }
}
