//! Made-up libraries: a few small files for every servent, some of them popular, most of them rare.

use std::collections::BTreeMap;

use crate::lab::topology::Graph;
use crate::rng::Rng;

/// Files of a servent.
const FILES: usize = 5;

/// Keeps the dice of the libraries apart from those of the graph.
const SALT: u64 = 0x62_6f_6f_6b_73;

const HOW: [&str; 16] = [
    "amber", "bitter", "crooked", "distant", "early", "frozen", "gentle", "hollow", "idle",
    "jolly", "late", "muddy", "quiet", "silver", "tangled", "wild",
];

const WHAT: [&str; 24] = [
    "anchor", "bridge", "candle", "drummer", "echo", "fiddle", "garden", "harbour", "island",
    "journey", "kettle", "lantern", "meadow", "needle", "orchard", "parade", "quarry", "river",
    "sparrow", "thunder", "umbrella", "valley", "window", "yarn",
];

/// What each of `nodes` servents shares: names and contents.
pub(super) fn shares(nodes: usize, seed: u64) -> Vec<Vec<(String, String)>> {
    let mut rng = Rng::seeded(seed ^ SALT);
    let mut one = || {
        let mut files = BTreeMap::new();
        while files.len() < FILES {
            let how = rng.below(HOW.len());
            // The smaller of two dice: the first words are everywhere, the last ones hardly anywhere.
            let what = rng.below(WHAT.len()).min(rng.below(WHAT.len()));
            let title = format!("{} {}", HOW[how], WHAT[what]);
            let text = format!("This is all there is to the {title}.\n");
            files.insert(format!("{title}.txt"), text);
        }
        files.into_iter().collect()
    };
    (0..nodes).map(|_| one()).collect()
}

/// A word whose nearest file is as far from servent 0 as any: to find it a query has to cross the village.
pub(super) fn far_word(shares: &[Vec<(String, String)>], graph: &Graph) -> Option<String> {
    let distances = graph.neighbours().distances(0);
    let mut nearest: BTreeMap<&str, u32> = BTreeMap::new();
    for (files, distance) in shares.iter().zip(distances) {
        for word in files
            .iter()
            .filter_map(|(name, _)| name.strip_suffix(".txt")?.split(' ').next_back())
        {
            let near = nearest.entry(word).or_insert(distance);
            *near = distance.min(*near);
        }
    }
    let far = nearest.into_iter().max_by_key(|(_, distance)| *distance);
    far.map(|(word, _)| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_files_and_equal_seeds_the_same() {
        let all = shares(30, 1);
        assert!(all.iter().all(|files| files.len() == FILES));
        assert_eq!(all, shares(30, 1));
        assert_ne!(all, shares(30, 2));
    }

    #[test]
    fn the_far_word_is_at_the_end_of_a_line() {
        let graph = Graph::new(3, [(0, 1), (1, 2)]);
        let file = |name: &str| (name.to_owned(), String::new());
        let shares = [
            vec![file("early echo.txt")],
            vec![file("wild river.txt")],
            vec![file("late river.txt"), file("idle yarn.txt")],
        ];
        assert_eq!(far_word(&shares, &graph).as_deref(), Some("yarn"));
    }
}
