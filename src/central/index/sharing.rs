//! What users share. `napster.txt`, messages 100, 102, 110 and 870.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;

use super::files::LONGEST_NAME;
use super::{Index, Link, Outbox, say};
use crate::central::fields::{Fields, Malformed};
use crate::central::frame::Kind;
use crate::central::share::{Shared, batch};

/// Why a file is not taken.
type Refusal = &'static str;

impl Index {
    pub(super) fn on_share(
        &mut self,
        from: Link,
        body: &[u8],
        out: &mut impl Outbox,
    ) -> Result<(), Malformed> {
        let mut fields = Fields::new(body);
        let file = Shared::read(&mut fields)?;
        fields.end()?;
        if let Err(why) = self.add(from, &file) {
            say(out, from, Kind::TROUBLE, why);
        }
        Ok(())
    }

    pub(super) fn on_share_many(
        &mut self,
        from: Link,
        body: &[u8],
        out: &mut impl Outbox,
    ) -> Result<(), Malformed> {
        let mut refusal = None;
        let read = batch(body, |file| {
            if let Err(why) = self.add(from, &file) {
                refusal = Some(why);
            }
        });
        // One answer will do: `read` brings its own.
        if let (Some(why), Ok(())) = (refusal, read) {
            say(out, from, Kind::TROUBLE, why);
        }
        read
    }

    pub(super) fn on_unshare(
        &mut self,
        from: Link,
        body: &[u8],
        out: &mut impl Outbox,
    ) -> Result<(), Malformed> {
        // Everybody sends it bare, but a quoted one can only mean one thing.
        let name = body.strip_prefix(b"\"").unwrap_or(body);
        let name = name.strip_suffix(b"\"").unwrap_or(name);
        let Some(id) = self.id_of(from, name) else {
            say(out, from, Kind::TROUBLE, "Not sharing that file");
            return Ok(());
        };
        if let Some(user) = self.users.get_mut(from) {
            user.files.retain(|&(_, other)| other != id);
        }
        self.note(|ledger| ledger.unshared(from, id));
        self.files.remove(id);
        Ok(())
    }

    pub(super) fn on_unshare_all(
        &mut self,
        from: Link,
        out: &mut impl Outbox,
    ) -> Result<(), Malformed> {
        let Some(user) = self.users.get_mut(from) else {
            return Ok(());
        };
        let files = std::mem::take(&mut user.files);
        for (_, id) in &files {
            self.files.remove(*id);
            self.note(|ledger| ledger.unshared(from, *id));
        }
        if !files.is_empty() {
            say(out, from, Kind::UNSHARE_ALL, files.len().to_string());
        }
        Ok(())
    }

    fn add(&mut self, from: Link, file: &Shared<'_>) -> Result<(), Refusal> {
        if file.name.is_empty() || file.name.len() > LONGEST_NAME {
            return Err("no file is called so");
        }
        if self.id_of(from, file.name).is_some() {
            return Err("duplicate file");
        }
        if self.files.len() >= self.limits.files {
            return Err("the server is full");
        }
        if self.files.is_used_up() {
            let old = self.files.renumber();
            self.users.renumber(&old);
            if let Some(ledger) = &mut self.ledger {
                ledger.renumbered(self.users.iter());
            }
        }
        let most = self.limits.files_per_user;
        let Some(user) = self.users.get_mut(from) else {
            return Ok(());
        };
        if user.files.len() >= most {
            return Err("you share too many files");
        }
        let id = self.files.add(from, file);
        let entry = (hash(file.name), id);
        let place = user.files.partition_point(|other| *other < entry);
        user.files.insert(place, entry);
        self.note(|ledger| ledger.shared(from, id));
        Ok(())
    }

    /// The number of a user's file of this name.
    pub(super) fn id_of(&self, owner: Link, name: &[u8]) -> Option<u32> {
        let files = &self.users.get(owner)?.files;
        let hash = hash(name);
        let from = files.partition_point(|(other, _)| *other < hash);
        let same = files[from..].iter().take_while(|(other, _)| *other == hash);
        let mut ids = same.map(|(_, id)| *id);
        ids.find(|id| self.files.get(*id).is_some_and(|file| file.name() == name))
    }
}

/// Of a name; whoever makes many with equal ones makes only its own list slow.
fn hash(name: &[u8]) -> u32 {
    let hash = FixedState::default().hash_one(name);
    u32::try_from(hash >> 32).expect("the upper half")
}
