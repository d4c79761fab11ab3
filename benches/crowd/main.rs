//! A whole ultrapeer in its crowd: what it lets through to whom, how long that takes, and what it costs.
//!
//! The ultrapeer is the real driver on real sockets of the loopback, this very program once more in a process of its own,
//! so that its memory and its CPU are its own. Leaves and ultrapeers around it are played by light clients that use our own
//! wire forms. Three experiments:
//!
//! * `crowd`: 300 leaves and 32 ultrapeers, 100,000 shared files in the leaves' tables, 1,000 queries a second. Every query
//!   that reaches a leaf, and every one that does not, is held against that leaf's table, words and files.
//! * `leaves`: 1,000 leaves that only hang on, and what each costs in memory.
//! * `costly`: one neighbour that asks for half the library 1,900 times a second, and what others feel of it.
//!
//! `cargo bench --bench crowd -- crowd` runs one of them. `SECONDS` and `RATE` change the load. Leaves need a socket each
//! here and there: with `ulimit -n` below 2,100 the second cannot be run.

mod house;
mod light;
mod tally;
mod taste;

use std::time::{Duration, Instant};

use bytes::Bytes;
use servent::rng::Rng;
use servent::wire::handshake::Role;
use servent::wire::qrp::update;
use servent::wire::{Descriptor, Guid, Kind, Query};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep};

use house::{House, Plan};
use light::{Light, Receipt};
use tally::{Delays, Judgement};
use taste::{Leaf, Tongue};

/// What is played, and for how long.
struct Scale {
    leaves: usize,
    ultrapeers: usize,
    files: usize,
    rate: u32,
    seconds: u32,
    held: usize,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|word| word == house::WORD) {
        return house::live(&arguments[1..]);
    }
    let number = |name: &str, usual| {
        let set = std::env::var(name).ok().and_then(|text| text.parse().ok());
        set.unwrap_or(usual)
    };
    // `cargo test --benches` only wants to see that it runs.
    let quick = arguments.iter().any(|word| word == "--test");
    let scale = Scale {
        leaves: if quick { 5 } else { 300 },
        ultrapeers: if quick { 3 } else { 32 },
        files: if quick { 100 } else { 100_000 },
        rate: number("RATE", if quick { 100 } else { 1_000 }),
        seconds: number("SECONDS", if quick { 1 } else { 20 }),
        held: if quick { 10 } else { 1_000 },
    };
    let wanted = |name: &str| {
        let named: Vec<&String> = arguments
            .iter()
            .filter(|word| !word.starts_with('-'))
            .collect();
        named.is_empty() || named.iter().any(|word| *word == name)
    };
    // One thread, as much as it can: what the clients do is not to be measured.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        if wanted("crowd") {
            crowd(&scale).await;
        }
        if wanted("leaves") {
            leaves(&scale).await;
        }
        if wanted("costly") {
            costly(&scale).await;
        }
    });
}

/// What all leaves and ultrapeers of a crowd have heard, once it is over.
type Heard = JoinHandle<Vec<Receipt>>;

async fn crowd(scale: &Scale) {
    let mut rng = Rng::seeded(1);
    let tongue = Tongue::new(&mut rng);
    let mut leaves: Vec<Leaf> = (0..scale.leaves)
        .map(|_| Leaf::new(&tongue, scale.files / scale.leaves, &mut rng))
        .collect();
    let mut house = House::start(&Plan::default()).await;
    let began = Instant::now();
    let mut heard: Vec<Heard> = Vec::new();
    let mut leaf_links = Vec::new();
    for leaf in &leaves {
        let (mut link, listening) = Light::call(house.listen, Role::Leaf, began).await;
        link.give(&update(&leaf.table, None)).await;
        leaf_links.push(link);
        heard.push(listening);
    }
    let mut ultrapeers = Vec::new();
    for _ in 0..scale.ultrapeers {
        let (link, listening) = Light::call(house.listen, Role::Ultrapeer, began).await;
        ultrapeers.push(link);
        heard.push(listening);
    }
    house.wait_for_tables(scale.leaves).await;
    // Until our own table has gone out to the ultrapeers: that is another measurement's business.
    sleep(Duration::from_millis(500)).await;

    let count = (scale.rate * scale.seconds) as usize;
    let asked: Vec<Query> = (0..count)
        .map(|_| taste::query(&tongue, &leaves, &mut rng))
        .collect();
    let before = house.usage();
    let start = Instant::now();
    let mut tick = interval(Duration::from_secs(1) / scale.rate);
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for (number, query) in asked.iter().enumerate() {
        tick.tick().await;
        let payload = query.encode();
        let by = number % ultrapeers.len();
        ultrapeers[by].ask(number, began, 2, payload).await;
        if number % scale.rate as usize == 0 {
            // Somebody's table changes every second.
            let leaf = rng.below(leaves.len());
            let changes = leaves[leaf].share_one_more(&mut rng);
            leaf_links[leaf].give(&changes).await;
        }
    }
    let took = start.elapsed();
    sleep(Duration::from_secs(1)).await;
    let spent = house.usage();
    let told = house.told().await;
    house.stop().await;

    let mut delays = [Delays::default(), Delays::default()];
    let mut judgement = Judgement::default();
    for (number, listening) in heard.into_iter().enumerate() {
        let receipts = listening.await.expect("a link that ends with the house");
        delays[usize::from(number >= scale.leaves)].add(&receipts);
        if let Some(leaf) = leaves.get(number) {
            judgement.judge(leaf, &asked, &receipts);
        }
    }
    let rate = count as f64 / took.as_secs_f64();
    println!(
        "crowd: {} leaves, {} ultrapeers, {} files, {rate:.0} queries a second for {:.0} s",
        scale.leaves,
        scale.ultrapeers,
        scale.files,
        took.as_secs_f64(),
    );
    judgement.print();
    let [to_leaves, to_ultrapeers] = &mut delays;
    to_leaves.print("to leaves");
    to_ultrapeers.print("to ultrapeers");
    let cpu = (spent.cpu - before.cpu).as_secs_f64();
    println!(
        "  {cpu:.2} s of CPU, {:.0} µs a query; {} MB in use, {} MB at most; shed {}, dropped {}",
        cpu * 1e6 / count as f64,
        spent.resident / 1_000_000,
        spent.peak / 1_000_000,
        told.shed,
        told.dropped,
    );
}

async fn leaves(scale: &Scale) {
    let mut rng = Rng::seeded(2);
    let tongue = Tongue::new(&mut rng);
    let leaf = Leaf::new(&tongue, 20, &mut rng);
    let mut house = House::start(&Plan {
        leaves: scale.held,
        ..Plan::default()
    })
    .await;
    let began = Instant::now();
    let before = house.usage();
    let mut links = Vec::new();
    let table = update(&leaf.table, None);
    for _ in 0..scale.held {
        let (mut link, _) = Light::call(house.listen, Role::Leaf, began).await;
        link.give(&table).await;
        links.push(link);
    }
    house.wait_for_tables(scale.held).await;
    let after = house.usage();
    let tables = scale.held * leaf.table.slots() as usize / 8;
    let grown = after.resident.saturating_sub(before.resident);
    println!("leaves: {} held on one ultrapeer", scale.held);
    println!(
        "  {:.1} KiB each beyond a route table of {} KiB; {} MB in use",
        grown.saturating_sub(tables) as f64 / 1024.0 / scale.held as f64,
        leaf.table.slots() / 8 / 1024,
        after.resident / 1_000_000,
    );
    house.stop().await;
}

async fn costly(scale: &Scale) {
    /// What the costly neighbour asks a second: just not too often.
    const OFTEN: u32 = 1_900;
    /// What the others ask, together.
    const SELDOM: u32 = 200;
    let mut rng = Rng::seeded(3);
    let tongue = Tongue::new(&mut rng);
    let mut house = House::start(&Plan {
        files: if scale.held < 1_000 { 10 } else { 5_000 },
        ..Plan::default()
    })
    .await;
    let began = Instant::now();
    let leaf = Leaf::new(&tongue, 300, &mut rng);
    let (mut link, at_leaf) = Light::call(house.listen, Role::Leaf, began).await;
    link.give(&update(&leaf.table, None)).await;
    let mut honest = Vec::new();
    for _ in 0..8 {
        honest.push(Light::call(house.listen, Role::Ultrapeer, began).await.0);
    }
    let (mut greedy, _) = Light::call(house.listen, Role::Ultrapeer, began).await;
    house.wait_for_tables(1).await;
    let before = house.usage();
    let all = OFTEN + SELDOM;
    let costly: Bytes = Query::words(house::COMMON).encode();
    let mut tick = interval(Duration::from_secs(1) / all);
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut honestly = 0;
    for number in 0..(all * scale.seconds.min(10)) as usize {
        tick.tick().await;
        if number % (all / SELDOM) as usize == 0 {
            let payload = Query::words(&leaf.name_words(&mut rng)).encode();
            let by = honestly % honest.len();
            honest[by].ask(honestly, began, 1, payload).await;
            honestly += 1;
        } else {
            greedy.ask(usize::MAX, began, 1, costly.clone()).await;
        }
    }
    sleep(Duration::from_secs(1)).await;
    let spent = house.usage();
    let told = house.told().await;
    house.stop().await;
    let receipts = at_leaf.await.expect("a link that ends with the house");
    let mut delays = Delays::default();
    delays.add(&receipts);
    println!(
        "costly: one neighbour asks {OFTEN} times a second for half the library, eight others {SELDOM} times for a file"
    );
    println!("  {} of {honestly} honest queries arrived", receipts.len());
    delays.print("to a leaf");
    let cpu = (spent.cpu - before.cpu).as_secs_f64();
    println!(
        "  {cpu:.2} s of CPU; shed {}, dropped {}",
        told.shed, told.dropped
    );
}

/// A query with its number and when it was sent in its GUID.
fn stamped(number: usize, began: Instant, ttl: u8, payload: Bytes) -> Descriptor {
    let mut guid = [0; 16];
    guid[..4].copy_from_slice(&(number as u32).to_le_bytes());
    guid[4..8].copy_from_slice(&(began.elapsed().as_micros() as u32).to_le_bytes());
    let mut query = Descriptor::new(Guid::marked(guid), Kind::Query, ttl, payload);
    query.header.hops = 1;
    query
}
