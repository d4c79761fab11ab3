//! Transfers over real sockets on the loopback: what is served, what is fetched, what is left after a crash.

mod attacks;
mod browsing;
mod caller;
mod fetching;
mod full_disk;
mod gate;
mod giving;
mod house;
mod limits;
mod resume;
mod rogue;
mod serving;
mod swarming;

use std::time::Duration;

/// Runs a test that must end: what hangs fails instead.
async fn ends<T>(test: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(60);
    tokio::time::timeout(limit, test)
        .await
        .expect("the test hangs")
}
