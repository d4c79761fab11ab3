//! Callers whom we wait for: who have not said their first word yet, or owe us the rest of a head, or another request.
//!
//! There is room for so many; when one more comes, the one who has sat longest is shown out. So sockets that are only
//! held open, silent or speaking a byte at a time, cost those who hold them more than us, and whoever comes with
//! something to say is heard.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::Notify;

/// Seats, where nothing else is said. An honest caller speaks within a round trip, long before so many others have come.
const SEATS: usize = 256;

/// The lobby of one servent.
#[derive(Debug, Default)]
pub struct Lobby(Mutex<Row>);

#[derive(Debug)]
struct Row {
    seats: usize,
    taken: VecDeque<Weak<Notify>>,
}

impl Default for Row {
    fn default() -> Self {
        Self {
            seats: SEATS,
            taken: VecDeque::new(),
        }
    }
}

/// A caller's place; given up by dropping it.
#[derive(Debug)]
pub struct Seat(Arc<Notify>);

impl Lobby {
    /// Has no more than `seats`, where that is fewer than usual: half of the connections the door admits.
    pub fn narrow(&self, seats: usize) {
        self.row().seats = seats.min(SEATS);
    }

    fn row(&self) -> MutexGuard<'_, Row> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A seat for a new caller. Seats given up are not looked for: they count until their turn to be shown out comes,
    /// which then is nobody's loss.
    pub fn enter(&self) -> Seat {
        let seat = Arc::new(Notify::new());
        let mut row = self.row();
        if row.taken.len() >= row.seats
            && let Some(silent) = row.taken.pop_front().and_then(|seat| seat.upgrade())
        {
            silent.notify_one();
        }
        row.taken.push_back(Arc::downgrade(&seat));
        Seat(seat)
    }
}

impl Seat {
    /// Ends when the caller has to go.
    pub async fn shown_out(&self) {
        self.0.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn whoever_is_silent_longest_makes_room() {
        let lobby = Lobby::default();
        let mut seats: VecDeque<Seat> = (0..SEATS).map(|_| lobby.enter()).collect();
        assert!(
            seats
                .iter()
                .all(|seat| seat.shown_out().now_or_never().is_none())
        );
        drop(seats.pop_front());
        seats.push_back(lobby.enter());
        let stays = |seat: &Seat| seat.shown_out().now_or_never().is_none();
        assert!(
            seats.iter().all(stays),
            "it was the place of one who had spoken"
        );
        seats.push_back(lobby.enter());
        assert!(!stays(&seats[0]));
        assert!(seats.iter().skip(1).all(stays));
    }
}
