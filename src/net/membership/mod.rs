//! Our membership at a central index: we tell it what we share, and ask it what others do.
//!
//! The one rule: it is an extra. While the index is away everything else goes on, and whoever asks for it is told so at
//! once; meanwhile we try again, with longer and longer pauses.

mod browse;
mod errand;
mod expected;
mod listing;
mod visit;

use std::io;
use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::FutureExt;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{sleep, timeout};

use super::search::{Search, SearchHit};
use crate::central::IndexSource;
use crate::librarian::{Census, Shelf};
use crate::rng::Rng;
use crate::transfer::{Coming, Delivery, Limit, Uploads};
use crate::wire::{Guid, Sha1};
use visit::Visit;

use browse::Consent;
pub(super) use browse::send as send_list;
use expected::Expected;
pub(super) use listing::{find, list};

/// The pause before the second try; each later one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How long the login waits until all is hashed: what is listed before is listed twice, and a few files take no time.
const HASHED_WITHIN: Duration = Duration::from_millis(500);

/// A download that goes on waits so long for us to be at the index: at a start it takes a moment.
const PRESENT_WITHIN: Duration = Duration::from_secs(10);

/// How many errands may wait for the index to be asked.
const ERRANDS: usize = 16;

/// Hits that may wait for a reader who is busy.
const WAITING_HITS: usize = 1024;

/// Where we stand with the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is not there.
    Away {
        /// Why.
        why: String,
        /// When it is tried again; none while it is being tried.
        next: Option<Instant>,
    },
    /// We are logged in.
    Present {
        /// Users there, as it told last.
        users: u64,
        /// Files there.
        files: u64,
    },
}

/// Where a file of a user of the index can be fetched.
#[derive(Clone, Debug)]
enum Meeting {
    /// At one of our kind, by HTTP.
    Ours(SocketAddrV4, Sha1),
    /// At a stranger, the way of Napster.
    Foreign(SocketAddrV4),
    /// Nowhere: its owner has been asked to bring it, and will connect to us.
    Coming,
}

/// A file of a user of the index that was asked for.
pub(super) enum Begun {
    /// One of our kind has it.
    Ours(SocketAddrV4, Sha1),
    /// It comes.
    Coming(Coming),
}

/// A membership; clones are handles on the same one.
#[derive(Clone, Debug)]
pub(super) struct Membership {
    addr: SocketAddrV4,
    standing: watch::Receiver<Standing>,
    errands: mpsc::Sender<Errand>,
    nick: watch::Receiver<Bytes>,
    expected: Expected,
}

/// What somebody wants of the index.
#[derive(Debug)]
enum Errand {
    Search {
        text: String,
        hits: mpsc::Sender<SearchHit>,
    },
    Meet {
        source: IndexSource,
        reply: oneshot::Sender<io::Result<Meeting>>,
    },
    /// Whether a user can be browsed.
    Browse {
        nick: Bytes,
        reply: oneshot::Sender<Consent>,
    },
    /// A user's list, as the index has it.
    List {
        nick: Bytes,
        reply: oneshot::Sender<Vec<SearchHit>>,
    },
}

/// What a member needs.
#[derive(Debug)]
pub(super) struct Belongings {
    /// The index.
    pub(super) index: SocketAddrV4,
    /// Who we are.
    pub(super) guid: Guid,
    /// What we call ourselves.
    pub(super) agent: String,
    /// Where we take connections.
    pub(super) port: u16,
    /// What we share.
    pub(super) shelf: Shelf,
    /// Tells when that changes.
    pub(super) census: watch::Receiver<Census>,
    /// Who brings files.
    pub(super) uploads: Arc<Uploads>,
    /// How fast messages may go out and come in.
    pub(super) limits: [Limit; 2],
    /// How long words to the index and from it wait on their way, as on a link.
    pub(super) delay: Duration,
}

impl Belongings {
    /// Takes as long as words to the index are to take.
    async fn cross(&self) {
        if !self.delay.is_zero() {
            sleep(self.delay).await;
        }
    }
}

impl Membership {
    /// Joins, and stays a member until the task that is returned is dropped.
    pub(super) fn new(belongings: Belongings) -> (Self, impl Future<Output = ()> + Send) {
        let (tell, standing) = watch::channel(Standing::Away {
            why: "it has not answered yet".to_owned(),
            next: None,
        });
        let (errands, waiting) = mpsc::channel(ERRANDS);
        let (name, nick) = watch::channel(nick_of(belongings.guid));
        let membership = Self {
            addr: belongings.index,
            standing,
            errands,
            nick,
            expected: Expected::default(),
        };
        (membership, stay(belongings, tell, name, waiting))
    }

    /// Where the index is.
    pub(super) const fn addr(&self) -> SocketAddrV4 {
        self.addr
    }

    /// Where we stand, now and later.
    pub(super) fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.clone()
    }

    /// What we are called there.
    pub(super) fn nick(&self) -> Bytes {
        self.nick.borrow().clone()
    }

    /// Asks for a file, and begins to fetch it.
    ///
    /// # Errors
    /// As of [`Self::meet`].
    pub(super) async fn begin(&self, source: &IndexSource, size: u64) -> io::Result<Begun> {
        self.fetch(source, size, 0).await
    }

    /// Has the bytes of a file come, `from` one of them on, once we are at the index.
    ///
    /// # Errors
    /// As of [`Self::meet`], or whoever has it does not send it.
    pub(super) async fn deliver(
        &self,
        source: &IndexSource,
        size: u64,
        from: u64,
    ) -> io::Result<Delivery> {
        let mut standing = self.standing();
        let is_present = |standing: &Standing| matches!(standing, Standing::Present { .. });
        let _ = timeout(PRESENT_WITHIN, standing.wait_for(is_present)).await;
        match self.fetch(source, size, from).await? {
            Begun::Coming(coming) => coming.await,
            Begun::Ours(..) => Err(io::Error::other("its owner has other words for it now")),
        }
    }

    async fn fetch(&self, source: &IndexSource, size: u64, from: u64) -> io::Result<Begun> {
        // Before its owner is asked: it may be quick.
        let coming = self.expected.await_file(source.clone(), from);
        Ok(match self.meet(source.clone()).await? {
            Meeting::Ours(addr, sha1) => Begun::Ours(addr, sha1),
            Meeting::Foreign(addr) => {
                let (nick, file) = (self.nick(), source.file.clone());
                Begun::Coming(Delivery::fetch(addr, nick, file, size, from).boxed())
            }
            Meeting::Coming => Begun::Coming(coming.boxed()),
        })
    }

    /// The files and lists that others were asked to bring.
    pub(super) const fn expected(&self) -> &Expected {
        &self.expected
    }

    /// Asks for files whose names hold all words of `text`.
    ///
    /// # Errors
    /// The index is away.
    pub(super) async fn search(&self, text: &str) -> io::Result<Search> {
        self.present()?;
        let (sender, hits) = mpsc::channel(WAITING_HITS);
        let (_, messages) = watch::channel(1);
        let errand = Errand::Search {
            text: text.to_owned(),
            hits: sender,
        };
        self.errands.send(errand).await.map_err(|_| gone())?;
        Ok(Search {
            guid: Guid::ZERO,
            hits,
            messages,
            prospect: None,
        })
    }

    /// All that a user shares, as it says itself where it lets us ask, else as the index has it.
    ///
    /// # Errors
    /// The index is away, or does not answer.
    pub(super) async fn browse(&self, nick: &str) -> io::Result<Vec<SearchHit>> {
        self.present()?;
        let nick = Bytes::copy_from_slice(nick.as_bytes());
        // Before it is asked: it may be quick.
        let coming = self.expected.await_list(nick.clone());
        let (reply, consent) = oneshot::channel();
        let of = nick.clone();
        let errand = Errand::Browse { nick: of, reply };
        self.errands.send(errand).await.map_err(|_| gone())?;
        let told = match consent.await.unwrap_or(Consent::Declined) {
            Consent::At(addr) => browse::fetch(&nick, addr).await,
            Consent::Coming => coming.await,
            Consent::Declined => Err(io::Error::other("it does not let itself be browsed")),
        };
        match told {
            Ok(hits) => Ok(hits),
            Err(why) => {
                tracing::debug!(?nick, %why, "the index is asked for the list");
                let (reply, list) = oneshot::channel();
                let errand = Errand::List { nick, reply };
                self.errands.send(errand).await.map_err(|_| gone())?;
                list.await.map_err(|_| gone())
            }
        }
    }

    /// Asks where a file can be fetched.
    ///
    /// # Errors
    /// The index is away, the user is, or neither of us can be connected to.
    async fn meet(&self, source: IndexSource) -> io::Result<Meeting> {
        self.present()?;
        let (reply, answer) = oneshot::channel();
        let errand = Errand::Meet { source, reply };
        self.errands.send(errand).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    fn present(&self) -> io::Result<()> {
        match &*self.standing.borrow() {
            Standing::Present { .. } => Ok(()),
            Standing::Away { why, .. } => {
                Err(io::Error::new(io::ErrorKind::NotConnected, why.clone()))
            }
        }
    }
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the index has just gone away")
}

/// Comes back as often as the index goes away.
async fn stay(
    belongings: Belongings,
    tell: watch::Sender<Standing>,
    name: watch::Sender<Bytes>,
    mut errands: mpsc::Receiver<Errand>,
) {
    let mut rng = Rng::system();
    let password = format!("{:016x}", rng.next());
    let mut pause = FIRST_PAUSE;
    let mut census = belongings.census.clone();
    let is_hashed = |census: &Census| census.scans > 0 && census.unhashed == 0;
    let _ = timeout(HASHED_WITHIN, census.wait_for(is_hashed)).await;
    loop {
        let nick = name.borrow().clone();
        let visit = Visit::begin(&belongings, &nick, &password).await;
        let why = match visit {
            Ok(visit) => {
                tracing::info!(index = %belongings.index, "logged in at the index");
                pause = FIRST_PAUSE;
                visit.stay(&belongings, &tell, &mut errands).await
            }
            Err(why) => why,
        };
        if why.kind() == io::ErrorKind::PermissionDenied {
            // Somebody else goes by our name.
            let number = rng.next() & 0xff_ffff_ffff;
            name.send_replace(format!("servent-{number:010x}").into());
        }
        tracing::info!(index = %belongings.index, %why, "the index is away");
        refuse(&mut errands);
        // Not all members at once, should the index have been away for all.
        let part = 75 + u32::try_from(rng.below(50)).expect("less than 50");
        let longer = pause * part / 100;
        let away = |next| Standing::Away {
            why: why.to_string(),
            next,
        };
        tell.send_replace(away(Some(Instant::now() + longer)));
        sleep(longer).await;
        tell.send_replace(away(None));
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}

/// Answers what waits: dropping an errand tells whoever gave it.
fn refuse(errands: &mut mpsc::Receiver<Errand>) {
    while errands.try_recv().is_ok() {}
}

/// A name that is ours in every run, and short enough.
fn nick_of(guid: Guid) -> Bytes {
    let digits: String = guid.to_string().chars().take(10).collect();
    format!("servent-{digits}").into()
}
