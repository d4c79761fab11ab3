//! A script, acted: by servents that search in one way, or by people who ask an index.

use std::sync::Arc;
use std::time::Duration;

use super::script::{GATHERING, Scene, Script};
use super::{Churn, Fate};
use crate::lab::centre::Centre;
use crate::lab::compare::Progress;
use crate::lab::network::{Conditions, Network, News, Traffic};
use crate::lab::workload::Workload;
use crate::overlay::Strategy;
use crate::time::Time;

/// How the servents themselves fare; told to end, as far as they came.
pub(super) fn search(
    churn: &Churn,
    strategy: Strategy,
    script: &Script,
    workload: &Arc<Workload>,
    progress: &Progress,
) -> Fate {
    let conditions = Conditions {
        strategy,
        latency: churn.latency,
        work: Duration::ZERO,
        patience: PATIENCE,
        neighbours: Some(churn.neighbours),
        seed: churn.seed,
    };
    let mut stage = Stage {
        network: Network::new(churn.nodes as usize, Arc::clone(workload), conditions),
        fate: Fate::default(),
        available: Vec::new(),
        progress,
    };
    script
        .opening()
        .iter()
        .for_each(|(_, scene)| stage.act(scene));
    stage.live(Time::ZERO + GATHERING);
    // How they found each other is no part of it.
    let sent = stage.network.traffic();
    let worked: Vec<u64> = stage.network.load().collect();
    for (at, scene) in script.play() {
        if progress.has_ended() {
            break;
        }
        stage.live(*at);
        stage.act(scene);
    }
    let watched = match progress.has_ended() {
        true => stage.network.now().since(Time::ZERO + GATHERING),
        false => churn.span,
    };
    let end = Time::ZERO + GATHERING + watched;
    stage.live(end);
    let upkeep = stage.network.traffic().upkeep - sent.upkeep;
    // Those who asked last wait for their answers, but not for long where somebody waits for them.
    let patience = match progress.has_ended() {
        true => HASTE,
        false => PATIENCE,
    };
    stage.live(end + patience);
    let Stage {
        network, mut fate, ..
    } = stage;
    let worked = network.load().zip(worked);
    let worked = worked.map(|(after, before)| after - before);
    fate.busiest = worked.max().unwrap_or_default();
    fate.watched = watched;
    fate.traffic = Traffic {
        upkeep,
        ..network.traffic().since(sent)
    };
    fate.events = network.events();
    fate.digest = network.digest();
    fate.waits.sort_unstable();
    fate
}

/// Servents on a stage.
struct Stage<'a> {
    network: Network,
    fate: Fate,
    /// By search: whether what it is for was there.
    available: Vec<bool>,
    progress: &'a Progress,
}

impl Stage<'_> {
    fn act(&mut self, scene: &Scene) {
        match scene {
            Scene::Comes { node, candidates } => self.network.come(*node, candidates),
            Scene::Goes { node } => self.network.go(*node),
            Scene::Asks { asked, available } => {
                self.fate.ask(*available);
                self.available.push(*available);
                self.network.ask(*asked);
            }
        }
    }

    /// Lets time pass up to `until`.
    fn live(&mut self, until: Time) {
        while let Some(news) = self.network.pass(until) {
            match news {
                News::Found {
                    search,
                    after,
                    hops,
                } => self.fate.find(self.available[search], after, hops),
                News::Over { .. } => self.progress.one_more(),
            }
        }
    }
}

/// How an index fares that everybody who comes tells what he has; told to end, as far as it came.
pub(super) fn ask_index(
    churn: &Churn,
    script: &Script,
    workload: &Workload,
    progress: &Progress,
) -> Fate {
    let (nodes, objects) = (churn.nodes as usize, churn.plan.objects);
    let shelves = workload.shelves(nodes);
    let mut centre = Centre::empty(nodes, objects, churn.latency, churn.seed);
    let mut fate = Fate::default();
    let mut hits = 0;
    let mut act = |centre: &mut Centre, scene: &Scene| match scene {
        Scene::Comes { node, .. } => centre.come(*node, &shelves[*node as usize]),
        Scene::Goes { node } => centre.go(*node),
        Scene::Asks { asked, available } => {
            fate.ask(*available);
            let (measured, _) = centre.ask(*asked);
            hits += measured.hits_sent;
            if let Some(after) = measured.first_hit_after {
                fate.find(*available, after, 1);
            }
            progress.one_more();
        }
    };
    for (_, scene) in script.opening() {
        act(&mut centre, scene);
    }
    let before = centre.load();
    for (at, scene) in script.play() {
        if progress.has_ended() {
            break;
        }
        centre.pass(*at);
        act(&mut centre, scene);
    }
    let load = centre.load() - before;
    fate.watched = match progress.has_ended() {
        true => centre.now().since(Time::ZERO + GATHERING),
        false => churn.span,
    };
    fate.traffic = Traffic {
        queries: load.searches,
        lookups: load.searches,
        hits,
        upkeep: load.messages_in() + load.answers - load.searches - hits,
        bytes: load.bytes_in + load.bytes_out,
        ..Traffic::default()
    };
    fate.busiest = load.messages_in() + load.answers;
    fate.events = fate.busiest;
    fate.digest = centre.digest();
    fate.waits.sort_unstable();
    fate
}

/// How long who asked last waits when all is to end: the first answers to a flood have come.
const HASTE: Duration = Duration::from_secs(2);

/// How long an asker waits: all ways of searching have done what they can before.
const PATIENCE: Duration = Duration::from_secs(120);
