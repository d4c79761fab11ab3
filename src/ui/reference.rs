//! What `get` can be asked for: numbers of results, a urn, a magnet link.

use std::fmt;
use std::net::SocketAddrV4;
use std::ops::RangeInclusive;
use std::str::FromStr;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use crate::wire::{Sha1, TigerRoot, Urn};

/// A file, as a user names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reference {
    /// These results: `3` or `1-3`.
    Numbers(RangeInclusive<usize>),
    /// This content.
    Content(Content),
}

/// A content by its digest, with what a magnet link may add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Content {
    /// The digest.
    pub(super) sha1: Sha1,
    /// The root of its hash tree, where a link says that too: whoever gave the link is believed, other than those who share.
    pub(super) root: Option<TigerRoot>,
    /// `dn`: its name.
    pub(super) name: Option<String>,
    /// `xl`: its size in bytes.
    pub(super) size: Option<u64>,
    /// `xs` and `as`: a servent that has it.
    pub(super) source: Option<SocketAddrV4>,
}

/// As a magnet link, all of it: others take what they know.
impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let urn = Urn::Sha1(self.sha1);
        match self.root {
            Some(root) => write!(f, "magnet:?xt={}", Urn::Bitprint(self.sha1, root))?,
            None => write!(f, "magnet:?xt={urn}")?,
        }
        if let Some(name) = &self.name {
            write!(f, "&dn={}", encoded(name))?;
        }
        if let Some(size) = self.size {
            write!(f, "&xl={size}")?;
        }
        match self.source {
            Some(addr) => write!(
                f,
                "&xs={}",
                encoded(&format!("http://{addr}/uri-res/N2R?{urn}"))
            ),
            None => Ok(()),
        }
    }
}

impl FromStr for Reference {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let lower = text.to_ascii_lowercase();
        if lower.starts_with("magnet:") {
            return magnet(text).map(Self::Content);
        }
        if lower.starts_with("urn:") {
            let urn: Urn = text
                .parse()
                .map_err(|_| format!("`{text}` is not a urn:sha1: with its 32 characters"))?;
            return Ok(Self::Content(Content::bare(urn)));
        }
        numbers(text).map(Self::Numbers).ok_or_else(|| {
            format!("`{text}` is no number of a result, no range like 1-3, no urn:sha1: and no magnet: link")
        })
    }
}

impl Content {
    const fn bare(urn: Urn) -> Self {
        Self {
            sha1: urn.sha1(),
            root: match urn {
                Urn::Bitprint(_, root) => Some(root),
                Urn::Sha1(_) => None,
            },
            name: None,
            size: None,
            source: None,
        }
    }
}

fn numbers(text: &str) -> Option<RangeInclusive<usize>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (1..=last).contains(&first).then_some(first..=last)
}

/// Reads a magnet link: `xt` is the content, `dn`, `xl`, `xs` and `as` help to get it; the rest is not for us.
fn magnet(text: &str) -> Result<Content, String> {
    let link =
        Url::parse(text).map_err(|error| format!("the magnet link is malformed: {error}"))?;
    let all = |key: &'static str| {
        link.query_pairs()
            .filter(move |(name, _)| name == key || name.starts_with(&format!("{key}.")))
            .map(|(_, value)| value.into_owned())
    };
    let urns: Vec<Urn> = all("xt").filter_map(|topic| topic.parse().ok()).collect();
    // A bitprint says all there is to say; a SHA-1 and a tree in two topics say the same.
    let urn = urns
        .iter()
        .find(|urn| matches!(urn, Urn::Bitprint(..)))
        .or_else(|| urns.first());
    let root = all("xt").find_map(|topic| tree_root(&topic));
    let urn = *urn.ok_or(match root {
        Some(_) => "the magnet link names a hash tree only, and Gnutella finds files by SHA-1",
        None => {
            "the magnet link names no urn:sha1: or urn:bitprint:, the only contents Gnutella knows"
        }
    })?;
    let bare = Content::bare(urn);
    if let (Some(one), Some(other)) = (bare.root, root)
        && one != other
    {
        return Err("the magnet link names two hash trees, and a file has one".to_owned());
    }
    let source = all("xs")
        .chain(all("as"))
        .find_map(|source| servent_of(&source));
    Ok(Content {
        name: all("dn").next(),
        size: all("xl").find_map(|size| size.parse().ok()),
        source,
        root: bare.root.or(root),
        ..bare
    })
}

/// The root in a topic that names a file by its hash tree: `urn:tree:tiger:`, with a mark of its kind in older links.
fn tree_root(topic: &str) -> Option<TigerRoot> {
    let (kind, root) = topic.rsplit_once(':')?;
    let kind = kind.to_ascii_lowercase();
    [
        "urn:tree:tiger",
        "urn:tree:tiger/",
        "urn:tree:tiger/1024",
        "urn:ttroot",
    ]
    .contains(&kind.as_str())
    .then(|| root.parse().ok())?
}

/// The servent an `http://1.2.3.4:6346/…` source stands for.
fn servent_of(source: &str) -> Option<SocketAddrV4> {
    let url = Url::parse(source).ok()?;
    match (url.scheme(), url.host()?) {
        ("http", url::Host::Ipv4(ip)) => Some(SocketAddrV4::new(ip, url.port_or_known_default()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "PLSTHIPQGSSZTS5FJUPAKUZWUGYQYPFB";

    #[test]
    fn numbers_and_ranges() {
        let read = |text: &str| text.parse::<Reference>();
        assert_eq!(read("3"), Ok(Reference::Numbers(3..=3)));
        assert_eq!(read("1-3"), Ok(Reference::Numbers(1..=3)));
        for bad in ["0", "3-1", "-1", "1-", "", "x", "99999999999999999999999"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_link_that_is_written_is_read_again() {
        let whole = Content {
            sha1: DIGEST.parse().expect("a digest"),
            root: Some(TigerRoot([7; 24])),
            name: Some("50 % &more=+#?.txt \u{1b}[31m é 猫".to_owned()),
            size: Some(7),
            source: "10.0.0.1:6347".parse().ok(),
        };
        let bare = Content {
            root: None,
            name: None,
            size: None,
            source: None,
            ..whole
        };
        for content in [whole, bare] {
            let link = content.to_string();
            assert!(link.bytes().all(|byte| byte.is_ascii_graphic()), "{link}");
            assert_eq!(link.parse(), Ok(Reference::Content(content)));
        }
    }

    #[test]
    fn a_link_may_name_the_hash_tree_beside_the_digest() {
        let (root, other) = (TigerRoot([7; 24]), TigerRoot([8; 24]));
        let read = |topics: &str| match format!("magnet:?{topics}").parse() {
            Ok(Reference::Content(content)) => Ok((content.sha1.to_string(), content.root)),
            Ok(Reference::Numbers(_)) => panic!("no number"),
            Err(why) => Err(why),
        };
        let sha1 = format!("xt.1=urn:sha1:{DIGEST}");
        for kind in ["tree:tiger:", "tree:tiger/:", "TREE:TIGER/1024:", "ttroot:"] {
            let link = format!("xt.2=urn:{kind}{root}&{sha1}");
            assert_eq!(read(&link), Ok((DIGEST.to_owned(), Some(root))), "{link}");
        }
        let bitprint = format!("xt.2=urn:bitprint:{DIGEST}.{root}");
        let both = Ok((DIGEST.to_owned(), Some(root)));
        assert_eq!(read(&format!("{sha1}&{bitprint}")), both);
        assert!(read(&format!("xt=urn:tree:tiger:{root}")).is_err_and(|why| why.contains("SHA-1")));
        let two = format!("{bitprint}&xt.3=urn:tree:tiger:{other}");
        assert!(read(&two).is_err_and(|why| why.contains("two hash trees")));
    }

    #[test]
    fn a_magnet_link_is_read_for_all_it_says() {
        let link = format!(
            "magnet:?dn=Ace%20of%20Spades.mp3&xl=42&xt.1=urn:btih:abc&xt.2=urn:sha1:{DIGEST}\
             &xs=http://10.0.0.1:6347/uri-res/N2R?urn:sha1:{DIGEST}"
        );
        let Ok(Reference::Content(content)) = link.parse() else {
            panic!("a good link");
        };
        assert_eq!(content.sha1.to_string(), DIGEST);
        assert_eq!(content.name.as_deref(), Some("Ace of Spades.mp3"));
        assert_eq!(content.size, Some(42));
        assert_eq!(content.source, "10.0.0.1:6347".parse().ok());
        assert_eq!(content.root, None);
        assert!("magnet:?dn=x".parse::<Reference>().is_err());
        assert!("urn:sha1:short".parse::<Reference>().is_err());
    }
}
