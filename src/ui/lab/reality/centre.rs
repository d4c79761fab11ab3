//! The index of a comparison in reality: a process of its own, and servents that know nobody else.
//!
//! The one rule: what a question cost is what the index itself has counted.

use std::io;

use super::{ask, cannot, first_after, found, plan, workload};
use crate::central::Load;
use crate::lab::compare::Comparison;
use crate::lab::measure::{Measured, Summary};
use crate::lab::topology::Graph;
use crate::live::{Centre, Plan};
use crate::ui::failure::{Exit, Failure};
use crate::ui::screen::Screen;

/// What the questions of a comparison cost and bring when a real index answers them, to which every servent is logged in;
/// after `loss` of them it is killed. No servent knows another, so that whatever is found the index has found.
///
/// # Errors
/// The servents or the index cannot be started, or one of them ends.
pub(in crate::ui::lab) async fn measure(
    comparison: &Comparison,
    loss: Option<usize>,
    screen: &Screen,
) -> Result<(Summary, Load), Failure> {
    let (workload, nodes) = (workload(comparison), comparison.graph.nodes());
    let plan = plan(comparison, &workload)?;
    let mut centre = Centre::found(&plan.program, nodes).await.map_err(cannot)?;
    let plan = Plan {
        graph: Graph::new(nodes, []),
        index: Some(centre.listen()),
        ..plan
    };
    let copies = plan.shares.iter().map(Vec::len).sum::<usize>();
    let village = found(plan, screen).await?;
    let all = centre.filled(nodes as u64, copies as u64);
    all.await.map_err(cannot)?;
    let mut summary = Summary::default();
    let mut load = centre.count().await.map_err(cannot)?.load;
    let mut centre = Some(centre);
    for (number, asked) in workload.queries().iter().enumerate() {
        screen.progress(&format!(
            "index, live: {number} of {} queries",
            comparison.plan.queries
        ));
        if loss == Some(number)
            && let Some(centre) = centre.take()
        {
            centre.kill().await.map_err(cannot)?;
        }
        let (hits, exit) = ask(&village, *asked, &["--by", "index"])
            .await
            .map_err(cannot)?;
        let mut measured = Measured::default();
        if let Some(centre) = &mut centre {
            let now = centre.count().await.map_err(cannot)?.load;
            let cost = now - load;
            load = now;
            measured.queries = cost.searches;
            measured.lookups = cost.searches;
            measured.hits_sent = cost.hits;
            measured.bytes = cost.bytes_in + cost.bytes_out;
        } else if exit == Exit::Done {
            return Err(cannot(io::Error::other("an index that was killed answers")));
        }
        measured.results = hits.len() as u64;
        measured.first_hit_after = first_after(&hits);
        // Whatever it knows is a link away.
        measured.hops_first_hit = measured.first_hit_after.map(|_| 1);
        summary.add(measured);
    }
    summary.note_most(load.messages_in());
    screen.progress("");
    village.end().await;
    Ok((summary, load))
}
