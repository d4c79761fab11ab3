//! What we say of ourselves.

use std::net::SocketAddrV4;

use super::{Headers, Refusal, Role, address};
use crate::wire::Guid;

/// The least `X-Degree` with which strangers take a servent for an ultrapeer worth having: a gtk-gnutella leaf
/// answers less with "403 High Outdegree and Dynamic Querying Required"; LimeWire asks for 15.
pub const WELCOME_DEGREE: u32 = 16;

/// The highest `X-Max-TTL` of what LimeWire calls a good ultrapeer; others get few slots or none.
pub const WELCOME_TTL: u8 = 4;

/// What we say of ourselves in every handshake.
#[derive(Clone, Debug)]
pub struct Greeting {
    /// `User-Agent`.
    pub agent: String,
    /// Our servent GUID.
    pub guid: Guid,
    /// `X-Ultrapeer`.
    pub role: Role,
    /// Whether, calling as an ultrapeer, we become the leaf of an answerer that needs no more ultrapeers.
    pub guidable: bool,
    /// `Listen-IP`: where we listen, once known. An address nobody can dial (0.0.0.0, port 0) is not said.
    pub listen: Option<SocketAddrV4>,
    /// `X-Degree`: neighbours we keep in our tier. Below [`WELCOME_DEGREE`] many will not have us.
    pub degree: u32,
    /// `X-Max-TTL`: the highest TTL of fresh queries we want. Above [`WELCOME_TTL`] many will not have us.
    pub max_ttl: u8,
    /// Whether we offer and take deflated links.
    pub deflate: bool,
    /// `X-Relay`, as an ultrapeer: we join the connections of two to whom nobody can connect.
    pub relays: bool,
}

impl Greeting {
    /// The headers of group 1, and of a group 2 that agrees.
    ///
    /// LimeWire's line limits (30 headers of 1,024 bytes) are far away; a test watches.
    pub(super) fn headers(&self, remote: SocketAddrV4) -> Headers {
        let mut headers = self.names(remote);
        headers.push("GUID", self.guid);
        if let Some(listen) = self.listen.filter(address::is_possible) {
            // Without it gtk-gnutella takes every second servent behind one address for the first one ("409").
            headers.push("Listen-IP", listen);
        }

        // Peers give no slot, or no full one, to a servent without these four. 0.1 and not 0.2: we send no one-bit
        // patches and ask for none; gtk-gnutella says Bye to a version it does not know.
        headers.push("X-Query-Routing", "0.1");
        headers.push("X-Ultrapeer-Query-Routing", "0.1");
        // gtk-gnutella also shortens the TTL of queries relayed by a servent without it.
        headers.push("X-Dynamic-Querying", "0.1");
        if self.role == Role::Ultrapeer {
            // A leaf relays nothing, so nothing wider either.
            headers.push("X-Ext-Probes", "0.1");
            if self.relays {
                headers.push("X-Relay", "0.1");
            }
        }
        headers.push("X-Degree", self.degree);
        headers.push("X-Max-TTL", self.max_ttl);
        // Kept to the letter: we never repeat a search by ourselves. LimeWire asks it of leaves that are not LimeWire.
        headers.push("X-Requeries", "False");
        // We send MessagesSupported first of all; gtk-gnutella ignores the queries of those who say this and do not.
        headers.push("Vendor-Message", "0.2");
        headers.push("GGEP", "0.5");
        headers.push("Pong-Caching", "0.1");
        headers.push("Bye-Packet", "0.1");
        // Not X-Guess: we answer no queries over UDP.

        if self.deflate {
            // The one word, because LimeWire compares the items of a list with their spaces.
            headers.push("Accept-Encoding", "deflate");
        }
        headers
    }

    /// Who speaks to whom in which tier: the part that a refusal has, too.
    pub(super) fn names(&self, remote: SocketAddrV4) -> Headers {
        let mut headers = Headers::new();
        headers.push("User-Agent", &self.agent);
        headers.push("Remote-IP", remote.ip());
        // LimeWire refuses whoever names no tier.
        headers.push("X-Ultrapeer", boolean(self.role == Role::Ultrapeer));
        headers
    }

    /// Why we cannot be the neighbour of somebody who says this of itself.
    pub(super) fn objection(&self, said: &Headers, role: Role) -> Option<Refusal> {
        let is_gnutella = |word| said.lists("Accept", word);
        if said.get("GUID").and_then(|text| text.parse().ok()) == Some(self.guid) {
            Some(Refusal::ours(409, "Connected to myself"))
        } else if said.get("Accept").is_some()
            && !is_gnutella("application/x-gnutella-packets")
            && !is_gnutella("application/x-gnutella")
        {
            // A servent of Gnutella 2 names its own type and not ours.
            Some(Refusal::ours(406, "Protocol not acceptable"))
        } else if self.role == Role::Leaf && role == Role::Leaf {
            Some(Refusal::ours(503, "We're leaves"))
        } else {
            None
        }
    }
}

/// As all servents spell it.
pub(super) const fn boolean(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}
