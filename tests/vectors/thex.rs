//! Tiger trees: of bytes, and on the wire.

use servent::thex::{Hasher, Tree, customary_depth};
use servent::wire::{Guid, Urn};

use crate::Check;
use crate::vector::Vector;

/// The groups of this family.
pub(crate) const CHECKS: &[(&str, Check)] = &[
    ("tigertree", tigertree),
    ("thex_dime", thex_dime),
    ("thex_depth_lw", thex_depth_lw),
];

/// The bytes that a vector describes.
fn data(what: &str) -> Vec<u8> {
    let counted = |count: usize| (0..count).map(|n| n as u8).collect();
    match what.split(' ').collect::<Vec<_>>()[..] {
        ["empty"] => Vec::new(),
        ["one", "zero", "byte"] => vec![0],
        ["'abc'"] => b"abc".to_vec(),
        [count, "x", "'A'"] => vec![b'A'; count.parse().expect("a number")],
        [count, "x", "0"] => vec![0; count.parse().expect("a number")],
        [count, "i&255"] | [count, "bytes", "i&255"] => counted(count.parse().expect("a number")),
        _ => panic!("unknown data: {what}"),
    }
}

fn tree(bytes: &[u8]) -> Tree {
    let mut hasher = Hasher::new(bytes.len() as u64);
    hasher.update(bytes);
    hasher.finish().expect("all bytes came")
}

fn tigertree(vector: &Vector) {
    let tree = tree(&data(vector.text("data")));
    assert_eq!(tree.root().to_string(), vector.text("tth_base32"));
    let bitprint: Urn = vector.text("bitprint").parse().expect("a URN");
    assert!(matches!(bitprint, Urn::Bitprint(_, root) if root == tree.root()));
}

/// LimeWire keeps fewer levels of a file than we do, so its answer is read, not written.
fn thex_dime(vector: &Vector) {
    let bytes = data(vector.text("data"));
    let ours = tree(&bytes);
    assert_eq!(ours.root().to_string(), vector.text("root"));
    let size = bytes.len() as u64;
    let theirs = Tree::decode(&vector.bytes("dime_bytes"), size, ours.root()).expect("a tree");
    for (number, block) in bytes.chunks(theirs.block() as usize).enumerate() {
        assert!(theirs.holds(number as u64 * theirs.block(), block));
    }
    let read = Tree::decode(&ours.encode(Guid([1; 16])), size, ours.root());
    assert_eq!(read.map(|tree| tree.root()), Ok(ours.root()));
}

fn thex_depth_lw(vector: &Vector) {
    let depth = customary_depth(vector.number("file_size"));
    assert_eq!(u64::from(depth), vector.number("depth"));
}
