//! Any inputs in any order.

use super::bench::*;
use super::*;

/// Nothing panics, and all tables stay within their bounds.
#[test]
fn whatever_happens_it_goes_on() {
    for seed in 0..40 {
        let mut rng = Rng::seeded(seed);
        let mut bench = Bench::new(Config {
            slots: 6,
            neighbours: 4,
            routes: 64,
            ..Config::default()
        });
        for _ in 0..2_000 {
            bench.wait(Duration::from_millis(rng.below(4_000) as u64));
            let input = anything(&mut rng, bench.guid);
            for effect in bench.put(input) {
                if let Effect::Send { descriptor, .. } = effect {
                    assert!(descriptor.header.ttl > 0);
                    assert!(descriptor.payload.len() <= 65_535);
                }
            }
            assert!(bench.overlay.peers().len() <= 40);
            assert!(bench.overlay.vacancy(bench.now).hosts.len() <= 10);
        }
    }
}

/// One of all inputs there are, about few enough things that they meet.
fn anything(rng: &mut Rng, own: Guid) -> Input {
    let peer = PeerId(rng.below(12) as u32);
    let name = guid(rng.below(20) as u64);
    let host = |rng: &mut Rng| {
        let first = [0, 10, 44, 127, 192, 224][rng.below(6)];
        SocketAddrV4::new(
            [first, 168, 0, rng.below(4) as u8].into(),
            rng.below(3) as u16,
        )
    };
    let somebody = if rng.below(3) == 0 { own } else { name };
    match rng.below(14) {
        0 => {
            let direction = [Direction::Incoming, Direction::Outgoing][rng.below(2)];
            let mut who = introduction(direction, host(rng));
            who.agreement.guid = (rng.below(2) == 0).then_some(somebody);
            who.agreement.listen = (rng.below(2) == 0).then(|| host(rng));
            who.agreement.hosts = (0..rng.below(30)).map(|_| host(rng)).collect();
            Input::Connected {
                peer,
                who: who.into(),
            }
        }
        1 if rng.below(4) == 0 => Input::Disconnected { peer },
        2 => Input::Unreachable {
            addr: host(rng),
            hosts: vec![host(rng)],
        },
        3 => Input::Found {
            query: name,
            records: vec![record(1, "song"); rng.below(30)],
        },
        4 => Input::Woke([Timer::KeepAlive, Timer::Grow][rng.below(2)]),
        5 => Input::Command(match rng.below(10) {
            0 if rng.below(2) == 0 => Command::Datagrams,
            0 => Command::Start,
            1 => Command::Search {
                guid: name,
                query: Box::new(Query::words("song")),
                by: Some(Strategy::flood(rng.below(256) as u8)),
            },
            2 => Command::EndSearch(name),
            3 => Command::Connect(host(rng)),
            4 => Command::Disconnect(peer),
            5 => Command::Learn((0..rng.below(9)).map(|_| host(rng)).collect()),
            6 => Command::Listening(host(rng)),
            7 => Command::Sharing {
                files: u32::MAX,
                kib: u32::MAX,
            },
            8 if rng.below(2) == 0 => Command::LearnCaches(vec![host(rng)]),
            8 => Command::Push {
                servent: name,
                index: 1,
            },
            _ if rng.below(100) == 0 => Command::Leave,
            _ => Command::Busy(true),
        }),
        choice => {
            let at = host(rng);
            let kind = Kind::from_byte([0x00, 0x01, 0x02, 0x31, 0x40, 0x80, 0x81][rng.below(7)]);
            let ggep = Ggep::new();
            let mut payload = match kind {
                Kind::Ping => Ping::default().encode(),
                Kind::Pong => Pong {
                    addr: at,
                    files: 1,
                    kib: 8,
                    ggep,
                }
                .encode(),
                Kind::Push => Push {
                    servent: somebody,
                    index: 1,
                    addr: at,
                    ggep,
                }
                .encode(),
                Kind::Query => Query::words("song").encode(),
                Kind::QueryHit => hit_of(somebody).encode(),
                _ => Bytes::from_static(&[200, 0, 0]),
            }
            .to_vec();
            match rng.below(4) {
                0 => payload.truncate(rng.below(payload.len() + 1)),
                1 => payload.iter_mut().for_each(|byte| {
                    if rng.below(8) == 0 {
                        *byte = rng.next() as u8;
                    }
                }),
                _ => {}
            }
            let (ttl, hops) = match rng.below(8) {
                0 => (rng.next() as u8, rng.next() as u8),
                _ => (rng.below(6) as u8, rng.below(6) as u8),
            };
            let header = Header {
                guid: name,
                kind,
                ttl,
                hops,
            };
            let payload = payload.into();
            let descriptor = Descriptor { header, payload };
            match choice {
                12 => Input::Probed { by: *at.ip() },
                13 => Input::Datagram {
                    from: at,
                    descriptor,
                },
                _ => Input::Received {
                    from: peer,
                    descriptor,
                },
            }
        }
    }
}
