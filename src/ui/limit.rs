//! `limit`: how fast bytes may go out and come in, from now on.

use clap::{Args, ValueEnum};

use super::failure::Failure;
use super::rate::{LEAST_OF_A_LINK, RateLimits};
use super::render::{counted, json, rate};
use super::session::Session;
use super::status::limits;
use crate::transfer::Rates;

/// What to allow which way.
#[derive(Args, Clone, Debug)]
pub(super) struct SetLimit {
    /// What goes out, or what comes in; both are shown without it
    #[arg(value_name = "up|down", requires = "rates")]
    direction: Option<Direction>,
    /// As of `--upload-limit`: 2MB/s for all, files=2MB/s or messages=64KiB/s for a class; 0 for no limit. What is not named
    /// has none any more. Messages need some 2 KiB/s for each link
    #[arg(value_name = "RATE[,CLASS=RATE]")]
    rates: Option<RateLimits>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Direction {
    Up,
    Down,
}

impl SetLimit {
    pub(super) fn run(&self, session: &Session) -> Result<(), Failure> {
        let servent = &session.servent;
        let both = [servent.uploads().limit(), servent.downloads().limit()];
        if let (Some(direction), Some(RateLimits(rates))) = (self.direction, self.rates) {
            both[direction as usize].set(rates);
        }
        let rates = both.map(|limit| limit.rates());
        if session.screen.json {
            session.screen.json(&json::limits(&rates));
        } else {
            session.screen.talk(format!("Limits: {}.", limits(&rates)));
            let links = *servent.neighbours().borrow();
            if let Some(warning) = too_slow(&rates, links) {
                session.screen.talk(warning);
            }
        }
        Ok(())
    }
}

/// What is to be said where messages are limited to less than so many links need.
pub(super) fn too_slow(rates: &[Rates; 2], links: usize) -> Option<String> {
    let limited = rates.iter().map(|way| way.messages).filter(|way| *way > 0);
    let slowest = limited.min()?;
    let needed = LEAST_OF_A_LINK.saturating_mul(links as u64);
    (slowest < needed).then(|| {
        format!(
            "{} of messages is little for {}: with less than {} some may take us for gone.",
            rate(slowest),
            counted(links, "link"),
            rate(needed)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_where_links_have_too_little() {
        let limited = |messages| Rates {
            messages,
            ..Rates::default()
        };
        let rates = [limited(0), limited(16 * 1024)];
        assert_eq!(too_slow(&rates, 8), None);
        assert_eq!(too_slow(&[limited(0); 2], 500), None);
        let said = too_slow(&rates, 200).expect("too little");
        for part in ["16.0 KiB/s", "200 links", "400.0 KiB/s"] {
            assert!(said.contains(part), "{said}");
        }
    }
}
