//! The rules of two tiers, one by one: roles, shielded leaves, route tables, vendor messages, probes.

mod world;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use servent::library::words;
use servent::overlay::{
    Command, Config, Direction, Effect, Input, Introduction, Overlay, PeerId, RoleChoice,
    RoleReason, Strategy, Timer,
};
use servent::rng::Rng;
use servent::time::Time;
use servent::wire::handshake::Role;
use servent::wire::qrp::{Demand, Receiver, RouteTable, RouteTableMessage, update};
use servent::wire::{
    Descriptor, Guid, Header, Kind, Query, QueryFlags, QueryHit, Supported, Trailer, VendorMeaning,
    VendorMessage,
};
use world::topology::random;
use world::{World, introduction, record};

/// One overlay, spoken to by hand.
struct Single {
    overlay: Overlay,
    now: Time,
    rng: Rng,
}

impl Single {
    fn new(config: Config) -> Self {
        let mut rng = Rng::seeded(1);
        let guid = Guid::random(&mut rng);
        let overlay = Overlay::new(guid, Arc::new(config), Rng::seeded(2));
        let mut single = Self {
            overlay,
            now: Time::from_secs(1),
            rng,
        };
        let here = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 6346);
        single.take(Input::Command(Command::Listening(here)));
        single
    }

    fn take(&mut self, input: Input) -> Vec<Effect> {
        let mut out = Vec::new();
        self.overlay.handle(self.now, input, &mut out);
        out
    }

    /// A neighbour of this role joins.
    fn join(&mut self, peer: u32, role: Role) -> Vec<Effect> {
        let who = self.newcomer(peer, role);
        self.connect(peer, who)
    }

    fn newcomer(&mut self, peer: u32, role: Role) -> Introduction {
        let ours = self.overlay.role();
        let direction = match ours {
            Role::Leaf => Direction::Outgoing,
            Role::Ultrapeer => Direction::Incoming,
        };
        let port = 10_000 + u16::try_from(peer).expect("few neighbours");
        let mut who = introduction(direction, SocketAddrV4::new(Ipv4Addr::LOCALHOST, port));
        who.agreement.guid = Some(Guid::random(&mut self.rng));
        who.agreement.role = role;
        who.agreement.ours = ours;
        who
    }

    fn connect(&mut self, peer: u32, who: Introduction) -> Vec<Effect> {
        let peer = PeerId(peer);
        let who = Arc::new(who);
        self.take(Input::Connected { peer, who })
    }

    fn hear(&mut self, from: u32, descriptor: Descriptor) -> Vec<Effect> {
        let from = PeerId(from);
        self.take(Input::Received { from, descriptor })
    }

    fn hear_vendor(&mut self, from: u32, guid: Guid, meaning: &VendorMeaning) -> Vec<Effect> {
        let kind = Kind::Vendor { standard: false };
        let payload = meaning.message().encode();
        self.hear(from, Descriptor::new(guid, kind, 1, payload))
    }

    /// A neighbour sends a table that holds these words.
    fn hear_table(&mut self, from: u32, table: &RouteTable) -> Vec<Effect> {
        let messages = update(table, None);
        let heard = messages.iter().map(|message| self.piece(from, message));
        heard.collect::<Vec<_>>().concat()
    }

    fn piece(&mut self, from: u32, message: &RouteTableMessage) -> Vec<Effect> {
        let guid = self.guid();
        let message = Descriptor::new(guid, Kind::RouteTable, 1, message.encode());
        self.hear(from, message)
    }

    fn guid(&mut self) -> Guid {
        Guid::random(&mut self.rng)
    }

    fn wait(&mut self, seconds: u64) -> Vec<Effect> {
        self.now += Duration::from_secs(seconds);
        self.take(Input::Woke(Timer::KeepAlive))
    }
}

fn query(guid: Guid, text: &str, ttl: u8, hops: u8) -> Descriptor {
    asking(guid, &Query::words(text), ttl, hops)
}

fn asking(guid: Guid, query: &Query, ttl: u8, hops: u8) -> Descriptor {
    let header = Header {
        guid,
        kind: Kind::Query,
        ttl,
        hops,
    };
    let payload = query.encode();
    Descriptor { header, payload }
}

fn table(words: &[&str]) -> RouteTable {
    let mut table = RouteTable::new(1 << 16);
    words.iter().for_each(|word| table.insert(word));
    table
}

/// To whom queries went, with their TTL and hops.
fn asked(effects: &[Effect]) -> Vec<(u32, u8, u8)> {
    let sent = effects.iter().filter_map(|effect| match effect {
        Effect::Send { to, descriptor } if descriptor.header.kind == Kind::Query => {
            Some((to.0, descriptor.header.ttl, descriptor.header.hops))
        }
        _ => None,
    });
    let mut sent: Vec<_> = sent.collect();
    sent.sort_unstable();
    sent
}

fn sent_to(effects: &[Effect], whom: u32, kind: Kind) -> Vec<Descriptor> {
    let sent = effects.iter().filter_map(|effect| match effect {
        Effect::Send { to, descriptor } if *to == PeerId(whom) => Some(descriptor.clone()),
        _ => None,
    });
    sent.filter(|sent| sent.header.kind == kind).collect()
}

fn meanings(effects: &[Effect], whom: u32) -> Vec<VendorMeaning> {
    let said = sent_to(effects, whom, Kind::Vendor { standard: false });
    let read = said.iter().filter_map(|said| {
        let message = VendorMessage::decode(&said.payload).expect("sound");
        VendorMeaning::read(&message).expect("sound")
    });
    read.collect()
}

fn bye(effects: &[Effect]) -> Option<(u32, u16)> {
    effects.iter().find_map(|effect| match effect {
        Effect::Hangup { peer, code, .. } => Some((peer.0, code.0)),
        _ => None,
    })
}

fn by_hand() -> Config {
    Config {
        grow: false,
        ..Config::default()
    }
}

fn leaf() -> Config {
    Config {
        role: RoleChoice::Leaf,
        ..by_hand()
    }
}

#[test]
fn no_leaf_gets_a_query_its_table_does_not_match_and_every_leaf_one_that_it_does() {
    const ULTRAPEERS: usize = 20;
    const LEAVES: usize = 100;
    let tier = |number| {
        let role = if number < ULTRAPEERS {
            RoleChoice::Ultrapeer
        } else {
            RoleChoice::Leaf
        };
        Arc::new(Config { role, ..by_hand() })
    };
    let configs: Vec<_> = (0..ULTRAPEERS + LEAVES).map(tier).collect();
    let mut world = World::of(&configs, 5);
    let mut rng = Rng::seeded(5);
    for (a, b) in random(ULTRAPEERS, 5) {
        world.link(a, b);
    }
    for number in ULTRAPEERS..ULTRAPEERS + LEAVES {
        let name = format!("tune {} number{number}.ogg", rng.below(10));
        world.nodes[number].files = vec![name];
        let hub = rng.below(ULTRAPEERS);
        world.link(number, hub);
        world.link(number, (hub + 1) % ULTRAPEERS);
    }
    for number in 0..ULTRAPEERS + LEAVES {
        let mut shelf = RouteTable::new(1 << 16);
        let names = world.nodes[number].files.iter();
        names
            .flat_map(|name| words(name))
            .for_each(|word| shelf.insert(&word));
        world.tell(number, Command::Shelf(Box::new(shelf)));
    }
    (0..ULTRAPEERS + LEAVES).for_each(|node| world.tell(node, Command::Start));
    world.run_for(Duration::from_secs(70));

    for asker in [0, 7, ULTRAPEERS, ULTRAPEERS + 50] {
        for wanted in [3, 30, 77] {
            let sharer = ULTRAPEERS + wanted;
            let text = format!("number{sharer}");
            let search = world.search(asker, &text, None);
            world.run_for(Duration::from_secs(20));
            let demand = Demand::of(&Query::words(&text));
            for number in ULTRAPEERS..ULTRAPEERS + LEAVES {
                let node = &world.nodes[number];
                let got = node.lookups.contains(&search);
                let mut table = RouteTable::new(1 << 16);
                let names = node.files.iter().flat_map(|name| words(name));
                names.for_each(|word| table.insert(&word));
                let fits = demand.is_met_by(&table) && number != asker;
                assert_eq!(got, fits, "{number} is asked for {text} by {asker}");
            }
            let found = world.nodes[asker].found.iter();
            let found = found.filter(|(guid, ..)| *guid == search).count();
            assert_eq!(found, usize::from(sharer != asker), "{text} by {asker}");
        }
    }
}

#[test]
fn where_one_tier_is_too_wide_two_form_by_themselves() {
    let config = Config {
        slots: 4,
        neighbours: 4,
        routes: 1 << 8,
        ..Config::default()
    };
    let mut world = World::new(30, 3, &config);
    for node in 0..30 {
        world.start(node, &[0]);
        world.run_for(Duration::from_millis(500));
    }
    world.run_for(Duration::from_secs(60));
    let (leaves, ultrapeers): (Vec<usize>, Vec<usize>) =
        (0..30).partition(|node| world.nodes[*node].overlay.role() == Role::Leaf);
    assert!(leaves.len() > 5 && ultrapeers.len() >= 5, "{leaves:?}");
    assert!(world.is_connected());
    for node in leaves {
        let overlay = &world.nodes[node].overlay;
        assert_eq!(overlay.role_reason(), RoleReason::Guided);
        let hubs = world.neighbours(node);
        assert!((1..=4).contains(&hubs.len()), "{node} hangs on {hubs:?}");
        assert!(hubs.iter().all(|hub| ultrapeers.contains(hub)));
    }
    for node in ultrapeers {
        let peers = world.nodes[node].overlay.peers().iter();
        assert!(peers.filter(|peer| !peer.is_leaf()).count() <= 4);
    }
}

#[test]
fn a_leaf_that_nobody_will_have_is_an_ultrapeer_again() {
    let mut single = Single::new(by_hand());
    single.take(Input::Command(Command::Start));
    assert!(single.overlay.is_guidable());
    let mut who = single.newcomer(1, Role::Ultrapeer);
    who.direction = Direction::Outgoing;
    who.agreement.ours = Role::Leaf;
    single.connect(1, who);
    assert_eq!(single.overlay.role(), Role::Leaf);
    assert_eq!(single.overlay.vacancy(single.now).free, 0);
    assert_eq!(single.overlay.vacancy(single.now).leaves, 0);
    let peer = PeerId(1);
    single.take(Input::Disconnected { peer });
    for _ in 0..7 {
        assert_eq!(single.overlay.role(), Role::Leaf);
        single.wait(5);
    }
    assert_eq!(single.overlay.role(), Role::Ultrapeer);
    assert_eq!(single.overlay.role_reason(), RoleReason::Unwanted);
}

#[test]
fn a_role_once_chosen_or_with_neighbours_to_it_stays() {
    for role in [RoleChoice::Auto, RoleChoice::Ultrapeer] {
        let mut single = Single::new(Config { role, ..by_hand() });
        if role == RoleChoice::Auto {
            single.join(1, Role::Leaf);
        }
        assert!(!single.overlay.is_guidable());
        let mut who = single.newcomer(2, Role::Ultrapeer);
        who.agreement.ours = Role::Leaf;
        assert_eq!(bye(&single.connect(2, who)), Some((2, 203)));
        assert_eq!(single.overlay.role(), Role::Ultrapeer);
    }
}

#[test]
fn each_kind_has_its_own_slots() {
    let mut single = Single::new(Config {
        slots: 1,
        leaves: 2,
        ..by_hand()
    });
    let roles = [Role::Ultrapeer, Role::Leaf, Role::Leaf];
    for (peer, role) in (1..).zip(roles) {
        assert_eq!(bye(&single.join(peer, role)), None);
    }
    let vacancy = single.overlay.vacancy(single.now);
    assert_eq!((vacancy.free, vacancy.leaves, vacancy.guide), (0, 0, false));
    assert_eq!(bye(&single.join(4, Role::Leaf)), Some((4, 503)));
    assert_eq!(bye(&single.join(5, Role::Ultrapeer)), Some((5, 503)));
    single.take(Input::Disconnected { peer: PeerId(3) });
    assert!(single.overlay.vacancy(single.now).guide);
}

#[test]
fn a_leaf_relays_nothing() {
    let mut single = Single::new(leaf());
    single.join(1, Role::Ultrapeer);
    single.join(2, Role::Ultrapeer);
    let guid = single.guid();
    let effects = single.hear(1, query(guid, "song", 4, 2));
    assert!(
        matches!(&effects[..], [Effect::Lookup { .. }]),
        "{effects:?}"
    );
    let ping = Descriptor::new(guid, Kind::Ping, 7, Bytes::new());
    let pongs = sent_to(&single.hear(1, ping), 1, Kind::Pong);
    assert_eq!(pongs.len(), 1, "itself and nobody else");
    assert_eq!(pongs[0].header.hops, 0);
}

#[test]
fn a_leaf_that_relays_is_let_go() {
    let mut single = Single::new(by_hand());
    for (peer, kind) in (1..).zip([Kind::Query, Kind::QueryHit, Kind::Push, Kind::Ping]) {
        single.join(peer, Role::Leaf);
        let mut relayed = query(single.guid(), "song", 3, 1);
        relayed.header.kind = kind;
        assert_eq!(bye(&single.hear(peer, relayed)), Some((peer, 414)));
    }
}

#[test]
fn strangers_pings_and_queries_do_not_reach_a_leaf_without_a_table() {
    let mut single = Single::new(by_hand());
    single.join(1, Role::Ultrapeer);
    let first = single.join(2, Role::Leaf);
    let pings = sent_to(&first, 2, Kind::Ping);
    assert_eq!(pings.len(), 1);
    assert_eq!(pings[0].header.ttl, 1, "a leaf is asked for itself alone");
    let effects = single.hear(1, query(single.rng_guid(), "song", 4, 1));
    assert_eq!(asked(&effects), []);
}

impl Single {
    /// A GUID while the overlay is borrowed.
    fn rng_guid(&self) -> Guid {
        Guid::random(&mut Rng::seeded(self.now.as_micros()))
    }
}

#[test]
fn a_leafs_search_goes_to_its_ultrapeers_and_tells_how_far_it_is() {
    let mut single = Single::new(leaf());
    single.join(1, Role::Ultrapeer);
    single.join(2, Role::Ultrapeer);
    let guid = single.guid();
    let search = Command::Search {
        guid,
        query: Box::new(Query::words("song")),
        by: None,
    };
    let effects = single.take(Input::Command(search));
    assert_eq!(asked(&effects), [(1, 1, 0), (2, 1, 0)]);
    let sent = &sent_to(&effects, 1, Kind::Query)[0];
    let flags = Query::decode(&sent.payload).expect("a query").flags;
    assert!(flags.has(QueryFlags::LEAF_GUIDED));

    single.hear(1, hit(guid, 7));
    let told = single.hear_vendor(2, guid, &VendorMeaning::QueryStatusRequest);
    assert_eq!(meanings(&told, 2), [VendorMeaning::QueryStatus(7)]);
    let ended = single.take(Input::Command(Command::EndSearch(guid)));
    for ultrapeer in [1, 2] {
        assert_eq!(
            meanings(&ended, ultrapeer),
            [VendorMeaning::QueryStatus(0xffff)]
        );
    }
    let told = single.hear_vendor(2, guid, &VendorMeaning::QueryStatusRequest);
    assert_eq!(meanings(&told, 2), [VendorMeaning::QueryStatus(0xffff)]);
}

/// A hit of so many files.
fn hit(query: Guid, files: u32) -> Descriptor {
    let hit = QueryHit {
        addr: SocketAddrV4::new(Ipv4Addr::LOCALHOST, 7_000),
        speed: 0,
        records: (0..files).map(|index| record(index, "song")).collect(),
        trailer: Trailer::default(),
        servent: Guid([9; 16]),
    };
    Descriptor::new(query, Kind::QueryHit, 3, hit.encode())
}

/// An ultrapeer with a leaf (1) that tells its status, and twelve ultrapeers (2 to 13).
fn hub() -> Single {
    let mut single = Single::new(Config {
        search: Strategy::Dynamic,
        ..by_hand()
    });
    single.join(1, Role::Leaf);
    (2..14).for_each(|peer| {
        single.join(peer, Role::Ultrapeer);
    });
    let tells = Supported {
        vendor: *b"BEAR",
        selector: 11,
        version: 1,
    };
    let guid = single.guid();
    single.hear_vendor(1, guid, &VendorMeaning::MessagesSupported(vec![tells]));
    single
}

fn guided(text: &str) -> Query {
    let mut query = Query::words(text);
    query.flags.0 |= QueryFlags::LEAF_GUIDED;
    query
}

#[test]
fn a_leafs_query_is_asked_link_by_link_until_the_leaf_has_enough() {
    let mut single = hub();
    let guid = single.guid();
    let effects = single.hear(1, asking(guid, &guided("song"), 1, 0));
    let probes = asked(&effects);
    assert_eq!(probes.len(), 3);
    assert!(probes.iter().all(|(_, ttl, hops)| (*ttl, *hops) == (2, 1)));
    assert_eq!(meanings(&effects, 1), [VendorMeaning::QueryStatusRequest]);
    assert_eq!(single.overlay.dynamic_queries(), 1);

    single.hear_vendor(1, guid, &VendorMeaning::QueryStatus(3));
    single.now += Duration::from_secs(5);
    let next = single.take(Input::Woke(Timer::Ask(guid)));
    assert_eq!(asked(&next).len(), 1, "one link at a time");

    single.hear_vendor(1, guid, &VendorMeaning::QueryStatus(50));
    single.now += Duration::from_secs(10);
    assert_eq!(single.take(Input::Woke(Timer::Ask(guid))), []);
    assert_eq!(single.overlay.dynamic_queries(), 0);
}

#[test]
fn a_leaf_ends_its_query_and_nobody_elses() {
    let mut single = hub();
    single.join(20, Role::Leaf);
    let guid = single.guid();
    single.hear(1, asking(guid, &guided("song"), 1, 0));
    single.hear_vendor(20, guid, &VendorMeaning::QueryStatus(0xffff));
    assert_eq!(single.overlay.dynamic_queries(), 1);
    single.hear_vendor(1, guid, &VendorMeaning::QueryStatus(0xffff));
    assert_eq!(single.overlay.dynamic_queries(), 0);
    assert_eq!(single.take(Input::Woke(Timer::Ask(guid))), []);
}

#[test]
fn results_that_come_by_end_a_query_and_so_does_the_end_of_its_leaf() {
    let mut single = hub();
    let guid = single.guid();
    single.hear(1, asking(guid, &Query::words("song"), 1, 0));
    let relayed = single.hear(4, hit(guid, 60));
    assert_eq!(sent_to(&relayed, 1, Kind::QueryHit).len(), 1);
    assert_eq!(asked(&single.take(Input::Woke(Timer::Ask(guid)))), []);
    assert_eq!(single.overlay.dynamic_queries(), 0);

    let guid = single.guid();
    single.hear(1, asking(guid, &Query::words("tune"), 1, 0));
    single.take(Input::Disconnected { peer: PeerId(1) });
    assert_eq!(asked(&single.take(Input::Woke(Timer::Ask(guid)))), []);
    assert_eq!(single.overlay.dynamic_queries(), 0);
}

#[test]
fn in_a_small_flat_network_a_search_is_a_flood_and_a_leafs_too() {
    let mut single = Single::new(by_hand());
    (2..14).for_each(|peer| {
        single.join(peer, Role::Ultrapeer);
    });
    let search = |guid, ttl: Option<u8>| {
        let query = Box::new(Query::words("song"));
        Input::Command(Command::Search {
            guid,
            query,
            by: ttl.map(Strategy::flood),
        })
    };
    let guid = single.guid();
    assert_eq!(asked(&single.take(search(guid, None))).len(), 12);
    // With a leaf there are two tiers.
    single.join(1, Role::Leaf);
    let guid = single.guid();
    assert_eq!(asked(&single.take(search(guid, None))).len(), 3);
    let guid = single.guid();
    assert_eq!(asked(&single.take(search(guid, Some(3)))).len(), 12);

    let mut few = Single::new(by_hand());
    few.join(1, Role::Leaf);
    few.join(2, Role::Ultrapeer);
    few.join(3, Role::Ultrapeer);
    let guid = few.guid();
    let effects = few.hear(1, query(guid, "song", 1, 0));
    assert_eq!(asked(&effects), [(2, 4, 1), (3, 4, 1)]);
}

#[test]
fn a_probe_that_comes_again_wider_is_passed_on_once_and_not_answered_again() {
    let mut single = Single::new(by_hand());
    (1..4).for_each(|peer| {
        single.join(peer, Role::Ultrapeer);
    });
    let guid = single.guid();
    let probe = single.hear(1, query(guid, "song", 1, 0));
    assert!(matches!(&probe[..], [Effect::Lookup { .. }]));
    assert_eq!(single.hear(1, query(guid, "song", 1, 0)), []);
    let wider = single.hear(1, query(guid, "song", 3, 0));
    assert_eq!(asked(&wider), [(2, 2, 1), (3, 2, 1)]);
    assert_eq!(wider.len(), 2, "and no lookup");
    assert_eq!(single.hear(1, query(guid, "song", 4, 0)), []);

    let guid = single.guid();
    single.hear(1, query(guid, "song", 2, 0));
    assert_eq!(single.hear(2, query(guid, "song", 3, 0)), [], "no probe");
}

#[test]
fn the_last_link_is_spared_where_the_table_says_no() {
    for (spares, expected) in [(true, vec![(2, 1, 1)]), (false, vec![(2, 1, 1), (3, 1, 1)])] {
        let mut single = Single::new(Config {
            last_hop_tables: spares,
            ..by_hand()
        });
        (1..4).for_each(|peer| {
            single.join(peer, Role::Ultrapeer);
        });
        single.hear_table(2, &table(&["song"]));
        single.hear_table(3, &table(&["tune"]));
        let guid = single.guid();
        assert_eq!(asked(&single.hear(1, query(guid, "song", 2, 0))), expected);
        let guid = single.guid();
        let further = single.hear(1, query(guid, "song", 3, 0));
        assert_eq!(asked(&further), [(2, 2, 1), (3, 2, 1)]);
    }
}

#[test]
fn hops_flow_is_obeyed() {
    let mut single = Single::new(by_hand());
    single.join(1, Role::Ultrapeer);
    single.join(2, Role::Ultrapeer);
    single.join(3, Role::Leaf);
    single.hear_table(3, &table(&["song"]));
    for (flow, ultrapeer, leaf) in [(0, false, false), (1, false, false), (2, true, true)] {
        let guid = single.guid();
        single.hear_vendor(2, guid, &VendorMeaning::HopsFlow(flow));
        single.hear_vendor(3, guid, &VendorMeaning::HopsFlow(flow));
        let guid = single.guid();
        let asked = asked(&single.hear(1, query(guid, "song", 3, 0)));
        assert_eq!(asked.iter().any(|(to, ..)| *to == 2), ultrapeer, "{flow}");
        assert_eq!(asked.iter().any(|(to, ..)| *to == 3), leaf, "{flow}");
    }
}

#[test]
fn tables_go_to_those_who_read_them_and_again_only_when_they_have_changed() {
    let mut single = Single::new(Config {
        silence: Duration::from_secs(3_600),
        ..by_hand()
    });
    single.take(Input::Command(Command::Start));
    let messages = |effects: &[Effect], to| {
        let sent = sent_to(effects, to, Kind::RouteTable).into_iter();
        let read = sent.map(|sent| RouteTableMessage::decode(&sent.payload).expect("sound"));
        read.collect::<Vec<_>>()
    };
    assert_eq!(
        messages(&single.join(1, Role::Ultrapeer), 1),
        [],
        "not yet known"
    );
    let shelf = Command::Shelf(Box::new(table(&["song"])));
    let mut receiver = Receiver::new();
    for message in messages(&single.take(Input::Command(shelf)), 1) {
        receiver.apply(&message).expect("sound");
    }
    let given = receiver.table().expect("complete");
    assert!(given.may_match("song") && !given.may_match("tune"));
    let first = single.join(2, Role::Leaf);
    assert_eq!(messages(&first, 2), [], "leaves route nothing to us");
    assert!(!messages(&single.join(3, Role::Ultrapeer), 3).is_empty());

    // A leaf's words are ours to the outside, five seconds later, and then once a minute at most.
    single.now += Duration::from_secs(5);
    for message in messages(&single.hear_table(2, &table(&["tune"])), 1) {
        let bits = matches!(message, RouteTableMessage::Patch { bits: 4, .. });
        assert!(bits, "only what has changed: {message:?}");
        receiver.apply(&message).expect("sound");
    }
    assert!(receiver.table().expect("complete").may_match("tune"));
    assert_eq!(messages(&single.wait(60), 1), []);
    let shelf = Command::Shelf(Box::new(table(&["song", "more"])));
    assert_ne!(messages(&single.take(Input::Command(shelf)), 1), []);
    let shelf = Command::Shelf(Box::new(table(&["song"])));
    assert_eq!(messages(&single.take(Input::Command(shelf)), 1), []);
    assert_eq!(messages(&single.wait(50), 1), []);
    assert_ne!(messages(&single.wait(10), 1), []);
}

#[test]
fn a_leaf_that_asks_for_everything_does_not_make_us_ask_for_it() {
    let mut single = Single::new(by_hand());
    single.take(Input::Command(Command::Start));
    let shelf = Command::Shelf(Box::new(table(&["song"])));
    single.take(Input::Command(shelf));
    single.join(1, Role::Leaf);
    // One slot for all words there are.
    let mut greedy = RouteTable::new(1);
    greedy.set_slot(0, true);
    single.hear_table(1, &greedy);
    let mut receiver = Receiver::new();
    for sent in sent_to(&single.join(2, Role::Ultrapeer), 2, Kind::RouteTable) {
        let message = RouteTableMessage::decode(&sent.payload).expect("sound");
        receiver.apply(&message).expect("sound");
    }
    let given = receiver.table().expect("complete");
    assert!(given.may_match("song") && !given.may_match("tune"));
}

#[test]
fn a_leafs_table_speaks_for_itself_alone() {
    let mut single = Single::new(leaf());
    let shelf = table(&["song"]);
    single.take(Input::Command(Command::Shelf(Box::new(shelf.clone()))));
    let mut receiver = Receiver::new();
    for sent in sent_to(&single.join(1, Role::Ultrapeer), 1, Kind::RouteTable) {
        let message = RouteTableMessage::decode(&sent.payload).expect("sound");
        receiver.apply(&message).expect("sound");
    }
    assert_eq!(receiver.table(), Some(&shelf));
}

#[test]
fn a_broken_table_costs_the_link() {
    let reset = |slots| RouteTableMessage::Reset { slots, infinity: 7 };
    let patch = |part, parts, len| RouteTableMessage::Patch {
        part,
        parts,
        deflated: false,
        bits: 4,
        data: Bytes::from(vec![0; len]),
    };
    for messages in [
        vec![patch(1, 1, 4)],
        vec![reset(8), patch(2, 2, 4)],
        vec![reset(8), patch(1, 2, 2), patch(1, 2, 2)],
        vec![reset(8), patch(1, 1, 5)],
        vec![reset(1 << 31)],
        vec![reset(12)],
    ] {
        let mut single = Single::new(by_hand());
        single.join(1, Role::Leaf);
        let (last, before) = messages.split_last().expect("some");
        for message in before {
            assert_eq!(single.piece(1, message), []);
        }
        let effects = single.piece(1, last);
        assert_eq!(bye(&effects), Some((1, 413)), "{messages:?}");
    }
}

#[test]
fn a_neighbour_that_sends_table_upon_table_is_let_go() {
    let reset = RouteTableMessage::Reset {
        slots: RouteTableMessage::MAX_SLOTS,
        infinity: 7,
    };
    let patch = RouteTableMessage::Patch {
        part: 1,
        parts: 1,
        deflated: false,
        bits: 4,
        data: Bytes::new(),
    };
    // Each message of some bytes has us clear a quarter of a megabyte, or go through two million slots.
    for costly in [reset.clone(), patch.clone()] {
        let mut single = Single::new(by_hand());
        single.join(1, Role::Leaf);
        assert_eq!(single.piece(1, &reset), []);
        let taken = (0..1_000).take_while(|_| bye(&single.piece(1, &costly)).is_none());
        assert!((20..40).contains(&taken.count()));
        assert!(single.overlay.peers().is_empty());
    }
    // Nobody honest is met by it.
    let mut single = Single::new(by_hand());
    single.join(1, Role::Leaf);
    single.piece(1, &reset);
    for _ in 0..1_000 {
        single.now += Duration::from_secs(3);
        assert_eq!(bye(&single.piece(1, &patch)), None);
    }
}

#[test]
fn all_tables_together_are_bounded() {
    let mut single = Single::new(Config {
        leaves: 1_000,
        ..by_hand()
    });
    let largest = RouteTableMessage::Reset {
        slots: RouteTableMessage::MAX_SLOTS,
        infinity: 7,
    };
    let kept = (1..=1_000).filter(|peer| {
        single.join(*peer, Role::Leaf);
        bye(&single.piece(*peer, &largest)).is_none()
    });
    assert_eq!(kept.count(), 256, "64 MiB at a bit a slot");
}

#[test]
fn a_leaf_that_asks_for_everything_gets_a_tenth() {
    let mut single = Single::new(by_hand());
    single.join(1, Role::Ultrapeer);
    single.join(2, Role::Leaf);
    let mut greedy = RouteTable::new(1 << 10);
    (0..1 << 10).for_each(|slot| greedy.set_slot(slot, true));
    single.hear_table(2, &greedy);
    let got = (0..1_000).filter(|number| {
        let guid = single.guid();
        !asked(&single.hear(1, query(guid, &format!("song{number}"), 1, 0))).is_empty()
    });
    let got = got.count();
    assert!((50..=150).contains(&got), "{got} of 1000");
}

#[test]
fn a_leaf_gets_a_push_proxy_and_its_pushes() {
    let mut single = Single::new(by_hand());
    let who = single.newcomer(1, Role::Leaf);
    let servent = who.agreement.guid.expect("it tells");
    single.connect(1, who);
    single.join(2, Role::Ultrapeer);
    let effects = single.hear_vendor(1, servent, &VendorMeaning::PushProxyRequest);
    let here = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 6346);
    assert_eq!(meanings(&effects, 1), [VendorMeaning::PushProxyAck(here)]);

    let push = servent::wire::Push::new(servent, 1, here);
    let push = Descriptor::new(single.guid(), Kind::Push, 3, push.encode());
    assert_eq!(sent_to(&single.hear(2, push), 1, Kind::Push).len(), 1);

    let other = single.guid();
    let effects = single.hear_vendor(1, other, &VendorMeaning::PushProxyRequest);
    assert_eq!(meanings(&effects, 1), [], "a GUID that is not its own");
    let effects = single.hear_vendor(2, other, &VendorMeaning::PushProxyRequest);
    assert_eq!(meanings(&effects, 2), [], "not for ultrapeers");
}

#[test]
fn a_relayed_vendor_message_is_dropped() {
    let mut single = Single::new(by_hand());
    single.join(1, Role::Ultrapeer);
    let payload = VendorMeaning::HopsFlow(0).message().encode();
    let kind = Kind::Vendor { standard: true };
    let mut message = Descriptor::new(single.guid(), kind, 1, payload);
    message.header.hops = 1;
    single.hear(1, message);
    assert_eq!(single.overlay.peers()[0].hops_flow(), None);
    assert_eq!(single.overlay.counts().dropped, 1);
}
