//! Who is being sent what.
//!
//! Servents fetch a file in pieces, so a slot stays with a connection from one piece to the next: given back after each, it
//! would stand empty until whoever waits asks again, and the one who had it would wait behind all others for his next piece.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::UploadStatus;
use super::queue::{Asker, Queue, Ticket, Turn};

/// How many uploads one address may have at once. gtk-gnutella allows one and LimeWire three; a household behind one
/// address, or a browser that opens six connections, is not to be turned away while slots are free.
pub(super) const PER_ADDRESS: usize = 4;

/// How long a slot is kept for the next piece. The last bytes of this one may still have to leave the kernel.
const KEPT: Duration = Duration::from_secs(10);

/// After so long, at the end of a piece, the slot goes to those who wait, and the one who had it waits in his turn.
const LONGEST: Duration = Duration::from_secs(600);

/// How many uploads that have ended stay in the list.
const REMEMBERED: usize = 16;

/// The slots, and the uploads that hold or held them. One connection has one upload at a time.
#[derive(Debug)]
pub(super) struct Slots {
    limit: usize,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    /// The slots that are taken, by connection.
    taken: BTreeMap<u64, Hold>,
    /// By connection; also those between two requests of one connection.
    uploads: BTreeMap<u64, UploadStatus>,
    ended: VecDeque<UploadStatus>,
    queue: Queue,
    completed: u64,
    next: u64,
}

/// A connection's hold on a slot.
#[derive(Clone, Copy, Debug)]
struct Hold {
    address: Ipv4Addr,
    /// The number of the file.
    file: u32,
    since: Instant,
    /// Bytes of the file that the connection has had.
    had: u64,
    /// Until when it is kept for the next piece; none while one is being sent.
    until: Option<Instant>,
}

impl Slots {
    pub(super) fn new(limit: usize) -> Self {
        let table = Mutex::default();
        Self { limit, table }
    }

    /// Notes a new connection.
    pub(super) fn enlist(&self) -> Visitor<'_> {
        let mut table = self.table();
        table.next += 1;
        let (slots, number) = (self, table.next);
        Visitor { slots, number }
    }

    /// What runs and what ended last, the youngest connection first.
    pub(super) fn list(&self) -> Vec<UploadStatus> {
        let table = self.table();
        let alive = table.uploads.values().rev();
        alive.chain(&table.ended).cloned().collect()
    }

    pub(super) fn completed(&self) -> u64 {
        self.table().completed
    }

    /// Whether a newcomer would have to wait.
    pub(super) fn busy(&self) -> bool {
        let (table, now) = (self.table(), Instant::now());
        table.taken(now).count() + table.queue.len(now) >= self.limit
    }

    /// How many wait for a slot.
    pub(super) fn waiting(&self) -> usize {
        self.table().queue.len(Instant::now())
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// The slots that nobody else can have.
    fn taken(&self, now: Instant) -> impl Iterator<Item = &Hold> {
        let held = move |hold: &&Hold| hold.until.is_none_or(|until| now < until);
        self.taken.values().filter(held)
    }

    /// The slot that a connection has for a file, if it may go on with it.
    fn take_up(&mut self, now: Instant, connection: u64, file: u32) -> Option<Hold> {
        let hold = self.taken.remove(&connection)?;
        let in_time = hold.until.is_some_and(|until| now < until);
        let others_turn = now - hold.since >= LONGEST && self.queue.len(now) > 0;
        let until = None;
        (in_time && hold.file == file && !others_turn).then_some(Hold { until, ..hold })
    }

    /// A free slot for somebody who has none.
    fn admit(&mut self, now: Instant, asker: Asker, limit: usize) -> Result<Hold, Option<Ticket>> {
        let (address, file) = (asker.address, asker.file);
        let held = self.taken(now).filter(|hold| hold.address == address);
        if held.count() >= PER_ADDRESS {
            return Err(None);
        }
        let free = limit.saturating_sub(self.taken(now).count());
        match self.queue.ask(now, asker, free, limit) {
            Turn::Now => Ok(Hold {
                address,
                file,
                since: now,
                had: 0,
                until: None,
            }),
            Turn::Wait(ticket) => Err(Some(ticket)),
            Turn::Full => Err(None),
        }
    }
}

/// A connection; forgotten when dropped, but that what it uploaded last stays in the list a while.
#[derive(Debug)]
pub(super) struct Visitor<'a> {
    slots: &'a Slots,
    number: u64,
}

impl<'a> Visitor<'a> {
    /// Takes a slot for an upload to it, or goes on with the one it has.
    ///
    /// # Errors
    /// A place in the queue when all slots are taken or kept for others; none when the address has slots enough, or there
    /// is no place either.
    pub(super) fn claim(
        &self,
        upload: UploadStatus,
        asker: Asker,
    ) -> Result<Slot<'a>, Option<Ticket>> {
        let (slots, connection) = (self.slots, self.number);
        let (mut table, now) = (slots.table(), Instant::now());
        let hold = match table.take_up(now, connection, asker.file) {
            Some(hold) => hold,
            None => table.admit(now, asker, slots.limit)?,
        };
        table.taken.insert(connection, hold);
        table.uploads.insert(connection, upload);
        Ok(Slot {
            slots,
            connection,
            more: false,
        })
    }
}

impl Drop for Visitor<'_> {
    fn drop(&mut self) {
        let mut table = self.slots.table();
        table.taken.remove(&self.number);
        if let Some(upload) = table.uploads.remove(&self.number) {
            table.ended.truncate(REMEMBERED - 1);
            table.ended.push_front(upload);
        }
    }
}

/// A slot in use; when dropped it is free again, or kept for the next piece.
#[derive(Debug)]
pub(super) struct Slot<'a> {
    slots: &'a Slots,
    connection: u64,
    /// Whether another piece may be asked for.
    more: bool,
}

impl Slot<'_> {
    /// Notes that so many more bytes went out.
    pub(super) fn sent(&self, count: u64) {
        if let Some(upload) = self.slots.table().uploads.get_mut(&self.connection) {
            upload.sent += count;
        }
    }

    /// Notes that a piece of so many bytes went out, of a file of this size; if the connection has not had all of it, the next
    /// is waited for.
    pub(super) fn keep(&mut self, piece: u64, size: u64) {
        if let Some(hold) = self.slots.table().taken.get_mut(&self.connection) {
            hold.had += piece;
            self.more = hold.had < size;
        }
    }

    /// Notes that the last byte of the file went out: of a file fetched in pieces, one counts.
    pub(super) fn complete(&self) {
        self.slots.table().completed += 1;
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        let mut table = self.slots.table();
        match table.taken.get_mut(&self.connection) {
            Some(hold) if self.more => hold.until = Some(Instant::now() + KEPT),
            _ => drop(table.taken.remove(&self.connection)),
        }
        if let Some(upload) = table.uploads.get_mut(&self.connection) {
            upload.running = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddrV4;

    use super::super::queue::Manner;
    use super::*;
    use crate::transfer::http::Headers;

    fn upload(host: u8) -> UploadStatus {
        UploadStatus {
            name: "a".to_owned(),
            to: SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, host), 1),
            agent: String::new(),
            sent: 0,
            length: 10,
            running: true,
        }
    }

    fn claim<'a>(visitor: &Visitor<'a>, host: u8) -> Result<Slot<'a>, Option<Ticket>> {
        let asker = Asker {
            address: Ipv4Addr::new(127, 0, 0, host),
            file: 1,
            manner: Manner::Silent,
            place: None,
            credit: 0,
        };
        visitor.claim(upload(host), asker)
    }

    #[test]
    fn slots_run_out_and_come_back() {
        let slots = Slots::new(2);
        let visitors = [(); 5].map(|()| slots.enlist());
        let first = claim(&visitors[1], 1).expect("two are free");
        let second = claim(&visitors[2], 2).expect("one is free");
        assert!(slots.busy());
        assert!(matches!(claim(&visitors[3], 3), Err(Some(_))));
        assert_eq!(slots.waiting(), 1);
        drop(first);
        assert!(slots.busy(), "the free one is kept for who waits");
        assert!(matches!(claim(&visitors[4], 4), Err(Some(_))));
        assert!(claim(&visitors[3], 3).is_ok());
        second.sent(7);
        assert_eq!(slots.list().iter().map(|upload| upload.sent).max(), Some(7));
    }

    #[test]
    fn a_slot_stays_with_whoever_fetches_a_file_in_pieces() {
        let slots = Slots::new(1);
        let [first, second] = [(); 2].map(|()| slots.enlist());
        for piece in 0..10 {
            let mut slot = claim(&first, 1).expect("it is his until he has the file");
            assert!(matches!(claim(&second, 2), Err(Some(_))), "{piece}");
            slot.keep(1, 10);
        }
        assert!(claim(&second, 2).is_ok(), "he has had it all");
        let mut slot = claim(&first, 1).expect("it is free");
        slot.keep(1, 10);
        drop((slot, first));
        assert!(claim(&second, 2).is_ok(), "he is gone");
    }

    #[test]
    fn a_slot_is_not_kept_for_another_file_nor_for_ever() {
        let (slots, host) = (Slots::new(1), Ipv4Addr::LOCALHOST);
        let mut table = slots.table();
        let start = Instant::now();
        let asker = Asker::new(host, 1, &Headers::new());
        let mut hold = table.admit(start, asker, 1).expect("it is free");
        let mut take_up = |table: &mut Table, until, now, file| {
            hold.until = Some(until);
            table.taken.insert(7, hold);
            table.take_up(now, 7, file).is_some()
        };
        let soon = start + KEPT / 2;
        assert!(take_up(&mut table, start + KEPT, soon, 1));
        assert!(!take_up(&mut table, start + KEPT, soon, 2));
        assert!(!take_up(&mut table, start + KEPT, start + KEPT, 1));
        let late = start + LONGEST;
        assert!(take_up(&mut table, late + KEPT, late, 1), "nobody waits");
        let other = Asker::new(Ipv4Addr::BROADCAST, 1, &Headers::new());
        assert!(matches!(table.queue.ask(late, other, 0, 1), Turn::Wait(_)));
        assert!(!take_up(&mut table, late + KEPT, late, 1), "somebody waits");
    }

    #[test]
    fn one_address_does_not_take_them_all() {
        let slots = Slots::new(100);
        let visitors = [(); PER_ADDRESS + 1].map(|()| slots.enlist());
        let held = visitors.iter().take(PER_ADDRESS);
        let held: Vec<_> = held
            .map(|visitor| claim(visitor, 1).expect("within the share"))
            .collect();
        assert!(matches!(claim(&visitors[PER_ADDRESS], 1), Err(None)));
        assert!(claim(&visitors[PER_ADDRESS], 2).is_ok());
        drop(held);
        assert!(claim(&visitors[0], 1).is_ok());
    }

    #[test]
    fn ended_uploads_are_remembered_but_not_for_ever() {
        let slots = Slots::new(1);
        for _ in 0..2 * REMEMBERED {
            claim(&slots.enlist(), 1).expect("it is free");
        }
        let list = slots.list();
        assert_eq!(list.len(), REMEMBERED);
        assert!(list.iter().all(|upload| !upload.running));
    }
}
