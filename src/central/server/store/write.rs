//! Writing what our users have: a batch is one transaction.
//!
//! Rows go in by arrays, not by COPY: one statement takes a thousand, works through every pooler, and can be told to leave
//! alone what is there already.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_postgres::{Statement, Transaction};

use super::inbox::Inbox;
use super::line::{Line, Value, within};
use super::schema::{lives, peer};
use super::{News, StoreError};
use crate::central::index::{Batch, Link, Listed, Registration};

/// Transactions that get in each other's way are tried so often.
const ATTEMPTS: u32 = 10;

/// And after such a pause, longer each time.
const PAUSE: Duration = Duration::from_millis(20);

const ALIVE: &str = "SELECT node FROM servent_node WHERE node = $1 AND NOT lapsed FOR SHARE";

const LEFT: [&str; 3] = [
    "DELETE FROM servent_posting WHERE peer = ANY($1)",
    "DELETE FROM servent_file WHERE peer = ANY($1)",
    "DELETE FROM servent_peer WHERE peer = ANY($1)",
];

const CAME: &str = "INSERT INTO servent_peer
        (peer, node, nick, known_as, client, addr, port, speed, since)
    SELECT u.peer, $1, u.nick, u.known_as, u.client, u.addr, u.port, u.speed, now()
    FROM unnest($2::int8[], $3::bytea[], $4::bytea[], $5::bytea[], $6::int8[], $7::int8[], $8::int8[])
        AS u (peer, nick, known_as, client, addr, port, speed)
    ON CONFLICT (peer) DO UPDATE SET port = excluded.port, speed = excluded.speed";

const TAKEN: &str = concat!(
    "SELECT p.known_as, p.addr FROM servent_peer p JOIN servent_node n ON n.node = p.node
     WHERE p.known_as = ANY($1) AND p.node <> $2 AND ",
    lives!()
);

const UNSHARED: [&str; 2] = [
    "DELETE FROM servent_posting WHERE peer = $1 AND file = ANY($2)",
    "DELETE FROM servent_file WHERE peer = $1 AND file = ANY($2)",
];

const SHARED: &str = "INSERT INTO servent_file
        (peer, file, line, ending, size, bitrate, frequency, seconds)
    SELECT f.peer, f.file, f.line, f.ending, f.size, f.bitrate, f.frequency, f.seconds
    FROM unnest($1::int8[], $2::int8[], $3::bytea[], $4::bytea[], $5::int8[], $6::int8[], $7::int8[], $8::int8[])
        AS f (peer, file, line, ending, size, bitrate, frequency, seconds)
    ON CONFLICT (peer, file) DO NOTHING";

const POSTINGS: &str = "INSERT INTO servent_posting (peer, file, term)
    SELECT t.peer, t.file, t.term FROM unnest($1::int8[], $2::int8[], $3::bytea[]) AS t (peer, file, term)
    ON CONFLICT (peer, file, term) DO NOTHING";

/// All statements, ready.
#[derive(Debug)]
struct Statements {
    alive: Statement,
    left: Vec<Statement>,
    came: Statement,
    taken: Statement,
    unshared: Vec<Statement>,
    shared: Statement,
    postings: Statement,
}

impl Statements {
    async fn prepare(line: &Line) -> Result<Self, StoreError> {
        let mut left = Vec::new();
        for statement in LEFT {
            left.push(line.prepare(statement).await?);
        }
        let mut unshared = Vec::new();
        for statement in UNSHARED {
            unshared.push(line.prepare(statement).await?);
        }
        Ok(Self {
            alive: line.prepare(ALIVE).await?,
            left,
            came: line.prepare(CAME).await?,
            taken: line.prepare(TAKEN).await?,
            unshared,
            shared: line.prepare(SHARED).await?,
            postings: line.prepare(POSTINGS).await?,
        })
    }
}

/// Writes batches for ever.
pub(super) async fn run(
    line: &mut Line,
    node: u32,
    mut batches: mpsc::Receiver<Batch>,
    inbox: &Inbox,
) -> Result<(), StoreError> {
    let statements = Statements::prepare(line).await?;
    while let Some(batch) = batches.recv().await {
        let mut attempt = 1;
        let taken = loop {
            match write(line, &statements, node, &batch).await {
                Err(error) if error.is_collision() && attempt < ATTEMPTS => {
                    sleep(PAUSE * attempt).await;
                    attempt += 1;
                }
                written => break written?,
            }
        };
        inbox.tell(News::Written(taken)).await?;
    }
    Err(StoreError::Leaving)
}

/// Writes one batch; those of our users whose nicks others had first.
async fn write(
    line: &mut Line,
    statements: &Statements,
    node: u32,
    batch: &Batch,
) -> Result<Vec<Link>, StoreError> {
    let longest = line.longest();
    let work = Work {
        transaction: line.begin().await?,
        longest,
    };
    let own = i64::from(node);
    // Held until the end, so that nobody clears us away meanwhile.
    if work.query(&statements.alive, &[&own]).await?.is_empty() {
        return Err(StoreError::Lapsed);
    }
    if !batch.left.is_empty() {
        let peers: Vec<i64> = batch.left.iter().map(|link| peer(node, *link)).collect();
        for statement in &statements.left {
            work.execute(statement, &[&peers]).await?;
        }
    }
    let taken = match &batch.came[..] {
        [] => Vec::new(),
        came => work.register(statements, node, came).await?,
    };
    let mut unshared: BTreeMap<Link, Vec<i64>> = BTreeMap::new();
    for (link, id) in &batch.unshared {
        unshared.entry(*link).or_default().push(i64::from(*id));
    }
    for (link, files) in &unshared {
        for statement in &statements.unshared {
            work.execute(statement, &[&peer(node, *link), files])
                .await?;
        }
    }
    if !batch.shared.is_empty() {
        work.share(statements, node, &batch.shared).await?;
    }
    within(longest, work.transaction.commit()).await?;
    Ok(taken)
}

/// A transaction under way.
struct Work<'a> {
    transaction: Transaction<'a>,
    longest: Duration,
}

impl Work<'_> {
    async fn execute(
        &self,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> Result<u64, StoreError> {
        within(self.longest, self.transaction.execute(statement, values)).await
    }

    async fn query(
        &self,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> Result<Vec<tokio_postgres::Row>, StoreError> {
        within(self.longest, self.transaction.query(statement, values)).await
    }

    /// Writes users; those whose nicks others have.
    async fn register(
        &self,
        statements: &Statements,
        node: u32,
        came: &[Registration],
    ) -> Result<Vec<Link>, StoreError> {
        let own = i64::from(node);
        let known: Vec<Vec<u8>> = came
            .iter()
            .map(|user| user.nick.to_ascii_lowercase())
            .collect();
        let names: Vec<&[u8]> = known.iter().map(|nick| &nick[..]).collect();
        let column = |of: fn(&Registration) -> i64| came.iter().map(of).collect::<Vec<i64>>();
        let peers: Vec<i64> = came.iter().map(|user| peer(node, user.link)).collect();
        let nicks: Vec<&[u8]> = came.iter().map(|user| &user.nick[..]).collect();
        let clients: Vec<&[u8]> = came.iter().map(|user| &user.client[..]).collect();
        let addrs = column(|user| i64::from(u32::from(user.addr)));
        let ports = column(|user| user.port.into());
        let speeds = column(|user| user.speed.into());
        let rows: [Value<'_>; 8] = [
            &own, &peers, &nicks, &names, &clients, &addrs, &ports, &speeds,
        ];
        self.execute(&statements.came, &rows).await?;
        let mut taken = Vec::new();
        for row in self.query(&statements.taken, &[&names, &own]).await? {
            let (name, addr): (&[u8], i64) = (row.try_get(0)?, row.try_get(1)?);
            let same = known.iter().zip(came).find(|(nick, _)| nick[..] == *name);
            // Whoever's index died comes back from the same address, before the lease of that has run out.
            taken.extend(same.filter(|(_, user)| i64::from(u32::from(user.addr)) != addr));
        }
        Ok(taken.into_iter().map(|(_, user)| user.link).collect())
    }

    /// Writes files.
    async fn share(
        &self,
        statements: &Statements,
        node: u32,
        files: &[Listed],
    ) -> Result<(), StoreError> {
        let column = |of: fn(&Listed) -> i64| files.iter().map(of).collect::<Vec<i64>>();
        let peers: Vec<i64> = files.iter().map(|file| peer(node, file.owner)).collect();
        let ids = column(|file| file.id.into());
        let lines: Vec<&[u8]> = files.iter().map(|file| &file.line[..]).collect();
        let endings: Vec<&[u8]> = files.iter().map(|file| file.ending.as_bytes()).collect();
        let sizes = column(|file| i64::try_from(file.size).unwrap_or(i64::MAX));
        let bitrates = column(|file| file.bitrate.into());
        let frequencies = column(|file| file.frequency.into());
        let seconds = column(|file| file.seconds.into());
        let rows: [Value<'_>; 8] = [
            &peers,
            &ids,
            &lines,
            &endings,
            &sizes,
            &bitrates,
            &frequencies,
            &seconds,
        ];
        self.execute(&statements.shared, &rows).await?;
        let (mut owners, mut numbers, mut terms) = (Vec::new(), Vec::new(), Vec::new());
        for (file, owner) in files.iter().zip(peers) {
            for term in &file.terms {
                owners.push(owner);
                numbers.push(i64::from(file.id));
                terms.push(&term[..]);
            }
        }
        let rows: [Value<'_>; 3] = [&owners, &numbers, &terms];
        self.execute(&statements.postings, &rows).await?;
        Ok(())
    }
}
