//! The greeting: header lines, status lines, whole transcripts, deflated links.

use std::net::{Ipv4Addr, SocketAddrV4};

use bytes::BytesMut;
use serde_json::Value;
use servent::wire::deflate::{Deflater, Inflater};
use servent::wire::handshake::{
    Agreement, Answerer, Caller, Greeting, Headers, Role, Step, Vacancy,
};
use servent::wire::{Guid, WireError};

use crate::Check;
use crate::vector::Vector;

/// The groups of this family.
pub(crate) const CHECKS: &[(&str, Check)] = &[
    ("handshake_header_lw", header),
    ("handshake_status_lw", status),
    ("handshake_transcript", transcript),
    ("header_line", header_line),
    ("deflate_link", deflate_link),
];

const REMOTE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(44, 1, 1, 1), 50_000);

fn greeting() -> Greeting {
    Greeting {
        agent: "servent/1".to_owned(),
        guid: Guid([1; 16]),
        role: Role::Ultrapeer,
        guidable: false,
        listen: None,
        degree: 32,
        max_ttl: 4,
        deflate: true,
        relays: false,
    }
}

fn answerer() -> Answerer {
    let vacancy = Vacancy {
        free: 1,
        leaves: 1,
        ..Vacancy::default()
    };
    Answerer::new(greeting(), REMOTE, vacancy)
}

/// What the dialling side makes of an answer.
fn answered(answer: &str) -> Result<Step, WireError> {
    Caller::new(greeting(), REMOTE).0.feed(&mut answer.into())
}

fn agreed(step: Result<Step, WireError>) -> Agreement {
    match step {
        Ok(Step::Agreed(_, agreement)) => *agreement,
        other => panic!("not agreed: {other:?}"),
    }
}

/// One header alone. Where LimeWire is stricter than the document, we are not: lists of encodings may have spaces.
fn header(vector: &Vector) {
    let line = format!("{}: {}\r\n", vector.text("name"), vector.text("value"));
    let headers = Headers::parse(line.as_bytes());
    let flags = vector.get("flags");
    let flag = |name: &str| flags[name].as_bool().expect("a flag");

    for (name, feature) in [
        ("uqrp", "X-Ultrapeer-Query-Routing"),
        ("qrp", "X-Query-Routing"),
        ("pong_caching", "Pong-Caching"),
        ("probes", "X-Ext-Probes"),
        ("dynq", "X-Dynamic-Querying"),
        ("ggep", "GGEP"),
        ("crawler", "Crawler"),
        ("guess", "X-Guess"),
    ] {
        assert_eq!(headers.supports(feature), flag(name), "{name}");
    }
    assert_eq!(
        headers.lists("X-Ultrapeer-Needed", "false"),
        flag("leaf_guidance")
    );
    let agent = headers.get("User-Agent").unwrap_or_default();
    assert_eq!(
        agent.to_ascii_lowercase().starts_with("limewire"),
        flag("limewire")
    );

    let agreement = agreed(answered(&format!("GNUTELLA/0.6 200 OK\r\n{line}\r\n")));
    let spaced = vector.text("value").contains(' ');
    assert_eq!(agreement.role == Role::Leaf, flag("leaf"));
    assert!(agreement.role == Role::Ultrapeer || !flag("ultrapeer"));
    assert!(spaced || agreement.deflate_out == flag("deflate_accepted"));
    assert!(spaced || agreement.deflate_in == flag("deflate_enabled"));
    assert_eq!(Some(agreement.degree.into()), flags["degree"].as_u64());
    assert_eq!(agreement.degree >= 15, flag("high_degree"));
    assert_eq!(Some(agreement.max_ttl.into()), flags["max_ttl"].as_u64());
    assert_eq!(
        Some(agreement.vendor_messages),
        flags["vendor_msg"].as_f64().map(|it| it > 0.0)
    );
    let port = agreement.listen.map_or(-1, |addr| addr.port().into());
    assert_eq!(Some(port), flags["listen_port"].as_i64());
}

/// Status lines. Where LimeWire demands words behind the digits, we do not.
fn status(vector: &Vector) {
    let text = vector.text("status_after_version");
    let step = answered(&format!("GNUTELLA/0.6 {text}\r\n\r\n"));
    let result = vector.get("result");
    match step {
        Ok(Step::Agreed(..)) if result.is_null() => assert_eq!(text.trim(), "200"),
        Ok(Step::Agreed(..)) => assert_eq!(result["code"], 200),
        Ok(Step::Refused(_, refusal)) => {
            assert_eq!(result["code"], refusal.code);
            assert_eq!(result["message"], refusal.reason);
        }
        _ => assert!(result.is_null(), "{step:?}"),
    }
}

/// A handshake seen from both sides: we answer the client, and we are the client of the server.
fn transcript(vector: &Vector) {
    let expect = vector.get("expect");
    let result = expect["result"].as_str().expect("a result");
    let mut answerer = answerer();
    let hello = answerer.feed(&mut vector.text("client_first").into());
    let answer = answered(vector.text("server"));

    if expect["version"] == "0.4" {
        let Ok(Step::Agreed(said, agreement)) = hello else {
            panic!("{hello:?}");
        };
        assert_eq!(
            (&said[..], agreement.version),
            (vector.text("server"), (0, 4))
        );
        return;
    }
    for (field, name) in [("leaves", "Leaves"), ("peers", "Peers")] {
        let Value::Array(hosts) = &expect[field] else {
            continue;
        };
        let headers = vector.text("server").split_once('\n').expect("two lines").1;
        let all = Headers::parse(headers.as_bytes())
            .get(name)
            .expect("a list");
        let read: Vec<&str> = all.split(',').map(str::trim).collect();
        assert_eq!(
            read,
            hosts.iter().filter_map(Value::as_str).collect::<Vec<_>>()
        );
    }
    if result.starts_with("closed") {
        // A crawler: it gets no slot of ours.
        assert!(matches!(hello, Ok(Step::Refused(..))), "{hello:?}");
        return;
    }

    let Ok(Step::Say(said)) = hello else {
        panic!("{hello:?}");
    };
    assert!(said.starts_with("GNUTELLA/0.6 200 OK\r\n"));
    let last = answerer.feed(&mut vector.text("client_final").into());
    if result.starts_with("rejected by client") {
        assert!(matches!(last, Ok(Step::Refused(said, _)) if said.is_empty()));
        return;
    }
    let (client, server) = (agreed(last), agreed(answer));
    assert_eq!((client.version, server.version), ((0, 6), (0, 6)));
    for (field, ours) in [
        ("deflate_c2s", client.deflate_in),
        ("deflate_s2c", server.deflate_in),
    ] {
        assert!(expect[field].is_null() || expect[field] == ours, "{field}");
    }
    if let Some(roles) = expect["roles"].as_str() {
        let leaf = roles.contains("leaf");
        assert_eq!(client.role == Role::Leaf, leaf, "{roles}");
        assert_eq!(server.role, Role::Ultrapeer);
    }
}

/// Header lines alone and in company: a bad one is skipped with its continuations.
fn header_line(vector: &Vector) {
    let line = vector.text("line");
    let alone = Headers::parse(line.as_bytes());
    match vector.get("result") {
        Value::Array(pair) => {
            let name = pair[0].as_str().expect("a name");
            assert_eq!(alone.get(name).as_deref(), pair[1].as_str());
            assert!(alone.to_string().starts_with(&format!("{name}: ")));
        }
        Value::String(words) if words.starts_with("end of headers") => {
            let text = format!("A: 1\r\n{line}\r\nB: 2");
            assert_eq!(Headers::parse(text.as_bytes()), Headers::parse(b"A: 1"));
        }
        Value::String(words) if words.starts_with("continuation") => {
            assert_eq!(alone, Headers::default());
            let after = Headers::parse(format!("A: 1\r\n{line}").as_bytes());
            assert_eq!(after.get("A"), Some(format!("1 {}", line.trim())));
        }
        _ => {
            assert_eq!(alone, Headers::default());
            let text = format!("A: 1\r\n{line}\r\n folded\r\nB: 2");
            assert_eq!(
                Headers::parse(text.as_bytes()),
                Headers::parse(b"A: 1\nB: 2")
            );
        }
    }
}

/// Sync-flushed chunks of one stream: each is read before the next is there, and so are ours.
fn deflate_link(vector: &Vector) {
    let plain = vector.bytes("inflated");
    let (mut inflater, mut out) = (Inflater::new(), BytesMut::new());
    for number in 1.. {
        let field = format!("chunk{number}");
        if vector.is_null(&field) {
            break;
        }
        let before = out.len();
        let mut chunk = &vector.bytes(&field)[..];
        while inflater.inflate(&mut chunk, &mut out, 64).expect("valid") > 0 {}
        assert!(
            out.len() > before,
            "{field} holds something to read at once"
        );
    }
    assert_eq!(out, plain);

    let (mut deflater, mut packed) = (Deflater::new(), BytesMut::new());
    deflater.deflate(&plain, &mut packed);
    let (mut inflater, mut out) = (Inflater::new(), BytesMut::new());
    while inflater.inflate(&mut packed, &mut out, 64).expect("valid") > 0 {}
    assert_eq!(out, plain);
}
