//! Ping and Pong (Gnutella 0.6, "Ping", "Pong"; pong caching).

use std::net::SocketAddrV4;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{Ggep, WireError, address, ggep};

/// The payload of a Ping: nothing, or one GGEP block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ping {
    /// Its extensions.
    pub ggep: Ggep,
}

/// The payload of a Pong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pong {
    /// Where the servent listens.
    pub addr: SocketAddrV4,
    /// How many files it shares.
    pub files: u32,
    /// How many KiB it shares, as sent (ultrapeers round to powers of two).
    pub kib: u32,
    /// Its extensions.
    pub ggep: Ggep,
}

impl Ping {
    /// Reads a payload. What follows the block is ignored: LimeWire writes one NUL there.
    ///
    /// # Errors
    /// [`WireError::BadGgep`] and kin: extra bytes are not a GGEP block. gtk-gnutella drops such a ping too; LimeWire
    /// would answer it, but no servent sends it.
    pub fn decode(payload: &Bytes) -> Result<Self, WireError> {
        Ggep::decode_tail(payload).map(|ggep| Self { ggep })
    }

    /// The payload.
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::new();
        self.ggep.encode(false, &mut out);
        out.freeze()
    }
}

impl Pong {
    /// The payload without extensions: port, address, files, KiB.
    pub const FIXED_LEN: usize = 14;

    /// An ultrapeer rounds its KiB to a power of two no smaller than this, so that pongs tell it from leaves.
    const SMALLEST_MARK: u32 = 8;

    /// Whether the KiB are marked as an ultrapeer's.
    pub const fn is_ultrapeer(&self) -> bool {
        self.kib >= Self::SMALLEST_MARK && self.kib.is_power_of_two()
    }

    /// The hosts it names besides itself (GGEP `IPP`).
    pub fn hosts(&self) -> Vec<SocketAddrV4> {
        let packed = self.ggep.get("IPP");
        let mut hosts = packed
            .and_then(|packed| address::unpack(packed))
            .unwrap_or_default();
        hosts.retain(|&host| address::is_possible(host));
        hosts
    }

    /// Reads a payload. Extra bytes that do not begin a GGEP block are ignored as in LimeWire; gtk-gnutella drops the
    /// pong, but its address is as good as any.
    ///
    /// # Errors
    /// [`WireError::Truncated`] below 14 bytes, [`WireError::BadAddress`] for an address nobody has or a list of them
    /// that is cut short, [`WireError::BadGgep`] and kin.
    pub fn decode(payload: &Bytes) -> Result<Self, WireError> {
        let mut fixed = payload.get(..Self::FIXED_LEN).ok_or(WireError::Truncated)?;
        let port = fixed.get_u16_le();
        let addr = SocketAddrV4::new(fixed.get_u32().into(), port);
        let files = fixed.get_u32_le();
        let kib = fixed.get_u32_le();
        let ggep = match &payload[Self::FIXED_LEN..] {
            tail @ [ggep::MAGIC, ..] => Ggep::decode_tail(tail)?,
            _ => Ggep::new(),
        };
        let is_cut = ggep.get("IPP").is_some_and(|packed| packed.len() % 6 != 0);
        if is_cut || !address::is_possible(addr) {
            return Err(WireError::BadAddress);
        }
        Ok(Self {
            addr,
            files,
            kib,
            ggep,
        })
    }

    /// The payload.
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(Self::FIXED_LEN);
        out.put_u16_le(self.addr.port());
        out.put_slice(&self.addr.ip().octets());
        out.put_u32_le(self.files);
        out.put_u32_le(self.kib);
        self.ggep.encode(false, &mut out);
        out.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pong() -> Pong {
        Pong {
            addr: "1.2.3.4:6346".parse().expect("an address"),
            files: 7,
            kib: 1024,
            ggep: Ggep::new(),
        }
    }

    #[test]
    fn a_ping_is_empty_or_a_block() {
        assert_eq!(Ping::decode(&Bytes::new()), Ok(Ping::default()));
        assert!(Ping::default().encode().is_empty());
        let with_nul = Bytes::from_static(b"\xc3\x83SCP\x41\x01\0");
        let ping = Ping::decode(&with_nul).expect("LimeWire's ping");
        assert_eq!(ping.ggep.number("SCP"), Some(1));
        assert_eq!(ping.encode(), with_nul[..7]);
        let junk = Bytes::from_static(b"junk");
        assert_eq!(Ping::decode(&junk), Err(WireError::BadGgep));
    }

    #[test]
    fn a_pong_keeps_numbers_and_extensions() {
        let mut pong = pong();
        pong.ggep
            .push("IPP", vec![5, 6, 7, 8, 0xca, 0x18, 0, 6, 7, 8, 1, 1]);
        assert_eq!(Pong::decode(&pong.encode()), Ok(pong.clone()));
        let hosts = ["5.6.7.8:6346".parse().expect("an address")];
        assert_eq!(pong.hosts(), hosts, "the impossible second one is left out");
    }

    #[test]
    fn only_a_power_of_two_marks_an_ultrapeer() {
        let marked = |kib| Pong { kib, ..pong() }.is_ultrapeer();
        assert!(marked(8) && marked(1 << 31));
        assert!(!marked(0) && !marked(4) && !marked(1000));
    }

    #[test]
    fn pongs_too_short_are_refused() {
        let payload = pong().encode();
        for len in 0..payload.len() {
            assert_eq!(
                Pong::decode(&payload.slice(..len)),
                Err(WireError::Truncated)
            );
        }
    }
}
