//! Frames between indexes: a row each, which its receiver takes away. CockroachDB has no LISTEN, so boxes are looked into.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::interval;

use super::inbox::Inbox;
use super::line::{Line, bytes, number};
use super::{News, StoreError};
use crate::central::index::{Link, Place};

/// How often a box is looked into: what two users say to each other before a transfer takes two looks.
const LOOK: Duration = Duration::from_millis(100);

/// Frames that are sent with one statement.
const AT_ONCE: usize = 64;

const SEND: &str = "INSERT INTO servent_mail (node, sender, number, link, bytes, sent_at)
    SELECT m.node, $1, m.number, m.link, m.bytes, now()
    FROM unnest($2::int8[], $3::int8[], $4::int8[], $5::bytea[]) AS m (node, number, link, bytes)";

const TAKE: &str = "DELETE FROM servent_mail WHERE node = $1 RETURNING sender, number, link, bytes";

/// Sends and takes for ever.
pub(super) async fn run(
    line: &Line,
    node: u32,
    mut to_send: mpsc::Receiver<(Place, Bytes)>,
    inbox: &Inbox,
) -> Result<(), StoreError> {
    let (send, take) = (line.prepare(SEND).await?, line.prepare(TAKE).await?);
    let node = i64::from(node);
    let mut looks = interval(LOOK);
    let mut sent = 0_i64;
    let mut batch = Vec::new();
    loop {
        tokio::select! {
            taken = to_send.recv_many(&mut batch, AT_ONCE) => {
                if taken == 0 {
                    return Err(StoreError::Leaving);
                }
                let nodes: Vec<i64> = batch.iter().map(|(to, _)| i64::from(to.node)).collect();
                let links: Vec<i64> = batch.iter().map(|(to, _)| i64::from(to.link.0)).collect();
                let numbers: Vec<i64> = (sent..).take(batch.len()).collect();
                let frames: Vec<&[u8]> = batch.iter().map(|(_, bytes)| &bytes[..]).collect();
                sent += numbers.len() as i64;
                line.execute(&send, &[&node, &nodes, &numbers, &links, &frames]).await?;
                batch.clear();
            }
            _ = looks.tick() => {
                let mut rows = Vec::new();
                for row in line.query(&take, &[&node]).await? {
                    let order: (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
                    rows.push((order, Link(number(&row, 2)?), bytes(&row, 3)?));
                }
                rows.sort_unstable_by_key(|(order, ..)| *order);
                for (_, link, bytes) in rows {
                    inbox.tell(News::Forwarded(link, bytes)).await?;
                }
            }
        }
    }
}
