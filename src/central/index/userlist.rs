//! Who is connected, who of them is logged in, and who watches for whom.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use foldhash::HashMap;

use super::Link;
use crate::central::token::number;
use crate::time::Time;

/// A user who is logged in.
#[derive(Debug)]
pub(super) struct User {
    /// As it was typed.
    pub(super) nick: Box<[u8]>,
    /// The client's name of itself.
    pub(super) client: Box<[u8]>,
    /// Where it is.
    pub(super) addr: Ipv4Addr,
    /// Where it takes connections; 0 when it cannot.
    pub(super) port: u16,
    /// Its line, 0 (unknown) to 10.
    pub(super) speed: u8,
    /// What hits say of it: ` nick ip speed`. Made once, for a search has a hundred of them.
    pub(super) tail: Box<[u8]>,
    /// Downloads under way.
    pub(super) downloads: u16,
    /// Uploads under way.
    pub(super) uploads: u16,
    /// When it logged in.
    pub(super) since: Time,
    /// What proves that somebody else is the same user.
    pub(super) proof: [u8; 20],
    /// Its files: the hash of each name, and its number. Sorted.
    pub(super) files: Vec<(u32, u32)>,
    /// How many files it shares by way of another index.
    pub(super) files_elsewhere: u32,
    /// Whom it watches, in lower case.
    pub(super) watches: Vec<Box<[u8]>>,
}

impl User {
    /// Notes a new speed.
    pub(super) fn set_speed(&mut self, speed: u8) {
        self.speed = speed;
        let rest = format!(" {} {speed}", number(self.addr));
        self.tail = [b" ", &self.nick[..], rest.as_bytes()].concat().into();
    }
}

/// All links and users.
#[derive(Debug, Default)]
pub(super) struct Userlist {
    links: HashMap<Link, Ipv4Addr>,
    per_address: HashMap<Ipv4Addr, usize>,
    users: HashMap<Link, Box<User>>,
    nicks: HashMap<Box<[u8]>, Link>,
    watchers: BTreeMap<Box<[u8]>, Vec<Link>>,
}

impl Userlist {
    /// Notes a new link; false when there are `most` from its address.
    pub(super) fn open(&mut self, link: Link, addr: Ipv4Addr, most: usize) -> bool {
        let count = self.per_address.entry(addr).or_default();
        *count += 1;
        self.links.insert(link, addr);
        *count <= most
    }

    /// Where a link comes from.
    pub(super) fn address(&self, link: Link) -> Option<Ipv4Addr> {
        self.links.get(&link).copied()
    }

    /// Makes a link a user.
    pub(super) fn log_in(&mut self, link: Link, user: User) {
        self.nicks
            .insert(user.nick.to_ascii_lowercase().into(), link);
        self.users.insert(link, Box::new(user));
    }

    /// Forgets a link; returns the user it was.
    pub(super) fn close(&mut self, link: Link) -> Option<Box<User>> {
        if let Some(addr) = self.links.remove(&link)
            && let Some(count) = self.per_address.get_mut(&addr)
        {
            *count -= 1;
            if *count == 0 {
                self.per_address.remove(&addr);
            }
        }
        self.log_out(link)
    }

    /// Makes a user a mere link again.
    pub(super) fn log_out(&mut self, link: Link) -> Option<Box<User>> {
        let user = self.users.remove(&link)?;
        self.nicks.remove(&user.nick.to_ascii_lowercase()[..]);
        for watched in &user.watches {
            self.unwatch(watched, link);
        }
        Some(user)
    }

    /// All users, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Link, &User)> {
        self.users.iter().map(|(link, user)| (*link, user.as_ref()))
    }

    pub(super) fn get(&self, link: Link) -> Option<&User> {
        self.users.get(&link).map(Box::as_ref)
    }

    pub(super) fn get_mut(&mut self, link: Link) -> Option<&mut User> {
        self.users.get_mut(&link).map(Box::as_mut)
    }

    /// The user called so, in any case of letters.
    pub(super) fn by_nick(&self, nick: &[u8]) -> Option<Link> {
        self.nicks.get(&nick.to_ascii_lowercase()[..]).copied()
    }

    /// Gives the files of all users their new numbers: those at whose places the old ones stand in `old`.
    pub(super) fn renumber(&mut self, old: &[u32]) {
        for user in self.users.values_mut() {
            for (_, id) in &mut user.files {
                let place = old.binary_search(id).ok();
                let place = place.and_then(|place| u32::try_from(place).ok());
                *id = place.expect("a user's files are in the index");
            }
        }
    }

    /// Tells `watcher` of this nick from now on; false when it watches `most` already.
    pub(super) fn watch(&mut self, watcher: Link, nick: &[u8], most: usize) -> bool {
        let nick: Box<[u8]> = nick.to_ascii_lowercase().into();
        let Some(user) = self.users.get_mut(&watcher) else {
            return false;
        };
        if user.watches.contains(&nick) {
            return true;
        }
        if user.watches.len() >= most {
            return false;
        }
        user.watches.push(nick.clone());
        self.watchers.entry(nick).or_default().push(watcher);
        true
    }

    /// No longer.
    pub(super) fn stop_watching(&mut self, watcher: Link, nick: &[u8]) {
        let nick = nick.to_ascii_lowercase();
        if let Some(user) = self.users.get_mut(&watcher) {
            user.watches.retain(|watched| watched[..] != nick[..]);
        }
        self.unwatch(&nick, watcher);
    }

    fn unwatch(&mut self, nick: &[u8], watcher: Link) {
        if let Some(watchers) = self.watchers.get_mut(nick) {
            watchers.retain(|&link| link != watcher);
            if watchers.is_empty() {
                self.watchers.remove(nick);
            }
        }
    }

    /// Who is to be told of this nick.
    pub(super) fn watchers(&self, nick: &[u8]) -> Vec<Link> {
        let watchers = self.watchers.get(&nick.to_ascii_lowercase()[..]);
        watchers.cloned().unwrap_or_default()
    }

    /// How many users.
    pub(super) fn len(&self) -> usize {
        self.users.len()
    }
}
