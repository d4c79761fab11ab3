//! Going up and down between the tiers, and saying why.

use super::bench::*;
use super::*;
use servent::overlay::{RoleChoice, RoleReason};
use servent::wire::Supported;
use servent::wire::handshake::Role;

const HOUR: Duration = Duration::from_secs(3_600);

fn growing(role: RoleChoice) -> Bench {
    let mut bench = Bench::new(Config {
        role,
        ..Config::default()
    });
    bench.command(Command::Datagrams);
    bench.command(Command::Start);
    bench
}

fn role(bench: &Bench) -> (Role, RoleReason) {
    (bench.overlay.role(), bench.overlay.role_reason())
}

fn link(bench: &mut Bench, peer: PeerId, ours: Role, theirs: Role) -> Vec<Effect> {
    let remote = SocketAddrV4::new([44, 0, peer.0 as u8, 1].into(), 6346);
    let mut who = introduction(Direction::Outgoing, remote);
    (who.agreement.ours, who.agreement.role) = (ours, theirs);
    let effects = bench.greet(peer, who);
    let called = Supported {
        vendor: *b"BEAR",
        selector: 7,
        version: 1,
    };
    let message = VendorMeaning::MessagesSupported(vec![called]);
    bench.receive(peer, vendor(guid(1), &message, None));
    effects
}

/// Lets rounds pass on links that live.
fn live(bench: &mut Bench, peers: &[PeerId], span: Duration) -> Vec<Effect> {
    let mut effects = Vec::new();
    for _ in 0..span.as_secs() / 30 {
        for peer in peers {
            bench.receive(*peer, pong(0, 0, "44.0.1.1:6346"));
        }
        effects.extend(bench.rounds(Duration::from_secs(30)));
    }
    effects
}

fn reach(bench: &mut Bench) {
    bench.put(Input::Probed {
        by: [44, 9, 9, 9].into(),
    });
    bench.hear("44.9.9.9:6346", ping(5, &[]));
}

#[test]
fn an_ultrapeer_behind_a_wall_becomes_a_leaf_and_says_why() {
    let mut bench = growing(RoleChoice::Auto);
    for peer in [ALICE, BOB] {
        link(&mut bench, peer, Role::Ultrapeer, Role::Ultrapeer);
    }
    let effects = live(&mut bench, &[ALICE, BOB], Duration::from_secs(60));
    assert_eq!(hangup_codes(&effects), [(ALICE, 203), (BOB, 203)]);
    assert_eq!(role(&bench), (Role::Leaf, RoleReason::Walled));
    assert!(
        dials(&bench.rounds(Duration::from_secs(60))).len() >= 2,
        "it looks for hubs"
    );
}

#[test]
fn not_if_it_chose_to_be_one_or_leaves_hang_on_it() {
    for choice in [RoleChoice::Ultrapeer, RoleChoice::Auto] {
        let mut bench = growing(choice);
        for peer in [ALICE, BOB] {
            link(&mut bench, peer, Role::Ultrapeer, Role::Ultrapeer);
        }
        if choice == RoleChoice::Auto {
            link(&mut bench, CAROL, Role::Ultrapeer, Role::Leaf);
        }
        let effects = live(&mut bench, &[ALICE, BOB, CAROL], Duration::from_secs(120));
        assert_eq!(hangup_codes(&effects), []);
        assert_eq!(bench.overlay.reachable_by_tcp().word(), "no");
        assert_eq!(bench.overlay.role(), Role::Ultrapeer);
    }
}

#[test]
fn a_leaf_that_has_stood_well_offers_itself_and_waits_longer_each_time_it_is_sent_back() {
    let mut bench = growing(RoleChoice::Auto);
    for wait in [1, 2, 4] {
        link(&mut bench, ALICE, Role::Leaf, Role::Ultrapeer);
        assert_eq!(role(&bench), (Role::Leaf, RoleReason::Guided));
        let almost = HOUR * wait - Duration::from_secs(60);
        live(&mut bench, &[ALICE], almost);
        reach(&mut bench);
        assert_eq!(bench.overlay.role(), Role::Leaf, "{wait} h");
        let effects = live(&mut bench, &[ALICE], Duration::from_secs(120));
        assert_eq!(hangup_codes(&effects), [(ALICE, 203)]);
        assert_eq!(role(&bench), (Role::Ultrapeer, RoleReason::Steady));
    }
}

#[test]
fn not_while_nobody_reaches_it_or_it_is_searching() {
    for reached in [false, true] {
        let mut bench = growing(RoleChoice::Auto);
        link(&mut bench, ALICE, Role::Leaf, Role::Ultrapeer);
        if reached {
            reach(&mut bench);
            bench.command(Command::Search {
                guid: guid(10),
                query: Box::new(Query::words("song")),
                ttl: None,
            });
        }
        live(&mut bench, &[ALICE], HOUR * 2);
        assert_eq!(role(&bench), (Role::Leaf, RoleReason::Guided));
    }
}
