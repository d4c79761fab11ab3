//! Our place in a queue: `X-Queue` of LimeWire, `X-Queued` of gtk-gnutella (PARQ).

use std::time::Duration;

use super::Response;

/// The shortest and longest wait between two questions for our place, whatever the server says.
const WAITS: (u64, u64) = (1, 15 * 60);

/// A place in the queue of a server that is busy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which, counted from 1, where told.
    pub position: Option<u32>,
    /// When to ask again: not sooner, or the place is lost, and not much later.
    pub poll: Duration,
    /// The name of the place, to be told with the next request.
    pub id: Option<String>,
}

impl Place {
    /// The place a refusal grants, if it grants one.
    pub fn of(response: &Response) -> Option<Self> {
        let retry = response
            .headers
            .get("Retry-After")
            .and_then(|text| text.parse().ok());
        if let Some(value) = response.headers.get("X-Queued") {
            let wait = retry?;
            return Some(Self {
                position: word(value, "position").and_then(|text| text.parse().ok()),
                poll: waiting(wait),
                id: word(value, "ID").map(str::to_owned),
            });
        }
        let value = response.headers.get("X-Queue")?;
        let number = |name| word(value, name)?.parse::<u64>().ok();
        let (least, most) = (number("pollMin")?, number("pollMax")?);
        // A second behind the first moment: clocks differ, and too soon is punished.
        let poll = least.saturating_add(1).min(most.max(least));
        Some(Self {
            position: Some(word(value, "position")?.parse().ok()?),
            poll: waiting(poll),
            id: None,
        })
    }
}

fn waiting(seconds: u64) -> Duration {
    Duration::from_secs(seconds.clamp(WAITS.0, WAITS.1))
}

/// The word behind a name; between them and behind it may stand any of ` ,:;=`, as LimeWire reads it.
fn word<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    let words = value.split([' ', ',', ':', ';', '=']);
    let mut words = words.filter(|word| !word.is_empty());
    words.find(|word| word.eq_ignore_ascii_case(name))?;
    words.next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::http::Status;

    #[test]
    fn places_are_read_from_both_kinds() {
        let busy = || Response::new(Status::BUSY);
        let lime = busy().with(
            "X-Queue",
            "position=2,length=5,limit=4,pollMin=45,pollMax=120",
        );
        let place = Place::of(&lime).expect("a place");
        assert_eq!(
            (place.position, place.poll),
            (Some(2), Duration::from_secs(46))
        );
        let colons = busy().with("X-Queue", "position: 3, pollMin: 10, pollMax: 20");
        assert_eq!(Place::of(&colons).and_then(|place| place.position), Some(3));
        let parq = "position=4; ID=0123456789abcdef; length=7; ETA=20; lifetime=200";
        let parq = busy().with("X-Queued", parq).with("Retry-After", 30);
        let place = Place::of(&parq).expect("a place");
        assert_eq!(
            (place.position, place.poll),
            (Some(4), Duration::from_secs(30))
        );
        assert_eq!(place.id.as_deref(), Some("0123456789abcdef"));
        let longest = format!("position=1,pollMin={0},pollMax={0}", u64::MAX);
        let place = Place::of(&busy().with("X-Queue", longest)).expect("a place");
        assert_eq!(place.poll, Duration::from_secs(WAITS.1));
        for value in ["position=2", "0.1", "position=2, pollMin=45, pollMax="] {
            assert_eq!(Place::of(&busy().with("X-Queue", value)), None, "{value}");
        }
        assert_eq!(Place::of(&busy()), None);
    }
}
