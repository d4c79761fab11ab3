//! The first bytes on an accepted socket: one port serves everything, and they say what is wanted.

/// What a connection turns out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// `GNUTELLA `: the handshake of a link.
    Link,
    /// `GET ` or `HEAD `: somebody wants a file.
    Http,
    /// `GET` with a nick right behind: a Napster peer wants a file.
    Fetch,
    /// `SEND`: a Napster peer brings one.
    Bring,
    /// `GETLIST`: a Napster peer wants to know what we share.
    List,
    /// `SENDLIST`: a Napster peer tells what it does.
    Listed,
    /// `GIV `: the answer to a Push of ours.
    Giv,
    /// `CONNECT ` (LimeWire) or two line feeds (gtk-gnutella): somebody tries whether we can be reached. We can; that
    /// is all there is to it.
    Probe,
    /// Anything else.
    Junk,
}

/// The longest word: more bytes than this are never needed to tell.
pub(super) const LONGEST: usize = 9;

const WORDS: [(&[u8], Word); 6] = [
    (b"GNUTELLA ", Word::Link),
    (b"GET ", Word::Http),
    (b"HEAD ", Word::Http),
    (b"GIV ", Word::Giv),
    (b"CONNECT ", Word::Probe),
    (b"\n\n", Word::Probe),
];

/// What [`Word::Bring`] is.
pub(super) const BRING: &[u8] = b"SEND";

/// What [`Word::Fetch`] begins with.
pub(super) const FETCH: &[u8] = b"GET";

/// What [`Word::Listed`] is. A nick that begins as it goes on behind [`BRING`] has more behind that.
pub(super) const BRING_LIST: &[u8] = b"SENDLIST";

/// What [`Word::List`] is.
pub(super) const FETCH_LIST: &[u8] = b"GETLIST";

impl Word {
    /// What `bytes` begin with; none while they may still become a word.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        if let Some((_, word)) = WORDS.iter().find(|(word, _)| bytes.starts_with(word)) {
            return Some(*word);
        }
        let napster = [
            (FETCH, Self::Fetch, FETCH_LIST, Self::List),
            (BRING, Self::Bring, BRING_LIST, Self::Listed),
        ];
        for (word, one, list, all) in napster {
            match (bytes.strip_prefix(list), bytes.strip_prefix(word)) {
                (Some([next, ..]), _) if next.is_ascii_graphic() => return Some(one),
                (Some(_), _) => return Some(all),
                _ if list.starts_with(bytes) => return None,
                (_, Some([next, ..])) if next.is_ascii_graphic() => return Some(one),
                (_, Some(_)) => return Some(Self::Junk),
                (_, None) => {}
            }
        }
        let unfinished = WORDS.iter().any(|(word, _)| word.starts_with(bytes));
        (!unfinished).then_some(Self::Junk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_known_as_soon_as_it_is_whole() {
        for (text, word) in WORDS {
            for end in 0..text.len() {
                assert_eq!(Word::read(&text[..end]), None, "{text:?} cut at {end}");
            }
            assert_eq!(Word::read(text), Some(word));
            assert_eq!(Word::read(&[text, b"and more"].concat()), Some(word));
            assert!(text.len() <= LONGEST);
        }
    }

    #[test]
    fn one_file_or_all_of_them() {
        for (text, word) in [
            (&b"GETtekb \"x\" 0"[..], Some(Word::Fetch)),
            (b"GETL", None),
            (b"GETLena \"x\" 0", Some(Word::Fetch)),
            (b"GETLIST", Some(Word::List)),
            (b"GETLIST\n", Some(Word::List)),
            (b"GETLISTener \"x\" 0", Some(Word::Fetch)),
            (b"SEND", None),
            (b"SENDfwall", Some(Word::Bring)),
            (b"SENDLIST\n", Some(Word::Listed)),
            (b"SENDLIST tekb\n", Some(Word::Listed)),
            (b"SENDLISTener \"x\" 7", Some(Word::Bring)),
        ] {
            assert_eq!(Word::read(text), word, "{text:?}");
        }
    }

    #[test]
    fn junk_is_known_at_its_first_wrong_byte() {
        for junk in [
            &b"X"[..],
            b"GE7",
            b"GNUTELLA\r",
            b"\x16\x03\x01",
            b"\n ",
            b"get ",
        ] {
            assert_eq!(Word::read(junk), Some(Word::Junk), "{junk:?}");
        }
    }
}
