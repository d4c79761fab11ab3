//! How many descriptors a second one core takes from the wire, routes and puts on the wire again.
//!
//! `cargo bench --bench routing`. A flood of fresh queries comes in from one neighbour and goes out to eight others: cut
//! out of the read buffer, looked at, routed, handed to the library, and written into each link's buffer. What is
//! counted is sends, as the wire sees them. No socket and no library take part.

use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use servent::overlay::{Config, Direction, Effect, Input, Introduction, Outbox, Overlay, PeerId};
use servent::rng::Rng;
use servent::time::Time;
use servent::wire::handshake::Agreement;
use servent::wire::{Descriptor, DescriptorCodec, Guid, Kind, Query};
use tokio_util::codec::{Decoder, Encoder};

/// Neighbours a query goes out to.
const RECEIVERS: u32 = 8;

/// Bytes of each query's payload; 83 with its header.
const QUERY_LEN: usize = 60;

/// Queries in a round: more than the routing table remembers.
const QUERIES: usize = 100_000;

/// Rounds, of which the median counts.
const ROUNDS: usize = 11;

/// What is read from a socket at once, and when a link's buffer is flushed.
const CHUNK: usize = 64 * 1024;

fn main() {
    let mut overlay = overlay();
    let mut links = Links {
        codec: DescriptorCodec,
        buffers: (0..=RECEIVERS)
            .map(|_| BytesMut::with_capacity(2 * CHUNK))
            .collect(),
        sends: 0,
        bytes: 0,
        lookups: 0,
    };
    let mut rng = Rng::seeded(1);
    let mut rates: Vec<f64> = (0..ROUNDS)
        .map(|round| {
            let stream = stream(&mut rng);
            let before = links.sends;
            let spent = route(&mut overlay, &stream, round, &mut links);
            (links.sends - before) as f64 / spent.as_secs_f64()
        })
        .collect();
    assert_eq!(
        links.sends,
        (ROUNDS * QUERIES) as u64 * u64::from(RECEIVERS)
    );
    assert_eq!(links.lookups, (ROUNDS * QUERIES) as u64);
    rates.sort_by(f64::total_cmp);
    let median = rates[ROUNDS / 2];
    println!(
        "routing: {:.2} M sends/s, {:.2} M queries/s in (median of {ROUNDS} rounds of {QUERIES} queries of {QUERY_LEN} \
         bytes, relayed to {RECEIVERS}; {:.2} to {:.2})",
        median / 1e6,
        median / 1e6 / f64::from(RECEIVERS),
        rates[0] / 1e6,
        rates[ROUNDS - 1] / 1e6,
    );
}

/// One round: the whole stream through decoding, routing and encoding.
fn route(overlay: &mut Overlay, stream: &[u8], round: usize, links: &mut Links) -> Duration {
    let mut codec = DescriptorCodec;
    let mut source = BytesMut::new();
    let now = Time::from_secs(round as u64);
    let start = Instant::now();
    for chunk in stream.chunks(CHUNK) {
        source.extend_from_slice(chunk);
        while let Some(descriptor) = codec.decode(&mut source).expect("sound descriptors") {
            let from = PeerId(0);
            overlay.handle(now, Input::Received { from, descriptor }, links);
        }
    }
    start.elapsed()
}

/// Where descriptors go: into the buffer of their link, which is thrown away when it is full.
struct Links {
    codec: DescriptorCodec,
    buffers: Vec<BytesMut>,
    sends: u64,
    bytes: u64,
    lookups: u64,
}

impl Outbox for Links {
    fn push(&mut self, effect: Effect) {
        match effect {
            Effect::Send { to, descriptor } => {
                let buffer = &mut self.buffers[to.0 as usize];
                self.codec
                    .encode(descriptor, buffer)
                    .expect("sound descriptors");
                self.sends += 1;
                if buffer.len() >= CHUNK {
                    self.bytes += black_box(&*buffer).len() as u64;
                    buffer.clear();
                }
            }
            Effect::Lookup { query, .. } => {
                black_box(query);
                self.lookups += 1;
            }
            _ => {}
        }
    }
}

/// An overlay with one asking and eight listening neighbours.
fn overlay() -> Overlay {
    let config = Config {
        grow: false,
        query_rate: u32::MAX,
        ..Config::default()
    };
    let mut rng = Rng::seeded(7);
    let guid = Guid::random(&mut rng);
    let mut overlay = Overlay::new(guid, Arc::new(config), rng);
    for number in 0..=RECEIVERS {
        let remote = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 6346 + number as u16);
        let who = Introduction {
            direction: Direction::Outgoing,
            remote,
            agreement: Agreement {
                bye: true,
                degree: 32,
                ..Agreement::default()
            },
        };
        let connected = Input::Connected {
            peer: PeerId(number),
            who: Arc::new(who),
        };
        overlay.handle(Time::ZERO, connected, &mut Vec::new());
    }
    overlay
}

/// Fresh queries back to back, as a socket brings them.
fn stream(rng: &mut Rng) -> Vec<u8> {
    let shortest = Query::words("").encode().len();
    let words = "the sound of falling leaves and water in a garden at night";
    let payload = Query::words(&words[..QUERY_LEN - shortest]).encode();
    assert_eq!(payload.len(), QUERY_LEN);
    let mut codec = DescriptorCodec;
    let mut stream = BytesMut::new();
    for _ in 0..QUERIES {
        let query = Descriptor::new(Guid::random(rng), Kind::Query, 4, payload.clone());
        codec.encode(query, &mut stream).expect("sound descriptors");
    }
    stream.to_vec()
}
