//! What a handshake ended in.

use std::net::{Ipv4Addr, SocketAddrV4};

use super::{Headers, Role, address};
use crate::wire::Guid;

/// `X-Max-TTL` of a servent that does not say (LimeWire's assumption).
const DEFAULT_MAX_TTL: u8 = 4;

/// `X-Degree` of a servent that does not say (LimeWire's assumption).
const DEFAULT_DEGREE: u32 = 6;

/// The highest `X-Degree` that is believed, twice what any servent known keeps. Whoever claims a million seems to have led
/// a search to everybody once it has been asked, and with that the search would be over.
const MAX_DEGREE: u32 = 128;

/// What a finished handshake agreed on, and what the peer said of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// `0.6`, `0.4`.
    pub version: (u8, u8),
    /// The peer's tier; [`Role::Ultrapeer`] when it names none, for then it relays like everybody did in 0.4.
    pub role: Role,
    /// Ours on this link: what we said, unless guidance made a leaf of us.
    pub ours: Role,
    /// Its `User-Agent`, controls and all: sanitise before showing.
    pub agent: String,
    /// Where it says it listens, the address replaced by the one its packets come from.
    pub listen: Option<SocketAddrV4>,
    /// `Remote-IP`: our address as it sees us.
    pub seen_as: Option<Ipv4Addr>,
    /// `GUID` header.
    pub guid: Option<Guid>,
    /// It inflates: we may send deflated, and we announced it. So all we send from here on must be deflated.
    pub deflate_out: bool,
    /// It deflates what it sends.
    pub deflate_in: bool,
    /// It wants vendor messages.
    pub vendor_messages: bool,
    /// It reads Bye.
    pub bye: bool,
    /// What else it can do.
    pub abilities: Abilities,
    /// `X-Max-TTL`, 4 when it says nothing.
    pub max_ttl: u8,
    /// `X-Degree`, 6 when it says nothing, 128 when it says more.
    pub degree: u32,
    /// `X-Try-Ultrapeers` and `X-Try`.
    pub hosts: Vec<SocketAddrV4>,
}

/// What a servent can do in a network of two tiers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Abilities {
    /// `X-Query-Routing`: it sends the table of its words as a leaf, and reads those of its leaves.
    pub query_routing: bool,
    /// `X-Ultrapeer-Query-Routing`: as an ultrapeer it reads a table of ours for the last hop of queries.
    pub last_hop_routing: bool,
    /// `X-Dynamic-Querying`: it asks link by link on behalf of its leaves.
    pub dynamic_queries: bool,
    /// `X-Ext-Probes`: it passes on the wider copy of a query it first saw as a probe.
    pub wider_probes: bool,
    /// `X-Relay`: it joins the connections of two to whom nobody can connect (our own).
    pub relays: bool,
}

impl Default for Agreement {
    /// With an ultrapeer of 0.6 that says nothing of itself, as an ultrapeer.
    fn default() -> Self {
        Self {
            version: (0, 6),
            role: Role::Ultrapeer,
            ours: Role::Ultrapeer,
            agent: String::new(),
            listen: None,
            seen_as: None,
            guid: None,
            deflate_out: false,
            deflate_in: false,
            vendor_messages: false,
            bye: false,
            abilities: Abilities::default(),
            max_ttl: DEFAULT_MAX_TTL,
            degree: DEFAULT_DEGREE,
            hosts: Vec::new(),
        }
    }
}

impl Agreement {
    /// What a servent of 0.6 or later said of itself, on a link that is not deflated in either direction.
    pub(super) fn read(said: &Headers, remote: SocketAddrV4, ours: Role) -> Self {
        let guid = said.get("GUID").and_then(|text| text.parse().ok());
        Self {
            version: (0, 6),
            role: role(said),
            ours,
            agent: said.get("User-Agent").unwrap_or_default(),
            listen: address::listen(said, *remote.ip()),
            seen_as: address::seen_as(said),
            guid: guid.filter(|&guid| guid != Guid::ZERO),
            deflate_out: false,
            deflate_in: false,
            vendor_messages: said.supports("Vendor-Message"),
            bye: said.supports("Bye-Packet"),
            abilities: Abilities {
                query_routing: said.supports("X-Query-Routing"),
                last_hop_routing: said.supports("X-Ultrapeer-Query-Routing"),
                dynamic_queries: said.supports("X-Dynamic-Querying"),
                wider_probes: said.supports("X-Ext-Probes"),
                relays: said.supports("X-Relay"),
            },
            max_ttl: said
                .number("X-Max-TTL")
                .filter(|&ttl| ttl > 0)
                .unwrap_or(DEFAULT_MAX_TTL),
            degree: said
                .number("X-Degree")
                .unwrap_or(DEFAULT_DEGREE)
                .min(MAX_DEGREE),
            hosts: address::tried(said),
        }
    }

    /// All that can be said of a servent of 0.4: nothing.
    pub(super) fn of_version_0_4(remote: SocketAddrV4) -> Self {
        Self {
            version: (0, 4),
            ..Self::read(&Headers::new(), remote, Role::Ultrapeer)
        }
    }
}

/// The tier a servent says it stands in. `False` in any case is a leaf, and only that.
pub(super) fn role(said: &Headers) -> Role {
    match said.get("X-Ultrapeer") {
        Some(text) if text.eq_ignore_ascii_case("false") => Role::Leaf,
        _ => Role::Ultrapeer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REMOTE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(44, 1, 2, 3), 40_000);

    fn read(text: &str) -> Agreement {
        Agreement::read(&Headers::parse(text.as_bytes()), REMOTE, Role::Leaf)
    }

    #[test]
    fn silence_is_read_as_the_defaults() {
        let expected = Agreement {
            ours: Role::Leaf,
            ..Agreement::default()
        };
        assert_eq!((expected.max_ttl, expected.degree), (4, 6));
        assert_eq!(read(""), expected);
        let nonsense = "X-Max-TTL: 0\nX-Degree: abc\nX-Ultrapeer: no\nVendor-Message: yes\n\
                        Bye-Packet: 0.0\nGUID: 00000000000000000000000000000000\n";
        assert_eq!(read(nonsense), expected);
    }

    #[test]
    fn a_tier_is_named_by_true_or_false_in_any_case() {
        assert_eq!(read("X-Ultrapeer: fALSE").role, Role::Leaf);
        assert_eq!(read("X-Ultrapeer: true").role, Role::Ultrapeer);
        assert_eq!(read("X-Ultrapeer: yes").role, Role::Ultrapeer);
    }
}
