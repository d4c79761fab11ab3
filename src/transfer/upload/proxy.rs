//! Being a push proxy over HTTP: the request is read here, and whether it is followed is for others to say.
//!
//! The one rule: a push goes to the address whose connection brought the request, whatever it says of itself.

use std::net::{Ipv4Addr, SocketAddrV4};

use tokio::sync::{mpsc, oneshot};

use super::Uploads;
use crate::transfer::http::{ProxyTarget, Request, Status};

/// Requests that wait for an answer at once; who comes then is told to come again.
const WAITING: usize = 16;

/// Somebody wants a servent behind a wall to connect to him.
#[derive(Debug)]
pub struct PushWish {
    /// Which servent, and which file it is to offer.
    pub target: ProxyTarget,
    /// To whom it is to connect; none: to us, who join it with whoever asks.
    pub to: Option<SocketAddrV4>,
    /// The far end of the connection that brought it.
    pub asker: Ipv4Addr,
    /// Whether that servent has us pass pushes on.
    pub reply: oneshot::Sender<bool>,
}

impl Uploads {
    /// The wishes of those who take us for a push proxy. Without a receiver, or with one that is dropped, we are none.
    pub fn push_wishes(&self) -> mpsc::Receiver<PushWish> {
        let (sender, receiver) = mpsc::channel(WAITING);
        // Should somebody have asked for them before, they go to him, and these never come.
        let _ = self.push_wishes.set(sender);
        receiver
    }

    /// What to answer to the request of `remote`: 202 when the push is on its way, 410 when we are no proxy of that
    /// servent, 400 when it names another address than its own.
    pub(super) async fn pass_push(
        &self,
        target: ProxyTarget,
        request: &Request,
        remote: SocketAddrV4,
    ) -> Status {
        let addr = ProxyTarget::asker(request).ok();
        let Some(addr) = addr.filter(|addr| addr.ip() == remote.ip()) else {
            return Status::BAD_REQUEST;
        };
        self.wish(target, Some(addr), remote).await
    }

    /// Has a servent called that has us for a push proxy; says what [`Self::pass_push`] says.
    pub(super) async fn wish(
        &self,
        target: ProxyTarget,
        to: Option<SocketAddrV4>,
        remote: SocketAddrV4,
    ) -> Status {
        let (reply, answer) = oneshot::channel();
        let wish = PushWish {
            target,
            to,
            asker: *remote.ip(),
            reply,
        };
        match self.push_wishes.get().map(|wishes| wishes.try_send(wish)) {
            Some(Ok(())) if answer.await == Ok(true) => Status::ACCEPTED,
            Some(Err(mpsc::error::TrySendError::Full(_))) => Status::BUSY,
            _ => Status::GONE,
        }
    }
}
