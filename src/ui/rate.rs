//! A limit as a user writes it: `5MB/s`, `800KiB/s`, `500MB`, `0` for none; `5MB/s,messages=64KiB/s` for a class as well.

use std::str::FromStr;

use bytesize::ByteSize;

use crate::transfer::Rates;

/// The smallest limit: with less, eight sources of a download would all seem to have stalled.
const LEAST: u64 = 1024;

/// What a link needs. With less, a neighbour that has much to say finds its socket full for 30 s and takes us for gone.
pub(super) const LEAST_OF_A_LINK: u64 = 2 * 1024;

/// The smallest limit of messages: what the eight ultrapeers need that a servent seeks.
const LEAST_OF_MESSAGES: u64 = 8 * LEAST_OF_A_LINK;

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

/// The limits of one direction: one for the whole servent, and more for classes of what passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RateLimits(pub(super) Rates);

impl FromStr for RateLimits {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let [mut whole, mut files, mut messages] = [None; 3];
        for part in text.split(',') {
            let (class, rate) = match part.split_once('=') {
                Some((class, rate)) => (class.trim(), rate),
                None => ("", part),
            };
            let limit = match class {
                "" => &mut whole,
                "files" => &mut files,
                "messages" => &mut messages,
                other => {
                    return Err(format!(
                        "the classes are `files` and `messages`; there is no `{other}`"
                    ));
                }
            };
            let RateLimit(rate) = rate.parse()?;
            if limit.replace(rate).is_some() {
                return Err(match class {
                    "" => {
                        "one rate is the whole servent's; the classes are `files=` and `messages=`"
                            .to_owned()
                    }
                    class => format!("`{class}` is limited twice"),
                });
            }
        }
        let [whole, files, messages] = [whole, files, messages].map(Option::unwrap_or_default);
        if (1..LEAST_OF_MESSAGES).contains(&messages) {
            return Err(
                "the smallest limit of messages is 16KiB/s: with less, neighbours take us for gone"
                    .to_owned(),
            );
        }
        if whole > 0 && files.max(messages) > whole {
            return Err(format!(
                "no class can be faster than the whole servent; `{text}` says so"
            ));
        }
        Ok(Self(Rates {
            whole,
            files,
            messages,
        }))
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

    #[test]
    fn a_class_has_a_rate_of_its_own() {
        let rates = |whole, files, messages| {
            Ok(RateLimits(Rates {
                whole,
                files,
                messages,
            }))
        };
        for (text, wanted) in [
            ("5MB/s", rates(5_000_000, 0, 0)),
            ("5MB/s,messages=64KiB/s", rates(5_000_000, 0, 65_536)),
            ("messages=50KB/s, files=2MB/s", rates(0, 2_000_000, 50_000)),
            ("files=1MB/s,1MB/s", rates(1_000_000, 1_000_000, 0)),
            ("0,files=0,messages=0", rates(0, 0, 0)),
        ] {
            assert_eq!(text.parse(), wanted, "{text}");
        }
        for (text, part) in [
            (
                "5MB/s,leaves=1MB/s",
                "the classes are `files` and `messages`",
            ),
            ("files", "a limit is like"),
            ("files=", "a limit is like"),
            ("5MB/s,", "a limit is like"),
            ("5MB/s,6MB/s", "the whole servent's"),
            ("files=5MB/s,files=6MB/s", "`files` is limited twice"),
            (
                "messages=15KB/s",
                "the smallest limit of messages is 16KiB/s",
            ),
            ("5MB/s,files=6MB/s", "faster than the whole"),
        ] {
            let why = text.parse::<RateLimits>().expect_err(text);
            assert!(why.contains(part), "{text}: {why}");
        }
    }
}
