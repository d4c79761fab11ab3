//! The running servent, as its owner holds it.

use std::io;
use std::net::SocketAddrV4;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::actor::{Acquaintances, Actor, Parts};
use super::datagram::Datagrams;
use super::gateway::{Gateway, Mapped};
use super::inbox::{INBOX, Inbox, Order, Report};
use super::listen::{Door, Napster, bind};
use super::membership::{Begun, Belongings, Membership};
use super::passing::{PASSING, Passing};
use super::public::name_caches;
use super::room::Room;
use super::seeker::Seeker;
use super::stores::Stores;
use super::watches::{Watcher, Watches};
use super::webcaches::{Book, WebCacheNews, WebCaches};
use super::{
    BootstrapStep, IndexSource, PeerStatus, Search, SearchHit, Settings, Standing, Status,
};
use crate::librarian::{Census, Librarian, Shelf};
use crate::overlay::Strategy;
use crate::transfer::{DownloadId, Downloads, Identity, Source, Uploads, Wanted};
use crate::wire::{Guid, Query, Sha1};

/// Who we say we are, to servents and to HTTP clients.
const AGENT: &str = concat!("servent/", env!("CARGO_PKG_VERSION"));

/// How long [`Servent::stop`] may take in all; what is not done by then is cut off.
const STOP_WITHIN: Duration = Duration::from_millis(1900);

/// A running servent. Clones are handles on the same one; when the last is dropped, it leaves the network.
#[derive(Clone, Debug)]
pub struct Servent(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    guid: Guid,
    listen: SocketAddrV4,
    inbox: Inbox,
    neighbours: watch::Receiver<usize>,
    passing: broadcast::Sender<Passing>,
    librarian: Librarian,
    downloads: Downloads,
    watches: Watches,
    uploads: Arc<Uploads>,
    membership: Option<Membership>,
    web_caches: watch::Receiver<Vec<WebCacheNews>>,
    mapped: watch::Receiver<Mapped>,
    /// Cancelled when the actor's task is over.
    over: CancellationToken,
    /// Tells the actor to leave, at the latest when nobody holds the servent any more.
    stop: DropGuard,
    /// Tells it to end at once.
    kill: CancellationToken,
}

impl Servent {
    /// Binds the port, opens the stores, begins to share and to look for neighbours.
    ///
    /// # Errors
    /// No address of `settings.listen` is free, or a store cannot be opened.
    pub async fn start(mut settings: Settings) -> io::Result<Self> {
        let room = Room::now();
        let needed = Room::needed(&settings.overlay);
        if room.fit(&mut settings.overlay) {
            let (slots, leaves) = (settings.overlay.slots, settings.overlay.leaves);
            tracing::warn!(
                "so few files may be open at once that there is room for {slots} ultrapeers and {leaves} leaves only; \
                 `ulimit -n {needed}` makes room for all"
            );
        }
        let (listener, listen) = bind(&settings.listen).await?;
        let datagrams = match settings.overlay.udp {
            true => open_datagrams(listen).await,
            false => None,
        };
        let has_datagrams = datagrams.is_some();
        let (share, data) = (settings.share, settings.data.clone());
        let folder = settings.downloads;
        // The downloads go on as soon as they are opened, on the runtime we stand in.
        let runtime = tokio::runtime::Handle::current();
        let open = move || {
            let _inside = runtime.enter();
            Stores::open(share, data, folder, AGENT)
        };
        let stores = spawn_blocking(open).await??;

        let (inbox, reports) = mpsc::channel(INBOX);
        let (count, neighbours) = watch::channel(0);
        let passing = broadcast::Sender::new(PASSING);
        let identity = Identity {
            guid: stores.guid,
            agent: AGENT.to_owned(),
        };
        let uploads = Uploads::new(stores.librarian.shelf(), identity, settings.upload_slots);
        uploads.limit().set(settings.upload_limit);
        uploads.relay(settings.relay);
        settings.overlay.relays = settings.relay > 0;
        uploads.repay(settings.tit_for_tat);
        stores.downloads.limit().set(settings.download_limit);
        let limits = [uploads.limit().clone(), stores.downloads.limit().clone()];
        let datagrams = datagrams.map(|datagrams| datagrams.within(limits.clone()));
        uploads.lobby().narrow(room.seats());
        uploads.serve_also(stores.librarian.trees(), stores.downloads.clone());
        stores.downloads.listen_on(listen);
        let refused = Arc::new(AtomicU64::new(0));
        let (stop, kill) = (CancellationToken::new(), CancellationToken::new());
        let over = CancellationToken::new();
        let joined = settings.index.map(|index| {
            Membership::new(Belongings {
                index,
                guid: stores.guid,
                agent: AGENT.to_owned(),
                port: listen.port(),
                shelf: stores.librarian.shelf(),
                census: stores.librarian.census(),
                uploads: uploads.clone(),
                limits: limits.clone(),
                delay: settings.link_delay,
            })
        });
        let (membership, staying): (Option<Membership>, Option<_>) = joined.unzip();
        if let Some(membership) = membership.clone() {
            stores.downloads.deliver_by(move |owner, size, from| {
                let membership = membership.clone();
                async move { membership.deliver(&owner, size, from).await }.boxed()
            });
        }
        let door = Door {
            inbox: inbox.clone(),
            uploads: uploads.clone(),
            downloads: stores.downloads.clone(),
            refused: refused.clone(),
            most: room.incoming(),
            napster: membership.as_ref().map(|membership| Napster {
                shelf: stores.librarian.shelf(),
                membership: membership.clone(),
            }),
        };
        let parts = Parts {
            guid: stores.guid,
            agent: AGENT.to_owned(),
            config: Arc::new(settings.overlay),
            deflate: settings.deflate,
            link_delay: settings.link_delay,
            listen,
            datagrams,
            inbox: inbox.clone(),
            saved: stores.saved,
            shelf: stores.librarian.shelf(),
            census: stores.librarian.census(),
            uploads: uploads.clone(),
            downloads: stores.downloads.clone(),
            neighbours: count,
            passing: passing.clone(),
            refused,
            stop: stop.clone(),
            kill: kill.clone(),
        };
        let mut actor = Actor::new(parts, door.run(listener));
        if let Some(staying) = staying {
            actor.see_to(staying);
        }
        let known = Acquaintances {
            first: settings.connect,
            remembered: stores.hosts,
            candidates: settings.bootstrap,
            caches: settings.caches,
        };
        let seeker = Seeker {
            inbox: inbox.clone(),
            downloads: stores.downloads.clone(),
            neighbours: neighbours.clone(),
        };
        let gone = over.clone();
        tokio::spawn(async move { gone.run_until_cancelled(seeker.run()).await });
        let watcher = Watcher {
            inbox: inbox.clone(),
            downloads: stores.downloads.clone(),
            neighbours: neighbours.clone(),
            watches: stores.watches.clone(),
        };
        let gone = over.clone();
        tokio::spawn(async move { gone.run_until_cancelled(watcher.run()).await });
        let (tell_of_caches, web_caches) = watch::channel(Vec::new());
        let (tell_of_mapping, mapped) = watch::channel(Mapped::default());
        let opened = settings.public.map(|public| {
            let asker = WebCaches {
                book: Book::open(settings.data.join("webcaches"), &public.web_caches),
                agent: AGENT.to_owned(),
                inbox: inbox.clone(),
                neighbours: neighbours.clone(),
                announce_every: public.announce_every,
                news: tell_of_caches,
            };
            let gone = over.clone();
            tokio::spawn(async move { gone.run_until_cancelled(asker.run()).await });
            if has_datagrams {
                let (gone, inbox) = (over.clone(), inbox.clone());
                let naming = name_caches(public.udp_caches, inbox);
                tokio::spawn(async move { gone.run_until_cancelled(naming).await });
            }
            let gateway = Gateway {
                port: listen.port(),
                at: public.gateway,
                upnp: public.upnp,
                inbox: inbox.clone(),
                news: tell_of_mapping,
            };
            tokio::spawn(gateway.run(stop.clone()))
        });
        let finished = over.clone().drop_guard();
        tokio::spawn(async move {
            actor.run(reports, known).await;
            if let Some(opened) = opened {
                // It closes the port again, which takes a second at most. If it has panicked, there is nothing to wait for.
                let _ = opened.await;
            }
            drop(finished);
        });
        tracing::info!(%listen, guid = %stores.guid, "servent started");
        Ok(Self(Arc::new(Inner {
            guid: stores.guid,
            listen,
            inbox,
            neighbours,
            passing,
            librarian: stores.librarian,
            downloads: stores.downloads,
            watches: stores.watches,
            uploads,
            membership,
            web_caches,
            mapped,
            over,
            stop: stop.drop_guard(),
            kill,
        })))
    }

    /// Where it listens: `0.0.0.0` stands for every address of this machine.
    pub fn listen(&self) -> SocketAddrV4 {
        self.0.listen
    }

    /// Its GUID: the same in every run with the same data folder.
    pub fn guid(&self) -> Guid {
        self.0.guid
    }

    /// How many neighbours it has, now and later.
    pub fn neighbours(&self) -> watch::Receiver<usize> {
        self.0.neighbours.clone()
    }

    /// The queries that neighbours pass on to us, from now on, those we have seen before included.
    pub fn passing(&self) -> broadcast::Receiver<Passing> {
        self.0.passing.subscribe()
    }

    /// Asks the network, `by` this way or the configured one. After
    /// [`Servent::stop`] the search has ended before it begins.
    pub async fn search(&self, query: Query, by: Option<Strategy>) -> Search {
        let ask = |reply| Order::Search { query, by, reply };
        self.ask(ask).await.unwrap_or_else(|| Search {
            guid: Guid::ZERO,
            hits: mpsc::channel(1).1,
            messages: watch::channel(0).1,
            prospect: None,
        })
    }

    /// Asks the central index for files whose names hold all words of `text`.
    ///
    /// # Errors
    /// We are no member of one, or it is away.
    pub async fn search_index(&self, text: &str) -> io::Result<Search> {
        self.membership()?.search(text).await
    }

    /// All that a user of the central index shares.
    ///
    /// # Errors
    /// We are no member of one, it is away, or it does not answer.
    pub async fn browse_user(&self, nick: &str) -> io::Result<Vec<SearchHit>> {
        self.membership()?.browse(nick).await
    }

    /// The central index, and where we stand with it, now and later; none when we are no member of one.
    pub fn index(&self) -> Option<(SocketAddrV4, watch::Receiver<Standing>)> {
        let membership = self.0.membership.as_ref()?;
        Some((membership.addr(), membership.standing()))
    }

    /// Begins to fetch a file that the index found: over HTTP from one of our kind, the way of Napster's peers from others.
    ///
    /// # Errors
    /// The index is away, its owner is, neither of us can be connected to, or the download cannot be begun.
    pub async fn fetch_through_index(
        &self,
        source: &IndexSource,
        name: &str,
        size: u64,
        sha1: Option<Sha1>,
    ) -> io::Result<DownloadId> {
        match self.membership()?.begin(source, size).await? {
            Begun::Ours(addr, sha1) => self.downloads().start(Wanted {
                name: name.to_owned(),
                size: Some(size),
                sha1: Some(sha1),
                root: None,
                sources: vec![Source::at(addr)],
            }),
            Begun::Coming(coming) => {
                let owner = source.clone();
                self.downloads().receive(name, size, sha1, owner, coming)
            }
        }
    }

    fn membership(&self) -> io::Result<&Membership> {
        let none = || io::Error::new(io::ErrorKind::NotConnected, "no index was named");
        self.0.membership.as_ref().ok_or_else(none)
    }

    /// The neighbours, oldest link first.
    pub async fn peers(&self) -> Vec<PeerStatus> {
        self.ask(Order::Peers).await.unwrap_or_default()
    }

    /// All figures; zeros once it has stopped.
    pub async fn status(&self) -> Status {
        let answer = self.ask(Order::Status).await;
        let mut status = answer.unwrap_or_else(|| Status::stopped(self.0.guid, self.0.listen));
        let web_caches = self.0.web_caches.borrow();
        status
            .bootstrap
            .extend(web_caches.iter().map(BootstrapStep::from));
        status.gateway = self.0.mapped.borrow().news();
        status
    }

    /// Dials; returns once the link is up. Being linked already is success.
    ///
    /// # Errors
    /// Why it is not: nobody answers, a refusal (the text has its code and reason), not a servent, or ourselves.
    pub async fn connect(&self, addr: SocketAddrV4) -> io::Result<()> {
        let stopped = || {
            Err(io::Error::new(
                io::ErrorKind::NotConnected,
                "it has stopped",
            ))
        };
        let answer = self.ask(|reply| Order::Connect { addr, reply }).await;
        answer.unwrap_or_else(stopped)
    }

    /// Hangs up on the neighbour at `addr` (listening address or far end of the socket); false when there is none.
    pub async fn disconnect(&self, addr: SocketAddrV4) -> bool {
        let answer = self.ask(|reply| Order::Disconnect { addr, reply }).await;
        answer.unwrap_or_default()
    }

    /// The library.
    pub fn shelf(&self) -> Shelf {
        self.0.librarian.shelf()
    }

    /// How far the librarian is.
    pub fn census(&self) -> watch::Receiver<Census> {
        self.0.librarian.census()
    }

    /// Walks the shared folders again.
    pub fn rescan(&self) {
        self.0.librarian.rescan();
    }

    /// The downloads.
    pub fn downloads(&self) -> &Downloads {
        &self.0.downloads
    }

    /// What is looked for again and again.
    pub fn watches(&self) -> &Watches {
        &self.0.watches
    }

    /// The uploads.
    pub fn uploads(&self) -> &Uploads {
        &self.0.uploads
    }

    /// Says Bye to the neighbours, saves the hosts, stops transfers; done within 2 s. A second call waits for the
    /// first.
    pub async fn stop(&self) {
        self.0.stop.token().cancel();
        let all = async { tokio::join!(self.0.over.cancelled(), self.0.downloads.stop()) };
        if timeout(STOP_WITHIN, all).await.is_err() {
            tracing::warn!("stopped before everything was put away");
        }
    }

    /// Ends as a crash would: no Bye, nothing saved, every socket closed. For tests of those who stay behind.
    #[doc(hidden)]
    pub async fn kill(&self) {
        self.0.kill.cancel();
        self.0.over.cancelled().await;
    }

    /// Gives an order and waits for the answer; none when there is nobody to obey.
    async fn ask<T>(&self, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.0.inbox.send(Report::Order(order(reply))).await.ok()?;
        answer.await.ok()
    }
}

/// The socket for datagrams; a servent goes without if its port is taken.
async fn open_datagrams(listen: SocketAddrV4) -> Option<Datagrams> {
    match Datagrams::bind(listen).await {
        Ok(datagrams) => Some(datagrams),
        Err(error) => {
            tracing::warn!(%listen, %error, "no datagrams: the port is taken for UDP");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_go_wherever_tasks_go() {
        const fn shared<T: Send + Sync + Clone>() {}
        const { shared::<Servent>() };
    }
}
