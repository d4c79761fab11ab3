//! What happens in a network from its first minute to its last, drawn before: all ways of searching see the same.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Churn;
use crate::lab::workload::{Asked, Workload};
use crate::rng::Rng;
use crate::time::Time;

/// What happens, and when, in order.
#[derive(Clone, Debug)]
pub(super) struct Script {
    scenes: Vec<(Time, Scene)>,
    /// How many of them are of the beginning.
    opening: usize,
    /// Time that servents were there after the beginning, all together.
    pub(super) presence: Duration,
    /// How often one came or went after the beginning.
    pub(super) changes: usize,
}

/// One thing that happens.
#[derive(Clone, Debug)]
pub(super) enum Scene {
    /// A servent comes, and has heard of these.
    Comes { node: u32, candidates: Vec<u32> },
    /// It goes.
    Goes { node: u32 },
    /// One who is there asks.
    Asks {
        asked: Asked,
        /// Whether somebody who is there has it.
        available: bool,
    },
}

impl Script {
    /// Draws one: all who are there at the beginning come at once, find each other, and after [`GATHERING`] people come
    /// and go and ask.
    pub(super) fn draw(churn: &Churn, workload: &Workload, dice: &mut Rng) -> Self {
        let mut here = BTreeSet::new();
        let mut scenes = Vec::new();
        let mut turns = Vec::new();
        for node in 0..churn.nodes {
            let (began, changes) = churn.lives.draw(churn.span, dice);
            if began {
                here.insert(node);
            }
            turns.extend(changes.into_iter().map(|at| (at, Turn::Changes(node))));
        }
        for node in &here {
            let (node, candidates) = (*node, some(&here, dice));
            scenes.push((Time::ZERO, Scene::Comes { node, candidates }));
        }
        let opening = scenes.len();
        let each = churn.span / (churn.plan.queries + 1);
        let moments = (1..=churn.plan.queries).map(|number| Time::ZERO + each * number);
        turns.extend(moments.map(|at| (at, Turn::Asks)));
        turns.sort_by_key(|(at, _)| *at);
        let changes = turns.len() - churn.plan.queries as usize;
        let (mut presence, mut last) = (Duration::ZERO, Time::ZERO);
        let mut questions = workload.queries().iter();
        for (at, turn) in turns {
            presence += (at - last) * here.len() as u32;
            last = at;
            let scene = match turn {
                Turn::Changes(node) if here.remove(&node) => Some(Scene::Goes { node }),
                Turn::Changes(node) => {
                    let candidates = some(&here, dice);
                    here.insert(node);
                    Some(Scene::Comes { node, candidates })
                }
                Turn::Asks => questions
                    .next()
                    .and_then(|asked| question(asked.object, &here, workload, dice)),
            };
            scenes.extend(scene.map(|scene| (at + GATHERING, scene)));
        }
        presence += (Time::ZERO + churn.span - last) * here.len() as u32;
        Self {
            scenes,
            opening,
            presence,
            changes,
        }
    }

    /// Those who are there at the beginning come.
    pub(super) fn opening(&self) -> &[(Time, Scene)] {
        &self.scenes[..self.opening]
    }

    /// What happens then.
    pub(super) fn play(&self) -> &[(Time, Scene)] {
        &self.scenes[self.opening..]
    }
}

/// What is drawn first, to be made a scene of.
enum Turn {
    Changes(u32),
    Asks,
}

/// Some who are there, as a host cache would name them.
fn some(here: &BTreeSet<u32>, dice: &mut Rng) -> Vec<u32> {
    let here: Vec<u32> = here.iter().copied().collect();
    let drawn = (0..CANDIDATES).filter_map(|_| dice.pick(&here).copied());
    drawn.collect()
}

/// Somebody who is there and has it not asks for an object; nobody where there is none.
fn question(
    object: u32,
    here: &BTreeSet<u32>,
    workload: &Workload,
    dice: &mut Rng,
) -> Option<Scene> {
    let lacks = |node: &u32| !workload.holds(*node, object);
    let askers: Vec<u32> = here.iter().copied().filter(lacks).collect();
    let by = *dice.pick(&askers)?;
    let available = askers.len() < here.len();
    let asked = Asked { by, object };
    Some(Scene::Asks { asked, available })
}

/// How long those who are there at the beginning have for finding each other.
pub(super) const GATHERING: Duration = Duration::from_secs(60);

/// Hosts a newcomer has heard of, as many as fit in a pong cache's answer.
const CANDIDATES: usize = 10;
