//! Random walks on the wire: an extension of Query of our own, and a vendor message.
//!
//! A walker is a normal Query with TTL 1 and the GGEP extension `SRW` of three bytes: the steps it has taken (0 as it
//! leaves the asker), the steps it may take, and after how many it rests, so that the asker can stop it. Hops is 0 as it
//! leaves the asker and 1 ever after. A servent that knows walks answers, and passes the walker on to one neighbour with
//! one step more. To one that does not it is a Query that ends with it: it answers, and the walker dies there. So a walk
//! never costs more than its walkers may take steps, whoever it meets.
//!
//! An asker who has enough says so to each neighbour he sent a walker to: vendor message `SRVT/1v1` under the query's
//! GUID, TTL 1, no body. Whoever has it from the neighbour that brought the first walker says it on to each neighbour he
//! passed one to, once, and lets no more of them by. The word runs and the walkers rest, so it overtakes them; and a walk
//! that finds nothing costs its steps and no more, where asking the asker would cost the way there and back each time.

use std::time::Duration;

use bytes::Bytes;

use super::{Query, WireError};

/// Where a walker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalkStep {
    /// Steps taken so far.
    pub taken: u8,
    /// Steps it may take in all.
    pub limit: u8,
    /// Steps between two rests; at least 1.
    pub check: u8,
}

impl WalkStep {
    /// The extension's id.
    const ID: &str = "SRW";

    /// The walker that `query` is; none when it is a plain query.
    ///
    /// # Errors
    /// [`WireError::BadGgep`] when the extension is not of three bytes, or the last is zero.
    pub fn of(query: &Query) -> Result<Option<Self>, WireError> {
        let Some(value) = query.extensions.ggep.get(Self::ID) else {
            return Ok(None);
        };
        match value[..] {
            [taken, limit, check] if check > 0 => Ok(Some(Self {
                taken,
                limit,
                check,
            })),
            _ => Err(WireError::BadGgep),
        }
    }

    /// Makes `query` this walker.
    pub fn put(self, query: &mut Query) {
        let value = vec![self.taken, self.limit, self.check];
        query.extensions.ggep.push(Self::ID, Bytes::from(value));
    }

    /// One step on; none when it has taken all it may.
    pub const fn onward(self) -> Option<Self> {
        if self.taken >= self.limit {
            return None;
        }
        Some(Self {
            taken: self.taken + 1,
            ..self
        })
    }

    /// How long it is to rest here: as long as a hit of its takes home and a word from there takes back.
    pub const fn rest(self) -> Option<Duration> {
        if !self.taken.is_multiple_of(self.check) {
            return None;
        }
        let far = Duration::from_millis(THERE_AND_BACK).saturating_mul(self.taken as u32);
        Some(if far.as_millis() < LONGEST_REST.as_millis() {
            far
        } else {
            LONGEST_REST
        })
    }
}

/// A step there and back, in milliseconds: twice what a link across the world takes on average, queues included.
const THERE_AND_BACK: u64 = 250;

/// The longest rest. Those far out walk on by a few steps while the word is on its way, and are overtaken at the next.
const LONGEST_REST: Duration = Duration::from_secs(4);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walker_is_read_as_it_was_written() {
        let step = WalkStep {
            taken: 3,
            limit: 255,
            check: 4,
        };
        let mut query = Query::words("ace of spades");
        step.put(&mut query);
        let read = Query::decode(&query.encode()).expect("a query");
        assert_eq!(WalkStep::of(&read), Ok(Some(step)));
        assert_eq!(WalkStep::of(&Query::words("ace")), Ok(None));
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [&[][..], &[1, 2], &[1, 2, 0], &[1, 2, 3, 4]] {
            let mut query = Query::words("ace");
            query.extensions.ggep.push("SRW", bad.to_vec());
            assert_eq!(WalkStep::of(&query), Err(WireError::BadGgep));
        }
    }

    #[test]
    fn it_rests_and_it_ends() {
        let mut step = WalkStep {
            taken: 0,
            limit: 5,
            check: 2,
        };
        let mut rests = Vec::new();
        while let Some(next) = step.onward() {
            step = next;
            rests.push(step.rest().map(|rest| rest.as_millis()));
        }
        assert_eq!(rests, [None, Some(500), None, Some(1_000), None]);
        let far = WalkStep { taken: 200, ..step };
        assert_eq!(far.rest(), Some(LONGEST_REST));
    }
}
