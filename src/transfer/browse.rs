//! Browse host: all the files of one servent.

use std::io;
use std::net::SocketAddrV4;

use crate::wire::QueryHit;

/// Asks the servent at `addr` for all its files (`GET /` with `Accept: application/x-gnutella-packets`).
///
/// # Errors
/// It cannot be reached, does not answer in time, refuses, or answers nonsense; the text says which.
pub async fn browse(_addr: SocketAddrV4, _agent: &str) -> io::Result<Vec<QueryHit>> {
    todo!()
}
