//! A store that several indexes share, so that they are one: any engine that speaks the wire of PostgreSQL.
//!
//! The one rule: the store may come and go, and nothing depends on its memory. Each time it is there the index begins a new
//! [`session`]: it takes a number, writes its users and files under that, and keeps a lease on it. Whoever lets the lease run
//! out is not found any more from that moment, and is cleared away by the others; so `kill -9` of an index takes its own
//! users' files and no others. When the store is lost the index goes on alone, and comes back by itself.

mod find;
mod inbox;
mod line;
mod mail;
mod schema;
mod session;
mod sweep;
mod write;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;
use tokio_postgres::Config;
use tokio_postgres::error::SqlState;
use tokio_util::sync::CancellationToken;

use super::shared::{News, NoStore, Orders, Standing};
use super::{Figures, Report};
use inbox::Inbox;
use session::Session;

/// How long to wait before a store that was lost is tried again, at first; then twice as long, up to [`LONGEST_WAIT`].
const WAIT: Duration = Duration::from_millis(100);

/// A store that is started again is found again within so long.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Where a shared store is: `postgres://USER:PASSWORD@HOST/DATABASE`, or the folder of a socket as the host, `%2F` for `/`.
/// Links to it are not encrypted.
#[derive(Clone, Debug)]
pub struct Store(Config);

impl FromStr for Store {
    type Err = NoStore;

    fn from_str(text: &str) -> Result<Self, NoStore> {
        if !["postgres://", "postgresql://"]
            .iter()
            .any(|scheme| text.starts_with(scheme))
        {
            return Err(NoStore("no other scheme is known".to_owned()));
        }
        let mut config: Config = text.parse().map_err(|error| NoStore(reason(&error)))?;
        if config.get_hosts().is_empty() {
            return Err(NoStore("it names no host".to_owned()));
        }
        if config.get_ssl_mode() == tokio_postgres::config::SslMode::Require {
            return Err(NoStore("links to it cannot be encrypted".to_owned()));
        }
        config
            .connect_timeout(line::CONNECT)
            .application_name("servent index");
        Ok(Self(config))
    }
}

/// Why the store is lost.
#[derive(Debug, Error)]
enum StoreError {
    #[error("{}", reason(.0))]
    Refused(#[from] tokio_postgres::Error),
    #[error("it does not answer")]
    Silent,
    #[error("it took us for dead, since we were silent for too long")]
    Lapsed,
    #[error("we are leaving")]
    Leaving,
}

impl StoreError {
    /// Whether the store is there and said no.
    fn was_answered(&self) -> bool {
        matches!(self, Self::Refused(error) if error.as_db_error().is_some())
    }

    /// Whether another transaction was in the way, and the same may do the next time.
    fn is_collision(&self) -> bool {
        let Self::Refused(error) = self else {
            return false;
        };
        error.code().is_some_and(|code| {
            [
                SqlState::T_R_SERIALIZATION_FAILURE,
                SqlState::T_R_DEADLOCK_DETECTED,
            ]
            .contains(code)
        })
    }
}

/// An error of the wire in words: its own are cut short.
fn reason(error: &tokio_postgres::Error) -> String {
    if let Some(said) = error.as_db_error() {
        return said.message().to_owned();
    }
    match std::error::Error::source(error) {
        Some(source) => source.to_string(),
        None => error.to_string(),
    }
}

/// Keeps one session after the other until `stop`.
pub(super) async fn run(
    store: Store,
    inbox: mpsc::Sender<Report>,
    figures: watch::Receiver<Figures>,
    tell: watch::Sender<Standing>,
    stop: CancellationToken,
) {
    let inbox = Inbox(inbox);
    let mut wait = WAIT;
    let mut node = None;
    loop {
        let opened = tokio::select! {
            () = stop.cancelled() => return,
            opened = Session::open(&store.0, node) => opened,
        };
        let why = match opened {
            Ok(session) => {
                wait = WAIT;
                node = Some(session.node());
                tell.send_replace(Standing::There);
                let why = session.run(&inbox, &figures, &stop).await;
                if matches!(why, StoreError::Leaving) || inbox.tell(News::Lost).await.is_err() {
                    return;
                }
                why
            }
            Err(why) => why,
        };
        tracing::warn!(%why, "the store is away");
        let away = Standing::Away(why.to_string());
        tell.send_if_modified(|standing| std::mem::replace(standing, away.clone()) != away);
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(wait) => wait = (wait * 2).min(LONGEST_WAIT),
        }
    }
}

impl fmt::Display for Store {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use tokio_postgres::config::Host;
        let host = match self.0.get_hosts().first() {
            Some(Host::Tcp(name)) => name.clone(),
            Some(Host::Unix(path)) => path.display().to_string(),
            None => String::new(),
        };
        write!(f, "{host} {}", self.0.get_dbname().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_shown_without_the_password() {
        let store: Store = "postgres://me:secret@db.example:5433/songs"
            .parse()
            .unwrap();
        assert_eq!(store.to_string(), "db.example songs");
        let store: Store = "postgresql://me@%2Frun%2Fdb/songs".parse().unwrap();
        assert_eq!(store.to_string(), "/run/db songs");
        for bad in [
            "",
            "db.example",
            "mysql://x/y",
            "postgres://",
            "postgres://h:x/y",
            "postgres://h/y?sslmode=require",
        ] {
            assert!(bad.parse::<Store>().is_err(), "{bad}");
        }
    }
}
