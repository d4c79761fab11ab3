//! Asking sources, and hearing what they bring.

use std::net::SocketAddrV4;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::Gathering;
use crate::swarm::{self, ByteRange, Input, SourceId, Standing};
use crate::transfer::download::answer::Setback;
use crate::transfer::download::errand::{Errand, News, Outcome, What};
use crate::transfer::download::job::{End, MOST_SOURCES, of_disk};
use crate::transfer::download::status::Source;
use crate::wire::TigerRoot;

/// How many sources are named to another.
const NAMED: usize = 10;

/// How many sources there are at most when another is only told of: the rest of the places is for those who are seen.
const MOST_TOLD: usize = MOST_SOURCES / 2;

impl Gathering<'_> {
    pub(super) fn ask(&mut self, source: SourceId, range: ByteRange) {
        self.next_number += 1;
        let number = self.next_number;
        let tree = self.tree_to_fetch(source);
        let (good, bad) = self.alternates(source);
        let job = &mut *self.job;
        let Some(contact) = job.contacts.get_mut(source.0 as usize) else {
            return;
        };
        let cut = CancellationToken::new();
        contact.errand = Some((number, cut.clone()));
        contact.told.extend(good.iter().map(|good| good.addr));
        contact.told.extend(&bad);
        let errand = Errand {
            shared: Arc::clone(&job.shared),
            part: Arc::clone(&self.part),
            news: self.tell.clone(),
            source,
            number,
            rank: (job.ticket.priority, job.id),
            place: contact.source.clone(),
            by_index: contact.by_index,
            range,
            size: job.ticket.size,
            sha1: job.ticket.sha1,
            session: contact.session.take(),
            queued: contact.queued.take(),
            tree,
            good,
            bad,
            offers: job.partial.offers(),
            cut,
        };
        self.errands.spawn(errand.run());
    }

    /// The path and root of the tree to fetch from a source before anything else.
    pub(super) fn tree_to_fetch(&mut self, source: SourceId) -> Option<(String, TigerRoot)> {
        let wanted = self.tree.is_none() && self.fetching_tree.is_none();
        self.job.ticket.size.filter(|_| wanted)?;
        let promised = self.job.ticket.promised;
        let contact = self.job.contacts.get_mut(source.0 as usize)?;
        let tree = contact
            .tree
            .take()
            .filter(|(_, root)| !self.job.false_roots.contains(root))
            .filter(|(_, root)| promised.is_none_or(|promised| promised == *root))?;
        self.fetching_tree = Some(source);
        Some(tree)
    }

    /// Whom to name to a source, and whom to warn it of: only what we have proof of, and each only once.
    pub(super) fn alternates(&self, source: SourceId) -> (Vec<Source>, Vec<SocketAddrV4>) {
        let contacts = &self.job.contacts;
        let Some(told) = contacts.get(source.0 as usize).map(|contact| &contact.told) else {
            return Default::default();
        };
        let named = |gone: bool| -> Vec<Source> {
            let sources = self.swarm.sources();
            let of_kind = sources.filter(|(id, known)| {
                let is_gone = known.standing == Standing::Gone;
                *id != source
                    && if gone {
                        is_gone
                    } else {
                        !is_gone && self.swarm.is_proven(*id)
                    }
            });
            let contacts = of_kind.filter_map(|(id, _)| contacts.get(id.0 as usize));
            contacts
                .map(|contact| &contact.source)
                .filter(|source| source.push.is_none() || source.walled().is_some())
                .filter(|source| !told.contains(&source.addr))
                .take(NAMED)
                .cloned()
                .collect()
        };
        let gone = named(true).into_iter();
        let gone = gone.filter(|source| source.push.is_none());
        (named(false), gone.map(|source| source.addr).collect())
    }

    pub(super) async fn hear(&mut self, news: News) -> Result<(), End> {
        let News {
            source,
            number,
            what,
        } = news;
        // What was written is here, whoever asked for it.
        if let What::Arrived(range) = what {
            if let Some(contact) = self.job.contacts.get(source.0 as usize) {
                let credit = &self.job.shared.credit;
                credit.note(*contact.source.addr.ip(), range.len());
            }
            return self.take(Input::Arrived { source, range }).await;
        }
        let current = self
            .contact(source)
            .and_then(|contact| contact.errand.as_ref());
        if current.is_none_or(|(current, _)| *current != number) {
            return match what {
                What::Over(Outcome::Disk(error)) => Err(of_disk(&error)),
                _ => Ok(()),
            };
        }
        match what {
            What::Arrived(_) => Ok(()),
            What::Told(facts) => {
                if let Some(size) = facts.size {
                    self.learn(Some(size), facts.sha1).await?;
                } else {
                    self.learn(None, facts.sha1).await?;
                }
                if let Some(contact) = self.contact(source) {
                    contact.tree = contact.tree.take().or(facts.tree);
                }
                if let Some(ranges) = facts.has {
                    self.take(Input::Has { source, ranges }).await?;
                }
                let teller = self.job.contacts[source.0 as usize].source.addr;
                let walled = facts.walled.into_iter();
                let walled = walled.filter_map(|wall| Source::behind(wall, *teller.ip()));
                let open = facts.alternates.into_iter().map(Source::at);
                let shared = Arc::clone(&self.job.shared);
                let others = open.chain(walled);
                let others = others.filter(|other| shared.may_be(other.addr, teller));
                self.hear_of(others).await
            }
            What::Sending(range) => self.take(Input::Sending { source, range }).await,
            What::Paced(paced) => self.take(Input::Paced { source, paced }).await,
            What::Tree(tree) => {
                self.fetching_tree = None;
                match tree {
                    Some(tree) => self.adopt(tree, Some(source)).await,
                    None => Ok(()),
                }
            }
            What::Over(outcome) => self.over(source, outcome).await,
        }
    }

    /// Stops what a source does. Were it the hash tree, another may fetch that now.
    pub(super) fn cut(&mut self, source: SourceId) {
        if self.fetching_tree == Some(source) {
            self.fetching_tree = None;
        }
        if let Some(contact) = self.contact(source) {
            contact.cut();
        }
    }

    pub(super) async fn over(&mut self, source: SourceId, outcome: Outcome) -> Result<(), End> {
        if self.fetching_tree == Some(source) {
            self.fetching_tree = None;
        }
        let hosts = self.job.shared.hosts.clone();
        let Some(contact) = self.contact(source) else {
            return Ok(());
        };
        contact.errand = None;
        contact.place = None;
        match outcome {
            Outcome::Done(session) => {
                contact.keep(session, &hosts);
                self.take(Input::Ended(source)).await
            }
            Outcome::Setback(setback, session) => {
                let Setback {
                    how,
                    why,
                    place,
                    try_index,
                } = setback;
                tracing::debug!(host = %contact.source.addr, why, "a source came to nothing");
                if let Some(place) = place {
                    (contact.place, contact.queued) = (place.position, place.id);
                    // The place is the connection's.
                    contact.session = session;
                } else {
                    contact.keep(session, &hosts);
                }
                if try_index && !contact.by_index {
                    contact.by_index = true;
                    return self.take(Input::Ended(source)).await;
                }
                contact.why = Some(why.clone());
                self.why = Some(why);
                self.take(Input::Failed { source, how }).await
            }
            Outcome::Disk(error) => Err(of_disk(&error)),
            Outcome::Cut => self.take(Input::Ended(source)).await,
        }
    }

    /// Takes in a source that was seen to have the file: before all that wait, and anew where it was given up.
    pub(super) async fn welcome(&mut self, source: Source) -> Result<(), End> {
        if !self.may_have_others() {
            return Ok(());
        }
        let Some((id, is_new)) = self.job.add(source, MOST_SOURCES) else {
            return Ok(());
        };
        let is_gone = |known: &swarm::Source| known.standing == Standing::Gone;
        let is_banned = self.contact(id).is_some_and(|contact| contact.banned);
        if is_new || self.swarm.source(id).is_some_and(is_gone) && !is_banned {
            self.waiting.push_front(id);
        }
        self.save().await
    }

    /// Takes in the sources that another source names.
    async fn hear_of(&mut self, others: impl Iterator<Item = Source>) -> Result<(), End> {
        if !self.may_have_others() {
            return Ok(());
        }
        let before = self.waiting.len();
        for other in others {
            if let Some((id, true)) = self.job.add(other, MOST_TOLD) {
                self.waiting.push_back(id);
            }
        }
        match self.waiting.len() > before {
            true => self.save().await,
            false => Ok(()),
        }
    }

    /// Whether others can be sources, too: without a digest nobody knows whether theirs is the same file.
    fn may_have_others(&self) -> bool {
        self.job.ticket.sha1.is_some() || self.job.contacts.is_empty()
    }
}
