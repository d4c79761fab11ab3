//! One session: an index has a number, a lease on it, and some connections.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{interval, timeout};
use tokio_postgres::Config;
use tokio_util::sync::CancellationToken;

use super::inbox::Inbox;
use super::line::{Line, number};
use super::schema::{self, lives};
use super::{News, Orders, StoreError, find, mail, sweep, write};
use crate::central::index::Totals;
use crate::central::server::Figures;
use crate::rng::Rng;

/// How often an index says that it lives; its lease is [`super::schema`]'s.
const BEAT: Duration = Duration::from_secs(1);

/// A beat that takes longer has missed its purpose.
const BEAT_WITHIN: Duration = Duration::from_secs(2);

/// Writing a batch.
const WRITE_WITHIN: Duration = Duration::from_secs(10);

/// Answering a question: whoever searches does not wait longer.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// Connections for questions. One that takes long holds up only those on its own.
const ANSWERING: usize = 3;

/// Questions that may wait.
const QUESTIONS: usize = 256;

/// Frames for others that may wait.
const MAIL: usize = 1024;

/// A store that is there.
#[derive(Debug)]
pub(super) struct Session {
    node: u32,
    pulse: Line,
    writer: Line,
    post: Line,
    broom: Line,
    askers: Vec<Line>,
}

impl Session {
    /// Connects, makes the tables and takes a number.
    /// What we wrote under the number that we had before, if any, is not found any more from now on.
    pub(super) async fn open(config: &Config, before: Option<u32>) -> Result<Self, StoreError> {
        let pulse = Line::open(config, BEAT_WITHIN).await?;
        let writer = Line::open(config, WRITE_WITHIN).await?;
        schema::make(&writer).await?;
        if let Some(before) = before {
            pulse.run(&leave(before)).await?;
        }
        let mut askers = Vec::new();
        for _ in 0..ANSWERING {
            askers.push(Line::open(config, ANSWER_WITHIN).await?);
        }
        let post = Line::open(config, BEAT_WITHIN).await?;
        let broom = Line::open(config, WRITE_WITHIN).await?;
        let enter = pulse.prepare(ENTER).await?;
        let mut rng = Rng::system();
        let node = loop {
            // 31 bits, so that with a link's 32 it is a number that every engine has.
            let node = (rng.next() >> 33) as u32;
            if pulse.execute(&enter, &[&i64::from(node)]).await? > 0 {
                break node;
            }
        };
        Ok(Self {
            node,
            pulse,
            writer,
            post,
            broom,
            askers,
        })
    }

    /// The number of the index.
    pub(super) const fn node(&self) -> u32 {
        self.node
    }

    /// Serves the index until the store is lost or `stop`. Returns why it ended.
    pub(super) async fn run(
        self,
        inbox: &Inbox,
        figures: &watch::Receiver<Figures>,
        stop: &CancellationToken,
    ) -> StoreError {
        let (batches, to_write) = mpsc::channel(1);
        let (questions, to_answer) = mpsc::channel(QUESTIONS);
        let (mail, to_send) = mpsc::channel(MAIL);
        let orders = Orders {
            batches,
            questions,
            mail,
        };
        let Self {
            node,
            pulse,
            mut writer,
            post,
            broom,
            askers,
        } = self;
        let working = async {
            inbox.tell(News::Opened(orders)).await?;
            tokio::try_join!(
                beat(&pulse, node, inbox, figures),
                write::run(&mut writer, node, to_write, inbox),
                find::run(&askers, node, to_answer, inbox),
                mail::run(&post, node, to_send, inbox),
                sweep::run(&broom),
            )?;
            Err(StoreError::Leaving)
        };
        let why: Result<(), StoreError> = tokio::select! {
            () = stop.cancelled() => Err(StoreError::Leaving),
            why = working => why,
        };
        // So that nobody has to wait for the lease to run out.
        let _ = timeout(BEAT, pulse.run(&leave(node))).await;
        why.err().unwrap_or(StoreError::Leaving)
    }
}

const ENTER: &str = "INSERT INTO servent_node (node, seen_at, lapsed, users, files, bytes)
    VALUES ($1, now(), false, 0, 0, 0) ON CONFLICT (node) DO NOTHING";

const ALIVE: &str = "UPDATE servent_node SET seen_at = now(), users = $2, files = $3, bytes = $4
    WHERE node = $1 AND NOT lapsed";

const OTHERS: &str = concat!(
    "SELECT coalesce(sum(n.users), 0)::int8, coalesce(sum(n.files), 0)::int8, coalesce(sum(n.bytes), 0)::int8
     FROM servent_node n WHERE n.node <> $1 AND ",
    lives!()
);

fn leave(node: u32) -> String {
    format!("UPDATE servent_node SET lapsed = true WHERE node = {node}")
}

/// Keeps the lease, and tells of the others.
async fn beat(
    line: &Line,
    node: u32,
    inbox: &Inbox,
    figures: &watch::Receiver<Figures>,
) -> Result<(), StoreError> {
    let (alive, others) = (line.prepare(ALIVE).await?, line.prepare(OTHERS).await?);
    let node = i64::from(node);
    let mut beats = interval(BEAT);
    loop {
        beats.tick().await;
        let now = *figures.borrow();
        let [users, files, bytes] = [now.users as u64, now.files as u64, now.bytes]
            .map(|figure| i64::try_from(figure).unwrap_or(i64::MAX));
        if line
            .execute(&alive, &[&node, &users, &files, &bytes])
            .await?
            == 0
        {
            return Err(StoreError::Lapsed);
        }
        if let Some(row) = line.query(&others, &[&node]).await?.first() {
            let totals = Totals {
                users: number(row, 0)?,
                files: number(row, 1)?,
                bytes: number(row, 2)?,
            };
            inbox.tell(News::Others(totals)).await?;
        }
    }
}
