//! Whole messages: header sizes, pings, pongs, byes, pushes, vendor messages, datagrams of host caches.

use std::net::SocketAddrV4;

use bytes::{Bytes, BytesMut};
use servent::wire::{
    Bye, Descriptor, DescriptorCodec, Guid, Header, Kind, Ping, Pong, Push, RouteTableMessage,
    VendorMessage, datagram,
};
use tokio_util::codec::{Decoder, Encoder};

use crate::Check;
use crate::vector::Vector;

/// The groups of this family.
pub(crate) const CHECKS: &[(&str, Check)] = &[
    ("message_bytes", message_bytes),
    ("vendor_bytes", vendor),
    ("vendor_constructed", vendor),
    ("bye_bytes", bye_bytes),
    ("pong_parse", pong_parse),
    ("size_field_gtkg", size_field_gtkg),
    ("udp_hostcache", udp_hostcache),
    ("deflated_udp", deflated_udp),
    ("guid_tag", guid_tag),
];

/// The one descriptor that `bytes` are; its bytes come back as they were.
pub(crate) fn descriptor(bytes: &[u8]) -> Descriptor {
    let mut stream = BytesMut::from(bytes);
    let descriptor = DescriptorCodec.decode(&mut stream).expect("a sound header");
    let descriptor = descriptor.expect("a whole message");
    assert!(stream.is_empty(), "bytes behind the message");
    let mut written = BytesMut::new();
    let encoded = DescriptorCodec.encode(descriptor.clone(), &mut written);
    encoded.expect("what was read can be written");
    assert_eq!(written, bytes);
    descriptor
}

/// Addresses as LimeWire shows them.
pub(crate) fn described(addrs: &[SocketAddrV4]) -> String {
    let each = addrs
        .iter()
        .map(|addr| format!("host: {}, port: {}", addr.ip(), addr.port()));
    format!("[{}]", each.collect::<Vec<_>>().join(", "))
}

/// The message of a vector, which may leave out a GUID that is random.
fn message(vector: &Vector) -> Descriptor {
    if vector.is_null("bytes") {
        descriptor(&[vec![7; 16], vector.bytes("bytes_from_16")].concat())
    } else {
        descriptor(&vector.bytes("bytes"))
    }
}

fn message_bytes(vector: &Vector) {
    let Descriptor { header, payload } = message(vector);
    let kind = vector.text("kind");
    match header.kind {
        Kind::Ping => {
            let ping = Ping::decode(&payload).expect("a ping");
            assert!(kind.contains(&format!("ttl={}", header.ttl)));
            assert_eq!(ping.encode(), payload);
        }
        Kind::Push => {
            let push = Push::decode(&payload).expect("a push");
            assert_eq!(push.servent.to_string(), vector.text("client_guid"));
            assert_eq!(u64::from(push.index), vector.number("index"));
            assert_eq!(push.addr.ip().to_string(), vector.text("ip"));
            assert_eq!(u64::from(push.addr.port()), vector.number("port"));
            assert_eq!(push.encode(), payload);
        }
        Kind::RouteTable => match RouteTableMessage::decode(&payload).expect("a route table") {
            RouteTableMessage::Reset { slots, infinity } => {
                assert!(kind.contains(&format!("reset {slots} inf {infinity}")));
            }
            RouteTableMessage::Patch {
                part,
                parts,
                deflated,
                bits,
                data,
            } => {
                let compressor = if deflated { "zlib" } else { "none" };
                let data = data_encoding::HEXLOWER.encode(&data);
                assert!(kind.contains(&format!(
                    "patch seq {part}/{parts} {compressor} {bits}bits data {data}"
                )));
            }
        },
        other => panic!("a message of a kind without a check: {other:?}"),
    }
}

/// `kind` begins with the message's name: `BEAR/4v1`, `null/0v0`.
fn vendor(vector: &Vector) {
    let Descriptor { header, payload } = message(vector);
    assert_eq!(header.kind, Kind::Vendor { standard: false });
    let message = VendorMessage::decode(&payload).expect("a vendor message");
    let vendor = match &message.vendor {
        [0, 0, 0, 0] => "null".into(),
        letters => String::from_utf8_lossy(letters),
    };
    let name = format!("{vendor}/{}v{}", message.selector, message.version);
    assert_eq!(vector.text("kind").split(' ').next(), Some(&*name));
    assert_eq!(message.encode(), payload);
}

fn bye_bytes(vector: &Vector) {
    let Descriptor { header, payload } = message(vector);
    assert_eq!(header.kind, Kind::Bye);
    let bye = Bye::decode(&payload).expect("a bye");
    assert_eq!(u64::from(bye.code.0), vector.number("code"));
    if vector.flag("has_headers") {
        let reason = vector.text("message").split("\r\n").next();
        assert_eq!(Some(&*bye.text), reason);
    } else {
        assert_eq!(bye.text, vector.text("message"));
        assert_eq!(bye.encode(), payload);
    }
}

/// The answers are LimeWire's, with -1 for what is not said.
fn pong_parse(vector: &Vector) {
    let payload = Bytes::from(vector.bytes("payload"));
    let read = Pong::decode(&payload);
    if !vector.is_null("error") {
        assert!(read.is_err(), "{read:?}");
        return;
    }
    let pong = read.expect("a sound pong");
    let result = vector.get("result");
    assert_eq!(pong.addr.port(), result["port"]);
    assert_eq!(pong.addr.ip().to_string(), result["ip"]);
    assert_eq!(pong.files, result["files"]);
    assert_eq!(pong.kib, result["kb"]);
    assert_eq!(pong.is_ultrapeer(), result["ultrapeer"]);
    let uptime = pong.ggep.number("DU").map_or(-1, |secs| secs as i64);
    assert_eq!(uptime, result["daily_uptime"]);
    assert_eq!(pong.ggep.get("GUE").is_some(), result["guess"]);
    let slots = |at: usize| {
        let slots = pong.ggep.get("UP").map(|slots| slots[at]);
        slots.map_or(-1, i64::from)
    };
    assert_eq!(slots(1), result["leaf_slots"]);
    assert_eq!(slots(2), result["up_slots"]);
    assert_eq!(described(&pong.hosts()), result["packed"]);
    // What stands behind the fixed part and is no block is not written again.
    assert!(payload.starts_with(&pong.encode()));
}

/// `gtkg` says what gtk-gnutella makes of the four bytes. It routes what has unknown flags and does not look into it;
/// we take it for foreign, because the flags would be lost on the way.
fn size_field_gtkg(vector: &Vector) {
    let header = Header {
        guid: Guid([7; 16]),
        kind: Kind::QueryHit,
        ttl: 1,
        hops: 0,
    };
    let mut bytes = header.encode(vector.number("value") as u32).to_vec();
    assert_eq!(bytes[19..], vector.bytes("size_field_le"));
    bytes.extend_from_slice(&[0; 0xffff]);
    let read = DescriptorCodec.decode(&mut BytesMut::from(&bytes[..]));
    let answer = vector.text("gtkg");
    let size = || {
        answer
            .split("size ")
            .nth(1)?
            .split(',')
            .next()?
            .parse::<usize>()
            .ok()
    };
    if answer == "invalid" {
        read.expect_err("a length to be refused");
        return;
    }
    let read = read.expect("a sound length").expect("enough bytes");
    assert_eq!(Some(read.payload.len()), size());
    let foreign = answer.contains("do not interpret");
    assert_eq!(read.header.kind == Kind::QueryHit, !foreign);
    assert_eq!(read.header.kind == Kind::Other(0x81), foreign);
}

fn udp_hostcache(vector: &Vector) {
    let Descriptor { header, payload } = message(vector);
    let kind = vector.text("kind");
    match header.kind {
        Kind::Ping => {
            let ping = Ping::decode(&payload).expect("a ping");
            assert_eq!(
                ping.ggep.number("SCP").map(|flags| flags & 1 == 1),
                Some(kind.contains("SCP=ultrapeer"))
            );
            assert_eq!(ping.ggep.get("IP").is_some(), kind.contains("IP request"));
            assert_eq!(ping.ggep.get("UDPHC").is_some(), kind.contains("UDPHC"));
            assert_eq!(ping.encode(), payload);
        }
        Kind::Pong => {
            let pong = Pong::decode(&payload).expect("a pong");
            let expected = vector.get("expect");
            let hosts: Vec<String> = pong.hosts().iter().map(SocketAddrV4::to_string).collect();
            assert_eq!(serde_json::json!(hosts), expected["hosts"]);
            assert_eq!(pong.ggep.get("UDPHC").is_some(), expected["is_uhc"]);
            assert_eq!(pong.encode(), payload);
        }
        other => panic!("a datagram of a kind without a check: {other:?}"),
    }
}

fn deflated_udp(vector: &Vector) {
    if vector.is_null("header") {
        let bytes = vector.bytes("header_and_payload");
        let read = datagram::read(&bytes).expect("a sound datagram");
        assert_eq!(read.payload, vector.bytes("inflated_payload"));
        assert_eq!(read.header.ttl, 1 | datagram::DEFLATED);
        // Another deflater makes other bytes; they say the same.
        assert_eq!(datagram::read(&datagram::write(&read)), Ok(read));
    } else {
        let (header, _) = Header::decode(&vector.bytes("header")).expect("a header");
        assert_eq!(header.ttl, 1 | datagram::TAKES_DEFLATED);
    }
}

/// The address part. LimeWire's tags are a checksum that tells its GUIDs from others'; nothing needs to know.
fn guid_tag(vector: &Vector) {
    let guid = |field: &str| vector.text(field).parse::<Guid>().expect("a GUID");
    let encoded = guid("address_encoded_10.20.30.40:6346");
    let addr = SocketAddrV4::new(
        vector.text("decoded_ip").parse().expect("an address"),
        vector.number("decoded_port") as u16,
    );
    assert_eq!(guid("input").with_address(addr), encoded);
    assert_eq!(encoded.address(), addr);
}
