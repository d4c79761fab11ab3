//! Random walks on the wire: an extension of Query of our own, and two vendor messages.
//!
//! A walker is a normal Query with TTL 1 and the GGEP extension `SRW` of three bytes: the steps it has taken (0 as it
//! leaves the asker), the steps it may take, and after how many it has the asker asked whether to go on. Hops is 0 as it
//! leaves the asker and 1 ever after. A servent that knows walks answers, and passes the walker on to one neighbour with
//! one step more. To one that does not it is a Query that ends with it: it answers, and the walker dies there. So a walk
//! never costs more than its walkers may take steps, whoever it meets.
//!
//! The question is vendor message `SRVT/1v1`: the body is the GUID of the query, the descriptor's own GUID is new, TTL 1;
//! each servent passes it back the way the query came. The asker answers `SRVT/2v1` under the question's GUID, one byte:
//! 1 to go on, 0 to stop; it goes back the way the question came. Without an answer the walker stops.

use bytes::Bytes;

use super::{Query, WireError};

/// Where a walker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalkStep {
    /// Steps taken so far.
    pub taken: u8,
    /// Steps it may take in all.
    pub limit: u8,
    /// Steps between two questions to the asker; at least 1.
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

    /// Whether the asker is to be asked now.
    pub const fn is_due(self) -> bool {
        self.taken.is_multiple_of(self.check)
    }
}

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
    fn it_ends() {
        let mut step = WalkStep {
            taken: 0,
            limit: 5,
            check: 2,
        };
        let mut due = Vec::new();
        while let Some(next) = step.onward() {
            step = next;
            due.push(step.is_due());
        }
        assert_eq!(due, [false, true, false, true, false]);
    }
}
