//! How the servent stands with its central index, as `status` tells it.

use std::time::Instant;

use serde_json::{Value, json};

use super::render::{counted, span};
use crate::net::{Servent, Standing};

/// For people.
pub(super) fn told(servent: &Servent) -> String {
    let Some((addr, standing)) = servent.index() else {
        return "none, see --index".to_owned();
    };
    match &*standing.borrow() {
        Standing::Present { users, files } => format!(
            "logged in at {addr}, which has {} with {}",
            counted(*users, "user"),
            counted(*files, "file")
        ),
        Standing::Away { why, next } => {
            let next = next.map(|next| next.saturating_duration_since(Instant::now()));
            let next = next.map_or_else(
                || "being tried".to_owned(),
                |left| format!("next try in {}", span(left)),
            );
            format!("{addr} is away ({why}), {next}")
        }
    }
}

/// For programs; null without an index.
pub(super) fn json(servent: &Servent) -> Value {
    let Some((addr, standing)) = servent.index() else {
        return Value::Null;
    };
    let host = addr.to_string();
    match &*standing.borrow() {
        Standing::Present { users, files } => {
            json!({ "host": host, "state": "present", "users": users, "files": files })
        }
        Standing::Away { why, next } => {
            let next = next.map(|next| next.saturating_duration_since(Instant::now()));
            let next = next.map(|left| (left.as_secs_f64() * 1e3).round() / 1e3);
            json!({ "host": host, "state": "away", "why": why, "next_try_s": next })
        }
    }
}
