//! Files that come without HTTP, as Napster's peers send them: in one piece, from the first byte, once.
//!
//! They are checked and published like all others. What breaks off is given up: its source is a user of an index, to be
//! asked for again, and nothing of it stays.

use std::io;
use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};

use super::job::{End, on_disk};
use super::name::safe_name;
use super::part::Part;
use super::partial::Partial;
use super::publish::publish;
use super::rate::Rate;
use super::{DownloadId, DownloadState, DownloadStatus, Downloads, Entry, Fault, Shared, Source};
use crate::central::Requested;
use crate::transfer::channel::within;
use crate::transfer::limit::Tap;
use crate::wire::Sha1;

/// How long connecting may take, and greeting.
const GREETING: Duration = Duration::from_secs(10);

/// How long hello is waited for before we speak.
const HELLO: Duration = Duration::from_millis(250);

/// How long the bytes may pause.
const STALL: Duration = Duration::from_secs(30);

/// How much is gathered before it is written.
const BUFFER: usize = 256 * 1024;

/// A connection on which a file comes.
#[derive(Debug)]
pub struct Delivery {
    /// It.
    pub stream: TcpStream,
    /// The first of its bytes, if some were read.
    pub ahead: BytesMut,
    /// How many there will be.
    pub size: u64,
}

impl Delivery {
    /// Asks one of Napster's peers at `addr` for a file of `size` bytes.
    ///
    /// # Errors
    /// It cannot be reached, does not answer, or refuses; the text has its words.
    pub async fn fetch(
        addr: SocketAddrV4,
        nick: Bytes,
        file: Bytes,
        size: u64,
    ) -> io::Result<Self> {
        let begin = async {
            let mut stream = TcpStream::connect(addr).await?;
            // Some say hello and then listen; some, like us, listen for a while first.
            let greeted = match timeout(HELLO, stream.read_u8()).await {
                Ok(hello) => hello.and_then(greeting).map(|()| true)?,
                Err(_) => false,
            };
            let offset = 0;
            let request = Requested { nick, file, offset }.encode();
            // Some read the word by itself and take what else is there for lost.
            let (word, rest) = request.split_at(3);
            stream.write_all(word).await?;
            stream.write_all(rest).await?;
            if !greeted {
                greeting(stream.read_u8().await?)?;
            }
            Ok(stream)
        };
        let mut stream = within(GREETING, begin).await?;
        let digits = size.to_string();
        let mut ahead = BytesMut::new();
        let told = async {
            // Nothing ends the number, and the bytes behind it may be digits, too.
            while ahead.len() < digits.len() && digits.as_bytes().starts_with(&ahead) {
                if stream.read_buf(&mut ahead).await? == 0 {
                    break;
                }
            }
            Ok(())
        };
        within(STALL, told).await?;
        if !ahead.starts_with(digits.as_bytes()) {
            let said = String::from_utf8_lossy(&ahead[..ahead.len().min(60)]);
            return Err(io::Error::other(format!("the source answers `{said}`")));
        }
        ahead.advance(digits.len());
        Ok(Self {
            stream,
            ahead,
            size,
        })
    }
}

impl Downloads {
    /// Takes in a file that will be delivered.
    ///
    /// # Errors
    /// There are too many downloads, or they are being stopped.
    pub fn receive(
        &self,
        name: &str,
        size: u64,
        sha1: Option<Sha1>,
        from: SocketAddrV4,
        delivery: impl Future<Output = io::Result<Delivery>> + Send + 'static,
    ) -> io::Result<DownloadId> {
        let shared = &self.shared;
        if shared.stopping.is_cancelled() {
            return Err(io::Error::other("downloads are being stopped"));
        }
        let mut table = shared.table();
        if !table.has_room() {
            return Err(io::Error::other("there are too many downloads"));
        }
        let id = table.next;
        table.next = DownloadId(id.0 + 1);
        let status = watch::Sender::new(DownloadStatus {
            size: Some(size),
            sources: 1,
            sha1,
            ..DownloadStatus::new(id, safe_name(name))
        });
        // There is one source, which sends once: nothing to order but to stop.
        let (orders, _) = mpsc::unbounded_channel();
        let entry = Entry {
            source: Some(Source::at(from)),
            status: status.clone(),
            orders,
            partial: Arc::new(Partial::default()),
        };
        table.entries.insert(id, entry);
        drop(table);
        let intake = Intake {
            shared: shared.clone(),
            id,
            status,
            begun: Instant::now(),
        };
        let stopping = shared.stopping.clone();
        let run = async move { stopping.run_until_cancelled(intake.run(delivery)).await };
        shared.jobs.spawn_on(run, &shared.runtime);
        Ok(id)
    }
}

/// The connection broke; there is no other source.
fn broken(error: &io::Error) -> End {
    End::Final(Fault::Source, format!("the source was lost: {error}"))
}

fn greeting(byte: u8) -> io::Result<()> {
    match byte {
        b'1' => Ok(()),
        _ => Err(io::Error::other("the source does not greet")),
    }
}

/// A delivery being taken in.
#[derive(Debug)]
struct Intake {
    shared: Arc<Shared>,
    id: DownloadId,
    status: watch::Sender<DownloadStatus>,
    begun: Instant,
}

impl Intake {
    async fn run(self, delivery: impl Future<Output = io::Result<Delivery>>) {
        let done = match delivery.await {
            Ok(delivery) => self.take_in(delivery).await,
            Err(error) => Err(broken(&error)),
        };
        if let Err(end) = done {
            self.shared.store.remove(self.id);
            let (fault, why) = match end {
                End::Final(fault, why) => (fault, why),
                End::Disk(why) => (Fault::Disk, why),
                End::Cancelled | End::Stopping => return,
            };
            self.tell(|status| {
                status.state = DownloadState::Failed;
                status.fault = Some(fault);
                status.why = Some(why);
                status.rate = 0;
            });
        }
    }

    async fn take_in(&self, mut delivery: Delivery) -> Result<(), End> {
        let size = delivery.size;
        if self.status.borrow().size != Some(size) {
            let why = format!("the source has {size} bytes, which is not what it told");
            return Err(End::Final(Fault::Source, why));
        }
        let store = &self.shared.store;
        let (path, journal) = (store.part(self.id), store.journal(self.id));
        let part = on_disk(move || Part::open(&path, &journal, Some(0))).await?;
        let part = Arc::new(part);
        let mut rate = Rate::new(0);
        let mut tap = Tap::of(&self.shared.limit);
        let mut at = 0;
        while at < size {
            while delivery.ahead.len() < BUFFER && at + (delivery.ahead.len() as u64) < size {
                let most = tap.turn(BUFFER as u64).await;
                let mut stream = (&mut delivery.stream).take(most);
                let read = within(STALL, stream.read_buf(&mut delivery.ahead)).await;
                match read {
                    Ok(0) => {
                        let why = "the source broke off".to_owned();
                        return Err(End::Final(Fault::Source, why));
                    }
                    Ok(count) => tap.passed(count as u64),
                    Err(error) => return Err(broken(&error)),
                }
                let done = at + delivery.ahead.len() as u64;
                let rate = rate.note(done);
                self.tell(|status| {
                    status.state = DownloadState::Running;
                    (status.done, status.rate) = (done.min(size), rate);
                });
            }
            let room = usize::try_from(size - at).unwrap_or(usize::MAX);
            let bytes = delivery.ahead.split_to(delivery.ahead.len().min(room));
            let (part, from) = (Arc::clone(&part), at);
            at += bytes.len() as u64;
            on_disk(move || part.write(from, &bytes)).await?;
        }
        self.conclude(part, size).await
    }

    async fn conclude(&self, part: Arc<Part>, size: u64) -> Result<(), End> {
        self.tell(|status| status.state = DownloadState::Verifying);
        let found = on_disk(move || part.finish(size)).await?;
        let (told, name) = {
            let status = self.status.borrow();
            (status.sha1, status.name.clone())
        };
        let doubt = match told {
            None => Some("unverified: the source told no SHA-1".to_owned()),
            Some(told) if told == found => None,
            Some(told) => {
                let why = format!("hash mismatch: {told} was promised, {found} came");
                return Err(End::Final(Fault::HashMismatch, why));
            }
        };
        let (shared, id) = (self.shared.clone(), self.id);
        let path = on_disk(move || {
            let path = publish(&shared.store.part(id), id, &shared.folder, &name)?;
            shared.store.remove(id);
            Ok(path)
        });
        let path = path.await?;
        self.tell(|status| {
            if let Some(name) = path.file_name() {
                status.name = name.to_string_lossy().into_owned();
            }
            status.state = DownloadState::Complete;
            (status.path, status.sha1, status.why) = (Some(path), Some(found), doubt);
        });
        Ok(())
    }

    fn tell(&self, change: impl FnOnce(&mut DownloadStatus)) {
        let spent = self.begun.elapsed();
        self.status.send_modify(|status| {
            change(status);
            status.spent = spent;
        });
    }
}
