//! Logging in. `napster.txt`, messages 2, 3, 6 to 10.

use std::collections::BTreeMap;

use bytes::BytesMut;
use sha1::{Digest, Sha1};

use super::{Effect, Index, Link, Outbox, User, say, send};
use crate::central::fields::{Fields, Malformed, number};
use crate::central::frame::{Frame, Kind, frame};
use crate::time::Time;

/// The longest nick; opennap-ng's `max_nick_length`.
const LONGEST_NICK: usize = 19;

/// The fastest line there is a number for.
const FASTEST: u8 = 10;

/// More of a client's name of itself is not kept.
const LONGEST_CLIENT: usize = 64;

/// The registered nicks, for as long as the index runs.
#[derive(Debug)]
pub(super) struct Accounts {
    salt: u64,
    proofs: BTreeMap<Box<[u8]>, [u8; 20]>,
}

impl Accounts {
    pub(super) const fn new(salt: u64) -> Self {
        let proofs = BTreeMap::new();
        Self { salt, proofs }
    }

    /// What is kept of a password.
    fn proof(&self, nick: &[u8], password: &[u8]) -> [u8; 20] {
        let digest = Sha1::new()
            .chain_update(self.salt.to_le_bytes())
            .chain_update(nick)
            .chain_update([0])
            .chain_update(password);
        digest.finalize().into()
    }

    /// Whether somebody registered this nick.
    pub(super) fn has(&self, nick: &[u8]) -> bool {
        self.proofs.contains_key(&nick.to_ascii_lowercase()[..])
    }
}

/// A request to log in.
struct Login<'a> {
    nick: &'a [u8],
    password: &'a [u8],
    port: u16,
    client: &'a [u8],
    speed: &'a [u8],
}

impl<'a> Login<'a> {
    fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::new(body);
        Ok(Self {
            nick: fields.text()?,
            password: fields.text()?,
            port: fields.number()?,
            client: fields.text()?,
            speed: fields.text()?,
        })
    }
}

impl Index {
    /// What somebody sends who is not logged in.
    pub(super) fn on_stranger(
        &mut self,
        now: Time,
        from: Link,
        message: &Frame,
        out: &mut impl Outbox,
    ) {
        match message.kind {
            Kind::CHECK_NICK => {
                let nick = message.body.trim_ascii();
                let kind = if !is_nick(nick) {
                    Kind::NICK_INVALID
                } else if self.accounts.has(nick) {
                    Kind::NICK_TAKEN
                } else {
                    Kind::NICK_FREE
                };
                say(out, from, kind, "");
            }
            Kind::LOGIN => self.on_login(now, from, &message.body, false, out),
            Kind::REGISTER => self.on_login(now, from, &message.body, true, out),
            Kind::VERSION => say(out, from, Kind::VERSION, ""),
            _ => refuse(out, from, Kind::ERROR, "You must log in first."),
        }
    }

    fn on_login(
        &mut self,
        now: Time,
        from: Link,
        body: &[u8],
        register: bool,
        out: &mut impl Outbox,
    ) {
        let Some(addr) = self.users.address(from) else {
            return;
        };
        let Ok(login) = Login::parse(body) else {
            return refuse(out, from, Kind::TROUBLE, "Too few parameters for login.");
        };
        let shown = String::from_utf8_lossy(login.nick).into_owned();
        if !is_nick(login.nick) {
            let why = format!("Invalid nick: {shown}");
            return refuse(out, from, Kind::NICK_INVALID, &why);
        }
        let speed = number(login.speed).ok();
        let Some(speed) = speed.filter(|speed| *speed <= FASTEST) else {
            let told = String::from_utf8_lossy(login.speed);
            return refuse(out, from, Kind::ERROR, &format!("{told}: invalid speed"));
        };
        let key = login.nick.to_ascii_lowercase();
        let proof = self.accounts.proof(&key, login.password);
        let registered = self.accounts.proofs.get(&key[..]);
        if registered.is_some_and(|registered| *registered != proof) {
            return refuse(out, from, Kind::ERROR, "Invalid Password");
        }
        if let Some((other, user)) = self.named(login.nick) {
            // A client that lost its link comes back before we know that it has.
            if user.addr != addr || user.proof != proof {
                let why = format!("{shown} is already active");
                return refuse(out, from, Kind::ERROR, &why);
            }
            refuse(out, other, Kind::GHOST, "");
            self.forget(other);
        }
        if self.users.len() >= self.limits.users {
            return refuse(out, from, Kind::ERROR, "The server is full.");
        }
        if register && !self.accounts.has(login.nick) {
            if self.accounts.proofs.len() >= self.limits.accounts {
                return refuse(out, from, Kind::ERROR, "No more nicks can be registered.");
            }
            self.accounts.proofs.insert(key.into(), proof);
        }
        let client = &login.client[..login.client.len().min(LONGEST_CLIENT)];
        let mut user = User {
            nick: login.nick.into(),
            client: client.into(),
            addr,
            port: login.port,
            speed,
            tail: Box::default(),
            downloads: 0,
            uploads: 0,
            since: now,
            proof,
            files: Vec::new(),
            files_elsewhere: 0,
            watches: Vec::new(),
        };
        user.set_speed(speed);
        send(out, from, |bytes| {
            frame(bytes, Kind::LOGIN_ACK, |body| {
                body.extend_from_slice(b"anon@servent");
            });
            self.motd(bytes);
            self.stats(bytes);
        });
        self.users.log_in(from, user);
        self.note(|ledger| ledger.came(from));
        for watcher in self.users.watchers(login.nick) {
            say(out, watcher, Kind::SIGNED_ON, format!("{shown} {speed}"));
        }
    }

    /// Takes a user's files and name; the link stays until it is closed.
    pub(super) fn forget(&mut self, link: Link) {
        if let Some(user) = self.users.log_out(link) {
            self.note(|ledger| ledger.left(link));
            self.asking.forget(link);
            for (_, id) in &user.files {
                self.files.remove(*id);
            }
        }
    }

    /// The message of the day.
    pub(super) fn motd(&self, bytes: &mut BytesMut) {
        let own = [
            format!("VERSION servent {}", env!("CARGO_PKG_VERSION")),
            format!("{} searches so far.", self.searches),
        ];
        for line in own.iter().chain(&self.limits.motd) {
            frame(bytes, Kind::MOTD, |body| {
                body.extend_from_slice(line.as_bytes());
            });
        }
    }
}

/// Says why, and hangs up.
pub(super) fn refuse(out: &mut impl Outbox, link: Link, kind: Kind, why: &str) {
    say(out, link, kind, why);
    out.push(Effect::Close { link });
}

/// Whether somebody may be called so.
pub(super) fn is_nick(nick: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_graphic() && !br#"%$*?.!",\"#.contains(byte);
    let first = nick.first().is_some_and(|first| !b"#&:-".contains(first));
    first && nick.len() <= LONGEST_NICK && nick.iter().all(allowed)
}
