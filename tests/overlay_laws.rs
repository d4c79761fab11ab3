//! Laws that hold exactly on networks whose links nobody changes: what a flood costs, whom it reaches, where hits go.

mod world;

use std::time::Duration;

use servent::overlay::Command;
use world::World;
use world::topology::{line, random, ring, tree};

const NODES: usize = 30;

/// The networks, and a TTL above every diameter.
fn networks() -> Vec<(&'static str, Vec<(usize, usize)>)> {
    vec![
        ("line", line(NODES)),
        ("ring", ring(NODES)),
        ("tree", tree(NODES, 1)),
        ("random 1", random(NODES, 1)),
        ("random 2", random(NODES, 2)),
        ("random 3", random(NODES, 3)),
    ]
}

fn settle(world: &mut World) {
    world.run_for(Duration::from_secs(30));
}

#[test]
fn a_flood_costs_twice_the_links_less_a_tree_and_everybody_looks_once() {
    for (name, edges) in networks() {
        for asker in [0, 13, NODES - 1] {
            let mut world = World::joined(NODES, &edges, 7, 64);
            settle(&mut world);
            let search = world.search(asker, "anything", None);
            settle(&mut world);
            let law = 2 * edges.len() - (NODES - 1);
            assert_eq!(world.queries, law as u64, "{name} from {asker}");
            for (number, node) in world.nodes.iter().enumerate() {
                let expected: &[_] = if number == asker { &[] } else { &[search] };
                assert_eq!(node.lookups, expected, "{name}: node {number}");
            }
        }
    }
}

#[test]
fn the_cost_does_not_depend_on_who_is_quicker() {
    for (name, edges) in networks() {
        let mut world = World::joined(NODES, &edges, 7, 255)
            .with_latency(|a, b| Duration::from_millis((a * 37 + b * 101) as u64 % 90 + 1));
        settle(&mut world);
        world.search(5, "anything", None);
        settle(&mut world);
        let law = 2 * edges.len() - (NODES - 1);
        assert_eq!(world.queries, law as u64, "{name}");
    }
}

#[test]
fn a_ttl_of_k_reaches_exactly_the_nodes_within_k_links() {
    for (name, edges) in networks() {
        for ttl in [1, 2, 3, 5, 8, 29] {
            let mut world = World::joined(NODES, &edges, 7, 64);
            settle(&mut world);
            world.search(4, "anything", Some(ttl));
            settle(&mut world);
            let distances = world.distances(4);
            for (number, node) in world.nodes.iter().enumerate() {
                let within = (1..=u32::from(ttl)).contains(&distances[&number]);
                assert_eq!(
                    node.lookups.len(),
                    usize::from(within),
                    "{name}: {number} at TTL {ttl}"
                );
            }
        }
    }
}

#[test]
fn every_hit_comes_back_along_the_way_its_query_came() {
    for (name, edges) in networks() {
        let mut world = World::joined(NODES, &edges, 7, 64);
        for number in 0..NODES {
            world.nodes[number].files = vec![format!("song of {number}")];
        }
        settle(&mut world);
        let search = world.search(4, "song", None);
        settle(&mut world);
        let distances = world.distances(4);
        let found = &world.nodes[4].found;
        assert_eq!(found.len(), NODES - 1, "{name}");
        for (query, hit, hops) in found {
            assert_eq!(*query, search);
            let sharer = world.nodes.iter().position(|node| node.guid == hit.servent);
            let sharer = sharer.expect("one of us");
            assert_eq!(hit.records[0].name, format!("song of {sharer}"));
            assert_eq!(hit.addr, world.nodes[sharer].addr);
            assert_eq!(u32::from(*hops), distances[&sharer], "{name}: {sharer}");
        }
        let law: u32 = distances.values().sum();
        assert_eq!(
            world.hits,
            u64::from(law),
            "{name}: a hit crosses each link once"
        );
    }
}

#[test]
fn a_push_goes_where_the_hits_came_from() {
    for (name, edges) in networks() {
        let mut world = World::joined(NODES, &edges, 7, 64);
        world.nodes[27].files = vec!["song".to_owned()];
        settle(&mut world);
        world.search(4, "song", None);
        settle(&mut world);
        let servent = world.nodes[27].guid;
        world.tell(4, Command::Push { servent, index: 9 });
        settle(&mut world);
        let asked = &world.nodes[27].pushes_asked;
        assert_eq!(*asked, [(9, world.nodes[4].addr)], "{name}");
        assert_eq!(world.pushes, u64::from(world.distances(4)[&27]), "{name}");
    }
}

#[test]
fn a_line_of_two_hundred_and_fifty_is_crossed_with_every_ttl_at_255() {
    let mut world = World::joined(250, &line(250), 7, 255);
    world.nodes[249].files = vec!["song".to_owned()];
    settle(&mut world);
    world.search(0, "song", None);
    settle(&mut world);
    assert_eq!(world.queries, 249);
    assert_eq!(world.nodes[0].found.len(), 1);
    assert_eq!(world.nodes[0].found[0].2, 249);
}

#[test]
fn equal_seeds_live_equal_lives() {
    let life = |seed| {
        let mut world = World::joined(NODES, &random(NODES, 1), seed, 64);
        world.keep_diary();
        world.nodes[9].files = vec!["song".to_owned()];
        (0..NODES).for_each(|node| world.tell(node, Command::Start));
        settle(&mut world);
        world.search(4, "song", None);
        settle(&mut world);
        world.digest()
    };
    assert_eq!(life(1), life(1));
    assert_ne!(life(1), life(2));
}

#[test]
fn ten_minutes_without_a_search_and_every_link_still_stands() {
    let edges = random(NODES, 1);
    let mut world = World::joined(NODES, &edges, 7, 4);
    (0..NODES).for_each(|node| world.tell(node, Command::Start));
    world.run_for(Duration::from_secs(600));
    assert_eq!(world.degrees(), 2 * edges.len());
    assert_eq!(world.hangups, 0);
    for node in &world.nodes {
        assert!(
            node.longest_silence <= Duration::from_secs(12),
            "{:?}",
            node.longest_silence
        );
    }
}
