//! The families of graphs, by name and number.

use std::fmt;
use std::str::FromStr;

use super::{Graph, generators};
use crate::rng::Rng;

/// A family of graphs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Edges between nodes drawn at random.
    Random,
    /// The same degree everywhere, else random.
    Regular,
    /// Degrees that fall as a power of the rank.
    PowerLaw {
        /// That power, negated.
        exponent: f64,
    },
    /// Newcomers join those who are joined already (Barabási and Albert).
    Preferential,
    /// A square grid.
    Grid,
    /// A ring.
    Ring,
    /// A line.
    Line,
    /// Everybody on one.
    Star,
    /// A complete tree.
    Tree,
    /// Everybody with everybody.
    Full,
    /// A ring with shortcuts (Watts and Strogatz).
    SmallWorld {
        /// The part of its edges that lead elsewhere.
        moved: f64,
    },
    /// Ultrapeers joined at random, and leaves that each hang on a few of them.
    TwoTier {
        /// Leaves of an ultrapeer, on average.
        leaves: u16,
        /// Ultrapeers of a leaf.
        hubs: u16,
    },
}

/// Why there is no such graph.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TopologyError(String);

impl Kind {
    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Regular => "regular",
            Self::PowerLaw { .. } => "plrg",
            Self::Preferential => "ba",
            Self::Grid => "grid",
            Self::Ring => "ring",
            Self::Line => "line",
            Self::Star => "star",
            Self::Tree => "tree",
            Self::Full => "full",
            Self::SmallWorld { .. } => "small-world",
            Self::TwoTier { .. } => "two-tier",
        }
    }

    /// Draws one with so many nodes and this mean degree, where the family leaves it open; of two tiers it is that among
    /// ultrapeers.
    ///
    /// # Errors
    /// [`TopologyError`]: no graph of this family has these numbers, or it would not fit in memory.
    pub fn draw(self, nodes: usize, degree: f64, rng: &mut Rng) -> Result<Graph, TopologyError> {
        self.check(nodes, degree)?;
        let whole = degree.round() as usize;
        Ok(match self {
            Self::Random => generators::random(nodes, degree, rng),
            Self::Regular => generators::regular(nodes, whole, rng),
            Self::PowerLaw { exponent } => generators::power_law(nodes, degree, exponent, rng),
            Self::Preferential => generators::preferential(nodes, (whole / 2).max(1), rng),
            Self::Grid => generators::grid(nodes),
            Self::Ring => generators::ring(nodes),
            Self::Line => generators::line(nodes),
            Self::Star => generators::star(nodes),
            Self::Tree => generators::tree(nodes, (whole.max(2)) - 1),
            Self::Full => generators::full(nodes),
            Self::SmallWorld { moved } => generators::small_world(nodes, whole, moved, rng),
            Self::TwoTier { hubs, .. } => {
                generators::two_tier(nodes, self.ultrapeers(nodes), degree, hubs.into(), rng)
            }
        })
    }

    /// How many of so many nodes stand above the leaves.
    fn ultrapeers(self, nodes: usize) -> usize {
        match self {
            Self::TwoTier { leaves, hubs } => {
                let (leaves, hubs) = (usize::from(leaves), usize::from(hubs));
                (nodes * hubs).div_ceil(hubs + leaves)
            }
            _ => nodes,
        }
    }

    fn check(self, nodes: usize, degree: f64) -> Result<(), TopologyError> {
        let no = |why: String| Err(TopologyError(why));
        if nodes < 2 {
            return no(format!("a network has at least 2 nodes, not {nodes}"));
        }
        if nodes > MOST_NODES {
            return no(format!(
                "{nodes} nodes are more than the {MOST_NODES} that fit"
            ));
        }
        if self == Self::Full && nodes > MOST_FULL {
            return no(format!(
                "a full graph of {nodes} nodes has {} edges; {MOST_FULL} nodes are the limit",
                nodes * (nodes - 1) / 2
            ));
        }
        let open = matches!(
            self,
            Self::Random
                | Self::Regular
                | Self::PowerLaw { .. }
                | Self::Preferential
                | Self::SmallWorld { .. }
                | Self::TwoTier { .. }
        );
        let alike = self.ultrapeers(nodes);
        if open && (!degree.is_finite() || degree < 1.0 || degree > alike as f64 / 2.0) {
            let who = if alike < nodes { "ultrapeers" } else { "nodes" };
            return no(format!(
                "a degree of {degree} is impossible among {alike} {who}: from 1 to half of them will do"
            ));
        }
        if let Self::TwoTier { hubs, .. } = self
            && usize::from(hubs) > alike
        {
            return no(format!(
                "{alike} ultrapeers are too few for leaves that want {hubs} each"
            ));
        }
        if nodes as f64 * degree > MOST_ENDS {
            return no(format!(
                "{nodes} nodes of degree {degree} do not fit in memory"
            ));
        }
        if self == Self::Regular {
            if degree.fract() != 0.0 {
                return no(format!("a regular graph has a whole degree, not {degree}"));
            }
            if nodes * degree as usize % 2 == 1 {
                return no(format!(
                    "no graph of {nodes} nodes has degree {degree} everywhere: one of the two must be even"
                ));
            }
        }
        Ok(())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, parameters) = text.split_once(':').unwrap_or((text, ""));
        let mut kind = ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| {
                let names: Vec<&str> = ALL.iter().map(|kind| kind.name()).collect();
                format!(
                    "there is no topology called `{name}`; there are {} and file:PATH",
                    names.join(", ")
                )
            })?;
        for parameter in parameters.split(',').filter(|part| !part.is_empty()) {
            let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let number = value.parse::<f64>().ok();
            let count = value.parse::<u16>().ok().filter(|count| *count > 0);
            match (&mut kind, key) {
                (Self::PowerLaw { exponent }, "exponent")
                    if let Some(number @ 0.0..=10.0) = number =>
                {
                    *exponent = number;
                }
                (Self::SmallWorld { moved }, "moved") if let Some(number @ 0.0..=1.0) = number => {
                    *moved = number;
                }
                (Self::TwoTier { leaves, .. }, "leaves")
                    if let Some(count @ ..=MOST_LEAVES) = count =>
                {
                    *leaves = count;
                }
                (Self::TwoTier { hubs, .. }, "hubs") if let Some(count @ ..=MOST_HUBS) = count => {
                    *hubs = count;
                }
                _ => return Err(format!("`{name}` cannot have `{parameter}`")),
            }
        }
        Ok(kind)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PowerLaw { exponent } => write!(f, "plrg:exponent={exponent}"),
            Self::SmallWorld { moved } => write!(f, "small-world:moved={moved}"),
            Self::TwoTier { leaves, hubs } => write!(f, "two-tier:leaves={leaves},hubs={hubs}"),
            plain => f.write_str(plain.name()),
        }
    }
}

/// All families, with their usual numbers: 0.8 gives the power law that Lv and others drew; an ultrapeer of the network of
/// 2005 had some 30 leaves, and a leaf 3 ultrapeers (Stutzbach and others).
const ALL: [Kind; 12] = [
    Kind::Random,
    Kind::Regular,
    Kind::PowerLaw { exponent: 0.8 },
    Kind::Preferential,
    Kind::Grid,
    Kind::Ring,
    Kind::Line,
    Kind::Star,
    Kind::Tree,
    Kind::Full,
    Kind::SmallWorld { moved: 0.1 },
    Kind::TwoTier {
        leaves: 30,
        hubs: 3,
    },
];

/// Nodes whose numbers, addresses and state fit: 4 GB at a million, so this is 16 GB.
const MOST_NODES: usize = 4_000_000;

/// Nodes of a full graph: two million edges.
const MOST_FULL: usize = 2_000;

/// Leaves of an ultrapeer: more than any program takes.
const MOST_LEAVES: u16 = 1_000;

/// Ultrapeers of a leaf: more than any program keeps.
const MOST_HUBS: u16 = 10;

/// Ends of edges in all.
const MOST_ENDS: f64 = 100_000_000.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_is_drawn_as_it_is_described() {
        for kind in ALL {
            let graph = kind.draw(400, 6.0, &mut Rng::seeded(3)).expect("possible");
            assert_eq!(
                graph,
                kind.draw(400, 6.0, &mut Rng::seeded(3)).expect("possible")
            );
            assert_eq!(graph.nodes(), 400, "{kind}");
            assert_eq!(kind.to_string().parse::<Kind>().as_ref(), Ok(&kind));
            let mean = graph.mean_degree();
            let expected = match kind {
                Kind::Ring => 2.0,
                Kind::Line | Kind::Star | Kind::Tree => 2.0 - 2.0 / 400.0,
                Kind::Full => 399.0,
                Kind::Grid => 3.8,
                _ => 6.0,
            };
            assert!(
                graph.has_leaves() || (mean - expected).abs() < 0.2,
                "{kind}: {mean}"
            );
            assert!(graph.giant().nodes() >= 390, "{kind} falls apart");
        }
    }

    #[test]
    fn a_regular_graph_is_regular() {
        let graph = Kind::Regular
            .draw(1_000, 4.0, &mut Rng::seeded(1))
            .expect("possible");
        let neighbours = graph.neighbours();
        assert!((0..1_000).all(|node| neighbours.of(node).len() == 4));
    }

    #[test]
    fn leaves_hang_on_ultrapeers_alone_and_on_all_alike() {
        let kind: Kind = "two-tier:leaves=20,hubs=3".parse().expect("a kind");
        let drawn = kind
            .draw(2_300, 10.0, &mut Rng::seeded(1))
            .expect("possible");
        let graph = drawn.giant();
        assert!(graph.has_leaves() && graph.nodes() >= 2_290);
        let neighbours = graph.neighbours();
        let leaves = |node: u32| {
            neighbours
                .of(node)
                .iter()
                .filter(|far| graph.tiers().is_leaf(**far))
        };
        let (mut up, mut links) = (0, 0);
        for node in 0..graph.nodes() as u32 {
            let count = leaves(node).count();
            if graph.tiers().is_leaf(node) {
                assert_eq!((count, neighbours.of(node).len()), (0, 3));
            } else {
                assert!((18..=22).contains(&count), "{count}");
                (up, links) = (up + 1, links + neighbours.of(node).len() - count);
            }
        }
        assert_eq!(up, 300);
        assert!((f64::from(links as u32) / f64::from(up) - 10.0).abs() < 0.2);
        assert_eq!(graph.flood_law(), None);
    }

    #[test]
    fn the_impossible_is_said_to_be() {
        let mut rng = Rng::seeded(1);
        for (kind, nodes, degree) in [
            (Kind::Random, 0, 4.0),
            (Kind::Random, 1, 4.0),
            (Kind::Random, 10, 9.5),
            (Kind::Random, 10, f64::NAN),
            (Kind::Random, 10, -1.0),
            (Kind::Regular, 11, 3.0),
            (Kind::Regular, 10, 2.5),
            (Kind::Full, 5_000, 4.0),
            (Kind::Random, 5_000_000, 4.0),
            (Kind::Random, 3_000_000, 1_000.0),
            (
                Kind::TwoTier {
                    leaves: 30,
                    hubs: 3,
                },
                110,
                8.0,
            ),
            (
                Kind::TwoTier {
                    leaves: 30,
                    hubs: 3,
                },
                12,
                1.0,
            ),
        ] {
            assert!(
                kind.draw(nodes, degree, &mut rng).is_err(),
                "{kind} {nodes} {degree}"
            );
        }
        for bad in [
            "moebius",
            "plrg:exponent=x",
            "plrg:k=1",
            "small-world:moved=2",
            "ring:a",
            "two-tier:leaves=0",
            "two-tier:hubs=11",
        ] {
            assert!(bad.parse::<Kind>().is_err(), "{bad}");
        }
    }
}
