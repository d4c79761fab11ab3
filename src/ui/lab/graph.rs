//! `lab graph`: a network by itself, drawn or read, described and written to a file.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::experiment::{Network, completed, unwatched};
use super::figures::{plain, rounded};
use super::unwritten;
use crate::lab::topology::{Shape, save};
use crate::rng::Rng;
use crate::ui::failure::{Exit, Failure};
use crate::ui::screen::Screen;
use crate::ui::signals::Signals;

/// Draw a network, or read one, and say what it looks like; write it to a file for other programs.
#[derive(Args, Clone, Debug)]
pub(in crate::ui) struct Graph {
    #[command(flatten)]
    network: Network,

    /// The seed of all dice: equal seeds draw equal networks
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,

    /// Write it to this file: adjacency JSON or GraphML by its name, else an edge list; with .gz packed
    #[arg(long, value_name = "FILE.json|graphml|txt")]
    out: Option<PathBuf>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Graph {
    pub(in crate::ui) async fn run(
        self,
        screen: &Screen,
        signals: &mut Signals,
    ) -> Result<Exit, Failure> {
        let (graph, name) = self.network.graph(self.seed, screen, signals).await?;
        let seed = self.seed;
        let (nodes, edges) = (graph.nodes(), graph.edges().len());
        let (mean_degree, law) = (graph.mean_degree(), graph.flood_law());
        let graph = match &self.out {
            None => graph,
            Some(path) => {
                let file = path.clone();
                let write = move || save(&graph, &file).map(|()| graph);
                let (saved, is_ended) = completed(signals, write).await?;
                let graph = saved.map_err(|error| unwritten(path, &error))?;
                if is_ended {
                    return Err(unmeasured(path));
                }
                graph
            }
        };
        let measure = move || Shape::of(&graph, &mut Rng::seeded(seed));
        let shape = match (unwatched(signals, measure).await, &self.out) {
            (Err(left), Some(path)) if left.exit == Exit::Interrupted => {
                return Err(unmeasured(path));
            }
            (shape, _) => shape?,
        };
        if self.json {
            screen.json(&json!({
                "version": env!("CARGO_PKG_VERSION"),
                "seed": self.seed,
                "topology": {
                    "kind": name,
                    "nodes": nodes,
                    "edges": edges,
                    "mean_degree": rounded(mean_degree),
                },
                "degree_least": shape.degrees.0,
                "degree_most": shape.degrees.1,
                "path_mean": rounded(shape.mean_path),
                "path_most": shape.longest(),
                "paths_within": shape.within.iter().copied().map(rounded).collect::<Vec<_>>(),
                "sources": shape.sources,
                "bound_flood_messages": law,
            }));
            return Ok(Exit::Done);
        }
        screen.data(format!(
            "{name}: {nodes} nodes, {edges} links, degree {} to {}, on average {mean_degree:.2}",
            shape.degrees.0, shape.degrees.1
        ));
        let rows = shape.within.iter().enumerate().skip(1);
        let rows =
            rows.map(|(links, part)| [links.to_string(), format!("{} %", plain(part * 100.0))]);
        screen.table(["links", "ways no longer"], rows);
        let from = match shape.sources {
            all if all == nodes => "all nodes".to_owned(),
            some => format!("{some} nodes drawn"),
        };
        screen.talk(format!(
            "A way has {:.2} links on average, from {from}.{}",
            shape.mean_path,
            law.map_or_else(String::new, |law| format!(
                " A flood that reaches everybody costs 2|E| - (n-1) = {law} messages."
            )),
        ));
        Ok(Exit::Done)
    }
}

/// It was ended when the file was whole.
fn unmeasured(path: &Path) -> Failure {
    let path = path.display();
    let what = format!("{path} is written; what it looks like was not measured");
    Failure::new(Exit::Interrupted, what, "")
}
