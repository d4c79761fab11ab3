//! Bringing two users together, and what they say through us. `napster.txt`, messages 203 to 210, 218 to 221, 500, 501,
//! 600 to 626, 640 to 642, 700, 703.
//!
//! The one rule: what one user says to another goes on with the sender's nick in front, which the sender cannot choose.

use bytes::{BufMut, BytesMut};

use super::files::{File, NO_MARK};
use super::session::is_nick;
use super::{Index, Link, Outbox, User, say, send, whom_and_what};
use crate::central::fields::{Fields, Malformed};
use crate::central::frame::{Frame, Kind, frame};
use crate::central::share::{decimal, quote};
use crate::central::token::number;

/// The mark in a 204 that says: neither of you can be connected to.
const BOTH_FIREWALLED: &[u8] = b"firewallerror";

impl Index {
    /// Somebody wants a file; with `push` its owner is to connect.
    pub(super) fn on_download(
        &self,
        from: Link,
        body: &[u8],
        push: bool,
        out: &mut impl Outbox,
    ) -> Result<(), Malformed> {
        let (nick, name) = whom_and_what(body)?;
        let Some(asker) = self.users.get(from) else {
            return Ok(());
        };
        let Some((to, owner)) = self.named(nick) else {
            send(out, from, |bytes| {
                signal(bytes, Kind::DOWNLOAD_ERROR, nick, name);
            });
            return Ok(());
        };
        if owner.port == 0 && asker.port == 0 {
            send(out, from, |bytes| {
                meet(bytes, Kind::DOWNLOAD_ACK, owner, name, BOTH_FIREWALLED);
            });
        } else if push && owner.port != 0 {
            let why = format!("{} is not firewalled", String::from_utf8_lossy(&owner.nick));
            say(out, from, Kind::TROUBLE, why);
        } else if !push && owner.port == 0 {
            let file = self.id_of(to, name).and_then(|id| self.files.get(id));
            let mark = file.map_or(NO_MARK, File::mark);
            send(out, from, |bytes| {
                meet(bytes, Kind::DOWNLOAD_ACK, owner, name, mark);
            });
        } else {
            send(out, to, |bytes| {
                signal(bytes, Kind::UPLOAD, &asker.nick, name);
            });
        }
        Ok(())
    }

    /// The owner of a file lets somebody have it.
    pub(super) fn on_upload_ack(
        &self,
        from: Link,
        body: &[u8],
        out: &mut impl Outbox,
    ) -> Result<(), Malformed> {
        let (nick, name) = whom_and_what(body)?;
        let (Some(owner), Some((to, asker))) = (self.users.get(from), self.named(nick)) else {
            say(out, from, Kind::TROUBLE, "That user is not on-line");
            return Ok(());
        };
        let Some(file) = self.id_of(from, name).and_then(|id| self.files.get(id)) else {
            say(out, from, Kind::TROUBLE, "Not sharing that file");
            return Ok(());
        };
        let mark = file.mark();
        if owner.port == 0 {
            send(out, from, |bytes| {
                meet(bytes, Kind::PUSH_ACK, asker, name, mark);
            });
        } else {
            send(out, to, |bytes| {
                meet(bytes, Kind::DOWNLOAD_ACK, owner, name, mark);
            });
        }
        Ok(())
    }

    /// The owner of a file lets somebody wait for it.
    pub(super) fn on_queue_limit(
        &self,
        from: Link,
        body: &[u8],
        out: &mut impl Outbox,
    ) -> Result<(), Malformed> {
        let mut fields = Fields::new(body);
        let (nick, name) = (fields.text()?, fields.text()?);
        let limit: u32 = fields.number()?;
        let (Some(owner), Some((to, _))) = (self.users.get(from), self.named(nick)) else {
            say(out, from, Kind::TROUBLE, "That user is not on-line");
            return Ok(());
        };
        let file = self.id_of(from, name).and_then(|id| self.files.get(id));
        let size = file.map_or(0, |file| file.size);
        send(out, to, |bytes| {
            frame(bytes, Kind::QUEUE_LIMIT_IS, |body| {
                body.extend_from_slice(&owner.nick);
                body.put_u8(b' ');
                quote(body, name);
                body.extend_from_slice(format!(" {size} {limit}").as_bytes());
            });
        });
        Ok(())
    }

    /// Somebody lets its files be listed by whoever connects.
    pub(super) fn on_browse_direct_ack(
        &self,
        from: Link,
        body: &[u8],
        out: &mut impl Outbox,
    ) -> Result<(), Malformed> {
        let nick = Fields::new(body).text()?;
        if let (Some(user), Some((to, _))) = (self.users.get(from), self.named(nick)) {
            let nick = String::from_utf8_lossy(&user.nick);
            let text = format!("{nick} {} {}", number(user.addr), user.port);
            say(out, to, Kind::BROWSE_DIRECT_ACK, text);
        }
        Ok(())
    }

    /// What goes on to the user it names, as it is.
    pub(super) fn on_relay(
        &self,
        from: Link,
        message: &Frame,
        out: &mut impl Outbox,
    ) -> Result<(), Malformed> {
        let mut fields = Fields::new(&message.body);
        let nick = fields.text()?;
        let Some(user) = self.users.get(from) else {
            return Ok(());
        };
        let Some((to, other)) = self.named(nick) else {
            match message.kind {
                Kind::BROWSE_DIRECT => send(out, from, |bytes| {
                    signal(bytes, Kind::BROWSE_DIRECT_ERROR, nick, b"is not on-line");
                }),
                Kind::PONG | Kind::BROWSE_DIRECT_ERROR => {}
                _ => {
                    let nick = String::from_utf8_lossy(nick);
                    say(
                        out,
                        from,
                        Kind::TROUBLE,
                        format!("User {nick} is not on-line"),
                    );
                }
            }
            return Ok(());
        };
        send(out, to, |bytes| {
            frame(bytes, message.kind, |body| {
                body.extend_from_slice(&user.nick);
                if message.kind == Kind::BROWSE_DIRECT && other.port == 0 {
                    body.extend_from_slice(
                        format!(" {} {}", number(user.addr), user.port).as_bytes(),
                    );
                } else if !fields.rest().is_empty() {
                    body.put_u8(b' ');
                    body.extend_from_slice(fields.rest());
                }
            });
        });
        Ok(())
    }

    /// Somebody counts its transfers for us.
    pub(super) fn on_transfer(&mut self, from: Link, kind: Kind) -> Result<(), Malformed> {
        if let Some(user) = self.users.get_mut(from) {
            match kind {
                Kind::DOWNLOADING => user.downloads = user.downloads.saturating_add(1),
                Kind::DOWNLOADED => user.downloads = user.downloads.saturating_sub(1),
                Kind::UPLOADING => user.uploads = user.uploads.saturating_add(1),
                _ => user.uploads = user.uploads.saturating_sub(1),
            }
        }
        Ok(())
    }

    pub(super) fn on_speed(
        &self,
        from: Link,
        body: &[u8],
        out: &mut impl Outbox,
    ) -> Result<(), Malformed> {
        let nick = Fields::new(body).text()?;
        let shown = String::from_utf8_lossy(nick);
        match self.named(nick) {
            Some((_, user)) => {
                let text = format!("{} {}", String::from_utf8_lossy(&user.nick), user.speed);
                say(out, from, Kind::SPEED_IS, text);
            }
            None => say(
                out,
                from,
                Kind::TROUBLE,
                format!("User {shown} is not on-line"),
            ),
        }
        Ok(())
    }

    pub(super) fn on_new_speed(&mut self, from: Link, body: &[u8]) -> Result<(), Malformed> {
        let speed = Fields::new(body).number()?;
        if let Some(user) = self.users.get_mut(from) {
            user.set_speed(speed);
        }
        self.note(|ledger| ledger.came(from));
        Ok(())
    }

    pub(super) fn on_new_port(&mut self, from: Link, body: &[u8]) -> Result<(), Malformed> {
        let port = Fields::new(body).number()?;
        if let Some(user) = self.users.get_mut(from) {
            user.port = port;
        }
        self.note(|ledger| ledger.came(from));
        Ok(())
    }

    pub(super) fn on_watch(
        &mut self,
        from: Link,
        body: &[u8],
        out: &mut impl Outbox,
    ) -> Result<(), Malformed> {
        let nick = Fields::new(body).text()?;
        if !is_nick(nick) {
            say(out, from, Kind::TROUBLE, "nobody can be called so");
            return Ok(());
        }
        if !self.users.watch(from, nick, self.limits.watched) {
            say(out, from, Kind::TROUBLE, "you watch too many users");
            return Ok(());
        }
        send(out, from, |bytes| {
            frame(bytes, Kind::WATCHING, |body| body.extend_from_slice(nick));
            if let Some((_, user)) = self.named(nick) {
                frame(bytes, Kind::SIGNED_ON, |body| {
                    body.extend_from_slice(&user.nick);
                    body.put_u8(b' ');
                    decimal(body, user.speed.into());
                });
            }
        });
        Ok(())
    }

    pub(super) fn on_unwatch(&mut self, from: Link, body: &[u8]) -> Result<(), Malformed> {
        let nick = Fields::new(body).text()?;
        self.users.stop_watching(from, nick);
        Ok(())
    }
}

/// `nick "file"`.
fn signal(bytes: &mut BytesMut, kind: Kind, nick: &[u8], name: &[u8]) {
    frame(bytes, kind, |body| {
        body.extend_from_slice(nick);
        body.put_u8(b' ');
        quote(body, name);
    });
}

/// `nick ip port "file" md5 speed`: where somebody is to be met for a file.
fn meet(bytes: &mut BytesMut, kind: Kind, whom: &User, name: &[u8], mark: &[u8]) {
    frame(bytes, kind, |body| {
        body.extend_from_slice(&whom.nick);
        body.put_u8(b' ');
        decimal(body, number(whom.addr).into());
        body.put_u8(b' ');
        decimal(body, whom.port.into());
        body.put_u8(b' ');
        quote(body, name);
        body.put_u8(b' ');
        body.extend_from_slice(mark);
        body.put_u8(b' ');
        decimal(body, whom.speed.into());
    });
}
