//! What is right, what is wrong, and whose fault that is.
//!
//! A block that is not what the tree says has been sent by somebody who is wrong, or the tree is. Both are strangers' words
//! until the file's own digest has been met. So two bad blocks of its own condemn a source; but when the tree turns out to be
//! false, because its own teller is wrong by it or the whole file is, all whom it condemned are pardoned, and its teller goes.

use std::collections::BTreeSet;

use super::{ByteRange, Crime, Effect, Outbox, Ranges, Source, SourceId, Standing, Swarm};

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
    pub(super) fn on_judged(&mut self, block: ByteRange, good: bool, out: &mut impl Outbox) {
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
        if self.is_tree_false() {
            return self.drop_tree(out);
        }
        for id in senders {
            if self
                .sources
                .get(&id)
                .is_some_and(|source| source.doubts >= CONDEMNED)
            {
                self.condemn(id, Crime::FalseBytes, out);
                self.condemned.insert(id);
            }
        }
    }

    /// Whether the tree would condemn its own teller, and nobody is right by it. One bad block of his proves nothing: a liar
    /// may tell a true tree, and his may be the first block that is judged.
    fn is_tree_false(&self) -> bool {
        let teller = self.teller.and_then(|teller| self.sources.get(&teller));
        self.right.is_empty() && teller.is_some_and(|teller| teller.doubts >= CONDEMNED)
    }

    /// Whether the tree has condemned all there are, and nobody was ever right by it.
    pub(super) fn is_tree_desperate(&self) -> bool {
        let gone = |source: &Source| source.standing == Standing::Gone;
        let all = self.sources.values().all(gone);
        self.block.is_some() && all && self.right.is_empty() && !self.condemned.is_empty()
    }

    /// The tree is false, and so is who told its root; whom it condemned is pardoned. What came is neither right nor wrong
    /// then.
    pub(super) fn drop_tree(&mut self, out: &mut impl Outbox) {
        (self.block, self.proven) = (None, Ranges::new());
        (self.judging, self.right) = Default::default();
        for source in self.sources.values_mut() {
            source.doubts = 0;
        }
        out.push(Effect::DropTree);
        for id in std::mem::take(&mut self.condemned) {
            if let Some(source) = self.sources.get_mut(&id) {
                source.standing = Standing::Ready;
                out.push(Effect::Pardon(id));
            }
        }
        if let Some(teller) = self.teller.take() {
            // The only source there is keeps its place: its bytes are still judged by the file's own digest.
            if self.sources.len() > 1 {
                self.condemn(teller, Crime::FalseTree, out);
            }
        }
    }

    /// The whole file was held against its digest.
    pub(super) fn on_checked(&mut self, good: bool, out: &mut impl Outbox) {
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
            return self.drop_tree(out);
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
            .take(2 * super::places::MOST_WORKING)
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
