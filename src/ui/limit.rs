//! `limit`: how fast bytes may go out and come in, from now on.

use clap::{Args, ValueEnum};

use super::failure::Failure;
use super::rate::RateLimits;
use super::render::json;
use super::session::Session;
use super::status::limits;

/// What to allow which way.
#[derive(Args, Clone, Debug)]
pub(super) struct SetLimit {
    /// What goes out, or what comes in; both are shown without it
    #[arg(value_name = "up|down", requires = "rates")]
    direction: Option<Direction>,
    /// As of `--upload-limit`: 2MB/s for all, files=2MB/s or messages=64KiB/s for a class; 0 for no limit. What is not named
    /// has none any more
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
        }
        Ok(())
    }
}
