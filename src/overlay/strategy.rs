//! Strategies: the ways of asking the network, and their numbers, as `name:parameter=value,…`.
//!
//! What each does stands in its own chapter: a flood in `search`, an expanding ring in `ring`, a walk in `walk`, a dynamic
//! query in `dynamic`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A way of asking the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// Dynamically where there are ultrapeers enough to ask one after the other and the network is large enough for it
    /// to matter; else by flood.
    #[default]
    Auto,
    /// Everybody at once.
    Flood {
        /// Links a query may cross; none for [`super::Config::ttl`].
        ttl: Option<u8>,
    },
    /// Floods of growing TTL, until there is an answer.
    Ring(Ring),
    /// Walkers that go from neighbour to neighbour, until there is an answer.
    Walk(Walk),
    /// A few first, then one link after the other until there are results enough.
    Dynamic,
}

impl Strategy {
    /// The word for it on the command line and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Flood { .. } => "flood",
            Self::Ring(_) => "ring",
            Self::Walk(_) => "walk",
            Self::Dynamic => "dynamic",
        }
    }

    /// A flood with this TTL.
    pub const fn flood(ttl: u8) -> Self {
        Self::Flood { ttl: Some(ttl) }
    }
}

/// The TTLs of the floods of an expanding ring, each at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ring {
    ttls: [u8; MAX_ROUNDS],
    rounds: usize,
}

impl Ring {
    /// Floods with these TTLs, one after the other; none without any, with more than 16, or with one of zero.
    pub fn new(ttls: &[u8]) -> Option<Self> {
        let mut ring = Self {
            ttls: [0; MAX_ROUNDS],
            rounds: ttls.len(),
        };
        let sound = !ttls.is_empty() && !ttls.contains(&0);
        ring.ttls
            .get_mut(..ttls.len())
            .filter(|_| sound)?
            .copy_from_slice(ttls);
        Some(ring)
    }

    /// The TTLs.
    pub fn ttls(&self) -> &[u8] {
        &self.ttls[..self.rounds]
    }
}

impl Default for Ring {
    /// 1, 3, 5, 7 (Lv and others 2002 begin with 1 and widen by 2; 7 is as far as relays let a query go).
    fn default() -> Self {
        Self::new(&[1, 3, 5, 7]).expect("four TTLs")
    }
}

/// The numbers of a random walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walk {
    /// Walkers sent out at once.
    pub walkers: u8,
    /// Steps a walker may take.
    pub ttl: u8,
    /// Steps between two rests, in which the asker can stop it.
    pub check: u8,
}

impl Default for Walk {
    /// 16 walkers that wait for a word every 4 steps (Lv and others 2002: 16 to 64 walkers, every fourth step).
    fn default() -> Self {
        Self {
            walkers: 16,
            ttl: 255,
            check: 4,
        }
    }
}

/// Why a text is no strategy.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StrategyError {
    /// It names none.
    #[error("there is no way of searching called `{0}`; there are flood, ring, walk and dynamic")]
    Unknown(String),
    /// It names one with a parameter that this one cannot have.
    #[error("{0}")]
    Parameter(String),
}

impl FromStr for Strategy {
    type Err = StrategyError;

    fn from_str(text: &str) -> Result<Self, StrategyError> {
        let (name, parameters) = text.split_once(':').unwrap_or((text, ""));
        let mut strategy = match name {
            "flood" => Self::Flood { ttl: None },
            "ring" => Self::Ring(Ring::default()),
            "walk" => Self::Walk(Walk::default()),
            "dynamic" => Self::Dynamic,
            _ => return Err(StrategyError::Unknown(name.to_owned())),
        };
        let refuse = StrategyError::Parameter;
        for parameter in parameters.split(',').filter(|part| !part.is_empty()) {
            let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match (&mut strategy, key) {
                (Self::Flood { ttl }, "ttl") => *ttl = Some(number(key, value)?),
                (Self::Ring(ring), "ttls") => {
                    let ttls: Result<Vec<u8>, _> =
                        value.split('-').map(|ttl| number(key, ttl)).collect();
                    *ring = Ring::new(&ttls?)
                        .ok_or_else(|| refuse(format!("a ring has 1 to {MAX_ROUNDS} ttls")))?;
                }
                (Self::Walk(walk), "walkers") => walk.walkers = number(key, value)?,
                (Self::Walk(walk), "ttl") => walk.ttl = number(key, value)?,
                (Self::Walk(walk), "check") => walk.check = number(key, value)?,
                _ => {
                    let hint = hint(name);
                    return Err(refuse(format!("`{name}` has no parameter `{key}`{hint}")));
                }
            }
        }
        Ok(strategy)
    }
}

fn number(key: &str, value: &str) -> Result<u8, StrategyError> {
    match value.parse() {
        Ok(number @ 1..) => Ok(number),
        _ => Err(StrategyError::Parameter(format!(
            "`{key}` is a number from 1 to 255, not `{value}`"
        ))),
    }
}

fn hint(name: &str) -> &'static str {
    match name {
        "flood" => ", only `ttl=N`",
        "ring" => ", only `ttls=1-3-5-7`",
        "walk" => ", only `walkers=N`, `ttl=N` and `check=N`",
        _ => "",
    }
}

impl fmt::Display for Strategy {
    /// As it is read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Flood { ttl: Some(ttl) } => write!(f, ":ttl={ttl}"),
            Self::Ring(ring) => {
                let ttls: Vec<String> = ring.ttls().iter().map(u8::to_string).collect();
                write!(f, ":ttls={}", ttls.join("-"))
            }
            Self::Walk(Walk {
                walkers,
                ttl,
                check,
            }) => write!(f, ":walkers={walkers},ttl={ttl},check={check}"),
            Self::Auto | Self::Dynamic | Self::Flood { ttl: None } => Ok(()),
        }
    }
}

/// Rounds of a ring. The 16th flood of growing TTL reaches everybody anywhere.
const MAX_ROUNDS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for text in [
            "flood",
            "flood:ttl=3",
            "dynamic",
            "ring:ttls=1-3-5-7",
            "ring:ttls=2",
            "walk:walkers=16,ttl=255,check=4",
            "walk:walkers=1,ttl=9,check=255",
        ] {
            let strategy: Strategy = text.parse().expect(text);
            assert_eq!(strategy.to_string(), text);
        }
        assert_eq!("walk".parse(), Ok(Strategy::Walk(Walk::default())));
    }

    #[test]
    fn what_makes_no_sense_is_refused_in_a_sentence() {
        for bad in [
            "dynamic:ttl=3",
            "flood:ttl=0",
            "flood:ttl=256",
            "flood:depth=2",
            "walk:walkers=0",
            "walk:check=",
            "ring:ttls=1-0",
            "ring:ttls=",
            "ring:ttls=1-2-3-4-5-6-7-8-9-10-11-12-13-14-15-16-17",
            "fly",
            "",
        ] {
            let why = bad.parse::<Strategy>().expect_err(bad).to_string();
            assert!(why.contains('`') || why.contains("ttls"), "{why}");
        }
    }
}
