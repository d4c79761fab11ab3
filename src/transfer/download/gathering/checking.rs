//! Holding what came against tree and digest.

use std::sync::Arc;

use super::{Chore, Gathering};
use crate::swarm::{Input, SourceId};
use crate::thex::Tree;
use crate::transfer::download::job::{End, on_disk};
use crate::transfer::download::status::DownloadState;

/// How much of the file's start may lie there undigested before that is done, while more comes.
const FOLLOW_BEHIND: u64 = 4 * 1024 * 1024;

/// Blocks held against the tree at once, or waiting for that: so that none of a few cores ever waits for us.
const JUDGES: usize = 4;

/// How many files or blocks are digested at once, over all downloads: of thousands that go on at a start all would be read at
/// once, and neither disk nor threads be left for anybody else.
pub(in crate::transfer::download) const READERS: usize = 8;

impl Gathering<'_> {
    /// Uses a hash tree from now on.
    pub(super) async fn adopt(&mut self, tree: Tree, teller: Option<SourceId>) -> Result<(), End> {
        let tree = Arc::new(tree);
        let of = |id: SourceId| {
            self.job
                .contacts
                .get(id.0 as usize)
                .map(|of| of.source.addr)
        };
        let addr = teller.and_then(of);
        self.job.ticket.root = Some(tree.root());
        self.job.ticket.teller = addr.or(self.job.ticket.teller);
        let (shared, id, kept) = (Arc::clone(&self.job.shared), self.job.id, Arc::clone(&tree));
        // The root first: a tree without its root is none, and without a tree the root is asked for again.
        self.save().await?;
        on_disk(move || shared.store.save_tree(id, &kept)).await?;
        if let Some(sha1) = self.job.ticket.sha1 {
            let (part, tree) = (Arc::clone(&self.part), Arc::clone(&tree));
            self.job
                .partial
                .open(sha1, self.job.ticket.name.clone(), part, tree);
        }
        self.job.tell(|status| status.tree = true);
        let block = tree.block();
        self.tree = Some(tree);
        self.take_boxed(Input::Tree { block, teller }).await
    }

    /// As [`Self::take`], where that would be a future within itself.
    pub(super) fn take_boxed(
        &mut self,
        input: Input,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<(), End>> + Send + '_>> {
        Box::pin(self.take(input))
    }

    pub(super) async fn drop_tree(&mut self) -> Result<(), End> {
        self.tree = None;
        self.to_judge.clear();
        self.job.partial.close();
        self.job.tell(|status| status.tree = false);
        self.job.false_roots.extend(self.job.ticket.root.take());
        self.job.ticket.teller = None;
        self.save().await
    }

    pub(super) fn judge_next(&mut self) {
        while self.judging < JUDGES {
            let (Some(tree), Some(range)) = (&self.tree, self.to_judge.pop_front()) else {
                return;
            };
            let (part, tree) = (Arc::clone(&self.part), Arc::clone(tree));
            self.judging += 1;
            self.have_done(move || Chore::Judged(tree.root(), range, part.holds(&tree, range)));
        }
    }

    /// Has something done that reads much, once few others do.
    fn have_done(&mut self, chore: impl FnOnce() -> Chore + Send + 'static) {
        let readers = Arc::clone(&self.job.shared.readers);
        self.chores.spawn(async move {
            let _reader = readers.acquire_owned().await;
            tokio::task::spawn_blocking(chore).await
        });
    }

    /// Holds the whole file against its digest, and against the root that was promised where no tree has vouched for it.
    pub(super) fn check(&mut self) {
        self.job.tell(|status| {
            status.state = DownloadState::Verifying;
            (status.why, status.rate) = (None, 0);
        });
        let (part, size) = (Arc::clone(&self.part), self.swarm.size().unwrap_or(0));
        let unproven = self.job.ticket.promised.filter(|_| self.tree.is_none());
        self.have_done(move || {
            let sha1 = part.finish(size);
            Chore::Checked(sha1.and_then(|sha1| {
                let root = unproven.map(|_| part.root(size)).transpose()?;
                Ok((sha1, root))
            }))
        });
    }

    /// Digests what has come since, if it is worth it.
    pub(super) fn follow(&mut self) {
        let settled = self.swarm.settled();
        if !self.following && settled >= self.part.followed() + FOLLOW_BEHIND {
            self.following = true;
            let part = Arc::clone(&self.part);
            self.have_done(move || Chore::Followed(part.follow(settled)));
        }
    }
}
