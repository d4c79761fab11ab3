//! Push: "connect to me, I cannot connect to you" (Gnutella 0.6, "Push").

use std::net::SocketAddrV4;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{Ggep, Guid, WireError, address};

/// The payload of a Push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// The servent that is to connect.
    pub servent: Guid,
    /// The file wanted.
    pub index: u32,
    /// Where it is to connect to.
    pub addr: SocketAddrV4,
    /// Extensions.
    pub ggep: Ggep,
}

impl Push {
    /// The payload without extensions: GUID, index, address, port.
    const FIXED_LEN: usize = 26;

    /// One without extensions.
    pub const fn new(servent: Guid, index: u32, addr: SocketAddrV4) -> Self {
        Self {
            servent,
            index,
            addr,
            ggep: Ggep::new(),
        }
    }

    /// The servent GUID of a push payload: its first 16 bytes. All that a relay needs to read.
    pub fn servent_of(payload: &[u8]) -> Option<Guid> {
        Guid::read(payload)
    }

    /// Reads a payload.
    ///
    /// # Errors
    /// [`WireError::Truncated`] below 26 bytes, [`WireError::BadAddress`], and [`WireError::BadGgep`] and kin when extra
    /// bytes are not a GGEP block: gtk-gnutella drops such a push, and one that makes us dial deserves the strict reading.
    pub fn decode(payload: &Bytes) -> Result<Self, WireError> {
        let (mut fixed, tail) = payload
            .split_at_checked(Self::FIXED_LEN)
            .ok_or(WireError::Truncated)?;
        let servent = Self::servent_of(fixed).ok_or(WireError::Truncated)?;
        fixed.advance(servent.0.len());
        let index = fixed.get_u32_le();
        let ip = fixed.get_u32();
        let addr = SocketAddrV4::new(ip.into(), fixed.get_u16_le());
        if !address::is_possible(addr) {
            return Err(WireError::BadAddress);
        }
        Ok(Self {
            servent,
            index,
            addr,
            ggep: Ggep::decode_tail(tail)?,
        })
    }

    /// The payload.
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(Self::FIXED_LEN);
        out.put_slice(&self.servent.0);
        out.put_u32_le(self.index);
        out.put_slice(&self.addr.ip().octets());
        out.put_u16_le(self.addr.port());
        self.ggep.encode(false, &mut out);
        out.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_comes_back_and_a_part_of_it_is_refused() {
        let addr = "1.2.3.4:6346".parse().expect("an address");
        let mut push = Push::new(Guid([7; 16]), 0x0102_0304, addr);
        let plain = push.encode();
        assert_eq!(plain.len(), Push::FIXED_LEN);
        push.ggep.push("TLS", Bytes::new());
        let payload = push.encode();
        assert_eq!(Push::servent_of(&payload), Some(push.servent));
        assert_eq!(Push::decode(&payload), Ok(push));
        for len in 0..Push::FIXED_LEN {
            assert_eq!(Push::decode(&plain.slice(..len)), Err(WireError::Truncated));
        }
    }

    #[test]
    fn nobody_is_sent_to_an_impossible_address() {
        let payload = Bytes::from([&[7; 20][..], &[224, 0, 0, 1, 1, 1]].concat());
        assert_eq!(Push::decode(&payload), Err(WireError::BadAddress));
    }
}
