//! QueryHit: records, trailer, servent GUID (Gnutella 0.6, "QueryHit"; EQHD; HUGE).
//!
//! A relay reads the last 16 bytes and nothing else ([`QueryHit::servent_of`]). Who asked reads it all: strict about
//! every length, lenient about what older programs leave out or add.

use std::net::SocketAddrV4;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::inflate::Budget;
use super::text::{before_nul, split_nul};
use super::trailer::Trailer;
use super::{Extensions, Guid, Sha1, WireError, address};

/// The payload of a QueryHit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryHit {
    /// Where the files are.
    pub addr: SocketAddrV4,
    /// Its upstream in KiB/s, as claimed.
    pub speed: u32,
    /// The files.
    pub records: Vec<Record>,
    /// What the trailer says of the servent.
    pub trailer: Trailer,
    /// The servent's own GUID, to which a Push is addressed.
    pub servent: Guid,
}

/// One file of a hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number at the servent that shares it.
    pub index: u32,
    /// Its size in bytes (GGEP `LF` above 2^31-1).
    pub size: u64,
    /// Its name.
    pub name: String,
    /// Its URNs and extensions.
    pub extensions: Extensions,
}

impl QueryHit {
    /// Records that the count byte can tell. LimeWire ignores hits of more than ten.
    pub const MAX_RECORDS: usize = 255;

    /// Count, port, address and speed.
    const FIXED_LEN: usize = 11;

    /// The servent GUID of a hit payload: its last 16 bytes. All that a relay needs to read.
    pub fn servent_of(payload: &[u8]) -> Option<Guid> {
        payload.last_chunk().copied().map(Guid)
    }

    /// Reads a payload. Names that are not UTF-8 keep what is; a missing trailer is one that says nothing.
    ///
    /// # Errors
    /// [`WireError::Truncated`] below 27 bytes, [`WireError::BadAddress`], and [`WireError::BadHit`] for no record, a
    /// record that is cut or nameless, a size nobody has and a trailer that is cut.
    pub fn decode(payload: &Bytes) -> Result<Self, WireError> {
        let (mut rest, &servent) = payload.split_last_chunk().ok_or(WireError::Truncated)?;
        if rest.len() < Self::FIXED_LEN {
            return Err(WireError::Truncated);
        }
        let count = rest.get_u8();
        let port = rest.get_u16_le();
        let addr = SocketAddrV4::new(rest.get_u32().into(), port);
        let speed = rest.get_u32_le();
        if !address::is_possible(addr) {
            return Err(WireError::BadAddress);
        }
        if count == 0 {
            return Err(WireError::BadHit);
        }
        let mut budget = Budget::new();
        let records = (0..count)
            .map(|_| Record::read(&mut rest, &mut budget))
            .collect::<Option<_>>()
            .ok_or(WireError::BadHit)?;
        Ok(Self {
            addr,
            speed,
            records,
            trailer: Trailer::decode_within(rest, &mut budget)?,
            servent: Guid(servent),
        })
    }

    /// The payload. Records beyond [`QueryHit::MAX_RECORDS`] are left out.
    pub fn encode(&self) -> Bytes {
        let records = &self.records[..self.records.len().min(Self::MAX_RECORDS)];
        let mut out = BytesMut::with_capacity(Self::FIXED_LEN + 128 * records.len() + 64);
        out.put_u8(records.len() as u8);
        out.put_u16_le(self.addr.port());
        out.put_slice(&self.addr.ip().octets());
        out.put_u32_le(self.speed);
        for record in records {
            record.write(&mut out);
        }
        self.trailer.encode(&mut out);
        out.put_slice(&self.servent.0);
        out.freeze()
    }
}

impl Record {
    /// The largest size that fits the old field: LimeWire reads it as a signed number and writes GGEP `LF` above.
    const MAX_PLAIN_SIZE: u64 = i32::MAX as u64;

    /// What the old field says when `LF` says the size.
    const SIZE_ELSEWHERE: u32 = u32::MAX;

    /// The largest size that is believed: beyond it offsets overflow in signed arithmetic, and no disk is as large.
    const MAX_SIZE: u64 = i64::MAX as u64;

    /// The file's SHA-1 where the record tells it.
    pub fn sha1(&self) -> Option<Sha1> {
        self.extensions.sha1()
    }

    /// Takes one record from the front of `rest`.
    fn read(rest: &mut &[u8], budget: &mut Budget) -> Option<Self> {
        let index = rest.try_get_u32_le().ok()?;
        let field = rest.try_get_u32_le().ok()?;
        let (name, after_name) = split_nul(rest)?;
        let (area, after_area) = split_nul(after_name)?;
        *rest = after_area;
        let extensions = Extensions::decode_within(area, budget);
        let size = match extensions.ggep.get("LF") {
            Some(_) => extensions.ggep.number("LF")?,
            None => field.into(),
        };
        (!name.is_empty() && size <= Self::MAX_SIZE).then(|| Self {
            index,
            size,
            name: String::from_utf8_lossy(name).into_owned(),
            extensions,
        })
    }

    /// Appends the record; the name is cut at a NUL.
    fn write(&self, out: &mut BytesMut) {
        let large = self.size > Self::MAX_PLAIN_SIZE;
        out.put_u32_le(self.index);
        out.put_u32_le(match large {
            true => Self::SIZE_ELSEWHERE,
            false => self.size as u32,
        });
        out.put_slice(before_nul(self.name.as_bytes()));
        out.put_u8(0);
        if large {
            let mut extensions = self.extensions.clone();
            extensions.ggep.push_number("LF", self.size);
            extensions.encode(out);
        } else {
            self.extensions.encode(out);
        }
        out.put_u8(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Ggep;

    fn hit() -> QueryHit {
        let mut trailer = Trailer {
            vendor: *b"SRVT",
            push: Some(false),
            busy: Some(false),
            ..Trailer::default()
        };
        trailer.ggep.push("BH", Bytes::new());
        QueryHit {
            addr: "1.2.3.4:6346".parse().expect("an address"),
            speed: 56,
            records: vec![Record {
                index: 7,
                size: 1000,
                name: "hello world.txt".into(),
                extensions: Extensions::default(),
            }],
            trailer,
            servent: Guid([9; 16]),
        }
    }

    #[test]
    fn a_hit_comes_back_and_no_part_of_it_panics() {
        let mut hit = hit();
        let urn = "urn:sha1:YNCKHTQCWBTRNJIV4WNAE52SJUQCZO5C";
        let mut named = hit.records[0].clone();
        named.extensions.urns.push(urn.parse().expect("a URN"));
        hit.records.push(named);
        let payload = hit.encode();
        assert_eq!(QueryHit::servent_of(&payload), Some(hit.servent));
        for len in 0..payload.len() {
            assert_ne!(QueryHit::decode(&payload.slice(..len)), Ok(hit.clone()));
        }
        assert_eq!(QueryHit::decode(&payload), Ok(hit));
    }

    #[test]
    fn sizes_on_both_sides_of_two_gigabytes_come_back() {
        for size in [0, i32::MAX as u64, 1 << 31, 1 << 32, Record::MAX_SIZE] {
            let mut hit = hit();
            hit.records[0].size = size;
            let read = QueryHit::decode(&hit.encode()).expect("our own hit");
            assert_eq!(read.records[0].size, size);
            let told = read.records[0].extensions.ggep.number("LF");
            assert_eq!(told, (size > i32::MAX as u64).then_some(size));
        }
    }

    #[test]
    fn sizes_nobody_has_are_refused() {
        let mut too_large = hit();
        too_large.records[0].size = Record::MAX_SIZE + 1;
        assert_eq!(
            QueryHit::decode(&too_large.encode()),
            Err(WireError::BadHit)
        );
        let mut too_long = hit();
        too_long.records[0].extensions.ggep.push("LF", vec![1; 9]);
        assert_eq!(QueryHit::decode(&too_long.encode()), Err(WireError::BadHit));
    }

    #[test]
    fn what_no_hit_may_be_is_refused() {
        let refused = |change: fn(&mut QueryHit)| {
            let mut hit = hit();
            change(&mut hit);
            QueryHit::decode(&hit.encode()).expect_err("refused")
        };
        assert_eq!(refused(|hit| hit.records.clear()), WireError::BadHit);
        assert_eq!(
            refused(|hit| hit.records[0].name.clear()),
            WireError::BadHit
        );
        assert_eq!(refused(|hit| hit.addr.set_port(0)), WireError::BadAddress);
        assert_eq!(
            QueryHit::decode(&Bytes::from_static(&[1; 26])),
            Err(WireError::Truncated)
        );
    }

    #[test]
    fn more_records_than_the_count_can_tell_are_left_out() {
        let mut hit = hit();
        hit.records = vec![hit.records[0].clone(); 300];
        let read = QueryHit::decode(&hit.encode()).expect("our own hit");
        assert_eq!(read.records.len(), QueryHit::MAX_RECORDS);
    }

    #[test]
    fn a_hit_of_the_first_servents_has_no_trailer() {
        let hit = hit();
        let with = hit.encode();
        let mut encoded_trailer = BytesMut::new();
        hit.trailer.encode(&mut encoded_trailer);
        let mut without = with[..with.len() - 16 - encoded_trailer.len()].to_vec();
        without.extend_from_slice(&hit.servent.0);
        let read = QueryHit::decode(&without.into()).expect("an old hit");
        assert_eq!(read.trailer, Trailer::default());
        assert_eq!(read.trailer.ggep, Ggep::new());
    }
}
