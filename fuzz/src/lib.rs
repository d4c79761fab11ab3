//! What is done with bytes from strangers, one function a parser: it may refuse them, and that is all it may do.
//!
//! Where bytes are taken, writing what was read and reading it again must give the same. The fuzzers of this crate and
//! the tests of `servent` (which include this file) run the same functions.

mod http;

pub use http::{chunks, giv, range, request, response};

use std::fmt::Debug;
use std::net::{Ipv4Addr, SocketAddrV4};

use bytes::{Bytes, BytesMut};
use servent::wire::deflate::Inflater;
use servent::wire::handshake::{
    Answerer, Caller, Greeting, Headers, MAX_GROUP, Role, Step, Vacancy,
};
use servent::wire::{
    Bye, Descriptor, DescriptorCodec, Extensions, Ggep, Guid, Kind, Ping, Pong, Push, Query,
    QueryHit, RouteTableMessage, Urn, VendorMeaning, VendorMessage, WireError, cobs as stuffing,
    datagram as datagrams,
};
use tokio_util::codec::{Decoder, Encoder};

/// A parser put to the test.
pub type Target = fn(&[u8]);

/// Every target by its name, which is that of its fuzzer and of its folder below `corpus`.
pub const TARGETS: [(&str, Target); 23] = [
    ("answerer", answerer),
    ("bye", bye),
    ("caller", caller),
    ("chunks", chunks),
    ("cobs", cobs),
    ("codec", codec),
    ("datagram", datagram),
    ("deflate", deflate),
    ("extension", extension),
    ("ggep", ggep),
    ("giv", giv),
    ("header_lines", header_lines),
    ("hit", hit),
    ("ping", ping),
    ("pong", pong),
    ("push", push),
    ("query", query),
    ("range", range),
    ("request", request),
    ("response", response),
    ("route_table", route_table),
    ("urn", urn),
    ("vendor", vendor),
];

/// A stream of descriptors, each payload read as what its header says it is.
pub fn codec(stream: &[u8]) {
    let mut stream = BytesMut::from(stream);
    while let Ok(Some(descriptor)) = DescriptorCodec.decode(&mut stream) {
        let mut written = BytesMut::new();
        DescriptorCodec
            .encode(descriptor.clone(), &mut written)
            .expect("what was read fits");
        let again = DescriptorCodec.decode(&mut written);
        let again = again.expect("a sound length").expect("all of it");
        // Compared by their bytes: what came with flags in its length passed as foreign, whatever its kind.
        assert_eq!(again.header.encode(0), descriptor.header.encode(0));
        assert_eq!(again.payload, descriptor.payload);
        payload(&descriptor);
    }
}

fn payload(Descriptor { header, payload }: &Descriptor) {
    match header.kind {
        Kind::Ping => ping(payload),
        Kind::Pong => pong(payload),
        Kind::Bye => bye(payload),
        Kind::RouteTable => route_table(payload),
        Kind::Vendor { .. } => vendor(payload),
        Kind::Push => push(payload),
        Kind::Query => query(payload),
        Kind::QueryHit => hit(payload),
        Kind::Other(_) => {}
    }
}

/// A datagram: one descriptor, which may be deflated; and what a vendor message in it says.
pub fn datagram(bytes: &[u8]) {
    let Ok(read) = datagrams::read(bytes) else {
        return;
    };
    let again = datagrams::read(&datagrams::write(&read)).expect("what is written is sound");
    assert_eq!(again.payload, read.payload);
    let plain = |ttl: u8| ttl & !datagrams::DEFLATED;
    assert_eq!(plain(again.header.ttl), plain(read.header.ttl));
    if let Ok(message) = VendorMessage::decode(&read.payload)
        && let Ok(Some(meaning)) = VendorMeaning::read(&message)
    {
        let again = VendorMeaning::read(&meaning.message());
        assert_eq!(again, Ok(Some(meaning)));
    }
}

/// The payload of a Ping.
pub fn ping(payload: &[u8]) {
    stable(payload, Ping::decode, Ping::encode);
}

/// The payload of a Pong.
pub fn pong(payload: &[u8]) {
    if let Some(pong) = stable(payload, Pong::decode, Pong::encode) {
        assert!(pong.hosts().len() <= payload.len());
    }
}

/// The payload of a Bye.
pub fn bye(payload: &[u8]) {
    // Characters that are replaced can make the text longer than may be sent: then it is cut.
    let payload = Bytes::copy_from_slice(payload);
    if let Ok(bye) = Bye::decode(&payload) {
        let again = Bye::decode(&bye.encode()).expect("what is written is sound");
        assert_eq!(again.code, bye.code);
        assert!(bye.text.starts_with(&again.text));
    }
}

/// The payload of a Push.
pub fn push(payload: &[u8]) {
    stable(payload, Push::decode, Push::encode);
}

/// The payload of a vendor message.
pub fn vendor(payload: &[u8]) {
    stable(payload, VendorMessage::decode, VendorMessage::encode);
}

/// The payload of a route table message.
pub fn route_table(payload: &[u8]) {
    let read = RouteTableMessage::decode(&Bytes::copy_from_slice(payload));
    if let Ok(RouteTableMessage::Reset { slots, .. }) = read {
        assert!(slots <= RouteTableMessage::MAX_SLOTS);
    }
}

/// The payload of a Query, and its text as somebody might type it.
pub fn query(payload: &[u8]) {
    let read = Query::decode(&Bytes::copy_from_slice(payload));
    if let Ok(query) = read {
        if is_unambiguous(&query.extensions) {
            stable(payload, Query::decode, Query::encode);
        }
        let words = Query::words(&query.text);
        assert!(words.encode().len() <= Query::MAX_LEN);
        assert_eq!(Query::words(&words.text), words);
    }
}

/// The payload of a QueryHit.
pub fn hit(payload: &[u8]) {
    let Ok(hit) = QueryHit::decode(&Bytes::copy_from_slice(payload)) else {
        return;
    };
    let extensions = || hit.records.iter().map(|record| &record.extensions);
    let values = extensions().flat_map(|extensions| extensions.ggep.iter());
    let len: usize = values.map(|(_, value)| value.len()).sum();
    assert!(
        len <= payload.len() + INFLATE_LIMIT,
        "{len} bytes of values"
    );
    if extensions().all(is_unambiguous) {
        // A size above two gigabytes is written in another place than an old servent may have put it.
        let written = hit.encode();
        let again = QueryHit::decode(&written).expect("what is written is sound");
        assert_eq!(again.records.len(), hit.records.len());
        stable(&written, QueryHit::decode, QueryHit::encode);
    }
}

/// A GGEP block.
pub fn ggep(block: &[u8]) {
    let Ok((ggep, taken)) = Ggep::decode(block) else {
        return;
    };
    assert!(taken <= block.len());
    let len: usize = ggep.iter().map(|(_, value)| value.len()).sum();
    assert!(len <= taken + INFLATE_LIMIT, "{len} bytes of values");
    for nul_free in [false, true] {
        let mut written = BytesMut::new();
        ggep.encode(nul_free, &mut written);
        assert!(!nul_free || !written.contains(&0));
        let (again, taken) = Ggep::decode(&written).expect("what is written is sound");
        assert_eq!((&again, taken), (&ggep, written.len()));
    }
}

/// The extension area of a query or a record.
pub fn extension(area: &[u8]) {
    let area = area.split(|&byte| byte == 0).next().unwrap_or_default();
    let found = Extensions::decode(area);
    if is_unambiguous(&found) {
        let mut written = BytesMut::new();
        found.encode(&mut written);
        assert_eq!(Extensions::decode(&written), found);
    }
}

/// Bytes with and without their NULs.
pub fn cobs(bytes: &[u8]) {
    if let Ok(raw) = stuffing::decode(bytes) {
        assert!(raw.len() <= bytes.len());
    }
    let mut encoded = BytesMut::new();
    stuffing::encode(bytes, &mut encoded);
    assert!(!encoded.contains(&0));
    assert_eq!(stuffing::decode(&encoded).as_deref(), Ok(bytes));
}

/// A URN.
pub fn urn(text: &[u8]) {
    if let Ok(Ok(urn)) = std::str::from_utf8(text).map(str::parse::<Urn>) {
        assert_eq!(urn.to_string().parse(), Ok(urn));
    }
}

/// The lines of a header group.
pub fn header_lines(text: &[u8]) {
    let headers = Headers::parse(text);
    for name in ["User-Agent", "X-Try-Ultrapeers", "Accept-Encoding"] {
        let value = headers.get(name).unwrap_or_default();
        assert!(
            value.len() <= text.len() * 3,
            "replaced characters take three bytes"
        );
    }
}

/// What a servent that we called says.
pub fn caller(stream: &[u8]) {
    let feed = |pieces: &[&[u8]]| {
        let (mut caller, _) = Caller::new(greeting(), REMOTE);
        converse(pieces, |input| caller.feed(input))
    };
    however_cut(stream, feed);
}

/// What a servent that called us says.
pub fn answerer(stream: &[u8]) {
    let feed = |pieces: &[&[u8]]| {
        let vacancy = Vacancy {
            free: 1,
            leaves: 1,
            guide: false,
            hosts: vec![REMOTE],
            ultrapeers: vec![REMOTE],
            leaves_at: vec![REMOTE],
        };
        let mut answerer = Answerer::new(greeting(), REMOTE, vacancy);
        converse(pieces, |input| answerer.feed(input))
    };
    however_cut(stream, feed);
}

/// A compressed link.
pub fn deflate(stream: &[u8]) {
    let mut inflater = Inflater::new();
    let mut packed = stream;
    let mut total = 0;
    loop {
        let mut out = BytesMut::new();
        match inflater.inflate(&mut packed, &mut out, INFLATE_PIECE) {
            Ok(0) | Err(_) => break,
            Ok(len) => {
                assert_eq!(len, out.len());
                assert!(len <= INFLATE_PIECE);
                total += len;
            }
        }
    }
    // Deflate ends at 1032 to 1, and the link gives up on a stream long before.
    assert!(total <= stream.len() * 64 + (512 << 10), "{total} bytes");
}

/// What the zlib streams of one message may inflate to.
const INFLATE_LIMIT: usize = 64 * 1024;

/// How much is inflated at a time.
const INFLATE_PIECE: usize = 4096;

const REMOTE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(44, 1, 2, 3), 50_000);

fn greeting() -> Greeting {
    Greeting {
        agent: "servent/1".to_owned(),
        guid: Guid([7; 16]),
        role: Role::Ultrapeer,
        guidable: false,
        listen: Some(SocketAddrV4::new(Ipv4Addr::new(44, 4, 5, 6), 6346)),
        degree: 32,
        max_ttl: 4,
        deflate: true,
        relays: false,
    }
}

/// Reads `payload`; if it is sound, what is written and read again is the same.
fn stable<T: PartialEq + Debug>(
    payload: &[u8],
    decode: fn(&Bytes) -> Result<T, WireError>,
    encode: fn(&T) -> Bytes,
) -> Option<T> {
    let read = decode(&Bytes::copy_from_slice(payload)).ok()?;
    let again = decode(&encode(&read)).expect("what is written is sound");
    assert_eq!(again, read);
    Some(read)
}

/// A text that begins as a GGEP block does ("Ã", in UTF-8) may be one before other neighbours.
fn is_unambiguous(extensions: &Extensions) -> bool {
    let is_safe = |text: &String| text.as_bytes()[0] != 0xc3;
    extensions.texts.iter().all(is_safe)
}

/// Feeds the pieces one after the other and tells how it ended, and what was left for the link.
fn converse(
    pieces: &[&[u8]],
    mut feed: impl FnMut(&mut BytesMut) -> Result<Step, WireError>,
) -> (Result<Step, WireError>, BytesMut) {
    let mut input = BytesMut::new();
    let mut pieces = pieces.iter();
    loop {
        match feed(&mut input) {
            Ok(Step::More) => match pieces.next() {
                Some(piece) => input.extend_from_slice(piece),
                None => return (Ok(Step::More), input),
            },
            Ok(Step::Say(_)) => {}
            end => {
                pieces.for_each(|piece| input.extend_from_slice(piece));
                return (end, input);
            }
        }
        assert!(
            input.len() <= MAX_GROUP + MAX_PIECE,
            "a group that never ends"
        );
    }
}

/// The longest piece that is fed at once.
const MAX_PIECE: usize = 64 * 1024;

/// A conversation ends the same, whether its bytes come at once or in two pieces.
fn however_cut<T: PartialEq + Debug>(stream: &[u8], feed: impl Fn(&[&[u8]]) -> T) {
    let stream = &stream[..stream.len().min(MAX_PIECE)];
    let (first, second) = stream.split_at(stream.len() / 2);
    assert_eq!(feed(&[first, second]), feed(&[stream]));
}
