//! An exercise of university courses on distributed systems (CS550 of the Illinois Institute of Technology has it): how
//! long do clients wait for an answer, the more of them ask at once, from a central index and from peers that flood, when
//! all are joined with all and when they stand in a line?
//!
//! The one rule: the same machine for everybody. Whoever it is, a message read or written keeps him busy for the same
//! time, one after another, and what he cannot do yet waits; so the server slows down as clients crowd at its door, and so
//! do peers who hear of every query from each of their neighbours. A client asks, waits for the first hit, and asks again.

mod clients;
mod point;
mod served;

use std::sync::Arc;
use std::time::Duration;

use clients::Clients;
pub use point::Point;
use point::Work;

use super::compare::Progress;
use super::latency::Latency;
use super::network::{Conditions, Network, News};
use super::topology::{Graph, Kind};
use super::workload::{Asked, Plan, Replication, Workload};
use crate::overlay::Strategy;
use crate::rng::Rng;
use crate::time::Time;

/// How peers are joined, or that a server stands between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// A central index, which all ask.
    Index,
    /// A flood among peers of whom each is joined with each.
    AllToAll,
    /// A flood along a line.
    Linear,
}

impl System {
    /// All, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::Index, Self::AllToAll, Self::Linear];

    /// The word for it in tables and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::AllToAll => "all-to-all",
            Self::Linear => "linear",
        }
    }

    /// What a query costs by the law when it reaches everybody, in messages of the query alone: `2|E| - (n-1)` for a flood.
    pub fn law(self, peers: u32) -> u64 {
        match self {
            Self::Index => 1,
            _ => self.graph(peers).flood_law().unwrap_or_default(),
        }
    }

    /// Who is joined with whom among so many peers; nobody where there is an index.
    fn graph(self, peers: u32) -> Graph {
        let kind = match self {
            Self::Index => return Graph::new(peers as usize, []),
            Self::AllToAll => Kind::Full,
            Self::Linear => Kind::Line,
        };
        kind.draw(peers as usize, 1.0, &mut Rng::seeded(0))
            .expect("a line and a full graph of a few peers can be drawn")
    }

    /// How many links a question of `asker` crosses to one who can answer for `holder`.
    const fn hops(self, asker: u32, holder: u32) -> u32 {
        match self {
            Self::Index | Self::AllToAll => 1,
            Self::Linear => asker.abs_diff(holder),
        }
    }
}

/// The numbers of the exercise.
#[derive(Clone, Debug)]
pub struct Exercise {
    /// Peers, at least 2; each can be a client.
    pub peers: u32,
    /// Peers that ask at once: a point for each number from 1 to this.
    pub clients: u32,
    /// Queries of each client, one after another.
    pub queries: u32,
    /// Different objects.
    pub objects: u32,
    /// How many have each, fewer than there are peers.
    pub copies: u32,
    /// The TTL of floods.
    pub ttl: u8,
    /// How long words take.
    pub latency: Latency,
    /// How long anybody is busy with a message he reads or writes.
    pub work: Duration,
    /// The seed of all dice.
    pub seed: u64,
}

impl Exercise {
    /// How many queries all points together ask.
    pub fn queries(&self) -> usize {
        let crowds: u64 = (1..=u64::from(self.clients)).sum();
        System::ALL.len() * (crowds * u64::from(self.queries)) as usize
    }

    /// Runs it, all points of one system after those of another. Told to end, it gives the points that are whole.
    pub fn run(&self, progress: &Progress) -> Vec<Point> {
        let mut points = Vec::new();
        for system in System::ALL {
            for clients in 1..=self.clients {
                let point = match system {
                    System::Index => self.ask_server(clients, progress),
                    _ => self.ask_peers(system, clients, progress),
                };
                if progress.has_ended() {
                    return points;
                }
                points.push(point);
            }
        }
        points
    }

    /// Who holds what; the same in all systems.
    fn workload(&self) -> Workload {
        let plan = Plan {
            objects: self.objects,
            replication: Replication::Copies(self.copies),
            zipf: 0.0,
            queries: 0,
        };
        Workload::draw(&plan, self.peers as usize, &mut Rng::seeded(self.seed))
    }

    /// The least that a question takes: there and back, each link a message that somebody writes and somebody reads.
    fn least(&self, system: System, workload: &Workload, asked: Asked) -> Duration {
        let holders = workload.holders(asked.object).iter();
        let hops = holders.map(|holder| system.hops(asked.by, *holder)).min();
        (self.latency.least() + self.work * 2) * 2 * hops.unwrap_or_default()
    }

    /// What so many clients see who flood.
    fn ask_peers(&self, system: System, clients: u32, progress: &Progress) -> Point {
        let workload = Arc::new(self.workload());
        let conditions = Conditions {
            strategy: Strategy::flood(self.ttl),
            latency: self.latency,
            work: self.work,
            patience: PATIENCE,
            neighbours: None,
            seed: self.seed,
        };
        let mut network = Network::new(self.peers as usize, Arc::clone(&workload), conditions);
        (0..self.peers).for_each(|peer| network.come(peer, &[]));
        for (a, b) in system.graph(self.peers).edges() {
            network.join(*a, *b);
        }
        // What neighbours say when they meet is no part of it.
        let began = Time::ZERO + MEETING;
        while network.pass(began).is_some() {}
        let before = network.traffic();
        let met: Vec<u64> = network.load().collect();
        let mut clients = Clients::new(self, &workload, clients, began);
        // Whose each search is.
        let mut askers = Vec::new();
        for client in 0..clients.count() {
            askers.extend(clients.ask(client).map(|asked| {
                network.ask(asked);
                client
            }));
        }
        while !clients.are_done()
            && !progress.has_ended()
            && let Some(news) = network.pass(END_OF_TIME)
        {
            let (search, after) = match news {
                News::Found { search, after, .. } => (search, Some(after)),
                News::Over { search } => (search, None),
            };
            network.end(search);
            let client = askers[search];
            if let Some(asked) = clients.note(client, network.now(), after, progress) {
                clients.add_least(self.least(system, &workload, asked));
            }
            askers.extend(clients.ask(client).map(|asked| {
                network.ask(asked);
                client
            }));
        }
        // What is still on its way was caused by these questions, too.
        while network.pass(END_OF_TIME).is_some() {}
        let load = network
            .load()
            .zip(met)
            .map(|(after, before)| after - before);
        let work = Work {
            messages: network.traffic().since(before).messages(),
            busiest: load.max().unwrap_or_default(),
            each: self.work,
            digest: network.digest(),
        };
        clients.point(system, work)
    }
}

/// How long a client waits before it gives a query up.
const PATIENCE: Duration = Duration::from_secs(60);

/// When neighbours have said what they say when they meet.
const MEETING: Duration = Duration::from_secs(600);

/// Nobody's patience lasts so long.
const END_OF_TIME: Time = Time::from_secs(1_000_000_000);

#[cfg(test)]
mod tests {
    use super::*;

    fn exercise() -> Exercise {
        Exercise {
            peers: 8,
            clients: 8,
            queries: 60,
            objects: 40,
            copies: 1,
            ttl: 7,
            latency: Latency::between(2, 2).expect("a latency"),
            work: Duration::from_millis(1),
            seed: 3,
        }
    }

    #[test]
    fn one_client_pays_for_the_way_and_a_flood_costs_what_the_law_says() {
        let points = exercise().run(&Progress::default());
        for point in points.iter().filter(|point| point.clients == 1) {
            let name = point.system.name();
            assert_eq!(point.unanswered, 0, "{name}");
            let hits = match point.system {
                // The hit, and a word that it was all.
                System::Index => 2.0,
                System::AllToAll => 1.0,
                // A hit is passed on by all between.
                System::Linear => {
                    let links = point.least.as_secs_f64() / 0.008;
                    assert!(links > 2.0, "{links}");
                    links
                }
            };
            let law = point.system.law(8) as f64 + hits;
            assert!(
                (point.messages - law).abs() < 0.01,
                "{name}: {} {law}",
                point.messages
            );
        }
    }

    #[test]
    fn nobody_is_faster_than_the_laws_of_queues_allow() {
        for point in exercise().run(&Progress::default()) {
            let (name, mean) = (point.system.name(), point.mean().expect("answers"));
            assert!(mean >= point.least, "{name}: {mean:?} {:?}", point.least);
            let bound = point.bound();
            assert!(
                mean.as_secs_f64() >= bound.as_secs_f64() * 0.97,
                "{name}: {mean:?} {bound:?}"
            );
            assert_eq!(point.waits.len(), 60 * point.clients as usize);
        }
    }

    #[test]
    fn a_crowded_server_works_without_a_pause_and_clients_wait_their_turn() {
        let points = exercise().run(&Progress::default());
        let index = |clients| {
            points
                .iter()
                .find(|point| point.system == System::Index && point.clients == clients)
        };
        let (alone, crowd) = (index(1).expect("a point"), index(8).expect("a point"));
        assert!(alone.utilisation < 0.5, "{}", alone.utilisation);
        assert!(crowd.utilisation > 0.97, "{}", crowd.utilisation);
        // Each question keeps the server busy for three messages.
        let turn = Duration::from_millis(3 * 8).as_secs_f64();
        let mean = crowd.mean().expect("answers").as_secs_f64();
        assert!((mean / turn - 1.0).abs() < 0.03, "{mean} {turn}");
    }

    #[test]
    fn a_seed_repeats_it_and_a_ttl_too_small_leaves_questions_open() {
        let short = Exercise {
            ttl: 2,
            clients: 2,
            ..exercise()
        };
        let points = short.run(&Progress::default());
        assert_eq!(points, short.run(&Progress::default()));
        let line = points.last().expect("points");
        assert_eq!(line.system, System::Linear);
        assert!((0.1..0.9).contains(&line.success()), "{}", line.success());
    }
}
