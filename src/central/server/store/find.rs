//! Questions about the users and files of the other indexes.

use std::fmt::Write;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use bytes::Bytes;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use tokio::sync::mpsc;
use tokio_postgres::types::{ToSql, Type};

use super::inbox::Inbox;
use super::line::{Line, Value, bytes, number};
use super::schema::{lives, peer};
use super::{News, StoreError};
use crate::central::Measure;
use crate::central::index::{
    Answer, Found, Guest, Link, Place, Question, QuestionId, Span, Wanted,
};

/// Questions that are worked on at once, on all connections together.
const AT_ONCE: usize = 24;

/// The most files of a user that are listed, whatever is asked for.
const LISTED: usize = 20_000;

const WHO: &str = concat!(
    "SELECT p.peer, p.nick, p.client, p.addr, p.port, p.speed,
        extract(epoch FROM now() - p.since)::int8
     FROM servent_peer p JOIN servent_node n ON n.node = p.node
     WHERE p.known_as = $1 AND p.node <> $2 AND ",
    lives!(),
    " ORDER BY p.since, p.peer LIMIT 1"
);

const COUNT: &str = "SELECT count(*) FROM servent_file WHERE peer = $1";

const FILES: &str = "SELECT line FROM servent_file WHERE peer = $1 ORDER BY file LIMIT $2";

/// Answers for ever.
pub(super) async fn run(
    lines: &[Line],
    node: u32,
    mut questions: mpsc::Receiver<(QuestionId, Question)>,
    inbox: &Inbox,
) -> Result<(), StoreError> {
    let turn = AtomicUsize::new(0);
    let asked = stream::poll_fn(|context| questions.poll_recv(context));
    asked
        .map(Ok)
        .try_for_each_concurrent(AT_ONCE, |(id, question)| {
            let line = &lines[turn.fetch_add(1, Relaxed) % lines.len()];
            async move {
                let answer = match answer(line, node, &question).await {
                    Ok(answer) => Some(answer),
                    Err(error) if line.is_closed() => return Err(error),
                    Err(error) => {
                        tracing::warn!(%error, "the store does not answer a question");
                        None
                    }
                };
                inbox.tell(News::Answered(id, answer)).await
            }
        })
        .await?;
    Err(StoreError::Leaving)
}

async fn answer(line: &Line, node: u32, question: &Question) -> Result<Answer, StoreError> {
    Ok(match question {
        Question::Search(wanted) => Answer::Found(search(line, node, wanted).await?),
        Question::Who(nick) => Answer::Is(who(line, node, nick).await?),
        Question::Files { nick, most } => {
            let Some(guest) = who(line, node, nick).await? else {
                return Ok(Answer::Files(None));
            };
            let at = peer(guest.place.node, guest.place.link);
            let most = i64::try_from(*most.min(&LISTED)).unwrap_or(i64::MAX);
            let values: [(Value<'_>, Type); 2] = [(&at, Type::INT8), (&most, Type::INT8)];
            let rows = line.query_once(FILES, &values).await?;
            let lines: Result<Vec<Bytes>, StoreError> =
                rows.iter().map(|row| bytes(row, 0)).collect();
            Answer::Files(Some((guest, lines?)))
        }
    })
}

async fn who(line: &Line, node: u32, nick: &[u8]) -> Result<Option<Guest>, StoreError> {
    let own = i64::from(node);
    let rows = line
        .query_once(WHO, &[(&nick, Type::BYTEA), (&own, Type::INT8)])
        .await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let at: i64 = row.try_get(0)?;
    let count = line.query_once(COUNT, &[(&at, Type::INT8)]).await?;
    Ok(Some(Guest {
        place: Place {
            node: (at >> 32) as u32,
            link: Link(at as u32),
        },
        nick: bytes(row, 1)?,
        client: bytes(row, 2)?,
        addr: Ipv4Addr::from(number::<u32>(row, 3)?),
        port: number(row, 4)?,
        speed: number(row, 5)?,
        seconds: number(row, 6)?,
        files: count
            .first()
            .map(|row| number(row, 0))
            .transpose()?
            .unwrap_or(0),
    }))
}

async fn search(line: &Line, node: u32, wanted: &Wanted) -> Result<Vec<Found>, StoreError> {
    let mut statement = Search::new(node);
    for span in &wanted.terms {
        statement.term("EXISTS", span);
    }
    for span in &wanted.excluded {
        statement.term("NOT EXISTS", span);
    }
    for bound in &wanted.bounds {
        let column = match bound.measure {
            Measure::Speed => "p.speed",
            Measure::Bitrate => "f.bitrate",
            Measure::Frequency => "f.frequency",
            Measure::Size => "f.size",
            Measure::Duration => "f.seconds",
        };
        let (least, most) = (statement.size(bound.least), statement.size(bound.most));
        statement.add(&format!(" AND {column} BETWEEN {least} AND {most}"));
    }
    if !wanted.endings.is_empty() {
        let endings: Vec<Vec<u8>> = wanted
            .endings
            .iter()
            .map(|e| e.clone().into_bytes())
            .collect();
        let endings = statement.value(endings, Type::BYTEA_ARRAY);
        statement.add(&format!(" AND f.ending = ANY({endings})"));
    }
    if wanted.reachable {
        statement.add(" AND p.port <> 0");
    }
    let most = statement.size(wanted.most as u64);
    statement.add(&format!(" LIMIT {most}"));
    let values: Vec<(Value<'_>, Type)> = { statement.values.iter() }
        .map(|(value, kind)| (&**value as Value<'_>, kind.clone()))
        .collect();
    let rows = line.query_once(&statement.text, &values).await?;
    rows.iter()
        .map(|row| {
            Ok(Found {
                line: bytes(row, 0)?,
                nick: bytes(row, 1)?,
                addr: Ipv4Addr::from(number::<u32>(row, 2)?),
                speed: number(row, 3)?,
            })
        })
        .collect()
}

/// A search in the making: every value is a parameter, never text.
struct Search {
    text: String,
    values: Vec<(Box<dyn ToSql + Sync + Send>, Type)>,
}

impl Search {
    /// All files of others.
    fn new(node: u32) -> Self {
        let text = concat!(
            "SELECT f.line, p.nick, p.addr, p.speed FROM servent_file f
             JOIN servent_peer p ON p.peer = f.peer JOIN servent_node n ON n.node = p.node
             WHERE p.node <> $1 AND ",
            lives!()
        );
        Self {
            text: text.to_owned(),
            values: vec![(Box::new(i64::from(node)), Type::INT8)],
        }
    }

    /// Those that have a term, or have it not.
    fn term(&mut self, whether: &str, span: &Span) {
        let from = self.value(span.from.to_vec(), Type::BYTEA);
        let until = self.value(span.until.to_vec(), Type::BYTEA);
        self.add(&format!(
            " AND {whether} (SELECT 1 FROM servent_posting t
               WHERE t.peer = f.peer AND t.file = f.file AND t.term >= {from} AND t.term < {until})"
        ));
    }

    fn size(&mut self, size: u64) -> String {
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        self.value(size, Type::INT8)
    }

    /// Adds a value; how the text names it.
    fn value(&mut self, value: impl ToSql + Sync + Send + 'static, kind: Type) -> String {
        self.values.push((Box::new(value), kind));
        format!("${}", self.values.len())
    }

    fn add(&mut self, text: &str) {
        let _ = write!(self.text, "{text}");
    }
}
