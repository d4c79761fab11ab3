//! The index itself: who is here, what they have, and what to answer.
//!
//! The one rule: [`Index::handle`] cannot fail. What a client sends is answered, refused in words (404), or ends its link;
//! what users have goes when their link does.

mod asking;
mod event;
mod files;
mod ledger;
mod limits;
mod load;
mod postings;
mod session;
mod sharing;
mod signalling;
mod store;
#[cfg(test)]
mod tests;
mod userlist;
mod wanted;

pub use event::{Effect, Input, Link, Outbox};
pub use limits::Limits;
pub use load::Load;
pub use store::{
    Answer, Batch, Found, Guest, Listed, Place, Question, QuestionId, Registration, Span, Totals,
    Wanted,
};

use std::net::Ipv4Addr;

use bytes::BytesMut;

use super::fields::{Fields, Malformed};
use super::frame::{Frame, Kind, frame};
use crate::time::Time;
use asking::Asking;
use files::Files;
use ledger::Ledger;
use load::Counted;
use session::Accounts;
use userlist::{User, Userlist};

/// A central index. Pure: it knows no socket, and asks no clock.
#[derive(Debug)]
pub struct Index {
    limits: Limits,
    accounts: Accounts,
    users: Userlist,
    files: Files,
    searches: u64,
    /// What the store that is shared with other indexes has to be told, while there is one.
    ledger: Option<Ledger>,
    asking: Asking,
    others: Totals,
    load: Load,
}

impl Index {
    /// An empty one. `salt` should be nobody's to guess: passwords are kept mixed with it.
    pub fn new(limits: Limits, salt: u64) -> Self {
        Self {
            limits,
            accounts: Accounts::new(salt),
            users: Userlist::default(),
            files: Files::default(),
            searches: 0,
            ledger: None,
            asking: Asking::default(),
            others: Totals::default(),
            load: Load::default(),
        }
    }

    /// Takes one input, and pushes all that is to be done about it. At most one [`Effect::Send`] a link and input, so that
    /// an answer leaves in one piece.
    pub fn handle(&mut self, now: Time, input: Input, out: &mut impl Outbox) {
        let mut counted = Counted {
            out,
            load: Load::default(),
        };
        let out = &mut counted;
        self.files.sweep();
        if let Input::Received { frame, .. } = &input {
            self.load.read(frame);
        }
        match input {
            Input::Opened { link, addr } => self.on_opened(link, addr, out),
            Input::Received { from, frame } if self.users.get(from).is_some() => {
                self.on_frame(now, from, &frame, out);
            }
            Input::Received { from, frame } => self.on_stranger(now, from, &frame, out),
            Input::Closed { link } => self.on_closed(link, out),
            Input::StoreOpened => self.ledger = Some(Ledger::new(self.users.iter())),
            Input::StoreLost => self.on_store_lost(now, out),
            Input::Answered { id, answer } => self.on_answered(now, id, answer, out),
            Input::Forwarded { to, bytes } => {
                if self.is_user(to) {
                    out.push(Effect::Send { to, bytes });
                }
            }
            Input::Taken { links } => self.on_taken(&links, out),
            Input::Others(others) => self.others = others,
        }
        self.load += counted.load;
    }

    /// Whether somebody is logged in over this link.
    pub fn is_user(&self, link: Link) -> bool {
        self.users.get(link).is_some()
    }

    /// How many users are logged in.
    pub fn users(&self) -> usize {
        self.users.len()
    }

    /// How many files they share.
    pub fn files(&self) -> usize {
        self.files.len()
    }

    /// The size of these, in bytes.
    pub const fn bytes(&self) -> u64 {
        self.files.bytes()
    }

    /// How many searches were answered.
    pub const fn searches(&self) -> u64 {
        self.searches
    }

    /// What it had to do so far.
    pub const fn load(&self) -> Load {
        self.load
    }

    fn on_opened(&mut self, link: Link, addr: Ipv4Addr, out: &mut impl Outbox) {
        if !self.users.open(link, addr, self.limits.links_per_address) {
            say(
                out,
                link,
                Kind::ERROR,
                "too many connections from your address",
            );
            out.push(Effect::Close { link });
        }
    }

    fn on_closed(&mut self, link: Link, out: &mut impl Outbox) {
        let Some(user) = self.users.close(link) else {
            return;
        };
        for (_, id) in &user.files {
            self.files.remove(*id);
        }
        self.note(|ledger| ledger.left(link));
        self.asking.forget(link);
        for watcher in self.users.watchers(&user.nick) {
            say(out, watcher, Kind::SIGNED_OFF, &user.nick);
        }
    }

    /// What a user sends. What can only be said with the store's help waits for it.
    fn on_frame(&mut self, now: Time, from: Link, message: &Frame, out: &mut impl Outbox) {
        if !self.asks(from, message, out) {
            self.answer_frame(now, from, message, out);
        }
    }

    fn answer_frame(&mut self, now: Time, from: Link, message: &Frame, out: &mut impl Outbox) {
        let body = &message.body[..];
        let done = match message.kind {
            Kind::SHARE => self.on_share(from, body, out),
            Kind::SHARE_MANY => self.on_share_many(from, body, out),
            Kind::UNSHARE => self.on_unshare(from, body, out),
            Kind::UNSHARE_ALL => self.on_unshare_all(from, out),
            Kind::SEARCH => self.on_search(from, body, out),
            Kind::BROWSE => self.on_browse(from, body, out),
            Kind::DOWNLOAD => self.on_download(from, body, false, out),
            Kind::PUSH => self.on_download(from, body, true, out),
            Kind::UPLOAD_ACK => self.on_upload_ack(from, body, out),
            Kind::QUEUE_LIMIT => self.on_queue_limit(from, body, out),
            Kind::BROWSE_DIRECT_ACK => self.on_browse_direct_ack(from, body, out),
            Kind::BROWSE_DIRECT
            | Kind::BROWSE_DIRECT_ERROR
            | Kind::PORT_ERROR
            | Kind::PING
            | Kind::PONG
            | Kind::TELL => self.on_relay(from, message, out),
            Kind::DOWNLOADING | Kind::DOWNLOADED | Kind::UPLOADING | Kind::UPLOADED => {
                self.on_transfer(from, message.kind)
            }
            Kind::WHOIS => self.on_whois(now, from, body, out),
            Kind::SPEED => self.on_speed(from, body, out),
            Kind::NEW_SPEED => self.on_new_speed(from, body),
            Kind::NEW_PORT => self.on_new_port(from, body),
            Kind::WATCH | Kind::WATCH_AGAIN => self.on_watch(from, body, out),
            Kind::UNWATCH => self.on_unwatch(from, body),
            Kind::STATS => {
                self.tell_stats(from, out);
                Ok(())
            }
            Kind::MOTD => {
                send(out, from, |bytes| self.motd(bytes));
                Ok(())
            }
            Kind::PING_SERVER | Kind::VERSION => {
                say(out, from, message.kind, "");
                Ok(())
            }
            Kind::RESUME => {
                say(out, from, Kind::RESUME_END, "");
                Ok(())
            }
            Kind::LOGIN | Kind::REGISTER | Kind::CHECK_NICK => {
                say(out, from, Kind::TROUBLE, "You are already logged in.");
                Ok(())
            }
            Kind(number) => {
                say(
                    out,
                    from,
                    Kind::TROUBLE,
                    format!("Unknown command code {number}"),
                );
                Ok(())
            }
        };
        if let Err(malformed) = done {
            say(out, from, Kind::TROUBLE, malformed.to_string());
        }
    }

    fn tell_stats(&self, to: Link, out: &mut impl Outbox) {
        send(out, to, |bytes| self.stats(bytes));
    }

    fn stats(&self, bytes: &mut BytesMut) {
        /// What the protocol calls a gigabyte.
        const GIGABYTE: u64 = 1 << 30;
        let gigabytes = self.files.bytes().saturating_add(self.others.bytes) / GIGABYTE;
        let users = (self.users() as u64).saturating_add(self.others.users);
        let files = (self.files() as u64).saturating_add(self.others.files);
        let text = format!("{users} {files} {gigabytes}");
        frame(bytes, Kind::STATS, |body| {
            body.extend_from_slice(text.as_bytes());
        });
    }

    /// The user called so, in any case of letters.
    fn named(&self, nick: &[u8]) -> Option<(Link, &User)> {
        let link = self.users.by_nick(nick)?;
        Some((link, self.users.get(link)?))
    }
}

/// Sends one frame.
fn say(out: &mut impl Outbox, to: Link, kind: Kind, body: impl AsRef<[u8]>) {
    send(out, to, |bytes| {
        frame(bytes, kind, |written| {
            written.extend_from_slice(body.as_ref());
        });
    });
}

/// Sends the frames that `write` writes, in one piece.
fn send(out: &mut impl Outbox, to: Link, write: impl FnOnce(&mut BytesMut)) {
    let mut bytes = BytesMut::new();
    write(&mut bytes);
    let bytes = bytes.freeze();
    out.push(Effect::Send { to, bytes });
}

/// The two fields that most signals have: whom, and which file.
fn whom_and_what(body: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let mut fields = Fields::new(body);
    Ok((fields.text()?, fields.text()?))
}
