//! The trailer of a hit, "extended query hit descriptor" (EQHD): vendor, flags, GGEP, XML.
//!
//! Vendor (4 bytes), the length of the open area, the open area, and the vendor's private area. The open area has two
//! flag bytes: the first says which of bits 2 to 5 mean anything and the second what they are. For bit 0 it is the other
//! way round: the second byte says whether it means anything and the first what it is.

use std::net::SocketAddrV4;

use bytes::{BufMut, BytesMut};

use super::inflate::Budget;
use super::{Ggep, WireError, address, ggep};

/// What the trailer of a hit says: what is unset is not said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trailer {
    /// Four letters: `SRVT` is ours.
    pub vendor: [u8; 4],
    /// It cannot be connected to.
    pub push: Option<bool>,
    /// All its upload slots are taken.
    pub busy: Option<bool>,
    /// It has uploaded a file to somebody.
    pub uploaded: Option<bool>,
    /// Its speed was measured.
    pub measured: Option<bool>,
    /// Its extensions: `BH` browse host, `PUSH` proxies, ...
    pub ggep: Ggep,
}

/// The most hosts that are read from a list; servents name four at most.
const MOST_HOSTS: usize = 8;

const PUSH: u8 = 0x01;
const BUSY: u8 = 0x04;
const UPLOADED: u8 = 0x08;
const MEASURED: u8 = 0x10;
const GGEP: u8 = 0x20;

/// Open area: the two flag bytes, as gtk-gnutella writes it. LimeWire adds the length of the XML.
const OPEN_LEN: u8 = 2;

impl Trailer {
    /// Who passes pushes on to it (GGEP `PUSH`); nobody where the list is malformed.
    pub fn proxies(&self) -> Vec<SocketAddrV4> {
        self.hosts("PUSH")
    }

    /// Who of these also joins it with somebody to whom it cannot connect (GGEP `RELAY`, our own).
    pub fn relays(&self) -> Vec<SocketAddrV4> {
        self.hosts("RELAY")
    }

    fn hosts(&self, id: &str) -> Vec<SocketAddrV4> {
        let listed = self.ggep.get(id).and_then(|bytes| address::unpack(bytes));
        let mut hosts = listed.unwrap_or_default();
        hosts.truncate(MOST_HOSTS);
        hosts
    }

    /// Reads what stands between the last record and the servent GUID. Nothing at all is a trailer that says nothing.
    ///
    /// The GGEP block is looked for, as in LimeWire, whose private area begins with a byte about chat; one that is
    /// malformed counts as none. XML is passed over.
    ///
    /// # Errors
    /// [`WireError::BadHit`] when it ends before its open area does.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        Self::decode_within(bytes, &mut Budget::new())
    }

    /// [`Trailer::decode`] behind the records of a hit.
    pub(super) fn decode_within(bytes: &[u8], budget: &mut Budget) -> Result<Self, WireError> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let (&vendor, rest) = bytes.split_first_chunk().ok_or(WireError::BadHit)?;
        let (&open_len, rest) = rest.split_first().ok_or(WireError::BadHit)?;
        let (open, private) = rest
            .split_at_checked(open_len.into())
            .ok_or(WireError::BadHit)?;
        let flags = Flags::read(open);
        let mut ggep = Ggep::new();
        if flags.get(GGEP) == Some(true) {
            let xml_len = match *open {
                [_, _, low, high, ..] => u16::from_le_bytes([low, high]).into(),
                _ => 0,
            };
            // An XML length that cannot be true is no reason to miss the block.
            let end = private.len().checked_sub(xml_len).unwrap_or(private.len());
            let start = private[..end].iter().position(|&byte| byte == ggep::MAGIC);
            if let Some(start) = start
                && let Ok((found, _)) = Ggep::decode_within(&private[start..end], budget)
            {
                ggep = found;
            }
        }
        Ok(Self {
            vendor,
            push: flags.push(),
            busy: flags.get(BUSY),
            uploaded: flags.get(UPLOADED),
            measured: flags.get(MEASURED),
            ggep,
        })
    }

    /// Appends the trailer.
    pub fn encode(&self, out: &mut BytesMut) {
        let mut flags = Flags::default();
        flags.set(BUSY, self.busy);
        flags.set(UPLOADED, self.uploaded);
        flags.set(MEASURED, self.measured);
        flags.set(GGEP, (!self.ggep.is_empty()).then_some(true));
        flags.set_push(self.push);
        out.put_slice(&self.vendor);
        out.put_u8(OPEN_LEN);
        out.put_u8(flags.first);
        out.put_u8(flags.second);
        self.ggep.encode(false, out);
    }
}

/// The two flag bytes.
#[derive(Default)]
struct Flags {
    first: u8,
    second: u8,
}

impl Flags {
    /// The flags of an open area. With one byte alone only "push" can be said, and only yes.
    fn read(open: &[u8]) -> Self {
        match *open {
            [] => Self::default(),
            [first] => Self {
                first: first & PUSH,
                second: first & PUSH,
            },
            [first, second, ..] => Self { first, second },
        }
    }

    const fn get(&self, flag: u8) -> Option<bool> {
        match self.first & flag {
            0 => None,
            _ => Some(self.second & flag != 0),
        }
    }

    fn set(&mut self, flag: u8, value: Option<bool>) {
        if let Some(value) = value {
            self.first |= flag;
            self.second |= if value { flag } else { 0 };
        }
    }

    /// The one flag whose two bits stand in each other's place.
    const fn push(&self) -> Option<bool> {
        match self.second & PUSH {
            0 => None,
            _ => Some(self.first & PUSH != 0),
        }
    }

    fn set_push(&mut self, value: Option<bool>) {
        if let Some(value) = value {
            self.second |= PUSH;
            self.first |= if value { PUSH } else { 0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_of_flags_comes_back() {
        let choices = [None, Some(false), Some(true)];
        for push in choices {
            for busy in choices {
                for uploaded in choices {
                    for measured in choices {
                        let trailer = Trailer {
                            vendor: *b"SRVT",
                            push,
                            busy,
                            uploaded,
                            measured,
                            ggep: Ggep::new(),
                        };
                        let mut bytes = BytesMut::new();
                        trailer.encode(&mut bytes);
                        assert_eq!(Trailer::decode(&bytes), Ok(trailer));
                    }
                }
            }
        }
    }

    #[test]
    fn one_flag_byte_can_say_push_and_nothing_else() {
        let trailer = Trailer::decode(b"LIME\x01\x3d").expect("a trailer");
        assert_eq!((trailer.push, trailer.busy), (Some(true), None));
        let trailer = Trailer::decode(b"LIME\x01\x3c").expect("a trailer");
        assert_eq!((trailer.push, trailer.busy), (None, None));
    }

    #[test]
    fn the_block_stands_between_chat_byte_and_xml() {
        let xml = b"{}<audios/>\xc3\0";
        let mut bytes = b"LIME\x04\x3c\x21".to_vec();
        bytes.extend_from_slice(&(xml.len() as u16).to_le_bytes());
        bytes.extend_from_slice(b"\x01\xc3\x82BH\x40");
        bytes.extend_from_slice(xml);
        let trailer = Trailer::decode(&bytes).expect("a trailer");
        assert!(trailer.ggep.get("BH").is_some());
        bytes[7] = 0xff;
        bytes[8] = 0xff;
        let trailer = Trailer::decode(&bytes).expect("a trailer with a wrong length");
        assert!(trailer.ggep.get("BH").is_some());
    }

    #[test]
    fn a_trailer_that_is_cut_is_refused() {
        for cut in ["LIM", "LIME", "LIME\x02\x01"] {
            assert_eq!(Trailer::decode(cut.as_bytes()), Err(WireError::BadHit));
        }
    }
}
