//! Query routing: hashes, tables and the messages that carry them; and the horizon of dynamic queries.

use bytes::Bytes;
use servent::library::words;
use servent::overlay::dynamic::{horizon, ttl_for};
use servent::wire::qrp::{Receiver, RouteTable, RouteTableMessage, slot_of, update};
use servent::wire::{HEADER_LEN, Header};

use crate::Check;
use crate::vector::{Vector, unhex};

/// The groups of this family.
pub(crate) const CHECKS: &[(&str, Check)] = &[
    ("qrp_hash", hash),
    ("qrp_hash_reference", hash),
    ("qrp_hash_unicode_gtkg", hash_of_code_points),
    ("qrp_table_encode", table_encode),
    ("qrp_table_delta", table_delta),
    ("qrp_resize", resize),
    ("qrp_patch_apply", patch_apply),
    ("qrp_doc_messages", document_message),
    ("qrp_keywords", keywords),
    ("qrp_prefixes", prefixes),
    ("dq_horizon_lw", dynamic_horizon),
    ("dq_ttl_lw", dynamic_ttl),
];

/// LimeWire's words of a name; ours are these and gtk-gnutella's.
fn keywords(vector: &Vector) {
    let ours = words(vector.text("path"));
    let theirs = vector.get("prefixed").as_array().expect("a list");
    for word in theirs.iter().filter_map(serde_json::Value::as_str) {
        assert!(ours.contains(word), "{word} is not among {ours:?}");
    }
}

fn prefixes(vector: &Vector) {
    let strings = |field| {
        let list = vector.get(field).as_array().expect("a list").iter();
        list.filter_map(serde_json::Value::as_str)
    };
    let ours: Vec<String> = strings("words").flat_map(words).collect();
    for word in strings("expanded") {
        assert!(ours.iter().any(|our| our == word), "{word}");
    }
}

/// LimeWire folds case inside the hash, and char by char; we are handed folded words.
fn hash(vector: &Vector) {
    let word = vector.text("word").to_lowercase();
    assert_eq!(
        slot_of(&word, vector.number("bits") as u32),
        vector.number("hash") as u32
    );
}

fn hash_of_code_points(vector: &Vector) {
    let points = vector.get("codepoints").as_array().expect("a list");
    let word: String = points
        .iter()
        .map(|point| {
            u32::from_str_radix(point.as_str().expect("a string"), 16).expect("hexadecimal")
        })
        .map(|point| char::from_u32(point).expect("a character"))
        .collect();
    assert_eq!(
        slot_of(&word, vector.number("bits") as u32),
        vector.number("hash") as u32
    );
}

fn table_encode(vector: &Vector) {
    let mut table = RouteTable::new(vector.number("size") as u32);
    for slot in numbers(vector, "slots_set") {
        table.set_slot(slot, true);
    }
    let sent = messages(vector, "messages_from_type_byte_compressed_allowed");
    for messages in [&sent, &update(&table, None)] {
        let mut receiver = Receiver::new();
        for message in messages {
            receiver.apply(message).expect("a sound message");
        }
        assert_eq!(receiver.table(), Some(&table), "from {messages:?}");
    }
    // zlib's bytes depend on the encoder; where LimeWire does not deflate, ours must be the same bytes.
    if sent.iter().all(|message| !is_deflated(message)) {
        assert_eq!(update(&table, None), sent);
    }
}

fn table_delta(vector: &Vector) {
    let [from, to] = ["from", "to"].map(|side| {
        let mut table = RouteTable::new(vector.number("size") as u32);
        for word in vector.get(side).as_array().expect("a list") {
            table.insert(word.as_str().expect("a word"));
        }
        table
    });
    assert_eq!(update(&to, Some(&from)), messages(vector, "messages"));
}

fn resize(vector: &Vector) {
    let mut from = RouteTable::new(vector.number("from_size") as u32);
    for slot in numbers(vector, "slots") {
        from.set_slot(slot, true);
    }
    let mut to = RouteTable::new(vector.number("to_size") as u32);
    to.union(&from);
    assert_eq!(
        to.iter().collect::<Vec<_>>(),
        numbers(vector, "result_slots")
    );
}

fn patch_apply(vector: &Vector) {
    let mut receiver = Receiver::new();
    let slots = vector.number("table_size") as u32;
    let infinity = vector.number("infinity") as u8;
    receiver
        .apply(&RouteTableMessage::Reset { slots, infinity })
        .expect("a reset");
    let patch = RouteTableMessage::decode(&vector.bytes("payload").into()).expect("a patch");
    receiver.apply(&patch).expect("it applies");
    let table = receiver.table().expect("it is complete");
    assert_eq!(
        table.iter().collect::<Vec<_>>(),
        numbers(vector, "slots_set")
    );
}

fn document_message(vector: &Vector) {
    let (header, len) = Header::decode(&vector.bytes("header")).expect("a header");
    assert_eq!(header.kind.name(), "route_table");
    let payload = vector.bytes("payload");
    if vector.flag("length_consistent") {
        assert_eq!(len as usize, payload.len());
    }
    let decoded = vector.get("decoded");
    match RouteTableMessage::decode(&payload.into()).expect("a message") {
        RouteTableMessage::Reset { slots, infinity } => {
            assert_eq!(u64::from(slots), decoded["table_length"]);
            assert_eq!(u64::from(infinity), decoded["infinity"]);
        }
        RouteTableMessage::Patch {
            part,
            parts,
            deflated,
            bits,
            ..
        } => {
            assert_eq!(u64::from(part), decoded["seq_no"]);
            assert_eq!(u64::from(parts), decoded["seq_size"]);
            assert_eq!(u64::from(deflated), decoded["compressor"]);
            assert_eq!(u64::from(bits), decoded["entry_bits"]);
        }
    }
}

fn dynamic_horizon(vector: &Vector) {
    let hosts = horizon(vector.number("degree") as u32, vector.number("ttl") as u8);
    assert_eq!(hosts, vector.number("hosts"));
}

fn dynamic_ttl(vector: &Vector) {
    let needed = vector.number("hosts_needed_per_connection");
    let (degree, max_ttl) = (
        vector.number("degree") as u32,
        vector.number("max_ttl") as u8,
    );
    assert_eq!(
        u64::from(ttl_for(needed, degree, max_ttl)),
        vector.number("ttl")
    );
}

fn numbers(vector: &Vector, field: &str) -> Vec<u32> {
    let list = vector.get(field).as_array().expect("a list");
    list.iter()
        .map(|number| number.as_u64().expect("a number") as u32)
        .collect()
}

/// Messages written from the header's type byte on.
fn messages(vector: &Vector, field: &str) -> Vec<RouteTableMessage> {
    let list = vector.get(field).as_array().expect("a list");
    list.iter()
        .map(|hex| Bytes::from(unhex(hex.as_str().expect("hexadecimal"))))
        .map(|bytes| RouteTableMessage::decode(&bytes.slice(HEADER_LEN - 16..)).expect("a message"))
        .collect()
}

const fn is_deflated(message: &RouteTableMessage) -> bool {
    matches!(message, RouteTableMessage::Patch { deflated: true, .. })
}
