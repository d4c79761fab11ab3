//! What is right, what is wrong, and whose fault that is.
//!
//! A block that is not what the tree says has been sent by somebody who is wrong, or the tree is. Both are strangers' words
//! until the file's own digest has been met, so both are tried: two bad blocks of its own condemn a source, unless nobody
//! but the one who told the tree's root has ever been right by it; then the tree goes.

use std::collections::BTreeSet;

use super::{ByteRange, Crime, Effect, Outbox, Ranges, SourceId, Standing, Swarm};
use crate::time::Time;

/// So many half strikes condemn a source: two blocks that are its alone. One can be a cable's fault.
const CONDEMNED: u32 = 4;

impl Swarm {
    /// Has every block judged that is whole, of those a range touches.
    pub(super) fn submit(&mut self, range: ByteRange, out: &mut impl Outbox) {
        let (Some(block), Some(size)) = (self.block, self.size) else {
            return;
        };
        let mut start = range.start / block * block;
        while start < range.end.min(size) {
            let whole = ByteRange::new(start, size.min(start + block));
            if self.here.contains(whole)
                && !self.proven.contains(whole)
                && self.judging.insert(whole.start)
            {
                out.push(Effect::Judge(whole));
            }
            start = whole.end;
        }
    }

    /// A block was held against the tree.
    pub(super) fn on_judged(
        &mut self,
        now: Time,
        block: ByteRange,
        good: bool,
        out: &mut impl Outbox,
    ) {
        if !self.judging.remove(&block.start) || self.block.is_none() {
            return;
        }
        let senders = self.take_senders(block);
        if good {
            self.proven.insert(block);
            self.right.extend(senders);
            return;
        }
        self.here.remove(block);
        self.wasted += block.len();
        out.push(Effect::Forget(block));
        let weight = if senders.len() == 1 { 2 } else { 1 };
        for id in &senders {
            if let Some(source) = self.sources.get_mut(id) {
                source.doubts += weight;
            }
        }
        self.wrong.extend(senders.iter().copied());
        if self.is_tree_suspect() {
            return self.drop_tree(now, out);
        }
        for id in senders {
            if self
                .sources
                .get(&id)
                .is_some_and(|source| source.doubts >= CONDEMNED)
            {
                self.condemn(id, Crime::FalseBytes, out);
            }
        }
    }

    /// Whether more speaks against the tree than against those who are wrong by it: several are, and nobody is right by it
    /// but whoever told it.
    fn is_tree_suspect(&self) -> bool {
        let Some(teller) = self.teller else {
            return false;
        };
        let other = |ids: &BTreeSet<SourceId>| ids.iter().filter(|id| **id != teller).count();
        let only_one = self.sources.len() == 1;
        other(&self.right) == 0
            && (other(&self.wrong) >= 2
                || (self.wrong.len() == 1
                    && other(&self.wrong) == 1
                    && self.right.contains(&teller))
                || (only_one && self.wrong.contains(&teller)))
            && self.wrong_blocks_condemn()
    }

    /// Whether somebody would be condemned now.
    fn wrong_blocks_condemn(&self) -> bool {
        self.sources
            .values()
            .any(|source| source.doubts >= CONDEMNED)
    }

    /// The tree is false, and so is who told its root. What came is neither right nor wrong then, and nobody guilty.
    fn drop_tree(&mut self, _now: Time, out: &mut impl Outbox) {
        (self.block, self.proven) = (None, Ranges::new());
        (self.judging, self.right, self.wrong) = Default::default();
        for source in self.sources.values_mut() {
            source.doubts = 0;
        }
        out.push(Effect::DropTree);
        if let Some(teller) = self.teller.take() {
            // The only source there is keeps its place: its bytes are still judged by the file's own digest.
            if self.sources.len() > 1 {
                self.condemn(teller, Crime::FalseTree, out);
            }
        }
    }

    /// The whole file was held against its digest.
    pub(super) fn on_checked(&mut self, now: Time, good: bool, out: &mut impl Outbox) {
        self.checking = false;
        if good {
            self.complete = true;
            return;
        }
        let whole = ByteRange::new(0, self.size.unwrap_or(0));
        let senders = self.take_senders(whole);
        self.wasted += self.here.total();
        (self.here, self.proven) = Default::default();
        out.push(Effect::Forget(whole));
        if self.block.is_some() {
            return self.drop_tree(now, out);
        }
        match senders.iter().next() {
            Some(&only) if senders.len() == 1 => self.condemn(only, Crime::FalseBytes, out),
            // Nobody knows who it was. From now on one at a time answers for the whole.
            _ => self.alone = true,
        }
    }

    /// Bans a source.
    pub(super) fn condemn(&mut self, id: SourceId, crime: Crime, out: &mut impl Outbox) {
        if let Some(source) = self.sources.get_mut(&id) {
            if source.standing == Standing::Gone {
                return;
            }
            if source.work().is_some() {
                out.push(Effect::Cut(id));
            }
            source.standing = Standing::Gone;
            out.push(Effect::Ban { source: id, crime });
        }
    }

    /// Notes who sent bytes that nobody has judged yet.
    pub(super) fn note_sender(&mut self, range: ByteRange, id: SourceId) {
        if let Some((last, sender)) = self.senders.last_mut()
            && *sender == id
            && last.end == range.start
        {
            last.end = range.end;
        } else if let Some((own, _)) = self
            .senders
            .iter_mut()
            .rev()
            .take(2 * super::MOST_WORKING)
            .find(|(own, sender)| *sender == id && own.end == range.start)
        {
            own.end = range.end;
        } else {
            self.senders.push((range, id));
        }
    }

    /// Who sent these bytes; that is forgotten now.
    fn take_senders(&mut self, range: ByteRange) -> BTreeSet<SourceId> {
        let mut senders = BTreeSet::new();
        let mut rest = Vec::new();
        for (own, id) in std::mem::take(&mut self.senders) {
            if own.shared(range).is_empty() {
                rest.push((own, id));
                continue;
            }
            senders.insert(id);
            for left in [
                ByteRange::new(own.start, range.start.min(own.end)),
                ByteRange::new(range.end.max(own.start), own.end),
            ] {
                if !left.is_empty() {
                    rest.push((left, id));
                }
            }
        }
        self.senders = rest;
        senders
    }
}
