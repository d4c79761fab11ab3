//! Vendor messages between neighbours (section "Vendor messages").
//!
//! The one rule: they concern the two ends of a link. One that was relayed is dropped, one that is not known is nobody's
//! fault.

use crate::time::Time;
use crate::wire::{Descriptor, Guid, Kind, VendorMeaning, VendorMessage};

use super::skills::Skills;
use super::{Outbox, Overlay, Peer, PeerId};

impl Overlay {
    pub(super) fn on_vendor(
        &mut self,
        now: Time,
        from: PeerId,
        what: &Descriptor,
        out: &mut impl Outbox,
    ) {
        let guid = what.header.guid;
        let direct = what.header.ttl <= 1 && what.header.hops == 0;
        let message = VendorMessage::decode(&what.payload);
        let meaning = message.and_then(|message| VendorMeaning::read(&message));
        let (Some(peer), Ok(meaning), true) = (self.peers.get_mut(from), meaning, direct) else {
            self.counts.dropped += 1;
            return;
        };
        match meaning {
            Some(VendorMeaning::MessagesSupported(all)) => {
                peer.skills = Skills::among(&all);
                self.seek_proxies(now, out);
            }
            Some(VendorMeaning::HopsFlow(hops)) => peer.hops_flow = hops,
            Some(VendorMeaning::QueryStatusRequest) => self.tell_status(now, from, guid, out),
            Some(VendorMeaning::QueryStatus(hits)) => self.asking.on_status(from, guid, hits),
            Some(VendorMeaning::PushProxyRequest) => self.become_proxy(now, from, guid, out),
            Some(VendorMeaning::PushProxyCancel) => peer.client = None,
            Some(VendorMeaning::PushProxyAck(addr)) => self.take_proxy(from, guid, addr),
            Some(VendorMeaning::TcpConnectBack(port)) => self.call_back(now, from, port, out),
            Some(VendorMeaning::WalkStop) => self.on_walk_stop(now, from, guid, out),
            Some(VendorMeaning::UdpConnectBack(port)) => self.ping_back(now, from, what, port, out),
            // Nothing follows from what else it can do, and the rest comes by UDP or to nobody who did not ask.
            _ => {}
        }
    }

    /// Says a vendor message to a neighbour that reads them.
    pub(super) fn say(
        &mut self,
        now: Time,
        to: PeerId,
        guid: Guid,
        meaning: &VendorMeaning,
        out: &mut impl Outbox,
    ) {
        let reads = |to| Some(self.peers.get(to)?.who.agreement.vendor_messages);
        if reads(to) == Some(true) {
            let kind = Kind::Vendor { standard: false };
            let payload = meaning.message().encode();
            self.send(now, to, Descriptor::new(guid, kind, 1, payload), out);
        }
    }

    /// An ultrapeer that asks for us wants to know whether it may stop.
    fn tell_status(&mut self, now: Time, from: PeerId, guid: Guid, out: &mut impl Outbox) {
        let search = self.searches.iter().find(|search| search.guid == guid);
        // One that has ended wants no more.
        let hits = search.map_or(NO_MORE, |search| {
            u16::try_from(search.hits).unwrap_or(NO_MORE - 1)
        });
        self.say(now, from, guid, &VendorMeaning::QueryStatus(hits), out);
    }

    /// A leaf whose upload slots are all taken wants no queries: whatever it could answer would be refused. It tells
    /// its ultrapeers (BEAR/4, as LimeWire does), and tells them again when it takes all.
    pub(super) fn tell_flow(&mut self, now: Time, out: &mut impl Outbox) {
        let hops = match self.is_leaf() && self.sharing.busy {
            true => 0,
            false => u8::MAX,
        };
        let told_otherwise = |peer: &&mut Peer| peer.skills.hops_flow && peer.flow_told != hops;
        let mut news = Vec::new();
        for peer in self.peers.iter_mut().filter(told_otherwise) {
            peer.flow_told = hops;
            news.push(peer.id);
        }
        for to in news {
            let guid = Guid::random(&mut self.rng);
            self.say(now, to, guid, &VendorMeaning::HopsFlow(hops), out);
        }
    }
}

/// The status that ends a query (BEAR/12).
pub(super) const NO_MORE: u16 = u16::MAX;
