//! Clearing away what dead indexes left. Every index does so for all.
//!
//! The one rule: a node is marked before its rows are deleted. Whoever writes holds a lock on its own mark, so that nothing
//! can be written any more once the mark is set, and no row is left that belongs to nobody.

use std::time::Duration;

use tokio::time::sleep;

use super::StoreError;
use super::line::Line;
use super::schema::lease;
use crate::rng::Rng;

/// How often to look, at least; up to twice as long, so that not all look at once.
const EVERY: Duration = Duration::from_secs(1);

/// Users that are cleared away by one look, some with ten thousand files.
const AT_ONCE: i64 = 8;

/// Nobody waits for frames that are so old.
const OLD_MAIL: &str = "DELETE FROM servent_mail WHERE sent_at < now() - interval '1 minute'";

const MARK: &str = concat!(
    "UPDATE servent_node SET lapsed = true WHERE NOT lapsed AND seen_at < now() - ",
    lease!()
);

const MARKED: &str = "SELECT node FROM servent_node WHERE lapsed ORDER BY node LIMIT 1";

const PEERS: &str = "SELECT peer FROM servent_peer WHERE node = $1 ORDER BY peer LIMIT $2";

const DELETE: [&str; 3] = [
    "DELETE FROM servent_posting WHERE peer = $1",
    "DELETE FROM servent_file WHERE peer = $1",
    "DELETE FROM servent_peer WHERE peer = $1",
];

const FORGET: &str = "DELETE FROM servent_node WHERE node = $1 AND lapsed";

/// Sweeps for ever.
pub(super) async fn run(line: &Line) -> Result<(), StoreError> {
    let mut rng = Rng::system();
    loop {
        match sweep(line).await {
            // Others sweep the same rows: whoever comes second may be refused, and has nothing to do.
            Err(error) if !error.is_collision() => return Err(error),
            _ => {}
        }
        let longer = u64::try_from(EVERY.as_millis()).unwrap_or(u64::MAX);
        sleep(EVERY + Duration::from_millis(rng.next() % longer)).await;
    }
}

async fn sweep(line: &Line) -> Result<(), StoreError> {
    line.run(OLD_MAIL).await?;
    line.run(MARK).await?;
    let (marked, peers) = (line.prepare(MARKED).await?, line.prepare(PEERS).await?);
    let forget = line.prepare(FORGET).await?;
    let mut deletes = Vec::new();
    for delete in DELETE {
        deletes.push(line.prepare(delete).await?);
    }
    while let Some(row) = line.query(&marked, &[]).await?.first() {
        let node: i64 = row.try_get(0)?;
        loop {
            let rows = line.query(&peers, &[&node, &AT_ONCE]).await?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                let peer: i64 = row.try_get(0)?;
                for delete in &deletes {
                    line.execute(delete, &[&peer]).await?;
                }
            }
        }
        line.execute(&forget, &[&node]).await?;
    }
    Ok(())
}
