//! In place of a shared store, in a program that was built without one: it names no address, so there never is one.

use std::fmt;
use std::str::FromStr;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::shared::{NoStore, Standing};
use super::{Figures, Report};

/// Where a shared store is: nowhere, without the feature `postgres`.
#[derive(Clone, Debug)]
pub enum Store {}

impl FromStr for Store {
    type Err = NoStore;

    fn from_str(_: &str) -> Result<Self, NoStore> {
        Err(NoStore(
            "but this program was built without: build it with --features postgres".to_owned(),
        ))
    }
}

impl fmt::Display for Store {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

/// Never begins.
#[allow(clippy::unused_async, reason = "as the one that is there")]
pub(super) async fn run(
    store: Store,
    _: mpsc::Sender<Report>,
    _: watch::Receiver<Figures>,
    _: watch::Sender<Standing>,
    _: CancellationToken,
) {
    match store {}
}
