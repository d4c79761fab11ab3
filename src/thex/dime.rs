//! Trees on the wire: two DIME records, a description in XML and the hashes, the root first, level by level.

use bytes::{BufMut, Bytes, BytesMut};

use super::{Node, SEGMENT, Tree, count, levels};
use crate::wire::{Guid, TigerRoot};

/// Why an answer is no tree of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ThexError {
    /// Not two records, or not of these kinds.
    #[error("the hash tree is malformed")]
    Malformed,
    /// It is of a file of another size, of other leaves, or made with another hash.
    #[error("the hash tree is of another kind or file")]
    Other,
    /// Its levels do not fit together, or not the root that was told.
    #[error("the hash tree contradicts its root")]
    False,
}

impl Tree {
    /// The media type of an answer.
    pub const MEDIA_TYPE: &str = "application/dime";

    /// The body of an answer; `id` links its two records and should be a random one.
    pub fn encode(&self, id: Guid) -> Bytes {
        let mut uuid = data_encoding::HEXLOWER.encode(&id.0);
        for at in [8, 13, 18, 23] {
            uuid.insert(at, '-');
        }
        let levels = levels(&self.blocks);
        let (size, depth) = (self.size, levels.len() - 1);
        let description = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
             <!DOCTYPE hashtree SYSTEM \"http://open-content.net/spec/thex/thex.dtd\">\
             <hashtree><file size='{size}' segmentsize='{SEGMENT}'/>\
             <digest algorithm='http://open-content.net/spec/digest/tiger' outputsize='24'/>\
             <serializedtree depth='{depth}' type='{BREADTH_FIRST}' uri='uuid:{uuid}'/></hashtree>"
        );
        let hashes = levels.concat().concat();
        let mut body = BytesMut::new();
        put(
            &mut body,
            (FIRST, MEDIA),
            "",
            "text/xml",
            description.as_bytes(),
        );
        put(
            &mut body,
            (LAST, URI),
            &format!("uuid:{uuid}"),
            BREADTH_FIRST,
            &hashes,
        );
        body.freeze()
    }

    /// Reads the body of an answer about a file of `size` bytes whose tree is said to have this root.
    ///
    /// The depth it tells is not asked for, nor is its DTD: levels are read as long as whole ones come, and what is
    /// behind the leaves is passed over.
    ///
    /// # Errors
    /// See [`ThexError`].
    pub fn decode(body: &[u8], size: u64, root: TigerRoot) -> Result<Self, ThexError> {
        let (description, rest) = take(body)?;
        let (hashes, _) = take(rest)?;
        if description.kind != b"text/xml" || hashes.kind != BREADTH_FIRST.as_bytes() {
            return Err(ThexError::Malformed);
        }
        let text = String::from_utf8_lossy(description.data);
        let said = |name| attribute(&text, name).and_then(|value| value.parse::<u64>().ok());
        let tiger = attribute(&text, "algorithm").is_some_and(|name| name.ends_with("/tiger"));
        if said("size") != Some(size) || said("segmentsize") != Some(SEGMENT) || !tiger {
            return Err(ThexError::Other);
        }
        let nodes = hashes.data.chunks_exact(size_of::<Node>());
        let nodes: Vec<Node> = nodes
            .map(|node| node.try_into().expect("a chunk is exact"))
            .collect();
        let (block, lowest) = lowest_level(&nodes, size).ok_or(ThexError::Malformed)?;
        let above = levels(lowest).concat();
        // All that was sent must be what follows from the lowest level, not the root alone.
        if nodes.first() != Some(&root.0) || !nodes.starts_with(&above) {
            return Err(ThexError::False);
        }
        Self::new(size, block, lowest.to_vec()).ok_or(ThexError::Malformed)
    }
}

/// The size of a block at the lowest level that is whole, and that level.
fn lowest_level(nodes: &[Node], size: u64) -> Option<(u64, &[Node])> {
    let (mut block, mut begin, mut found) = (SEGMENT, 0_usize, None);
    while count(size, block) > 1 {
        block = block.checked_mul(2)?;
    }
    loop {
        let length = usize::try_from(count(size, block)).ok()?;
        let Some(level) = nodes.get(begin..begin.checked_add(length)?) else {
            return found;
        };
        found = Some((block, level));
        if block == SEGMENT {
            return found;
        }
        (block, begin) = (block / 2, begin + length);
    }
}

/// The value of an attribute, in quotes of either kind.
fn attribute<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.match_indices(name).find_map(|(at, _)| {
        let apart = text[..at].ends_with(char::is_whitespace);
        let value = text[at + name.len()..].trim_start().strip_prefix('=')?;
        let value = value.trim_start();
        let quote = value
            .chars()
            .next()
            .filter(|quote| "'\"".contains(*quote))?;
        let (value, _) = value[1..].split_once(quote)?;
        apart.then_some(value)
    })
}

/// One record of a DIME message (Direct Internet Message Encapsulation, draft 2002).
#[derive(Debug)]
struct DimeRecord<'a> {
    kind: &'a [u8],
    data: &'a [u8],
}

/// Takes the record `bytes` begin with; what follows it.
fn take(bytes: &[u8]) -> Result<(DimeRecord<'_>, &[u8]), ThexError> {
    let (head, mut rest) = bytes
        .split_first_chunk::<12>()
        .ok_or(ThexError::Malformed)?;
    let short = |at: usize| usize::from(u16::from_be_bytes([head[at], head[at + 1]]));
    let data = u32::from_be_bytes([head[8], head[9], head[10], head[11]]);
    let data = usize::try_from(data).map_err(|_| ThexError::Malformed)?;
    if head[0] >> 3 != VERSION {
        return Err(ThexError::Malformed);
    }
    let mut field = |length: usize| {
        let field = rest.get(..length).ok_or(ThexError::Malformed)?;
        // Some leave the padding of the very last field out.
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Ok(field)
    };
    let (_options, _id) = (field(short(2))?, field(short(4))?);
    let (kind, data) = (field(short(6))?, field(data)?);
    Ok((DimeRecord { kind, data }, rest))
}

fn put(body: &mut BytesMut, (place, kind_of_kind): (u8, u8), id: &str, kind: &str, data: &[u8]) {
    let short = |text: &str| u16::try_from(text.len()).expect("our own words are short");
    body.put_u8(VERSION << 3 | place);
    body.put_u8(kind_of_kind);
    body.put_u16(0);
    body.put_u16(short(id));
    body.put_u16(short(kind));
    body.put_u32(u32::try_from(data.len()).expect("a tree is small"));
    for field in [id.as_bytes(), kind.as_bytes(), data] {
        body.put_slice(field);
        body.put_bytes(0, field.len().next_multiple_of(4) - field.len());
    }
}

const VERSION: u8 = 1;
const FIRST: u8 = 4;
const LAST: u8 = 2;
const MEDIA: u8 = 1 << 4;
const URI: u8 = 2 << 4;
const BREADTH_FIRST: &str = "http://open-content.net/spec/thex/breadthfirst";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;
    use crate::thex::Hasher;

    fn tree(size: u64) -> Tree {
        let mut hasher = Hasher::new(size);
        let bytes: Vec<u8> = (0..size).map(|n| (n / 7) as u8).collect();
        hasher.update(&bytes);
        hasher.finish().expect("all bytes came")
    }

    #[test]
    fn a_tree_goes_there_and_back() {
        for size in [0, 1, 1024, 65_536, 65_537, 700_001] {
            let tree = tree(size);
            let body = tree.encode(Guid([7; 16]));
            let read = Tree::decode(&body, size, tree.root()).expect("our own");
            assert_eq!(read.root(), tree.root());
            assert!(read.blocks() == tree.blocks() || size <= 65_536);
        }
    }

    #[test]
    fn whatever_is_changed_in_it_is_seen() {
        let tree = tree(300_000);
        let body = tree.encode(Guid([7; 16]));
        assert_eq!(
            Tree::decode(&body, 300_001, tree.root()),
            Err(ThexError::Other)
        );
        let other = TigerRoot([1; 24]);
        assert_eq!(Tree::decode(&body, 300_000, other), Err(ThexError::False));
        let hashes = body.len() - 24 * 11;
        for at in hashes..body.len() {
            let mut spoilt = body.to_vec();
            spoilt[at] ^= 1;
            let read = Tree::decode(&spoilt, 300_000, tree.root());
            assert_eq!(read, Err(ThexError::False), "at {at}");
        }
    }

    #[test]
    fn a_tree_may_end_after_any_level() {
        let tree = tree(300_000);
        let (mut body, levels) = (BytesMut::new(), levels(tree.blocks()));
        let description =
            "<hashtree><file segmentsize=\"1024\" size = \"300000\"/><digest algorithm='x/tiger'/>";
        put(
            &mut body,
            (FIRST, MEDIA),
            "",
            "text/xml",
            description.as_bytes(),
        );
        let half = levels[..2].concat().concat();
        put(&mut body, (LAST, URI), "", BREADTH_FIRST, &half);
        let read = Tree::decode(&body, 300_000, tree.root()).expect("whole levels");
        assert_eq!((read.block(), read.blocks().len()), (262_144, 2));
    }

    #[test]
    fn garbage_is_refused_and_never_more() {
        let tree = tree(100_000);
        let body = tree.encode(Guid([7; 16]));
        for end in 0..body.len() {
            let _ = Tree::decode(&body[..end], 100_000, tree.root());
        }
        let mut rng = Rng::seeded(5);
        for _ in 0..20_000 {
            let mut garbage = body.to_vec();
            for _ in 0..=rng.below(4) {
                let at = rng.below(garbage.len());
                garbage[at] = rng.next() as u8;
            }
            let size = if rng.chance(0.5) { 100_000 } else { rng.next() };
            let _ = Tree::decode(&garbage, size, tree.root());
        }
    }
}
