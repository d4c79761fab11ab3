//! Networks of real servents on real sockets, all in one process, all on loopback.

mod churn;
mod datagrams;
mod floods;
mod gateway;
mod graph;
mod hostile;
mod joining;
mod network;
mod pair;
mod past_walls;
mod rates;

mod stranger;
mod tiers;
mod walls;
