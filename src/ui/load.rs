//! What an index had to do, as people and programs are told.

use serde::Serialize;

use super::render::{bytes, counted};
use crate::central::Load;

/// Frames and bytes, under the names that programs rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct LoadTold {
    messages_in: u64,
    logins: u64,
    registrations: u64,
    searches: u64,
    messages_out: u64,
    /// Of these, hits and ends of searches.
    hits: u64,
    bytes_in: u64,
    bytes_out: u64,
}

impl LoadTold {
    pub(super) const fn new(load: &Load) -> Self {
        Self {
            messages_in: load.messages_in(),
            logins: load.logins,
            registrations: load.registrations,
            searches: load.searches,
            messages_out: load.answers,
            hits: load.hits,
            bytes_in: load.bytes_in,
            bytes_out: load.bytes_out,
        }
    }

    /// For people: what it read and wrote.
    pub(super) fn told(&self) -> String {
        let others = self.messages_in - self.logins - self.registrations - self.searches;
        let others = match others {
            0 => String::new(),
            others => format!(", {}", counted(others, "other")),
        };
        format!(
            "read {} ({}, {}, {}{others}; {}) and wrote {} ({})",
            counted(self.messages_in, "message"),
            counted(self.logins, "login"),
            counted(self.registrations, "registration"),
            counted(self.searches, "search"),
            bytes(self.bytes_in),
            self.messages_out,
            bytes(self.bytes_out),
        )
    }
}
