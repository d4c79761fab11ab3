//! Who is being sent what.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::UploadStatus;
use super::queue::{Asker, Queue, Ticket, Turn};

/// How many uploads one address may have at once. gtk-gnutella allows one and LimeWire three; a household behind one
/// address, or a browser that opens six connections, is not to be turned away while slots are free.
pub(super) const PER_ADDRESS: usize = 4;

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
    running: usize,
    /// By connection; also those between two requests of one connection.
    uploads: BTreeMap<u64, UploadStatus>,
    ended: VecDeque<UploadStatus>,
    queue: Queue,
    completed: u64,
    next: u64,
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
        let table = self.table();
        table.running + table.queue.len(Instant::now()) >= self.limit
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
    fn held_by(&self, address: Ipv4Addr) -> usize {
        let of_address = |upload: &&UploadStatus| upload.running && *upload.to.ip() == address;
        self.uploads.values().filter(of_address).count()
    }
}

/// A connection; forgotten when dropped, but that what it uploaded last stays in the list a while.
#[derive(Debug)]
pub(super) struct Visitor<'a> {
    slots: &'a Slots,
    number: u64,
}

impl<'a> Visitor<'a> {
    /// Takes a slot for an upload to it.
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
        let mut table = slots.table();
        if table.held_by(asker.address) >= PER_ADDRESS {
            return Err(None);
        }
        let free = slots.limit.saturating_sub(table.running);
        match table.queue.ask(Instant::now(), asker, free, slots.limit) {
            Turn::Now => {}
            Turn::Wait(ticket) => return Err(Some(ticket)),
            Turn::Full => return Err(None),
        }
        table.running += 1;
        table.uploads.insert(connection, upload);
        Ok(Slot { slots, connection })
    }
}

impl Drop for Visitor<'_> {
    fn drop(&mut self) {
        let mut table = self.slots.table();
        if let Some(upload) = table.uploads.remove(&self.number) {
            table.ended.truncate(REMEMBERED - 1);
            table.ended.push_front(upload);
        }
    }
}

/// A slot in use; free again when dropped.
#[derive(Debug)]
pub(super) struct Slot<'a> {
    slots: &'a Slots,
    connection: u64,
}

impl Slot<'_> {
    /// Notes that so many more bytes went out.
    pub(super) fn sent(&self, count: u64) {
        if let Some(upload) = self.slots.table().uploads.get_mut(&self.connection) {
            upload.sent += count;
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
        table.running -= 1;
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
