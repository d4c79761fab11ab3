//! Many servents in one process, each with its own folders, and ways to wait for them.

use std::collections::HashMap;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::time::Duration;

use servent::net::{Public, Servent, Settings, Status};
use servent::overlay::{self, RoleChoice};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, sleep, timeout};

use crate::graph::Graph;

/// No wait of these tests is longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A word in the name of one file of every servent.
pub(crate) const EVERYWHERE: &str = "everywhere";

pub(crate) const LOOPBACK_ANY: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);

/// A word in the name of one file of one servent.
pub(crate) fn only_at(node: usize) -> String {
    format!("solely{node:03}")
}

/// Servents, and the folders they live in.
pub(crate) struct Network {
    pub(crate) servents: Vec<Servent>,
    folders: TempDir,
}

/// What a servent below `home` is started with: any port of loopback, nobody to call.
pub(crate) fn settings(home: &Path, overlay: overlay::Config) -> Settings {
    Settings {
        share: vec![home.join("share")],
        listen: vec![LOOPBACK_ANY],
        deflate: false,
        overlay,
        ..Settings::new(home)
    }
}

/// What a servent called `name` is started with that stands in this tier: its rounds are short, its links set by hand. It
/// shares `song`, if there is one.
pub(crate) fn called(
    network: &TempDir,
    name: &str,
    role: RoleChoice,
    song: Option<&[u8]>,
) -> Settings {
    let home = network.path().join(name);
    std::fs::create_dir_all(home.join("share")).expect("a folder");
    if let Some(song) = song {
        std::fs::write(home.join("share/song.txt"), song).expect("a file");
    }
    let overlay = overlay::Config {
        role,
        keep_alive: Duration::from_millis(200),
        grow: false,
        ..overlay::Config::default()
    };
    settings(&home, overlay)
}

/// A public network that is nobody's: no cache, and a gateway that does not answer.
pub(crate) fn nothing_public() -> Public {
    Public {
        udp_caches: Vec::new(),
        web_caches: Vec::new(),
        announce_every: Duration::from_secs(3_600),
        gateway: Some(Ipv4Addr::LOCALHOST),
        upnp: SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1),
    }
}

/// A network whose links are set by hand, wide enough for any TTL, and silent when nobody asks anything.
pub(crate) fn by_hand() -> overlay::Config {
    overlay::Config {
        udp: false,
        grow: false,
        search: overlay::Strategy::Flood { ttl: None },
        last_hop_tables: false,
        ttl: 60,
        max_ttl: 60,
        hard_ttl: 120,
        keep_alive: Duration::from_secs(3600),
        silence: Duration::from_secs(7200),
        ..overlay::Config::default()
    }
}

impl Network {
    pub(crate) fn empty() -> Self {
        Self {
            servents: Vec::new(),
            folders: tempfile::tempdir().expect("a folder"),
        }
    }

    /// A servent for each node and a link for each edge, dialled by its first node.
    pub(crate) async fn lay_out(graph: &Graph) -> Self {
        let mut network = Self::empty();
        for _ in 0..graph.nodes {
            network.add(by_hand(), &[]).await;
        }
        for &(a, b) in &graph.edges {
            let there = network.servents[b].listen();
            network.servents[a].connect(there).await.expect("a link");
        }
        network.settle().await;
        network
    }

    /// Starts one more servent, sharing the two files of its number; returns once it has counted them.
    pub(crate) async fn add(&mut self, config: overlay::Config, bootstrap: &[SocketAddrV4]) {
        let node = self.servents.len();
        let home = self.home(node);
        let share = home.join("share");
        std::fs::create_dir_all(&share).expect("a folder");
        for name in [EVERYWHERE, &only_at(node)] {
            std::fs::write(share.join(format!("{name}.txt")), name).expect("a file");
        }
        let mut settings = settings(&home, config);
        settings.bootstrap = bootstrap.to_vec();
        let servent = Servent::start(settings).await.expect("started");
        let mut census = servent.census();
        let counted = census.wait_for(|census| census.files == 2);
        timeout(PATIENCE, counted)
            .await
            .expect("in time")
            .expect("a librarian");
        self.servents.push(servent);
    }

    /// The folder a servent lives in.
    pub(crate) fn home(&self, node: usize) -> PathBuf {
        self.folders.path().join(node.to_string())
    }

    /// Waits until nothing is under way: all that was sent has been received.
    pub(crate) async fn settle(&self) {
        eventually("all is quiet", || async {
            // In this order: were anything still under way, or begun in between, the second sum would be the larger.
            let received = self.sum(|status| status.counts.received.total()).await;
            let sent = self.sum(|status| status.counts.sent.total()).await;
            received == sent
        })
        .await;
    }

    pub(crate) async fn statuses(&self) -> Vec<Status> {
        let mut statuses = Vec::new();
        for servent in &self.servents {
            statuses.push(servent.status().await);
        }
        statuses
    }

    pub(crate) async fn sum(&self, figure: impl Fn(&Status) -> u64) -> u64 {
        self.statuses().await.iter().map(figure).sum()
    }

    /// The links there are at this moment. Where only one side of a link knows of it, it does not count.
    pub(crate) async fn graph(&self) -> Graph {
        let numbers = self.servents.iter().map(Servent::listen).zip(0..);
        let numbers: HashMap<SocketAddrV4, usize> = numbers.collect();
        let mut one_way = Vec::new();
        for (node, servent) in self.servents.iter().enumerate() {
            let peers = servent.peers().await;
            let known = peers.iter().filter_map(|peer| numbers.get(&peer.host));
            one_way.extend(known.map(|&other| (node, other)));
        }
        let both = |&(a, b): &(usize, usize)| a < b && one_way.contains(&(b, a));
        Graph {
            name: "grown",
            nodes: self.servents.len(),
            edges: one_way.iter().copied().filter(both).collect(),
        }
    }

    pub(crate) async fn stop(self) {
        for servent in &self.servents {
            servent.stop().await;
        }
    }
}

/// Waits until `condition` holds; fails when it takes too long.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    within(PATIENCE, what, condition).await;
}

/// Waits until `condition` holds, and tells how long that took; fails after `limit`.
pub(crate) async fn within<F>(limit: Duration, what: &str, condition: impl Fn() -> F) -> Duration
where
    F: Future<Output = bool>,
{
    let began = Instant::now();
    while !condition().await {
        assert!(began.elapsed() < limit, "{what}: not within {limit:?}");
        sleep(Duration::from_millis(5)).await;
    }
    began.elapsed()
}

/// A runtime in which a flood spreads in rounds.
///
/// One thread, and sockets are looked at only when nothing else is left to do. So whatever arrives in one round is
/// handled and passed on before anything of the next round arrives: each servent hears a query first over a shortest
/// way, as on paper, however busy the machine is.
pub(crate) fn in_rounds() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder
        .enable_all()
        .event_interval(u32::MAX)
        .build()
        .expect("a runtime")
}
