//! GGEP and what is inside it: COBS, framing, known extensions.

use bytes::{Bytes, BytesMut};
use serde_json::Value;
use servent::wire::{Extensions, Ggep, cobs};

use crate::Check;
use crate::vector::{Vector, unhex};

/// The groups of this family.
pub(crate) const CHECKS: &[(&str, Check)] = &[
    ("cobs", cobs),
    ("cobs_decode", cobs_decode),
    ("ggep_encode", ggep_encode),
    ("ggep_length", ggep_length),
    ("ggep_decode", ggep_decode),
    ("ggep_known", ggep_known),
];

fn cobs(vector: &Vector) {
    let (raw, encoded) = (vector.bytes("raw"), vector.bytes("encoded"));
    let mut out = BytesMut::new();
    cobs::encode(&raw, &mut out);
    assert_eq!(out, encoded);
    assert_eq!(
        cobs::decode(&encoded) == Ok(raw),
        vector.flag("decodes_back")
    );
}

fn cobs_decode(vector: &Vector) {
    let expected = (!vector.flag("error")).then(|| vector.bytes("raw"));
    assert_eq!(cobs::decode(&vector.bytes("encoded")).ok(), expected);
}

/// Values are hexadecimal, null for none, or `int n`. One is deflated, which we only read.
fn ggep_encode(vector: &Vector) {
    let mut ggep = Ggep::new();
    let mut deflated = false;
    let mut entries: Vec<_> = vector
        .get("entries")
        .as_object()
        .expect("entries")
        .iter()
        .collect();
    // LimeWire writes the keys in byte order.
    entries.sort_by_key(|(id, _)| *id);
    for (id, value) in entries {
        match value.as_str() {
            None => ggep.push(id, Bytes::new()),
            Some(text) => match text.split_once(' ') {
                None => ggep.push(id, unhex(text)),
                Some(("int" | "long", number)) => ggep.push_number(id, number_of(number)),
                Some(("deflate(100", "x 'x')")) => {
                    ggep.push(id, "x".repeat(100));
                    deflated = true;
                }
                Some(other) => panic!("a value of unknown form: {other:?}"),
            },
        }
    }
    let bytes = vector.bytes("bytes");
    assert_eq!(Ggep::decode(&bytes), Ok((ggep.clone(), bytes.len())));
    if !deflated {
        assert_eq!(block(&ggep, vector.flag("cobs")), bytes);
    }
}

fn ggep_length(vector: &Vector) {
    let len = vector.number("data_len") as usize;
    let mut ggep = Ggep::new();
    ggep.push("L", vec![b'x'; len]);
    let block = block(&ggep, true);
    assert_eq!(block[..block.len() - len], vector.bytes("header_bytes"));
}

fn ggep_decode(vector: &Vector) {
    let decoded = Ggep::decode(&vector.bytes("bytes"));
    let Some(entries) = vector.get("entries").as_object() else {
        decoded.expect_err("a block to be refused");
        return;
    };
    let (ggep, len) = decoded.expect("a sound block");
    assert_eq!(ggep.iter().count(), entries.len());
    for (id, value) in entries {
        let expected = value.as_str().map(unhex).unwrap_or_default();
        assert_eq!(ggep.get(id), Some(&expected.into()), "{id}");
    }
    assert_eq!(len as u64, vector.number("end"));
}

fn ggep_known(vector: &Vector) {
    let bytes = vector.bytes("bytes");
    let (ggep, len) = Ggep::decode(&bytes).expect("a sound block");
    assert_eq!(len, bytes.len());
    let keys: Vec<&str> = ggep.iter().map(|(id, _)| id).collect();
    assert_eq!(keys.join("+"), vector.text("key"));
    match (vector.text("key"), vector.get("meaning")) {
        ("LF", Value::Number(size)) => assert_eq!(ggep.number("LF"), size.as_u64()),
        ("H", Value::String(hash)) => {
            let extensions = Extensions::decode(&bytes);
            assert_eq!(extensions.tiger_root().is_some(), hash.contains("bitprint"));
            let sha1 = extensions.sha1().expect("a hash").to_string();
            assert!(hash.contains("bitprint") || hash.contains(&sha1));
        }
        _ => {}
    }
    // Pings and pongs hold a block as it is; everything else holds it between NULs.
    let context = vector.get("context").as_str().unwrap_or_default();
    let nul_free = !context.contains("ping") && !context.contains("pong");
    assert_eq!(block(&ggep, nul_free), bytes);
}

fn block(ggep: &Ggep, nul_free: bool) -> BytesMut {
    let mut out = BytesMut::new();
    ggep.encode(nul_free, &mut out);
    out
}

fn number_of(text: &str) -> u64 {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.expect("a number")
}
