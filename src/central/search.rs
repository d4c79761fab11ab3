//! The clauses of a search. `napster.txt`, message 200.
//!
//! They stand in any order; words in quotes, keywords in any case:
//! `FILENAME CONTAINS "w w"` (all of several), `FILENAME EXCLUDES "w"`, `MAX_RESULTS n`, `TYPE t`,
//! `LINESPEED|BITRATE|FREQ|SIZE|DURATION "AT LEAST|AT BEST|EQUAL TO" n`, `LOCAL`, `LOCAL_ONLY`.

use bytes::{Bytes, BytesMut};
use thiserror::Error;

use super::fields::{Fields, Malformed, number};
use super::share::{decimal, quote};

/// What is looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// Words the name must hold, blanks between them. A word after `-` is one it must not hold.
    pub contains: String,
    /// Words the name must not hold.
    pub excludes: String,
    /// How many files at most; none or 0 for as many as the server likes.
    pub most: Option<usize>,
    /// Only files of this class, in lower case: `audio`, `video`, `image`, `text`, `application`, or an ending.
    pub class: Option<String>,
    /// Bounds on numbers.
    pub bounds: Vec<Bound>,
}

/// One bound on a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// On which.
    pub measure: Measure,
    /// The least it may be.
    pub least: u64,
    /// The most it may be.
    pub most: u64,
}

/// A number that a search can bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// The owner's line, 0 to 10.
    Speed,
    /// Kilobits a second.
    Bitrate,
    /// Samples a second.
    Frequency,
    /// Bytes.
    Size,
    /// Seconds.
    Duration,
}

/// Its clauses are none of those above.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("invalid search request")]
pub struct InvalidSearch;

impl From<Malformed> for InvalidSearch {
    fn from(_: Malformed) -> Self {
        Self
    }
}

impl Search {
    /// Reads the clauses.
    ///
    /// # Errors
    /// One is unknown or incomplete.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidSearch> {
        let mut search = Self::default();
        let mut fields = Fields::new(body);
        while let Some(keyword) = fields.maybe()? {
            match &keyword.to_ascii_uppercase()[..] {
                b"FILENAME" => {
                    let words = match &fields.text()?.to_ascii_uppercase()[..] {
                        b"CONTAINS" => &mut search.contains,
                        b"EXCLUDES" => &mut search.excludes,
                        _ => return Err(InvalidSearch),
                    };
                    words.push_str(&text(fields.text()?));
                    words.push(' ');
                }
                b"MAX_RESULTS" => search.most = Some(fields.number()?),
                b"TYPE" => {
                    let class = text(fields.text()?).to_lowercase();
                    search.class = (class != "any").then_some(class);
                }
                b"LINESPEED" => search
                    .bounds
                    .push(Bound::parse(Measure::Speed, &mut fields)?),
                b"BITRATE" => search
                    .bounds
                    .push(Bound::parse(Measure::Bitrate, &mut fields)?),
                b"FREQ" => search
                    .bounds
                    .push(Bound::parse(Measure::Frequency, &mut fields)?),
                b"SIZE" => search
                    .bounds
                    .push(Bound::parse(Measure::Size, &mut fields)?),
                b"DURATION" => search
                    .bounds
                    .push(Bound::parse(Measure::Duration, &mut fields)?),
                // There is but one server here.
                b"LOCAL" | b"LOCAL_ONLY" => {}
                _ => return Err(InvalidSearch),
            }
        }
        Ok(search)
    }

    /// The body of its frame.
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::new();
        for (what, words) in [("CONTAINS", &self.contains), ("EXCLUDES", &self.excludes)] {
            let words = words.trim();
            if !words.is_empty() {
                out.extend_from_slice(b"FILENAME ");
                out.extend_from_slice(what.as_bytes());
                out.extend_from_slice(b" ");
                quote(&mut out, words.as_bytes());
                out.extend_from_slice(b" ");
            }
        }
        if let Some(most) = self.most {
            out.extend_from_slice(b"MAX_RESULTS ");
            decimal(&mut out, most as u64);
            out.extend_from_slice(b" ");
        }
        if let Some(class) = &self.class {
            out.extend_from_slice(b"TYPE ");
            quote(&mut out, class.as_bytes());
            out.extend_from_slice(b" ");
        }
        for bound in &self.bounds {
            bound.write(&mut out);
        }
        out.truncate(out.trim_ascii_end().len());
        out.freeze()
    }
}

impl Bound {
    fn parse(measure: Measure, fields: &mut Fields<'_>) -> Result<Self, InvalidSearch> {
        let relation = fields.text()?.to_ascii_uppercase();
        let value = number(fields.text()?)?;
        let (least, most) = match &relation[..] {
            b"AT LEAST" => (value, u64::MAX),
            b"AT BEST" => (0, value),
            b"EQUAL TO" => (value, value),
            _ => return Err(InvalidSearch),
        };
        Ok(Self {
            measure,
            least,
            most,
        })
    }

    fn write(&self, out: &mut BytesMut) {
        let measure = match self.measure {
            Measure::Speed => "LINESPEED",
            Measure::Bitrate => "BITRATE",
            Measure::Frequency => "FREQ",
            Measure::Size => "SIZE",
            Measure::Duration => "DURATION",
        };
        let relations: &[(&str, u64)] = match (self.least, self.most) {
            (least, most) if least == most => &[("EQUAL TO", least)],
            (least, u64::MAX) => &[("AT LEAST", least)],
            (0, most) => &[("AT BEST", most)],
            (least, most) => &[("AT LEAST", least), ("AT BEST", most)],
        };
        for (relation, value) in relations {
            out.extend_from_slice(format!("{measure} \"{relation}\" {value} ").as_bytes());
        }
    }

    /// Whether a number keeps to it.
    pub const fn holds(&self, number: u64) -> bool {
        self.least <= number && number <= self.most
    }
}

/// Bytes as text: UTF-8, or else Latin-1, which is what old clients meant.
pub(super) fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|&byte| char::from(byte)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clauses_come_in_any_order() {
        let search = Search::parse(
            b"max_results 75 FILENAME CONTAINS \"Sneaker\" BITRATE \"AT LEAST\" \"128\" TYPE any \
              Filename contains \"tesko -live\" FREQ \"equal to\" 44100 FILENAME EXCLUDES remix LOCAL",
        );
        let search = search.unwrap();
        assert_eq!(search.contains, "Sneaker tesko -live ");
        assert_eq!(search.excludes, "remix ");
        assert_eq!((search.most, &search.class), (Some(75), &None));
        assert!(search.bounds[0].holds(128) && !search.bounds[0].holds(127));
        assert!(search.bounds[1].holds(44_100) && !search.bounds[1].holds(44_101));
        let again = Search::parse(&search.encode()).unwrap();
        assert_eq!(again.contains, search.contains);
        assert_eq!(again.bounds, search.bounds);
        assert_eq!((again.most, again.class), (search.most, search.class));
    }

    #[test]
    fn what_is_no_clause_is_refused() {
        for bad in [
            "NONSENSE \"x\"",
            "FILENAME \"x\"",
            "FILENAME CONTAINS",
            "FILENAME CONTAINS \"x",
            "FILENAME CONTAINS \"a \"quoted\" string\" MAX_RESULTS 100",
            "MAX_RESULTS many",
            "SIZE \"ABOUT\" 3",
            "SIZE \"AT LEAST\" -3",
        ] {
            assert_eq!(Search::parse(bad.as_bytes()), Err(InvalidSearch), "{bad}");
        }
    }
}
