//! A servent of the Gnutella network, as a library. This page is the map.
//!
//! # One machine, two drivers
//!
//! What a servent *decides* is one pure state machine, [`overlay::Overlay`]. It has one door: something happens to the
//! servent (an [`overlay::Input`]: a neighbour joined, a descriptor came, a timer woke), and the machine says what is to
//! be done about it (its [`overlay::Effect`]s: send this, dial that, look this up in the library). It asks no clock,
//! rolls no dice of its own and touches no socket; all of that is handed in. So every rule of the protocol can be tested
//! as *inputs in, effects out*, and the same machine can run on sockets or in a simulator.
//!
//! [`net::Servent`] is the driver on tokio: one task owns the overlay, and links, timers and transfers are tasks around
//! it. Nothing it does waits for a slow neighbour; what does not fit into the bounded queue of a link is shed and counted.
//! [`lab::World`] is the driver of the laboratory: a timing wheel and thousands of overlays on one thread.
//!
//! # The modules, from below
//!
//! | module | what it is | what it may know |
//! |---|---|---|
//! | [`time`], [`rng`] | the clock and the dice, injected | nobody |
//! | [`wire`] | bytes to descriptors and back, the handshake, deflated links | the two above |
//! | [`overlay`] | neighbours, routes, roles, ways of searching: the state machine | `wire` |
//! | [`thex`] | hash trees: which block of a file is wrong | `wire` |
//! | [`swarm`] | one file from many sources: whom to ask for what, whom to believe | `thex` |
//! | [`library`] | shared files by number, by words, by SHA-1 | `wire` |
//! | [`central`] | the central index of Napster's kind: messages, and the index; its driver is `central::server` | `library` |
//! | [`librarian`] | walks the disk, hashes, watches for changes | `library` |
//! | [`transfer`] | files over HTTP: uploads, downloads, browse host | `librarian` |
//! | [`net`] | sockets, timers, bootstrap: the tokio driver | all above but `lab` |
//! | [`lab`] | thousands of overlays in virtual time: graphs, workloads, figures | `overlay`, `central` |
//! | [`api`] | HTTP and JSON on loopback, by which its owner controls a running servent | nobody: `ui` carries out what is asked for |
//! | [`live`] | many servents as processes of this machine, joined as a graph says | `api`, `lab`, `central` |
//! | [`ui`] | command line, prompt, tables, JSON | all above |
//!
//! Arrows only go down, and the first eight are pure but for that driver: no socket, thread, disk or clock of their own.
//! `tests/layers.rs` reads the sources and fails where that is not so.
//!
//! # The way of a query
//!
//! A user types `search words`; [`ui`] asks [`net::Servent::search`], which hands the overlay a
//! [`overlay::Command::Search`]. The overlay sends a [`wire::Query`] to each neighbour. There [`wire::DescriptorCodec`]
//! reads 23 bytes of [`wire::Header`] and leaves the payload unparsed; the overlay has not seen that GUID before,
//! remembers the way back, asks its [`library`] by an effect, and passes the query on with a lower TTL, its payload the
//! very bytes that came. A [`wire::QueryHit`] goes back the way the query came, link by link. The user types `get 1`,
//! and [`transfer::Downloads`] fetches the file over HTTP from all who have it: a [`swarm::Swarm`] says whom to ask for which
//! bytes, each block is held against the [`thex::Tree`], the whole against its SHA-1, and only then it is put among the
//! downloads.
//!
//! # In a program of your own
//!
//! A servent that fetches the first file it finds:
//!
//! ```no_run
//! use std::path::Path;
//!
//! use servent::net::{Servent, Settings};
//! use servent::transfer::Wanted;
//! use servent::wire::Query;
//!
//! # async fn fetch() -> Result<(), Box<dyn std::error::Error>> {
//! let servent = Servent::start(Settings {
//!     share: vec!["music".into()],
//!     connect: vec!["192.0.2.7:6346".parse()?],
//!     ..Settings::new(Path::new("home"))
//! })
//! .await?;
//! servent.neighbours().wait_for(|count| *count > 0).await?;
//! let mut search = servent.search(Query::words("ace of spades"), None).await;
//! if let Some(found) = search.hits.recv().await {
//!     let id = servent.downloads().start(Wanted::of(&found.hit, &found.hit.records[0]))?;
//!     let mut download = servent.downloads().watch(id).expect("it was begun");
//!     println!("{:?}", *download.wait_for(|download| download.state.is_final()).await?);
//! }
//! servent.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! Two ways of searching, compared on a network of a thousand servents. The figures are the same on every machine:
//!
//! ```
//! use servent::lab::compare::{Comparison, Progress};
//! use servent::lab::measure::Summary;
//! use servent::lab::topology::Kind;
//! use servent::lab::workload::{Plan, Replication};
//! use servent::rng::Rng;
//!
//! # fn compare() -> Result<(), Box<dyn std::error::Error>> {
//! let comparison = Comparison {
//!     graph: Kind::Random.draw(1_000, 6.0, &mut Rng::seeded(1))?.giant(),
//!     plan: Plan { objects: 100, replication: Replication::Copies(10), zipf: 0.8, queries: 20 },
//!     strategies: vec!["flood:ttl=4".parse()?, "walk:walkers=16,check=4".parse()?],
//!     latency: Default::default(),
//!     seed: 1,
//!     threads: 2,
//! };
//! let outcome = comparison.run(&Progress::default());
//! let [(_, flood), (_, walk)] = &outcome.rows[..] else { unreachable!("two were asked for") };
//! let cost = |queries: &Summary| queries.mean(|query| query.queries);
//! assert!(cost(walk) < cost(flood));
//! # Ok(())
//! # }
//! # compare().unwrap();
//! ```
//!
//! # What strangers send
//!
//! Everything from the network is judged by a function that returns a [`wire::WireError`] or a value, never panics, and
//! knows a limit for every length. A refusal is counted, and it is the neighbour that loses the link.

pub mod api;
pub mod central;
pub mod lab;
pub mod librarian;
pub mod library;
pub mod live;
pub mod net;
pub mod overlay;
pub mod rng;
pub mod swarm;
pub mod thex;
pub mod time;
pub mod transfer;
pub mod ui;
pub mod wire;
