//! The vendor messages we understand, with their bodies read.

use std::net::{Ipv4Addr, SocketAddrV4};

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{Crawl, VendorMessage};
use crate::wire::{Ggep, WireError};

/// No vendor at all: the messages that speak of vendor messages.
const NULL: [u8; 4] = [0; 4];
const BEAR: [u8; 4] = *b"BEAR";
const GTKG: [u8; 4] = *b"GTKG";
const LIME: [u8; 4] = *b"LIME";
/// Our own.
const SRVT: [u8; 4] = *b"SRVT";

/// One entry of MessagesSupported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Supported {
    /// Whose numbering.
    pub vendor: [u8; 4],
    /// Which message.
    pub selector: u16,
    /// Up to which version.
    pub version: u16,
}

/// One entry of FeaturesSupported: a name of four letters, such as `TLS!` or `QRP1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Feature {
    /// Its name.
    pub name: [u8; 4],
    /// Its version.
    pub version: u16,
}

/// What a vendor message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VendorMeaning {
    /// null/0v0: the messages the sender understands.
    MessagesSupported(Vec<Supported>),
    /// null/10v0: what else it can do.
    FeaturesSupported(Vec<Feature>),
    /// BEAR/4v1: send me only queries with fewer hops than this.
    HopsFlow(u8),
    /// BEAR/7v1: connect to this port of mine by TCP, so that I know whether strangers can.
    TcpConnectBack(u16),
    /// GTKG/7v2: send a ping with this message's GUID to this UDP port of mine.
    UdpConnectBack(u16),
    /// BEAR/11v1: how many hits have you for the query of this GUID?
    QueryStatusRequest,
    /// BEAR/12v1: so many; 0xffff asks for the query to end.
    QueryStatus(u16),
    /// LIME/21v1: relay pushes to me; the message's GUID is my servent GUID.
    PushProxyRequest,
    /// LIME/22v2: I will, reachable here.
    PushProxyAck(SocketAddrV4),
    /// GTKG/21v1: you need not relay them any more.
    PushProxyCancel,
    /// LIME/5v1, by UDP: tell me of your neighbours.
    Crawl(Crawl),
    /// LIME/12v2 and v3, by UDP: I hold hits for the query of this GUID.
    OobOffer {
        /// How many (255: at least so many).
        hits: u8,
        /// Whether the holder can be reached unasked (it is not firewalled).
        unsolicited: bool,
    },
    /// LIME/11v2 and v3, by UDP: send me so many of them.
    OobClaim {
        /// How many.
        hits: u8,
        /// The secret that the hits must bear (v3), so that nobody can slip in others'.
        token: Option<Bytes>,
    },
    /// SRVT/1v1: the walkers of the query whose GUID the descriptor bears are to stop ([`crate::wire::WalkStep`]).
    WalkStop,
}

impl VendorMeaning {
    /// What we tell neighbours that we understand, and nothing else: they would send it and wait. Out-of-band hits are
    /// asked for by query flags, not by this.
    pub const SUPPORTED: [Supported; 9] = [
        supported(BEAR, 4, 1),
        supported(BEAR, 7, 1),
        supported(GTKG, 7, 2),
        supported(BEAR, 11, 1),
        supported(BEAR, 12, 1),
        supported(GTKG, 21, 1),
        supported(LIME, 5, 1),
        supported(LIME, 21, 1),
        supported(LIME, 22, 2),
    ];

    /// Reads the body; none for a message we do not know, which is nobody's fault.
    ///
    /// # Errors
    /// [`WireError::BadVendor`] when a known message is too short for what it must hold. Longer is no error: later
    /// versions add to the end.
    pub fn read(message: &VendorMessage) -> Result<Option<Self>, WireError> {
        let mut body = message.body.clone();
        let meaning = match (message.vendor, message.selector, message.version) {
            (NULL, 0, _) => Self::MessagesSupported(list(&mut body, |body| {
                Ok(Supported {
                    vendor: letters(body)?,
                    selector: short(body)?,
                    version: short(body)?,
                })
            })?),
            (NULL, 10, _) => Self::FeaturesSupported(list(&mut body, |body| {
                Ok(Feature {
                    name: letters(body)?,
                    version: short(body)?,
                })
            })?),
            (BEAR, 4, 1..) => Self::HopsFlow(byte(&mut body)?),
            (BEAR, 7, 1..) => Self::TcpConnectBack(short(&mut body)?),
            (GTKG, 7, 2..) => Self::UdpConnectBack(short(&mut body)?),
            (BEAR, 11, 1..) => Self::QueryStatusRequest,
            (BEAR, 12, 1..) => Self::QueryStatus(short(&mut body)?),
            (LIME, 21, 1..) => Self::PushProxyRequest,
            (LIME, 22, 2..) => {
                let address = Ipv4Addr::from(letters(&mut body)?);
                Self::PushProxyAck(SocketAddrV4::new(address, short(&mut body)?))
            }
            (GTKG, 21, 1..) => Self::PushProxyCancel,
            (LIME, 5, 1..) => Self::Crawl(Crawl {
                ultrapeers: byte(&mut body)?,
                leaves: byte(&mut body)?,
                format: byte(&mut body)?,
            }),
            (LIME, 12, 2..) => Self::OobOffer {
                hits: byte(&mut body)?,
                unsolicited: byte(&mut body)? & 1 != 0,
            },
            (LIME, 11, 2..) => Self::OobClaim {
                hits: byte(&mut body)?,
                token: token(&body)?,
            },
            (SRVT, 1, 1..) => Self::WalkStop,
            _ => return Ok(None),
        };
        Ok(Some(meaning))
    }

    /// The message that says it.
    pub fn message(&self) -> VendorMessage {
        let mut body = BytesMut::new();
        let (vendor, selector, version) = match self {
            Self::MessagesSupported(all) => {
                body.put_u16_le(count(all));
                for one in all {
                    body.put_slice(&one.vendor);
                    body.put_u16_le(one.selector);
                    body.put_u16_le(one.version);
                }
                (NULL, 0, 0)
            }
            Self::FeaturesSupported(all) => {
                body.put_u16_le(count(all));
                for one in all {
                    body.put_slice(&one.name);
                    body.put_u16_le(one.version);
                }
                (NULL, 10, 0)
            }
            Self::HopsFlow(hops) => {
                body.put_u8(*hops);
                (BEAR, 4, 1)
            }
            Self::TcpConnectBack(port) => {
                body.put_u16_le(*port);
                (BEAR, 7, 1)
            }
            Self::UdpConnectBack(port) => {
                body.put_u16_le(*port);
                (GTKG, 7, 2)
            }
            Self::QueryStatusRequest => (BEAR, 11, 1),
            Self::QueryStatus(hits) => {
                body.put_u16_le(*hits);
                (BEAR, 12, 1)
            }
            Self::PushProxyRequest => (LIME, 21, 1),
            Self::PushProxyAck(addr) => {
                body.put_slice(&addr.ip().octets());
                body.put_u16_le(addr.port());
                (LIME, 22, 2)
            }
            Self::PushProxyCancel => (GTKG, 21, 1),
            Self::Crawl(crawl) => {
                body.put_slice(&[crawl.ultrapeers, crawl.leaves, crawl.format]);
                (LIME, 5, 1)
            }
            Self::OobOffer { hits, unsolicited } => {
                body.put_slice(&[*hits, u8::from(*unsolicited)]);
                (LIME, 12, 2)
            }
            Self::OobClaim { hits, token } => {
                body.put_u8(*hits);
                let Some(token) = token else {
                    return frame(LIME, 11, 2, body);
                };
                let mut ggep = Ggep::new();
                ggep.push("SO", token.clone());
                ggep.encode(false, &mut body);
                (LIME, 11, 3)
            }
            Self::WalkStop => (SRVT, 1, 1),
        };
        frame(vendor, selector, version, body)
    }
}

const fn supported(vendor: [u8; 4], selector: u16, version: u16) -> Supported {
    Supported {
        vendor,
        selector,
        version,
    }
}

fn frame(vendor: [u8; 4], selector: u16, version: u16, body: BytesMut) -> VendorMessage {
    VendorMessage {
        vendor,
        selector,
        version,
        body: body.freeze(),
    }
}

fn count<T>(all: &[T]) -> u16 {
    u16::try_from(all.len()).expect("we list a handful")
}

fn byte(body: &mut Bytes) -> Result<u8, WireError> {
    body.try_get_u8().map_err(|_| WireError::BadVendor)
}

fn short(body: &mut Bytes) -> Result<u16, WireError> {
    body.try_get_u16_le().map_err(|_| WireError::BadVendor)
}

fn letters(body: &mut Bytes) -> Result<[u8; 4], WireError> {
    let four = body.first_chunk().copied().ok_or(WireError::BadVendor)?;
    body.advance(4);
    Ok(four)
}

/// A count and that many entries. The count is not believed before its entries are there.
fn list<T>(
    body: &mut Bytes,
    entry: impl Fn(&mut Bytes) -> Result<T, WireError>,
) -> Result<Vec<T>, WireError> {
    (0..short(body)?).map(|_| entry(body)).collect()
}

/// The `SO` extension of an out-of-band claim.
fn token(body: &Bytes) -> Result<Option<Bytes>, WireError> {
    if body.is_empty() {
        return Ok(None);
    }
    let (ggep, _) = Ggep::decode(body)?;
    Ok(ggep.get("SO").cloned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_meaning_goes_there_and_back() {
        for meaning in [
            VendorMeaning::MessagesSupported(VendorMeaning::SUPPORTED.to_vec()),
            VendorMeaning::FeaturesSupported(vec![Feature {
                name: *b"QRP1",
                version: 1,
            }]),
            VendorMeaning::HopsFlow(5),
            VendorMeaning::TcpConnectBack(6346),
            VendorMeaning::UdpConnectBack(6346),
            VendorMeaning::QueryStatusRequest,
            VendorMeaning::QueryStatus(0xffff),
            VendorMeaning::PushProxyRequest,
            VendorMeaning::PushProxyAck(SocketAddrV4::new(Ipv4Addr::new(1, 2, 3, 4), 6346)),
            VendorMeaning::PushProxyCancel,
            VendorMeaning::Crawl(Crawl {
                ultrapeers: 1,
                leaves: 2,
                format: 3,
            }),
            VendorMeaning::OobOffer {
                hits: 10,
                unsolicited: true,
            },
            VendorMeaning::OobClaim {
                hits: 10,
                token: None,
            },
            VendorMeaning::OobClaim {
                hits: 255,
                token: Some(Bytes::from_static(&[1, 2, 3, 4])),
            },
        ] {
            let payload = meaning.message().encode();
            let message = VendorMessage::decode(&payload).expect("a vendor message");
            assert_eq!(VendorMeaning::read(&message), Ok(Some(meaning)));
        }
    }

    #[test]
    fn a_count_beyond_the_entries_is_refused() {
        let message = frame(NULL, 0, 0, BytesMut::from(&[0xff, 0xff, 1, 2, 3][..]));
        assert_eq!(VendorMeaning::read(&message), Err(WireError::BadVendor));
    }

    #[test]
    fn strangers_are_nobodys_fault() {
        let message = frame(*b"SNOW", 1, 1, BytesMut::new());
        assert_eq!(VendorMeaning::read(&message), Ok(None));
    }
}
