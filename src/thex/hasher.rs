//! Trees of bytes as they come.

use tiger::{Digest, Tiger};

use super::{Node, SEGMENT, Tree, block_for};

/// Makes the tree of a file whose bytes are handed in, in order.
///
/// It keeps a hash for every block and, of the block under way, one for each of its levels: a file of 10 GB has ten million
/// leaves, and they are never here together.
#[derive(Clone)]
pub struct Hasher {
    size: u64,
    block: u64,
    seen: u64,
    blocks: Vec<Node>,
    /// Of the block under way.
    under_way: BlockHasher,
}

impl Hasher {
    /// One for a file of so many bytes.
    pub fn new(size: u64) -> Self {
        Self {
            size,
            block: block_for(size),
            seen: 0,
            blocks: Vec::new(),
            under_way: BlockHasher::default(),
        }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = self.block - self.seen % self.block;
            let count = usize::try_from(room).map_or(bytes.len(), |room| room.min(bytes.len()));
            let (now, rest) = bytes.split_at(count);
            self.under_way.update(now);
            self.seen += count as u64;
            bytes = rest;
            if self.seen.is_multiple_of(self.block) {
                self.blocks
                    .push(std::mem::take(&mut self.under_way).finish());
            }
        }
    }

    /// The tree; none when there were more or fewer bytes than were announced.
    pub fn finish(mut self) -> Option<Tree> {
        if !self.seen.is_multiple_of(self.block) || self.seen == 0 {
            self.blocks.push(self.under_way.finish());
        }
        let whole = self.seen == self.size;
        whole.then(|| Tree::new(self.size, self.block, self.blocks))?
    }
}

impl std::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hasher({} of {} bytes)", self.seen, self.size)
    }
}

/// Makes the hash of one block whose bytes are handed in, in order: a block may be larger than there is memory.
#[derive(Clone)]
pub struct BlockHasher {
    pile: Pile,
    /// Of the leaf under way; it begins with its mark.
    leaf: Tiger,
    /// The bytes in it.
    filled: usize,
}

impl Default for BlockHasher {
    fn default() -> Self {
        Self {
            pile: Pile::default(),
            leaf: marked(LEAF),
            filled: 0,
        }
    }
}

impl BlockHasher {
    /// Takes the next bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let count = bytes.len().min(LEAF_SIZE - self.filled);
            let (now, rest) = bytes.split_at(count);
            self.leaf.update(now);
            self.filled += count;
            bytes = rest;
            if self.filled == LEAF_SIZE {
                self.end_leaf();
            }
        }
    }

    /// The hash; an empty block has one, too.
    pub fn finish(mut self) -> Node {
        if self.filled > 0 || self.pile.0.is_empty() {
            self.end_leaf();
        }
        self.pile.top()
    }

    fn end_leaf(&mut self) {
        let leaf = std::mem::replace(&mut self.leaf, marked(LEAF));
        self.pile.push(leaf.finalize().into());
        self.filled = 0;
    }
}

impl std::fmt::Debug for BlockHasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BlockHasher({} bytes of a leaf)", self.filled)
    }
}

/// The hash of the bytes of one block.
pub fn hash_block(bytes: &[u8]) -> Node {
    let mut hasher = BlockHasher::default();
    hasher.update(bytes);
    hasher.finish()
}

/// The node above two others.
pub(super) fn inner(left: &Node, right: &Node) -> Node {
    let hasher = marked(INNER).chain_update(left).chain_update(right);
    hasher.finalize().into()
}

/// Nodes that wait for their siblings, each with its height; heights fall strictly.
#[derive(Clone, Debug, Default)]
struct Pile(Vec<(u32, Node)>);

impl Pile {
    fn push(&mut self, leaf: Node) {
        let (mut height, mut node) = (0, leaf);
        while let Some((_, left)) = self.0.pop_if(|(other, _)| *other == height) {
            (height, node) = (height + 1, inner(&left, &node));
        }
        self.0.push((height, node));
    }

    /// The node above all; those without a sibling are lifted. There must be one.
    fn top(mut self) -> Node {
        let (_, mut node) = self.0.pop().expect("a leaf was pushed before");
        while let Some((_, left)) = self.0.pop() {
            node = inner(&left, &node);
        }
        node
    }
}

const LEAF: u8 = 0;
const INNER: u8 = 1;
const LEAF_SIZE: usize = SEGMENT as usize;

fn marked(mark: u8) -> Tiger {
    Tiger::new_with_prefix([mark])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_any_size_make_the_same_tree() {
        let bytes: Vec<u8> = (0..300_001_u32).map(|n| (n / 251) as u8).collect();
        let tree = |piece: usize| {
            let mut hasher = Hasher::new(bytes.len() as u64);
            bytes.chunks(piece).for_each(|piece| hasher.update(piece));
            hasher.finish().expect("all bytes came")
        };
        let whole = tree(bytes.len());
        for piece in [1, 1000, 1024, 1025, 65_536, 70_000] {
            assert_eq!(tree(piece), whole);
        }
        let last = &bytes[4 * 65_536..];
        assert_eq!(whole.blocks()[4], hash_block(last));
    }

    #[test]
    fn a_size_that_was_not_kept_makes_none() {
        for (told, given) in [(3, 2), (2, 3), (0, 1), (1, 0)] {
            let mut hasher = Hasher::new(told);
            hasher.update(&vec![0; given]);
            assert_eq!(hasher.finish(), None);
        }
    }
}
