//! What a push proxy is asked for: `/gnutella/push-proxy?ServerId=<GUID in base32>`, with `X-Node` saying who asks.

use std::net::SocketAddrV4;

use super::{HeadError, Request};
use crate::wire::Guid;

/// A servent is to connect to whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProxyTarget {
    /// Which servent.
    pub servent: Guid,
    /// Which file it is to offer; servents that look for the GUID only send none, which is 0.
    pub index: u32,
}

impl ProxyTarget {
    /// The paths, the one of the proposal first.
    pub(super) const PATHS: [&str; 2] = ["/gnutella/push-proxy?", "/gnutella/pushproxy?"];

    /// Where a servent is asked not to pass the push on but to join the connection with one of the servent (our own).
    pub(super) const RELAY: &str = "/gnutella/relay?";

    /// What a push proxy is asked for.
    pub(in crate::transfer) fn push_path(&self) -> String {
        format!("{}{}", Self::PATHS[0], self.query())
    }

    /// What a relay is asked for.
    pub(in crate::transfer) fn relay_path(&self) -> String {
        format!("{}{}", Self::RELAY, self.query())
    }

    fn query(&self) -> String {
        let servent = data_encoding::BASE32_NOPAD.encode(&self.servent.0);
        format!("ServerId={servent}&file={}", self.index)
    }

    /// Reads what follows the path. LimeWire sends `ServerId` in base32, older servents `guid` in hexadecimal, some a
    /// `file`. Names are compared without regard to case, others are passed over.
    ///
    /// # Errors
    /// [`HeadError::Malformed`] without a GUID, or with a number that is none.
    pub(super) fn parse(query: &str) -> Result<Self, HeadError> {
        let (mut servent, mut index) = (None, 0);
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            match name.to_ascii_lowercase().as_str() {
                "serverid" => servent = from_base32(value),
                "guid" => servent = value.parse().ok(),
                "file" => index = value.parse().map_err(|_| HeadError::Malformed)?,
                _ => {}
            }
        }
        let servent = servent.ok_or(HeadError::Malformed)?;
        Ok(Self { servent, index })
    }

    /// Where the one who asks listens (`X-Node`).
    ///
    /// # Errors
    /// [`HeadError::Malformed`] when he does not say.
    pub fn asker(request: &Request) -> Result<SocketAddrV4, HeadError> {
        let node = request.headers.get("X-Node").map(str::trim);
        let addr = node.and_then(|text| text.parse().ok());
        addr.ok_or(HeadError::Malformed)
    }
}

/// 26 characters of either case, padded or not.
fn from_base32(text: &str) -> Option<Guid> {
    let text = text.trim_end_matches('=').to_ascii_uppercase();
    let bytes = data_encoding::BASE32_NOPAD.decode(text.as_bytes()).ok()?;
    bytes.try_into().ok().map(Guid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_is_read_in_every_spelling() {
        let guid = Guid([7; 16]);
        let base32 = data_encoding::BASE32.encode(&guid.0);
        for (query, index) in [
            (format!("ServerId={base32}"), 0),
            (format!("serverid={}", base32.to_lowercase()), 0),
            (
                format!("ServerID={}&file=9", base32.trim_end_matches('=')),
                9,
            ),
            (format!("tls=true&guid={guid}&x"), 0),
        ] {
            let servent = guid;
            assert_eq!(
                ProxyTarget::parse(&query),
                Ok(ProxyTarget { servent, index })
            );
        }
        for query in ["", "ServerId=", "ServerId=A1", "guid=07", "file=1"] {
            assert_eq!(
                ProxyTarget::parse(query),
                Err(HeadError::Malformed),
                "{query}"
            );
        }
        let query = format!("guid={guid}&file=x");
        assert_eq!(ProxyTarget::parse(&query), Err(HeadError::Malformed));
    }

    #[test]
    fn whoever_asks_says_where_he_listens() {
        let asked = |node| ProxyTarget::asker(&Request::get("/").with("X-Node", node));
        assert_eq!(
            asked("1.2.3.4:5"),
            Ok(SocketAddrV4::new([1, 2, 3, 4].into(), 5))
        );
        assert_eq!(asked("somewhere"), Err(HeadError::Malformed));
        assert_eq!(
            ProxyTarget::asker(&Request::get("/")),
            Err(HeadError::Malformed)
        );
    }
}
