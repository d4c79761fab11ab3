//! The contrast to all that nodes do among themselves: one server that knows what everybody has.
//!
//! What runs is the real [`Index`], on the frames that go over sockets elsewhere: every node logs in, registers each copy it
//! holds, and asks. Nothing is played but the way of the frames, so every message to and from the server is counted. Should
//! the server vanish, there is nobody left to ask: the single point of failure.

use std::net::{Ipv4Addr, SocketAddrV4};

use bytes::BytesMut;

use super::compare::{Comparison, Progress};
use super::latency::Latency;
use super::measure::{Measured, Summary};
use super::workload::{Asked, Workload, title};
use crate::central::{Effect, Frame, Hit, Index, Input, Kind, Limits, Link, Load, Search, Shared};
use crate::rng::Rng;
use crate::time::Time;

/// The most copies that a server of the laboratory takes: some 6 GB at 300 bytes each.
pub const MOST_COPIES: usize = 20_000_000;

/// A server, and nodes that are logged in.
#[derive(Debug)]
pub struct Centre {
    index: Option<Index>,
    nodes: u32,
    latency: Latency,
    seed: u64,
    now: Time,
    /// What was done by one that is gone.
    done: Load,
    digest: u64,
}

/// What came of the queries of a comparison when a server answered them.
#[derive(Clone, Debug)]
pub struct Answers {
    /// The figures of the queries.
    pub summary: Summary,
    /// Those of the server.
    pub load: Load,
    /// Frames in all.
    pub events: u64,
    /// A figure for all that happened.
    pub digest: u64,
}

/// Puts the questions of a comparison to a server, which vanishes after so many of them.
pub fn run(comparison: &Comparison, vanishes_after: Option<usize>, progress: &Progress) -> Answers {
    let mut rng = Rng::seeded(comparison.seed);
    let nodes = comparison.graph.nodes();
    let workload = Workload::draw(&comparison.plan, nodes, &mut rng);
    let objects = comparison.plan.objects;
    let mut centre = Centre::new(
        nodes,
        objects,
        &workload,
        comparison.latency,
        comparison.seed,
    );
    let mut summary = Summary::default();
    for (number, asked) in workload.queries().iter().enumerate() {
        if progress.has_ended() {
            break;
        }
        if vanishes_after == Some(number) {
            centre.vanish();
        }
        summary.add(centre.ask(*asked).0);
        progress.one_more();
    }
    let load = centre.load();
    summary.note_most(load.messages_in());
    Answers {
        summary,
        load,
        events: load.messages_in() + load.answers,
        digest: centre.digest(),
    }
}

impl Centre {
    /// A server to which all `nodes` have said what they hold of so many `objects`.
    pub fn new(
        nodes: usize,
        objects: u32,
        workload: &Workload,
        latency: Latency,
        seed: u64,
    ) -> Self {
        let mut centre = Self::empty(nodes, objects, latency, seed);
        for node in 0..centre.nodes {
            centre.enter(node);
        }
        for object in 0..objects {
            for holder in workload.holders(object) {
                centre.register(*holder, object);
            }
        }
        centre
    }

    /// A server to which nobody has come yet, with room for so many nodes and what they hold of so many objects.
    pub fn empty(nodes: usize, objects: u32, latency: Latency, seed: u64) -> Self {
        let limits = Limits {
            users: nodes,
            files_per_user: objects as usize,
            files: usize::MAX,
            // A flood brings all there are, so this does.
            results: nodes,
            ..Limits::default()
        };
        Self {
            index: Some(Index::new(limits, seed)),
            nodes: u32::try_from(nodes).unwrap_or(u32::MAX),
            latency,
            seed,
            now: Time::ZERO,
            done: Load::default(),
            digest: seed,
        }
    }

    /// Lets time pass up to `now`.
    pub fn pass(&mut self, now: Time) {
        self.now = self.now.max(now);
    }

    /// What time it is.
    pub const fn now(&self) -> Time {
        self.now
    }

    /// A node comes: it logs in, and registers what it holds.
    pub fn come(&mut self, node: u32, holds: &[u32]) {
        self.enter(node);
        for object in holds {
            self.register(node, *object);
        }
    }

    /// A node goes, and its link with it.
    pub fn go(&mut self, node: u32) {
        if let Some(index) = &mut self.index {
            let gone = Input::Closed { link: Link(node) };
            index.handle(self.now, gone, &mut Vec::new());
        }
    }

    /// Has a node ask: what it cost, and who has the object as the server told, in the order in which it did.
    pub fn ask(&mut self, asked: Asked) -> (Measured, Vec<u32>) {
        let mut measured = Measured::default();
        let search = Search {
            contains: title(asked.object),
            ..Search::default()
        };
        let before = self.load();
        let Some(answers) = self.send(asked.by, Frame::new(Kind::SEARCH, search.encode())) else {
            return (measured, Vec::new());
        };
        let owners: Vec<u32> = { answers.iter() }
            .filter(|frame| frame.kind == Kind::HIT)
            .filter_map(|frame| node_of(Hit::parse(&frame.body).ok()?.nick))
            .collect();
        // There and back again; the server itself takes no time, as no node does here.
        let way = self.latency.of(self.seed, asked.by, self.nodes);
        self.now = self.now + way + way;
        measured.queries = 1;
        measured.lookups = 1;
        let cost = self.load() - before;
        measured.hits_sent = cost.hits;
        measured.bytes = cost.bytes_in + cost.bytes_out;
        if !owners.is_empty() {
            measured.hit(owners.len() as u64, 1, way + way);
        }
        (measured, owners)
    }

    /// The server is gone, and all links to it with it.
    pub fn vanish(&mut self) {
        self.done = self.load();
        self.index = None;
    }

    /// What the server had to do so far.
    pub fn load(&self) -> Load {
        self.index.as_ref().map_or(self.done, Index::load)
    }

    /// A figure for all that was answered, in order.
    pub const fn digest(&self) -> u64 {
        self.digest
    }

    fn enter(&mut self, node: u32) {
        if let Some(index) = &mut self.index {
            let (link, addr) = (Link(node), *address(node).ip());
            index.handle(self.now, Input::Opened { link, addr }, &mut Vec::new());
        }
        let port = address(node).port();
        let login = format!("{} - {port} \"servent\" 0", nick(node));
        self.send(node, Frame::new(Kind::LOGIN, login.into_bytes()));
    }

    fn register(&mut self, node: u32, object: u32) {
        let mut body = BytesMut::new();
        let name = title(object);
        let file = Shared {
            name: name.as_bytes(),
            md5: b"0",
            size: 1,
            bitrate: 0,
            frequency: 0,
            seconds: 0,
        };
        file.write(&mut body);
        self.send(node, Frame::new(Kind::SHARE, body));
    }

    /// Sends a frame of a node; what it is answered with. None when there is no server any more.
    fn send(&mut self, from: u32, frame: Frame) -> Option<Vec<Frame>> {
        let index = self.index.as_mut()?;
        let mut effects = Vec::new();
        let input = Input::Received {
            from: Link(from),
            frame,
        };
        index.handle(self.now, input, &mut effects);
        let mut answers = Vec::new();
        for effect in effects {
            if let Effect::Send { bytes, .. } = effect {
                let mut bytes = BytesMut::from(bytes);
                while let Ok(Some(frame)) = Frame::read(&mut bytes, usize::from(u16::MAX)) {
                    answers.push(frame);
                }
            }
        }
        self.note(from, &answers);
        Some(answers)
    }

    /// Writes what was answered into the digest.
    fn note(&mut self, node: u32, answers: &[Frame]) {
        let at = self.now.as_micros() ^ u64::from(node) << 40;
        for what in answers {
            let sum = { what.body.iter() }.fold(u64::from(what.kind.0), |sum, byte| {
                sum.rotate_left(7) ^ u64::from(*byte)
            });
            self.digest =
                (self.digest.rotate_left(5) ^ at ^ sum).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
    }
}

fn nick(node: u32) -> String {
    format!("n{node}")
}

fn node_of(nick: &[u8]) -> Option<u32> {
    std::str::from_utf8(nick)
        .ok()?
        .strip_prefix('n')?
        .parse()
        .ok()
}

/// Each node has an address of its own.
fn address(node: u32) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::from(0x0a00_0000 + node), 6346)
}
