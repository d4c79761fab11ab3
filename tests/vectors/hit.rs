//! Query hits: records, trailers, flags.

use bytes::Bytes;
use servent::wire::{Kind, QueryHit, Trailer, address};

use crate::Check;
use crate::message::{described, descriptor};
use crate::vector::Vector;

/// The groups of this family.
pub(crate) const CHECKS: &[(&str, Check)] = &[
    ("response_record", response_record),
    ("queryhit_bytes", queryhit_bytes),
    ("qhd_flags", qhd_flags),
];

/// One record, put into a hit of its own.
fn response_record(vector: &Vector) {
    let record = vector.bytes("bytes");
    let before = b"\x01\xca\x18\x01\x02\x03\x04\0\0\0\0";
    let payload: Bytes = [&before[..], &record, &[7; 16]].concat().into();
    let hit = QueryHit::decode(&payload).expect("a sound record");
    let read = &hit.records[0];
    let kind = vector.text("kind");
    assert_eq!(read.sha1().is_none(), kind == "no ext");
    let large = kind.starts_with("large file").then_some(5_000_000_000);
    assert!(large.is_none_or(|size| read.size == size));
    let written = hit.encode();
    assert!(written[before.len()..].starts_with(&record));
}

fn queryhit_bytes(vector: &Vector) {
    let descriptor = descriptor(&vector.bytes("bytes"));
    assert_eq!(descriptor.header.kind, Kind::QueryHit);
    let hit = QueryHit::decode(&descriptor.payload).expect("a sound hit");
    let parsed = vector.get("parsed");
    assert_eq!(hit.addr.port(), parsed["port"]);
    assert_eq!(hit.addr.ip().to_string(), parsed["ip"]);
    assert_eq!(hit.speed, parsed["speed"]);
    assert_eq!(hit.records.len(), parsed["count"]);
    let trailer = &hit.trailer;
    assert_eq!(
        String::from_utf8_lossy(&trailer.vendor),
        *parsed["vendor"].as_str().expect("a vendor")
    );
    assert_eq!(trailer.push == Some(true), parsed["needs_push"]);
    assert_eq!(trailer.busy == Some(true), parsed["busy"]);
    assert_eq!(trailer.uploaded == Some(true), parsed["uploaded"]);
    assert_eq!(trailer.measured == Some(true), parsed["measured"]);
    assert_eq!(trailer.ggep.get("BH").is_some(), parsed["browse_host"]);
    assert_eq!(hit.servent.to_string(), parsed["client_guid"]);
    let proxies = trailer
        .ggep
        .get("PUSH")
        .map(|packed| address::unpack(packed).expect("addresses"));
    assert_eq!(described(&proxies.unwrap_or_default()), parsed["proxies"]);
    // Our trailer is shorter than LimeWire's, so only what it says is the same.
    assert_eq!(QueryHit::decode(&hit.encode()), Ok(hit));
}

fn qhd_flags(vector: &Vector) {
    let [first, second] = ["first_byte", "second_byte"].map(|field| vector.number(field) as u8);
    let trailer = Trailer::decode(&[b'L', b'I', b'M', b'E', 2, first, second]).expect("a trailer");
    for (field, flag) in [
        ("push", trailer.push),
        ("busy", trailer.busy),
        ("uploaded", trailer.uploaded),
        ("measured", trailer.measured),
    ] {
        let said = flag.map_or("undefined", |flag| if flag { "yes" } else { "no" });
        assert_eq!(said, vector.text(field), "{field}");
    }
}
