//! Callers whom we wait for: who have not said their first word yet, or owe us the rest of a head, or another request.
//!
//! There is room for so many; when one more comes, the one who has sat longest is shown out. So sockets that are only
//! held open, silent or speaking a byte at a time, cost those who hold them more than us, and whoever comes with
//! something to say is heard.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Seats, where nothing else is said. An honest caller speaks within a round trip, long before so many others have come.
const SEATS: usize = 256;

/// The lobby of one servent.
#[derive(Debug, Default)]
pub struct Lobby(Arc<Mutex<Row>>);

#[derive(Debug)]
struct Row {
    seats: usize,
    /// By number; who has sat longest comes first.
    taken: BTreeMap<u64, Arc<Notify>>,
    next: u64,
}

impl Default for Row {
    fn default() -> Self {
        Self {
            seats: SEATS,
            taken: BTreeMap::new(),
            next: 0,
        }
    }
}

/// A caller's place; given up by dropping it.
#[derive(Debug)]
pub struct Seat {
    row: Arc<Mutex<Row>>,
    number: u64,
    shown_out: Arc<Notify>,
}

impl Lobby {
    /// Has no more than `seats`, where that is fewer than usual: half of the connections the door admits.
    pub fn narrow(&self, seats: usize) {
        lock(&self.0).seats = seats.min(SEATS);
    }

    /// A seat for a new caller.
    pub fn enter(&self) -> Seat {
        let shown_out = Arc::new(Notify::new());
        let mut row = lock(&self.0);
        if row.taken.len() >= row.seats
            && let Some((_, silent)) = row.taken.pop_first()
        {
            silent.notify_one();
        }
        let number = row.next;
        row.next += 1;
        row.taken.insert(number, Arc::clone(&shown_out));
        Seat {
            row: Arc::clone(&self.0),
            number,
            shown_out,
        }
    }
}

impl Seat {
    /// Ends when the caller has to go.
    pub async fn shown_out(&self) {
        self.shown_out.notified().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        lock(&self.row).taken.remove(&self.number);
    }
}

fn lock(row: &Mutex<Row>) -> MutexGuard<'_, Row> {
    row.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use futures_util::FutureExt;

    use super::*;

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

    #[test]
    fn seats_given_up_are_free_at_once() {
        let lobby = Lobby::default();
        let slow = lobby.enter();
        for _ in 0..3 * SEATS {
            drop(lobby.enter());
        }
        assert!(
            slow.shown_out().now_or_never().is_none(),
            "who only asks less often than others is not turned out for it"
        );
    }
}
