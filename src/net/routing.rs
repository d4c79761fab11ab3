//! Keeps the route table true to the library: whenever something has changed, a new one, but not at every file.

use std::sync::PoisonError;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use super::inbox::{Inbox, Report};
use crate::librarian::{Census, Shelf};
use crate::library::Catalogue;
use crate::wire::qrp::RouteTable;

/// How soon after a change its table is made: while files are hashed, changes come in crowds.
const PAUSE: Duration = Duration::from_millis(200);

/// Making tables may take this part of one core.
const PART: u32 = 20;

/// Hands the actor a table, and a new one after every change, for ever.
pub(super) async fn keep_table(shelf: Shelf, mut census: watch::Receiver<Census>, inbox: Inbox) {
    let mut known = None;
    // Without a librarian nothing changes any more.
    while census.wait_for(|census| census.scans > 0).await.is_ok() {
        let began = Instant::now();
        let generation = {
            let library = shelf.read().unwrap_or_else(PoisonError::into_inner);
            library.generation()
        };
        if known.replace(generation) != Some(generation) {
            let shelf = Shelf::clone(&shelf);
            let Ok(table) = spawn_blocking(move || table(&shelf)).await else {
                return;
            };
            if inbox.send(Report::Shelf(table)).await.is_err() {
                return;
            }
        }
        sleep(PAUSE.max(began.elapsed() * PART)).await;
        if census.changed().await.is_err() {
            return;
        }
    }
}

fn table(shelf: &Shelf) -> RouteTable {
    let mut catalogue = Catalogue::new();
    let mut page = || {
        let library = shelf.read().unwrap_or_else(PoisonError::into_inner);
        catalogue.take_page(&library)
    };
    while page() {}
    catalogue.table()
}
