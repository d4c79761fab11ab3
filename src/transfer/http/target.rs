//! What a request asks for.

use percent_encoding::percent_decode_str;

use super::{HeadError, ProxyTarget};
use crate::wire::Urn;

/// The target of a request, read from its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `/uri-res/N2R?urn:…`: the file of this digest.
    Content(Urn),
    /// `/uri-res/N2X?urn:…`: its hash tree.
    Tree(Urn),
    /// `/get/<index>/<name>`: a file by its number.
    Indexed {
        /// The number.
        index: u32,
        /// The name, as sent; [`Target::names`] compares it.
        name: String,
    },
    /// `/gnutella/push-proxy?…`: that a servent we know connect to whoever asks.
    PushProxy(ProxyTarget),
    /// A connection to a servent to which neither of us can connect: `/gnutella/relay?ServerId=`.
    Relay(ProxyTarget),
    /// `/`: what is shared here.
    Root,
    /// Anything else: nothing of ours.
    Unknown,
}

impl Target {
    /// Reads a path, `http://host` before it or not. Its fixed words are compared without regard to case.
    ///
    /// # Errors
    /// [`HeadError::Malformed`] when it begins like a URN or an index, and is none.
    pub fn parse(path: &str) -> Result<Self, HeadError> {
        let path = strip_prefix(path, "http://").map_or(path, |rest| {
            rest.find('/').map_or("/", |slash| &rest[slash..])
        });
        let urn = |text: &str| text.parse::<Urn>().map_err(|_| HeadError::Malformed);
        if let Some(text) = strip_prefix(path, "/uri-res/N2R?") {
            Ok(Self::Content(urn(text)?))
        } else if let Some(text) = strip_prefix(path, "/uri-res/N2X?") {
            Ok(Self::Tree(urn(text)?))
        } else if let Some(rest) = strip_prefix(path, "/get/") {
            let (index, name) = rest.split_once('/').ok_or(HeadError::Malformed)?;
            let index = index.parse().map_err(|_| HeadError::Malformed)?;
            let name = name.to_owned();
            Ok(Self::Indexed { index, name })
        } else if let Some(query) = ProxyTarget::PATHS
            .iter()
            .find_map(|proxy| strip_prefix(path, proxy))
        {
            Ok(Self::PushProxy(ProxyTarget::parse(query)?))
        } else if let Some(query) = strip_prefix(path, ProxyTarget::RELAY) {
            Ok(Self::Relay(ProxyTarget::parse(query)?))
        } else if path == "/" {
            Ok(Self::Root)
        } else {
            Ok(Self::Unknown)
        }
    }

    /// Whether `asked`, percent-encoded or raw, with or without the slash Gnutella 0.4 ends it with, means `name`.
    pub fn names(asked: &str, name: &str) -> bool {
        let means = |asked: &str| asked == name || percent_decode_str(asked).eq(name.bytes());
        means(asked) || asked.strip_suffix('/').is_some_and(means)
    }
}

/// What follows `prefix`, which is compared without regard to case.
fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_apart() {
        assert_eq!(Target::parse("/"), Ok(Target::Root));
        assert_eq!(Target::parse("HTTP://a:1"), Ok(Target::Root));
        assert_eq!(Target::parse("http://a:1/favicon.ico"), Ok(Target::Unknown));
        assert_eq!(Target::parse("/uri-res/"), Ok(Target::Unknown));
        assert_eq!(Target::parse("/gnutella/x"), Ok(Target::Unknown));
        let proxy = "/Gnutella/PushProxy?guid=01020304050607080910111213141516";
        assert!(matches!(Target::parse(proxy), Ok(Target::PushProxy(_))));
        let (servent, index) = (crate::wire::Guid([7; 16]), 3);
        let asked = ProxyTarget { servent, index };
        assert_eq!(
            Target::parse(&asked.push_path()),
            Ok(Target::PushProxy(asked))
        );
        assert_eq!(Target::parse(&asked.relay_path()), Ok(Target::Relay(asked)));
        let (index, name) = (7, "a/b".to_owned());
        assert_eq!(
            Target::parse("/GET/7/a/b"),
            Ok(Target::Indexed { index, name })
        );
        for path in [
            "/get/",
            "/get/x/y",
            "/get/-1/y",
            "/get/4294967296/y",
            "/get/7",
        ] {
            assert_eq!(Target::parse(path), Err(HeadError::Malformed), "{path}");
        }
    }

    #[test]
    fn a_name_is_known_encoded_and_raw() {
        let name = "Çafé 100%.mp3";
        for asked in [
            "Çafé 100%.mp3",
            "%C3%87af%c3%a9%20100%25.mp3",
            "Çafé 100%.mp3/",
        ] {
            assert!(Target::names(asked, name), "{asked}");
        }
        for asked in ["", "Çafé", "Çafé 100%.mp3//", "çafé 100%.mp3"] {
            assert!(!Target::names(asked, name), "{asked}");
        }
    }
}
