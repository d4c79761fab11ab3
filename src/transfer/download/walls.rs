//! Sources that cannot be connected to, and the ways to have them come.
//!
//! The one rule: each way is tried a moment after the one before, and all go on until the first of them leads to the
//! source; so nobody has to know beforehand who of us stands behind a wall (after RFC 8305, "Happy Eyeballs"). First a Push
//! along the way of its hit, then one by its push proxies, and then, for it may be us to whom nobody can connect, a relay.

use std::io;
use std::net::SocketAddrV4;
use std::time::Duration;

use bytes::BytesMut;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::status::Source;
use super::{Downloads, PushCall, Shared};
use crate::transfer::http::{ProxyTarget, Request, Status};
use crate::transfer::session::Session;
use crate::wire::Guid;

/// How long after the Push its proxies are asked: it mostly has answered by then.
const PROXIES_AFTER: Duration = Duration::from_secs(1);

/// How long after the Push a relay is asked, which costs a stranger as much as it brings us.
const RELAYS_AFTER: Duration = Duration::from_secs(2);

/// How many of either are asked; servents name four at most.
const ASKED: usize = 4;

/// Below this no servent listens, but others do whom strangers might want us to call.
const LOWEST_PORT: u16 = 1024;

impl Downloads {
    /// The calls for servents that cannot be connected to; whoever can send Pushes takes them, once.
    pub fn push_calls(&self) -> Option<mpsc::Receiver<PushCall>> {
        self.shared.pushes.take_calls()
    }

    /// Takes the connection of a servent that says GIV; false, and the connection is closed, when nobody waits for it.
    pub fn given(&self, servent: Guid, stream: TcpStream, ahead: BytesMut) -> bool {
        self.shared.pushes.give(servent, (stream, ahead))
    }

    /// Waits for a servent that is called for somebody else.
    ///
    /// # Errors
    /// `TimedOut` after 30 s.
    pub(in crate::transfer) fn expect(
        &self,
        servent: Guid,
    ) -> impl Future<Output = io::Result<(TcpStream, BytesMut)>> + Send + use<> {
        self.shared.pushes.expect(servent)
    }

    /// Connects to a source, whatever stands between us.
    ///
    /// # Errors
    /// Those of the socket; `TimedOut`.
    pub(in crate::transfer) async fn visit(&self, source: &Source) -> io::Result<Session> {
        self.shared.visit(source).await
    }
}

impl Shared {
    /// Connects to a source, whatever stands between us.
    ///
    /// # Errors
    /// Those of the socket; `TimedOut`.
    pub(super) async fn visit(&self, source: &Source) -> io::Result<Session> {
        match source.push {
            Some(servent) => self.call_out(servent, source).await,
            None => Session::connect_from(self.here(), source.addr).await,
        }
    }

    /// A connection that a source opened to us after a relay had been found for it.
    pub(super) fn came_late(&self, place: &Source) -> Option<Session> {
        let (stream, ahead) = self.pushes.take_late(place.push?)?;
        Some(Session::on(stream, ahead, place.addr))
    }

    /// A connection to a source of this GUID.
    ///
    /// # Errors
    /// `TimedOut` when it came by none of the ways; else what went wrong with the last of them.
    async fn call_out(&self, servent: Guid, place: &Source) -> io::Result<Session> {
        let index = place.get.as_ref().map_or(0, |(index, _)| *index);
        let target = ProxyTarget { servent, index };
        let pushed = async {
            let ask_proxies = async {
                sleep(PROXIES_AFTER).await;
                self.ask_proxies(target, place).await;
            };
            let called = self.pushes.call(servent, index);
            tokio::pin!(called);
            let (stream, ahead) = tokio::select! {
                given = &mut called => given,
                () = ask_proxies => called.await,
            }?;
            Ok(Session::on(stream, ahead, place.addr))
        };
        let relayed = async {
            sleep(RELAYS_AFTER).await;
            self.find_relay(target, place).await
        };
        tokio::pin!(pushed, relayed);
        tokio::select! {
            pushed = &mut pushed => match pushed {
                Err(_) if !place.relays.is_empty() => relayed.await,
                pushed => pushed,
            },
            relayed = &mut relayed, if !place.relays.is_empty() => match relayed {
                Err(_) => pushed.await,
                relayed => {
                    self.pushes.welcome(servent);
                    relayed
                }
            },
        }
    }

    /// Asks the proxies of a source, one after the other, until one passes the push on.
    async fn ask_proxies(&self, target: ProxyTarget, place: &Source) {
        for proxy in asked(&place.proxies) {
            let ask = async {
                let mut session = Session::connect_from(self.here(), proxy).await?;
                let here = session.local().and_then(|ip| self.listening(ip));
                let here = here.ok_or(io::ErrorKind::AddrNotAvailable)?;
                let request = Request::get(target.push_path()).with("X-Node", here);
                session.ask(request, &self.agent).await
            };
            match ask.await {
                Ok(response) if response.status == Status::ACCEPTED => return,
                Ok(response) => tracing::debug!(%proxy, status = response.status.0, "no proxy"),
                Err(error) => tracing::debug!(%proxy, %error, "no proxy"),
            }
        }
    }

    /// Has one of the relays of a source join us.
    async fn find_relay(&self, target: ProxyTarget, place: &Source) -> io::Result<Session> {
        let mut last = io::ErrorKind::NotConnected.into();
        for relay in asked(&place.relays) {
            let join = async {
                let session = Session::connect_from(self.here(), relay).await?;
                let request = Request::get(target.relay_path());
                session.switch(request, &self.agent, place.addr).await
            };
            match join.await {
                Ok(session) => return Ok(session),
                Err(error) => {
                    tracing::debug!(%relay, %error, "no relay");
                    last = error;
                }
            }
        }
        Err(last)
    }
}

/// Who is asked of those whom a source names.
fn asked(hosts: &[SocketAddrV4]) -> impl Iterator<Item = SocketAddrV4> {
    let hosts = hosts.iter().filter(|host| host.port() >= LOWEST_PORT);
    hosts.take(ASKED).copied()
}
