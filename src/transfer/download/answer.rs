//! What an answer brings, and what it tells. Pure.

use std::net::SocketAddrV4;
use std::time::Duration;

use super::errand::Errand;
use crate::swarm::{ByteRange, Failure, Ranges};
use crate::transfer::http::{
    CONTENT_URN, ContentRange, Framing, Place, Response, Status, THEX_URI, Walled, available,
    read_alternates, read_walled,
};
use crate::wire::{Sha1, TigerRoot, Urn};

/// How long a busy source makes us wait: what it says within these, the first when it says nothing.
const BUSY_WAIT: (u64, u64) = (20, 15 * 60);

/// The longest path of a hash tree.
const LONGEST_PATH: usize = 256;

/// What the head of an answer tells of the file, whatever comes with it.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// The size of the file.
    pub(super) size: Option<u64>,
    /// Its digest.
    pub(super) sha1: Option<Sha1>,
    /// Which parts of it are there, if not all.
    pub(super) has: Option<Ranges>,
    /// The path of its hash tree, and the root.
    pub(super) tree: Option<(String, TigerRoot)>,
    /// Who else has it.
    pub(super) alternates: Vec<SocketAddrV4>,
    /// And cannot be connected to.
    pub(super) walled: Vec<Walled>,
}

/// Why an answer brings nothing.
#[derive(Debug)]
pub(super) struct Setback {
    /// What that means for the source.
    pub(super) how: Failure,
    /// For people.
    pub(super) why: String,
    /// The place in its queue.
    pub(super) place: Option<Place>,
    /// It may know the file by its index.
    pub(super) try_index: bool,
}

impl Setback {
    pub(super) fn new(how: Failure, why: impl Into<String>) -> Self {
        Self {
            how,
            why: why.into(),
            place: None,
            try_index: false,
        }
    }

    fn broken(why: &str) -> Self {
        Self::new(Failure::Broken, why)
    }

    fn refused(why: String) -> Self {
        Self::new(Failure::Refused, why)
    }
}

impl Facts {
    /// Reads them. Of a size only the whole file is meant.
    pub(super) fn of(response: &Response, framing: &Framing, known: Option<u64>) -> Self {
        let headers = &response.headers;
        let range = headers.get("Content-Range");
        let size = match (response.status, framing) {
            (Status::PARTIAL, _) => range
                .and_then(ContentRange::parse)
                .and_then(|range| range.total),
            (Status::RANGE_NOT_SATISFIABLE, _) => range.and_then(ContentRange::parse_unsatisfied),
            (Status::OK, Framing::Length(length)) => Some(*length),
            _ => None,
        };
        let whole = size.or(known).unwrap_or(u64::MAX);
        let told = headers.get("X-Available-Ranges");
        Self {
            size,
            sha1: digest_of(response),
            has: told.and_then(|value| available(value, whole)),
            tree: headers.get(THEX_URI).and_then(tree_of),
            alternates: headers.all("X-Alt").flat_map(read_alternates).collect(),
            walled: headers.all("X-Falt").flat_map(read_walled).collect(),
        }
    }
}

impl Errand {
    /// The bytes that an answer will bring.
    pub(super) fn judge(
        &self,
        response: &Response,
        framing: &Framing,
        facts: &Facts,
    ) -> Result<ByteRange, Setback> {
        match response.status {
            Status::OK | Status::PARTIAL => self.judge_body(response, framing, facts),
            Status::RANGE_NOT_SATISFIABLE if facts.has.is_some() => Err(Setback::new(
                Failure::Missing,
                "the source has other parts of the file",
            )),
            // The file is empty, or ends just where we are.
            Status::RANGE_NOT_SATISFIABLE if facts.size == Some(self.range.start) => {
                self.hold_to(self.range.start)?;
                Ok(ByteRange::new(self.range.start, self.range.start))
            }
            Status::BUSY | Status(429) => Err(self.busy(response)),
            Status(500 | 502 | 504) => {
                Err(Setback::broken(&format!("the source failed: {response}")))
            }
            _ => {
                let mut refused = Setback::refused(format!("the source refused: {response}"));
                // Servents older than URNs know the file by its index only.
                refused.try_index = !self.by_index && self.place.get.is_some();
                Err(refused)
            }
        }
    }

    fn judge_body(
        &self,
        response: &Response,
        framing: &Framing,
        facts: &Facts,
    ) -> Result<ByteRange, Setback> {
        let headers = &response.headers;
        let length = match framing {
            Framing::Length(length) => Some(*length),
            Framing::Chunked(_) | Framing::UntilClose => None,
        };
        if headers
            .get("Content-Encoding")
            .is_some_and(|coding| coding != "identity")
        {
            let why = "the source sends it in an encoding nobody asked for";
            return Err(Setback::refused(why.to_owned()));
        }
        let said = headers.get("Content-Range").and_then(ContentRange::parse);
        let range = match (response.status, said) {
            (Status::PARTIAL, None) => {
                return Err(Setback::broken(
                    "the source does not say which bytes it sends",
                ));
            }
            (Status::PARTIAL, Some(said)) => Some(said.range),
            _ => None,
        };
        if let (Some(range), Some(length)) = (range, length)
            && range.len() != length
        {
            return Err(Setback::broken("the source contradicts itself"));
        }
        let Some(total) = facts.size.or(self.size) else {
            let why = "nobody tells the size of the file";
            return Err(Setback::refused(why.to_owned()));
        };
        self.hold_to(total)?;
        if let (Some(wanted), Some(told)) = (self.sha1, facts.sha1)
            && wanted != told
        {
            let why = format!("the source has another file: urn:sha1:{told}");
            return Err(Setback::new(Failure::OtherFile, why));
        }
        let range = range.unwrap_or_else(|| ByteRange::new(0, total));
        let first = ByteRange::new(self.range.start, self.range.start + 1);
        if total > 0 && first.shared(range).is_empty() || range.end > total {
            return Err(Setback::broken(
                "the source sends other bytes than those asked for",
            ));
        }
        Ok(range)
    }

    /// Holds the source to the size that was promised: of a file without a digest nothing else can be checked.
    fn hold_to(&self, total: u64) -> Result<(), Setback> {
        match self.size.filter(|&size| size != total) {
            Some(size) => Err(Setback::refused(format!(
                "the source has {total} bytes instead of {size}"
            ))),
            None => Ok(()),
        }
    }

    fn busy(&self, response: &Response) -> Setback {
        let place = Place::of(response);
        let wait = response.headers.get("Retry-After");
        let wait = wait
            .and_then(|seconds| seconds.parse().ok())
            .unwrap_or(BUSY_WAIT.0);
        let wait = Duration::from_secs(wait.clamp(1, BUSY_WAIT.1));
        let (how, why) = match &place {
            Some(Place { position, poll, .. }) => {
                let position =
                    position.map_or_else(String::new, |place| format!("place {place} in "));
                (
                    Failure::Queued(*poll),
                    format!("{position}the queue of the source"),
                )
            }
            None => (
                Failure::Busy(wait),
                format!("the source is busy: {response}"),
            ),
        };
        Setback {
            place,
            ..Setback::new(how, why)
        }
    }
}

/// The digest a response tells.
pub(super) fn digest_of(response: &Response) -> Option<Sha1> {
    let headers = &response.headers;
    headers
        .all(CONTENT_URN)
        .chain(headers.all("X-Content-URN"))
        .flat_map(|value| value.split(','))
        .find_map(|urn| urn.trim().parse().ok())
        .map(|urn: Urn| urn.sha1())
}

/// The path and the root in `X-Thex-URI`; without a root there would be nothing to hold the tree against.
fn tree_of(value: &str) -> Option<(String, TigerRoot)> {
    let (path, root) = value.split_once(';')?;
    let path = path.trim();
    let sound = path.starts_with('/') && path.len() <= LONGEST_PATH;
    let plain = path.bytes().all(|byte| byte.is_ascii_graphic());
    (sound && plain).then_some((path.to_owned(), root.trim().parse().ok()?))
}
