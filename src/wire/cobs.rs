//! Consistent overhead byte stuffing: bytes written without a NUL among them (Cheshire and Baker, 1999; GGEP 0.51).
//!
//! Each code byte `n` stands for the `n - 1` bytes that follow it and a NUL behind them; 255 and the last code stand for
//! no NUL.

use bytes::{BufMut, BytesMut};

use super::WireError;

/// The code of a run of 254 bytes with no NUL behind it.
const FULL_RUN: u8 = 0xff;

/// Appends `raw` without its NULs. A full run at the very end is followed by a code of its own, as LimeWire writes it.
pub fn encode(raw: &[u8], out: &mut BytesMut) {
    let mut code_at = out.len();
    let mut code = 1;
    out.put_u8(code);
    for &byte in raw {
        if byte != 0 {
            out.put_u8(byte);
            code += 1;
        }
        if byte == 0 || code == FULL_RUN {
            out[code_at] = code;
            code_at = out.len();
            code = 1;
            out.put_u8(code);
        }
    }
    out[code_at] = code;
}

/// The bytes that `encoded` stands for, never more than it has itself.
///
/// A full run may end the data with and without the code behind it. A NUL among the codes counts as a code for nothing:
/// LimeWire takes it so, and it leads nowhere.
///
/// # Errors
/// [`WireError::BadCobs`] when a code points behind the end.
pub fn decode(mut encoded: &[u8]) -> Result<Vec<u8>, WireError> {
    let mut raw = Vec::with_capacity(encoded.len());
    while let Some((&code, rest)) = encoded.split_first() {
        let (run, rest) = rest
            .split_at_checked(usize::from(code).saturating_sub(1))
            .ok_or(WireError::BadCobs)?;
        raw.extend_from_slice(run);
        if code != FULL_RUN && !rest.is_empty() {
            raw.push(0);
        }
        encoded = rest;
    }
    Ok(raw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn every_length_comes_back_and_holds_no_nul() {
        let mut rng = Rng::seeded(1);
        for len in 0..1100 {
            let raw: Vec<u8> = (0..len).map(|_| rng.below(4) as u8).collect();
            let mut encoded = BytesMut::new();
            encode(&raw, &mut encoded);
            assert!(!encoded.contains(&0), "{raw:?}");
            assert_eq!(decode(&encoded), Ok(raw));
        }
    }

    #[test]
    fn a_full_run_may_end_the_data_with_or_without_its_last_code() {
        let raw = [7; 254];
        let mut encoded = BytesMut::new();
        encode(&raw, &mut encoded);
        assert_eq!(encoded.len(), 256);
        assert_eq!(decode(&encoded), Ok(raw.to_vec()));
        assert_eq!(decode(&encoded[..255]), Ok(raw.to_vec()));
    }
}
