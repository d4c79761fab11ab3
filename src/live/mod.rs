//! A village: many servents on this machine, each a process of its own, joined as a graph says.
//!
//! The same program, the same wire, real sockets on loopback: what the laboratory counts in virtual time can be counted
//! here, and watched. The one rule: no servent outlives the process that founded the village, however that ends. The
//! system tells each of its parent's death, a closed stdin tells it again, and a village that is dropped ends them itself.

mod centre;
mod resident;

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use crate::api::{Answer, Client, Order};
use crate::lab::topology::Graph;
pub use centre::{Centre, Counted};
use resident::Resident;

/// Servents of a village: each is a process of some 12 MB and twenty file descriptors.
pub const MOST: usize = 1_000;

/// How the name of a village's folder begins.
pub const HOME_PREFIX: &str = "servent-village-";

/// All of it is up within this, or something is wrong.
const UP_WITHIN: Duration = Duration::from_secs(120);

/// How often is looked whether a servent is up.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Calls under way at once while the links are made.
const AT_ONCE: usize = 16;

/// Only the owner looks into a village.
const OWNER_ONLY: u32 = 0o700;

/// What a village is to be.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The program that every servent is.
    pub program: PathBuf,
    /// Who is joined with whom; servent `n` is its node `n`.
    pub graph: Graph,
    /// What each servent shares: names and contents. Servents that stand in no entry share nothing.
    pub shares: Vec<Vec<(String, String)>>,
    /// How searches go out where nobody says how, as `--search` takes it.
    pub search: String,
    /// The index that all are to be members of.
    pub index: Option<SocketAddr>,
}

/// How far the founding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// So many servents are up.
    Up(usize),
    /// So many links are made.
    Linked(usize),
}

/// A running village. Dropped, it is gone.
#[derive(Debug)]
pub struct Village {
    // Before the home: a servent that has ended writes nothing there any more.
    residents: Vec<Resident>,
    graph: Graph,
    _home: Home,
}

/// Descriptors one servent has counted, by their names in `status --json`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Received, by kind.
    pub received: BTreeMap<String, u64>,
    /// Sent, by kind.
    pub sent: BTreeMap<String, u64>,
    /// Queries that came though they had been seen before.
    pub duplicate: u64,
    /// Descriptors dropped: malformed, or without a way.
    pub dropped: u64,
}

impl Village {
    /// Starts all servents, waits until each has read what it shares, and makes the links of the graph. `tell` hears how
    /// far it is.
    ///
    /// To be called from the thread that lives longest, as `block_on` of the main thread does: the system takes the end of
    /// the thread that starts a process for its parent's.
    ///
    /// # Errors
    /// A servent cannot be started, ends by itself (its last words are told), or takes too long.
    ///
    /// # Panics
    /// When the graph has more than [`MOST`] nodes.
    pub async fn found(plan: Plan, mut tell: impl FnMut(Stage)) -> io::Result<Self> {
        let nodes = plan.graph.nodes();
        assert!(nodes <= MOST, "{nodes} processes are more than {MOST}");
        let home = Home::new()?;
        let mut residents = Vec::with_capacity(nodes);
        let neighbours = plan.graph.neighbours();
        for node in 0..nodes {
            let degree = neighbours.of(node as u32).len();
            let shares = plan.shares.get(node).map_or(&[][..], Vec::as_slice);
            residents.push(Resident::start(
                &plan,
                &home.0.join(node.to_string()),
                degree,
                shares,
            )?);
        }
        let mut village = Self {
            residents,
            graph: plan.graph,
            _home: home,
        };
        timeout(UP_WITHIN, village.settle(&plan.shares, &mut tell))
            .await
            .map_err(io::Error::from)??;
        Ok(village)
    }

    async fn settle(
        &mut self,
        shares: &[Vec<(String, String)>],
        tell: &mut impl FnMut(Stage),
    ) -> io::Result<()> {
        for (node, resident) in self.residents.iter_mut().enumerate() {
            resident.up(shares.get(node).map_or(0, Vec::len)).await?;
            tell(Stage::Up(node + 1));
        }
        let mut linked = stream::iter(self.graph.edges())
            .map(|(from, to)| self.link(*from as usize, *to as usize))
            .buffer_unordered(AT_ONCE);
        let mut made = 0;
        while linked.try_next().await?.is_some() {
            made += 1;
            tell(Stage::Linked(made));
        }
        drop(linked);
        // The far end of a link may still be about to note it.
        let neighbours = self.graph.neighbours();
        for (node, resident) in self.residents.iter().enumerate() {
            let wanted = neighbours.of(node as u32).len() as u64;
            while resident.client().status().await?["peers"] != wanted {
                sleep(LOOK_EVERY).await;
            }
        }
        Ok(())
    }

    async fn link(&self, from: usize, to: usize) -> io::Result<()> {
        let to = self.residents[to].listen().to_string();
        let answer = self.tell(from, &["connect", &to, "--quiet"]).await?;
        match answer.data().await? {
            (_, 0) => Ok(()),
            (_, exit) => Err(io::Error::other(format!(
                "servent {from} cannot be joined with {to}: exit code {exit}"
            ))),
        }
    }

    /// Who is joined with whom.
    pub const fn graph(&self) -> &Graph {
        &self.graph
    }

    /// A caller of servent `node`.
    ///
    /// # Panics
    /// When there is no such node.
    pub fn client(&self, node: usize) -> &Client {
        self.residents[node].client()
    }

    /// The system's number of servent `node`'s process.
    ///
    /// # Panics
    /// When there is no such node.
    pub fn process(&self, node: usize) -> Option<u32> {
        self.residents[node].process()
    }

    /// Has servent `node` carry out a command, as if it were typed there.
    ///
    /// # Errors
    /// It does not answer.
    ///
    /// # Panics
    /// When there is no such node.
    pub async fn tell(&self, node: usize, words: &[&str]) -> io::Result<Answer> {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        let order = Order {
            words,
            ..Order::default()
        };
        self.client(node).order(&order).await
    }

    /// What each servent has counted so far.
    ///
    /// # Errors
    /// One does not answer.
    pub async fn counts(&self) -> io::Result<Vec<Counts>> {
        stream::iter(&self.residents)
            .map(async |resident| Ok(Counts::of(&resident.client().status().await?)))
            .buffered(AT_ONCE)
            .try_collect()
            .await
    }

    /// What each has counted, once nothing has been counted by anybody for `quiet`: all that a search caused is over.
    /// Pings and pongs, which never end, are left out.
    ///
    /// # Errors
    /// One does not answer.
    pub async fn settled_counts(&self, quiet: Duration) -> io::Result<Vec<Counts>> {
        let mut last = self.counts().await?;
        let mut since = Instant::now();
        loop {
            sleep(LOOK_EVERY).await;
            let now = self.counts().await?;
            if now != last {
                (last, since) = (now, Instant::now());
            } else if since.elapsed() >= quiet {
                return Ok(last);
            }
        }
    }

    /// Ends all of them.
    pub async fn end(mut self) {
        for resident in &mut self.residents {
            resident.end().await;
        }
    }
}

impl Counts {
    fn of(status: &Value) -> Self {
        let messages = &status["messages"];
        let number = |value: &Value| value.as_u64().unwrap_or_default();
        let kinds = |way: &str| {
            let kinds = messages[way].as_object().into_iter().flatten();
            kinds
                .filter(|(kind, _)| !matches!(kind.as_str(), "ping" | "pong"))
                .map(|(kind, count)| (kind.clone(), number(count)))
                .collect()
        };
        Self {
            received: kinds("in"),
            sent: kinds("out"),
            duplicate: number(&messages["duplicate"]),
            dropped: number(&messages["dropped"]),
        }
    }
}

/// The folder that holds the state of all; gone with the village.
#[derive(Debug)]
struct Home(PathBuf);

impl Home {
    fn new() -> io::Result<Self> {
        let name = format!("{HOME_PREFIX}{}", uuid::Uuid::new_v4().simple());
        let path = std::env::temp_dir().join(name);
        DirBuilder::new().mode(OWNER_ONLY).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, path = ?self.0, "the village's folder stays behind");
        }
    }
}
