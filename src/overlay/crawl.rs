//! Crawlers: programs that draw maps of the network and ask who our neighbours are, by a handshake or by UDP (section
//! "Status codes", LIME/5).
//!
//! The one rule: no crawler is told of an address that its own may not hear, and by UDP none is answered before it has
//! proved where it stands, once in two minutes, and within what the ledger allows.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use crate::time::Time;
use crate::wire::{Crawl, Crawled, Descriptor, Guid, HEADER_LEN, Kind};

use super::ledger::Pending;
use super::offer::LONGEST_PAYLOAD;
use super::reach::is_believed;
use super::{Outbox, Overlay, Peer};

impl Overlay {
    /// Where our neighbours listen, as `asker` may know it: ultrapeers, then leaves.
    pub(super) fn neighbours_for(&self, asker: Ipv4Addr) -> [Vec<SocketAddrV4>; 2] {
        let told = |leaves| {
            let peers = self.peers.iter().filter(|peer| peer.is_leaf() == leaves);
            let at = peers.filter_map(Peer::listening);
            at.filter(|addr| is_believed(*addr, asker)).collect()
        };
        [told(false), told(true)]
    }

    /// A crawler asks by UDP.
    pub(super) fn on_crawl(
        &mut self,
        now: Time,
        from: SocketAddrV4,
        guid: Guid,
        crawl: Crawl,
        out: &mut impl Outbox,
    ) {
        let proven = self.is_proven(now, from);
        let Some(udp) = &mut self.datagrams else {
            return;
        };
        let account = udp.ledger.open(now, from);
        if account
            .crawled
            .is_some_and(|at| now.since(at) < CRAWL_EVERY)
        {
            self.counts.dropped += 1;
        } else if proven {
            self.answer_crawl(now, from, guid, crawl, out);
        } else {
            account.pending = Some(Pending::Crawl(guid, crawl));
            self.challenge(now, from, out);
        }
    }

    /// It stands where it says.
    pub(super) fn answer_crawl(
        &mut self,
        now: Time,
        to: SocketAddrV4,
        guid: Guid,
        crawl: Crawl,
        out: &mut impl Outbox,
    ) {
        let allowed = self.allowance(now, to).saturating_sub(HEADER_LEN);
        let mut room = crawl.fit(allowed.min(LONGEST_PAYLOAD));
        let mut seen = |leaves: bool, wanted: u8| {
            let only = crawl.format & Crawl::CRAWLED != 0;
            let fit = |peer: &&Peer| peer.is_leaf() == leaves && (!only || peer.skills.crawled);
            let all = self.peers.iter().filter(fit).filter_map(|peer| {
                let addr = peer
                    .listening()
                    .filter(|addr| is_believed(*addr, *to.ip()))?;
                let minutes = now.since(peer.since).as_secs() / 60;
                Some(Crawled {
                    addr,
                    minutes: minutes.try_into().unwrap_or(u16::MAX),
                })
            });
            let told: Vec<Crawled> = all.take(room.min(wanted.into())).collect();
            room -= told.len();
            told
        };
        let (ultrapeers, leaves) = (seen(false, crawl.ultrapeers), seen(true, crawl.leaves));
        let answer = crawl.answer(&ultrapeers, &leaves).encode();
        let kind = Kind::Vendor { standard: false };
        if self.reply(now, to, Descriptor::new(guid, kind, 1, answer), out)
            && let Some(udp) = &mut self.datagrams
        {
            udp.ledger.open(now, to).crawled = Some(now);
        }
    }
}

/// How often one address is answered (gtk-gnutella's `UDP_CRAWLER_FREQ`).
const CRAWL_EVERY: Duration = Duration::from_secs(120);
