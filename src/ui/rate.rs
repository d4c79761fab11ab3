//! A limit as a user writes it: `5MB/s`, `800KiB/s`, `500MB`, `0` for none.

use std::str::FromStr;

use bytesize::ByteSize;

/// The smallest limit: with less, eight sources of a download would all seem to have stalled.
const LEAST: u64 = 1024;

/// Bytes a second; 0 for no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RateLimit(pub(super) u64);

impl FromStr for RateLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let amount = text.trim().strip_suffix("/s").unwrap_or(text);
        match amount.trim().parse() {
            Ok(ByteSize(1..LEAST)) => Err(format!(
                "the smallest limit is 1KiB/s, and 0 is none; `{text}` is less"
            )),
            Ok(ByteSize(rate)) => Ok(Self(rate)),
            Err(_) => Err(format!(
                "a limit is like `800KiB/s` or `5MB/s`, not `{text}`"
            )),
        }
    }
}

/// So many bytes; 0 for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Amount(pub(super) u64);

impl FromStr for Amount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim().parse() {
            Ok(ByteSize(bytes)) => Ok(Self(bytes)),
            Err(_) => Err(format!("bytes are told like `500MB`, not `{text}`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_write_rates_in_many_ways() {
        for (text, rate) in [
            ("5MB/s", 5_000_000),
            ("800KiB/s", 800 * 1024),
            ("1.5 MiB/s", 3 * 512 * 1024),
            ("20000", 20_000),
            ("2m", 2_000_000),
            ("0", 0),
        ] {
            assert_eq!(text.parse(), Ok(RateLimit(rate)), "{text}");
        }
        for text in ["", "fast", "5MB/h", "-3", "100/s", "/s", "nan"] {
            assert!(text.parse::<RateLimit>().is_err(), "{text}");
        }
        assert_eq!("500 MB".parse(), Ok(Amount(500_000_000)));
        assert!("500 songs".parse::<Amount>().is_err());
    }
}
