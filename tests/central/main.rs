//! The central index, from the wire to the searches of servents that use it.

mod browsing;
mod caller;
mod client;
mod killed;
mod member;
mod server;
mod session;
mod strangers;
