//! Links that come to be: with our own kind, with recorded strangers, with old and terse ones.

use super::*;

const ALL: Abilities = Abilities {
    query_routing: true,
    last_hop_routing: true,
    dynamic_queries: true,
    wider_probes: true,
    relays: false,
};

#[test]
fn two_of_us_learn_all_of_each_other() {
    let named = hosts(["44.7.7.7:7", "44.8.8.8:8"]);
    let offered = Vacancy {
        hosts: named.clone(),
        ..vacancy()
    };
    let (caller, answerer) = converse(greeting(1), greeting(2), offered);
    let expected = Agreement {
        version: (0, 6),
        role: Role::Ultrapeer,
        ours: Role::Ultrapeer,
        agent: "servent/2".to_owned(),
        listen: Some("44.1.1.2:6346".parse().expect("an address")),
        seen_as: Some(Ipv4Addr::new(44, 1, 1, 1)),
        guid: Some(Guid([2; 16])),
        deflate_out: true,
        deflate_in: true,
        vendor_messages: true,
        bye: true,
        abilities: ALL,
        max_ttl: 4,
        degree: 32,
        hosts: named,
    };
    assert_eq!(agreement_of(caller), expected);
    let mirrored = Agreement {
        agent: "servent/1".to_owned(),
        listen: Some("44.1.1.1:6346".parse().expect("an address")),
        seen_as: Some(Ipv4Addr::new(44, 1, 1, 2)),
        guid: Some(Guid([1; 16])),
        hosts: Vec::new(),
        ..expected
    };
    assert_eq!(agreement_of(answerer), mirrored);
}

#[test]
fn a_recorded_leaf_of_gtk_gnutella_is_let_in() {
    let (answer, step) = greeted(&crlf(GTK_LEAF_HELLO), &crlf(GTK_LAST_WORD));
    // "403 High Outdegree and Dynamic Querying Required", unless:
    assert!(answer.contains("\r\nX-Ultrapeer: True\r\n"));
    assert!(answer.contains("\r\nX-Dynamic-Querying: 0.1\r\n"));
    assert!(answer.contains("\r\nX-Degree: 32\r\n"));
    assert!(
        !answer.contains("X-Ultrapeer-Needed"),
        "that is for ultrapeers"
    );
    let expected = Agreement {
        version: (0, 6),
        role: Role::Leaf,
        ours: Role::Ultrapeer,
        agent: "gtk-gnutella/1.2.3 (2024-03-03; Topless; Linux x86_64)".to_owned(),
        listen: Some(SocketAddrV4::new(*REMOTE.ip(), 6346)),
        seen_as: Some(Ipv4Addr::new(44, 35, 0, 1)),
        guid: "203c3102034652c71d68882b6c16f9a2".parse().ok(),
        // Its last word answers another servent, who had offered to read deflated; we would not have.
        deflate_out: false,
        deflate_in: true,
        vendor_messages: true,
        bye: true,
        abilities: Abilities {
            wider_probes: false,
            ..ALL
        },
        max_ttl: 4,
        degree: 32,
        hosts: Vec::new(),
    };
    assert_eq!(agreement_of(step), expected);
}

#[test]
fn a_recorded_ultrapeer_of_gtk_gnutella_is_joined() {
    let Ok(Step::Agreed(word, agreement)) = answered(&crlf(GTK_ULTRAPEER_ANSWER)) else {
        panic!("refused");
    };
    assert_eq!(word, crlf(GTK_LAST_WORD));
    let expected = Agreement {
        version: (0, 6),
        role: Role::Ultrapeer,
        ours: Role::Ultrapeer,
        agent: "gtk-gnutella/1.2.3 (2024-03-03; Topless; Linux x86_64)".to_owned(),
        listen: None,
        seen_as: Some(Ipv4Addr::new(44, 36, 0, 1)),
        guid: "c71c3102fd0b90e0152d4c7eb6fefe22".parse().ok(),
        deflate_out: true,
        deflate_in: true,
        vendor_messages: true,
        bye: true,
        abilities: ALL,
        max_ttl: 4,
        degree: 46,
        hosts: Vec::new(),
    };
    assert_eq!(*agreement, expected);
}

#[test]
fn recorded_servents_of_gnutella_bun_are_neighbours() {
    let expected = Agreement {
        version: (0, 6),
        role: Role::Ultrapeer,
        ours: Role::Ultrapeer,
        agent: "GnutellaBun/1.0.0".to_owned(),
        listen: Some(SocketAddrV4::new(*REMOTE.ip(), 27_002)),
        seen_as: Some(Ipv4Addr::LOCALHOST),
        guid: None,
        deflate_out: true,
        deflate_in: true,
        vendor_messages: false,
        bye: true,
        abilities: ALL,
        max_ttl: 4,
        degree: 64,
        hosts: Vec::new(),
    };
    let (answer, step) = greeted(&crlf(BUN_HELLO), &crlf(BUN_LAST_WORD));
    assert!(answer.contains("\r\nX-Ultrapeer-Needed: True\r\n"));
    assert_eq!(agreement_of(step), expected);

    let plain = Agreement {
        listen: Some(SocketAddrV4::new(*REMOTE.ip(), 27_001)),
        deflate_out: false,
        deflate_in: false,
        ..expected
    };
    let step = answered(&crlf(BUN_ANSWER)).expect("valid");
    assert_eq!(
        step,
        Step::Agreed("GNUTELLA/0.6 200 OK\r\n\r\n".to_owned(), Box::new(plain))
    );
}

#[test]
fn version_0_4_gets_its_single_line_while_there_is_room() {
    for hello in ["GNUTELLA CONNECT/0.4\n\n", "GNUTELLA CONNECT/0.4\r\n\r\n"] {
        let mut input = BytesMut::from(hello);
        input.extend_from_slice(b"\x01\x02");
        let step = answerer().feed(&mut input).expect("valid");
        assert_eq!(&input[..], b"\x01\x02", "these belong to the link");
        let Step::Agreed(answer, agreement) = step else {
            panic!("{step:?}");
        };
        assert_eq!(answer, "GNUTELLA OK\n\n");
        assert_eq!(
            (agreement.version, agreement.role),
            ((0, 4), Role::Ultrapeer)
        );
        assert!(!(agreement.deflate_in || agreement.deflate_out || agreement.bye));

        let mut full = Answerer::new(greeting(2), REMOTE, Vacancy::default());
        let step = full.feed(&mut hello.into()).expect("valid");
        assert!(
            matches!(step, Step::Refused(answer, refusal) if answer.is_empty() && refusal.code == 503)
        );
    }
}

#[test]
fn a_later_version_is_answered_as_0_6_and_an_odd_one_not_at_all() {
    for hello in ["GNUTELLA CONNECT/0.7\r\n\r\n", "GNUTELLA CONNECT/1.0\n\n"] {
        let (answer, step) = greeted(hello, "GNUTELLA/0.6 200 OK\r\n\r\n");
        assert!(answer.starts_with("GNUTELLA/0.6 200 OK\r\n"));
        assert_eq!(agreement_of(step).version, (0, 6));
    }
    for hello in [
        "GNUTELLA CONNECT/0.5\n\n",
        "GNUTELLA CONNECT/0.3\n\n",
        "GNUTELLA OK\n\n",
    ] {
        let step = answerer().feed(&mut hello.into());
        assert_eq!(step, Err(WireError::BadHandshake), "{hello}");
    }
}

#[test]
fn an_answer_may_be_terse() {
    let step = answered("GNUTELLA/0.6 200\n\n").expect("valid");
    assert_eq!(agreement_of(step).agent, "");
    let refused = refusal_of(answered("GNUTELLA/0.6 599\n\n").expect("valid"));
    assert_eq!((refused.code, &refused.reason[..]), (599, ""));
}

#[test]
fn no_servent_keeps_a_million_neighbours() {
    for (said, believed) in [("46", 46), ("128", 128), ("1000000", 128), ("-1", 6)] {
        let answer = format!("GNUTELLA/0.6 200 OK\nX-Degree: {said}\n\n");
        let step = answered(&answer).expect("valid");
        assert_eq!(agreement_of(step).degree, believed, "{said}");
    }
}
