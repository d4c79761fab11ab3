//! What a download knows of one of its sources, beside what its swarm does.

use std::collections::BTreeSet;
use std::net::SocketAddrV4;

use tokio_util::sync::CancellationToken;

use super::hosts::Hosts;
use super::status::Source;
use super::store::Ticket;
use crate::transfer::session::Session;
use crate::wire::TigerRoot;

/// A source of one download.
#[derive(Debug)]
pub(super) struct Contact {
    pub(super) source: Source,
    /// Whether it is asked by index, having failed to know the file by digest.
    pub(super) by_index: bool,
    /// The path of its hash tree and the root, until that was fetched or refused.
    pub(super) tree: Option<(String, TigerRoot)>,
    /// A connection that is its alone: it holds our place in its queue, or came by Push.
    pub(super) session: Option<Session>,
    /// The place in its queue, and the name of that.
    pub(super) place: Option<u32>,
    pub(super) queued: Option<String>,
    /// Why it came to nothing last.
    pub(super) why: Option<String>,
    /// It was wrong.
    pub(super) banned: bool,
    /// Whom we named to it.
    pub(super) told: BTreeSet<SocketAddrV4>,
    /// What it was asked last, and how to stop that.
    pub(super) errand: Option<(u64, CancellationToken)>,
}

impl Contact {
    pub(super) fn new(source: Source, ticket: &Ticket) -> Self {
        Self {
            by_index: ticket.sha1.is_none() && source.get.is_some(),
            source,
            tree: None,
            session: None,
            place: None,
            queued: None,
            why: None,
            banned: false,
            told: BTreeSet::new(),
            errand: None,
        }
    }

    /// Stops what it does.
    pub(super) fn cut(&mut self) {
        if let Some((_, cut)) = self.errand.take() {
            cut.cancel();
        }
    }

    /// Keeps a connection for the next request: one it opened for itself, others for all who ask that host.
    pub(super) fn keep(&mut self, session: Option<Session>, hosts: &Hosts) {
        match session {
            Some(session) if self.source.push.is_some() => self.session = Some(session),
            Some(session) => hosts.keep_idle(session),
            None => {}
        }
    }
}
