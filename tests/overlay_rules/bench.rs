//! One servent, what it is given and what it makes of it.

use super::*;

pub(crate) const ALICE: PeerId = PeerId(1);
pub(crate) const BOB: PeerId = PeerId(2);
pub(crate) const CAROL: PeerId = PeerId(3);

/// A servent at 44.0.0.1:6346 and the clock it is told.
pub(crate) struct Bench {
    pub(crate) overlay: Overlay,
    pub(crate) now: Time,
    pub(crate) guid: Guid,
}

impl Bench {
    pub(crate) fn new(config: Config) -> Self {
        let guid = guid(1);
        let mut bench = Self {
            overlay: Overlay::new(guid, Arc::new(config), Rng::seeded(1)),
            now: Time::from_secs(1),
            guid,
        };
        bench.command(Command::Listening(addr("44.0.0.1:6346")));
        bench
    }

    /// A servent that dials nobody, with these neighbours at 44.0.N.1:6346.
    pub(crate) fn with(peers: &[PeerId]) -> Self {
        let mut bench = Self::new(still());
        peers.iter().for_each(|peer| {
            bench.connect(*peer);
        });
        bench
    }

    pub(crate) fn put(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.overlay.handle(self.now, input, &mut effects);
        effects
    }

    pub(crate) fn command(&mut self, command: Command) -> Vec<Effect> {
        self.put(Input::Command(command))
    }

    pub(crate) fn connect(&mut self, peer: PeerId) -> Vec<Effect> {
        let remote = SocketAddrV4::new([44, 0, peer.0 as u8, 1].into(), 6346);
        self.greet(peer, introduction(Direction::Outgoing, remote))
    }

    pub(crate) fn greet(&mut self, peer: PeerId, who: Introduction) -> Vec<Effect> {
        self.put(Input::Connected {
            peer,
            who: Arc::new(who),
        })
    }

    pub(crate) fn receive(&mut self, from: PeerId, descriptor: Descriptor) -> Vec<Effect> {
        self.put(Input::Received { from, descriptor })
    }

    /// With a socket for datagrams.
    pub(crate) fn speaking(peers: &[PeerId]) -> Self {
        let mut bench = Self::with(peers);
        bench.command(Command::Datagrams);
        bench
    }

    pub(crate) fn hear(&mut self, from: &str, descriptor: Descriptor) -> Vec<Effect> {
        let from = addr(from);
        self.put(Input::Datagram { from, descriptor })
    }

    /// Has `there` send back the ping that is among the effects.
    pub(crate) fn prove(&mut self, there: &str, effects: &[Effect]) -> Vec<Effect> {
        let pings = datagrams(effects).into_iter();
        let ping = pings
            .filter(|(to, what)| *to == addr(there) && what.header.kind == Kind::Ping)
            .last();
        let (_, ping) = ping.expect("a ping");
        let mut pong = pong(0, 0, there);
        pong.header.guid = ping.header.guid;
        self.hear(there, pong)
    }

    /// Lets rounds pass, and collects what is done in them.
    pub(crate) fn rounds(&mut self, span: Duration) -> Vec<Effect> {
        let round = Duration::from_secs(3);
        let mut effects = Vec::new();
        for _ in 0..span.as_secs() / round.as_secs() {
            self.wait(round);
            effects.extend(self.put(Input::Woke(Timer::KeepAlive)));
        }
        effects
    }

    pub(crate) fn found(&mut self, query: Guid, names: &[&str]) -> Vec<Effect> {
        let names = names.iter().enumerate();
        let records = names.map(|(index, name)| record(index as u32, name));
        let records = records.collect();
        self.put(Input::Found { query, records })
    }

    pub(crate) fn wait(&mut self, span: Duration) {
        self.now += span;
    }

    /// Has a hit of ours go to `asker`, so that it may send pushes.
    pub(crate) fn answer(&mut self, asker: PeerId) {
        self.receive(asker, query(77, 3, 0));
        assert_eq!(self.found(guid(77), &["song"]).len(), 1);
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.overlay.counts().dropped
    }
}

pub(crate) fn still() -> Config {
    Config {
        grow: false,
        ..Config::default()
    }
}

pub(crate) fn guid(number: u64) -> Guid {
    Guid::random(&mut Rng::seeded(number))
}

pub(crate) fn addr(text: &str) -> SocketAddrV4 {
    text.parse().expect("an address")
}

pub(crate) fn descriptor(number: u64, kind: Kind, ttl: u8, hops: u8, payload: Bytes) -> Descriptor {
    Descriptor {
        header: Header {
            guid: guid(number),
            kind,
            ttl,
            hops,
        },
        payload,
    }
}

pub(crate) fn query(number: u64, ttl: u8, hops: u8) -> Descriptor {
    let payload = Query::words("song").encode();
    descriptor(number, Kind::Query, ttl, hops, payload)
}

pub(crate) fn hit_of(servent: Guid) -> QueryHit {
    QueryHit {
        addr: addr("44.0.9.1:6346"),
        speed: 0,
        records: vec![record(5, "song")],
        trailer: Default::default(),
        servent,
    }
}

pub(crate) fn hit(number: u64, ttl: u8, hops: u8) -> Descriptor {
    let payload = hit_of(guid(900)).encode();
    descriptor(number, Kind::QueryHit, ttl, hops, payload)
}

pub(crate) fn pong(number: u64, hops: u8, at: &str) -> Descriptor {
    let pong = Pong {
        addr: addr(at),
        files: 1,
        kib: 8,
        ggep: Ggep::new(),
    };
    descriptor(number, Kind::Pong, 1, hops, pong.encode())
}

pub(crate) fn push(number: u64, servent: Guid, target: &str) -> Descriptor {
    let push = Push::new(servent, 5, addr(target));
    descriptor(number, Kind::Push, 3, 1, push.encode())
}

pub(crate) fn send(to: PeerId, descriptor: Descriptor) -> Effect {
    Effect::Send { to, descriptor }
}

pub(crate) fn lookup(number: u64) -> Effect {
    Effect::Lookup {
        guid: guid(number),
        query: Box::new(Query::words("song")),
    }
}

/// The kinds sent, in order, with TTL and receiver.
pub(crate) fn sent(effects: &[Effect]) -> Vec<(PeerId, Kind, u8)> {
    let sends = effects.iter().filter_map(|effect| match effect {
        Effect::Send { to, descriptor } => Some((*to, descriptor)),
        _ => None,
    });
    sends
        .map(|(to, descriptor)| (to, descriptor.header.kind, descriptor.header.ttl))
        .collect()
}

pub(crate) fn dials(effects: &[Effect]) -> Vec<SocketAddrV4> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Dial(addr) => Some(*addr),
            _ => None,
        })
        .collect()
}

pub(crate) fn hangup_codes(effects: &[Effect]) -> Vec<(PeerId, u16)> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Hangup { peer, code, .. } => Some((*peer, code.0)),
            _ => None,
        })
        .collect()
}

/// The datagrams sent.
pub(crate) fn datagrams(effects: &[Effect]) -> Vec<(SocketAddrV4, Descriptor)> {
    let datagrams = effects.iter().filter_map(|effect| match effect {
        Effect::SendTo { addr, descriptor } => Some((*addr, descriptor.clone())),
        _ => None,
    });
    datagrams.collect()
}

/// How long a datagram is.
pub(crate) fn bytes(descriptor: &Descriptor) -> usize {
    servent::wire::datagram::write(descriptor).len()
}

/// Kind and length of the datagrams sent to `there`; none goes elsewhere.
pub(crate) fn sent_to(there: &str, effects: &[Effect]) -> Vec<(Kind, usize)> {
    let sent = datagrams(effects).into_iter();
    sent.map(|(to, what)| {
        assert_eq!(to, addr(there));
        (what.header.kind, bytes(&what))
    })
    .collect()
}

pub(crate) fn ping(number: u64, asks: &[(&str, &[u8])]) -> Descriptor {
    let mut ggep = Ggep::new();
    for (id, value) in asks {
        ggep.push(id, value.to_vec());
    }
    descriptor(number, Kind::Ping, 1, 0, Ping { ggep }.encode())
}

pub(crate) fn vendor(guid: Guid, meaning: &VendorMeaning, version: Option<u16>) -> Descriptor {
    let mut message = meaning.message();
    message.version = version.unwrap_or(message.version);
    let kind = Kind::Vendor { standard: false };
    Descriptor::new(guid, kind, 1, message.encode())
}
