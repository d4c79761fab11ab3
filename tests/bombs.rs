//! Compressed values that grow: what one message may inflate to is bounded, however many streams it holds.

use std::io::Write;

use bytes::{BufMut, Bytes, BytesMut};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use servent::wire::{Extensions, Ggep, Query, QueryHit, WireError};

/// What all streams of one message may inflate to.
const LIMIT: usize = 64 * 1024;

/// `len` equal bytes, packed: about a thousandth of that.
fn packed(len: usize) -> Vec<u8> {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
    zlib.write_all(&vec![b'a'; len])
        .expect("a Vec takes everything");
    zlib.finish().expect("a Vec takes everything")
}

/// A block of these values, each flagged as deflated and as COBS encoded, so that it may stand between NULs.
fn block(id: &str, values: &[Vec<u8>]) -> Vec<u8> {
    let mut out = BytesMut::new();
    out.put_u8(0xc3);
    for (at, value) in values.iter().enumerate() {
        let id = format!(
            "{id}{}",
            if at == 0 {
                String::new()
            } else {
                at.to_string()
            }
        );
        let last = if at + 1 == values.len() { 0x80 } else { 0 };
        out.put_u8(last | 0x60 | id.len() as u8);
        out.put_slice(id.as_bytes());
        let mut stuffed = BytesMut::new();
        servent::wire::cobs::encode(value, &mut stuffed);
        out.put_slice(&[
            0x80 | (stuffed.len() >> 6) as u8,
            0x40 | (stuffed.len() & 0x3f) as u8,
        ]);
        out.put_slice(&stuffed);
    }
    out.to_vec()
}

/// Bytes of all values.
fn size_of(ggep: &Ggep) -> usize {
    ggep.iter().map(|(_, value)| value.len()).sum()
}

#[test]
fn a_value_that_just_fits_is_read() {
    let (ggep, _) = Ggep::decode(&block("Z", &[packed(LIMIT)])).expect("within the limit");
    assert_eq!(size_of(&ggep), LIMIT);
}

#[test]
fn one_large_value_is_refused() {
    for len in [LIMIT + 1, 1 << 20, 2 << 20] {
        assert_eq!(
            Ggep::decode(&block("Z", &[packed(len)])),
            Err(WireError::BadDeflate),
            "{len}"
        );
    }
}

#[test]
fn many_values_are_refused_together() {
    let fits_alone = packed(60_000);
    let together = block("Z", &vec![fits_alone; 40]);
    assert_eq!(Ggep::decode(&together), Err(WireError::BadDeflate));
}

#[test]
fn what_was_packed_twice_is_unpacked_once() {
    let once = packed(1 << 20);
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
    zlib.write_all(&once).expect("a Vec takes everything");
    let twice = zlib.finish().expect("a Vec takes everything");
    let (ggep, _) = Ggep::decode(&block("Z", &[twice])).expect("a small value");
    assert_eq!(ggep.get("Z"), Some(&once.into()));
}

#[test]
fn all_blocks_of_an_area_share_one_limit() {
    let area = block("Z", &[packed(60_000)]).repeat(50);
    assert!(size_of(&Extensions::decode(&area).ggep) <= LIMIT);
}

#[test]
fn all_records_of_a_hit_share_one_limit() {
    let mut payload = BytesMut::new();
    payload.put_slice(b"\xff\xca\x18\x01\x02\x03\x04\0\0\0\0");
    let bomb = block("Z", &[packed(60_000)]);
    for _ in 0..255 {
        payload.put_slice(b"\x01\0\0\0\x01\0\0\0name\0");
        payload.put_slice(&bomb);
        payload.put_u8(0);
    }
    payload.put_slice(b"SRVT\x02\x20\x20");
    payload.put_slice(&bomb);
    payload.put_slice(&[7; 16]);
    let hit = QueryHit::decode(&payload.freeze()).expect("the records themselves are sound");
    assert_eq!(hit.records.len(), 255);
    let records = hit.records.iter().map(|record| &record.extensions.ggep);
    let sizes = records.chain([&hit.trailer.ggep]).map(size_of);
    assert_eq!(sizes.sum::<usize>(), 60_000, "one of them, and no second");
}

#[test]
fn a_search_text_that_grows_is_refused() {
    let query = |len| {
        let text = block("XQ", &[packed(len)]);
        let payload: Bytes = [b"\x88\0short\0", &text[..], b"\0"].concat().into();
        Query::decode(&payload)
    };
    assert_eq!(query(200).expect("a long text").text.len(), 200);
    assert_eq!(query(60_000), Err(WireError::TooLarge));
    assert_eq!(query(1 << 20).expect("the field is there").text, "short");
}
