//! An ear at every servent of a village: where queries come by.

use std::io;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::live::Village;

/// Sightings that wait to be looked at. A flood of a thousand servents makes ten thousand; what does not fit is not drawn.
const WAITING: usize = 1 << 16;

/// A query that came to a servent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sighting {
    /// Which servent.
    pub(super) node: usize,
    /// Links it had crossed, or steps it had taken.
    pub(super) hops: u8,
}

/// The ears.
#[derive(Debug)]
pub(super) struct Watch {
    sightings: mpsc::Receiver<Sighting>,
    _ears: JoinSet<()>,
    /// Keeps the channel open when all servents have been stopped.
    _mouth: mpsc::Sender<Sighting>,
}

impl Watch {
    /// Listens at every servent; each query from now on is heard.
    ///
    /// # Errors
    /// One does not answer.
    pub(super) async fn of(village: &Village) -> io::Result<Self> {
        let (mouth, sightings) = mpsc::channel(WAITING);
        let mut ears = JoinSet::new();
        for node in 0..village.graph().nodes() {
            let mut events = village.client(node).events().await?;
            let mouth = mouth.clone();
            ears.spawn(async move {
                // Ends with the servent.
                while let Ok((event, data)) = events.next().await {
                    let hops = data["hops"]
                        .as_u64()
                        .and_then(|hops| u8::try_from(hops).ok());
                    if let (Some(hops), "query") = (hops, event.as_str()) {
                        // Full: nobody has looked for long.
                        let _ = mouth.try_send(Sighting { node, hops });
                    }
                }
            });
        }
        Ok(Self {
            sightings,
            _ears: ears,
            _mouth: mouth,
        })
    }

    /// The next; waits for it, for ever if need be.
    pub(super) async fn next(&mut self) -> Sighting {
        self.sightings
            .recv()
            .await
            .expect("we hold a sender ourselves")
    }

    /// Lets go what was not looked at.
    pub(super) fn forget(&mut self) {
        while self.sightings.try_recv().is_ok() {}
    }
}
