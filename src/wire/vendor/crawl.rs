//! What crawlers, who draw maps of the network, ask and hear by UDP (LIME/5 and LIME/6).

use std::net::SocketAddrV4;

use bytes::{BufMut, BytesMut};

use super::VendorMessage;

/// LIME/5v1: tell me of your neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crawl {
    /// Of so many ultrapeers; 255 for all.
    pub ultrapeers: u8,
    /// Of so many leaves; 255 for all.
    pub leaves: u8,
    /// What of each, bit by bit: [`Crawl::MINUTES`], [`Crawl::CRAWLED`]. The other bits ask for what we do not tell.
    pub format: u8,
}

/// A neighbour as crawlers hear of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crawled {
    /// Where it listens.
    pub addr: SocketAddrV4,
    /// How long its link has been up.
    pub minutes: u16,
}

impl Crawl {
    /// How long each link has been up.
    pub const MINUTES: u8 = 1;

    /// Only such neighbours as answer crawlers, too.
    pub const CRAWLED: u8 = 4;

    /// Vendor, selector and version, and behind them the counts and the format.
    const FIXED_LEN: usize = 11;

    /// The bits of `format` that we follow.
    const fn told(self) -> u8 {
        self.format & (Self::MINUTES | Self::CRAWLED)
    }

    /// The bytes of a neighbour in the answer.
    const fn entry_len(self) -> usize {
        if self.told() & Self::MINUTES == 0 {
            6
        } else {
            8
        }
    }

    /// How many neighbours an answer whose payload is at most `room` bytes long can tell of.
    pub const fn fit(self, room: usize) -> usize {
        room.saturating_sub(Self::FIXED_LEN) / self.entry_len()
    }

    /// LIME/6v1, the answer: 255 of each kind at most.
    pub fn answer(self, ultrapeers: &[Crawled], leaves: &[Crawled]) -> VendorMessage {
        let [ultrapeers, leaves] =
            [ultrapeers, leaves].map(|all| &all[..all.len().min(u8::MAX.into())]);
        let mut body = BytesMut::new();
        body.put_slice(&[ultrapeers.len() as u8, leaves.len() as u8, self.told()]);
        for one in ultrapeers.iter().chain(leaves) {
            body.put_slice(&one.addr.ip().octets());
            body.put_u16_le(one.addr.port());
            if self.told() & Self::MINUTES != 0 {
                body.put_u16_le(one.minutes);
            }
        }
        VendorMessage {
            vendor: *b"LIME",
            selector: 6,
            version: 1,
            body: body.freeze(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_the_layout_that_limewire_writes() {
        let seen = |last, minutes| Crawled {
            addr: SocketAddrV4::new([1, 2, 3, last].into(), 6346),
            minutes,
        };
        let mut crawl = Crawl {
            ultrapeers: 255,
            leaves: 255,
            format: 0xff,
        };
        let answer = crawl.answer(&[seen(4, 258)], &[seen(5, 0)]).encode();
        let expected = b"LIME\x06\0\x01\0\x01\x01\x05\x01\x02\x03\x04\xca\x18\x02\x01\x01\x02\x03\x05\xca\x18\0\0";
        assert_eq!(answer[..], expected[..]);
        assert_eq!(crawl.fit(answer.len()), 2);
        crawl.format = 0;
        let answer = crawl.answer(&[seen(4, 258); 300], &[]).encode();
        assert_eq!((answer[8], answer[9], answer[10]), (255, 0, 0));
        assert_eq!(answer.len(), 11 + 255 * 6);
        assert_eq!(crawl.fit(answer.len() - 1), 254);
        assert_eq!(crawl.fit(0), 0);
    }
}
