//! Queries and their extension area.

use servent::wire::{Extensions, Kind, Query, QueryFlags, Urn, WireError};

use crate::Check;
use crate::message::descriptor;
use crate::vector::Vector;

/// The groups of this family.
pub(crate) const CHECKS: &[(&str, Check)] = &[
    ("query_bytes", query_bytes),
    ("query_parse", query_parse),
    ("huge_parse", huge_parse),
];

/// Whole queries of LimeWire, which writes text in lower case and flags the other way round.
fn query_bytes(vector: &Vector) {
    let descriptor = descriptor(&vector.bytes("bytes"));
    assert_eq!(descriptor.header.kind, Kind::Query);
    let query = Query::decode(&descriptor.payload).expect("a sound query");
    assert_eq!(query.text, vector.text("query").to_lowercase());
    if let Some(flags) = vector.get("minspeed_le").as_u64() {
        let flags = u16::try_from(flags).expect("16 bits").swap_bytes();
        assert_eq!(query.flags, QueryFlags(flags));
    }
    let asked: Vec<String> = urns(&query.extensions);
    let expected: Vec<&str> = vector.get("urn").as_str().into_iter().collect();
    assert_eq!(asked, expected);
    assert_eq!(query.encode(), descriptor.payload);
}

/// The errors are LimeWire's. It drops a query for single characters; we only take care never to send one.
fn query_parse(vector: &Vector) {
    let read = Query::decode(&vector.bytes("payload").into());
    if let Some(error) = vector.get("error").as_str() {
        match error.strip_prefix("illegal chars: ") {
            Some(text) => {
                assert_eq!(read.expect("a query with such characters").text, text);
                assert!(text.contains(&Query::words(text).text));
                assert_ne!(Query::words(text).text, text);
            }
            None if error == "empty query" => assert_eq!(read, Err(WireError::EmptyQuery)),
            None => assert!(read.is_err(), "{read:?}"),
        }
        return;
    }
    let query = read.expect("a sound query");
    let result = vector.get("result");
    assert_eq!(query.text, result["query"]);
    assert_eq!(serde_json::json!(urns(&query.extensions)), result["urns"]);
    for (field, flag) in [
        ("firewalled", QueryFlags::FIREWALLED),
        ("wants_xml", QueryFlags::XML),
        ("oob_v2", QueryFlags::OUT_OF_BAND),
        ("fwt", QueryFlags::FIREWALL_TRANSFER),
    ] {
        assert_eq!(query.flags.has(flag), result[field], "{field}");
    }
    let no_proxy = query.extensions.ggep.get("NP").is_some();
    assert_eq!(no_proxy, result["no_proxy"]);
    assert_eq!(query.text == " ".repeat(4), result["is_browse"]);
}

/// An item of no bytes, which LimeWire keeps, says nothing and is left out. Of several URNs it keeps the first.
fn huge_parse(vector: &Vector) {
    let found = Extensions::decode(&vector.bytes("bytes"));
    let ggep: Vec<&str> = found.ggep.iter().map(|(id, _)| id).collect();
    assert_eq!(serde_json::json!(ggep), *vector.get("ggep_keys"));
    assert_eq!(
        serde_json::json!(found.wanted),
        *vector.get("requested_types")
    );
    let misc = vector.get("misc").as_array().expect("a list");
    let misc: Vec<_> = misc.iter().filter(|text| *text != "").collect();
    assert_eq!(serde_json::json!(found.texts), serde_json::json!(misc));
    let first: Vec<String> = urns(&found).into_iter().take(1).collect();
    assert_eq!(serde_json::json!(first), *vector.get("urns"));
}

/// The URNs as LimeWire names them: by their SHA-1.
fn urns(extensions: &Extensions) -> Vec<String> {
    let by_sha1 = |urn: &Urn| Urn::Sha1(urn.sha1()).to_string();
    extensions.urns.iter().map(by_sha1).collect()
}
