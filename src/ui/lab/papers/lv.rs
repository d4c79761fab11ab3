//! The cases of Lv and others: their networks, and what searching them costs.

use super::CRAWL;
use crate::overlay::{Ring, Strategy, Walk};

/// A figure that was published, or computed by others from the parameters that were.
pub(super) struct Expected {
    pub(super) network: &'static str,
    pub(super) replication: f64,
    pub(super) strategy: Strategy,
    /// Hops to the first hit, all rounds added; steps of the walker.
    pub(super) hops: f64,
    /// Query descriptors for each node.
    pub(super) messages: f64,
}

/// Lv and others' cases, computed anew by an independent program from the parameters they give: hops of the first hit and
/// transmissions for each node; their own figures lie within some per cent of these.
pub(super) fn expected(network: &'static str, replication: f64) -> Vec<Expected> {
    let ring = |step: usize, last: u8| {
        let ttls: Vec<u8> = (1..=last).step_by(step).take(16).collect();
        Strategy::Ring(Ring::new(&ttls).expect("at most 16 rounds"))
    };
    let walk = Strategy::Walk(Walk {
        walkers: 32,
        ttl: 255,
        check: 4,
    });
    let rows: &[(Strategy, f64, f64)] = match (network, replication) {
        ("random", 0.01) => &[
            (Strategy::flood(8), 3.37, 2.596),
            (ring(2, 31), 5.79, 0.064),
            (ring(1, 16), 7.83, 0.029),
            (walk, 5.45, 0.0223),
        ],
        ("random", _) => &[
            (Strategy::flood(8), 4.78, 2.579),
            (ring(2, 31), 9.71, 0.380),
            (ring(1, 16), 14.4, 0.219),
            (walk, 30.1, 0.103),
        ],
        ("plrg", 0.01) => &[
            (Strategy::flood(5), 2.47, 3.16),
            (ring(2, 31), 3.61, 0.890),
            (ring(1, 16), 4.51, 0.160),
            (walk, 5.63, 0.0240),
        ],
        ("grid", 0.01) => &[
            (Strategy::flood(64), 6.54, 1.469),
            (ring(2, 31), 19.2, 0.069),
            (ring(1, 16), 31.3, 0.103),
            (walk, 13.1, 0.0465),
        ],
        (CRAWL, 0.01) => &[
            (Strategy::flood(7), 2.52, 6.341),
            (ring(2, 31), 3.69, 0.208),
            (ring(1, 16), 4.72, 0.0475),
            (walk, 4.76, 0.0182),
        ],
        _ => &[],
    };
    let rows = rows.iter().map(|(strategy, hops, messages)| Expected {
        network,
        replication,
        strategy: *strategy,
        hops: *hops,
        messages: *messages,
    });
    rows.collect()
}
