//! The ledger: what each address has sent us by UDP, what we have sent it, and whether it has proved that it stands there.
//!
//! The one rule: who sends a datagram may write any address on it, so an address gets no more bytes than it sent until
//! it has sent back a ping of ours, and then ten times as many for ten minutes. So nobody can have us shout at a third
//! party louder than he does himself (the amplification that UDP is abused for).

use std::net::SocketAddrV4;
use std::num::NonZeroUsize;
use std::time::Duration;

use lru::LruCache;

use crate::time::Time;
use crate::wire::{Crawl, Guid};

use super::reach::{Reach, reach};

/// The accounts, of those heard last.
#[derive(Debug)]
pub(super) struct Ledger {
    accounts: LruCache<SocketAddrV4, Account>,
}

/// What is between an address and us.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Account {
    /// When it was opened; the sums count from there.
    since: Time,
    received: usize,
    sent: usize,
    proven: Option<Time>,
    /// When we last spoke to it, and it to us.
    pub(super) spoken: Option<Time>,
    heard: Option<Time>,
    /// When its ping was last answered.
    pub(super) answered: Option<Time>,
    /// When it was last challenged.
    pub(super) challenged: Option<Time>,
    /// When hits were last offered to it.
    pub(super) offered: Option<Time>,
    /// When a crawler there was last answered.
    pub(super) crawled: Option<Time>,
    /// What it asked for that waits for the challenge to be met.
    pub(super) pending: Option<Pending>,
}

/// What waits until an address has proved itself. One thing for each: what comes later takes its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pending {
    /// The answer to a ping.
    Pong(Question),
    /// The answer to a crawler, with the GUID of its question.
    Crawl(Guid, Crawl),
    /// A push for a servent that has us pass them on.
    Push {
        /// To whom it goes.
        servent: Guid,
        /// The file.
        index: u32,
        /// To where that servent is to connect.
        addr: SocketAddrV4,
    },
}

/// A ping, as far as its answer depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// Its GUID, which is that of the answer.
    pub(super) guid: Guid,
    /// It asks for hosts (GGEP `SCP`).
    pub(super) hosts: bool,
    /// It asks whether we are a host cache (`UDPHC`).
    pub(super) cache: bool,
    /// It asks for its own address (`IP`).
    pub(super) address: bool,
    /// It can read a deflated answer.
    pub(super) deflated: bool,
}

impl Ledger {
    pub(super) fn new() -> Self {
        Self {
            accounts: LruCache::new(ACCOUNTS),
        }
    }

    /// Books what came from an address, or was asked for on its behalf.
    pub(super) fn received(&mut self, now: Time, addr: SocketAddrV4, bytes: usize) {
        let account = self.open(now, addr);
        account.received += bytes;
        account.heard = Some(now);
    }

    /// How many bytes may go there.
    pub(super) fn allowance(&self, now: Time, addr: SocketAddrV4, proven: bool) -> usize {
        let account = self.accounts.peek(&holder(addr));
        let account = account.filter(|account| !account.is_closed(now));
        account.map_or(0, |account| {
            let factor = if proven { PROVEN_FACTOR } else { 1 };
            (account.received * factor).saturating_sub(account.sent)
        })
    }

    /// Books what goes there.
    pub(super) fn sent(&mut self, now: Time, addr: SocketAddrV4, bytes: usize) {
        let account = self.open(now, addr);
        account.sent += bytes;
        account.spoken = Some(now);
    }

    /// Notes that we spoke to it of our own accord, which is nobody's to pay.
    pub(super) fn addressed(&mut self, now: Time, addr: SocketAddrV4) {
        self.open(now, addr).spoken = Some(now);
    }

    /// It has sent back a ping of ours.
    pub(super) fn prove(&mut self, now: Time, addr: SocketAddrV4) {
        self.open(now, addr).proven = Some(now);
    }

    pub(super) fn is_proven(&self, now: Time, addr: SocketAddrV4) -> bool {
        let account = self.accounts.peek(&holder(addr));
        let proven = account.and_then(|account| account.proven);
        proven.is_some_and(|at| now.since(at) < PROOF)
    }

    /// Its account; a closed one is opened anew.
    pub(super) fn open(&mut self, now: Time, addr: SocketAddrV4) -> &mut Account {
        let fresh = Account {
            since: now,
            ..Account::default()
        };
        let account = self.accounts.get_or_insert_mut(holder(addr), || fresh);
        if account.is_closed(now) {
            *account = Account {
                // Neither a proof nor a limit ends with the sums.
                proven: account.proven,
                spoken: account.spoken,
                answered: account.answered,
                challenged: account.challenged,
                offered: account.offered,
                crawled: account.crawled,
                ..fresh
            };
        }
        account
    }

    /// When we last spoke to any port there.
    pub(super) fn spoken(&self, addr: SocketAddrV4) -> Option<Time> {
        self.accounts.peek(&holder(addr))?.spoken
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.accounts.len()
    }
}

impl Account {
    /// Whether its sums are too old to count: what was paid long ago, or heard last long ago, pays for nothing now.
    fn is_closed(&self, now: Time) -> bool {
        let heard = self.heard.unwrap_or(self.since);
        now.since(self.since) >= PROOF || now.since(heard) >= CREDIT
    }
}

/// Whose account it is: in the world an address speaks for all its ports, which its owner could use as well; on our own
/// machine or site each port may be somebody else.
pub(super) fn holder(addr: SocketAddrV4) -> SocketAddrV4 {
    match reach(*addr.ip()) {
        Some(Reach::World) => SocketAddrV4::new(*addr.ip(), 0),
        _ => addr,
    }
}

/// Bytes that go to a proven address for each that came from it.
const PROVEN_FACTOR: usize = 10;

/// How long a proof holds.
const PROOF: Duration = Duration::from_secs(600);

/// How long bytes that came pay for an answer.
const CREDIT: Duration = Duration::from_secs(60);

/// Accounts kept, 160 bytes each. One that is forgotten has to prove itself again.
const ACCOUNTS: NonZeroUsize = NonZeroUsize::new(4_096).expect("it is not zero");

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(text: &str) -> SocketAddrV4 {
        text.parse().expect("an address")
    }

    #[test]
    fn what_came_pays_for_what_goes_and_a_proof_makes_it_ten_times_as_much() {
        let (mut ledger, there) = (Ledger::new(), addr("44.1.0.1:6346"));
        assert_eq!(ledger.allowance(Time::ZERO, there, true), 0);
        ledger.received(Time::ZERO, there, 30);
        ledger.sent(Time::ZERO, there, 23);
        assert_eq!(ledger.allowance(Time::ZERO, there, false), 7);
        assert_eq!(ledger.allowance(Time::ZERO, there, true), 277);
        let later = Time::from_secs(59);
        assert_eq!(ledger.allowance(later, there, false), 7);
        assert_eq!(ledger.allowance(Time::from_secs(60), there, true), 0);
    }

    #[test]
    fn a_proof_ends_and_outlives_the_sums() {
        let (mut ledger, there) = (Ledger::new(), addr("44.1.0.1:6346"));
        ledger.prove(Time::ZERO, there);
        ledger.received(Time::from_secs(300), there, 30);
        assert!(ledger.is_proven(Time::from_secs(599), there));
        assert!(!ledger.is_proven(Time::from_secs(600), there));
    }

    #[test]
    fn nearby_each_port_has_its_own_account() {
        let mut ledger = Ledger::new();
        for there in ["44.1.0.1:1", "127.0.0.1:1", "192.168.0.1:1"] {
            ledger.prove(Time::ZERO, addr(there));
        }
        let proven = |there| ledger.is_proven(Time::ZERO, addr(there));
        assert!(proven("44.1.0.1:2") && !proven("127.0.0.1:2") && !proven("192.168.0.1:2"));
    }

    #[test]
    fn strangers_without_number_are_forgotten_in_turn() {
        let mut ledger = Ledger::new();
        for number in 0..100_000_u32 {
            let there = SocketAddrV4::new((0x2c00_0001 + number).into(), 6346);
            ledger.received(Time::ZERO, there, 23);
        }
        assert_eq!(ledger.len(), ACCOUNTS.get());
        assert!(size_of::<Account>() <= 176, "{}", size_of::<Account>());
    }
}
