//! Pings by UDP: what a stranger may know of us, and of others if he looks for his first neighbours.
//!
//! The one rule: a pong is as long as the ledger lets it, the most wanted first, and an address is answered once a minute.

use std::net::SocketAddrV4;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::packed;
use crate::overlay::ledger::{Pending, Question};
use crate::overlay::reach::is_believed;
use crate::overlay::{Outbox, Overlay};
use crate::time::Time;
use crate::wire::datagram::{DEFLATED, TAKES_DEFLATED};
use crate::wire::{Descriptor, Ggep, HEADER_LEN, Kind, Ping, Pong};

impl Overlay {
    /// A ping: answered once a minute (as gtk-gnutella does). The answer to one of our tests is none of these.
    pub(super) fn on_ping_by_udp(
        &mut self,
        now: Time,
        from: SocketAddrV4,
        what: &Descriptor,
        out: &mut impl Outbox,
    ) {
        let guid = what.header.guid;
        if self.ends_test(from, &guid) {
            return;
        }
        let ping = Ping::decode(&what.payload);
        let answered = (self.datagrams.as_deref_mut())
            .and_then(|udp| udp.ledger.open(now, from).answered)
            .is_some_and(|at| now.since(at) < PONG_EVERY);
        let (Ok(ping), false) = (ping, answered) else {
            self.counts.dropped += 1;
            return;
        };
        let has = |id| ping.ggep.get(id).is_some();
        let question = Question {
            guid,
            hosts: has("SCP"),
            cache: has("UDPHC"),
            address: has("IP"),
            deflated: what.header.ttl & TAKES_DEFLATED != 0,
        };
        self.answer(now, from, question, out);
    }

    /// Answers a ping as well as the ledger lets us. Where that is not at all, or without the hosts it asks for, it is
    /// answered when the address has proved itself.
    pub(super) fn answer(
        &mut self,
        now: Time,
        to: SocketAddrV4,
        question: Question,
        out: &mut impl Outbox,
    ) {
        let room = self
            .allowance(now, to)
            .checked_sub(HEADER_LEN + Pong::FIXED_LEN);
        let hosts = match question.hosts {
            true => self.hosts_for(to),
            false => Vec::new(),
        };
        let pong = room.and_then(|room| self.pong_for(to, &question, &hosts, room));
        let whole = pong.as_ref().is_some_and(|pong| {
            hosts.is_empty() || pong.ggep.get("IPP").is_some() || self.is_proven(now, to)
        });
        if !whole {
            let waits = self.datagrams.as_deref_mut().map(|udp| {
                let account = udp.ledger.open(now, to);
                let before = account.pending.replace(Pending::Pong(question));
                matches!(before, Some(Pending::Pong(_)))
            });
            // Whoever asks again without having met the challenge gets what there is for it.
            if waits == Some(false) && self.challenge(now, to, out) {
                return;
            }
        }
        let Some(pong) = pong else {
            self.counts.dropped += 1;
            return;
        };
        let ttl = 1 | if question.deflated { DEFLATED } else { 0 };
        let pong = Descriptor::new(question.guid, Kind::Pong, ttl, pong.encode());
        if self.reply(now, to, pong, out)
            && let Some(udp) = &mut self.datagrams
        {
            let account = udp.ledger.open(now, to);
            account.answered = Some(now);
            account.pending = None;
        }
    }

    /// Our pong, with what it may tell besides in `room` bytes, the most wanted first.
    fn pong_for(
        &self,
        to: SocketAddrV4,
        question: &Question,
        hosts: &[SocketAddrV4],
        room: usize,
    ) -> Option<Pong> {
        let mut ggep = Ggep::new();
        let most = (1..=hosts.len()).rev();
        let _ = most
            .map(|count| packed(&hosts[..count]))
            .any(|hosts| fit(&mut ggep, "IPP", hosts, room));
        if question.cache || question.hosts {
            fit(&mut ggep, "UDPHC", Vec::new(), room);
        }
        if question.address {
            fit(&mut ggep, "IP", packed(&[to]), room);
        }
        for (id, value) in self.credentials().iter() {
            fit(&mut ggep, id, value.clone(), room);
        }
        Some(Pong {
            addr: self.address_at(*to.ip())?,
            files: self.sharing.files,
            kib: self.kib_told(),
            ggep,
        })
    }

    /// Whom to name to a servent that looks for its first neighbours: ours, who live, then some of those thought well
    /// of.
    fn hosts_for(&mut self, to: SocketAddrV4) -> Vec<SocketAddrV4> {
        let mut hosts: Vec<SocketAddrV4> = self.ultrapeers_at().collect();
        let best = self.hosts.best().map(|(host, _)| host);
        let others = best.filter(|host| !self.peers.are_at(*host));
        let mut others: Vec<SocketAddrV4> = others.take(DRAWN_FROM).collect();
        self.rng.shuffle(&mut others);
        hosts.extend(others);
        hosts.retain(|host| *host != to && is_believed(*host, *to.ip()));
        hosts.truncate(HOSTS_TOLD);
        hosts
    }
}

/// Adds an extension if the block is no longer than `room` with it.
fn fit(ggep: &mut Ggep, id: &str, value: impl Into<Bytes>, room: usize) -> bool {
    let mut with = ggep.clone();
    with.push(id, value);
    let mut bytes = BytesMut::new();
    with.encode(false, &mut bytes);
    let fits = bytes.len() <= room;
    if fits {
        *ggep = with;
    }
    fits
}

/// How often the ping of an address is answered (gtk-gnutella: one a minute).
const PONG_EVERY: Duration = Duration::from_secs(60);

/// Hosts named in one pong (gtk-gnutella names 30 at most).
const HOSTS_TOLD: usize = 30;

/// Of how many hosts thought well of those are drawn.
const DRAWN_FROM: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_left_out() {
        let mut ggep = Ggep::new();
        assert!(!fit(&mut ggep, "IP", vec![0; 6], 10));
        assert!(fit(&mut ggep, "IP", vec![0; 6], 11));
        assert!(!fit(&mut ggep, "VC", vec![0; 5], 19));
        assert!(fit(&mut ggep, "VC", vec![0; 5], 20));
    }
}
