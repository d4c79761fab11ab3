//! URNs and base32.

use servent::wire::{Extensions, Sha1, Urn};

use crate::Check;
use crate::vector::Vector;

/// The groups of this family.
pub(crate) const CHECKS: &[(&str, Check)] = &[
    ("urn_sha1_parse", urn_sha1_parse),
    ("urn_type_request", urn_type_request),
    ("base32", base32),
];

/// The answers are LimeWire's. Two of its leniencies are not ours: something before `urn:`, and the hash of a torrent
/// taken for the hash of a file.
fn urn_sha1_parse(vector: &Vector) {
    let input = vector.text("input");
    let read = input.parse::<Urn>().ok();
    let stricter = input.starts_with(' ') || input.to_lowercase().starts_with("urn:btih:");
    let expected = (vector.flag("valid") && !stricter).then(|| vector.text("canonical").to_owned());
    let canonical = read.map(|urn| Urn::Sha1(urn.sha1()).to_string());
    assert_eq!(canonical, expected);
}

fn urn_type_request(vector: &Vector) {
    let input = vector.text("input");
    let wanted = Extensions::decode(input.as_bytes()).wanted;
    assert_eq!(
        wanted.iter().any(|kind| kind == input),
        vector.flag("is_type")
    );
    assert_eq!(wanted.len(), usize::from(vector.flag("is_type")));
}

/// Through our hashes, which are the only base32 here: the bytes in pieces of 20, the last filled up with zeros, whose
/// characters are `A`.
fn base32(vector: &Vector) {
    let bytes = vector.bytes("hex");
    let mut shown = String::new();
    for piece in bytes.chunks(20) {
        let mut sha1 = Sha1([0; 20]);
        sha1.0[..piece.len()].copy_from_slice(piece);
        let text = sha1.to_string();
        assert_eq!(text.parse(), Ok(sha1));
        shown += &text;
    }
    let (text, filling) = shown.split_at((bytes.len() * 8).div_ceil(5));
    assert_eq!(text, vector.text("base32"));
    assert!(filling.chars().all(|c| c == 'A'));
}
