//! The overlay's rules one by one: inputs in, effects out.

mod anything;
mod bench;
mod captured;
mod crawl;
mod datagrams;
mod growth;
mod hits;
mod links;
mod out_of_band;
mod pings;
mod prospect;
mod proxies;
mod pushes;
mod queries;
mod reachable;
mod roles;
mod walks;
#[path = "../world/mod.rs"]
mod world;

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use servent::overlay::{
    Command, Config, Direction, Effect, Event, Input, Introduction, Overlay, PeerId, Strategy,
    Timer,
};
use servent::rng::Rng;
use servent::time::Time;
use servent::wire::{
    Bye, ByeCode, Descriptor, Ggep, Guid, Header, Kind, Ping, Pong, Push, Query, QueryHit,
    VendorMeaning, VendorMessage,
};
use world::{introduction, record};
