//! Where the index hears of its store.

use tokio::sync::mpsc;

use super::{News, Report, StoreError};

/// The index's inbox.
#[derive(Debug)]
pub(super) struct Inbox(pub(super) mpsc::Sender<Report>);

impl Inbox {
    /// Tells it something.
    ///
    /// # Errors
    /// It does not listen any more.
    pub(super) async fn tell(&self, news: News) -> Result<(), StoreError> {
        let sent = self.0.send(Report::Store(news)).await;
        sent.map_err(|_| StoreError::Leaving)
    }
}
