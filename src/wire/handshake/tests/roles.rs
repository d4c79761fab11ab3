//! Who becomes what: tiers, slots for each, guidance.

use super::*;

fn leaf(byte: u8) -> Greeting {
    Greeting {
        role: Role::Leaf,
        ..greeting(byte)
    }
}

#[test]
fn a_leaf_finds_its_place_and_each_side_knows_both_roles() {
    let (caller, answerer) = converse(leaf(1), greeting(2), vacancy());
    let (caller, answerer) = (agreement_of(caller), agreement_of(answerer));
    assert_eq!((caller.ours, caller.role), (Role::Leaf, Role::Ultrapeer));
    assert_eq!(
        (answerer.ours, answerer.role),
        (Role::Ultrapeer, Role::Leaf)
    );
    assert!(caller.abilities.wider_probes, "an ultrapeer's promise");
    assert!(!answerer.abilities.wider_probes, "not a leaf's");
}

#[test]
fn a_leaf_is_shielded_and_names_its_ultrapeers() {
    let vacancy = Vacancy {
        hosts: hosts(["44.7.7.7:7"]),
        ..vacancy()
    };
    for newcomer in [greeting(1), leaf(1)] {
        let (caller, answerer) = converse(newcomer, leaf(2), vacancy.clone());
        let refusal = refusal_of(answerer);
        assert_eq!((refusal.code, &*refusal.reason), (503, "Shielded leaf"));
        assert_eq!(refusal_of(caller).hosts, vacancy.hosts);
    }
}

#[test]
fn each_tier_has_its_own_slots() {
    let room = |free, leaves| Vacancy {
        free,
        leaves,
        ..Vacancy::default()
    };
    let lets_in = |newcomer: Greeting, vacancy: Vacancy| {
        matches!(converse(newcomer, greeting(2), vacancy).1, Step::Agreed(..))
    };
    assert!(lets_in(greeting(1), room(1, 0)));
    assert!(!lets_in(greeting(1), room(0, 1)));
    assert!(lets_in(leaf(1), room(0, 1)));
    assert!(!lets_in(leaf(1), room(1, 0)));
}

#[test]
fn guidance_makes_a_leaf_of_a_willing_caller() {
    let guiding = Vacancy {
        leaves: 1,
        guide: true,
        ..Vacancy::default()
    };
    let willing = Greeting {
        guidable: true,
        ..greeting(1)
    };
    let (caller, answerer) = converse(willing, greeting(2), guiding.clone());
    let (caller, answerer) = (agreement_of(caller), agreement_of(answerer));
    assert_eq!((caller.ours, caller.role), (Role::Leaf, Role::Ultrapeer));
    assert_eq!(
        (answerer.ours, answerer.role),
        (Role::Ultrapeer, Role::Leaf)
    );

    let (caller, answerer) = converse(greeting(1), greeting(2), guiding.clone());
    assert_eq!(agreement_of(caller).ours, Role::Ultrapeer);
    assert_eq!(agreement_of(answerer).role, Role::Ultrapeer);

    let no_place = Vacancy {
        leaves: 0,
        ..guiding
    };
    assert_eq!(
        refusal_of(converse(greeting(1), greeting(2), no_place).1).code,
        503
    );
}

#[test]
fn guidance_is_given_in_words_that_others_read() {
    let hello = "GNUTELLA CONNECT/0.6\r\nX-Ultrapeer: True\r\nUser-Agent: A/1\r\n\r\n";
    let guiding = Vacancy {
        leaves: 1,
        guide: true,
        ..Vacancy::default()
    };
    let mut answerer = Answerer::new(greeting(2), REMOTE, guiding);
    let Ok(Step::Say(answer)) = answerer.feed(&mut hello.into()) else {
        panic!("no answer");
    };
    assert!(answer.contains("\r\nX-Ultrapeer-Needed: False\r\n"));
    let last = "GNUTELLA/0.6 200 OK\r\nX-Ultrapeer: False\r\n\r\n";
    let agreement = agreement_of(answerer.feed(&mut last.into()).expect("valid"));
    assert_eq!((agreement.role, &agreement.agent[..]), (Role::Leaf, "A/1"));

    let guided = "GNUTELLA/0.6 200 OK\r\nX-Ultrapeer: True\r\nX-Ultrapeer-Needed: False\r\n\r\n";
    for (guidable, said) in [(false, ""), (true, "X-Ultrapeer: False\r\n")] {
        let greeting = Greeting {
            guidable,
            ..greeting(1)
        };
        let (mut caller, _) = Caller::new(greeting, REMOTE);
        let Ok(Step::Agreed(word, _)) = caller.feed(&mut guided.into()) else {
            panic!("refused");
        };
        assert_eq!(word, format!("GNUTELLA/0.6 200 OK\r\n{said}\r\n"));
    }
}
