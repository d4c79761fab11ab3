//! Transfers: Range and Content-Range, GIV, request lines that name a URN.

use servent::transfer::http::{
    ByteRange, ContentRange, Giv, Place, Request, Response, Status, Target, available,
};
use servent::wire::Urn;

use crate::Check;
use crate::vector::Vector;

/// The groups of this family.
pub(crate) const CHECKS: &[(&str, Check)] = &[
    ("range_header", range_header),
    ("range_list_gtkg", range_list_gtkg),
    ("content_range_lw", content_range_lw),
    ("content_range_gtkg", content_range_gtkg),
    ("urn_http_request", urn_http_request),
    ("giv_parse_lw", giv_parse_lw),
    ("available_ranges_lw", available_ranges_lw),
    ("x_queue_lw", x_queue_lw),
];

/// First and last byte of every range, as the vectors have them; none when there is nothing to serve.
fn ranges(vector: &Vector) -> Vec<(u64, u64)> {
    let read = ByteRange::parse(vector.text("value"), vector.number("entity_size"));
    let inclusive = |range: ByteRange| (range.start, range.end - 1);
    read.unwrap_or_default()
        .into_iter()
        .map(inclusive)
        .collect()
}

/// A list of pairs; none when the field is no list.
fn pairs(vector: &Vector, field: &str) -> Vec<(u64, u64)> {
    serde_json::from_value(vector.get(field).clone()).unwrap_or_default()
}

fn range_header(vector: &Vector) {
    assert_eq!(ranges(vector), pairs(vector, "start_end_inclusive"));
}

fn range_list_gtkg(vector: &Vector) {
    assert_eq!(ranges(vector), pairs(vector, "ranges"));
}

/// Two answers are not ours: `*/*`, which does not say where the bytes belong, is refused; more than one blank is read, as
/// in gtk-gnutella.
fn content_range_lw(vector: &Vector) {
    let value = vector.text("value");
    let expected = match value {
        "bytes */*" => None,
        "bytes  0-9/10" => Some("0-9".to_owned()),
        _ if vector.is_null("range_inclusive") => None,
        _ => Some(vector.text("range_inclusive").to_owned()),
    };
    let read = ContentRange::parse(value).map(|said| {
        let (first, last) = (said.range.start, said.range.end - 1);
        match first == last {
            true => first.to_string(),
            false => format!("{first}-{last}"),
        }
    });
    assert_eq!(read, expected);
}

/// One answer is not ours: a size nobody tells, `/*`, is read as in LimeWire; whoever needs it looks whether it is there.
fn content_range_gtkg(vector: &Vector) {
    let value = vector.text("value");
    let read = ContentRange::parse(value);
    if value.ends_with("/*") {
        assert_eq!(read.map(|said| said.total), Some(None));
        return;
    }
    let read = read.map(|said| {
        let total = said.total.expect("only `/*` tells none");
        [said.range.start, said.range.end - 1, total]
    });
    let expected: Option<[u64; 3]> =
        serde_json::from_value(vector.get("start_end_total").clone()).expect("three or none");
    assert_eq!(read, expected);
}

fn urn_http_request(vector: &Vector) {
    let head = format!("GET {}\r\n\r\n", vector.text("request_after_method"));
    let target = Request::parse(head.as_bytes()).and_then(|request| request.target());
    let urn = match target {
        Ok(Target::Content(urn) | Target::Tree(urn)) => Some(urn),
        _ => None,
    };
    let expected = vector.flag("valid").then(|| {
        vector
            .text("urn")
            .parse::<Urn>()
            .expect("the answer is a URN")
    });
    assert_eq!(urn, expected);
}

fn giv_parse_lw(vector: &Vector) {
    let line = format!("GIV {}\n\n", vector.text("line_after_GIV_space"));
    let read = line.parse::<Giv>().ok();
    let expected = (!vector.is_null("result")).then(|| {
        let result = vector.get("result");
        let text = |field: &str| result[field].as_str().expect("it is text").to_owned();
        let index = result["index"].as_u64().expect("it is a number");
        Giv {
            index: index.try_into().expect("it is small"),
            servent: text("clientGUID").parse().expect("it is a GUID"),
            name: text("file"),
        }
    });
    assert_eq!(read, expected);
}

fn available_ranges_lw(vector: &Vector) {
    let read = available(vector.text("value"), vector.number("file_size"));
    let told = read.map(|ranges| {
        let items = ranges
            .iter()
            .map(|range| format!("{}-{}", range.start, range.end - 1));
        format!("[{}]", items.collect::<Vec<_>>().join(", "))
    });
    let expected =
        (!vector.is_null("ranges_inclusive")).then(|| vector.text("ranges_inclusive").to_owned());
    assert_eq!(told, expected);
}

/// A second is added to what the server wants at least.
fn x_queue_lw(vector: &Vector) {
    let response = Response::new(Status::BUSY).with("X-Queue", vector.text("value"));
    let place = Place::of(&response);
    assert_eq!(place.is_some(), vector.flag("queued"));
    if let Some(place) = place {
        assert_eq!(place.poll.as_secs(), vector.number("poll_min") + 1);
        assert_eq!(
            place.position.map(u64::from),
            Some(vector.number("position"))
        );
    }
}
