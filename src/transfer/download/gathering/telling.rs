//! What a download tells: to its user by its status, to its next start by its ticket.

use std::sync::Arc;

use super::Gathering;
use crate::swarm::{Crime, Input, SourceId, Standing};
use crate::transfer::download::job::{End, on_disk};
use crate::transfer::download::status::DownloadState;
use crate::wire::Sha1;

/// How many sources are kept in a ticket.
const SAVED_SOURCES: usize = 50;

impl Gathering<'_> {
    /// Notes what was learnt of the file.
    pub(super) async fn learn(&mut self, size: Option<u64>, sha1: Option<Sha1>) -> Result<(), End> {
        let ticket = &mut self.job.ticket;
        let learnt = (ticket.size.or(size), ticket.sha1.or(sha1));
        if learnt != (ticket.size, ticket.sha1) {
            (ticket.size, ticket.sha1) = learnt;
            self.job.tell(|status| (status.size, status.sha1) = learnt);
            self.save().await?;
        }
        match learnt.0 {
            Some(size) if self.swarm.size().is_none() => self.take(Input::Size(size)).await,
            _ => Ok(()),
        }
    }

    pub(super) fn ban(&mut self, source: SourceId, crime: Crime) {
        let Some(contact) = self.contact(source) else {
            return;
        };
        let why = match crime {
            Crime::FalseBytes => "it sent wrong bytes",
            Crime::FalseTree => "it told a false hash tree",
            Crime::OtherFile => "it has another file",
        };
        contact.banned = true;
        let host = contact.source.addr;
        self.job.shared.credit.forfeit(*host.ip());
        tracing::warn!(%host, why, "a source is not asked any more");
        if crime != Crime::OtherFile {
            self.why = Some(format!("{host} is not asked any more: {why}"));
        }
        self.job.tell(|status| status.liars.push(host));
    }

    pub(super) fn pardon(&mut self, source: SourceId) {
        if let Some(contact) = self.contact(source) {
            contact.banned = false;
            let host = contact.source.addr;
            self.job
                .tell(|status| status.liars.retain(|liar| *liar != host));
        }
    }

    /// Tells how far it is.
    pub(super) fn show(&mut self) {
        self.follow();
        let done = self.swarm.here().total();
        let rate = self.rate.note(done);
        let (mut active, mut known, mut why) = (0, 0, None);
        let mut place = None;
        for (id, source) in self.swarm.sources() {
            let contact = self.job.contacts.get(id.0 as usize);
            known += usize::from(source.standing != Standing::Gone);
            active += usize::from(source.work().is_some() && source.brought > 0);
            place = place
                .into_iter()
                .chain(contact.and_then(|contact| contact.place))
                .min();
            if matches!(source.standing, Standing::Resting(_) | Standing::Queued(_)) {
                why = why.or_else(|| contact?.why.clone());
            }
        }
        let working = self
            .swarm
            .sources()
            .any(|(_, source)| source.work().is_some());
        let state = match () {
            () if self.job.ticket.paused => DownloadState::Paused,
            () if self.swarm.size().is_some_and(|size| size == done) => DownloadState::Verifying,
            () if active > 0 => DownloadState::Running,
            () => DownloadState::Waiting,
        };
        let why = why.filter(|_| state == DownloadState::Waiting && !working);
        let (wasted, priority) = (self.swarm.wasted(), self.job.ticket.priority);
        // What came in the last seconds says nothing of one that is left alone.
        let rate = if self.job.ticket.paused { 0 } else { rate };
        self.job.tell(|status| {
            (status.done, status.rate, status.active) = (done, rate, active);
            (status.sources, status.place, status.wasted) = (known, place, wasted);
            (status.state, status.why) = (state, why);
            status.priority = priority;
        });
    }

    /// Writes the ticket: what was learnt, and the sources, those that were given up behind the others.
    pub(super) async fn save(&mut self) -> Result<(), End> {
        let is_gone = |id: SourceId| {
            let known = self.swarm.source(id);
            known.is_some_and(|known| known.standing == Standing::Gone)
        };
        let contacts = (0..).map(SourceId).zip(&self.job.contacts);
        let good = contacts.filter(|(_, contact)| !contact.banned);
        let (gone, tried): (Vec<_>, Vec<_>) = good.partition(|(id, _)| is_gone(*id));
        let sources = tried.into_iter().chain(gone).take(SAVED_SOURCES);
        self.job.ticket.sources = sources.map(|(_, contact)| contact.source.clone()).collect();
        let (shared, id) = (Arc::clone(&self.job.shared), self.job.id);
        let ticket = self.job.ticket.clone();
        on_disk(move || shared.store.renew(id, &ticket)).await
    }
}
