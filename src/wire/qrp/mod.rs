//! Query routing (QRP 1.0): a neighbour's files as a table of hashed words, and the messages that carry the table.
//!
//! A leaf tells its ultrapeers which words can match at its place; they forward only queries all of whose words are in
//! the table. Ultrapeers tell one another the union of theirs for a query's last hop. A table says "maybe" or "no",
//! never "yes".

mod demand;
mod hash;
mod message;
mod receiver;
mod table;

pub use demand::Demand;
pub use hash::{hash_of, slot_of};
pub use message::RouteTableMessage;
pub use receiver::Receiver;
pub use table::{RouteTable, update};
