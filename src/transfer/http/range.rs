//! Which bytes of a file: `Range` in requests, `Content-Range` in responses.
//!
//! LimeWire and gtk-gnutella read both a little differently; where they do, the choice stands at the function.

use std::fmt;

use crate::swarm::{ByteRange, Ranges};

/// Why a `Range` header cannot be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// It is not a range of bytes.
    #[error("the range is malformed")]
    Malformed,
    /// It is one, but no byte of the file is in it.
    #[error("the range holds no byte of the file")]
    Unsatisfiable,
}

impl ByteRange {
    /// Reads the value of a `Range` header for a file of `size` bytes: every range that holds a byte of it, in order.
    ///
    /// `bytes=a-b`, `a-`, `-n`, blanks anywhere, a list with commas, and the old form `bytes a-b` are read as both
    /// references do. A list item that is no range is passed over as in gtk-gnutella, where LimeWire refuses the whole
    /// header: the items that are right say what is wanted. The unit is compared with its case, as in LimeWire. With
    /// nothing but wrong items the header is malformed for both, and answered 400, where RFC 9110 would have a server
    /// send the whole file: a servent that counts on a range does not want it.
    ///
    /// # Errors
    /// [`RangeError::Malformed`] without any well-formed range; [`RangeError::Unsatisfiable`] when all lie beyond the end.
    pub fn parse(value: &str, size: u64) -> Result<Vec<Self>, RangeError> {
        let items = value.trim().strip_prefix("bytes").and_then(|rest| {
            let rest = rest.strip_prefix('=').or_else(|| rest.strip_prefix(' '));
            rest.map(|items| items.split(','))
        });
        let mut well_formed = items
            .ok_or(RangeError::Malformed)?
            .filter_map(|item| Self::parse_item(item, size))
            .peekable();
        if well_formed.peek().is_none() {
            return Err(RangeError::Malformed);
        }
        let ranges: Vec<Self> = well_formed.filter(|range| !range.is_empty()).collect();
        if ranges.is_empty() {
            return Err(RangeError::Unsatisfiable);
        }
        Ok(ranges)
    }

    /// One range of the list, cut to the file; empty when it lies beyond the end, none when it is malformed.
    fn parse_item(item: &str, size: u64) -> Option<Self> {
        let (first, last) = item.split_once('-')?;
        let (start, end) = match (first.trim(), last.trim()) {
            ("", count) => (size.saturating_sub(number(count)?), size),
            (first, "") => (number(first)?, size),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                if last < first {
                    return None;
                }
                (first, last.saturating_add(1).min(size))
            }
        };
        Some(Self { start, end })
    }
}

/// What a `Content-Range` header says of the body that comes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentRange {
    /// The bytes of the file that the body is.
    pub range: ByteRange,
    /// The size of the whole file, where the server tells it.
    pub total: Option<u64>,
}

impl ContentRange {
    /// Reads `bytes a-b/total`.
    ///
    /// `bytes=` and an unknown total `/*` are read as in LimeWire, more than one blank as in gtk-gnutella. `*/total` is
    /// none: LimeWire takes it for the bytes it asked for, but a 416 carries it too, and a body must not be put where
    /// nobody said it belongs.
    pub fn parse(value: &str) -> Option<Self> {
        let rest = value.trim().strip_prefix("bytes")?;
        let rest = rest.strip_prefix(['=', ' '])?;
        let (range, total) = rest.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let (first, last) = (number(first.trim())?, number(last.trim())?);
        let total = match total.trim() {
            "*" => None,
            total => Some(number(total)?),
        };
        if last < first || total.is_some_and(|total| last >= total) {
            return None;
        }
        let end = last.checked_add(1)?;
        let range = ByteRange { start: first, end };
        Some(Self { range, total })
    }

    /// Reads the size from the `bytes */total` of a 416.
    pub fn parse_unsatisfied(value: &str) -> Option<u64> {
        let rest = value.trim().strip_prefix("bytes")?.trim_start();
        number(rest.strip_prefix("*/")?.trim())
    }
}

impl fmt::Display for ContentRange {
    /// The header's value; the range must not be empty.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ByteRange { start, end } = self.range;
        write!(f, "bytes {start}-{}/", end.saturating_sub(1))?;
        match self.total {
            Some(total) => write!(f, "{total}"),
            None => f.write_str("*"),
        }
    }
}

/// Reads `X-Available-Ranges`: which parts of a file of `size` bytes a partial source has.
///
/// As LimeWire reads it: cut to the file, ranges that are turned round passed over, a comma at the end allowed, the unit in
/// any case. Other items are refused with the whole: who says what he has must say it clearly. LimeWire itself tells each end
/// one byte too small, so it has what it says.
pub fn available(value: &str, size: u64) -> Option<Ranges> {
    let value = value.trim();
    let unit = value
        .get(..5)
        .filter(|unit| unit.eq_ignore_ascii_case("bytes"))?;
    let items = value[unit.len()..].trim_start_matches('=').split(',');
    let mut ranges = Ranges::new();
    for item in items.map(str::trim).filter(|item| !item.is_empty()) {
        let (first, last) = item.split_once('-')?;
        let (first, last) = (number(first.trim())?, number(last.trim())?);
        let end = last.saturating_add(1).min(size);
        if ranges.pieces() >= MOST_RANGES {
            break;
        }
        if first <= last && first < end {
            ranges.insert(ByteRange { start: first, end });
        }
    }
    Some(ranges)
}

/// `X-Available-Ranges` for these, the largest ones where there are too many for a head.
pub fn tell_available(ranges: &Ranges) -> String {
    let mut told: Vec<ByteRange> = ranges.iter().collect();
    told.sort_by_key(|range| std::cmp::Reverse(range.len()));
    told.truncate(MOST_TOLD);
    told.sort_unstable();
    let items = told
        .iter()
        .map(|range| format!("{}-{}", range.start, range.end - 1));
    format!("bytes {}", items.collect::<Vec<_>>().join(","))
}

/// The most ranges that are read; a head has no room for more.
const MOST_RANGES: usize = 1000;

/// The most ranges that are told: some 4 KiB of a head, and LimeWire reads no more in one line.
const MOST_TOLD: usize = 150;

/// Digits only: `u64::from_str` would take a sign too.
fn number(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(value: &str, size: u64) -> Result<(u64, u64), RangeError> {
        ByteRange::parse(value, size).map(|ranges| (ranges[0].start, ranges[0].end))
    }

    #[test]
    fn all_forms_of_a_range() {
        for (value, expected) in [
            ("bytes=0-9", (0, 10)),
            ("bytes=90-", (90, 100)),
            ("bytes=-10", (90, 100)),
            ("bytes=-1000", (0, 100)),
            ("bytes 0-", (0, 100)),
            ("bytes= 5 - 5 ", (5, 6)),
            ("bytes=200-300,7-7", (7, 8)),
            ("bytes=0-18446744073709551615", (0, 100)),
        ] {
            assert_eq!(first(value, 100), Ok(expected), "{value}");
        }
    }

    #[test]
    fn beyond_the_end_is_unsatisfiable_and_nonsense_malformed() {
        for value in ["bytes=100-", "bytes=100-200", "bytes=-0"] {
            assert_eq!(first(value, 100), Err(RangeError::Unsatisfiable), "{value}");
        }
        for value in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=+1-2",
            "lines=1-2",
            "bytes=1",
        ] {
            assert_eq!(first(value, 100), Err(RangeError::Malformed), "{value}");
        }
    }

    #[test]
    fn an_empty_file_has_no_range() {
        for value in ["bytes=0-", "bytes=0-0", "bytes=-5"] {
            assert_eq!(first(value, 0), Err(RangeError::Unsatisfiable), "{value}");
        }
    }

    #[test]
    fn what_is_available_goes_there_and_back() {
        let ranges = available("bytes 0-10,20-30", 1000).expect("a list");
        assert_eq!(ranges.total(), 22);
        assert_eq!(tell_available(&ranges), "bytes 0-10,20-30");
        assert_eq!(available("bytes 1-2 3-4", 1000), None);
        assert_eq!(available("bytes 0-", 1000), None);
        assert_eq!(available("lines 0-1", 1000), None);
        let many: Ranges = (0..500)
            .map(|n| ByteRange::new(n * 10, n * 10 + 1))
            .collect();
        let read = available(&tell_available(&many), 5000).expect("our own");
        assert_eq!(read.pieces(), MOST_TOLD);
    }

    #[test]
    fn content_range_goes_there_and_back() {
        let said = ContentRange {
            range: ByteRange { start: 5, end: 10 },
            total: Some(20),
        };
        assert_eq!(said.to_string(), "bytes 5-9/20");
        assert_eq!(ContentRange::parse("bytes 5-9/20"), Some(said));
        let untold = ContentRange {
            total: None,
            ..said
        };
        assert_eq!(ContentRange::parse(&untold.to_string()), Some(untold));
        assert_eq!(ContentRange::parse("bytes */20"), None);
        assert_eq!(ContentRange::parse_unsatisfied("bytes */20"), Some(20));
        assert_eq!(ContentRange::parse("bytes 0-18446744073709551615/*"), None);
    }
}
