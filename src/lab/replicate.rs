//! How many copies each file should have, given how many there may be in all (Cohen and Shenker, "Replication strategies in
//! unstructured peer-to-peer networks", SIGCOMM 2002).
//!
//! The search size is the number of nodes that are asked until one has the file. Asked at random, that is n/r for r copies on
//! n nodes. Copies in the same number for all, and copies in proportion to how often a file is asked for, come to the same
//! mean; the least comes from the square root. Here stands that law, and a measurement that knows nothing of it.

use super::workload::{Plan, Replication, Workload};
use crate::rng::Rng;

/// The mean number of nodes that are asked at random until one has the file, if copies could be had in parts: by the law.
pub fn law(plan: &Plan, nodes: usize) -> f64 {
    let popularity = plan.popularity();
    let whole: f64 = popularity.iter().sum();
    let objects = popularity.len() as f64;
    match plan.replication {
        Replication::Part(part) => 1.0 / part,
        Replication::Copies(copies) => nodes as f64 / f64::from(copies),
        Replication::Proportional(mean) => nodes as f64 / mean,
        Replication::SquareRoot(mean) => {
            let roots: f64 = popularity.iter().map(|own| (own / whole).sqrt()).sum();
            nodes as f64 / (mean * objects) * roots * roots
        }
    }
}

/// The same for the copies as they are: whole, and one at least.
pub fn law_of_whole_copies(plan: &Plan, nodes: usize) -> f64 {
    let each = plan.copies_each(nodes);
    each.map(|(part, copies)| part * nodes as f64 / copies)
        .sum()
}

/// The same, measured: nodes are drawn, and drawn again, until one has what is asked for.
pub fn probe(workload: &Workload, nodes: usize, dice: &mut Rng) -> f64 {
    let sizes = workload.queries().iter().map(|asked| {
        let mut size = 1_u64;
        while !workload.holds(dice.below(nodes) as u32, asked.object) {
            size += 1;
        }
        size
    });
    sizes.sum::<u64>() as f64 / workload.queries().len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(replication: Replication) -> Plan {
        Plan {
            objects: 1_000,
            replication,
            zipf: 1.0,
            queries: 20_000,
        }
    }

    fn measured(replication: Replication) -> f64 {
        let (plan, mut dice) = (plan(replication), Rng::seeded(1));
        let workload = Workload::draw(&plan, 10_000, &mut dice);
        probe(&workload, 10_000, &mut dice)
    }

    #[test]
    fn the_square_root_halves_what_the_same_for_all_and_proportion_cost() {
        let uniform = law(&plan(Replication::Copies(10)), 10_000);
        let proportional = law(&plan(Replication::Proportional(10.0)), 10_000);
        let root = law(&plan(Replication::SquareRoot(10.0)), 10_000);
        assert_eq!((uniform, proportional), (1_000.0, 1_000.0));
        assert!((root / uniform - 0.510).abs() < 0.002, "{root}");
    }

    #[test]
    fn what_is_measured_follows_the_law() {
        let every = [
            Replication::Copies(10),
            Replication::SquareRoot(10.0),
            Replication::Proportional(10.0),
        ];
        for replication in every {
            let (measured, law) = (measured(replication), law(&plan(replication), 10_000));
            let whole = law_of_whole_copies(&plan(replication), 10_000);
            assert!(
                (measured / whole - 1.0).abs() < 0.05,
                "{replication}: {measured}, {whole}"
            );
            assert!(
                (whole / law - 1.0).abs() < 0.06,
                "{replication}: {whole}, {law}"
            );
        }
    }
}
