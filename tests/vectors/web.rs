//! Bootstrapping: what GWebCaches answer, and the host files of other servents.

use std::net::SocketAddrV4;

use serde_json::{Value, json};
use servent::net::{Bootstrap, Candidate};
use servent::wire::gwebcache::{Update, WebCacheAnswer};

use crate::Check;
use crate::vector::Vector;

/// The groups of this family.
pub(crate) const CHECKS: &[(&str, Check)] = &[("gwc", gwc), ("hosts_file", hosts_file)];

fn gwc(vector: &Vector) {
    let answer = WebCacheAnswer::parse(vector.text("body"));
    let result = vector.get("result").as_object().expect("an object");
    for (field, expected) in result {
        assert_eq!(&told(&answer, field, expected), expected, "{field}");
    }
}

/// What an answer tells of a field, in the form of the vectors: ages stand beside hosts and caches only in version 2.
fn told(answer: &WebCacheAnswer, field: &str, expected: &Value) -> Value {
    let aged = expected
        .as_array()
        .is_some_and(|list| list.iter().any(Value::is_array));
    let item = |name: String, age: Option<u64>| match aged {
        true => json!([name, age]),
        false => json!(name),
    };
    match field {
        "hosts" => answer
            .hosts
            .iter()
            .map(|(host, age)| item(host.to_string(), *age))
            .collect(),
        "urls" => answer
            .caches
            .iter()
            .map(|(url, age)| item(url.clone(), *age))
            .collect(),
        "pong" => json!(answer.name),
        "networks" => json!(answer.networks),
        "warning" | "message" => json!(answer.warning),
        "update" => json!(match answer.update {
            Some(Update::Taken) => "ok",
            Some(Update::Warned) => "warning",
            Some(Update::Refused) => "error",
            None => "none",
        }),
        other => panic!("{other} is no field of an answer"),
    }
}

/// Of another servent's file we take the address. When it was good is no reason to believe it.
fn hosts_file(vector: &Vector) {
    let host: SocketAddrV4 = vector.get("result")["host"]
        .as_str()
        .and_then(|host| host.parse().ok())
        .expect("an address");
    let bootstrap = Bootstrap::parse(vector.text("line"));
    let expected = Candidate::Host(host.ip().to_string(), host.port());
    assert_eq!(bootstrap.candidates, [expected]);
}
