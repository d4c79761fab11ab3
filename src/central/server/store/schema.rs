//! The tables.
//!
//! Plain ones, so that PostgreSQL, Citus, CockroachDB and YugabyteDB take them alike: no sequences, triggers, full text,
//! LISTEN or advisory locks, which differ between these or slow the deletes of a user who leaves. Names and terms are bytes:
//! the protocol knows no encoding, and bytes have one order everywhere.
//!
//! Every row of a user begins with `peer`: the number of its index and that of its link there. Distributed by `peer`, what a
//! user registers and takes away lies in one place, and a search asks all places at once.

use super::StoreError;
use super::line::Line;
use crate::central::index::Link;

/// How long an index that says nothing is taken for alive: five beats. It is the store's clock that counts.
macro_rules! lease {
    () => {
        "interval '5 seconds'"
    };
}

/// Whether a row `n` of `servent_node` is of an index that lives.
macro_rules! lives {
    () => {
        concat!(
            "NOT n.lapsed AND n.seen_at > now() - ",
            super::schema::lease!()
        )
    };
}

pub(super) use {lease, lives};

const TABLES: [&str; 9] = [
    // An index, its lease and its figures.
    "CREATE TABLE IF NOT EXISTS servent_node (
        node int8 PRIMARY KEY, seen_at timestamptz NOT NULL, lapsed bool NOT NULL,
        users int8 NOT NULL, files int8 NOT NULL, bytes int8 NOT NULL)",
    // A user.
    "CREATE TABLE IF NOT EXISTS servent_peer (
        peer int8 PRIMARY KEY, node int8 NOT NULL, nick bytea NOT NULL, known_as bytea NOT NULL,
        client bytea NOT NULL, addr int8 NOT NULL, port int8 NOT NULL, speed int8 NOT NULL,
        since timestamptz NOT NULL)",
    "CREATE INDEX IF NOT EXISTS servent_peer_by_name ON servent_peer (known_as)",
    "CREATE INDEX IF NOT EXISTS servent_peer_by_node ON servent_peer (node)",
    // A file.
    "CREATE TABLE IF NOT EXISTS servent_file (
        peer int8 NOT NULL, file int8 NOT NULL, line bytea NOT NULL, ending bytea NOT NULL,
        size int8 NOT NULL, bitrate int8 NOT NULL, frequency int8 NOT NULL, seconds int8 NOT NULL,
        PRIMARY KEY (peer, file))",
    // A term that finds a file.
    "CREATE TABLE IF NOT EXISTS servent_posting (
        peer int8 NOT NULL, file int8 NOT NULL, term bytea NOT NULL,
        PRIMARY KEY (peer, file, term))",
    "CREATE INDEX IF NOT EXISTS servent_posting_by_term ON servent_posting (term, peer, file)",
    // Frames on their way from one index to a user of another.
    "CREATE TABLE IF NOT EXISTS servent_mail (
        node int8 NOT NULL, sender int8 NOT NULL, number int8 NOT NULL, link int8 NOT NULL,
        bytes bytea NOT NULL, sent_at timestamptz NOT NULL, PRIMARY KEY (node, sender, number))",
    "CREATE INDEX IF NOT EXISTS servent_mail_by_age ON servent_mail (sent_at)",
];

/// The number of a user: of its index, and of its link there.
pub(super) fn peer(node: u32, link: Link) -> i64 {
    i64::from(node) << 32 | i64::from(link.0)
}

/// So often others may be in the way when all indexes of a new store make its tables at once.
const ATTEMPTS: u32 = 20;

/// Makes what is not there.
pub(super) async fn make(line: &Line) -> Result<(), StoreError> {
    for table in TABLES {
        let mut attempt = 1;
        while let Err(error) = line.run(table).await {
            // `IF NOT EXISTS` looks before it makes, and two may look at once: error codes differ between engines.
            if attempt == ATTEMPTS || !error.was_answered() {
                return Err(error);
            }
            attempt += 1;
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}
