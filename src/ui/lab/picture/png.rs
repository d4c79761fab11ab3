//! Pixels as PNG (ISO/IEC 15948): true colour, eight bits, deflated.

use std::io::Write;

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};

use super::raster::Raster;

/// The file.
pub(super) fn write(raster: &Raster) -> Vec<u8> {
    let mut head = Vec::new();
    for length in [raster.width, raster.height] {
        head.extend((length as u32).to_be_bytes());
    }
    // Eight bits, true colour, and the only methods there are; not interlaced.
    head.extend([8, 2, 0, 0, 0]);
    let mut out = SIGNATURE.to_vec();
    chunk(&mut out, *b"IHDR", &head);
    chunk(&mut out, *b"IDAT", &deflated(raster));
    chunk(&mut out, *b"IEND", &[]);
    out
}

/// The rows, each after a zero: not filtered.
fn deflated(raster: &Raster) -> Vec<u8> {
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::best());
    let rows = raster.pixels.chunks(raster.width * 3);
    let written = rows.map(|row| packer.write_all(&[0]).and_then(|()| packer.write_all(row)));
    let all: Result<(), _> = written.collect();
    all.and_then(|()| packer.finish())
        .expect("a vector takes everything")
}

/// A chunk: its length, its name, its data, and the checksum of both.
fn chunk(out: &mut Vec<u8>, name: [u8; 4], data: &[u8]) {
    let mut sum = Crc::new();
    sum.update(&name);
    sum.update(data);
    out.extend((data.len() as u32).to_be_bytes());
    out.extend(name);
    out.extend(data);
    out.extend(sum.sum().to_be_bytes());
}

/// With this every PNG begins.
const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::ZlibDecoder;

    use super::*;

    #[test]
    fn what_is_written_is_the_pixels_again() {
        let raster = Raster {
            width: 2,
            height: 3,
            pixels: (0..18).collect(),
        };
        let file = write(&raster);
        assert_eq!(file[..8], SIGNATURE);
        assert_eq!(file[8..16], *b"\0\0\0\x0dIHDR");
        assert_eq!(file[16..29], [0, 0, 0, 2, 0, 0, 0, 3, 8, 2, 0, 0, 0]);
        // The checksum of an empty end is the same in every file.
        assert_eq!(file[file.len() - 12..], *b"\0\0\0\0IEND\xae\x42\x60\x82");
        let packed = &file[8 + 25 + 8..];
        let mut rows = Vec::new();
        ZlibDecoder::new(packed)
            .read_to_end(&mut rows)
            .expect("deflated");
        assert_eq!(
            rows,
            [
                0, 0, 1, 2, 3, 4, 5, 0, 6, 7, 8, 9, 10, 11, 0, 12, 13, 14, 15, 16, 17
            ]
        );
    }
}
