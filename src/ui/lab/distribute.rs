//! `lab distribute`: how long a file takes to reach everybody, from a server alone and from all who have a part of it.

use std::str::FromStr;

use bytesize::ByteSize;
use clap::Args;
use serde::Serialize;
use serde_json::json;
use tokio::task::spawn_blocking;

use super::curves::{Curve, curves};
use super::live::{MOST_LIVE, spread};
use super::picture::{Picture, PictureFile};
use crate::lab::distribute::{Pick, Plan};
use crate::ui::failure::{Exit, Failure};
use crate::ui::rate::RateLimit;
use crate::ui::screen::Screen;
use crate::ui::signals::Signals;

/// Peers times chunks: 4 bytes of memory and some microseconds each.
const MOST_PARCELS: usize = 20_000_000;

/// How long a file takes to reach everybody: client and server against a swarm.
#[derive(Args, Clone, Debug)]
pub(in crate::ui) struct Distribute {
    /// How many want the file, one row each
    #[arg(long, value_name = "N,…", default_value = "1,5,10,15,20,25,30,35")]
    peers: List<usize>,

    /// Into how many chunks it is cut
    #[arg(long, value_name = "M", default_value_t = 200)]
    chunks: usize,

    /// How large it is
    #[arg(long, value_name = "SIZE", default_value = "1GB")]
    size: ByteSize,

    /// How fast the server sends
    #[arg(long, value_name = "RATE", default_value = "10MB/s")]
    server_up: RateLimit,

    /// How fast a peer sends
    #[arg(long, value_name = "RATE", default_value = "1MB/s")]
    up: RateLimit,

    /// How fast a peer receives
    #[arg(long, value_name = "RATE", default_value = "10MB/s")]
    down: RateLimit,

    /// To how many at a time each sends, each at an equal part of his line (processes turn nobody away)
    #[arg(long, value_name = "N", default_value_t = 1)]
    slots: usize,

    /// How many others a peer knows [default: all]
    #[arg(long, value_name = "K")]
    neighbours: Option<usize>,

    /// Which chunk is sent first: rarest, random, in-order, or several of them
    #[arg(long, value_name = "PICK,…", default_value = "rarest")]
    pick: List<Pick>,

    /// The seed of all dice: equal seeds give equal figures
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,

    /// Let it happen, too: with real servents, each a process with these rates as its limits
    #[arg(long)]
    live: bool,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    /// Draw the textbook's plot into this file: the bounds as lines, what was measured as points
    #[arg(long, value_name = "FILE.svg|png")]
    plot: Option<PictureFile>,
}

/// Several values, with commas between them.
#[derive(Clone, Debug)]
struct List<T>(Vec<T>);

impl<T: FromStr<Err: ToString>> FromStr for List<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split(',').map(|part| part.trim().parse());
        let all: Result<Vec<T>, T::Err> = parts.collect();
        all.map(Self).map_err(|error| error.to_string())
    }
}

/// One number of peers and one way to pick.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    pub(super) peers: usize,
    pick: &'static str,
    pub(super) server_bound_s: f64,
    pub(super) server_s: f64,
    pub(super) swarm_bound_s: f64,
    pub(super) swarm_s: f64,
    /// When a peer had it, on average.
    swarm_mean_s: f64,
    /// The least that whole chunks allow; only where all lines are equal.
    optimum_s: Option<f64>,
    chunks_from_server: u64,
    chunks_from_peers: u64,
    digest: String,
    /// When the last of so many processes had it.
    #[serde(skip_serializing_if = "Option::is_none")]
    live_s: Option<f64>,
}

impl Row {
    fn measure(plan: &Plan) -> Self {
        let alone = Plan {
            swarm: false,
            ..plan.clone()
        };
        let (server, swarm) = (alone.run(), plan.run());
        Self {
            peers: plan.peers,
            pick: plan.pick.name(),
            server_bound_s: plan.server_bound(),
            server_s: server.all.as_secs_f64(),
            swarm_bound_s: plan.swarm_bound(),
            swarm_s: swarm.all.as_secs_f64(),
            swarm_mean_s: swarm.mean.as_secs_f64(),
            optimum_s: plan.optimum(),
            chunks_from_server: swarm.sent[0],
            chunks_from_peers: swarm.sent[1],
            digest: format!("{:016x}", swarm.digest),
            live_s: None,
        }
    }

    fn cells(&self) -> [String; 9] {
        let seconds = |figure: f64| format!("{figure:.1} s");
        [
            self.peers.to_string(),
            seconds(self.server_bound_s),
            seconds(self.server_s),
            seconds(self.swarm_bound_s),
            self.pick.to_owned(),
            seconds(self.swarm_s),
            self.optimum_s.map_or_else(|| "-".to_owned(), seconds),
            format!("{:.2}", self.swarm_s / self.best()),
            match self.live_s {
                Some(live) => format!("{live:.1} s, {:.2}", live / self.swarm_bound_s),
                None => "-".to_owned(),
            },
        ]
    }

    /// The best that is known to be possible, or not to be impossible.
    fn best(&self) -> f64 {
        self.optimum_s.unwrap_or(self.swarm_bound_s)
    }
}

impl Distribute {
    pub(in crate::ui) async fn run(
        self,
        screen: &Screen,
        signals: &mut Signals,
    ) -> Result<Exit, Failure> {
        let plans = self.plans()?;
        let rows = tokio::select! {
            rows = self.measure(plans) => rows?,
            // The thread ends with the process.
            _ = signals.next() => return Ok(Exit::Interrupted),
        };
        if self.json {
            screen.json(&json!({
                "version": env!("CARGO_PKG_VERSION"),
                "seed": self.seed,
                "size": self.size.as_u64(),
                "chunks": self.chunks,
                "server_up": self.server_up.0,
                "up": self.up.0,
                "down": self.down.0,
                "slots": self.slots,
                "neighbours": self.neighbours,
                "rows": rows,
            }));
        } else {
            screen.table(
                [
                    "peers", "D_cs", "server", "D_p2p", "pick", "swarm", "optimum", "ratio", "live",
                ],
                rows.iter().map(Row::cells),
            );
            screen.talk(
                "D_cs and D_p2p are the bounds; server and swarm when the last one had it; ratio is that of the swarm to the \
                 optimum of whole chunks, or else to D_p2p; live what processes took, and that by D_p2p."
                    .to_owned(),
            );
        }
        if let Some(path) = &self.plot {
            self.picture(&rows).save(path)?;
        }
        Ok(Exit::Done)
    }

    /// All that is asked for.
    async fn measure(&self, plans: Vec<Plan>) -> Result<Vec<Row>, Failure> {
        let simulated = plans.clone();
        let work = spawn_blocking(move || simulated.iter().map(Row::measure).collect());
        let mut rows: Vec<Row> = work.await.map_err(|error| {
            Failure::new(Exit::Failed, format!("the experiment broke: {error}"), "")
        })?;
        if self.live {
            for (row, plan) in rows.iter_mut().zip(&plans) {
                let ends = spread(plan).await.map_err(|error| {
                    Failure::io(
                        "the file did not spread",
                        &error,
                        "try fewer peers, or a smaller file",
                    )
                })?;
                row.live_s = ends.into_iter().reduce(f64::max);
            }
        }
        Ok(rows)
    }

    fn plans(&self) -> Result<Vec<Plan>, Failure> {
        let rates = [self.server_up, self.up, self.down].map(|rate| rate.0);
        let most = self.peers.0.iter().max().copied().unwrap_or_default();
        let why = if rates.contains(&0) {
            "a line without a limit is of no interest: no rate may be 0"
        } else if [self.chunks, self.slots].contains(&0) || self.peers.0.contains(&0) {
            "there is at least one peer, one chunk, and one slot"
        } else if self.size.as_u64() < self.chunks as u64 {
            "a chunk has at least one byte"
        } else if self.live && most > MOST_LIVE {
            "a hundred processes are the most that --live starts"
        } else if most.saturating_mul(self.chunks.max(self.slots)) > MOST_PARCELS {
            "peers times chunks, and peers times slots, may be 20 million at most"
        } else {
            ""
        };
        if !why.is_empty() {
            return Err(Failure::usage(why));
        }
        let [server_up, peer_up, peer_down] = rates;
        let plan = |peers, pick| Plan {
            peers,
            chunks: self.chunks,
            size: self.size.as_u64(),
            server_up,
            peer_up,
            peer_down,
            slots: self.slots,
            neighbours: self.neighbours.unwrap_or(usize::MAX),
            pick,
            swarm: true,
            seed: self.seed,
        };
        let of = |peers: &usize| {
            let peers = *peers;
            self.pick.0.iter().map(move |pick| plan(peers, *pick))
        };
        Ok(self.peers.0.iter().flat_map(of).collect())
    }

    fn picture(&self, rows: &[Row]) -> Picture {
        let of = |figure: fn(&Row) -> f64, rows: &[&Row]| {
            rows.iter()
                .map(|row| (row.peers as f64, figure(row)))
                .collect()
        };
        let all: Vec<&Row> = rows.iter().collect();
        let mut drawn = vec![
            Curve::line(
                "client and server, bound",
                of(|row| row.server_bound_s, &all),
            ),
            Curve::points("client and server", of(|row| row.server_s, &all)),
            Curve::line("swarm, bound", of(|row| row.swarm_bound_s, &all)),
        ];
        for pick in &self.pick.0 {
            let rows: Vec<&Row> = rows.iter().filter(|row| row.pick == pick.name()).collect();
            let name = format!("swarm, {} first", pick.name());
            drawn.push(Curve::points(name, of(|row| row.swarm_s, &rows)));
        }
        let live = rows
            .iter()
            .filter_map(|row| Some((row.peers as f64, row.live_s?)));
        let live: Vec<(f64, f64)> = live.collect();
        if !live.is_empty() {
            drawn.push(Curve::points("processes", live));
        }
        let title = format!("{} to N peers, in {} chunks", self.size, self.chunks);
        curves(&title, ["peers", "seconds until all have it"], &drawn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_commas() {
        let list: List<usize> = "1, 5,10".parse().expect("numbers");
        assert_eq!(list.0, [1, 5, 10]);
        let why = "rarest,newest".parse::<List<Pick>>().expect_err("no pick");
        assert!(why.contains("not `newest`"), "{why}");
    }
}
