//! What the host cache keeps, forgets and draws.

use super::*;

fn addr(number: u32) -> SocketAddrV4 {
    // One host a /16, from 20.0.0.1 on.
    SocketAddrV4::new(
        Ipv4Addr::from(0x1400_0001 + ((number & 0xff) << 16) + (number >> 8)),
        6346,
    )
}

/// Somebody who tells.
const FRIEND: Ipv4Addr = Ipv4Addr::new(21, 0, 0, 1);

/// Somebody of one of two hundred networks.
fn teller(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(0x6400_0001 + ((number % 200) << 16))
}

fn pick(hosts: &HostCache, now: Time, lonely: bool) -> Option<SocketAddrV4> {
    hosts.choose(now, lonely, now.as_micros(), |_| true)
}

#[test]
fn a_candidate_of_the_users_goes_first() {
    let mut hosts = HostCache::new(7);
    (0..100).for_each(|number| hosts.hear(Time::ZERO, addr(number), teller(number)));
    hosts.name(Time::ZERO, addr(200));
    assert_eq!(pick(&hosts, Time::ZERO, true), Some(addr(200)));
}

#[test]
fn a_candidate_that_fails_is_tried_again_within_ten_seconds_while_we_are_alone() {
    let mut hosts = HostCache::new(7);
    hosts.name(Time::ZERO, addr(1));
    let mut now = Time::ZERO;
    for tries in 0..50 {
        assert_eq!(pick(&hosts, now, true), Some(addr(1)), "try {tries}");
        hosts.failed(now, addr(1), true);
        assert_eq!(pick(&hosts, now, true), None);
        now += Duration::from_secs(10);
    }
    assert_eq!(pick(&hosts, now, false), None, "with company there is time");
}

#[test]
fn a_rumour_that_fails_is_forgotten() {
    let mut hosts = HostCache::new(7);
    hosts.hear(Time::ZERO, addr(1), FRIEND);
    (0..3).for_each(|_| hosts.failed(Time::ZERO, addr(1), false));
    assert_eq!(hosts.len(), 0);
    hosts.hear(Time::ZERO, addr(1), FRIEND);
    (0..9).for_each(|_| hosts.failed(Time::ZERO, addr(1), true));
    assert_eq!(hosts.len(), 1, "alone, the fault may be ours");
}

#[test]
fn a_neighbour_lost_at_once_is_dialled_twice_a_minute_at_most() {
    let mut hosts = HostCache::new(7);
    hosts.name(Time::ZERO, addr(1));
    let mut dials = 0;
    for second in 0..60 {
        let now = Time::from_secs(second);
        if pick(&hosts, now, true).is_some() {
            dials += 1;
            hosts.linked(now, addr(1));
            hosts.lost(now, addr(1), Duration::ZERO);
        }
    }
    assert_eq!(dials, 2);
}

#[test]
fn strangers_cannot_flush_what_is_proven_and_the_cache_is_bounded() {
    let mut hosts = HostCache::new(7);
    hosts.linked(Time::ZERO, addr(7));
    for number in 1_000..101_000 {
        hosts.hear(Time::ZERO, addr(number), FRIEND);
    }
    assert!(hosts.len() <= MAX_RUMOURS / 16 + 1, "{}", hosts.len());
    for number in 1_000..101_000 {
        hosts.hear(Time::ZERO, addr(number), teller(number));
    }
    assert!(hosts.len() <= MAX_RUMOURS + 1);
    assert_eq!(hosts.best().next(), Some((addr(7), Repute::Proven)));
    (200_000..300_000).for_each(|number| hosts.name(Time::ZERO, addr(number)));
    (300_000..303_000).for_each(|number| hosts.linked(Time::ZERO, addr(number)));
    assert!(hosts.len() <= 10_000);
    assert_eq!(hosts.trusted.len(), MAX_TRUSTED);
}

#[test]
fn who_has_been_good_is_tried_again_before_he_has_to_go() {
    let mut hosts = HostCache::new(7);
    for number in 0..MAX_TRUSTED as u32 {
        hosts.linked(Time::ZERO, addr(number));
    }
    let (newcomer, oldest) = (addr(9_000), addr(0));
    let later = Time::from_secs(100);
    hosts.linked(later, newcomer);
    assert!(hosts.trusted.contains(&oldest) && !hosts.trusted.contains(&newcomer));
    assert_eq!(pick(&hosts, later, false), Some(oldest), "it is on trial");
    hosts.linked(later, oldest);
    hosts.linked(later, newcomer);
    let next = addr(1);
    assert_eq!(
        pick(&hosts, later, false),
        Some(next),
        "the oldest is another now"
    );
    hosts.failed(later, next, false);
    assert!(!hosts.trusted.contains(&next));
    hosts.linked(later, newcomer);
    assert!(hosts.trusted.contains(&newcomer) && hosts.trusted.contains(&oldest));
}

#[test]
fn anchors_are_dialled_first() {
    let mut hosts = HostCache::new(7);
    (0..100).for_each(|number| hosts.remember(Time::ZERO, addr(number), Repute::Proven));
    (100..103).for_each(|number| hosts.remember(Time::ZERO, addr(number), Repute::Anchor));
    let mut dialled = Vec::new();
    for now in 0..2 {
        let now = Time::from_secs(now);
        let chosen = pick(&hosts, now, true).expect("somebody");
        hosts.failed(now, chosen, true);
        dialled.push(chosen);
    }
    assert_eq!(
        dialled,
        [addr(100), addr(101)],
        "two of them, and once each"
    );
}

#[test]
fn a_thousand_hosts_of_one_network_have_the_chance_of_one() {
    let mut hosts = HostCache::new(7);
    for number in 0..1_000 {
        let crowd = Ipv4Addr::from(0x2c01_0001_u32 + number);
        hosts.hear(Time::ZERO, SocketAddrV4::new(crowd, 6346), FRIEND);
    }
    (0..9).for_each(|number| hosts.hear(Time::ZERO, addr(number), FRIEND));
    let mut rng = Rng::seeded(1);
    let crowd = (0..1_000)
        .filter_map(|_| hosts.choose(Time::ZERO, true, rng.next(), |_| true))
        .filter(|addr| addr.ip().octets()[0] == 44)
        .count();
    assert!((50..150).contains(&crowd), "{crowd} of 1000, not 100");
}

/// Networks (/16) that servents stand in, of which somebody owns the first.
const NETWORKS: u32 = 500;
const HIS: u32 = 100;

fn at(network: u32, host: u32) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::from(((0x1400 + network) << 16) + host + 1), 6346)
}

fn is_his(addr: SocketAddrV4) -> bool {
    neighbourhood(addr) < u64::from(0x1400 + HIS)
}

/// What is saved at the end of a life in which he told, from all his networks, of a hundred thousand servents there, and
/// others of two thousand in the rest.
fn poisoned(rng: &mut Rng) -> Vec<(SocketAddrV4, Repute)> {
    let mut hosts = HostCache::new(rng.next());
    for round in 0..1_000 {
        let teller = *at(round % HIS, 9_999).ip();
        for told in 0..100 {
            hosts.hear(Time::ZERO, at(told % HIS, round), teller);
        }
        for _ in 0..2 {
            let [network, teller] =
                [0; 2].map(|_| HIS + rng.below((NETWORKS - HIS) as usize) as u32);
            hosts.hear(Time::ZERO, at(network, round % 4), *at(teller, 9_999).ip());
        }
    }
    assert!(hosts.len() <= MAX_HOSTS);
    // Two of eight neighbours were his.
    for network in [0, 1, 200, 201, 202, 203, 204, 205] {
        hosts.linked(Time::ZERO, at(network, 0));
    }
    hosts.best().collect()
}

/// The first eight neighbours of the next life, one from a network; of the others' servents only some are still there.
fn first_neighbours(
    saved: &[(SocketAddrV4, Repute)],
    rng: &mut Rng,
    alive: impl Fn(&mut Rng) -> bool,
) -> Vec<SocketAddrV4> {
    let mut hosts = HostCache::new(rng.next());
    for (addr, repute) in saved {
        hosts.remember(Time::ZERO, *addr, *repute);
    }
    let mut ours: Vec<SocketAddrV4> = Vec::new();
    let mut now = Time::ZERO;
    while ours.len() < 8 {
        now += Duration::from_secs(1);
        let beside = |addr| {
            let there = neighbourhood(addr);
            ours.iter().any(|one| neighbourhood(*one) == there)
        };
        let chosen = hosts.choose(now, ours.is_empty(), rng.next(), |addr| !beside(addr));
        match chosen {
            Some(chosen) if is_his(chosen) || alive(rng) => {
                hosts.linked(now, chosen);
                ours.push(chosen);
            }
            Some(chosen) => hosts.failed(now, chosen, ours.is_empty()),
            None => {}
        }
    }
    ours
}

#[test]
fn who_owns_a_fifth_of_the_networks_gets_no_more_than_a_quarter_of_our_links() {
    let mut to_him = 0;
    for life in 0..20 {
        let mut rng = Rng::seeded(life);
        let saved = poisoned(&mut rng);
        for _ in 0..50 {
            let ours = first_neighbours(&saved, &mut rng, |_| true);
            to_him += ours.into_iter().filter(|one| is_his(*one)).count();
        }
    }
    assert!(to_him <= 8 * 1_000 / 4, "{to_him} of 8000");
}

#[test]
fn he_does_not_get_all_of_them_even_if_half_of_the_others_are_gone() {
    let mut eclipsed = 0;
    for life in 0..20 {
        let mut rng = Rng::seeded(life);
        let saved = poisoned(&mut rng);
        for _ in 0..50 {
            let ours = first_neighbours(&saved, &mut rng, |rng| rng.below(2) == 0);
            eclipsed += usize::from(ours.into_iter().all(is_his));
        }
    }
    assert!(eclipsed <= 1, "{eclipsed} of 1000 starts");
}

#[test]
fn who_is_sent_away_stays_away_for_a_while() {
    let mut hosts = HostCache::new(7);
    hosts.linked(Time::ZERO, addr(1));
    hosts.avoid(Time::ZERO, addr(1));
    assert_eq!(pick(&hosts, Time::from_secs(599), true), None);
    assert_eq!(pick(&hosts, Time::from_secs(600), true), Some(addr(1)));
    assert_eq!(hosts.best().count(), 0);
}
