//! One neighbour: a reader task, a writer task, and the bounded queue between the actor and the writer.

mod queue;
mod reader;
mod writer;

use std::io;
use std::net::SocketAddrV4;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use bytes::BytesMut;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::task::{self, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use queue::Queue;
use reader::Reader;
use writer::Writer;

use super::admission::Permit;
use super::inbox::Inbox;
use crate::overlay::PeerId;
use crate::transfer::Limit;
use crate::wire::deflate::{Deflater, Inflater};
use crate::wire::handshake::Agreement;
use crate::wire::{Bye, ByeCode, CodecError, Descriptor, Guid, Kind, WireError};

/// What the system may hold of our descriptors for one neighbour. By itself it takes megabytes from us before a slow
/// neighbour is felt; then minutes-old queries would go out, and nothing would be shed.
const SEND_BUFFER: usize = 64 * 1024;

/// A link as the actor holds it. Dropping it closes the socket once the writer has written what waits.
#[derive(Debug)]
pub(super) struct Link {
    /// The far end of the socket.
    pub(super) remote: SocketAddrV4,
    queue: Queue,
    reads_bye: bool,
    tasks: [task::Id; 2],
    closing: CancellationToken,
}

/// Why a link ended by itself.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ending {
    /// The neighbour closed it.
    #[error("closed by the neighbour")]
    Closed,
    /// The socket failed.
    #[error(transparent)]
    Failed(#[from] io::Error),
    /// What came is no stream of descriptors, or one of them is too large.
    #[error(transparent)]
    Descriptor(CodecError),
    /// What came does not inflate, or inflates beyond reason.
    #[error(transparent)]
    Deflate(#[from] WireError),
    /// The neighbour does not read what we send.
    #[error("it takes nothing any more")]
    Stalled,
}

impl Ending {
    /// What to tell the neighbour, if there is anything to tell.
    pub(super) const fn bye(&self) -> Option<(ByeCode, &'static str)> {
        match self {
            Self::Closed | Self::Failed(_) | Self::Descriptor(CodecError::Io(_)) => None,
            Self::Descriptor(CodecError::TooLarge { .. }) => {
                Some((ByeCode::TOO_LARGE, "Message too large"))
            }
            Self::Deflate(_) => Some((ByeCode::BAD_PAYLOAD, "Damaged compressed stream")),
            Self::Stalled => Some((ByeCode::QUEUE_FULL, "Send queue stalled")),
        }
    }
}

impl From<CodecError> for Ending {
    fn from(error: CodecError) -> Self {
        match error {
            CodecError::Io(error) => Self::Failed(error),
            other => Self::Descriptor(other),
        }
    }
}

/// What a link begins with, as the handshake left it.
#[derive(Debug)]
pub(super) struct Start<'a> {
    pub(super) peer: PeerId,
    pub(super) stream: TcpStream,
    pub(super) rest: BytesMut,
    pub(super) remote: SocketAddrV4,
    pub(super) agreement: &'a Agreement,
    pub(super) permit: Option<Permit>,
    /// How fast messages may go out and come in.
    pub(super) limits: [&'a Limit; 2],
    /// Descriptors that were to be sent and are not.
    pub(super) shed: Arc<AtomicU64>,
    /// How long what goes out waits first.
    pub(super) delay: Duration,
}

impl Link {
    /// Starts the two tasks of a link; what the neighbour sends arrives in `inbox`.
    pub(super) fn start(start: Start<'_>, inbox: &Inbox, tasks: &mut JoinSet<()>) -> Self {
        let (queue, waiting) = queue::queue(start.shed);
        if let Err(error) = SockRef::from(&start.stream).set_send_buffer_size(SEND_BUFFER) {
            tracing::debug!(%error, "the system's send buffer stays as it is");
        }
        let (read, write) = start.stream.into_split();
        let closing = CancellationToken::new();
        let span = tracing::info_span!("link", peer = start.peer.0, remote = %start.remote);
        let reader = Reader {
            peer: start.peer,
            socket: read,
            inflater: start.agreement.deflate_in.then(Inflater::new),
            inbox: inbox.clone(),
            closing: closing.clone(),
            permit: start.permit,
            tap: start.limits[1].messages(),
            is_narrow: false,
        };
        let writer = Writer {
            peer: start.peer,
            socket: write,
            deflater: start.agreement.deflate_out.then(Deflater::new),
            inbox: inbox.clone(),
            closing: closing.clone(),
            tap: start.limits[0].messages(),
            delay: start.delay,
        };
        let reader = tasks.spawn(reader.run(start.rest).instrument(span.clone()));
        let writer = tasks.spawn(writer.run(waiting).instrument(span));
        Self {
            remote: start.remote,
            queue,
            reads_bye: start.agreement.bye,
            tasks: [reader.id(), writer.id()],
            closing,
        }
    }

    /// Queues a descriptor; false when it was shed.
    pub(super) fn send(&self, descriptor: Descriptor) -> bool {
        self.queue.push(descriptor)
    }

    /// Says Bye (to those who know what that is) and closes.
    pub(super) fn hang_up(self, guid: Guid, code: ByeCode, why: &str) {
        if self.reads_bye {
            let text = why.to_owned();
            let payload = Bye { code, text }.encode();
            self.queue
                .push(Descriptor::new(guid, Kind::Bye, 1, payload));
        }
    }

    /// Whether this is one of its tasks.
    pub(super) fn owns(&self, task: task::Id) -> bool {
        self.tasks.contains(&task)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.closing.cancel();
    }
}
