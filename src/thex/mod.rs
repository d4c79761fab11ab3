//! Tiger trees: what tells which block of a file is wrong, and not only that one is. Pure.
//!
//! The one rule: a [`Tree`] is whole. All its levels fit its root; there is no tree that was not checked so.
//!
//! Tree Hash EXchange format (THEX), 2003: a leaf is the Tiger hash of a zero byte and 1,024 bytes of the file, an inner
//! node that of a one and its two children, and a node without a sibling is lifted as it is. Of a large file the lowest
//! levels are not kept: a [block](Tree::block) is what a node of the lowest level kept stands for.

mod dime;
mod hasher;

pub use dime::ThexError;
pub use hasher::{BlockHasher, Hasher, hash_block};

use crate::wire::TigerRoot;

/// The bytes a leaf stands for.
const SEGMENT: u64 = 1024;

/// The smallest block that is told apart: with smaller ones the requests that fetch a bad one again cost more than it.
const SMALLEST_BLOCK: u64 = 64 * 1024;

/// The most blocks of a tree of ours: all levels then have 8,191 hashes or 192 KiB, and gtk-gnutella reads 260 KiB.
const MOST_BLOCKS: u64 = 4096;

/// A hash in a tree.
pub type Node = [u8; 24];

/// The tree of one file, down to its blocks.
#[derive(Clone, PartialEq, Eq)]
pub struct Tree {
    size: u64,
    block: u64,
    /// The lowest level kept: a node for every block, never none.
    blocks: Box<[Node]>,
    root: Node,
}

impl Tree {
    /// The tree over the hashes of all blocks; none when they are not as many as the file has.
    pub fn new(size: u64, block: u64, blocks: Vec<Node>) -> Option<Self> {
        let fits = is_block(block) && blocks.len() as u64 == count(size, block);
        let root = fits.then(|| levels(&blocks)[0][0])?;
        let blocks = blocks.into();
        Some(Self {
            size,
            block,
            blocks,
            root,
        })
    }

    /// Its name.
    pub const fn root(&self) -> TigerRoot {
        TigerRoot(self.root)
    }

    /// The size of the file in bytes.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The size of a block in bytes: a power of two, 1,024 at least. The last one is shorter.
    pub const fn block(&self) -> u64 {
        self.block
    }

    /// The hashes of the blocks, in order.
    pub fn blocks(&self) -> &[Node] {
        &self.blocks
    }

    /// The same with no more levels than are customary.
    ///
    /// LimeWire and gtk-gnutella make no others, and gtk-gnutella throws the further levels away.
    #[must_use]
    pub fn customary(&self) -> Self {
        let most = 1 << customary_depth(self.size);
        let (mut block, mut levels) = (self.block, levels(&self.blocks));
        while levels.last().is_some_and(|level| level.len() > most) {
            levels.pop();
            block *= 2;
        }
        let blocks = levels.pop().unwrap_or_default().into();
        Self {
            block,
            blocks,
            ..self.clone()
        }
    }

    /// Whether these are the bytes of the block that begins at `start`.
    pub fn holds(&self, start: u64, bytes: &[u8]) -> bool {
        self.has(start, bytes.len() as u64, &hash_block(bytes))
    }

    /// Whether the block that begins at `start` has so many bytes and this hash.
    pub fn has(&self, start: u64, length: u64, hash: &Node) -> bool {
        let number = usize::try_from(start / self.block).ok();
        let node = number.and_then(|number| self.blocks.get(number));
        let whole = length == self.block.min(self.size.saturating_sub(start));
        start.is_multiple_of(self.block) && whole && node == Some(hash)
    }
}

impl std::fmt::Debug for Tree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (root, blocks) = (self.root(), self.blocks.len());
        write!(f, "Tree({root}, {blocks} x {})", self.block)
    }
}

/// The size of a block in the trees we make of files of this size.
pub fn block_for(size: u64) -> u64 {
    let needed = size.div_ceil(MOST_BLOCKS).next_power_of_two();
    needed.max(SMALLEST_BLOCK)
}

/// How many levels below the root LimeWire keeps, and gtk-gnutella as far as it keeps any, of a file of this size.
pub fn customary_depth(size: u64) -> u32 {
    const MIB: u64 = 1024 * 1024;
    let quarters = size / (MIB / 4);
    match size / MIB {
        0..64 => quarters.checked_ilog2().map_or(0, |log| log + 1),
        64..256 => 9,
        256..1024 => 10,
        1024..4096 => 11,
        4096..65_536 => 12,
        _ => 13,
    }
}

/// How many blocks a file has; an empty one has an empty one.
fn count(size: u64, block: u64) -> u64 {
    size.div_ceil(block).max(1)
}

fn is_block(block: u64) -> bool {
    block.is_power_of_two() && block >= SEGMENT
}

/// All levels above and with the given one, the root first.
fn levels(lowest: &[Node]) -> Vec<Vec<Node>> {
    let mut levels = vec![lowest.to_vec()];
    while let Some(level) = levels.last().filter(|level| level.len() > 1) {
        let above = level.chunks(2).map(|pair| match pair {
            [left, right] => hasher::inner(left, right),
            _ => pair[0],
        });
        let above = above.collect();
        levels.push(above);
    }
    levels.reverse();
    levels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_known_and_no_other_is() {
        let bytes: Vec<u8> = (0..200_000_u32).map(|n| (n / 251) as u8).collect();
        let mut hasher = Hasher::new(bytes.len() as u64);
        hasher.update(&bytes);
        let tree = hasher.finish().expect("all bytes came");
        assert_eq!((tree.block(), tree.blocks().len()), (65_536, 4));
        for (number, block) in bytes.chunks(65_536).enumerate() {
            let start = number as u64 * 65_536;
            assert!(tree.holds(start, block));
            assert!(!tree.holds(start + 65_536, block) && !tree.holds(start + 1, block));
            assert!(!tree.holds(start, &block[1..]));
            let mut spoilt = block.to_vec();
            spoilt[17] ^= 1;
            assert!(!tree.holds(start, &spoilt));
        }
        assert!(!tree.holds(u64::MAX, &[]));
    }

    #[test]
    fn a_customary_tree_is_the_same_with_fewer_levels() {
        let size = 1 << 30;
        let blocks: Vec<Node> = (0..4096_u32).map(|n| [n as u8; 24]).collect();
        let tree = Tree::new(size, 256 * 1024, blocks).expect("as many as there are");
        let coarse = tree.customary();
        assert_eq!(coarse.root(), tree.root());
        assert_eq!((coarse.block(), coarse.blocks().len()), (512 * 1024, 2048));
        assert_eq!(coarse.customary(), coarse);
    }

    #[test]
    fn large_files_have_large_blocks_but_few() {
        assert_eq!(block_for(0), 64 * 1024);
        assert_eq!(block_for(256 << 20), 64 * 1024);
        assert_eq!(block_for((256 << 20) + 1), 128 * 1024);
        assert_eq!(block_for(1 << 40), 256 << 20);
    }

    #[test]
    fn a_tree_has_as_many_blocks_as_its_file() {
        assert!(Tree::new(100, 1024, vec![[0; 24]]).is_some());
        assert!(Tree::new(0, 1024, vec![]).is_none());
        assert!(Tree::new(1025, 1024, vec![[0; 24]]).is_none());
        assert!(Tree::new(100, 1000, vec![[0; 24]]).is_none());
    }
}
