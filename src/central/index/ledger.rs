//! What a shared store has been told of our users, and what it has not.
//!
//! The one rule: nothing here grows with time. Who is behind is noted once, with what is missing; the store is told at its
//! own pace, in batches, and when it has lost everything all users are simply behind again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::files::{Files, ending};
use super::store::{Batch, Listed, Registration};
use super::{Index, Link, User};

/// Files that one batch tells of, at most: some tens of milliseconds' work for a store.
const BATCH: usize = 1000;

/// Files of one user in a batch, so that who shares ten thousand makes nobody wait.
const OF_ONE: usize = 250;

/// Users that one batch tells of, at most.
const USERS: usize = 500;

/// Who is behind.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    users: BTreeMap<Link, Account>,
    /// Those of them who are behind, the longest first; each once.
    behind: VecDeque<Link>,
    /// The store still tells of these, who have left.
    left: BTreeSet<Link>,
}

#[derive(Debug, Default)]
struct Account {
    /// Files to tell of. Rising.
    shared: Vec<u32>,
    /// Files that were told of and have gone.
    unshared: Vec<u32>,
    /// The store has heard of the user.
    is_known: bool,
    /// And of its port and speed.
    is_told: bool,
    is_behind: bool,
}

impl Ledger {
    /// A ledger for an empty store.
    pub(super) fn new<'a>(users: impl Iterator<Item = (Link, &'a User)>) -> Self {
        let mut ledger = Self::default();
        let mut users: Vec<(Link, &User)> = users.collect();
        users.sort_unstable_by_key(|(link, _)| *link);
        for (link, user) in users {
            ledger.comes_again(link, user);
        }
        ledger
    }

    /// Somebody logged in, or has another port or speed.
    pub(super) fn came(&mut self, link: Link) {
        self.account(link).is_told = false;
    }

    /// A user shares another file, whose number is larger than all before.
    pub(super) fn shared(&mut self, link: Link, id: u32) {
        self.account(link).shared.push(id);
    }

    /// Or one less.
    pub(super) fn unshared(&mut self, link: Link, id: u32) {
        let account = self.account(link);
        match account.shared.binary_search(&id) {
            Ok(at) => {
                account.shared.remove(at);
            }
            Err(_) => account.unshared.push(id),
        }
    }

    /// Somebody left.
    pub(super) fn left(&mut self, link: Link) {
        if self
            .users
            .remove(&link)
            .is_some_and(|account| account.is_known)
        {
            self.left.insert(link);
        }
    }

    /// The files of all users have other numbers now: the store is to forget them, and to be told anew.
    pub(super) fn renumbered<'a>(&mut self, users: impl Iterator<Item = (Link, &'a User)>) {
        let known = self.users.iter().filter(|(_, account)| account.is_known);
        let left = known
            .map(|(link, _)| *link)
            .chain(self.left.iter().copied());
        let left = left.collect();
        *self = Self::new(users);
        self.left = left;
    }

    fn comes_again(&mut self, link: Link, user: &User) {
        let account = self.account(link);
        account.shared = user.files.iter().map(|(_, id)| *id).collect();
        account.shared.sort_unstable();
    }

    /// The account of a user who is about to be behind.
    fn account(&mut self, link: Link) -> &mut Account {
        let account = self.users.entry(link).or_default();
        if !account.is_behind {
            account.is_behind = true;
            self.behind.push_back(link);
        }
        account
    }

    /// Takes what is to be written next, and takes it for written.
    fn take(&mut self, mut user: impl FnMut(Link) -> Option<Registration>, files: &Files) -> Batch {
        let mut batch = Batch::default();
        while batch.left.len() < USERS
            && let Some(link) = self.left.pop_first()
        {
            batch.left.push(link);
        }
        for _ in 0..self.behind.len().min(USERS) {
            if !self.left.is_empty() || batch.shared.len() + batch.unshared.len() >= BATCH {
                break;
            }
            let Some(link) = self.behind.pop_front() else {
                break;
            };
            let Some(account) = self.users.get_mut(&link) else {
                continue;
            };
            if !std::mem::replace(&mut account.is_told, true) {
                batch.came.extend(user(link));
                account.is_known = true;
            }
            let gone = account.unshared.len().min(OF_ONE);
            let gone = account.unshared.drain(..gone);
            batch.unshared.extend(gone.map(|id| (link, id)));
            let new = account.shared.len().min(OF_ONE);
            let new = account.shared.drain(..new);
            batch
                .shared
                .extend(new.filter_map(|id| listed(files, link, id)));
            account.is_behind = !account.shared.is_empty() || !account.unshared.is_empty();
            if account.is_behind {
                self.behind.push_back(link);
            } else {
                account.shared = Vec::new();
                account.unshared = Vec::new();
            }
        }
        batch
    }
}

fn listed(files: &Files, owner: Link, id: u32) -> Option<Listed> {
    let file = files.get(id)?;
    Some(Listed {
        owner,
        id,
        line: file.line.clone(),
        ending: ending(file.name()),
        size: file.size,
        bitrate: file.bitrate,
        frequency: file.frequency,
        seconds: file.seconds,
        terms: Files::terms_of(file.name()),
    })
}

impl Index {
    /// What the store is to be told next; none when it knows all, or is not there. Whoever takes it writes it before what is
    /// taken later, or says that the store is lost.
    pub fn take_batch(&mut self) -> Option<Batch> {
        let ledger = self.ledger.as_mut()?;
        let registration = |link| self.users.get(link).map(|user| registration(link, user));
        let batch = ledger.take(registration, &self.files);
        (!batch.is_empty()).then_some(batch)
    }

    /// Notes something for the store, if there is one.
    pub(super) fn note(&mut self, note: impl FnOnce(&mut Ledger)) {
        if let Some(ledger) = &mut self.ledger {
            note(ledger);
        }
    }
}

fn registration(link: Link, user: &User) -> Registration {
    Registration {
        link,
        nick: user.nick.clone(),
        client: user.client.clone(),
        addr: user.addr,
        port: user.port,
        speed: user.speed,
    }
}
