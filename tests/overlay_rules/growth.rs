//! Growth: whom the overlay dials, and whom not.

use super::bench::*;
use super::*;
use servent::overlay::Repute;

fn candidates(count: u8) -> Vec<SocketAddrV4> {
    (1..=count)
        .map(|number| SocketAddrV4::new([20, number, 0, 1].into(), 6346))
        .collect()
}

fn started(count: u8) -> (Bench, Vec<Effect>) {
    let mut bench = Bench::new(Config::default());
    assert_eq!(
        bench.command(Command::Learn(candidates(count))),
        [],
        "not begun"
    );
    let effects = bench.command(Command::Start);
    (bench, effects)
}

#[test]
fn it_dials_at_once_several_at_a_time_and_nobody_twice() {
    let (mut bench, effects) = started(20);
    let mut dialled = dials(&effects);
    assert_eq!(dialled.len(), 8);
    while let Some(addr) = dialled.pop() {
        assert!(!dialled.contains(&addr));
    }
    assert_eq!(dials(&bench.command(Command::Learn(candidates(20)))), []);
}

#[test]
fn a_dial_that_fails_is_followed_by_the_next_at_once() {
    let (mut bench, effects) = started(10);
    let first = dials(&effects);
    let failed = Input::Unreachable {
        addr: first[0],
        hosts: Vec::new(),
    };
    let next = dials(&bench.put(failed));
    assert_eq!(next.len(), 1);
    assert!(!first.contains(&next[0]));
}

#[test]
fn a_refusal_names_others_who_are_dialled() {
    let (mut bench, _) = started(1);
    let refusal = Input::Unreachable {
        addr: candidates(1)[0],
        hosts: vec![
            addr("21.0.0.1:6346"),
            addr("10.0.0.1:6346"),
            addr("0.0.0.0:1"),
        ],
    };
    assert_eq!(dials(&bench.put(refusal)), [addr("21.0.0.1:6346")]);
}

#[test]
fn with_neighbours_enough_nobody_is_dialled() {
    let (mut bench, effects) = started(20);
    let mut dialled = dials(&effects);
    let mut peer = 0;
    while let Some(addr) = dialled.pop() {
        peer += 1;
        let effects = bench.greet(PeerId(peer), introduction(Direction::Outgoing, addr));
        dialled.extend(dials(&effects));
    }
    assert_eq!(peer, 8);
    bench.wait(Duration::from_secs(3));
    assert_eq!(dials(&bench.put(Input::Woke(Timer::KeepAlive))), []);
    let lost = bench.put(Input::Disconnected { peer: PeerId(3) });
    assert_eq!(dials(&lost).len(), 1, "a lost one is replaced at once");
}

#[test]
fn strangers_who_fill_the_slots_do_not_surround_us() {
    let mut bench = Bench::new(Config::default());
    bench.command(Command::Start);
    let mut number = 0;
    while bench.overlay.vacancy(bench.now).free > 0 {
        number += 1;
        let remote = addr(&format!("44.66.{number}.1:50000"));
        bench.greet(PeerId(number), introduction(Direction::Incoming, remote));
    }
    assert_eq!(number, 28);
    let effects = bench.command(Command::Learn(candidates(10)));
    assert_eq!(dials(&effects).len(), 4);
}

#[test]
fn it_never_dials_itself() {
    for (listening, own, other) in [
        ("44.0.0.1:6346", "44.0.0.1:6346", "44.0.0.1:6347"),
        ("44.0.0.1:6346", "127.0.0.1:6346", "127.0.0.1:6347"),
        ("0.0.0.0:6346", "127.0.0.9:6346", "127.0.0.9:6347"),
        ("127.0.0.1:6346", "127.0.0.1:6346", "127.0.0.2:6346"),
    ] {
        let mut bench = Bench::new(Config::default());
        bench.command(Command::Listening(addr(listening)));
        bench.command(Command::Learn(vec![addr(own), addr(other)]));
        assert_eq!(
            dials(&bench.command(Command::Start)),
            [addr(other)],
            "{listening}"
        );
        assert_eq!(bench.command(Command::Connect(addr(own))), []);
    }
}

#[test]
fn whoever_turns_out_to_be_ourselves_is_never_dialled_again() {
    let (mut bench, effects) = started(1);
    let alias = dials(&effects)[0];
    let mut who = introduction(Direction::Outgoing, alias);
    who.agreement.guid = Some(bench.guid);
    assert_eq!(hangup_codes(&bench.greet(ALICE, who)), [(ALICE, 409)]);
    for _ in 0..100 {
        bench.wait(Duration::from_secs(10));
        assert_eq!(dials(&bench.put(Input::Woke(Timer::Grow))), []);
        assert_eq!(dials(&bench.command(Command::Learn(vec![alias]))), []);
    }
}

#[test]
fn a_neighbour_that_dialled_us_is_not_dialled() {
    let mut bench = Bench::new(Config::default());
    let mut who = introduction(Direction::Incoming, addr("20.1.0.1:50000"));
    who.agreement.listen = Some(addr("20.1.0.1:6346"));
    bench.greet(ALICE, who);
    bench.command(Command::Learn(candidates(2)));
    assert_eq!(
        dials(&bench.command(Command::Start)),
        [addr("20.2.0.1:6346")]
    );
}

#[test]
fn neighbours_are_sought_in_different_networks() {
    let mut bench = Bench::new(Config::default());
    let crowd: Vec<_> = (0..50).map(|n| addr(&format!("20.1.{n}.1:6346"))).collect();
    bench.command(Command::Learn(crowd));
    bench.command(Command::Learn(candidates(8)));
    let mut networks: Vec<_> = dials(&bench.command(Command::Start))
        .iter()
        .map(|addr| addr.ip().octets()[1])
        .collect();
    networks.sort_unstable();
    assert_eq!(networks, [1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn a_machine_without_a_network_does_not_burn_its_hosts() {
    let (mut bench, effects) = started(200);
    let mut dialled = dials(&effects);
    let mut all = dialled.len();
    while let Some(addr) = dialled.pop() {
        let effects = bench.put(Input::Unreachable {
            addr,
            hosts: Vec::new(),
        });
        all += dials(&effects).len();
        dialled.extend(dials(&effects));
    }
    assert_eq!(all, 20, "in one moment");
    bench.wait(Duration::from_secs(4));
    assert!(!dials(&bench.put(Input::Woke(Timer::Grow))).is_empty());
}

#[test]
fn the_refused_are_told_of_neighbours() {
    let bench = Bench::with(&[ALICE, BOB]);
    let mut hosts = bench.overlay.vacancy(bench.now).hosts;
    hosts.sort_unstable();
    assert_eq!(hosts, [addr("44.0.1.1:6346"), addr("44.0.2.1:6346")]);
}

#[test]
fn who_called_us_is_remembered_as_one_of_many() {
    let mut bench = Bench::new(still());
    let dialled = addr("20.1.0.1:6346");
    bench.greet(ALICE, introduction(Direction::Outgoing, dialled));
    let called = addr("66.1.0.1:6346");
    let mut who = introduction(Direction::Incoming, addr("66.1.0.1:50000"));
    who.agreement.listen = Some(called);
    bench.greet(BOB, who);
    let mut known = bench.overlay.hosts();
    known.sort_unstable();
    assert_eq!(known, [(dialled, Repute::Anchor), (called, Repute::Told)]);
}
