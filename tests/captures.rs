//! Messages that other servents sent, read field by field and, where there is one way to write them, written again.

use std::fs;
use std::net::SocketAddrV4;

use bytes::{Bytes, BytesMut};
use servent::wire::{
    Bye, ByeCode, Descriptor, DescriptorCodec, Kind, Ping, Pong, Push, Query, QueryFlags, QueryHit,
    Record, RouteTableMessage, VendorMessage,
};
use tokio_util::codec::{Decoder, Encoder};

/// Reads `tests/captures/{name}.bin`, which is one message and nothing more.
fn captured(name: &str) -> Descriptor {
    let file = format!("{}/tests/captures/{name}.bin", env!("CARGO_MANIFEST_DIR"));
    let bytes = fs::read(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
    let mut stream = BytesMut::from(&bytes[..]);
    let descriptor = DescriptorCodec
        .decode(&mut stream)
        .expect("a sound length")
        .expect("a whole message");
    assert!(stream.is_empty(), "{file} holds more than one message");
    let mut written = BytesMut::new();
    DescriptorCodec
        .encode(descriptor.clone(), &mut written)
        .expect("it fits");
    assert_eq!(written, bytes);
    descriptor
}

fn addr(text: &str) -> SocketAddrV4 {
    text.parse().expect("an address")
}

#[test]
fn pings_say_what_they_want() {
    for (name, wants_ultrapeers) in [("ping_leaf_scp", 0), ("ping_ultra_scp", 1)] {
        let Descriptor { header, payload } = captured(&format!("gtk-gnutella/{name}"));
        assert_eq!((header.kind, header.ttl, header.hops), (Kind::Ping, 4, 0));
        let ping = Ping::decode(&payload).expect("a ping");
        assert_eq!(ping.ggep.number("SCP"), Some(wants_ultrapeers));
        assert_eq!(ping.encode(), payload);
    }
}

#[test]
fn pongs_of_ultrapeers_are_marked_and_extended() {
    for (name, at, files, kib, hops) in [
        ("pong_ultrapeer_ggep", "44.31.0.1:6346", 3, 4096, 0),
        ("pong_cached_hops1", "44.32.0.1:6346", 2, 1024, 1),
        ("udp_pong_qk", "44.32.0.1:6346", 2, 1024, 0),
    ] {
        let Descriptor { header, payload } = captured(&format!("gtk-gnutella/{name}"));
        assert_eq!((header.kind, header.hops), (Kind::Pong, hops));
        let pong = Pong::decode(&payload).expect("a pong");
        assert_eq!((pong.addr, pong.files, pong.kib), (addr(at), files, kib));
        assert!(pong.is_ultrapeer());
        assert_eq!(pong.ggep.get("VC"), Some(&Bytes::from_static(b"GTKG\x83")));
        assert_eq!(pong.ggep.get("QK").is_some(), name.ends_with("qk"));
        assert_eq!(pong.encode(), payload);
    }
    let pong = Pong::decode(&captured("gnutella-bun/pong").payload).expect("a pong");
    assert_eq!((pong.files, pong.kib), (1, 1));
    assert!(!pong.is_ultrapeer());
}

#[test]
fn queries_have_flags_and_words() {
    for (name, flags, text, extensions) in [
        ("query_leaf_oob_so_pr", 0xbd00, "sample", &["SO", "PR"][..]),
        ("query_relayed_hops1", 0xb900, "sample", &["PR"]),
        ("query_ultra_probe", 0xb900, "picture", &["PR"]),
    ] {
        let payload = captured(&format!("gtk-gnutella/{name}")).payload;
        let query = Query::decode(&payload).expect("a query");
        assert_eq!((query.flags, &*query.text), (QueryFlags(flags), text));
        let ids: Vec<&str> = query.extensions.ggep.iter().map(|(id, _)| id).collect();
        assert_eq!(ids, extensions);
        // gtk-gnutella leaves out the NUL behind the extensions.
        assert_eq!(query.encode(), [&payload, &b"\0"[..]].concat());
    }
}

#[test]
fn a_query_by_hash_says_it_in_text_and_in_binary() {
    let payload = captured("gnutella-bun/query_by_urn").payload;
    let query = Query::decode(&payload).expect("a query");
    assert_eq!((query.flags, &*query.text), (QueryFlags(0x8832), ""));
    let mut extensions = query.extensions;
    let sha1 = extensions.sha1().expect("a hash");
    assert_eq!(sha1.to_string(), "6OKYEMMEGA5MTPXCQE4QBIW2VLU5H2BQ");
    extensions.urns.clear();
    assert_eq!(extensions.sha1(), Some(sha1));
}

#[test]
fn hits_name_files_and_hashes() {
    let named = |record: &Record| {
        let sha1 = record.sha1().expect("a hash").to_string();
        (record.index, record.size, record.name.clone(), sha1)
    };
    let music = (
        2,
        3_000_000,
        "random_music_sample_track.mp3".to_owned(),
        "OVQYIVFW3MLNG6S3U7MGBQUO3Y3OVM2J".to_owned(),
    );
    let picture = (
        1,
        300_000,
        "another_sample_picture.jpg".to_owned(),
        "XA7H4WZVNLTXNEPVGJEITUGFEIKSX4YE".to_owned(),
    );
    let text = (
        3,
        43,
        "hello_gnutella_small.txt".to_owned(),
        "JK4GYBHJJATG3PTVCENKQH5PP3RZ63KA".to_owned(),
    );
    let concert = (
        1,
        2_500_000,
        "zebra sample concert.ogg".to_owned(),
        "3JUZLOH2QN4CSDHNSGAOHASAVWXQ4NSZ".to_owned(),
    );
    for (name, at, push, records) in [
        (
            "two_records",
            "44.31.0.1:6346",
            false,
            vec![music.clone(), picture.clone()],
        ),
        (
            "browse",
            "44.31.0.1:6346",
            false,
            vec![picture, text, music],
        ),
        ("out_of_band", "44.33.0.1:6346", false, vec![concert]),
    ] {
        let payload = captured(&format!("gtk-gnutella/query_hit_{name}")).payload;
        let hit = QueryHit::decode(&payload).expect("a hit");
        assert_eq!(hit.addr, addr(at));
        assert_eq!(hit.records.iter().map(named).collect::<Vec<_>>(), records);
        assert!(
            hit.records
                .iter()
                .all(|record| record.extensions.tiger_root().is_some())
        );
        assert_eq!(hit.trailer.vendor, *b"GTKG");
        assert_eq!(
            (hit.trailer.push, hit.trailer.busy),
            (Some(push), Some(false))
        );
        assert!(hit.trailer.ggep.get("BH").is_some());
        assert_eq!(Some(hit.servent), QueryHit::servent_of(&payload));
        assert_eq!(QueryHit::decode(&hit.encode()), Ok(hit));
    }
}

#[test]
fn a_hit_of_another_client_is_written_as_it_was_read() {
    let payload = captured("gnutella-bun/query_hit").payload;
    let hit = QueryHit::decode(&payload).expect("a hit");
    assert_eq!(hit.addr, addr("127.0.0.1:27002"));
    assert_eq!(&hit.trailer.vendor, b"GBUN");
    assert_eq!(hit.records[0].name, "bravo_notes.txt");
    let sha1 = hit.records[0].sha1().expect("a hash").to_string();
    assert_eq!(sha1, "U4GJSUQ7LE45YNRPX736ANC23YS5K3ES");
    assert_eq!(hit.encode(), payload);
}

#[test]
fn pushes_name_who_and_where() {
    for (name, servent, at, index) in [
        (
            "gtk-gnutella/push",
            "a1ed3102d7a830d29a7853810862e86b",
            "44.40.0.1:6346",
            0,
        ),
        (
            "gnutella-bun/push",
            "a9f7e97965d6cf79ff529102a973b800",
            "127.0.0.1:27002",
            3,
        ),
    ] {
        let payload = captured(name).payload;
        let push = Push::decode(&payload).expect("a push");
        assert_eq!(push.servent.to_string(), servent);
        assert_eq!((push.addr, push.index), (addr(at), index));
        assert_eq!(push.encode(), payload);
    }
}

#[test]
fn byes_say_why() {
    for (name, text) in [
        ("gtk-gnutella/bye_200", "Servent shutdown"),
        ("gnutella-bun/bye", "normal shutdown"),
    ] {
        let payload = captured(name).payload;
        let bye = Bye::decode(&payload).expect("a bye");
        assert_eq!((bye.code, &*bye.text), (ByeCode::SHUTDOWN, text));
        assert_eq!(bye.encode(), payload);
    }
}

#[test]
fn vendor_messages_are_told_apart() {
    for (name, vendor, selector, version) in [
        ("messages_supported", b"\0\0\0\0", 0, 0),
        ("features_supported", b"\0\0\0\0", 10, 0),
        ("bear7_tcp_connect_back", b"BEAR", 7, 1),
        ("bear12_query_status", b"BEAR", 12, 1),
        ("gtkg7_udp_connect_back", b"GTKG", 7, 1),
        ("lime21_push_proxy_request", b"LIME", 21, 1),
        ("lime22_push_proxy_ack", b"LIME", 22, 2),
    ] {
        let payload = captured(&format!("gtk-gnutella/vendor_{name}")).payload;
        let message = VendorMessage::decode(&payload).expect("a vendor message");
        let read = (&message.vendor, message.selector, message.version);
        assert_eq!(read, (vendor, selector, version));
        assert_eq!(message.encode(), payload);
    }
}

#[test]
fn route_tables_are_recognised() {
    let read = |name: &str| RouteTableMessage::decode(&captured(name).payload);
    let reset = RouteTableMessage::Reset {
        slots: 16_384,
        infinity: 2,
    };
    assert_eq!(read("gtk-gnutella/route_table_reset"), Ok(reset));
    for (name, in_bits) in [
        ("gtk-gnutella/route_table_patch_1_bit", 1),
        ("gtk-gnutella/route_table_patch_4_bits", 4),
        ("gnutella-bun/route_table_patch", 1),
    ] {
        let Ok(RouteTableMessage::Patch {
            part,
            parts,
            deflated,
            bits,
            ..
        }) = read(name)
        else {
            panic!("{name} is no patch");
        };
        assert_eq!(
            (part, parts, deflated, bits),
            (1, 1, true, in_bits),
            "{name}"
        );
    }
}

#[test]
fn what_is_no_message_of_ours_passes_as_foreign() {
    let header = captured("gtk-gnutella/hsep_leaf").header;
    assert_eq!(header.kind, Kind::Other(0xcd));
}
